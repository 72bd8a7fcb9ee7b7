"""Issuing: the one deed that makes exactly N codes, for the admin, the API, the command and the task.

An order's codes are made in chunks, each one transaction, and stay unknown to every look-up until a last commit activates them
all and books their value. Killed anywhere, it goes on where it stopped; cancelled, it leaves no code.
"""

import datetime as dt
from collections.abc import Callable, Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import clock, locking, rows
from codes import batch_value, import_issuing, jobs, keys, lookup, ordering
from codes.formats import FORMATS
from codes.models import Batch, Code, IssueOrder
from codes.ordering import NewBatch, order_batch, order_more
from codes.refusals import CodeFormatInvalid
from ledger.models import LedgerTransaction

__all__ = ["NewBatch", "cancel_order", "issue_supplied", "order_batch", "order_more", "work_order"]

State = IssueOrder.State
CHUNK = 5_000
MOST_SUPPLIED = 1_000

CODE_COLUMNS = (
    ("site_id", "bigint"), ("batch_id", "bigint"), ("order_id", "bigint"), ("terms_id", "bigint"), ("serial", "bigint"),
    ("lookup_odd", "bytea"), ("lookup_even", "bytea"), ("sealed", "bytea"), ("key_version", "smallint"),
    ("state", "text"), ("max_uses", "integer"), ("uses", "integer"), ("redemptions", "integer"),
    ("valid_from", "timestamptz"), ("valid_until", "timestamptz"), ("owner_id", "bigint"), ("last_actor_id", "text"),
)  # fmt: skip


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
    with transaction.atomic(durable=True):
        order = jobs.lock(claimed, "terms__asset")
        now = clock.read()
        count = min(CHUNK, order.wanted - order.issued)
        if count:
            insert_codes(order, count)
            order.issued += count
            jobs.renew(order, now)
        if order.issued == order.wanted:
            activate(order, now)
        order.save()
    return order


def lock_batch(order: IssueOrder) -> Batch:
    """The order's batch, locked after the order and only where it changes: redemptions of a capped batch wait for this lock."""
    return locking.lock_ids(Batch, [order.batch_id])[order.batch_id]


def insert_codes(order: IssueOrder, count: int) -> None:
    """Generate, seal and store ``count`` codes; one that happens to exist already is drawn again."""
    drawn = FORMATS[order.terms.format].draw
    serials = list(range(order.first_serial + order.issued, order.first_serial + order.issued + count))
    while serials:
        texts = drawn(len(serials), order.terms.pattern)
        written = rows.insert(
            "codes_code",
            CODE_COLUMNS,
            [code_row(order, serial, text) for serial, text in zip(serials, texts, strict=True)],
            "ON CONFLICT DO NOTHING RETURNING serial",
        )
        if len(written) == len(serials):
            return
        there = {row[0] for row in written}
        serials = [serial for serial in serials if serial not in there]


def code_row(order: IssueOrder, serial: int, text: str, owner_id: int | None = None) -> tuple[object, ...]:
    terms = order.terms
    odd, even = keys.lookup_columns(order.site_id, lookup.canonical(text))
    version, sealed = keys.seal(order.site_id, text)
    return (
        order.site_id, order.batch_id, order.pk, terms.pk, serial, odd, even, sealed, version, Code.State.ACTIVE.value,
        terms.uses, 0, 0, terms.valid_from, terms.valid_until, owner_id, "",
    )  # fmt: skip


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


def cancel_order(order: IssueOrder, *, actor_id: str) -> bool:
    """Have an order that is not done leave no code; False if it is too late. The codes go in chunks, by whoever works orders."""
    return jobs.cancel(order, "batch.cancel", "batch", order.batch_id, actor_id=actor_id)


def cancel_chunk(claimed: IssueOrder) -> IssueOrder:
    """Remove the next codes of a cancelled order, nobody having known them; the last chunk ends it."""
    with transaction.atomic(durable=True):
        order = jobs.lock(claimed)
        now = clock.read()
        last = order.first_serial + order.issued
        first = max(order.first_serial, last - CHUNK)
        Code.objects.filter(batch=order.batch_id, order=order, serial__gte=first, serial__lt=last).delete()
        order.issued = first - order.first_serial
        jobs.renew(order, now)
        if not order.issued:
            jobs.finish(order, now, State.CANCELLED)
            if order.source_id:
                import_issuing.give_up(order, now)
            batch = lock_batch(order)
            if batch.state == Batch.State.ISSUING:
                Batch.objects.filter(pk=batch.pk).update(state=Batch.State.CANCELLED)
        order.save()
    return order


def issue_supplied(new: NewBatch, texts: Sequence[str], *, owner_id: int | None = None) -> Batch:
    """Issue codes given as they are, up to 1,000, all in one transaction; ``new.count`` and ``new.format`` are not looked at.

    Raises ValidationError: an unreadable code, one twice, one the site has already (whatever its spelling).
    """
    if not 1 <= len(texts) <= MOST_SUPPLIED:
        raise ValidationError({"codes": [f"Give 1 to {MOST_SUPPLIED:,} codes."]})
    spec = NewBatch(**{**vars(new), "count": len(texts), "format": "supplied", "pattern": ""})
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
    try:
        with transaction.atomic(durable=True):
            batch = ordering.make_batch(spec)
            order = ordering.write_order(spec, batch, ordering.make_terms(spec, in_batch=None))
            rows.insert(
                "codes_code",
                CODE_COLUMNS,
                [code_row(order, order.first_serial + i, text, owner_id) for i, text in enumerate(texts)],
            )
            order.issued, order.started_at = order.wanted, batch.created_at
            activate(order, batch.created_at)
            order.save()
    except IntegrityError as error:
        raise ValidationError({"codes": ["One of these codes exists already."]}) from error
    batch.refresh_from_db()
    return batch
