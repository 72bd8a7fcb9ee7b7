"""Reserving, redeeming and giving back the points of a loyalty member or household: each deed is one transaction of its own.

Source: ad hoc redemption, sections 5 to 9. What needs no lock (the feature, the business unit, the shape of fields) is the
door's to ask.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid

from accounts import auditing
from accounts.activity import note_activity
from accounts.models import Member
from ledger import contributors, reserving, voiding
from ledger.books import Booking
from ledger.durability import durable
from ledger.models import LedgerTransaction, Reservation, Spending
from ledger.pins import legs_back
from ledger.points_balances import PointsBalance, balances_of, household_balance
from ledger.points_refusals import AmountIncreased, VoidNotAllowed
from ledger.posting import post
from ledger.refusals import AccountLocked, InsufficientBalance
from ledger.reservation_rows import add_spending
from ledger.reserving import Held
from ledger.settling import lock_settled
from ledger.splitting import split

__all__ = [  # The readings, too: the same doors read them beside the deeds.
    "PointsBalance",
    "RedeemPoints",
    "ReservePoints",
    "Reserved",
    "balances_of",
    "cancel_points",
    "household_balance",
    "redeem_points",
    "reduce_points",
    "reserve_points",
    "void_spending",
]

MOST_RESERVED = 10**12
TRIES = 10


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
    (in this order); ValueError for an amount out of bounds.
    """
    refuse_amount(command.amount)
    household_id = command.member.household_id
    for _ in range(TRIES):
        try:
            return reserve(command, household_id)
        except contributors.HouseholdChanged as changed:
            household_id = changed.household_id
    raise RuntimeError("The member keeps changing households.")


@durable
def reserve(command: ReservePoints, household_id: int | None) -> Reserved:
    """Inside its transaction. The household is locked before the accounts, so that nobody joins or leaves meanwhile."""
    member = command.member
    household, givers = contributors.lock_contributors(member, household_id)
    given = command.contributions
    if given is not None:
        given = contributors.refuse_contributions(household, givers, given, command.amount)
    books, now = lock_settled(each.points_account_id for each in givers if each.points_account_id)
    shares = contributors.shares_of(givers, books, given, command.amount)
    reservation, token = reserving.open_reservation(
        site_id=member.site_id,
        owner_id=member.user_id,
        caller=command.caller,
        kind=Reservation.Kind.POINTS,
        seconds=command.seconds,
        details=command.details,
        now=now,
        household_id=household_id,
    )
    reserving.place(books, reservation, shares)
    return Reserved(token, reservation.pk, command.amount, reservation.expires_at)


@durable
def reduce_points(member: Member, token: str, amount: int, *, caller: str = "") -> Reserved:
    """Hold only ``amount`` (at least 1) points any more; the shares shrink in proportion, and the end stays.

    The present amount changes nothing. Raises ReservationGone, AmountIncreased; ValueError for an amount out of bounds. A
    ``caller``, where given, is the one who reserved.
    """
    refuse_amount(amount)
    held = lock(member, token, caller)
    shares = {account_id: hold.amount for account_id, hold in held.holds.items()}
    if amount > sum(shares.values()):
        raise AmountIncreased
    # Equal remainders and equal shares go by the accounts' IDs of the members, as when they were reserved.
    names = contributors.names_of(list(shares))
    weights = {names[account_id]: share for account_id, share in shares.items()}
    kept = split(amount, weights)
    reserving.shrink(held, {account_id: kept.get(names[account_id], 0) for account_id in shares})
    return Reserved(token, held.reservation.pk, amount, held.reservation.expires_at)


@durable
def cancel_points(member: Member, token: str, *, caller: str = "") -> None:
    """Give all that is held back. Raises ReservationGone."""
    reserving.release(lock(member, token, caller))


@durable
def redeem_points(command: RedeemPoints) -> Spending:
    """Take from each contributor what is held of them, in one transaction, and note when they were last active.

    The answer's ``transaction_id`` is the common ID of the redemption. What is held is taken whoever has been suspended since,
    and whatever state an account was put in. Raises ReservationGone.
    """
    member = command.member
    held = lock(member, command.token, command.caller)
    identity = uuid.uuid7()
    owners = [held.books.standings[account_id].owner_id for account_id in held.holds]
    legs = reserving.consume(held, identity)
    held.books.enter(
        Booking(identity, member.site_id, LedgerTransaction.Type.SPEND, legs, reference=command.external_reference)
    )
    post(held.books.entered, held.now)
    reserving.end(held.reservation, Reservation.Ending.CONSUMED, held.now, identity)
    spending = Spending(
        transaction_id=identity,
        site_id=member.site_id,
        owner_id=member.user_id,
        reservation=held.reservation,
        household_id=held.reservation.household_id,
        caller=command.caller,
        business_unit=command.business_unit,
        channel=command.channel,
        external_reference=command.external_reference,
        correlation_id=command.correlation_id,
    )
    add_spending(spending)
    # After the accounts, whose locks keep two redemptions of the same contributors apart.
    note_activity([owner_id for owner_id in owners if owner_id], held.now)
    return spending


@durable
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
    spent = voiding.find(member, transaction_id)
    books, now = lock_settled(spent.account_ids)
    voiding.refuse(spent, now, adjustment_days)
    identity = uuid.uuid7()
    booking = Booking(
        identity,
        member.site_id,
        LedgerTransaction.Type.VOID,
        legs_back(books, spent.transaction_id, now),
        reference=external_reference,
        reverses_id=spent.transaction_id,
    )
    try:
        books.enter(booking)
    except (AccountLocked, InsufficientBalance) as refusal:
        raise VoidNotAllowed from refusal
    post(books.entered, now)
    auditing.record(
        "points.void",
        site=member.site_id,
        actor_id=caller,
        object_type="ledgertransaction",
        object_id=identity,
        detail={"reverses": str(spent.transaction_id), "channel": channel, "correlation": correlation_id},
        now=now,
    )
    return LedgerTransaction.objects.get(pk=identity)


def lock(member: Member, token: str, caller: str) -> Held:
    """What the member's own token holds, locked. Raises ReservationGone: another member's is no different from an unknown one."""
    reservation = reserving.lock(
        token, site_id=member.site_id, kind=Reservation.Kind.POINTS, owner_id=member.user_id, caller=caller
    )
    return reserving.lock_held(reservation)


def refuse_amount(amount: int) -> None:
    """Raises ValueError."""
    if not 1 <= amount <= MOST_RESERVED:
        raise ValueError("Points are reserved from 1 to 10^12 at a time.")
