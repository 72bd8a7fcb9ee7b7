"""The desk's pages about people. What every page of the desk shares (scope, deeds, lists) lives here too, below all its users.

Users themselves are registered in ``ledger/admin``: making one opens their first account, and that only the ledger knows.
"""

from accounts.admin import audit, clients, sites, tags

__all__ = ["audit", "clients", "sites", "tags"]
