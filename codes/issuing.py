"""Issuing: the one deed that makes exactly N codes, for the admin, the API, the command and the task.

An order's codes are made in chunks, each one transaction, and stay unknown to every look-up until a last commit activates them
all and books their value. Killed anywhere, it goes on where it stopped; cancelled, it leaves no code.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from accounts import clock, locking
from codes import batch_value, drawing, import_issuing, jobs, lookup, ordering, replenishing, storing
from codes.drawing import Sealed
from codes.models import Batch, Code, IssueOrder
from codes.ordering import NewBatch, order_batch, order_more
from codes.refusals import CodeFormatInvalid
from codes.storing import Block
from codes.terms import make_terms
from ledger.models import LedgerTransaction

__all__ = ["NewBatch", "cancel_order", "issue_supplied", "order_batch", "order_more", "order_supplied", "work_order"]

State = IssueOrder.State
CHUNK = 20_000  # At most, in one transaction: twice as many would be hardly quicker, and take 40 MB more.
LEAST_STRIDE, FIRST_STRIDE = 500, 5_000  # So that the slowest machine is far below the lease, before its pace is known.
# What a chunk is to take. SQLite has one writer, and redemptions are to come in between.
STRIDE_SECONDS = {"postgresql": 1.0, "sqlite": 0.15}
MOST_SUPPLIED = 1_000


def work_order(
    order_id: int, on_progress: Callable[[IssueOrder], None] | None = None, *, seconds: float | None = None
) -> IssueOrder:
    """Work an order off, for at most ``seconds`` if given; answers it as it then stands. Safe to call twice or beside another."""
    return jobs.work(IssueOrder, order_id, step, on_progress, seconds=seconds)


def step(order: IssueOrder) -> IssueOrder:
    """One chunk of a claimed order."""
    if order.state == State.CANCELLING:
        return cancel_chunk(order)
    return import_issuing.step(order, activate) if order.source_id else issue_chunk(order)


def issue_chunk(claimed: IssueOrder) -> IssueOrder:
    """Make the next codes of the order, or activate it when all are there; one transaction."""
    started = time.monotonic()
    with transaction.atomic(durable=True):
        order = jobs.lock(claimed, "terms__asset")
        order.stride, order.ahead = claimed.stride, claimed.ahead
        now = clock.read()
        count = min(order.ahead.count if order.ahead else stride_of(order), order.wanted - order.issued)
        if count:
            insert_codes(order, count)
            order.issued += count
            jobs.renew(order, now)
        if order.issued == order.wanted:
            activate(order, now)
        order.save()
    return adapt(order, count, started)


def stride_of(claimed: IssueOrder) -> int:
    """How many codes this chunk makes or removes."""
    return min(CHUNK, claimed.stride or FIRST_STRIDE)


def adapt(order: IssueOrder, stride: int, started: float) -> IssueOrder:
    """The order after a chunk, which its worker will go on with at a fitting pace."""
    took, wanted = time.monotonic() - started, STRIDE_SECONDS[connection.vendor]
    order.stride = jobs.next_stride(stride, took, wanted, least=LEAST_STRIDE)
    return order


def lock_batch(order: IssueOrder) -> Batch:
    """The order's batch, locked after the order and only where it changes: redemptions of a capped batch wait for this lock."""
    return locking.lock_ids(Batch, [order.batch_id])[order.batch_id]


def insert_codes(order: IssueOrder, count: int) -> None:
    """Store the order's next ``count`` codes; a drawn one that happens to exist already is drawn again."""
    first = order.first_serial + order.issued
    missing = storing.store(order, drawn_codes(order, range(first, first + count)))
    while missing:
        drawn = drawing.draw(order.site_id, order.terms, len(missing))
        missing = storing.store(order, [block_of(order, missing, drawn)])


def drawn_codes(order: IssueOrder, serials: Sequence[int]) -> list[Block]:
    """As many codes of the format of the order's terms; on PostgreSQL the next ones are drawn while it stores these."""
    ahead, order.ahead = order.ahead, None
    count = len(serials)
    drawn = ahead.take() if ahead and ahead.count == count else drawing.draw(order.site_id, order.terms, count)
    left = order.wanted - order.issued - count
    if left and connection.vendor == "postgresql":
        order.ahead = drawing.Ahead(order.site_id, order.terms, min(left, stride_of(order)))
    return [block_of(order, serials, drawn)]


def block_of(order: IssueOrder, serials: Sequence[int], sealed: Sealed, owner_id: int | None = None) -> Block:
    """Codes on the terms of the order."""
    terms = order.terms
    codes = [(serial, *code) for serial, code in zip(serials, sealed.codes, strict=True)]
    return Block(terms.pk, terms.uses, terms.valid_from, terms.valid_until, sealed.key_version, codes, owner_id)


