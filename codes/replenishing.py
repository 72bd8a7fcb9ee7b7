"""Replenishing: batches that run low get more codes by themselves, one order at a time.

Low is a batch with fewer free codes than it says itself. Free is a code that nobody has used or owns, that is switched on and
has not expired. Where no more can be ordered, replenishing stops and the batch says why, until somebody sets it anew.
"""

import logging

from django.core.exceptions import ValidationError
from django.db import OperationalError, transaction
from django.db.models import Q, QuerySet

from accounts import auditing, clock, locking
from codes import jobs, ordering
from codes.models import Batch, Code, IssueOrder
from codes.redemption.rollback import busy_as_refusal
from codes.terms import LARGEST_TOTAL

log = logging.getLogger(__name__)

CALLER = "replenishing"
ACTOR = "system"


def replenish_due() -> int:
    """Order more codes for every batch that runs low; answers how many orders were placed. Safe beside itself."""
    placed = 0
    for batch in candidates().order_by("pk"):
        if not is_low(batch):
            continue
        try:
            placed += replenish(batch.pk) is not None
        except OperationalError:
            log.info("batch is busy", extra={"batch": batch.pk})  # The next round finds it again.
    return placed


def candidates() -> "QuerySet[Batch]":
    """Batches that replenish themselves and are not being issued just now."""
    kept = Batch.objects.filter(state=Batch.State.ACTIVE, replenish_below__isnull=False, replenish_error="")
    return kept.exclude(orders__state__in=jobs.OPEN)


def is_low(batch: Batch) -> bool:
    """Whether fewer codes are free than the batch wants; ``batch`` replenishes itself."""
    return count_free(batch, batch.replenish_below or 0) < (batch.replenish_below or 0)


def count_free(batch: Batch, most: int) -> int:
    """How many codes are free, counted up to ``most`` from the newest down: of a full pool no more rows are read than that."""
    free = Code.objects.filter(
        Q(valid_until=None) | Q(valid_until__gt=clock.read()),
        batch=batch,
        order__state=IssueOrder.State.DONE,
        state=Code.State.ACTIVE,
        redemptions=0,
        owner=None,
    )
    return free.order_by("-serial").values("serial")[:most].count()


def replenish(batch_id: int) -> IssueOrder | None:
    """Order more codes for a batch that was found low; None if that has been done, was undone, or cannot be."""
    with transaction.atomic(durable=True):
        batch = locking.lock_ids(Batch, [batch_id])[batch_id]
        # Under the lock, under which every order is placed: another poller may have been faster.
        if not candidates().filter(pk=batch_id).exists() or not is_low(batch):
            return None
        last = batch.orders.select_related("terms").latest("id")
        now = clock.read()
        try:
            if last.state == IssueOrder.State.FAILED:
                raise ValidationError("Its last order has failed: cancel that first.")
            terms = ordering.newest_drawn_terms(batch)
            if terms.valid_until and terms.valid_until <= now:
                raise ValidationError("More codes of its terms would have expired already.")
            count = batch.replenish_by or 0
            ordering.check_more(batch, terms, count)
        except ValidationError as error:
            stop(batch, " ".join(error.messages)[:200])
            return None
        # One order after each: even if everything else failed, the key would keep a second one out.
        key = f"{batch.pk}-after-{last.pk}"
        return ordering.place(
            batch, terms, count, CALLER, ACTOR, key, ordering.more_fingerprint(batch, terms, count), now
        )


def stop(batch: Batch, why: str) -> None:
    """No more codes by themselves: the batch, locked by whoever calls, says why. Nothing if it does not replenish itself."""
    if batch.replenish_below is None or batch.replenish_error:
        return
    Batch.objects.filter(pk=batch.pk).update(replenish_error=why)
    log.error("replenishing stopped", extra={"batch": batch.pk, "why": why})
    note("batch.replenish_stop", batch, ACTOR, {"why": why})


def set_replenishing(batch: Batch, below: int | None, by: int | None, *, actor_id: str, reason: str = "") -> Batch:
    """Have the batch replenish itself by so many codes when fewer than ``below`` are free; both None: no more.

    It begins anew where it had stopped. Raises ValidationError with field names, and CodeBusy.
    """
    ordering.check_replenishing(below, by)
    with busy_as_refusal(), transaction.atomic(durable=True):
        batch = locking.lock_ids(Batch, [batch.pk])[batch.pk]
        if batch.state not in (Batch.State.ISSUING, Batch.State.ACTIVE, Batch.State.DISABLED):
            raise ValidationError({"replenish_below": ["This batch does not live any more."]})
        if by is not None:
            terms = ordering.newest_drawn_terms(batch)
            if terms.format == "supplied":
                raise ValidationError(
                    {"replenish_by": ["The codes of this batch were given as they are: none can be drawn."]}
                )
            if terms.value * terms.uses * by > LARGEST_TOTAL:
                raise ValidationError({"replenish_by": ["They would be worth more than can be booked at once."]})
        before = [batch.replenish_below, batch.replenish_by]
        batch.replenish_below, batch.replenish_by, batch.replenish_error = below, by, ""
        batch.save(update_fields=["replenish_below", "replenish_by", "replenish_error"])
        note("batch.replenish", batch, actor_id, {"before": before, "after": [below, by], "reason": reason})
    return batch


def note(action: str, batch: Batch, actor_id: str, detail: dict[str, object]) -> None:
    auditing.record(
        action,
        site=batch.site_id,
        actor_id=actor_id,
        object_type="batch",
        object_id=batch.pk,
        detail=detail,
        now=clock.read(),
    )
