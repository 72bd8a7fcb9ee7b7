"""Edits of a whole batch: one change to all its codes, in chunks of one transaction each; the value follows as for single codes.

Whatever is done stays done: killed anywhere, an edit goes on where it stopped; cancelled, it says how far it came. It is audited
when it is ordered and when it ends. What it did to one code follows from its change, from how far it came in order of serial, and
from the ledger, whose rows name the serials of each chunk.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError, transaction

from accounts import auditing, budgets, clock, locking, rows
from codes import batch_value, changing, doorbell, foreseeing, jobs, releasing
from codes.batch_value import BatchMove
from codes.changing import Move, Standing
from codes.foreseeing import NewEdit
from codes.models import Batch, BatchEdit, Code, IssueOrder
from codes.redemption.rollback import CountsDiffer, busy_as_refusal, is_busy
from codes.refusals import IdempotencyMismatch
from ledger.models import Asset

State = BatchEdit.State
Kind = BatchEdit.Kind
CHUNK = 5_000

STANDING_COLUMNS = (
    ("state", "text"),
    ("max_uses", "integer"),
    ("valid_from", "timestamptz"),
    ("valid_until", "timestamptz"),
)


def order_edit(
    batch: Batch, new: NewEdit, *, caller_key: str, actor_id: str, idempotency_key: str | None = None
) -> tuple[BatchEdit, bool]:
    """Order an edit of the codes that the batch has now; answers it and whether it had been ordered before.

    From a deletion's order on none of the batch's codes is known to anybody. Raises ValidationError with field names,
    IdempotencyMismatch and CodeBusy; nothing is written then.
    """
    fingerprint = new.fingerprint(batch.pk)
    earlier = jobs.find_earlier(BatchEdit, caller_key, idempotency_key, fingerprint)
    if earlier:
        return earlier, True
    foreseen = foreseeing.foresee(batch, new)
    try:
        with busy_as_refusal(), transaction.atomic(durable=True):
            batch = locking.lock_ids(Batch, [batch.pk])[batch.pk]
            # Under the lock, so that a retry running beside the first call waits and hears the same answer.
            earlier = jobs.find_earlier(BatchEdit, caller_key, idempotency_key, fingerprint)
            if earlier:
                return earlier, True
            foreseeing.check(batch, new)
            return place(batch, new, foreseen, caller_key, actor_id, idempotency_key, fingerprint, clock.read()), False
    except IntegrityError as error:
        # Two edits of different batches with one key at the same moment.
        raise IdempotencyMismatch from error


def place(
    batch: Batch,
    new: NewEdit,
    foreseen: dict[str, Any],
    caller_key: str,
    actor_id: str,
    idempotency_key: str | None,
    fingerprint: bytes,
    now: dt.datetime,
) -> BatchEdit:
    """The edit's row and its audit row, under the batch's lock."""
    parameters = new.parameters
    if new.kind == Kind.DELETE:
        parameters["was"] = str(batch.state)
        batch.state = Batch.State.ARCHIVED
        batch.save(update_fields=["state"])
    edit = BatchEdit.objects.create(
        site_id=batch.site_id,
        batch=batch,
        kind=new.kind,
        parameters=parameters,
        reason=new.reason.strip(),
        last_serial=foreseeing.last_serial(batch),
        foreseen=foreseen,
        caller=caller_key,
        actor_id=actor_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint if idempotency_key is not None else None,
        due_at=now,
        created_at=now,
    )
    doorbell.ring("codes.work_job", "edit", edit.pk)
    note("batch.edit", edit, {"parameters": new.parameters, "last_serial": edit.last_serial, "foreseen": foreseen}, now)
    return edit


def work_edit(
    edit_id: int, on_progress: Callable[[BatchEdit], None] | None = None, *, seconds: float | None = None
) -> BatchEdit:
    """Work an edit off, for at most ``seconds`` if given; answers it as it then stands. Safe to call twice or beside another."""
    return jobs.work(BatchEdit, edit_id, step, on_progress, seconds=seconds)


def step(edit: BatchEdit) -> BatchEdit:
    """One chunk of a claimed edit. Where a code's lock is not had in time the chunk is tried again, within the lease."""
    try:
        return end_cancelled(edit) if edit.state == State.CANCELLING else edit_chunk(edit)
    except OperationalError as error:
        if not is_busy(error):
            raise
        return edit