def activate(order: IssueOrder, now: dt.datetime) -> None:
    """The last commit of an order: its codes become known and their value is issued, once."""
    batch = lock_batch(order)
    jobs.finish(order, now)
    if batch.state == Batch.State.ISSUING:
        Batch.objects.filter(pk=batch.pk).update(state=Batch.State.ACTIVE)
    terms = order.terms
    if terms.asset:
        batch_value.move(
            LedgerTransaction.Type.ACTIVATION,
            "funding",
            "outstanding",
            site_id=order.site_id,
            batch_id=batch.pk,
            asset=terms.asset,
            amount=order.source.worth if order.source else terms.value * terms.uses * order.wanted,
            comment=f"{order.wanted} codes of batch {batch.pk}",
            now=now,
        )


def cancel_order(order: IssueOrder, *, actor_id: str, reason: str = "") -> bool:
    """Have an order that is not done leave no code; False if it is too late. The codes go in chunks, by whoever works orders."""
    detail = {"reason": reason} if reason else None
    return jobs.cancel(order, "batch.cancel", "batch", order.batch_id, actor_id=actor_id, detail=detail)


def cancel_chunk(claimed: IssueOrder) -> IssueOrder:
    """Remove the next codes of a cancelled order, nobody having known them; the last chunk ends it."""
    stride, started = stride_of(claimed), time.monotonic()
    with transaction.atomic(durable=True):
        order = jobs.lock(claimed)
        now = clock.read()
        last = order.first_serial + order.issued
        first = max(order.first_serial, last - stride)
        rows = Code.objects.filter(batch=order.batch_id, order=order, serial__gte=first, serial__lt=last)
        # One statement and no reading: if anything pointed at one of them, its foreign key would refuse.
        rows._raw_delete(rows.db)
        order.issued = first - order.first_serial
        jobs.renew(order, now)
        if not order.issued:
            jobs.finish(order, now, State.CANCELLED)
            if order.source_id:
                import_issuing.give_up(order, now)
            batch = lock_batch(order)
            if batch.state == Batch.State.ISSUING:
                Batch.objects.filter(pk=batch.pk).update(state=Batch.State.CANCELLED)
            replenishing.stop(batch, "An order was cancelled.")  # Or the poller would order the same again at once.
        order.save()
    return adapt(order, stride, started)


def issue_supplied(new: NewBatch, texts: Sequence[str], *, owner_id: int | None = None) -> Batch:
    """As ``order_supplied``, for those who want the batch."""
    return order_supplied(new, texts, owner_id=owner_id)[0].batch


def order_supplied(new: NewBatch, texts: Sequence[str], *, owner_id: int | None = None) -> tuple[IssueOrder, bool]:
    """Issue codes given as they are, up to 1,000, all in one transaction; ``new.count`` and ``new.format`` are not looked at.

    Answers the order, which is done, and whether it had been given before. Raises ValidationError: an unreadable code, one twice,
    one the site has already (whatever its spelling); and IdempotencyMismatch.
    """
    if not 1 <= len(texts) <= MOST_SUPPLIED:
        raise ValidationError({"codes": [f"Give 1 to {MOST_SUPPLIED:,} codes."]})
    said = {"count": len(texts), "format": "supplied", "pattern": "", "supplied": tuple(texts)}
    spec = NewBatch(**{**vars(new), **said})
    forms = canonical_forms(texts)
    earlier = jobs.find_earlier(IssueOrder, spec.caller_key, spec.idempotency_key, spec.fingerprint())
    if earlier:
        return earlier, True
    try:
        with transaction.atomic(durable=True):
            batch = ordering.make_batch(spec)
            order = ordering.write_order(spec, batch, make_terms(spec, in_batch=None))
            serials = range(order.first_serial, order.first_serial + order.wanted)
            if storing.store(order, [block_of(order, serials, drawing.seal(order.site_id, texts, forms), owner_id)]):
                raise IntegrityError
            order.issued, order.started_at = order.wanted, batch.created_at
            activate(order, batch.created_at)
            order.save()
    except (IntegrityError, ValidationError) as error:
        earlier = jobs.find_earlier(IssueOrder, spec.caller_key, spec.idempotency_key, spec.fingerprint())
        if earlier:  # The same request, running beside this one, was faster.
            return earlier, True
        if isinstance(error, ValidationError):
            raise
        raise ValidationError({"codes": ["One of these codes exists already."]}) from error
    batch.refresh_from_db()
    return order, False


def canonical_forms(texts: Sequence[str]) -> list[str]:
    """The form of each under which it is found. Raises ValidationError."""
    forms = []
    for number, text in enumerate(texts, 1):
        if len(text) > lookup.LONGEST_TYPED:
            # Nobody could type it as it is shown: a door takes no more (redemption flow, section 2).
            raise ValidationError({"codes": [f"Code {number} is longer than {lookup.LONGEST_TYPED} characters."]})
        try:
            forms.append(lookup.canonical(text))
        except CodeFormatInvalid as error:
            raise ValidationError({"codes": [f"Code {number} cannot be read as a code."]}) from error
    if len(set(forms)) < len(forms):
        raise ValidationError({"codes": ["The same code is given twice; O and 0, and I, L and 1, count as equal."]})
    return forms
