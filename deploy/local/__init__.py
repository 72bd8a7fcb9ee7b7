"""The platform on one machine, from a clone and nothing else: only the standard library is imported here."""
