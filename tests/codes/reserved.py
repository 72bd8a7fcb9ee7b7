"""How the tests reserve, and what they look at afterwards."""

from decimal import Decimal
from typing import Any

from accounts.callers import Caller
from accounts.models import User
from codes import confirming, reserving
from codes.models import Code, CodeHold
from codes.reserving import NotHeld, PlaceReservation
from ledger.models import AccountHold, LedgerAccount, Reservation


def place(
    caller: Caller, claimant: User | str, *codes: str, seconds: int = 300, key: str | None = None, **amounts: str
) -> reserving.Placed:
    """Hold codes, and amounts by kind of account."""
    return reserving.place(
        PlaceReservation(
            caller=caller,
            claimant_id=claimant if isinstance(claimant, str) else claimant.claimant_id,
            codes=codes,
            amounts={kind: Decimal(amount) for kind, amount in amounts.items()},
            seconds=seconds,
            idempotency_key=key,
        )
    )


def not_held(*words: Any, **named: Any) -> tuple[str, int | None]:
    """The reason why, and which code it is of."""
    try:
        place(*words, **named)
    except NotHeld as error:
        return error.refusal.reason, error.place
    raise AssertionError("It was held.")


def confirm(
    caller: Caller,
    placed: reserving.Placed,
    *,
    token: str | None = None,
    key: str | None = None,
    reference: str = "",
    **amounts: str,
) -> bool:
    return confirming.confirm(
        confirming.ConfirmReservation(
            caller=caller,
            reservation=Reservation.objects.select_related("owner").get(pk=placed.reservation_id),
            token=placed.token if token is None else token,
            amounts={kind: Decimal(amount) for kind, amount in amounts.items()},
            reference=reference,
            idempotency_key=key,
        )
    )


def ending(placed: reserving.Placed) -> str:
    return Reservation.objects.get(pk=placed.reservation_id).ended_as


def code_endings(placed: reserving.Placed) -> list[str]:
    return list(CodeHold.objects.filter(reservation=placed.reservation_id).values_list("ended_as", flat=True))


def amount_endings(placed: reserving.Placed) -> list[tuple[str, int, str]]:
    found = AccountHold.objects.filter(reservation=placed.reservation_id).order_by("account__kind")
    return list(found.values_list("account__kind", "amount", "ended_as"))


def standing(owner: User, kind: str = "cash") -> tuple[int, int]:
    """Balance and what of it is held, in minor units."""
    account = LedgerAccount.objects.get(owner=owner, kind=kind)
    return account.balance or 0, account.held


def left(code: Code) -> tuple[int, int]:
    """Uses taken, and uses held."""
    code.refresh_from_db()
    return code.uses, code.held
