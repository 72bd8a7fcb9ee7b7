"""Changing and deleting codes that open content: one of them, or all of a batch in one transaction and a few statements.

Such codes have no value, so nothing is booked. The batch is locked first, so that changes of this kind come one after another, and
then the codes by ID. What a whole batch is asked for is done to all its codes or to none; edits in chunks are codes/editing.py.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When

from accounts import auditing, clock, locking
from codes import content_codes, content_moving, content_terms, releasing
from codes.changing import UNCHANGED
from codes.content_codes import Span
from codes.content_terms import Opens
from codes.models import Batch, Code
from codes.models.terms import UNLIMITED_USES
from codes.redemption.rollback import busy_as_refusal
from codes.uses import MOST_USES

State = Code.State
LONGEST_SECONDS = 300  # A statement about a million codes; one about a single code has the connection's own limit.


@dataclass(frozen=True, kw_only=True)
class ContentChange:
    """What is to be different; what is UNCHANGED stays. ``uses_left`` are the uses a code is to have left, ``valid_until`` the
    first moment after validity, ``batch`` the name of the batch that it is to belong to."""

    is_active: bool = UNCHANGED
    uses_left: int = UNCHANGED
    valid_until: dt.datetime | None = UNCHANGED
    batch: str = UNCHANGED
    opens: Opens = Opens()  # noqa: RUF009 (it is frozen)


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """Who changes, and through which door, for orders and the audit."""

    caller_key: str
    actor_id: str
    door: str


class NothingThere(Exception):
    """The batch has no such code any more."""


def change_content_codes(batch: Batch, change: ContentChange, by: Publisher, *, code: Code | None = None) -> Span:
    """Change the code, or all codes of the batch; answers where they are now.

    Raises NothingThere, ValidationError with field names, BatchNameTaken and CodeBusy; nothing is changed then.
    """
    with busy_as_refusal(), transaction.atomic(durable=True):
        give_time(code)
        target = content_moving.lock_target(batch, change.batch, by.actor_id)
        codes, count = lock(batch, code)
        now = clock.read()
        before = snapshot(codes) if code else None
        replaced = content_terms.reword(content_terms.terms_of(codes), change.opens) if change.opens != Opens() else {}
        changed = write(codes, change, now, code)
        content_terms.give_terms(codes, replaced)
        span = content_codes.whole(batch) if code is None else Span(batch, code.serial, code.serial)
        if target is not None:
            span = content_moving.move(codes, batch, target, by.caller_key, by.actor_id, now)
            if code is None:
                empty(batch, now)
        detail: dict[str, Any] = {"door": by.door}
        if before is not None:
            assert code is not None
            after = snapshot(Code.objects.filter(pk=code.pk))
            detail["changed"] = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
            if detail["changed"]:
                note("code.change", batch.site_id, "code", code.pk, by, detail, now)
        else:
            detail |= {"codes": count, "changed": changed, "terms": sorted(replaced), "moved_to": target and target.pk}
            note("batch.codes_change", batch.site_id, "batch", batch.pk, by, detail, now)
    return span


def delete_content_codes(batch: Batch, by: Publisher, *, code: Code | None = None) -> int:
    """Delete the code, or all codes of the batch; answers how many. Their digests stay, so none is ever issued again.

    Raises NothingThere and CodeBusy; nothing is changed then.
    """
    with busy_as_refusal(), transaction.atomic(durable=True):
        give_time(code)
        locking.lock_ids(Batch, [batch.pk])
        codes, count = lock(batch, code)
        now = clock.read()
        before = codes.values_list("state", flat=True)[0] if code else ""
        codes.update(state=State.DELETED)
        if code:
            detail = {"door": by.door, "changed": {"state": [before, State.DELETED.value]}}
            note("code.change", batch.site_id, "code", code.pk, by, detail, now)
        else:
            empty(batch, now)
            note("batch.codes_delete", batch.site_id, "batch", batch.pk, by, {"door": by.door, "codes": count}, now)
    return count


def lock(batch: Batch, code: Code | None) -> tuple["QuerySet[Code]", int]:
    """The codes, locked by ID inside the database, and how many they are. Raises NothingThere."""
    batch.refresh_from_db()
    codes = content_codes.codes_of(batch)
    if code is not None:
        codes = codes.filter(pk=code.pk)
    rows, params = codes.order_by("pk").values("pk").query.sql_with_params()
    # Where a code is moved or deleted meanwhile it is left out, for the statement looks at it anew once it has the lock.
    sql = f"SELECT COUNT(*) FROM ({rows} {{lock codes_code}}) AS locked"  # noqa: S608
    [(count,)] = locking.select_for_update(sql, params)
    if not count or batch.state not in content_codes.SHOWN_BATCHES:
        raise NothingThere
    return codes, count


def write(codes: "QuerySet[Code]", change: ContentChange, now: dt.datetime, code: Code | None) -> int:
    """Write what stands in the codes' own rows; answers how many are different now. Raises ValidationError.

    Giving a used-up code uses does not make it active; being made active without uses left does not make it redeemable.
    """
    values: dict[str, Any] = {}
    differs = Q()
    if change.is_active is not UNCHANGED or change.uses_left is not UNCHANGED:
        values["state"] = state_after(change)
        differs |= ~Q(state=values["state"])
    if change.uses_left is not UNCHANGED:
        values["max_uses"] = max_uses_after(change.uses_left)
        releasing.give_way(codes.filter(held__gt=change.uses_left).values_list("pk", flat=True), now)
        differs |= ~Q(max_uses=values["max_uses"])
    if change.valid_until is not UNCHANGED and not (code and same_end(code.valid_until, change.valid_until)):
        if change.valid_until is not None and codes.filter(valid_from__gte=change.valid_until).exists():
            raise ValidationError({"valid_until": ["A code must become valid before it ends."]})
        values["valid_until"] = change.valid_until
        if change.valid_until is None or change.valid_until > now:
            values["value_expired_at"] = None  # It will expire anew.
        differs |= Q(valid_until__isnull=False) if change.valid_until is None else ~Q(valid_until=change.valid_until)
    return codes.filter(differs).update(**values) if values else 0


def max_uses_after(uses_left: int) -> Any:
    """As SQL: a code without limit is told as having the most uses left that there can be, and stays so when it is told back."""
    given = F("uses") + uses_left
    if uses_left != MOST_USES:
        return given
    return Case(When(max_uses=UNLIMITED_USES, then=F("max_uses")), default=given)


def state_after(change: ContentChange) -> Any:
    """As SQL, of each row: used_up stays as long as it is true, and a code that was used up and is given uses is disabled."""
    if change.is_active is True:
        return Value(State.ACTIVE.value)
    has_uses = change.uses_left is not UNCHANGED and change.uses_left > 0
    if change.is_active is False:
        disabled = Value(State.DISABLED.value)
        return disabled if has_uses else Case(When(state=State.USED_UP, then=F("state")), default=disabled)
    return (
        Case(When(state=State.USED_UP, then=Value(State.DISABLED.value)), default=F("state"))
        if has_uses
        else F("state")
    )


def same_end(left: dt.datetime | None, right: dt.datetime | None) -> bool:
    """Whether both ends of validity are told alike, for doors tell them by the millisecond."""
    if left is None or right is None:
        return left is right
    return left.replace(microsecond=left.microsecond // 1000 * 1000) == right


def empty(batch: Batch, now: dt.datetime) -> None:
    """The batch has no such code any more: nobody need look for one among the deleted again."""
    content_codes.orders().filter(batch=batch).update(emptied_at=now)


def snapshot(codes: "QuerySet[Code]") -> dict[str, Any]:
    """Of one code, what a change may touch, as the audit keeps it."""
    names = ("state", "max_uses", "valid_until", "terms_id", "batch_id", "serial")
    [found] = codes.values(*names)
    return {**found, "valid_until": found["valid_until"] and found["valid_until"].isoformat()}


def give_time(code: Code | None) -> None:
    """More of it for a whole batch, until the end of the transaction."""
    if code is None and connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = '{LONGEST_SECONDS}s'")


def note(
    action: str, site_id: int, kind: str, pk: int, by: Publisher, detail: dict[str, Any], now: dt.datetime
) -> None:
    auditing.record(action, site=site_id, actor_id=by.actor_id, object_type=kind, object_id=pk, detail=detail, now=now)
