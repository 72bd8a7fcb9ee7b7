"""Orders of a site: placed once, never changed; and moving their items from status to status, which issues vouchers' codes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Max

from accounts import auditing, clock, digests, locking
from accounts.models import Site, User
from codes import articles, item_statuses, voucher_issuing
from codes.models import Article, ItemStatus, ShopOrder, ShopOrderItem
from codes.models.shop_orders import MOST_ITEMS, MOST_UNITS
from codes.redemption.rollback import busy_as_refusal
from codes.refusals import IdempotencyMismatch
from ledger.models import MOST


@dataclass(frozen=True, kw_only=True)
class NewShopOrder:
    """An order to be. ``lines`` are (number of an article, units), in the order of their positions.

    ``caller_key`` scopes the idempotency key; ``actor_id`` and ``door`` are the audit's.
    """

    site_id: int
    lines: tuple[tuple[int, int], ...]
    caller_key: str
    actor_id: str
    door: str
    buyer: User | None = None
    idempotency_key: str | None = None

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that was asked for."""
        said = [self.site_id, self.buyer.pk if self.buyer else None, self.lines]
        return digests.keyed("place_order", json.dumps(said))


@dataclass(frozen=True)
class Moved:
    """An item after ``move_item``; ``issued`` is how many codes that made. Not ``changed``: it stood there already."""

    item: ShopOrderItem
    issued: int
    changed: bool


def place_order(new: NewShopOrder) -> tuple[ShopOrder, bool]:
    """Write the order with its items, at the prices of this moment; answers it and whether it had been placed before.

    Raises ValidationError with field names (``items``, ``items.2.article``), and IdempotencyMismatch; nothing is written then.
    """
    check(new)
    try:
        with busy_as_refusal(), transaction.atomic(durable=True):
            # So that two orders do not get the same number; a retry running beside the first call waits here too.
            locking.lock_ids(Site, [new.site_id])
            earlier = find_earlier(new)
            if earlier:
                return earlier, True
            return write(new), False
    except IntegrityError as error:
        # Two orders on different sites with one key at the same moment.
        raise IdempotencyMismatch from error


def check(new: NewShopOrder) -> None:
    if not 1 <= len(new.lines) <= MOST_ITEMS:
        raise ValidationError({"items": [f"An order has 1 to {MOST_ITEMS} items."]})
    wrong = {
        f"items.{place}.quantity": [f"A whole number from 1 to {MOST_UNITS:,}."]
        for place, (_, quantity) in enumerate(new.lines)
        if not 1 <= quantity <= MOST_UNITS
    }
    if new.buyer is not None and new.buyer.site_id != new.site_id:
        wrong["buyer"] = ["This claimant is not known."]
    if wrong:
        raise ValidationError(wrong)


def find_earlier(new: NewShopOrder) -> ShopOrder | None:
    """The order that this caller's key belongs to. Raises IdempotencyMismatch if it was for something else."""
    if new.idempotency_key is None:
        return None
    order = ShopOrder.objects.filter(caller=new.caller_key, idempotency_key=new.idempotency_key).first()
    if order and bytes(order.fingerprint or b"") != new.fingerprint():
        raise IdempotencyMismatch
    return order


def write(new: NewShopOrder) -> ShopOrder:
    """The rows of the order; the site is locked. Raises ValidationError."""
    sold = sold_articles(new)
    status, now = item_statuses.first_status(new.site_id), clock.read()
    last = ShopOrder.objects.filter(site=new.site_id).aggregate(last=Max("number"))["last"]
    order = ShopOrder.objects.create(
        site_id=new.site_id,
        number=(last or 0) + 1,
        buyer=new.buyer,
        caller=new.caller_key,
        actor_id=new.actor_id,
        idempotency_key=new.idempotency_key,
        fingerprint=new.fingerprint() if new.idempotency_key is not None else None,
        created_at=now,
    )
    ShopOrderItem.objects.bulk_create(
        ShopOrderItem(
            order=order,
            position=position,
            article=sold[number],
            name=sold[number].name,
            quantity=quantity,
            asset_id=sold[number].asset_id,
            unit_price=sold[number].price,
            status=status,
            moved_at=now,
        )
        for position, (number, quantity) in enumerate(new.lines, 1)
    )
    detail = {"number": order.number, "items": len(new.lines), "door": new.door}
    auditing.record(
        "shoporder.place",
        site=new.site_id,
        actor_id=new.actor_id,
        object_type="shoporder",
        object_id=order.pk,
        detail=detail,
        now=now,
    )
    return order


def sold_articles(new: NewShopOrder) -> dict[int, Article]:
    """The articles that are ordered, by number. Raises ValidationError: unknown, not on sale, or worth too much."""
    rows = Article.objects.filter(site=new.site_id, number__in={number for number, _ in new.lines})
    found = {row.number: row for row in rows}
    wrong = {}
    for place, (number, quantity) in enumerate(new.lines):
        article = found.get(number)
        if article is None:
            wrong[f"items.{place}.article"] = ["This site has no such article."]
        elif not article.is_active:
            wrong[f"items.{place}.article"] = ["This article cannot be ordered any more."]
        elif article.price * quantity > MOST:
            wrong[f"items.{place}.quantity"] = ["All units together would be worth more than can be booked."]
    if wrong:
        raise ValidationError(wrong)
    return found


def move_item(
    item: ShopOrderItem, status: ItemStatus, *, caller_key: str, actor_id: str, door: str, reason: str = ""
) -> Moved:
    """Have the item enter the status. Where that generates codes, a voucher's are issued in the same transaction, once ever.

    Safe to call twice or beside another. Raises ValidationError (a status of another site; a voucher that is worth nothing),
    BatchNotActive (its article's batch is switched off) and CodeBusy; the item stands where it stood then.
    """
    # Before the transaction: SQLite has one writer, and this takes longer than the writing.
    ahead = is_due(item, status) and voucher_issuing.draw(status.site_id, item.quantity)
    with busy_as_refusal(), transaction.atomic(durable=True):
        # Joined with what never changes alone: PostgreSQL drops a row that was waited for when a join of it changed meanwhile.
        [item] = locking.lock_rows(ShopOrderItem.objects.filter(pk=item.pk).select_related("order", "asset"))
        if status.site_id != item.order.site_id:
            raise ValidationError({"status": ["This site has no such status."]})
        if item.status_id == status.pk:
            return Moved(item, 0, changed=False)
        before, now, issued = item.status, clock.read(), 0
        if is_due(item, status):
            item.issue_order = voucher_issuing.issue(item, ahead or None, now, caller_key=caller_key, actor_id=actor_id)
            issued = item.quantity
        item.status, item.moved_at = status, now
        item.save(update_fields=["status", "moved_at", "issue_order"])
        auditing.record(
            "shoporder.move_item",
            site=item.order.site_id,
            actor_id=actor_id,
            object_type="shoporder",
            object_id=item.order_id,
            detail={
                "position": item.position,
                "from": before.number,
                "to": status.number,
                "codes": issued,
                "reason": reason.strip()[:200],
                "door": door,
            },
            now=now,
        )
    return Moved(item, issued, changed=True)


def is_due(item: ShopOrderItem, status: ItemStatus) -> bool:
    """Whether entering the status makes the item's codes."""
    return status.generates and item.issue_order_id is None and articles.is_voucher(item.article_id)


def items_of(order: ShopOrder) -> Iterable[ShopOrderItem]:
    """The order's items by position, with all that a page tells of them."""
    related = ("article", "asset", "status", "issue_order__batch", "issue_order__terms")
    return order.items.select_related(*related).order_by("position")
