"""Reading reservations: which ones somebody may see, and how they stand at an instant."""

import datetime as dt
from uuid import UUID

from accounts.callers import Caller
from ledger.models import Reservation

OPEN = "open"


def of_caller(caller: Caller, reservation_id: UUID) -> Reservation | None:
    """The reservation, if this caller made it; with what it holds."""
    return (
        Reservation.objects.filter(
            pk=reservation_id, site_id=caller.site_id, caller=caller.key, kind=Reservation.Kind.NATIVE
        )
        .select_related("owner")
        .prefetch_related("code_holds__code", "code_holds__attempt", "account_holds__account__asset")
        .first()
    )


def state_of(reservation: Reservation, now: dt.datetime) -> str:
    """open, consumed, released or expired: by the clock, whether anybody has tidied or not."""
    if reservation.ended_as:
        return reservation.ended_as
    return OPEN if now < reservation.expires_at else Reservation.Ending.EXPIRED.value
