"""Importing codes made elsewhere: a file is received and checked, and its good rows become codes once somebody confirms.

The deeds of the admin, the API and the command. The check is a job (import_checking.py); confirming makes an order whose codes
come from the file's rows (import_issuing.py).
"""

import datetime as dt
from dataclasses import dataclass, fields
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.db.models import F

from accounts import auditing, clock, digests, locking, rows
from codes import doorbell, import_checking, import_reading, jobs, keys, ordering
from codes.import_checking import PIECE
from codes.models import Batch, CodeImport, ImportPiece, IssueOrder, Terms
from codes.refusals import RequestTooLarge
from codes.terms import NewBatch, check_total, make_terms

__all__ = ["LARGEST_FILE", "NewImport", "confirm_import", "discard_import", "receive_import", "work_import"]

State = CodeImport.State
LARGEST_FILE = 32 * 1024 * 1024
KEPT = dt.timedelta(days=7)  # How long a checked file waits for somebody to confirm it.
# What a file says by itself, or what belongs to a request.
NOT_KEPT = frozenset({"count", "format", "pattern", "idempotency_key"})


@dataclass(frozen=True, kw_only=True)
class NewImport:
    """A file of codes to be checked, and what they are to be: a new batch (``new``) or more of a living one (``batch``)."""

    site_id: int
    caller_key: str
    actor_id: str
    file: bytes | memoryview
    file_name: str = ""
    new: NewBatch | None = None
    batch: Batch | None = None
    idempotency_key: str | None = None

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that was asked for, the file's bytes among it."""
        wish = self.new.fingerprint() if self.new else f"batch {self.batch and self.batch.pk}"
        return digests.keyed("import", wish, self.file)  # type: ignore[arg-type]


