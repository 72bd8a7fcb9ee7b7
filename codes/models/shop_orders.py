from django.db import models
from django.db.models import F, Q
from django.db.models.lookups import LessThanOrEqual

from accounts.models import Site, User
from codes.models.articles import MOST_NUMBER, MOST_PRICE, Article
from codes.models.orders import IssueOrder
from ledger.models import MOST, Asset

MOST_UNITS = 10_000
MOST_ITEMS = 100


class ItemStatus(models.Model):
    """Where an item of an order can stand. Its number and category stay: items have been moved by them."""

    class Category(models.IntegerChoices):
        """What statuses mean to the platform. 4 is the prepaid protocol's; the others are this platform's own."""

        ORDERED = 1, "Ordered: the status with the lowest number is where items begin"
        IN_WORK = 2, "Being worked on"
        DONE = 3, "Done"
        GENERATE_CODES = 4, "Generate prepaid codes: entering it issues a voucher article's codes"
        CANCELLED = 5, "Cancelled: codes that were issued stay as they are"

    site = models.ForeignKey(Site, models.PROTECT, related_name="item_statuses")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)
    category = models.PositiveSmallIntegerField(choices=Category.choices)

    class Meta:
        ordering = ["number"]
        verbose_name_plural = "item statuses"
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="itemstatus_number_per_site"),
            models.CheckConstraint(condition=Q(number__gte=1, number__lte=2**31 - 1), name="itemstatus_number"),
            models.CheckConstraint(condition=Q(category__in=[1, 2, 3, 4, 5]), name="itemstatus_category_known"),
            models.CheckConstraint(condition=~Q(name=""), name="itemstatus_has_name"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def generates(self) -> bool:
        return self.category == self.Category.GENERATE_CODES


class ShopOrder(models.Model):
    """What somebody ordered from a site: never changed, never deleted. Only the status of its items moves."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="shop_orders", db_index=False)
    number = models.BigIntegerField(help_text="The site's own counting, from 1.")
    buyer = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="shop_orders")
    caller = models.CharField(max_length=80, help_text="Who asked, as in Attempt.caller.")
    actor_id = models.CharField(max_length=100)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 (NULL is not in the unique index)
    fingerprint = models.BinaryField(max_length=16, null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        verbose_name = "order"
        permissions = [
            ("place_order", "Can place orders"),
            ("move_item", "Can move items of orders to another status, which may issue codes"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="shoporder_number_per_site"),
            models.CheckConstraint(condition=Q(number__gte=1, number__lte=MOST_NUMBER), name="shoporder_number"),
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="shoporder_idempotency_key",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-created_at", "-id"], name="shoporder_by_site"),
            models.Index(fields=["-created_at", "-id"], name="shoporder_by_time"),
        ]

    def __str__(self) -> str:
        return f"order {self.number}"


class ShopOrderItem(models.Model):
    """One line of an order: so many units of an article at the price that it had. ``issue_order`` has made its codes, once."""

    order = models.ForeignKey(ShopOrder, models.PROTECT, related_name="items", db_index=False)
    position = models.PositiveSmallIntegerField(help_text="Within the order, from 1.")
    article = models.ForeignKey(Article, models.PROTECT, related_name="ordered_items")
    name = models.CharField(max_length=100, help_text="The article's, as ordered.")
    quantity = models.PositiveIntegerField()
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+", db_index=False)
    unit_price = models.BigIntegerField(help_text="In minor units, as ordered.")
    status = models.ForeignKey(ItemStatus, models.PROTECT, related_name="items", db_index=False)
    moved_at = models.DateTimeField(help_text="When it came to its status.")
    issue_order = models.OneToOneField(
        IssueOrder, models.PROTECT, null=True, blank=True, related_name="shop_order_item", help_text="Of its codes."
    )

    class Meta:
        ordering = ["order", "position"]
        verbose_name = "item"
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="shoporderitem_position_once"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=MOST_ITEMS), name="shoporderitem_position"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1, quantity__lte=MOST_UNITS), name="shoporderitem_quantity_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(unit_price__gte=0, unit_price__lte=MOST_PRICE), name="shoporderitem_price_in_bounds"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(F("unit_price") * F("quantity"), MOST), name="shoporderitem_worth_in_bounds"
            ),
        ]
        indexes = [models.Index(fields=["status", "order"], name="shoporderitem_by_status")]

    def __str__(self) -> str:
        return f"item {self.position} of order {self.order_id}"
