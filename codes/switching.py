"""Switching batches and codes on and off, and changing what a single code allows; every change is audited and books its value."""

import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import auditing, clock, locking
from accounts.models import User
from codes import batch_value
from codes.models import Batch, Code, IssueOrder
from codes.redemption.rollback import busy_as_refusal
from ledger.models import LedgerTransaction

Type = LedgerTransaction.Type
UNCHANGED: Any = object()


def switch_batch(batch: Batch, on: bool, *, actor_id: str, reason: str = "") -> Batch:
    """Switch a whole batch on or off; nothing is booked. Raises ValidationError for one that is not issued, CodeBusy."""
    with busy_as_refusal(), transaction.atomic(durable=True):
        batch = locking.lock_ids(Batch, [batch.pk])[batch.pk]
        if batch.state not in (Batch.State.ACTIVE, Batch.State.DISABLED):
            raise ValidationError({"state": ["Only a batch that has been issued can be switched on or off."]})
        before, batch.state = batch.state, Batch.State.ACTIVE if on else Batch.State.DISABLED
        if batch.state != before:
            batch.save(update_fields=["state"])
            note(f"batch.{'enable' if on else 'disable'}", batch, actor_id, {"reason": reason}, clock.read())
    return batch


def switch_code(code: Code, on: bool, *, actor_id: str, reason: str = "") -> Code:
    """Switch one code on or off; a used-up code stays as it is when switched off.

    Raises ValidationError on a deleted one, and CodeBusy.
    """
    return change_code(code, actor_id=actor_id, state=Code.State.ACTIVE if on else Code.State.DISABLED, reason=reason)


def change_code(
    code: Code,
    *,
    actor_id: str,
    reason: str = "",
    state: str = UNCHANGED,
    valid_from: dt.datetime | None = UNCHANGED,
    valid_until: dt.datetime | None = UNCHANGED,
    max_uses: int = UNCHANGED,
    owner: User | None = UNCHANGED,
) -> Code:
    """Change what one code allows, all or nothing, and move its value accordingly: fewer uses void it, more uses issue it,
    a later end brings expired value back, deleting voids what is left.

    Raises ValidationError with field names, and CodeBusy.
    """
    with busy_as_refusal(), transaction.atomic(durable=True):
        code = locking.lock_rows(Code.objects.filter(pk=code.pk).select_related("terms__asset", "order"))[0]
        if code.order.state != IssueOrder.State.DONE:
            raise ValidationError({"state": ["Only a code that has been issued can be changed."]})
        if code.state == Code.State.DELETED:
            raise ValidationError({"state": ["A deleted code never changes again."]})
        now = clock.read()
        before = snapshot(code)
        outstanding_before, left_before = outstanding(code), code.terms.value * (code.max_uses - code.uses)
        if state is not UNCHANGED:
            change_state(code, state)
        if valid_from is not UNCHANGED:
            code.valid_from = valid_from
        if valid_until is not UNCHANGED:
            code.valid_until = valid_until
        if code.valid_from and code.valid_until and code.valid_from >= code.valid_until:
            raise ValidationError({"valid_until": ["A code must become valid before it ends."]})
        if max_uses is not UNCHANGED:
            change_uses(code, max_uses)
        if owner is not UNCHANGED:
            if owner is not None and owner.site_id != code.site_id:
                raise ValidationError({"owner": ["This claimant is not known."]})
            code.owner = owner
        revive(code, now)
        if code.value_expired_at and code.max_uses != before["max_uses"]:
            raise ValidationError({"max_uses": ["This code has expired: extend it first."]})
        book_change(code, outstanding_before, left_before, now)
        after = snapshot(code)
        if after != before:
            code.save()
            changed = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
            note("code.change", code, actor_id, {"changed": changed, "reason": reason}, now)
    return code


def change_state(code: Code, state: str) -> None:
    """Active, disabled or deleted; used_up is only ever reached by using."""
    if state not in (Code.State.ACTIVE, Code.State.DISABLED, Code.State.DELETED):
        raise ValidationError({"state": ["Choose active, disabled or deleted."]})
    if code.state == Code.State.USED_UP and state == Code.State.DISABLED:
        return
    code.state = state


def change_uses(code: Code, max_uses: int) -> None:
    if not max(1, code.uses) <= max_uses <= 10**6:
        raise ValidationError({"max_uses": [f"Give a whole number from {max(1, code.uses):,} to 1,000,000."]})
    code.max_uses = max_uses
    if code.state == Code.State.USED_UP and code.uses < max_uses:
        code.state = Code.State.ACTIVE
    elif code.state == Code.State.ACTIVE and code.uses == max_uses:
        code.state = Code.State.USED_UP


def revive(code: Code, now: dt.datetime) -> None:
    """A code whose end lies ahead again has its value again."""
    if code.value_expired_at and (code.valid_until is None or code.valid_until > now):
        code.value_expired_at = None


def outstanding(code: Code) -> int | None:
    """The code's part of its batch's outstanding value, in minor units; None where its value has been booked away."""
    if code.state == Code.State.DELETED or code.value_expired_at:
        return None
    return code.terms.value * (code.max_uses - code.uses)


def book_change(code: Code, before: int | None, left_before: int, now: dt.datetime) -> None:
    """Move the value that the change moved: revived value comes back from expired, more uses are issued, fewer are voided."""
    after = outstanding(code)
    if before is None:
        if after is None:
            return
        book(code, Type.UNEXPIRY, "expired", "outstanding", left_before, now)
        before = left_before
    if after is None:
        book(code, Type.VOIDING, "outstanding", "voided", before, now)
    elif after > before:
        book(code, Type.ACTIVATION, "funding", "outstanding", after - before, now)
    else:
        book(code, Type.VOIDING, "outstanding", "voided", before - after, now)


def book(code: Code, type_: str, source: str, target: str, amount: int, now: dt.datetime) -> None:
    if code.terms.asset:
        batch_value.move(
            type_,
            source,
            target,
            site_id=code.site_id,
            batch_id=code.batch_id,
            asset=code.terms.asset,
            amount=amount,
            comment=f"Code {code} changed",
            now=now,
        )


def snapshot(code: Code) -> dict[str, Any]:
    """What a change may touch, as the audit keeps it."""
    return {
        "state": str(code.state),
        "valid_from": code.valid_from and code.valid_from.isoformat(),
        "valid_until": code.valid_until and code.valid_until.isoformat(),
        "max_uses": code.max_uses,
        "owner": code.owner_id,
        "value_expired_at": code.value_expired_at and code.value_expired_at.isoformat(),
    }


def note(action: str, row: Batch | Code, actor_id: str, detail: dict[str, Any], now: dt.datetime) -> None:
    auditing.record(
        action,
        site=row.site_id,
        actor_id=actor_id,
        object_type="batch" if isinstance(row, Batch) else "code",
        object_id=row.pk,
        detail=detail,
        now=now,
    )
