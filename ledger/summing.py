"""Summing up batches: what moved for a batch is added up once in so many transfers, and never read again from the beginning.

Sums end at an instant that nobody can book at any more: transfers are dated by the database's clock after their locks are held,
so once every transaction that had begun to write at some moment has ended, nothing more can appear before it. Readings
(ledger/balances.py) take the last sums before the instant asked for and add the transfers since; without sums they are as right,
and slow. What a sweep does not get to, the next one finds again.
"""

import datetime as dt
import time

from django.db import connection, transaction
from django.db.models import Max

from accounts import clock
from ledger.balances import last_sums, moved
from ledger.models import BatchSum, BatchTally, Transfer

WORTH = 10_000  # Transfers since the last sums that make new ones worth while.
MOST = 50_000  # Transfers that one statement adds up, and a later reading as of some instant in between.
TALLIED = 100_000  # Transfers that one statement tallies.
# No transaction idles longer between reading the clock and its first write: the session's own limit is shorter.
MARGIN = dt.timedelta(seconds=15)
PATIENCE_SECONDS = 2.0


def sum_up(seconds: float = 5.0) -> int:
    """Sum up the batches that are due, for about so many seconds; answers how many sums were made.

    Safe to run twice, together and to be killed anywhere. Outside any transaction.
    """
    started, made = time.monotonic(), 0
    while tally() == TALLIED and time.monotonic() - started < seconds:
        pass
    due = list(
        BatchTally.objects.filter(transfers__gte=WORTH, batch_number__gt=0)
        .order_by("-transfers")
        .values_list("batch_number", flat=True)[:100]
    )
    through = settled_instant() if due else None
    while due and through and time.monotonic() - started < seconds:
        if sum_batch(due[0], through):
            made += 1
        else:
            due.pop(0)
    return made


def tally() -> int:
    """Count the next transfers by batch; answers how many. One that appears late is missed, which delays sums and nothing else."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        last = BatchTally.objects.aggregate(last=Max("through"))["last"] or 0
        cursor.execute(
            """SELECT COALESCE(batch_number, 0), COUNT(*), MAX(id) FROM
               (SELECT id, batch_number FROM ledger_transfer WHERE id > %s ORDER BY id LIMIT %s) t GROUP BY 1""",
            [last, TALLIED],
        )
        found = cursor.fetchall()
        known = BatchTally.objects.in_bulk([row[0] for row in found])
        BatchTally.objects.bulk_create(
            [
                BatchTally(
                    batch_number=number,
                    through=through,
                    transfers=count + (known[number].transfers if number in known else 0),
                )
                for number, count, through in sorted(found)
            ],
            update_conflicts=True,
            unique_fields=["batch_number"],
            update_fields=["transfers", "through"],
        )
    return sum(row[1] for row in found)


def sum_batch(batch_number: int, through: dt.datetime) -> bool:
    """Make the batch's next sums, which end at ``through`` or earlier; False if it has no more transfers until then."""
    with transaction.atomic(durable=True):
        earlier = last_sums(batch_number)
        transfers = Transfer.objects.filter(batch_number=batch_number, booked_at__lte=through)
        if earlier:
            transfers = transfers.filter(booked_at__gt=earlier[0].booked_through)
        ends = list(transfers.order_by("booked_at").values_list("booked_at", flat=True)[MOST - 1 : MOST])
        if not ends and not transfers.exists():
            BatchTally.objects.filter(pk=batch_number).update(transfers=0)
            return False
        end = ends[0] if ends else through
        sums = {(row.asset_id, row.source, row.target): row.amount for row in earlier}
        for asset_id, source, target, amount in moved(transfers.filter(booked_at__lte=end)):
            sums[asset_id, source, target] = sums.get((asset_id, source, target), 0) + amount
        BatchSum.objects.bulk_create(
            [
                BatchSum(
                    batch_number=batch_number,
                    booked_through=end,
                    asset_id=asset_id,
                    source=source,
                    target=target,
                    amount=amount,
                )
                for (asset_id, source, target), amount in sorted(sums.items())
            ],
            ignore_conflicts=True,  # Another sweep was here: it added up the same transfers.
        )
    return True


def settled_instant() -> dt.datetime | None:
    """An instant before which no transfer can appear any more; None while somebody has been writing too long."""
    now = clock.read()
    if connection.vendor != "postgresql":
        return now - MARGIN  # One writer at a time: whoever has read the clock to write has ended, or has yet to begin.
    with connection.cursor() as cursor:
        # A number of our own: whoever began to write before has a smaller one. (A snapshot's xmax only follows what has ended.)
        cursor.execute("SELECT pg_current_xact_id()::text::bigint")
        begun = cursor.fetchone()[0]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            if cursor.fetchone()[0] >= begun:
                return now - MARGIN
            if time.monotonic() > deadline:
                return None
            time.sleep(0.02)
