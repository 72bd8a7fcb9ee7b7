"""Reserving: codes, cash and points are set aside for a claimant with one token, and then taken together, or given back.

A reservation lives for at most 15 minutes and outlives its request. Placing judges each code by the engine's own rules, as a
validation does, and takes nothing: one use of each code and the amounts are merely nobody else's any more. Confirming judges the
codes again, redeems them and spends the amounts in one transaction, whole or not at all. Whoever lets it lapse has given everything
back with no task having run.

Caps of claimants, batches and cool-downs count uses, not holds: they are judged again when the reservation is confirmed.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from uuid import UUID

import uuid_utils.compat as uuid
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import digests, rows, turns
from accounts.callers import Caller
from accounts.refusals import CallerNotAllowed, ClaimantInactive, ClaimantUnknown, Refusal
from codes.models import ReservationKey
from codes.redemption import engine, holding
from codes.redemption import facts as reading
from codes.redemption.case import Case, Facts
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.rollback import Round, until_settled
from codes.reservation_keys import claim_key, token_of
from ledger import reserving
from ledger.books import Books
from ledger.models import LedgerAccount, Reservation
from ledger.refusals import AccountMissing

SECONDS = 300
MOST_SECONDS = 900
MOST_CODES = 20
DOOR = "api"
HOLD_COLUMNS = (
    *(("reservation_id", "uuid"), ("code_id", "bigint"), ("expires_at", "timestamptz"), ("ended_as", "text")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReservation:
    """Hold one use of each of ``codes``, as they were typed, and ``amounts`` (major units by kind of account) for a claimant."""

    caller: Caller
    claimant_id: str
    codes: tuple[str, ...] = ()
    amounts: Mapping[str, Decimal]
    seconds: int = SECONDS
    idempotency_key: str | None = None

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that was asked for."""
        amounts = sorted((kind, str(amount)) for kind, amount in self.amounts.items())
        said = [self.claimant_id, str(self.seconds), *(part for pair in amounts for part in pair), "codes", *self.codes]
        return digests.keyed("place reservation", *said)


class NotHeld(Exception):
    """What was asked for cannot be held: ``refusal`` says why, and of the code at ``place`` (from 0) if of one. Nothing is."""

    def __init__(self, refusal: Refusal, place: int | None = None) -> None:
        super().__init__(refusal.reason)
        self.refusal, self.place = refusal, place


class Refused(Exception):
    """Not every code of the list may be redeemed; leaves the transaction, which is lost with it."""

    def __init__(self, outcomes: Sequence[Outcome], facts: Facts) -> None:
        super().__init__([outcome.attempt.reason for outcome in outcomes])
        self.outcomes, self.facts = list(outcomes), facts


@dataclass(slots=True)
class Placed:
    """A reservation that was made, its token, and whether the answer is a replay of an earlier one."""

    reservation_id: UUID
    token: str
    replayed: bool = False


def place(command: PlaceReservation) -> Placed:
    """Hold everything the command names, or nothing.

    Raises NotHeld around each refusal of the engine (code_reserved and too_many_attempts among them), ClaimantUnknown,
    ClaimantInactive, CallerNotAllowed, AccountMissing, AccountLocked, InsufficientBalance, CodeBusy, IdempotencyMismatch;
    ValidationError with field names.
    """
    commands = [RedeemCode(command.caller, text, command.claimant_id, DOOR) for text in command.codes]
    check(command, commands)
    placed = Placed(uuid.uuid7(), "")
    placed.token = token_of(placed.reservation_id)
    try:
        outcomes = until_settled(commands, partial(_place_together, command, placed), keep=False, whole=True)
    except Refusal as refusal:
        raise NotHeld(refusal) from refusal
    for number, outcome in enumerate(outcomes):
        if outcome.refusal is not None:
            raise NotHeld(outcome.refusal, number)
    return placed


