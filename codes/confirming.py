"""Confirming a reservation: its codes are redeemed and its amounts spent in one transaction, whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from uuid import UUID

import uuid_utils.compat as uuid
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import digests, turns
from accounts.callers import Caller
from accounts.refusals import Refusal
from codes import lookup
from codes.models import CodeHold, ReservationKey
from codes.redemption import engine, writes
from codes.redemption import facts as reading
from codes.redemption.case import Case, Facts
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.rollback import Round, until_settled
from codes.refusals import CodeBusy
from codes.reservation_keys import claim_key
from codes.reserving import DOOR, Refused
from ledger import reserving
from ledger.books import Booking, lock_books
from ledger.models import AccountHold, LedgerTransaction, Reservation, Spending
from ledger.pins import read_pins
from ledger.refusals import ReservationGone
from ledger.reservation_rows import read_open_holds

ROUNDS = 3
Ending = Reservation.Ending


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmReservation:
    """Take what the reservation holds: of the ``amounts`` (major units by kind of account) that are named only so much.

    What is held beyond them is given back. ``reference`` is the caller's own.
    """

    caller: Caller
    reservation: Reservation
    token: str
    amounts: Mapping[str, Decimal]
    reference: str = ""
    idempotency_key: str | None = None

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that was asked for."""
        amounts = sorted((kind, str(amount)) for kind, amount in self.amounts.items())
        said = (self.reservation.pk.hex, self.token, self.reference, *(part for pair in amounts for part in pair))
        return digests.keyed("confirm reservation", *said)


class NotConfirmed(Exception):
    """One of the codes is refused, and so nothing was taken: ``refusal`` says why, of the code that ``hold_id`` holds."""

    def __init__(self, refusal: Refusal, hold_id: int) -> None:
        super().__init__(refusal.reason)
        self.refusal, self.hold_id = refusal, hold_id


class Overtaken(Exception):
    """One of the codes was redeemed with the token meanwhile: what is held has to be read again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the reservation holds, as it was before any lock; the lock tells whether it still does."""

    command: ConfirmReservation
    owner: tuple[int, str]
    codes: list[RedeemCode]
    held_codes: list[int]  # IDs of holds, in the order of ``codes``.
    amounts: dict[int, int | None]  # Account ID → minor units, or all that is held.
    externals: dict[int, int]  # Asset ID → the site's external account.


def confirm(command: ConfirmReservation) -> bool:
    """Confirm it; answers whether that was a replay of an earlier answer.

    Raises ReservationGone (another token, expired, ended, or a code that was taken off it), NotConfirmed around what the engine
    refuses, AccountLocked, InsufficientBalance, CodeBusy, IdempotencyMismatch, and ValidationError with field names. Nothing has
    changed then, but for the attempts at the codes that were refused.
    """
    if not digests.equal(bytes(command.reservation.token_digest), reserving.digest(command.token)):
        raise ReservationGone
    for _ in range(ROUNDS):
        plan = plan_of(command)
        replayed: list[UUID] = []
        try:
            outcomes = until_settled(plan.codes, partial(_confirm_together, plan, replayed), keep=True, whole=True)
        except Overtaken:
            continue
        for hold_id, outcome in zip(plan.held_codes, outcomes, strict=False):  # A replay judges none.
            if outcome.refusal is not None:
                raise NotConfirmed(outcome.refusal, hold_id)
        return bool(replayed)
    raise CodeBusy(retry_after_seconds=1)


def plan_of(command: ConfirmReservation) -> Plan:
    """Raises ValidationError."""
    reservation = command.reservation
    holds = CodeHold.objects.filter(reservation=reservation, ended_as="").select_related("code").order_by("id")
    owner = reservation.owner
    assert owner is not None, "A native reservation is somebody's."
    codes = [
        RedeemCode(
            caller=command.caller,
            code=lookup.shown(hold.code),
            claimant_id=owner.claimant_id,
            door=DOOR,
            reference=command.reference or None,
            reservation_token=command.token,
        )
        for hold in holds
    ]
    held = list(
        AccountHold.objects.filter(reservation=reservation).select_related("account__asset").order_by("account")
    )
    return Plan(
        command,
        (reservation.site_id, owner.claimant_id),
        codes,
        [hold.pk for hold in holds],
        amounts_of(command.amounts, held),
        externals_of(reservation, held),
    )


