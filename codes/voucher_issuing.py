"""Issuing the codes of an item of an order: one a unit, worth its price, in the very transaction that moves the item.

They are ordinary codes of an order that is done from the first moment on, in the batch of their article.
"""

import datetime as dt

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, locking
from accounts.models import PrepaidSettings, Site
from codes import drawing, formats, issuing, storing
from codes.content_issuing import done_order
from codes.drawing import Sealed
from codes.models import Article, Batch, IssueOrder, ShopOrderItem, Terms
from codes.refusals import BatchNotActive

FORMAT = "prepaid"
MOST_NAMES = 1_000
State = Batch.State


def draw(site_id: int, count: int) -> Sealed:
    """The codes to be, drawn and sealed. Before the transaction: SQLite has one writer."""
    return drawing.draw(site_id, Terms(format=FORMAT), count)


def issue(item: ShopOrderItem, drawn: Sealed | None, now: dt.datetime, *, caller_key: str, actor_id: str) -> IssueOrder:
    """One code for each unit of the item, which is locked and has none; the caller stores the order with the item.

    Raises ValidationError (an item without worth) and BatchNotActive.
    """
    if not item.unit_price:
        raise ValidationError("A voucher that costs nothing is worth nothing: no code is issued for it.")
    article = locking.lock_ids(Article, [item.article_id])[item.article_id]
    batch = batch_of(article, actor_id, now)
    guesses_per_year = Site.objects.values_list("guesses_per_year", flat=True).get(pk=batch.site_id)
    formats.check(FORMAT, "", batch.last_serial + item.quantity, guesses_per_year)
    terms = Terms.objects.create(
        site_id=batch.site_id,
        action="credit",
        asset=item.asset,
        value=item.unit_price,
        valid_until=valid_until(batch.site_id, now),
        format=FORMAT,
    )
    order = done_order(batch, terms.pk, item.quantity, caller_key, actor_id, now)
    order.terms = terms
    store(order, drawn or draw(batch.site_id, item.quantity))
    issuing.activate(order, now)
    detail = {"count": order.wanted, "order": order.pk, "terms": terms.pk, "item": item.pk}
    auditing.record(
        "batch.order",
        site=batch.site_id,
        actor_id=actor_id,
        object_type="batch",
        object_id=batch.pk,
        detail=detail,
        now=now,
    )
    return order


def store(order: IssueOrder, drawn: Sealed) -> None:
    """Store the codes under the order; one that happens to exist is drawn again."""
    serials = range(order.first_serial, order.first_serial + order.wanted)
    missing = storing.store(order, [issuing.block_of(order, serials, drawn)])
    while missing:
        missing = storing.store(order, [issuing.block_of(order, missing, draw(order.site_id, len(missing)))])


def batch_of(article: Article, actor_id: str, now: dt.datetime) -> Batch:
    """The locked batch of the article, which is locked too; made where it has none, or none that lives.

    Raises BatchNotActive where staff have switched it off: nobody could redeem what would be sold.
    """
    batch = locking.lock_ids(Batch, [article.batch_id]).get(article.batch_id) if article.batch_id else None
    if batch is not None and batch.state == State.DISABLED:
        raise BatchNotActive
    if batch is None or batch.state != State.ACTIVE:
        batch = article.batch = make_batch(article, actor_id, now)
        article.save(update_fields=["batch"])
    return batch


def make_batch(article: Article, actor_id: str, now: dt.datetime) -> Batch:
    """A batch named after the article; where that name is taken, with a number behind it."""
    wanted = f"Article {article.number}: {article.name}"
    for number in range(1, MOST_NAMES):
        behind = f" ({number})" if number > 1 else ""
        try:
            with transaction.atomic():
                return Batch.objects.create(
                    site_id=article.site_id,
                    name=wanted[: 100 - len(behind)] + behind,
                    created_by=actor_id,
                    created_at=now,
                )
        except IntegrityError:
            continue
    raise ValidationError("No name is left for the batch of this article.")


def valid_until(site_id: int, now: dt.datetime) -> dt.datetime | None:
    """The first moment after validity: the protocol's last second, the site's number of days from now, counts to its end.

    None where the site sets no number, or has no settings: then codes are valid for ever.
    """
    days = PrepaidSettings.objects.filter(site=site_id).values_list("code_valid_days", flat=True).first()
    return now.replace(microsecond=0) + dt.timedelta(days=days, seconds=1) if days else None
