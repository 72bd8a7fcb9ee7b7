"""Measurements against the database's own floor, in paired rounds: see README.md beside this file."""
