"""Reversing a redemption: a deed of its own, at most once, which never deletes the redemption.

Value goes back by a reversing ledger transaction; tags, work items and the like are taken back exactly as they were given.
"""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import uuid_utils.compat as uuid
from django.db import IntegrityError, transaction
from django.db.models import F

from accounts import auditing, digests, locking
from accounts.callers import Caller
from codes import batch_value
from codes.actions.registry import ACTIONS
from codes.models import Attempt, Batch, Code, Reversal
from codes.redemption.commands import REPORTED_DOOR
from codes.redemption.rollback import busy_as_refusal
from codes.refusals import AlreadyReversed, CodeBusy, IdempotencyMismatch, RedemptionNotFound
from ledger.books import Booking, Leg
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from ledger.opening import outstanding_account, system_accounts
from ledger.posting import post
from ledger.settling import lock_settled


@dataclass(frozen=True, slots=True)
class ReverseRedemption:
    """Reverse the redemption with this transaction ID; the use is given back only if the caller says so."""

    caller: Caller
    attempt_id: UUID
    reason: str
    give_use_back: bool = False
    idempotency_key: str | None = None

    def fingerprint(self) -> bytes:
        return digests.keyed("reverse", str(self.attempt_id), self.reason, str(self.give_use_back))


def reverse(command: ReverseRedemption) -> tuple[Reversal, bool]:
    """Reverse one redemption; answers the reversal and whether it is a replay of an earlier answer.

    Raises RedemptionNotFound, AlreadyReversed, IdempotencyMismatch, InsufficientBalance if the money has been spent,
    AccountLocked, CodeBusy. Nothing has changed then.
    """
    try:
        with busy_as_refusal(), transaction.atomic(durable=True):
            attempt = find_redemption(command)
            code = lock_code(attempt)
            # Under the code's lock, so that a retry running beside the first call waits and hears the same answer.
            earlier = find_earlier(command)
            if earlier:
                return earlier, True
            if Reversal.objects.filter(attempt=attempt).exists():
                raise AlreadyReversed
            return write(command, attempt, code), False
    except IntegrityError as error:
        if command.idempotency_key is None:
            raise
        # Two requests for different redemptions with one key at the same moment.
        raise IdempotencyMismatch from error


def find_redemption(command: ReverseRedemption) -> Attempt:
    attempt = (
        Attempt.objects.filter(pk=command.attempt_id, site_id=command.caller.site_id, outcome=Attempt.Outcome.REDEEMED)
        .select_related("code__batch")
        .first()
    )
    if attempt is None:
        raise RedemptionNotFound
    return attempt


def find_earlier(command: ReverseRedemption) -> Reversal | None:
    """The reversal that has the caller's key. Raises IdempotencyMismatch if it was for something else."""
    if command.idempotency_key is None:
        return None
    earlier = Reversal.objects.filter(caller=command.caller.key, idempotency_key=command.idempotency_key).first()
    if earlier and bytes(earlier.fingerprint or b"") != command.fingerprint():
        raise IdempotencyMismatch
    return earlier


def lock_code(attempt: Attempt) -> Code:
    """Lock the batch that the code is in now, if that is capped, and then the code. Raises CodeBusy if it is just being moved."""
    assert attempt.code is not None
    batch = attempt.code.batch
    if batch.total_cap is not None:
        locking.lock_ids(Batch, [batch.pk])
    code = locking.lock_ids(Code, [attempt.code.pk])[attempt.code.pk]
    if code.batch_id != batch.pk:
        raise CodeBusy(retry_after_seconds=1)
    return code


def write(command: ReverseRedemption, attempt: Attempt, code: Code) -> Reversal:
    reversal_id = uuid.uuid7()
    legs = legs_back(attempt, to_outstanding=command.give_use_back and code.state != Code.State.DELETED)
    books, now = lock_settled({account for leg in legs for account in (leg.debit_account_id, leg.credit_account_id)})
    booking = None
    if legs:
        booking = Booking(
            id=uuid.uuid7(),
            site_id=attempt.site_id,
            type=LedgerTransaction.Type.REVERSAL,
            legs=legs,
            comment=f"Reversal of {attempt.receipt_id}: {command.reason}",
            reverses_id=attempt.ledger_transaction_id,
        )
        books.enter(booking)
        post(books.entered, now)
    reversal = Reversal.objects.create(
        id=reversal_id,
        site_id=attempt.site_id,
        attempt=attempt,
        reason=command.reason[:200],
        give_use_back=command.give_use_back,
        caller=command.caller.key,
        actor_id=command.caller.actor_id,
        idempotency_key=command.idempotency_key,
        fingerprint=command.fingerprint() if command.idempotency_key is not None else None,
        ledger_transaction_id=booking.id if booking else None,
        decided_at=now,
    )
    auditing.record(
        "redemption.reverse",
        site=attempt.site_id,
        actor_id=command.caller.actor_id,
        object_type="attempt",
        object_id=attempt.pk,
        detail={"reason": command.reason, "give_use_back": command.give_use_back},
        now=now,
    )
    if attempt.door != REPORTED_DOOR:  # What was given elsewhere is not ours to take back.
        ACTIONS[attempt.action].take_back(attempt, command.caller.actor_id, now)
    if command.give_use_back:
        give_use_back(code, now)
    return reversal


def legs_back(attempt: Attempt, *, to_outstanding: bool) -> tuple[Leg, ...]:
    """The legs that take the value from the claimant again: to outstanding if a code has it again, else to voided."""
    legs = []
    for leg in Transfer.objects.filter(transaction=attempt.ledger_transaction_id).select_related(
        "debit_account__asset"
    ):
        target = leg.debit_account
        # From the expired account a use reported late took its value; given back, the code has it as any other use.
        if target.purpose in (LedgerAccount.Purpose.OUTSTANDING, LedgerAccount.Purpose.EXPIRED):
            if not to_outstanding:
                target = system_accounts(attempt.site_id, target.asset)["voided"]
            elif target.purpose == LedgerAccount.Purpose.EXPIRED and leg.batch_number is not None:
                target = outstanding_account(attempt.site_id, target.asset, leg.batch_number)
        legs.append(Leg(leg.credit_account_id, target.pk, leg.amount, leg.batch_number))
    return tuple(legs)


def give_use_back(code: Code, now: dt.datetime) -> None:
    """One use fewer in force; a used-up code is active again. An expired code has all its value again, until the next sweep."""
    if code.value_expired_at and code.state != Code.State.DELETED and code.terms.asset:
        # The sweep books whatever the code has left: what it has booked already must not be booked twice.
        batch_value.move(
            LedgerTransaction.Type.UNEXPIRY,
            "expired",
            "outstanding",
            site_id=code.site_id,
            batch_id=code.batch_id,
            asset=code.terms.asset,
            amount=code.terms.value * (code.max_uses - code.uses),
            comment=f"Code {code} has a use again",
            now=now,
        )
    state = Code.State.ACTIVE if code.state == Code.State.USED_UP else code.state
    Code.objects.filter(pk=code.pk, uses__gt=0).update(uses=F("uses") - 1, state=state, value_expired_at=None)
    Batch.objects.filter(pk=code.batch_id, total_cap__isnull=False, uses_in_force__gt=0).update(
        uses_in_force=F("uses_in_force") - 1
    )