def edit_chunk(claimed: BatchEdit) -> BatchEdit:
    """Change the next codes in order of serial, or end the edit after the last of them; one transaction."""
    with transaction.atomic(durable=True):
        edit = jobs.lock(claimed)
        last = end_of_chunk(edit)
        codes, held = lock_codes(edit, last)
        now = clock.read()
        change_codes(edit, codes, held, last, now)
        edit.serial = last
        jobs.renew(edit, now)
        if edit.serial >= edit.last_serial:
            end(edit, now, State.DONE)
        edit.save()
    return edit


def end_of_chunk(edit: BatchEdit) -> int:
    """The last serial of the next chunk. Serials have gaps where an order was cancelled."""
    following = Code.objects.filter(batch=edit.batch_id, serial__gt=edit.serial, serial__lte=edit.last_serial)
    found = list(following.order_by("serial").values_list("serial", flat=True)[CHUNK - 1 : CHUNK])
    return found[0] if found else edit.last_serial


def lock_codes(edit: BatchEdit, last: int) -> tuple[list[tuple[int, Standing, int | None, bool]], dict[int, int]]:
    """The chunk's codes, read under their locks, which are taken by ID: (ID, standing, asset ID, whether it is issued); and of
    those that are held, how many uses are, by ID."""
    found = locking.select_for_update(
        """SELECT c.id, c.state, c.uses, c.max_uses, c.valid_from, c.valid_until, c.value_expired_at, t.value,
                  t.asset_id, o.state, c.held
           FROM codes_code c JOIN codes_terms t ON t.id = c.terms_id JOIN codes_issueorder o ON o.id = c.order_id
           WHERE c.batch_id = %s AND c.serial > %s AND c.serial <= %s ORDER BY c.id {lock c}""",
        [edit.batch_id, edit.serial, last],
    )
    codes = [
        (
            row[0],
            Standing(
                row[1], row[2], row[3], row[4] and budgets.aware(row[4]), row[5] and budgets.aware(row[5]),
                row[6] is not None, row[7],
            ),
            row[8],
            row[9] == IssueOrder.State.DONE,
        )
        for row in found
    ]  # fmt: skip
    return codes, {row[0]: row[10] for row in found if row[10]}


def change_codes(
    edit: BatchEdit,
    codes: list[tuple[int, Standing, int | None, bool]],
    held: dict[int, int],
    last: int,
    now: dt.datetime,
) -> None:
    """Judge each code by the rule for single ones, write all that change in one statement, and book what they move."""
    change = foreseeing.change_of(edit.kind, edit.parameters)
    # Most codes of a batch stand alike, and what stands alike changes alike.
    judged: dict[tuple[Standing, bool], tuple[Standing | str, list[Move]]] = {}
    passed_over: Counter[str] = Counter(edit.reasons)
    moved: Counter[tuple[int, Move]] = Counter()
    writes: list[tuple[int, Standing]] = []
    for code_id, standing, asset_id, is_issued in codes:
        if (standing, is_issued) not in judged:
            after = foreseeing.judge(edit.kind, change, standing, is_issued, now)
            found = [] if isinstance(after, str) else list(changing.moves(standing, after))
            judged[standing, is_issued] = (after, found)
        after, moves = judged[standing, is_issued]
        if isinstance(after, str):
            passed_over[after] += 1
            edit.passed_over += 1
            continue
        writes.append((code_id, after))
        if asset_id is not None:
            for move in moves:
                moved[asset_id, move] += 1
    releasing.give_way((i for i, after in writes if held.get(i, 0) > after.max_uses - after.uses), now)
    write(writes)
    edit.touched += len(writes)
    edit.reasons = dict(sorted(passed_over.items()))
    book(edit, moved, last, now)


