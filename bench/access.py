"""``python3 run.py bench access``: may this reader open this item, among 100,000 items and 1,000 licences of their own?

Apart from the rounds of redemptions: it fills a database of its own with content and licences, and measures milliseconds in one
process. Every reading stands beside the same floor in the same run: Django's plain read of one item by its primary key.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.grounds import Ground

ITEMS, SETS, OWN_LICENCES, LICENCES = 100_000, 200, 1_000, 1_000_000
REPEATS = 400
RATIO_MARK = 10.0


@dataclass
class Measured:
    """Milliseconds of each reading, and of the floor."""

    readings: dict[str, float]
    floor: float


def measure(ground: Ground, say: Callable[[str], None]) -> Measured:
    filled = ground.do("fill_content")
    say(f"{ITEMS:,} items, {SETS} account sets, {LICENCES:,} licences: filled in {filled['seconds']:.0f} s")
    timed = ground.do("time_access", **filled["facts"])
    return Measured(timed["readings"], timed["floor"])


def table(measured: Measured) -> str:
    """What a person reads."""
    lines = ["", f"{'reading':<48} {'ours':>10} {'floor':>10}   ours / floor, mark ≤ {RATIO_MARK:.0f}"]
    for name, ours in measured.readings.items():
        ratio = ours / measured.floor
        # A page is fifty items with their reasons: shown beside the floor, and not measured against one row.
        reached = "" if name.startswith("shelf") else "yes" if ratio <= RATIO_MARK else "no"
        lines.append(f"{name:<48} {ours:>7.2f} ms {measured.floor:>7.2f} ms   {ratio:.1f}  {reached}")
    return "\n".join(lines)


def as_json(measured: Measured) -> str:
    return json.dumps({"readings": measured.readings, "floor": measured.floor}, indent=2)


# Inside the platform: bench/inside.py calls these.

# One item in ten is a collection of 20, every fifth a page of the one before it, every hundredth for one account set only.
CONTENT = """
INSERT INTO accounts_tag (site_id, name) SELECT %(site)s, 'access ' || n FROM generate_series(1, 2 * %(sets)s) n;
INSERT INTO accounts_accountset (site_id, name) SELECT %(site)s, 'access ' || n FROM generate_series(1, %(sets)s) n;
INSERT INTO accounts_accountsetrule (account_set_id, tag_id, kind)
SELECT s.id, t.id, k.kind FROM generate_series(1, %(sets)s) n
    CROSS JOIN (VALUES (0, 'all'), (1, 'any'), (7, 'any'), (%(sets)s, 'excluded')) k (plus, kind)
    JOIN accounts_accountset s ON s.site_id = %(site)s AND s.name = 'access ' || n
    JOIN accounts_tag t ON t.site_id = %(site)s AND t.name = 'access ' || n + k.plus;
INSERT INTO accounts_usertag (user_id, tag_id, created_at)
SELECT %(reader)s, id, now() FROM accounts_tag WHERE site_id = %(site)s AND substr(name, 8)::int <= %(sets)s / 4;
INSERT INTO accounts_item (site_id, external_id, meta_type, title, created_at)
SELECT %(site)s, 'access-' || n, CASE WHEN n %% 10 = 0 THEN 'SubjectCollection' WHEN n %% 5 = 2 THEN 'PdfPage' ELSE 'Book' END,
    'Title ' || n, now() FROM generate_series(1, %(items)s) n;
UPDATE accounts_item SET part_of_id = id - 1 WHERE site_id = %(site)s AND meta_type = 'PdfPage';
INSERT INTO accounts_itemproperty (item_id, site_id, name, value, position)
SELECT id, site_id, 'ProductId', id %% 5000, 0 FROM accounts_item WHERE site_id = %(site)s;
INSERT INTO accounts_collectionmember (collection_id, item_id)
SELECT c.id, %(first)s + (c.id * 7 + m * 4999) %% %(items)s FROM accounts_item c, generate_series(1, 20) m
WHERE c.site_id = %(site)s AND c.meta_type = 'SubjectCollection' AND c.id <> %(first)s + (c.id * 7 + m * 4999) %% %(items)s;
INSERT INTO accounts_itemvisibility (item_id, account_set_id)
SELECT i.id, %(first_set)s + i.id %% %(sets)s FROM accounts_item i WHERE i.site_id = %(site)s AND i.id %% 100 = 3;
INSERT INTO accounts_licence (site_id, user_id, account_set_id, item_id, starts_at, ends_at, excluded_views,
    meta_type_restriction, ended_by, created_at)
