"""Inside the platform: a till and its venue, pending advices by the thousand, draining them, and what claiming costs."""

import datetime as dt
import json
import os
import time
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts import client_keys, clock
from accounts.models import Client, Site, SystemType, Venue
from bench import limits
from bench.load import REPORTED
from bench.stocking import SITE
from codes import keys
from codes.advice import draining, inbox
from codes.advice.accepting import ADVICE_COLUMNS, WORK_COLUMNS
from codes.models import Advice, Attempt, PendingAdvice

BLOCK = 10_000
CLAIMS = 30  # Of which the median is told.
HAPPENED = dt.datetime.fromisoformat(REPORTED["redemptionDate"])
PREFIX = "01a5c000-0000-7000-8000-"  # Of the IDs, which rise as real ones do.
MEGABYTE = 1_048_576
PSYCOPG_NAMES = {"bigint": "int8", "smallint": "int2", "boolean": "bool"}


def prepare_till() -> str:
    """A till that may report, at one open venue; answers the credentials that it sends."""
    site = Site.objects.get(slug=SITE)
    system, _ = SystemType.objects.get_or_create(
        site=site, number=REPORTED["externalVenueSystemType"], defaults={"name": "Tills"}
    )
    venue_id = REPORTED["externalVenueId"]
    Venue.objects.create(site=site, venue_id=venue_id, name="Bench", system_type=system, external_id=venue_id)
    return client_keys.create_client(site, "till", ["advise"], actor_id="bench").key


def pend(codes: dict[str, Any], first_code: int) -> None:
    """Advices of a slice of codes, as ``accept`` writes them, and their work, due in their order; ``first_code`` is an ID."""
    site = Site.objects.get(slug=SITE)
    client, venue = Client.objects.get(name="till"), Venue.objects.get(site=site)
    with Path(codes["path"]).open() as lines:
        texts = [line.strip() for line in islice(lines, codes["start"], codes["start"] + codes["count"])]
    begun = clock.read() - dt.timedelta(minutes=10)
    with transaction.atomic():
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            bodies = [json.dumps({"redemptionText": text, **REPORTED}) for text in block]
            version, raws = keys.seal_all(site.pk, bodies)
            advices, work = [], []
            for n, (raw, text) in enumerate(zip(raws, keys.seal_all(site.pk, block)[1], strict=True), start):
                advice_id, arrived = UUID(f"{PREFIX}{first_code + n:012x}"), begun + dt.timedelta(microseconds=100 * n)
                advices.append(
                    (
                        *(advice_id, site.pk, client.pk, venue.pk, arrived, "json", raw, text, version),
                        *(REPORTED["redemptionType"], HAPPENED, -630, "", "", 0),
                    )
                )
                work.append((advice_id, arrived, 0, 0, False, ""))
            copy("codes_advice", ADVICE_COLUMNS, advices)
            copy("codes_pendingadvice", WORK_COLUMNS, work)
    with limits.lifted() as cursor:
        cursor.execute("ANALYZE codes_advice, codes_pendingadvice, codes_code")


def copy(table: str, columns: Any, rows: list[tuple[Any, ...]]) -> None:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copying:
        copying.set_types([PSYCOPG_NAMES.get(kind, kind) for _, kind in columns])
        for row in rows:
            copying.write_row(row)


def drain_all() -> int:
    """Judge whatever is due; answers how many were redeemed by it. Raises RuntimeError if any was not."""
    before = count_redeemed()
    claimed = draining.drain()
    redeemed = count_redeemed() - before
    if redeemed != claimed:
        raise RuntimeError(f"{claimed} advices were claimed, and {redeemed} redeemed.")
    return redeemed


def count_redeemed() -> int:
    """All attempts that redeemed, whoever made them."""
    return Attempt.objects.filter(outcome="redeemed").count()


def count_pending() -> int:
    return PendingAdvice.objects.count()


def rate_of_last(count: int) -> float:
    """Advices a second of the last ``count`` that were decided."""
    decided = list(
        Advice.objects.filter(decided_at__isnull=False).order_by("-decided_at").values_list("decided_at")[:count]
    )
    return (len(decided) - 1) / (decided[0][0] - decided[-1][0]).total_seconds()


def time_claims() -> dict[str, float]:
    """Milliseconds of a claim of a whole list, and the pages it looks at, among whatever has been judged before.

    The work is that of advices that were judged already: it is written for this and taken away again.
    """
    with limits.lifted() as cursor:
        cursor.execute(
            f"""INSERT INTO codes_pendingadvice (advice_id, due_at, token, tries, leased, error)
                SELECT id, now() - interval '1 minute', 0, 0, FALSE, '' FROM codes_advice LIMIT {draining.LIST}"""
        )
        cursor.execute("ANALYZE codes_pendingadvice")
    times, pages = [], []
    for _ in range(CLAIMS):
        before, started = pages_seen(), time.perf_counter()
        claimed = len(inbox.claim(draining.LIST))
        times.append((time.perf_counter() - started) * 1_000)
        pages.append(pages_seen() - before)
        assert claimed == draining.LIST, f"{claimed} were claimed."
        PendingAdvice.objects.update(leased=False, tries=0, due_at=clock.read() - dt.timedelta(minutes=1))
    PendingAdvice.objects.all().delete()
    return {"ms": median(times), "pages": median(pages)}


def pages_seen() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_force_next_flush()")
        cursor.execute(
            """SELECT sum(heap_blks_hit + heap_blks_read + COALESCE(idx_blks_hit + idx_blks_read, 0))
               FROM pg_statio_user_tables WHERE relname IN ('codes_pendingadvice', 'codes_advice')"""
        )
        return int(cursor.fetchone()[0])


def memory_mb() -> float:
    """Of this process, now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE
