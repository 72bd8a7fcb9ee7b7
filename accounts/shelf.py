"""What a reader may open, and why: the readings of the shelf page."""

import datetime as dt
from dataclasses import dataclass

from accounts import database, prepared
from accounts.access import (
    ITEM,
    ITS_ROWS,
    LICENCE,
    LONGEST_FIRST,
    OFFER,
    SET,
    Reader,
    licence_from,
    licences_sql,
    materialized,
    mine_sql,
)
from accounts.joined import Joined, split
from accounts.models import Item, Licence


@dataclass(frozen=True, slots=True)
class Entry:
    """An item that the reader may open, and why: the licence, and the collection through which it covers the item."""

    item: Item
    licence: Licence  # With its item, account set and offer.
    through: Item | None  # The collection that the licence is on; None where it is on the item itself.

    @property
    def holder(self) -> str:
        """Whose licence it is: "user" for the reader's own, "account_set" (``licence.account_set``), or "browser"."""
        if self.licence.user_id is not None:
            return "user"
        return "account_set" if self.licence.account_set_id is not None else "browser"


@dataclass(frozen=True, slots=True)
class Page:
    """Entries by the order in which their items were made; ``after`` asks for the next page, None where this is the last."""

    entries: list[Entry]
    after: int | None


OPENED = Joined(Item, "x")
WHOLE = ", ".join(part.columns for part in (OPENED, LICENCE, ITEM, SET, OFFER))


# Whether the licence ``l`` opens items of the meta-type of ``x``, and the reader may see it and the publication it is a part of.
SHOWN = """(l.meta_type_restriction = '' OR l.meta_type_restriction = x.meta_type) AND x.site_id = %s AND NOT EXISTS (
    SELECT 1 FROM accounts_itemvisibility v WHERE (v.item_id = x.id OR v.item_id = x.part_of_id) AND NOT EXISTS (
        SELECT 1 FROM accounts_itemvisibility w JOIN mine ON mine.id = w.account_set_id WHERE w.item_id = v.item_id))"""


def shelf(reader: Reader, now: dt.datetime, after: int | None = None, limit: int = 50) -> Page:
    """The items that the reader may open now, from the one behind ``after`` on: at most ``limit``.

    What is licensed itself, and what is in a licensed collection; the parts of a publication are not listed one by one. Each item
    once, with the licence that lasts longest. One statement; none for nobody. Its cost follows the reader's licences: of a
    collection PostgreSQL reads as many members as the page needs, SQLite all of them.
    """
    if reader.is_nobody:
        return Page([], None)
    mine, held = mine_sql(reader), licences_sql(reader, now)
    start, most = after or 0, limit + 1
    members, members_params = members_sql(reader, start, most)
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""WITH mine (id) AS {materialized()} ({mine.text}),
            licensed AS {materialized()} ({held.text}),
            page AS (
                SELECT item_id FROM (
                    SELECT * FROM (
                        SELECT DISTINCT x.id AS item_id FROM licensed l JOIN accounts_item x ON x.id = l.item_id
                        WHERE l.item_id > %s AND {SHOWN} ORDER BY x.id LIMIT %s
                    ) themselves
                    UNION {members}
                ) covered ORDER BY item_id LIMIT %s
            ),
            covering (item_id, licence_id) AS (
                SELECT p.item_id, l.id FROM page p JOIN licensed l ON l.item_id = p.item_id
                UNION ALL SELECT p.item_id, l.id FROM page p JOIN accounts_collectionmember m ON m.item_id = p.item_id
                    JOIN licensed l ON l.item_id = m.collection_id
            ),
            ranked AS (
                SELECT c.item_id, h.id, ROW_NUMBER() OVER (PARTITION BY c.item_id ORDER BY {LONGEST_FIRST}) AS place
                FROM covering c JOIN licensed h ON h.id = c.licence_id JOIN accounts_item x ON x.id = c.item_id
                WHERE h.meta_type_restriction = '' OR h.meta_type_restriction = x.meta_type
            )
            SELECT {WHOLE} FROM ranked r JOIN accounts_item x ON x.id = r.item_id
            JOIN accounts_licence l ON l.id = r.id {ITS_ROWS} WHERE r.place = 1 ORDER BY r.item_id""",  # noqa: S608
            [*mine.params, *held.params, start, reader.site_id, most, *members_params, most],
        )
        found = cursor.fetchall()
    entries = [entry_from(values) for values in found[:limit]]
    return Page(entries, entries[-1].item.pk if len(found) > limit else None)


def members_sql(reader: Reader, start: int, most: int) -> tuple[str, list[int]]:
    """The items in licensed collections, from the one behind ``start`` on; what is no collection has no members."""
    collections = "(SELECT DISTINCT item_id, meta_type_restriction FROM licensed) l"
    inside = f"""accounts_collectionmember m JOIN accounts_item x ON x.id = m.item_id
        WHERE m.collection_id = l.item_id AND m.item_id > %s AND {SHOWN}"""
    if not database.is_postgresql():
        return f"SELECT x.id FROM {collections}, {inside}", [start, reader.site_id]  # noqa: S608
    # So many of each collection are enough, whichever of them the page will show.
    lateral = f"(SELECT x.id FROM {inside} ORDER BY m.item_id LIMIT %s) f"  # noqa: S608
    return f"SELECT f.id FROM {collections} CROSS JOIN LATERAL {lateral}", [start, reader.site_id, most]  # noqa: S608


def entry_from(values: tuple[object, ...]) -> Entry:
    [item] = split(values[: len(OPENED)], OPENED)
    licence = licence_from(values[len(OPENED) :])
    return Entry(item, licence, None if licence.item_id == item.pk else licence.item)


def find_item(site_id: int, external_id: str) -> Item | None:
    """The site's item of this ID, its publication read with it; whether the reader may see it is asked apart. One statement."""
    return Item.objects.filter(site_id=site_id, external_id=external_id).select_related("part_of").first()
