"""The desk's pages about codes: issuing them, finding one, reading what was tried, and putting it right; and selling them."""

from codes.admin import (
    advices,
    articles,
    attempts,
    batches,
    characteristics,
    codes,
    edits,
    imports,
    item_statuses,
    mails,
    orders,
    reservations,
    reversals,
    shop_orders,
    work_items,
)

__all__ = [
    "advices",
    "articles",
    "attempts",
    "batches",
    "characteristics",
    "codes",
    "edits",
    "imports",
    "item_statuses",
    "mails",
    "orders",
    "reservations",
    "reversals",
    "shop_orders",
    "work_items",
]
