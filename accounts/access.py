"""The one reading that answers: may this user, or this browser, open this item now, and through which licence?

Its SQL is written out, for the planner finds no index for "theirs, or one of their sets', or their browser's" in one condition:
each holder has an index of its own, and is asked through it. Both databases read the same text.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef

from accounts import database, prepared, rows
from accounts.account_sets import sets_of, sets_sql
from accounts.joined import Joined, split
from accounts.models import AccountSet, Item, ItemVisibility, Licence, Offer


@dataclass(frozen=True, slots=True)
class Reader:
    """Who wants to open something: somebody signed in, a browser that holds session licences, both, or neither."""

    site_id: int
    user_id: int | None = None
    browser_id: int | None = None  # Of a browser login that has not ended.

    @property
    def is_nobody(self) -> bool:
        """Whether nothing can have been licensed to them."""
        return self.user_id is None and self.browser_id is None


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of SQL and its parameters, in their order."""

    text: str
    params: tuple[Any, ...] = ()


LICENCE, ITEM, SET, OFFER = Joined(Licence, "l"), Joined(Item, "i"), Joined(AccountSet, "s"), Joined(Offer, "o")
WHOLE_LICENCE = ", ".join(part.columns for part in (LICENCE, ITEM, SET, OFFER))
ITS_ROWS = """JOIN accounts_item i ON i.id = l.item_id
LEFT JOIN accounts_accountset s ON s.id = l.account_set_id LEFT JOIN accounts_offer o ON o.id = l.offer_id"""
# A browser's ends when the browser falls silent, so any other of the reader's outlasts it.
LONGEST_FIRST = ", ".join(
    (
        "(CASE WHEN h.browser_id IS NULL THEN 0 ELSE 1 END)",
        "(CASE WHEN h.ends_at IS NULL THEN 0 ELSE 1 END)",
        "h.ends_at DESC",
        "h.id",
    )
)


def find_licence(reader: Reader, item: Item, now: dt.datetime) -> Licence | None:
    """A licence through which the reader may open ``item`` now; None if there is none or they may not even see it.

    A licence covers its item, the parts of a publication, and whatever is in a collection at the moment (and its parts). Of
    several it is the one that lasts longest. One statement, its item, account set and offer included; none for nobody.
    """
    if reader.is_nobody or item.site_id != reader.site_id:
        return None
    own = own_ids(item)
    mine, held = mine_sql(reader), licences_sql(reader, now, "AND l.item_id IN (SELECT item_id FROM covering)")
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""WITH mine (id) AS {materialized()} ({mine.text}),
            covering (item_id) AS (
                SELECT id FROM accounts_item WHERE id IN (%s, %s)
                UNION SELECT collection_id FROM accounts_collectionmember WHERE item_id IN (%s, %s)
            ),
            found (id) AS (
                SELECT h.id FROM ({held.text}) h
                WHERE (h.meta_type_restriction = '' OR h.meta_type_restriction = %s) AND NOT EXISTS ({HIDDEN})
                ORDER BY {LONGEST_FIRST} LIMIT 1
            )
            SELECT {WHOLE_LICENCE} FROM found JOIN accounts_licence l ON l.id = found.id {ITS_ROWS}""",  # noqa: S608
            [*mine.params, *own, *own, *held.params, item.meta_type, *own],
        )
        found = cursor.fetchone()
    return licence_from(found) if found else None


# Of two items those that are visible to account sets only, and to none of the reader's.
HIDDEN = """SELECT 1 FROM accounts_itemvisibility v WHERE v.item_id IN (%s, %s) AND NOT EXISTS (
    SELECT 1 FROM accounts_itemvisibility w JOIN mine ON mine.id = w.account_set_id WHERE w.item_id = v.item_id)"""


def own_ids(item: Item) -> tuple[int, int]:
    """The item and the publication it is a part of; itself again where it is none, so that the statement stays the same."""
    return item.pk, item.part_of_id or item.pk


def licence_from(values: tuple[Any, ...]) -> Licence:
    """The licence of one row of WHOLE_LICENCE, with its item, account set and offer."""
    licence, item, account_set, offer = split(values, LICENCE, ITEM, SET, OFFER)
    licence.item, licence.account_set, licence.offer = item, account_set, offer
    found: Licence = licence
    return found


def licences_sql(reader: Reader, now: dt.datetime, narrowed: str = "") -> Sql:
    """The licences that the reader holds now: their own, their account sets', their browser's.

    The columns id, item_id, meta_type_restriction, ends_at, browser_id. It reads ``mine``, the IDs of the reader's account sets;
    ``narrowed`` is asked of each licence ``l`` besides.
    """
    instant = rows.stored(now)
    parts: list[str] = []
    params: list[Any] = []
    for condition, holder in (
        ("l.user_id = %s", reader.user_id),
        ("l.account_set_id IN (SELECT id FROM mine)", reader.user_id),
        ("l.browser_id = %s", reader.browser_id),
    ):
        if holder is None:
            continue
        parts.append(
            f"""SELECT l.id, l.item_id, l.meta_type_restriction, l.ends_at, l.browser_id FROM accounts_licence l
            WHERE {condition} AND l.site_id = %s AND l.starts_at <= %s AND (l.ends_at IS NULL OR l.ends_at > %s)
            AND l.ended_at IS NULL {narrowed}"""  # noqa: S608
        )
        params += [*([holder] if "%s" in condition else []), reader.site_id, instant, instant]
    return Sql(" UNION ALL ".join(parts), tuple(params))


def mine_sql(reader: Reader) -> Sql:
    """The IDs of the reader's account sets."""
    if reader.user_id is None:
        return Sql("SELECT id FROM accounts_accountset WHERE 0 = 1")
    return Sql(*sets_sql(reader.site_id, reader.user_id))


def materialized() -> str:
    """Asked once, however often it is read; SQLite does so by itself, and learnt the word late."""
    return "MATERIALIZED" if database.is_postgresql() else ""


def can_see(reader: Reader, item: Item) -> bool:
    """Whether the item, and the publication it is a part of, are visible to the reader. One statement."""
    if item.site_id != reader.site_id:
        return False
    mine = mine_sql(reader)
    with prepared.cursor() as cursor:
        cursor.execute(f"WITH mine (id) AS ({mine.text}) {HIDDEN} LIMIT 1", [*mine.params, *own_ids(item)])
        return cursor.fetchone() is None


def hidden_from(reader: Reader, items: "models.QuerySet[Item]") -> "models.QuerySet[Item]":
    """Those of the items that are visible to account sets only, and to none of the reader's."""
    visibilities = ItemVisibility.objects.filter(item=OuterRef("pk"))
    mine = visibilities.filter(account_set__in=sets_of(reader.site_id, reader.user_id))
    return items.filter(Exists(visibilities), ~Exists(mine))
