"""Switching batches and codes on and off, and changing what a single code allows; every change is audited and books its value."""

import datetime as dt
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Sum

from accounts import auditing, clock, locking
from accounts.models import User
from codes import batch_value, changing, releasing
from codes.batch_value import BatchMove
from codes.changing import UNCHANGED, Change, Standing
from codes.models import Assignment, Batch, Code, IssueOrder
from codes.redemption.rollback import busy_as_refusal
from codes.refusals import CodeBusy
from codes.uses import limit

LARGEST_CAP = 10**12


def switch_batch(batch: Batch, on: bool, *, actor_id: str, reason: str = "") -> Batch:
    """Switch a whole batch on or off; nothing is booked. Raises ValidationError for one that is not issued, CodeBusy."""
    state = Batch.State.ACTIVE if on else Batch.State.DISABLED
    return change_batch(batch, actor_id=actor_id, reason=reason, state=state)


def change_batch(
    batch: Batch, *, actor_id: str, reason: str = "", state: str = UNCHANGED, total_cap: int | None = UNCHANGED
) -> Batch:
    """Change a batch's own row, all or nothing: whether it is on, and how many redemptions of its codes may be in force.

    Raises ValidationError with field names (a cap below the uses in force among them), and CodeBusy.
    """
    with busy_as_refusal(), transaction.atomic(durable=True):
        wants_cap = total_cap is not UNCHANGED and total_cap is not None
        first_cap = wants_cap and is_uncapped(batch)
        if first_cap:
            hold_redemptions()
        batch = locking.lock_ids(Batch, [batch.pk])[batch.pk]
        if wants_cap and batch.total_cap is None and not first_cap:
            raise CodeBusy(retry_after_seconds=1)  # Its cap was lifted a moment ago, and redemptions were not held.
        if batch.state not in (Batch.State.ACTIVE, Batch.State.DISABLED):
            raise ValidationError({"state": ["Only a batch that has been issued can be switched or capped."]})
        before = {"state": str(batch.state), "total_cap": batch.total_cap}
        if state is not UNCHANGED:
            if state not in (Batch.State.ACTIVE, Batch.State.DISABLED):
                raise ValidationError({"state": ["Choose active or disabled."]})
            batch.state = state
        if total_cap is not UNCHANGED:
            change_cap(batch, total_cap)
        after = {"state": str(batch.state), "total_cap": batch.total_cap}
        if after != before:
            batch.save(update_fields=["state", "total_cap", "uses_in_force"])
            changed = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
            action, detail = "batch.change", {"changed": changed, "reason": reason}
            if list(changed) == ["state"]:
                action = f"batch.{'enable' if state == Batch.State.ACTIVE else 'disable'}"
                detail = {"reason": reason}
            note(action, batch, actor_id, detail, clock.read())
    return batch


def is_uncapped(batch: Batch) -> bool:
    return Batch.objects.filter(pk=batch.pk, total_cap=None).exists()


def hold_redemptions() -> None:
    """Wait until no redemption is under way, and let none begin before this transaction ends.

    Redemptions of a batch without a cap neither lock its row nor count on it. One that has read "no cap" and not committed
    yet would be missing from the first count for ever, and no lock of the batch or of rows would find it.
    Taken before the batch's row: whoever holds that one may be waiting for codes.
    """
    locking.lock_table(Code)


def change_cap(batch: Batch, total_cap: int | None) -> None:
    """Set or lift the cap of a locked batch. The uses in force are counted when it gets its first one, and kept since."""
    if total_cap is None:
        batch.total_cap, batch.uses_in_force = None, 0
        return
    if batch.total_cap is None:
        batch.uses_in_force = Code.objects.filter(batch=batch).aggregate(uses=Sum("uses"))["uses"] or 0
    fewest = max(1, batch.uses_in_force)
    if not fewest <= total_cap <= LARGEST_CAP:
        raise ValidationError(
            {"total_cap": [f"Give a whole number from {fewest:,}, the uses in force, to {LARGEST_CAP:,}."]}
        )
    batch.total_cap = total_cap


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
    """Change what one code allows, all or nothing, and move its value accordingly; the rule is ``changing.changed``.

    Raises ValidationError with field names, and CodeBusy.
    """
    change = Change(state=state, valid_from=valid_from, valid_until=valid_until, max_uses=max_uses)
    with busy_as_refusal(), transaction.atomic(durable=True):
        code = locking.lock_rows(Code.objects.filter(pk=code.pk).select_related("terms__asset", "order", "batch"))[0]
        if code.order.state != IssueOrder.State.DONE:
            raise ValidationError({"state": ["Only a code that has been issued can be changed."]})
        if code.batch.state == Batch.State.ARCHIVED:
            raise ValidationError({"state": ["The batch of this code has been deleted."]})
        now = clock.read()
        before, standing = snapshot(code), standing_of(code)
        changed = changing.changed(standing, change, now)
        if code.held > changed.max_uses - code.uses:
            code.held -= releasing.give_way([code.pk], now)
        if owner is not UNCHANGED:
            if owner is not None and owner.site_id != code.site_id:
                raise ValidationError({"owner": ["This claimant is not known."]})
            if owner != code.owner and Assignment.objects.filter(code=code).exists():
                raise ValidationError({"owner": ["This code was handed out: it stays with its claimant."]})
            code.owner = owner
        code.state, code.max_uses = changed.state, changed.max_uses
        code.valid_from, code.valid_until = changed.valid_from, changed.valid_until
        code.value_expired_at = code.value_expired_at if changed.expired else None
        book(code, standing, changed, now)
        after = snapshot(code)
        if after != before:
            code.save()
            differing = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
            note("code.change", code, actor_id, {"changed": differing, "reason": reason}, now)
    return code


def standing_of(code: Code) -> Standing:
    return Standing(
        state=code.state,
        uses=code.uses,
        max_uses=code.max_uses,
        valid_from=code.valid_from,
        valid_until=code.valid_until,
        expired=code.value_expired_at is not None,
        worth=code.terms.value,
    )


def book(code: Code, before: Standing, after: Standing, now: dt.datetime) -> None:
    """Move the value that the change moved."""
    asset = code.terms.asset
    if asset is None:
        return
    comment = f"Code {code} changed"
    batch_value.move_all(
        [
            BatchMove(**move._asdict(), site_id=code.site_id, batch_id=code.batch_id, asset=asset, comment=comment)
            for move in changing.moves(before, after)
        ],
        now,
    )


def snapshot(code: Code) -> dict[str, Any]:
    """What a change may touch, as the audit keeps it."""
    return {
        "state": str(code.state),
        "valid_from": code.valid_from and code.valid_from.isoformat(),
        "valid_until": code.valid_until and code.valid_until.isoformat(),
        "max_uses": limit(code.max_uses),
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
