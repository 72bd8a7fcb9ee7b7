from django.db import models
from django.db.models import F, Q

from accounts.models.account_sets import AccountSet
from accounts.models.sites import Site

COLLECTION = "SubjectCollection"
MOST_OF_A_VALUE = 500


class Item(models.Model):
    """Something a reader may open: a book, an excerpt or a page of one, or a collection of such items."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="items", db_index=False)
    external_id = models.CharField(max_length=100, help_text="How the publisher's programs name it; compared exactly.")
    meta_type = models.CharField(
        max_length=100,
        default="Book",
        help_text="Book, PageRange (an excerpt), PdfPage, SubjectCollection, or another.",
    )
    title = models.CharField(max_length=300)
    part_of = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="parts",
        help_text="The publication that this is an excerpt or a page of: a licence on it covers this too.",
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        permissions = [("edit_item", "Can create and change items and collections")]
        constraints = [
            models.UniqueConstraint(fields=["site", "external_id"], name="item_external_id_per_site"),
            models.CheckConstraint(condition=~Q(external_id=""), name="item_external_id_not_empty"),
            models.CheckConstraint(condition=~Q(meta_type=""), name="item_meta_type_not_empty"),
            models.CheckConstraint(condition=Q(part_of__isnull=True) | ~Q(part_of=F("id")), name="item_not_in_itself"),
        ]
        indexes = [
            models.Index(fields=["site", "meta_type", "id"], name="item_by_meta_type"),
            models.Index(fields=["site", "-id"], name="item_by_site"),
            # For the beginnings of IDs, whatever the database's collation.
            models.Index(fields=["external_id"], opclasses=["varchar_pattern_ops"], name="item_by_external_id"),
        ]

    def __str__(self) -> str:
        return self.title or self.external_id

    @property
    def is_collection(self) -> bool:
        return self.meta_type == COLLECTION


class ItemProperty(models.Model):
    """One value of a free property of an item. A list is several rows of one name, in the order of ``position``."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="properties", db_index=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    name = models.CharField(max_length=100)
    value = models.CharField(max_length=MOST_OF_A_VALUE, help_text="Compared as a whole and exactly.")
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["name", "position"]
        verbose_name_plural = "item properties"
        constraints = [
            models.UniqueConstraint(fields=["item", "name", "position"], name="item_property_once"),
            models.CheckConstraint(condition=~Q(name="") & ~Q(value=""), name="item_property_not_empty"),
        ]
        indexes = [models.Index(fields=["site", "name", "value", "item"], name="item_property_by_value")]

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"


class CollectionMember(models.Model):
    """An item that is in a collection now. A licence on the collection covers it from that moment, until it leaves."""

    collection = models.ForeignKey(Item, models.CASCADE, related_name="members", db_index=False)
    item = models.ForeignKey(Item, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "item"], name="collection_member_once"),
            models.CheckConstraint(condition=~Q(collection=F("item")), name="collection_not_in_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.item} in {self.collection}"


class ItemVisibility(models.Model):
    """An account set that sees the item. An item without any is seen by everybody."""

    item = models.ForeignKey(Item, models.CASCADE, related_name="visibilities", db_index=False)
    account_set = models.ForeignKey(AccountSet, models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "item visibilities"
        constraints = [models.UniqueConstraint(fields=["item", "account_set"], name="item_visibility_once")]

    def __str__(self) -> str:
        return f"{self.item} for {self.account_set}"