def amounts_of(wanted: Mapping[str, Decimal], held: Sequence[AccountHold]) -> dict[int, int | None]:
    """Account ID → minor units, or None for all. Raises ValidationError: nothing of the kind is held, or less than is wanted."""
    by_kind = {hold.account.kind: hold for hold in held}
    found: dict[int, int | None] = {hold.account_id: None for hold in held}
    wrong: dict[str, list[str]] = {}
    for kind, amount in wanted.items():
        hold = by_kind.get(kind)
        try:
            if hold is None:
                raise ValidationError("The reservation holds none.")
            minor = hold.account.asset.minor(f"{amount:f}")
            if not 1 <= minor <= hold.original_amount:
                raise ValidationError("More than nothing, and at most what is held.")
            found[hold.account_id] = minor
        except ValidationError as error:
            wrong[f"amounts.{kind}"] = error.messages
    if wrong:
        raise ValidationError(wrong)
    return found


def externals_of(reservation: Reservation, held: Sequence[AccountHold]) -> dict[int, int]:
    """Asset ID → the site's external account, for each asset that is held; opened before anything is locked."""
    return reserving.external_accounts(reservation.site_id, read_open_holds(reservation.pk)) if held else {}


def _confirm_together(plan: Plan, replayed: list[UUID], cases: list[Case], how: Round) -> list[Outcome]:
    """One transaction, which takes everything or is given up."""
    command = plan.command
    try:
        with turns.one_writer(), transaction.atomic(durable=True):
            if command.idempotency_key is not None:
                earlier = claim_key(
                    ReservationKey.Deed.CONFIRM, command.reservation.pk, command.caller, command.idempotency_key,
                    command.fingerprint(),
                )  # fmt: skip
                if earlier is not None:
                    replayed.append(earlier)
                    return []
            facts = reading.lock(
                cases, how.locked_batches, owners={plan.owner}, tokens={bytes(command.reservation.token_digest)}
            )
            reservation = refuse_gone(plan, facts)
            outcomes = [engine.judge(case, facts) for case in cases]
            if any(outcome.refusal for outcome in outcomes):
                raise Refused(outcomes, facts)
            if any(case.hold is None or case.hold.reservation_id != reservation.pk for case in cases):
                raise Overtaken
            spend(plan, reservation, outcomes, facts, how)
        return outcomes
    except Refused as refused:
        with transaction.atomic(durable=True):
            writes.insert_attempts(
                [each.attempt for each in refused.outcomes if each.refusal is not None and each.kept]
            )
        return refused.outcomes


def refuse_gone(plan: Plan, facts: Facts) -> Reservation:
    """The reservation as it is under its lock. Raises ReservationGone, Overtaken."""
    reservation = Reservation.objects.get(pk=plan.command.reservation.pk)
    if reservation.ended_as or reservation.expires_at <= facts.now:
        raise ReservationGone
    holds = CodeHold.objects.filter(reservation=reservation).values_list("pk", "ended_as")
    if any(ended_as not in ("", Ending.CONSUMED) for _, ended_as in holds):
        raise ReservationGone  # Whoever changed how often a code may be used has taken it off the reservation.
    if {pk for pk, ended_as in holds if not ended_as} != set(plan.held_codes):
        raise Overtaken
    return reservation


def spend(plan: Plan, reservation: Reservation, outcomes: list[Outcome], facts: Facts, how: Round) -> None:
    """Spend the amounts, redeem the codes, and end the reservation."""
    facts.books.standings.update(
        lock_books(plan.externals.values()).standings
    )  # System accounts: read, and not locked.
    holds = {hold.account_id: hold for hold in AccountHold.objects.filter(reservation=reservation, ended_as="")}
    pinned = [hold.pk for account_id, hold in holds.items() if facts.books.standings[account_id].lots]
    pins = read_pins(pinned) if pinned else {}
    held = reserving.Held(reservation, facts.books, holds, plan.externals, facts.now, pins)
    transaction_id = uuid.uuid7()
    legs = reserving.consume(held, transaction_id, plan.amounts)
    reference, owner_id = plan.command.reference, reservation.owner_id
    assert owner_id is not None, "A native reservation is somebody's."
    if legs:
        facts.books.enter(
            Booking(
                id=transaction_id,
                site_id=reservation.site_id,
                type=LedgerTransaction.Type.SPEND,
                legs=legs,
                comment=f"Reservation {reservation.pk}",
                reference=reference,
            )
        )
    engine.write(outcomes, facts, None, apart=how.apart)
    reserving.end(reservation, Ending.CONSUMED, facts.now, transaction_id if legs else None)
    if legs:
        Spending.objects.create(
            transaction_id=transaction_id,
            site_id=reservation.site_id,
            owner_id=owner_id,
            reservation=reservation,
            caller=plan.command.caller.key,
            channel=DOOR,
            external_reference=reference,
        )
