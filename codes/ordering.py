"""Ordering codes: what staff or a client wants becomes a batch, its terms and an order, which issuing then works off."""

import datetime as dt
import json
from dataclasses import dataclass, field, fields
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, clock, digests, locking
from accounts.models import Site
from accounts.models.sites import time_zones
from codes import doorbell, formats
from codes.actions.registry import ACTIONS
from codes.models import Batch, IssueOrder, Terms
from codes.refusals import IdempotencyMismatch
from codes.validity import instants
from ledger.models import Asset

State = IssueOrder.State
MOST_CODES = 10_000_000
LARGEST_VALUE = 10**12
LARGEST_TOTAL = 10**15


@dataclass(frozen=True, kw_only=True)
class NewBatch:
    """A batch to be, with the terms of its codes and how many there are to be.

    ``value`` is in minor units of the asset; ``valid_from`` and ``valid_until`` are days in ``time_zone``, the last one included.
    ``caller_key`` scopes the idempotency key; ``actor_id`` is who the audit names.
    """

    site_id: int
    name: str
    count: int
    caller_key: str
    actor_id: str
    action: str = "credit"
    parameters: dict[str, Any] = field(default_factory=dict)
    asset_code: str = ""
    value: int = 0
    uses: int = 1
    uses_per_claimant: int = 1
    cooldown_seconds: int = 0
    venues: list[str] = field(default_factory=list)
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None
    time_zone: str = "UTC"
    format: str = "ours"
    pattern: str = ""
    total_cap: int | None = None
    replenish_below: int | None = None
    replenish_by: int | None = None
    idempotency_key: str | None = None

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that was asked for."""
        said = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "idempotency_key"}
        # Asked for by nobody before there was such a thing: a key that was used then keeps its digest.
        said = {name: value for name, value in said.items() if value is not None or not name.startswith("replenish_")}
        # Not orjson: it refuses whole numbers of more than 64 bits, which are told as out of bounds later.
        return digests.keyed("order_batch", json.dumps(said, sort_keys=True, default=str))


def order_batch(new: NewBatch) -> tuple[IssueOrder, bool]:
    """Write a batch, its terms and the order for its codes; answers the order and whether it had been given before.

    Raises ValidationError with field names (nothing is written then), and IdempotencyMismatch.
    """
    earlier = earlier_order(new.caller_key, new.idempotency_key, new.fingerprint())
    if earlier:
        return earlier, True
    try:
        with transaction.atomic(durable=True):
            terms = make_terms(new, in_batch=new.count)
            order = write_order(new, make_batch(new), terms)
    except (IntegrityError, ValidationError) as error:
        earlier = earlier_order(new.caller_key, new.idempotency_key, new.fingerprint())
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
            earlier = earlier_order(caller_key, idempotency_key, fingerprint)
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


def earlier_order(caller_key: str, idempotency_key: str | None, fingerprint: bytes) -> IssueOrder | None:
    """The order that this caller's key belongs to. Raises IdempotencyMismatch if it was for something else."""
    if idempotency_key is None:
        return None
    order = (
        IssueOrder.objects.filter(caller=caller_key, idempotency_key=idempotency_key).select_related("batch").first()
    )
    if order and bytes(order.fingerprint or b"") != fingerprint:
        raise IdempotencyMismatch
    return order


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


def make_terms(new: NewBatch, *, in_batch: int | None) -> Terms:
    """The terms row, checked; ``in_batch`` codes will be drawn in its format, None where they are supplied.

    Raises ValidationError with field names.
    """
    site = Site.objects.get(pk=new.site_id)
    check_count(new.count)
    bounds = {
        "uses": (new.uses, 1, 10**6),
        "uses_per_claimant": (new.uses_per_claimant, 1, 10**6),
        "cooldown_seconds": (new.cooldown_seconds, 0, 10 * 366 * 86_400),
        "value": (new.value, 0, LARGEST_VALUE),
    }
    wrong = {
        name: [f"Give a whole number from {low:,} to {high:,}."]
        for name, (got, low, high) in bounds.items()
        if not low <= got <= high
    }
    if new.action not in ACTIONS:
        wrong["action"] = [f"Choose one of: {', '.join(ACTIONS)}."]
    if new.time_zone not in time_zones():
        wrong["time_zone"] = ["This time zone is not known."]
    if not all(isinstance(venue, str) and 0 < len(venue) <= 100 for venue in new.venues) or len(new.venues) > 1_000:
        wrong["venues"] = ["Give up to 1,000 venue IDs of up to 100 characters."]
    asset = Asset.objects.filter(code=new.asset_code).first() if new.asset_code else None
    if new.asset_code and asset is None:
        wrong["asset"] = ["This asset is not known."]
    if bool(new.asset_code) != bool(new.value):
        wrong.setdefault("value", ["A value and its asset come together."])
    if wrong:
        raise ValidationError(wrong)
    check_total(new.value * new.uses * new.count)
    if in_batch is not None:
        formats.check(new.format, new.pattern, in_batch, site.guesses_per_year)
    valid_from, valid_until = instants(new.valid_from, new.valid_until, new.time_zone)
    return Terms.objects.create(
        site_id=new.site_id,
        action=new.action,
        parameters=ACTIONS[new.action].clean(new.site_id, new.parameters, asset, new.value),
        asset=asset,
        value=new.value,
        uses=new.uses,
        uses_per_claimant=new.uses_per_claimant,
        cooldown_seconds=new.cooldown_seconds,
        venues=new.venues,
        valid_from=valid_from,
        valid_until=valid_until,
        time_zone=new.time_zone,
        format=new.format,
        pattern=new.pattern,
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


def check_count(count: int) -> None:
    if not 1 <= count <= MOST_CODES:
        raise ValidationError({"count": [f"Give a whole number from 1 to {MOST_CODES:,}."]})


def check_total(total: int) -> None:
    if total > LARGEST_TOTAL:
        raise ValidationError({"value": ["All codes together would be worth more than can be booked."]})
