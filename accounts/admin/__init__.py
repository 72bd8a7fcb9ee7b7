"""The desk's pages about people and content. What every page shares (scope, deeds, lists) lives here too, below all its users.

Users, persons, loyalty members and households are registered in ``ledger/admin``: making one opens their first account, and their
points only the ledger knows.
"""

from accounts.admin import (
    account_sets,
    audit,
    characteristics,
    clients,
    items,
    licences,
    loyalty_set_up,
    offers,
    sites,
    system_types,
    tags,
    venues,
    visitors,
)

__all__ = [
    "account_sets",
    "audit",
    "characteristics",
    "clients",
    "items",
    "licences",
    "loyalty_set_up",
    "offers",
    "sites",
    "system_types",
    "tags",
    "venues",
    "visitors",
]