def receive_import(given: NewImport) -> tuple[CodeImport, bool]:
    """Store a file sealed, to be checked; answers the import and whether it had been given before.

    Raises RequestTooLarge, IdempotencyMismatch, and ValidationError on a file that is none of codes or a wish that cannot be.
    Nothing is stored then.
    """
    if len(given.file) > LARGEST_FILE:
        raise RequestTooLarge
    fingerprint = given.fingerprint()
    if earlier := jobs.find_earlier(CodeImport, given.caller_key, given.idempotency_key, fingerprint):
        return earlier, True
    layout = import_reading.find_layout(given.file)
    try:
        with transaction.atomic(durable=True):
            now = clock.read()
            source = CodeImport.objects.create(
                site_id=given.site_id,
                batch=given.batch,
                ordered=wish_of(given),
                file_name=plain_name(given.file_name),
                size=len(given.file),
                layout=layout.as_json(),
                pieces=-(-len(given.file) // PIECE),
                read=layout.start,
                line=layout.line - 1,
                caller=given.caller_key,
                actor_id=given.actor_id,
                idempotency_key=given.idempotency_key,
                fingerprint=fingerprint if given.idempotency_key is not None else None,
                due_at=now,
                created_at=now,
            )
            store_pieces(source, given.file)
            doorbell.ring("codes.work_job", "import", source.pk)
            audit("import.receive", source, given.actor_id, now, {"bytes": source.size})
    except IntegrityError:
        # The same request, running beside this one, was faster.
        if earlier := jobs.find_earlier(CodeImport, given.caller_key, given.idempotency_key, fingerprint):
            return earlier, True
        raise
    return source, False


def wish_of(given: NewImport) -> dict[str, Any]:
    """What confirming will need. Raises ValidationError with field names on what could never be confirmed."""
    if given.batch:
        return {"terms": check_living(given.batch).pk}
    assert given.new, "Codes go into a new batch or a living one."
    new = supplied(given.new, count=1)
    point = transaction.savepoint()
    ordering.make_batch(new)
    make_terms(new, in_batch=None)
    transaction.savepoint_rollback(point)  # Only to hear what is wrong with them.
    return {each.name: getattr(new, each.name) for each in fields(new) if each.name not in NOT_KEPT}


def supplied(new: NewBatch, count: int) -> NewBatch:
    return NewBatch(**{**vars(new), "count": count, "format": "supplied", "pattern": "", "idempotency_key": None})


def check_living(batch: Batch) -> Terms:
    """The terms that more codes of the batch are on: its last order's. Raises ValidationError unless it is a living one."""
    if batch.state not in (Batch.State.ACTIVE, Batch.State.DISABLED):
        raise ValidationError({"batch": ["Codes can be added once the batch has been issued."]})
    return batch.orders.filter(state=IssueOrder.State.DONE).select_related("terms").latest("id").terms


def plain_name(name: str) -> str:
    """The file's own name, without folders and without what cannot be printed."""
    name = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(character for character in name if character.isprintable())[:200]


def store_pieces(source: CodeImport, data: bytes | memoryview) -> None:
    for number in range(source.pieces):
        version, sealed = keys.seal_bytes(source.site_id, bytes(data[number * PIECE : (number + 1) * PIECE]))
        ImportPiece.objects.create(source=source, number=number, key_version=version, sealed=sealed)


def work_import(source: CodeImport, on_progress: Any = None) -> CodeImport:
    """Work the check off in this process; safe beside a worker."""
    return jobs.work(CodeImport, source.pk, import_checking.step, on_progress)


def confirm_import(source_id: int, *, caller_key: str, actor_id: str) -> IssueOrder:
    """Order the codes of the good rows, once: asked again it answers the same order.

    Raises ValidationError: not checked yet, discarded, nothing to import, a batch that cannot be (any more).
    """
    with transaction.atomic(durable=True):
        source = locking.lock_ids(CodeImport, [source_id])[source_id]
        earlier = IssueOrder.objects.filter(source=source).select_related("batch").first()
        if earlier:
            return earlier
        check_confirmable(source)
        check_total(source.worth)
        now = clock.read()
        if source.batch_id:
            batch = locking.lock_ids(Batch, [source.batch_id])[source.batch_id]
            check_living(batch)
            terms = Terms.objects.get(pk=source.ordered["terms"])
        else:
            new = ordered_batch(source)
            batch, terms = ordering.make_batch(new), make_terms(new, in_batch=None)
        order = ordering.place(batch, terms, source.good, caller_key, actor_id, None, b"", now)
        order.source = source
        order.save(update_fields=["source"])
        make_own_terms(source, terms)
        source.confirmed_at = now
        source.save(update_fields=["confirmed_at"])
        audit("import.confirm", source, actor_id, now, {"count": source.good, "batch": batch.pk, "order": order.pk})
    return order


def check_confirmable(source: CodeImport) -> None:
    if source.state in (State.CANCELLING, State.CANCELLED):
        raise ValidationError({"state": ["This import was discarded."]})
    if source.state == State.FAILED:
        raise ValidationError({"state": ["The check failed. Send the file again."]})
    if source.state != State.DONE:
        raise ValidationError({"state": ["The file is still being checked."]})
    if not source.good:
        raise ValidationError(
            {"file": ["There is nothing to import: no row of the file is a code that the site lacks."]}
        )


def ordered_batch(source: CodeImport) -> NewBatch:
    """The wish as it was received."""
    wish = dict(source.ordered)
    for name in ("valid_from", "valid_until"):
        wish[name] = dt.date.fromisoformat(wish[name]) if wish[name] else None
    # The rows' own worth is what counts, and has been summed.
    return NewBatch(**wish, count=1, format="supplied")


def make_own_terms(source: CodeImport, terms: Terms) -> None:
    """Terms for the rows that have another value than the batch's: the same in all else, one for each value."""
    columns = [str(field.column) for field in Terms._meta.concrete_fields]
    same = [column for column in columns if column not in ("id", "value")]
    copied = ", ".join(f"t.{column}" for column in same)
    sql = f"""INSERT INTO codes_terms ({", ".join(same)}, value)
              SELECT {copied}, v.value FROM codes_terms t CROSS JOIN (
                  SELECT DISTINCT value FROM codes_importrow WHERE source_id = %s AND problem = '' AND value IS NOT NULL
              ) v WHERE t.id = %s AND v.value <> t.value RETURNING value, id"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, [source.pk, terms.pk])
        made = cursor.fetchall()
    kinds = (("source_id", "bigint"), ("value", "bigint"), ("terms_id", "bigint"))
    rows.add("codes_importterms", kinds, [(source.pk, *each) for each in made])


def discard_import(source: CodeImport, *, actor_id: str) -> bool:
    """Have an import that is not confirmed leave nothing but its counts; False if it is too late. Audited.

    The file and its rows go in chunks, by whoever works jobs.
    """
    with transaction.atomic(durable=True):
        source = locking.lock_ids(CodeImport, [source.pk])[source.pk]
        if source.state not in (*jobs.CANCELLABLE, State.DONE) or IssueOrder.objects.filter(source=source).exists():
            return False
        now = clock.read()
        CodeImport.objects.filter(pk=source.pk).update(
            state=State.CANCELLING, due_at=now, lease_until=None, token=F("token") + 1, attempts=0
        )
        doorbell.ring("codes.work_job", "import", source.pk)
        audit("import.discard", source, actor_id, now, {})
    return True


def audit(action: str, source: CodeImport, actor_id: str, now: dt.datetime, detail: dict[str, Any]) -> None:
    auditing.record(
        action,
        site=source.site_id,
        actor_id=actor_id,
        object_type="import",
        object_id=source.pk,
        detail=detail,
        now=now,
    )
