"""Ordering codes: what staff or a client wants becomes a batch, its terms and an order, which issuing then works off."""

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, clock, digests, locking
from accounts.models import Site
from codes import doorbell, formats, jobs
from codes.models import Batch, IssueOrder, Terms
from codes.refusals import IdempotencyMismatch
from codes.terms import LARGEST_TOTAL, MOST_CODES, NewBatch, check_count, check_total, make_terms

State = IssueOrder.State


def order_batch(new: NewBatch) -> tuple[IssueOrder, bool]:
    """Write a batch, its terms and the order for its codes; answers the order and whether it had been given before.

    Raises ValidationError with field names (nothing is written then), and IdempotencyMismatch.
    """
    earlier = jobs.find_earlier(IssueOrder, new.caller_key, new.idempotency_key, new.fingerprint())
    if earlier:
        return earlier, True
    try:
        with transaction.atomic(durable=True):
            terms = make_terms(new, in_batch=new.count)
            order = write_order(new, make_batch(new), terms)
    except (IntegrityError, ValidationError) as error:
        earlier = jobs.find_earlier(IssueOrder, new.caller_key, new.idempotency_key, new.fingerprint())
        if earlier:  # The same request, running beside this one, was faster: the name that is taken is its own.
            return earlier, True
        if isinstance(error, ValidationError):
            raise
        raise ValidationError({"name": ["There is a batch of this name already."]}) from error
    return order, False


def order_more(
    batch: Batch,
    count: int,
    *,
    caller_key: str,
    actor_id: str,
    terms: Terms | None = None,
    idempotency_key: str | None = None,
) -> IssueOrder:
    """Order more codes into a living batch, on the terms of its last order unless others are given.

    Raises ValidationError and IdempotencyMismatch.
    """
    return more_or_earlier(
        batch, count, caller_key=caller_key, actor_id=actor_id, terms=terms, idempotency_key=idempotency_key
    )[0]


def more_or_earlier(
    batch: Batch,
    count: int,
    *,
    caller_key: str,
    actor_id: str,
    terms: Terms | None = None,
    idempotency_key: str | None = None,
) -> tuple[IssueOrder, bool]:
    """As ``order_more``; answers the order and whether it had been given before."""
    fingerprint = more_fingerprint(batch, terms, count)
    try:
        with transaction.atomic(durable=True):
            batch = locking.lock_ids(Batch, [batch.pk])[batch.pk]
            # Under the lock, so that a retry running beside the first call waits and hears the same answer.
            earlier = jobs.find_earlier(IssueOrder, caller_key, idempotency_key, fingerprint)
            if earlier:
                return earlier, True
            terms = terms or newest_drawn_terms(batch)
            check_more(batch, terms, count)
            order = place(batch, terms, count, caller_key, actor_id, idempotency_key, fingerprint, clock.read())
            return order, False
    except IntegrityError as error:
        # Two orders for different batches with one key at the same moment.
        raise IdempotencyMismatch from error


def more_fingerprint(batch: Batch, terms: Terms | None, count: int) -> bytes:
    return digests.keyed("order_more", str(batch.pk), str(terms.pk) if terms else "", str(count))


def newest_drawn_terms(batch: Batch) -> Terms:
    """The terms of the batch's last order whose codes were drawn; of the last order at all where none were."""
    orders = batch.orders.select_related("terms").order_by("-id")
    order = orders.exclude(terms__format="supplied").first() or orders[0]
    return order.terms


def check_more(batch: Batch, terms: Terms, count: int) -> None:
    """Whether ``count`` codes on these terms can join the batch. Raises ValidationError with field names."""
    if batch.state not in (Batch.State.ACTIVE, Batch.State.DISABLED):
        raise ValidationError({"batch": ["Codes can be added once the batch has been issued."]})
    if terms.format == "supplied":
        raise ValidationError(
            {"format": ["The codes of this batch were given as they are: there is no format to draw by."]}
        )
    check_count(count)
    check_total(terms.value * terms.uses * count)
    guesses_per_year = Site.objects.values_list("guesses_per_year", flat=True).get(pk=batch.site_id)
    formats.check(terms.format, terms.pattern, batch.last_serial + count, guesses_per_year)


def write_order(new: NewBatch, batch: Batch, terms: Terms) -> IssueOrder:
    return place(
        batch, terms, new.count, new.caller_key, new.actor_id, new.idempotency_key, new.fingerprint(), batch.created_at
    )


def place(
    batch: Batch,
    terms: Terms,
    count: int,
    caller_key: str,
    actor_id: str,
    idempotency_key: str | None,
    fingerprint: bytes,
    now: dt.datetime,
) -> IssueOrder:
    """The order itself, with its range of serials, and its audit row; the batch is new or locked."""
    first_serial = batch.last_serial + 1
    batch.last_serial += count
    batch.save(update_fields=["last_serial"])
    order = IssueOrder.objects.create(
        site_id=batch.site_id,
        batch=batch,
        terms=terms,
        wanted=count,
        first_serial=first_serial,
        caller=caller_key,
        actor_id=actor_id,
        idempotency_key=idempotency_key,
        fingerprint=fingerprint if idempotency_key is not None else None,
        due_at=now,
        created_at=now,
    )
    doorbell.ring("codes.work_job", "issue", order.pk)
    auditing.record(
        "batch.order",
        site=batch.site_id,
        actor_id=actor_id,
        object_type="batch",
        object_id=batch.pk,
        detail={"count": count, "order": order.pk, "terms": terms.pk},
        now=now,
    )
    return order


def make_batch(new: NewBatch) -> Batch:
    """The batch row. Raises ValidationError on a name that is taken or no name."""
    name = new.name.strip()
    if not 0 < len(name) <= 100:
        raise ValidationError({"name": ["Give the batch a name of up to 100 characters."]})
    if Batch.objects.filter(site_id=new.site_id, name=name).exists():
        raise ValidationError({"name": ["There is a batch of this name already."]})
    if new.total_cap is not None and not 1 <= new.total_cap <= 10**12:
        raise ValidationError({"total_cap": ["A cap is 1 or more."]})
    check_replenishing(new.replenish_below, new.replenish_by)
    if new.replenish_by and new.value * new.uses * new.replenish_by > LARGEST_TOTAL:
        raise ValidationError({"replenish_by": ["They would be worth more than can be booked at once."]})
    return Batch.objects.create(
        site_id=new.site_id,
        name=name,
        total_cap=new.total_cap,
        replenish_below=new.replenish_below,
        replenish_by=new.replenish_by,
        created_by=new.actor_id,
        created_at=clock.read(),
    )


def check_replenishing(below: int | None, by: int | None) -> None:
    """Both or none, each from 1 to as many as an order may have. Raises ValidationError with field names."""
    given = {"replenish_below": below, "replenish_by": by}
    if below is None and by is None:
        return
    wrong = {
        name: [f"Give a whole number from 1 to {MOST_CODES:,}; both or none."]
        for name, number in given.items()
        if number is None or not 1 <= number <= MOST_CODES
    }
    if wrong:
        raise ValidationError(wrong)
