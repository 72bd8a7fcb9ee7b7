"""Attempts: the answer of an earlier one to the same key, the row of every judged request, and reading them again."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.base import ModelState

from accounts import clock
from accounts.callers import Caller
from accounts.refusals import Refusal
from accounts.rows import Touched
from codes import keys
from codes.lookup import LONGEST_TYPED
from codes.models import Attempt
from codes.redemption import writes
from codes.redemption.case import Case
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.rounds import JudgeAgain

FIRST_KEPT_STEP = 3  # A key is kept for redemptions and for final refusals of steps 3 to 10.
REFUSALS: dict[str, type[Refusal]] = {}


def read_earlier(ids: Sequence[UUID]) -> dict[tuple[str, str], Outcome]:
    """What earlier attempts with the keys of this list were answered, by (caller, key)."""
    if not ids:
        return {}
    found = Attempt.objects.filter(pk__in=ids).select_related("code")
    return {(a.caller, a.idempotency_key or ""): outcome_of(a) for a in found}


def refusal_of(attempt: Attempt) -> Refusal | None:
    """The refusal an attempt was answered with, made from its columns alone."""
    if attempt.outcome == Attempt.Outcome.REDEEMED:
        return None
    if not REFUSALS:
        REFUSALS.update({refusal.reason: refusal for refusal in Refusal.tree()})
    return REFUSALS[attempt.reason](receipt_number=attempt.earlier_receipt)


def show(case: Case) -> str | None:
    """The display form of a case's code, for its receipt."""
    code = case.code
    return keys.unseal(code.site_id, code.key_version, code.sealed) if code else None


def outcome_of(attempt: Attempt) -> Outcome:
    """An attempt as the outcome it was answered with."""
    code = attempt.code
    shown = keys.unseal(code.site_id, code.key_version, code.sealed) if code and attempt.receipt_number else None
    return Outcome(attempt, refusal_of(attempt), shown)


@cache
def defaults() -> dict[str, Any]:
    """What an attempt's columns are where nothing is said."""
    return {field.attname: field.get_default() for field in Attempt._meta.concrete_fields}


def unsaved_row(**columns: Any) -> Attempt:
    """An attempt with these columns, as ``Attempt(...)`` makes one.

    That one looks at every field and asks who listens, which is a seventh of what a long list costs.
    """
    attempt = Attempt.__new__(Attempt)
    vars(attempt).update(_state=ModelState(), **{**defaults(), **columns})
    return attempt


def attempt_of(case: Case, now: dt.datetime) -> Attempt:
    """The row of a judged case; its receipt number is drawn when it is written."""
    command, code, effect, refusal = case.command, case.code, case.effect, case.refusal
    site_id = command.caller.site_id
    key_version, typed = keys.seal(site_id, command.code[:LONGEST_TYPED])
    kept = command.idempotency_key is not None and (
        refusal is None or (not refusal.retryable and refusal.step >= FIRST_KEPT_STEP)
    )
    if effect is not None and refusal is None:
        decided: dict[str, Any] = {
            "outcome": Attempt.Outcome.REDEEMED,
            "reason": "",
            "step": 10,
            "action": code.action if code else "",
            "receipt_number": case.receipt_number,
            "result": effect.result,
            "given": effect.given,
            "uses_left": case.uses_left,
            "use_number": case.use_number,
            "claimant_use_number": case.claimant_use_number,
            "ledger_transaction_id": effect.booking.id if effect.booking else None,
        }
    else:
        assert refusal is not None
        decided = {
            "outcome": Attempt.Outcome.REFUSED,
            "reason": refusal.reason,
            "step": refusal.step,
            "earlier_receipt": refusal.receipt_number,
        }
    return unsaved_row(
        id=command.id,
        site_id=site_id,
        door=command.door,
        caller=command.caller.key,
        actor_id=command.caller.actor_id,
        client_id=command.caller.client_id,
        idempotency_key=command.idempotency_key if kept else None,
        fingerprint=case.fingerprint if kept else None,
        code_id=code.id if code else None,
        batch_id=code.batch_id if code else None,
        lookup=case.lookups.get(key_version),
        typed=typed,
        key_version=key_version,
        claimant_id=case.claimant.id if case.claimant else None,
        claimant_given=case.claimant_id[:100],
        channel=command.channel[:30],
        venue_id=command.venue_id[:100],
        reference=None if command.reference is None else command.reference[:100],
        checks=case.checks,
        decided_at=now,
        happened_at=command.reported.instant if command.reported else None,
        **decided,
    )


@dataclass(frozen=True, slots=True)
class Logged:
    """What ``write`` wrote, to be checked once it has been sent."""

    attempts: Sequence[Attempt]
    touched: Touched

    def check(self) -> None:
        """Raise JudgeAgain if a key was taken meanwhile: its winner can be read now. Tells the receipt number just drawn."""
        if self.touched.count < len(self.attempts):
            raise JudgeAgain
        for attempt, number in zip(self.attempts, self.touched.told, strict=False):
            attempt.receipt_number = number


def write(outcomes: Sequence[Outcome]) -> Logged:
    """Write a list's attempts in one statement."""
    attempts = [outcome.attempt for outcome in outcomes]
    if len(outcomes) > 1 or not writes.draws_as_it_writes():
        draw_receipt_numbers(outcomes)
    # Sorted by caller and key, so that two lists with the same keys wait for each other in one order.
    ordered = sorted(attempts, key=lambda a: (a.caller, a.idempotency_key or "", a.id))
    return Logged(ordered, writes.insert_attempts(ordered))


def draw_receipt_numbers(outcomes: Sequence[Outcome]) -> None:
    """Give the redemptions of a list their numbers, and the refusals that name an earlier one of the list that one's."""
    redeemed = sum(outcome.attempt.receipt_number is not None for outcome in outcomes)
    drawn = {-k: number for k, number in enumerate(writes.draw_receipt_numbers(redeemed), 1)}
    for outcome in outcomes:
        attempt, refusal = outcome.attempt, outcome.refusal
        attempt.receipt_number = drawn.get(attempt.receipt_number or 0)
        attempt.earlier_receipt = drawn.get(attempt.earlier_receipt or 0, attempt.earlier_receipt)
        if refusal is not None:
            refusal.receipt_number = attempt.earlier_receipt


def write_failed(case: Case, refusal: Refusal) -> Attempt:
    """The attempt of a redemption whose own transaction was lost, in a short one of its own: nothing else was changed."""
    case.refusal, case.effect = refusal, None
    case.checks.append({"step": refusal.step, "check": refusal.reason, "passed": False, "seen": {}})
    with transaction.atomic(durable=True):
        attempt = attempt_of(case, clock.read())
        writes.insert_attempts([attempt])
    return attempt


def note_unreadable(caller: Caller, refusal: Refusal, door: str) -> Attempt:
    """The attempt of a caller who is known and whose request could not be read (step 1); it has no key and no code."""
    command = RedeemCode(caller=caller, code="", claimant_id="", door=door)
    return write_failed(Case(command), refusal)


def find_attempt(site_id: int, attempt_id: UUID) -> Outcome | None:
    """One attempt of the site as the outcome it was answered with; None if there is none."""
    attempt = Attempt.objects.filter(site_id=site_id, pk=attempt_id).select_related("code", "claimant", "batch").first()
    return outcome_of(attempt) if attempt else None


def unsaved(case: Case, refusal: Refusal, now: dt.datetime) -> Attempt:
    """The attempt of a refusal that is not kept (too_many_attempts): for rendering its answer only."""
    case.refusal, case.effect = refusal, None
    return attempt_of(case, now)
