from django.db import models
from django.db.models import Q

from accounts.models.account_sets import AccountSet
from accounts.models.content import Item
from accounts.models.sites import Site


class LicenceTerms(models.Model):
    """What a licence lets its holder do. An offer names it, and a licence keeps a copy of what it was at the moment."""

    duration_days = models.PositiveIntegerField(
        null=True, blank=True, help_text="Days from its start; empty: for ever."
    )
    concurrencies = models.PositiveIntegerField(
        null=True, blank=True, help_text="How many may use it at the same time; empty: any number."
    )
    excluded_views = models.JSONField(
        default=list, blank=True, help_text="Views it does not open, e.g. sourceDownload."
    )
    meta_type_restriction = models.CharField(
        max_length=100, blank=True, help_text="It opens items of this meta-type only; empty: of any."
    )

    class Meta:
        abstract = True

    TERMS = ("duration_days", "concurrencies", "excluded_views", "meta_type_restriction")


class Offer(LicenceTerms):
    """Terms, and the item they are sold for. Codes and the publisher's programs name it by its ID or its number."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="offers")
    external_id = models.CharField(max_length=100, help_text="Compared exactly.")
    number = models.PositiveBigIntegerField()
    name = models.CharField(max_length=200)
    item = models.ForeignKey(Item, models.PROTECT, related_name="offers", help_text="What it sells.")
    archived_at = models.DateTimeField(null=True, blank=True, help_text="Since then no code gives it any more.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        permissions = [("edit_offer", "Can create, change and archive offers")]
        constraints = [
            models.UniqueConstraint(fields=["site", "external_id"], name="offer_external_id_per_site"),
            models.UniqueConstraint(fields=["site", "number"], name="offer_number_per_site"),
            models.CheckConstraint(condition=~Q(external_id=""), name="offer_external_id_not_empty"),
            models.CheckConstraint(
                condition=Q(duration_days__isnull=True) | Q(duration_days__gte=1, duration_days__lte=36_600),
                name="offer_duration_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(concurrencies__isnull=True) | Q(concurrencies__gte=1), name="offer_concurrencies_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id


class OfferPrice(models.Model):
    """What an offer costs, for an account set or for everybody. The lowest that a user may have is theirs."""

    offer = models.ForeignKey(Offer, models.CASCADE, related_name="prices", db_index=False)
    account_set = models.ForeignKey(AccountSet, models.PROTECT, null=True, blank=True, related_name="+")
    amount = models.PositiveBigIntegerField(help_text="In minor units of the currency.")
    currency = models.CharField(max_length=12, help_text="ISO 4217, e.g. EUR.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["offer", "account_set", "currency"], name="offer_price_per_set"),
            models.UniqueConstraint(
                fields=["offer", "currency"], condition=Q(account_set__isnull=True), name="offer_price_for_all"
            ),
            models.CheckConstraint(condition=~Q(currency=""), name="offer_price_has_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.offer}: {self.amount} {self.currency}"
