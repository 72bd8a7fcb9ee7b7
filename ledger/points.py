"""Reserving, redeeming and giving back the points of a loyalty member or household: each deed is one transaction of its own.

Source: ad hoc redemption, sections 5 to 9. What needs no lock (the feature, the business unit, the shape of fields) is the
door's to ask.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from accounts.models import Member
from ledger.models import LedgerTransaction, Spending


@dataclass(frozen=True, slots=True)
class ReservePoints:
    """Set ``amount`` points (1 to 10^12) aside for ``seconds``, from the member alone or from their household.

    ``contributions`` are points by the account ID of the member who gives them; ``caller`` is recorded, and only the same one
    may use the token; ``details`` is what the caller said: recorded, and never judged again.
    """

    member: Member
    caller: str
    amount: int
    contributions: Mapping[str, int] | None = None
    seconds: int = 900
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation as it stands: ``token`` is told when it is made and whenever somebody names it; it is stored nowhere."""

    token: str
    reservation_id: UUID
    amount: int
    expires_at: dt.datetime


@dataclass(frozen=True, slots=True)
class RedeemPoints:
    """Spend what the token holds; all else is recorded. Lengths: unit 255, channel 30, reference 100, correlation ID 100."""

    member: Member
    caller: str
    token: str
    business_unit: str
    channel: str = ""
    external_reference: str = ""
    correlation_id: str = ""


def reserve_points(command: ReservePoints) -> Reserved:
    """Hold the shares of all who contribute. Nobody's hold exceeds what they have available.

    Raises MemberNotEligible, ContributionsNotAllowed, ContributorInvalid, ContributionsDiffer, ContributorShort, NotEnoughPoints
    (in this order), and LockNotAvailable as every deed does.
    """
    raise NotImplementedError


def reduce_points(member: Member, token: str, amount: int, *, caller: str = "") -> Reserved:
    """Hold only ``amount`` (at least 1) points any more; the shares shrink in proportion, and the end stays.

    The present amount changes nothing. Raises ReservationGone, AmountIncreased. A ``caller``, where given, is the one who reserved.
    """
    raise NotImplementedError


def cancel_points(member: Member, token: str, *, caller: str = "") -> None:
    """Give all that is held back. Raises ReservationGone."""
    raise NotImplementedError


def redeem_points(command: RedeemPoints) -> Spending:
    """Take from each contributor what is held of them, in one transaction, and note when they were last active.

    The answer's ``transaction_id`` is the common ID of the redemption. Raises ReservationGone.
    """
    raise NotImplementedError


def void_spending(
    member: Member,
    transaction_id: str,
    *,
    caller: str,
    adjustment_days: int,
    channel: str = "",
    external_reference: str = "",
    correlation_id: str = "",
) -> LedgerTransaction:
    """Give each contributor back exactly what they gave, once: the answer is the transaction that did.

    ``transaction_id`` is the redemption's, or one contributor's (``<redemption>-<n>``, n from 1 on); either voids all of it.
    Raises SpendingNotFound, SpendingOfAnother, SpendingVoided, VoidNotAllowed, SpendingTooOld (in this order).
    """
    raise NotImplementedError


@dataclass(frozen=True, slots=True)
class PointsBalance:
    """Whole points: what is there, what open reservations hold of it, and what is left to be redeemed (never below 0)."""

    balance: int = 0
    held: int = 0
    available: int = 0


def balances_of(member: Member) -> PointsBalance:
    """The member's own points now, with all that has come due; without a lock. Nothing of an account they do not have."""
    raise NotImplementedError


def household_balance(household_id: int) -> PointsBalance:
    """What the household's active members have together."""
    raise NotImplementedError
