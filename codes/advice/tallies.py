"""How many advices ended in which way, minute by minute: written with the outcomes, read by the chart and the metrics.

Each list appends rows of its own in the commit of its outcomes, so that no two lists wait for one counter. ``tidy`` folds the rows
of minutes that are over into one each, and deletes those of minutes that nobody asks for any more.
"""

import datetime as dt
import time
from collections.abc import Iterable, Mapping

from django.db import transaction
from django.db.models import Case, DateTimeField, ExpressionWrapper, QuerySet, Sum, Value, When
from django.db.models.functions import TruncHour

from accounts import clock, locking, rows
from codes.models import AdviceTally

MINUTE = dt.timedelta(minutes=1)
KEPT = dt.timedelta(days=8)
CHUNK = 5_000
SWEEP = "codes.tidy_advice_tallies"
TABLE = "codes_advicetally"
COLUMNS = (
    ("site_id", "bigint"),
    ("minute", "timestamptz"),
    ("outcome", "text"),
    ("count", "integer"),
    ("folded", "boolean"),
)
FOLD_INTO = """ON CONFLICT ("site_id", "minute", "outcome") WHERE "folded"
DO UPDATE SET "count" = codes_advicetally."count" + EXCLUDED."count" """


def minute_of(moment: dt.datetime) -> dt.datetime:
    return moment.replace(second=0, microsecond=0)


def append(counts: Mapping[tuple[int, str], int], now: dt.datetime) -> None:
    """Note {(site ID, outcome): how many} of the minute of ``now``, in the caller's transaction: one INSERT."""
    minute = minute_of(now)
    rows.add(
        TABLE,
        COLUMNS,
        [(site_id, minute, outcome, count, False) for (site_id, outcome), count in sorted(counts.items()) if count],
    )


def by_minute(site_ids: Iterable[int], since: dt.datetime, until: dt.datetime) -> dict[tuple[dt.datetime, str], int]:
    """{(minute, outcome): how many}, of the minutes from ``since`` until before ``until``."""
    found = between(site_ids, since, until).values_list("minute", "outcome").annotate(total=Sum("count"))
    return {(minute, outcome): total for minute, outcome, total in found}


def by_half_hour(site_ids: Iterable[int], since: dt.datetime, until: dt.datetime) -> dict[tuple[dt.datetime, str], int]:
    """{(first minute of the half hour in UTC, outcome): how many}, added up by the database."""
    hour = TruncHour("minute", tzinfo=dt.UTC)
    later = ExpressionWrapper(hour + Value(dt.timedelta(minutes=30)), output_field=DateTimeField())
    half = Case(When(minute__minute__gte=30, then=later), default=hour)
    found = between(site_ids, since, until).annotate(half=half).values_list("half", "outcome")
    # PostgreSQL answers in the zone it truncated in, without naming it.
    return {
        (start.replace(tzinfo=dt.UTC), outcome): total for start, outcome, total in found.annotate(total=Sum("count"))
    }


def in_all(site_ids: Iterable[int], since: dt.datetime, until: dt.datetime) -> dict[str, int]:
    """{outcome: how many}."""
    return dict(between(site_ids, since, until).values_list("outcome").annotate(total=Sum("count")))


def between(site_ids: Iterable[int], since: dt.datetime, until: dt.datetime) -> "QuerySet[AdviceTally]":
    return AdviceTally.objects.filter(site__in=list(site_ids), minute__gte=since, minute__lt=until).order_by()


def tidy(*, seconds: float | None = None) -> int:
    """Fold and delete what is due, in chunks of 5,000, until none is left or ``seconds`` are over; answers how many rows went.

    Safe to run twice, together and to be killed anywhere. Outside any transaction.
    """
    started, gone = time.monotonic(), 0
    while seconds is None or time.monotonic() - started < seconds:
        count = tidy_chunk()
        gone += count
        if not count:
            break
    return gone


def tidy_chunk() -> int:
    """One chunk of each, in one transaction. What a late list appends to a minute that is over, the next chunk folds in."""
    with transaction.atomic(durable=True):
        if not locking.is_alone(SWEEP):
            return 0
        now = clock.read()
        return fold(minute_of(now)) + delete(now - KEPT)


def fold(until: dt.datetime) -> int:
    """Add up the longest waiting rows of minutes before ``until``."""
    waiting = AdviceTally.objects.filter(folded=False, minute__lt=until).order_by("minute")
    found = list(waiting.values_list("pk", "site_id", "minute", "outcome", "count")[:CHUNK])
    sums: dict[tuple[int, dt.datetime, str], int] = {}
    for _, site_id, minute, outcome, count in found:
        sums[site_id, minute, outcome] = sums.get((site_id, minute, outcome), 0) + count
    AdviceTally.objects.filter(pk__in=[row[0] for row in found]).delete()
    rows.add(TABLE, COLUMNS, [(*key, count, True) for key, count in sorted(sums.items())], FOLD_INTO)
    return len(found)


def delete(until: dt.datetime) -> int:
    """Delete the oldest folded rows of minutes before ``until``."""
    over = AdviceTally.objects.filter(folded=True, minute__lt=until).order_by("minute")
    keys = list(over.values_list("pk", flat=True)[:CHUNK])
    return AdviceTally.objects.filter(pk__in=keys).delete()[0] if keys else 0
