from django.db import models
from django.db.models import Q

from accounts.models import Site
from codes.models.batches import Batch
from ledger.models import Asset

MOST_NUMBER = 2**53 - 1  # The largest that every JSON reader keeps exactly.
MOST_PRICE = 10**12
VOUCHER = 25  # The characteristic that makes vouchers of articles (prepaid engine, section 1).
IS_VOUCHER = "1"


class ArticleCharacteristic(models.Model):
    """Something that articles of a site can be told apart by, known by its number. Its number stays."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="article_characteristics")
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="articlecharacteristic_number_per_site"),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=2**31 - 1), name="articlecharacteristic_number"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="articlecharacteristic_has_name"),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"


class Article(models.Model):
    """Something that a site sells for money. Its number and currency stay; orders keep the price that it had."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="articles", db_index=False)
    number = models.BigIntegerField()
    name = models.CharField(max_length=100)
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+", verbose_name="currency")
    price = models.BigIntegerField(help_text="Of one unit, in minor units; a voucher's worth.")
    is_active = models.BooleanField(default=True, help_text="Whether it can be ordered.")
    batch = models.ForeignKey(
        Batch, models.PROTECT, null=True, blank=True, related_name="articles", help_text="Where its codes are issued."
    )
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-id"]
        permissions = [("edit_article", "Can set up articles, their characteristics and the statuses of items")]
        constraints = [
            models.UniqueConstraint(fields=["site", "number"], name="article_number_per_site"),
            models.CheckConstraint(condition=Q(number__gte=1, number__lte=MOST_NUMBER), name="article_number"),
            models.CheckConstraint(condition=Q(price__gte=0, price__lte=MOST_PRICE), name="article_price_in_bounds"),
            models.CheckConstraint(condition=~Q(name=""), name="article_has_name"),
        ]
        indexes = [models.Index(fields=["site", "-id"], name="article_by_site")]

    def __str__(self) -> str:
        return f"{self.number} {self.name}"

    @property
    def is_voucher(self) -> bool:
        """Whether codes are made for each unit that is ordered; asks the properties, which may have been read with it."""
        return any(each.characteristic.number == VOUCHER and each.value == IS_VOUCHER for each in self.properties.all())


class ArticleProperty(models.Model):
    """What one article is in one characteristic."""

    article = models.ForeignKey(Article, models.PROTECT, related_name="properties", db_index=False)
    characteristic = models.ForeignKey(ArticleCharacteristic, models.PROTECT, related_name="+")
    value = models.CharField(max_length=200)

    class Meta:
        ordering = ["characteristic__number"]
        verbose_name_plural = "article properties"
        constraints = [
            models.UniqueConstraint(fields=["article", "characteristic"], name="articleproperty_once"),
            models.CheckConstraint(condition=~Q(value=""), name="articleproperty_has_value"),
        ]

    def __str__(self) -> str:
        return f"{self.characteristic}: {self.value}"
