"""Finding the redemption of points that is to be taken back, and why it may not be. Source: ad hoc redemption, section 9."""

import datetime as dt
import re
from dataclasses import dataclass
from uuid import UUID

from accounts.models import Member
from ledger.books import Leg
from ledger.models import LedgerTransaction, Reservation, Transfer
from ledger.points_refusals import SpendingNotFound, SpendingOfAnother, SpendingTooOld, SpendingVoided, VoidNotAllowed

# The redemption's ID as it was told, and the number of one contributor's transaction. Bytes are compared as sent.
TOLD_ID = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:-([1-9][0-9]{0,4}))?")


@dataclass(frozen=True, slots=True)
class Spent:
    """A transaction of the member's: what it moved, and whether it redeemed points that a member had reserved."""

    transaction_id: UUID
    booked_at: dt.datetime
    is_redemption: bool
    legs: tuple[Leg, ...]

    @property
    def account_ids(self) -> set[int]:
        return {each for leg in self.legs for each in (leg.debit_account_id, leg.credit_account_id)}


def contributors_id(transaction_id: UUID, number: int) -> str:
    """The ID of one contributor's transaction; ``number`` is the place of its transfer, from 1 on."""
    return f"{transaction_id}-{number}"


def find(member: Member, told: str) -> Spent:
    """The member's transaction with this ID, or with this contributor's ID. Raises SpendingNotFound, SpendingOfAnother."""
    parts = TOLD_ID.fullmatch(told)
    if not parts:
        raise SpendingNotFound
    found = LedgerTransaction.objects.filter(pk=UUID(parts[1]), site=member.site_id)
    columns = ("pk", "booked_at", "type", "spending__owner", "spending__reservation__kind")
    row = found.values_list(*columns).first()
    transfers = list(
        Transfer.objects.filter(transaction=UUID(parts[1]))
        .order_by("id")
        .values_list(
            *("debit_account", "credit_account", "amount", "batch_number"),
            *("debit_account__owner", "credit_account__owner"),
        )
    )
    if row is None or (parts[2] and int(parts[2]) > len(transfers)):
        raise SpendingNotFound
    pk, booked_at, type_, owner_id, kind = row
    touched = {owner_id} if owner_id else {owner for each in transfers for owner in each[4:] if owner}
    if member.user_id not in touched:
        raise SpendingOfAnother
    is_redemption = type_ == LedgerTransaction.Type.SPEND and kind == Reservation.Kind.POINTS
    return Spent(pk, booked_at, is_redemption, tuple(Leg(*each[:4]) for each in transfers))


def refuse(spent: Spent, now: dt.datetime, adjustment_days: int) -> None:
    """Why it is not taken back; its accounts are locked. Raises SpendingVoided, VoidNotAllowed, SpendingTooOld."""
    if LedgerTransaction.objects.filter(reverses=spent.transaction_id).exists():
        raise SpendingVoided
    if not spent.is_redemption:
        raise VoidNotAllowed
    if now - spent.booked_at > dt.timedelta(days=adjustment_days):
        raise SpendingTooOld(adjustment_days)