def write(codes: list[tuple[int, Standing]]) -> None:
    """Raises CountsDiffer: a bug alarm, for every row is locked and was there."""
    if not codes:
        return
    columns = (("id", "bigint"), *STANDING_COLUMNS, ("expired", "boolean"))
    table, params = rows.as_table(
        columns, [(i, c.state, c.max_uses, c.valid_from, c.valid_until, c.expired) for i, c in codes]
    )
    assigned = ", ".join(f"{name} = v.{name}" for name, _ in STANDING_COLUMNS)
    touched = rows.write(
        f"""UPDATE codes_code SET {assigned},
                value_expired_at = CASE WHEN v.expired THEN codes_code.value_expired_at END
            FROM {table} WHERE codes_code.id = v.id AND codes_code.state <> 'deleted'
                AND codes_code.uses <= v.max_uses""",  # noqa: S608
        params,
    )
    if touched.count != len(codes):
        raise CountsDiffer


def book(edit: BatchEdit, moved: Counter[tuple[int, Move]], last: int, now: dt.datetime) -> None:
    """One ledger transaction for each asset and type of move in the chunk."""
    assets = Asset.objects.in_bulk({asset_id for asset_id, _ in moved})
    sums: Counter[tuple[int, str, str, str]] = Counter()
    for (asset_id, move), times in moved.items():
        sums[asset_id, str(move.type), move.source, move.target] += move.amount * times
    comment = f"Edit {edit.pk} of batch {edit.batch_id}: codes {edit.serial + 1} to {last}"
    batch_value.move_all(
        [
            BatchMove(
                type=type_, source=source, target=target, site_id=edit.site_id, batch_id=edit.batch_id,
                asset=assets[asset_id], amount=amount, comment=comment,
            )
            for (asset_id, type_, source, target), amount in sorted(sums.items())
        ],
        now,
    )  # fmt: skip
    total = Counter({(each["asset"], each["type"]): each["amount"] for each in edit.moved})
    for (asset_id, type_, _, _), amount in sums.items():
        total[assets[asset_id].code, type_] += amount
    edit.moved = [{"asset": code, "type": type_, "amount": amount} for (code, type_), amount in sorted(total.items())]


def cancel_edit(edit: BatchEdit, *, actor_id: str, reason: str = "") -> bool:
    """Have an edit that is not done go no further; False if it is too late. What it has done stays; a deletion that is
    broken off leaves the batch as it was, less the codes that are deleted already.

    Raises ValidationError where it failed long ago and another edit is under way.
    """
    try:
        detail = {"edit": edit.pk, "reason": reason}
        return jobs.cancel(edit, "batch.edit_cancel", "batch", edit.batch_id, actor_id=actor_id, detail=detail)
    except IntegrityError as error:
        raise ValidationError({"batch": ["Another edit of this batch is still under way."]}) from error


def end_cancelled(claimed: BatchEdit) -> BatchEdit:
    """End a cancelled edit where it stands."""
    with transaction.atomic(durable=True):
        edit = jobs.lock(claimed)
        if edit.kind == Kind.DELETE:
            locking.lock_ids(Batch, [edit.batch_id])
            Batch.objects.filter(pk=edit.batch_id, state=Batch.State.ARCHIVED).update(state=edit.parameters["was"])
        end(edit, clock.read(), State.CANCELLED)
        edit.save()
    return edit


def end(edit: BatchEdit, now: dt.datetime, state: str) -> None:
    """The edit has ended, and the audit says how many codes it changed and what moved. The caller saves."""
    jobs.finish(edit, now, state)
    done = {"touched": edit.touched, "passed_over": edit.reasons, "moved": edit.moved, "up_to": edit.serial}
    note("batch.edited", edit, {"state": str(edit.state), **done}, now)


def note(action: str, edit: BatchEdit, detail: dict[str, Any], now: dt.datetime) -> None:
    auditing.record(
        action,
        site=edit.site_id,
        actor_id=edit.actor_id,
        object_type="batch",
        object_id=edit.batch_id,
        detail={"edit": edit.pk, "kind": str(edit.kind), "reason": edit.reason, **detail},
        now=now,
    )
