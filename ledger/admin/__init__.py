"""The desk's pages about value; and users, for making one opens their first account."""

from ledger.admin import accounts, assets, suspended, transactions, users

__all__ = ["accounts", "assets", "suspended", "transactions", "users"]
