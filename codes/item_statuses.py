"""The statuses that items of orders go through. Their numbers and categories stay, for items have been moved by them."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts import auditing, locking
from accounts.models import Site
from accounts.wording import check_line
from codes.models import ArticleCharacteristic, ItemStatus
from codes.models.articles import VOUCHER

Category = ItemStatus.Category
MOST_NUMBER = 2**31 - 1
FIRST_STATUSES = (
    (1, "Ordered", Category.ORDERED),
    (2, "In progress", Category.IN_WORK),
    (3, "Paid, issue codes", Category.GENERATE_CODES),
    (4, "Done", Category.DONE),
    (5, "Cancelled", Category.CANCELLED),
)
VOUCHER_NAME = "Prepaid code article"


def begin(site: Site) -> None:
    """What every site begins with: its statuses, and the characteristic that makes vouchers of articles."""
    if not ItemStatus.objects.filter(site=site).exists():
        rows = (
            ItemStatus(site=site, number=number, name=name, category=category)
            for number, name, category in FIRST_STATUSES
        )
        ItemStatus.objects.bulk_create(rows, ignore_conflicts=True)
    ArticleCharacteristic.objects.get_or_create(site=site, number=VOUCHER, defaults={"name": VOUCHER_NAME})


def first_status(site_id: int) -> ItemStatus:
    """Where items begin. Raises ValidationError."""
    status = ItemStatus.objects.filter(site_id=site_id, category=Category.ORDERED.value).order_by("number").first()
    if status is None:
        raise ValidationError("This site has no status for new orders (category 1).")
    return status


def add_status(site: Site, number: int, name: str, category: int, *, actor_id: str) -> ItemStatus:
    """A further status. Raises ValidationError."""
    check_line("name", name, 100)
    if not 1 <= number <= MOST_NUMBER:
        raise ValidationError({"number": [f"A whole number from 1 to {MOST_NUMBER:,}."]})
    if category not in Category.values:
        raise ValidationError({"category": ["There is no such category."]})
    try:
        with transaction.atomic(durable=True):
            made = ItemStatus.objects.create(site=site, number=number, name=name, category=category)
            _audit("itemstatus.create", made, actor_id, {"number": number, "name": name, "category": category})
    except IntegrityError as error:
        raise ValidationError({"number": ["This site has a status of this number already."]}) from error
    return made


def rename_status(status: ItemStatus, name: str, *, actor_id: str) -> None:
    """Raises ValidationError."""
    check_line("name", name, 100)
    with transaction.atomic(durable=True):
        row = locking.lock_ids(ItemStatus, [status.pk])[status.pk]
        was, row.name = row.name, name
        row.save(update_fields=["name"])
        _audit("itemstatus.change", row, actor_id, {"name": name, "was": was})


def _audit(action: str, row: ItemStatus, actor_id: str, detail: dict[str, object]) -> None:
    auditing.record(
        action, site=row.site_id, actor_id=actor_id, object_type="itemstatus", object_id=row.pk, detail=detail
    )