def check(command: PlaceReservation, commands: Sequence[RedeemCode]) -> None:
    """What needs no lock. Raises ValidationError."""
    wrong: dict[str, list[str]] = {}
    if not command.codes and not command.amounts:
        wrong["holds"] = ["Say what is to be held."]
    if len(command.codes) > MOST_CODES:
        wrong["holds"] = [f"At most {MOST_CODES} codes."]
    if not 1 <= command.seconds <= MOST_SECONDS:
        wrong["seconds"] = [f"A whole number from 1 to {MOST_SECONDS}."]
    forms = [case.form for case in reading.read_commands(commands) if case.form is not None]
    if len(set(forms)) < len(forms):
        wrong["holds"] = ["One use of a code is held, so name each code once."]
    if wrong:
        raise ValidationError(wrong)


def _place_together(command: PlaceReservation, placed: Placed, cases: list[Case], how: Round) -> list[Outcome]:
    """One transaction, which holds everything or is given up."""
    owner = (command.caller.site_id, command.claimant_id.strip())
    try:
        with turns.one_writer(), transaction.atomic(durable=True):
            if command.idempotency_key is not None:
                earlier = claim_key(
                    ReservationKey.Deed.PLACE, placed.reservation_id, command.caller, command.idempotency_key,
                    command.fingerprint(),
                )  # fmt: skip
                if earlier is not None:
                    placed.reservation_id, placed.token, placed.replayed = earlier, token_of(earlier), True
                    return []
            # The token is nobody's yet: it has the accounts locked where there is no code.
            facts = reading.lock(cases, how.locked_batches, owners={owner}, tokens={reserving.digest(placed.token)})
            # What the codes will credit is not there to be held.
            books = Books({key: replace(standing) for key, standing in facts.books.standings.items()})
            outcomes = [engine.judge(case, facts) for case in cases]
            if any(outcome.refusal for outcome in outcomes):
                raise Refused(outcomes, facts)
            write(command, placed, cases, facts, books)
        return outcomes
    except Refused as refused:
        with transaction.atomic(durable=True):
            return engine.count_guesses(refused.outcomes, refused.facts)


def write(command: PlaceReservation, placed: Placed, cases: Sequence[Case], facts: Facts, books: Books) -> None:
    """The reservation with its holds; the codes have been judged. Raises what ``place`` names of people and accounts."""
    owner_id = judge_owner(command.caller, command.claimant_id.strip(), facts)
    amounts = amounts_of(owner_id, command.amounts)
    reservation = Reservation.objects.create(
        id=placed.reservation_id,
        site_id=command.caller.site_id,
        token_digest=reserving.digest(placed.token),
        caller=command.caller.key,
        owner_id=owner_id,
        kind=Reservation.Kind.NATIVE,
        created_at=facts.now,
        expires_at=facts.now + dt.timedelta(seconds=command.seconds),
    )
    reserving.place(books, reservation, amounts)
    holding.end_used(
        cases, facts.now
    ).check()  # Those of the codes that have expired: only then are their uses free to be held.
    rows.add(
        "codes_hold",
        HOLD_COLUMNS,
        [(reservation.pk, case.code.id, reservation.expires_at, "") for case in cases if case.code],
    )


def judge_owner(caller: Caller, claimant_id: str, facts: Facts) -> int:
    """The user for whom is held; where codes are, the engine has judged them already. Raises as the engine refuses."""
    claimant = facts.people.get((caller.site_id, claimant_id))
    if claimant is None:
        raise ClaimantUnknown
    if not claimant.is_active:
        raise ClaimantInactive
    if not caller.may_act_for(claimant.id):
        raise CallerNotAllowed
    return claimant.id


def amounts_of(owner_id: int, amounts: Mapping[str, Decimal]) -> dict[int, int]:
    """Account ID → minor units. Raises AccountMissing, ValidationError."""
    accounts = {
        account.kind: account
        for account in LedgerAccount.objects.filter(owner=owner_id, kind__in=amounts).select_related("asset")
    }
    wrong: dict[str, list[str]] = {}
    found: dict[int, int] = {}
    for kind, amount in amounts.items():
        account = accounts.get(kind)
        if account is None:
            raise AccountMissing
        try:
            found[account.pk] = account.asset.minor(f"{amount:f}")
        except ValidationError as error:
            wrong[f"holds.{kind}"] = error.messages
        else:
            if found[account.pk] < 1:
                wrong[f"holds.{kind}"] = ["More than nothing."]
    if wrong:
        raise ValidationError(wrong)
    return found
