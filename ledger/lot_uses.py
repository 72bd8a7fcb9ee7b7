"""Which lots the entries of a statement made, used, or brought points back to."""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from ledger.coming_due import Outcome
from ledger.models import LedgerAccount, Lot, LotMovement

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class LotUse:
    """What a booking did to a lot: ``amount`` in minor units, positive into it; the dates are the lot's as they are now."""

    lot_id: int
    amount: int
    granted_at: dt.datetime
    expires_at: dt.datetime


def of_transactions(account: LedgerAccount, transaction_ids: Collection[UUID]) -> dict[UUID, tuple[LotUse, ...]]:
    """Transaction ID → what it did to lots of the account, the first to expire first. Two statements."""
    if not transaction_ids:
        return {}
    uses = [
        (made.transfer.transaction_id, use(made, made.amount))
        for made in Lot.objects.filter(account=account, transfer__transaction__in=transaction_ids).select_related(
            "transfer"
        )
    ]
    moved = LotMovement.objects.filter(transaction__in=transaction_ids, lot__account=account).select_related("lot")
    uses += [(each.transaction_id, use(each.lot, each.amount)) for each in moved]
    return grouped(uses)


def of_outcomes(outcomes: Sequence[Outcome]) -> dict[int, tuple[LotUse, ...]]:
    """Entry number → what the posting of it will do to lots. One statement where any is used."""
    coming = [
        (each.event.number, lot_id, amount)
        for each in outcomes
        if each.booking
        for leg in each.booking.legs
        for lot_id, amount in leg.uses or ()
    ]
    lots = Lot.objects.in_bulk({lot_id for _, lot_id, _ in coming}) if coming else {}
    return grouped([(number, use(lots[lot_id], -amount)) for number, lot_id, amount in coming])


def use(lot: Lot, amount: int) -> LotUse:
    return LotUse(lot.pk, amount, lot.granted_at, lot.expires_at)


def grouped(uses: Sequence[tuple[K, LotUse]]) -> dict[K, tuple[LotUse, ...]]:
    by_key: dict[K, list[LotUse]] = {}
    for key, each in uses:
        by_key.setdefault(key, []).append(each)
    return {key: tuple(sorted(each, key=lambda u: (u.expires_at, u.lot_id))) for key, each in by_key.items()}