SELECT %(site)s, h.user_id, h.account_set_id, %(first)s + (h.n::bigint * 7919) %% %(items)s, now() - interval '1 hour',
    CASE WHEN h.n %% 3 = 0 THEN now() + interval '300 days' END, '[]', CASE WHEN h.n %% 50 = 0 THEN 'Book' ELSE '' END, '', now()
FROM (
    SELECT n, %(reader)s AS user_id, NULL::bigint AS account_set_id FROM generate_series(1, %(own)s) n
    UNION ALL SELECT n, NULL, %(first_set)s + n %% %(sets)s FROM generate_series(1, %(sets)s * 20) n
    UNION ALL SELECT n, %(reader)s + 1 + n %% (%(users)s - 1), NULL FROM generate_series(1, %(licences)s) n
) h
"""


def fill_content() -> dict[str, Any]:
    """Content and licences of the bench's site, written by the database itself; the reader is its first claimant."""
    from accounts.models import Site
    from bench import limits

    site = Site.objects.get(slug="bench")
    users = site.users.filter(is_staff=False)
    reader = users.earliest("id").pk
    named = {"site": site.pk, "reader": reader, "users": users.count(), "items": ITEMS, "sets": SETS, "own": OWN_LICENCES,
             "licences": LICENCES, "first": 1, "first_set": 1}  # fmt: skip
    started = time.monotonic()
    with limits.lifted() as cursor:
        for statement in CONTENT.split(";\n"):
            if "%(first" in statement:
                cursor.execute("SELECT min(id) FROM accounts_item WHERE site_id = %s", [site.pk])
                named["first"] = cursor.fetchone()[0]
                cursor.execute("SELECT min(id) FROM accounts_accountset WHERE site_id = %s", [site.pk])
                named["first_set"] = cursor.fetchone()[0]
            cursor.execute(statement, named)
        cursor.execute("ANALYZE")
    return {"seconds": time.monotonic() - started, "facts": {"site_id": site.pk, "reader_id": reader}}


def time_access(site_id: int, reader_id: int) -> dict[str, Any]:
    """Milliseconds of the readings and of their floor: each the median over items spread over all there are."""
    from accounts import clock, shelf
    from accounts.access import Reader, find_licence
    from accounts.models import Item

    now, reader = clock.read(), Reader(site_id, reader_id)
    items = list(Item.objects.filter(site_id=site_id).order_by("external_id")[:: ITEMS // REPEATS])
    opened = [each for each in items if find_licence(reader, each, now)]
    if not 0 < len(opened) < len(items):
        raise RuntimeError("All of the items or none can be opened.")
    owned = list(Item.objects.filter(licences__user_id=reader_id).order_by("pk")[:REPEATS])
    middle = owned[len(owned) // 2].pk
    readings = {
        "find_licence: any item": timed(lambda item: find_licence(reader, item, now), items),
        "find_licence: an item of their own": timed(lambda item: find_licence(reader, item, now), owned),
        "find_item": timed(lambda item: shelf.find_item(site_id, item.external_id), items),
        "shelf: a page of 50": timed(lambda _: shelf.shelf(reader, now), items[:40]),
        "shelf: a page from the middle": timed(lambda _: shelf.shelf(reader, now, after=middle), items[:40]),
    }
    return {"readings": readings, "floor": timed(lambda item: Item.objects.get(pk=item.pk), items)}


def timed(ask: Callable[[Any], Any], subjects: list[Any]) -> float:
    """The median in milliseconds, after a few that are not counted."""
    for subject in subjects[:10]:
        ask(subject)
    taken = []
    for subject in subjects:
        started = time.perf_counter()
        ask(subject)
        taken.append((time.perf_counter() - started) * 1_000)
    return median(taken)
