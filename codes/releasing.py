"""Giving reservations back: by who made them, by staff, by a change of a code that leaves no room, and by time."""

import datetime as dt
import time
from collections.abc import Iterable

from django.db import transaction

from accounts import auditing, clock, locking, turns
from codes.models import Code, CodeHold
from codes.redemption import holding
from codes.redemption.rollback import busy_as_refusal
from ledger import reserving
from ledger.models import Reservation
from ledger.refusals import ReservationGone

SWEPT = 500  # Holds in one transaction of the sweep.
Ending = Reservation.Ending


def release(reservation: Reservation) -> None:
    """Give back what is held still; a second time changes nothing. Raises ReservationGone (used up, or expired) and CodeBusy."""
    with busy_as_refusal(), turns.one_writer(), transaction.atomic(durable=True):
        _release(reservation)


def release_by_staff(reservation: Reservation, *, actor_id: str, reason: str) -> None:
    """As ``release``, of any kind, and audited; here a second time is ReservationGone too."""
    with busy_as_refusal(), turns.one_writer(), transaction.atomic(durable=True):
        now = _release(reservation)
        if now is None:
            raise ReservationGone
        auditing.record(
            "reservation.release",
            site=reservation.site_id,
            actor_id=actor_id,
            object_type="reservation",
            object_id=reservation.pk,
            detail={
                "reason": reason,
                "codes": reservation.code_holds.filter(ended_as=Ending.RELEASED).count(),
                "amounts": reservation.account_holds.filter(ended_as=Ending.RELEASED).count(),
            },
            now=now,
        )


def _release(reservation: Reservation) -> dt.datetime | None:
    """The instant of the release; None if it was released before."""
    # A reservation never holds more codes than it did at first.
    codes = CodeHold.objects.filter(reservation=reservation, ended_as="").values_list("code", flat=True)
    locking.lock_ids(Code, list(codes))
    [locked] = locking.lock_rows(Reservation.objects.filter(pk=reservation.pk))
    if locked.ended_as == Ending.RELEASED:
        return None
    if locked.ended_as:
        raise ReservationGone
    held = reserving.lock_held(locked)
    reserving.shrink(held, {})
    CodeHold.objects.filter(reservation=locked, ended_as="").update(ended_as=Ending.RELEASED, ended_at=held.now)
    reserving.end(locked, Ending.RELEASED, held.now)
    return held.now


def give_way(code_ids: Iterable[int], now: dt.datetime) -> int:
    """End all holds of these codes, which are locked, because they may be used less often than was held; answers how many.

    What staff say of a code goes before what somebody has set aside. The reservation stays, and is gone when it is confirmed.
    """
    holds = CodeHold.objects.filter(code__in=list(code_ids), ended_as="")
    ended = [(hold.pk, _ending(hold.expires_at, now), None) for hold in holds]
    holding.write_endings(ended, now)
    return len(ended)


def _ending(expires_at: dt.datetime, now: dt.datetime) -> str:
    return str(Ending.RELEASED if now < expires_at else Ending.EXPIRED)


def sweep_expired(*, seconds: float = 5.0) -> int:
    """End the holds of codes that have expired, for about so many seconds; answers how many.

    It only tidies: they count as absent already. Safe to run twice, together, and to be killed anywhere. A code that somebody has
    locked is theirs.
    """
    started, ended = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        swept = sweep_some()
        ended += swept
        if not swept:
            break
    return ended


def sweep_some() -> int:
    """One transaction of the sweep; answers how many holds ended."""
    with transaction.atomic(durable=True):
        if not locking.is_alone("code holds"):
            return 0
        due = CodeHold.objects.filter(ended_as="", expires_at__lte=clock.read()).order_by("expires_at", "id")
        wanted = list(due.values_list("pk", "code")[:SWEPT])
        if not wanted:
            return 0
        codes = Code.objects.filter(pk__in={code_id for _, code_id in wanted}).only("pk")
        locked = {code.pk for code in locking.lock_rows(codes, skip_locked=True)}
        mine = CodeHold.objects.filter(pk__in=[pk for pk, code_id in wanted if code_id in locked], ended_as="")
        return mine.update(ended_as=Ending.EXPIRED, ended_at=clock.read())
