"""The desk's pages about value; and users and persons, for making one opens their first account."""

from ledger.admin import (
    accounts,
    assets,
    loyalty_settings,
    members,
    persons,
    prepaid_settings,
    suspended,
    transactions,
    users,
)

__all__ = [
    "accounts",
    "assets",
    "loyalty_settings",
    "members",
    "persons",
    "prepaid_settings",
    "suspended",
    "transactions",
    "users",
]
