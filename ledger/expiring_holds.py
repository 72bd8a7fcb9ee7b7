"""Holds that have expired: whoever locks their account next releases them, and the sweep only tidies."""

import datetime as dt
import time
from collections.abc import Iterable

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts import clock, locking, prepared, rows
from accounts.budgets import aware
from ledger.books import Books, lock_books
from ledger.models import AccountHold, Reservation
from ledger.models.reservations import Ending
from ledger.settling import settle

SWEPT = 500  # Reservations in one transaction of the sweep.


def lock_settled_holds(account_ids: Iterable[int]) -> tuple[Books, dt.datetime]:
    """As ``settling.lock_settled``, with the expired holds of the accounts released before anything else comes due."""
    books = lock_books(account_ids)
    now = clock.read()
    release_expired(books, now)
    settle(books, now)
    return books, now


def release_expired(books: Books, now: dt.datetime) -> int:
    """Release what has expired on the locked accounts; answers how many holds. No statement where nothing is due, else one."""
    due = [each.id for each in books.standings.values() if each.due_at is not None and aware(each.due_at) <= now]
    if not due:
        return 0
    wanted, params = rows.one_of("account_id", "bigint", due)
    source, instant = rows.as_table((("ended_at", "timestamptz"),), [(now,)])
    table = "ledger_accounthold"
    with prepared.cursor() as cursor:
        cursor.execute(
            f"""UPDATE {table} SET ended_as = 'expired', ended_at = v.ended_at FROM {source}
                WHERE {wanted} AND {table}.ended_as = '' AND {table}.expires_at <= v.ended_at
                RETURNING account_id, amount""",  # noqa: S608
            [*instant, *params],
        )
        expired = cursor.fetchall()
    for account_id, amount in expired:
        books.unhold(account_id, amount)
    return len(expired)


def sweep_reservations(*, seconds: float = 5.0) -> int:
    """End the reservations that have expired, for about so many seconds; answers how many.

    Safe to run twice, together and to be killed anywhere. What somebody holds locked is theirs.
    """
    started, ended = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        swept = sweep_some()
        ended += swept
        if not swept:
            break
    return ended


def sweep_some() -> int:
    """One transaction of the sweep; answers how many reservations ended."""
    with transaction.atomic(durable=True):
        if not locking.is_alone("reservations"):
            return 0
        due = Reservation.objects.filter(ended_as="", expires_at__lte=clock.read()).order_by("expires_at")
        ids = list(due.values_list("pk", flat=True)[:SWEPT])
        reservations = locking.lock_rows(Reservation.objects.filter(pk__in=ids, ended_as=""), skip_locked=True)
        ids = [each.pk for each in reservations]
        holds = AccountHold.objects.filter(reservation__in=ids)
        books = lock_books(holds.filter(ended_as="").values_list("account", flat=True), skip_locked=True)
        now = clock.read()
        release_expired(books, now)
        settle(books, now)
        still_open = AccountHold.objects.filter(reservation=OuterRef("pk"), ended_as="")
        ended = Reservation.objects.filter(~Exists(still_open), pk__in=ids, ended_as="")
        return ended.update(ended_as=Ending.EXPIRED, ended_at=now)
