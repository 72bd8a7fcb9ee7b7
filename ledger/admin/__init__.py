"""The desk's pages about value; and users and persons, for making one opens their first account."""

from ledger.admin import accounts, assets, persons, prepaid_settings, suspended, transactions, users

__all__ = ["accounts", "assets", "persons", "prepaid_settings", "suspended", "transactions", "users"]
