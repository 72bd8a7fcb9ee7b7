"""Reservations that have expired: whoever locks an account next releases its holds (``settling``), and the sweep only tidies."""

import time

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts import clock, locking
from ledger.books import lock_books
from ledger.models import AccountHold, Reservation
from ledger.models.reservations import Ending
from ledger.settling import settle

SWEPT = 500  # Reservations in one transaction of the sweep.


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
        settle(books, now)
        still_open = AccountHold.objects.filter(reservation=OuterRef("pk"), ended_as="")
        ended = Reservation.objects.filter(~Exists(still_open), pk__in=ids, ended_as="")
        return ended.update(ended_as=Ending.EXPIRED, ended_at=now)
