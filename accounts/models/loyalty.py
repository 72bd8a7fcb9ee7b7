"""What the loyalty protocol is told about a site: its settings, business units and catalogue. Source: loyalty protocol."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models.identifier_types import IdentifierType
from accounts.models.sites import Site

LONGEST_CHANNEL = 30
MOST_RESERVATION_SECONDS = 86_400
MOST_ADJUSTMENT_DAYS = 3_650
MOST_SESSION_HOURS = 720
MOST_POINTS = 10**12


class LoyaltySettings(models.Model):
    """How a site's points are reserved and redeemed; a site without a row has the feature switched off."""

    site = models.OneToOneField(Site, models.PROTECT, related_name="loyalty_settings")
    is_enabled = models.BooleanField(default=False, help_text="Points can be reserved and redeemed.")
    voids_enabled = models.BooleanField(default=True, help_text="Redemptions of points can be voided.")
    points_code = models.CharField(
        max_length=12, default="PTS", help_text="The asset of the site in which points are kept."
    )
    reservation_seconds = models.PositiveIntegerField(
        default=900,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RESERVATION_SECONDS)],
        help_text="How long a reservation holds points.",
    )
    adjustment_days = models.PositiveIntegerField(
        default=30,
        validators=[MaxValueValidator(MOST_ADJUSTMENT_DAYS)],
        help_text="How long after it a redemption can be voided.",
    )
    session_hours = models.PositiveIntegerField(
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_SESSION_HOURS)],
        help_text="A session ends after so many hours without a call.",
    )
    default_identifier_type = models.CharField(
        max_length=20, choices=IdentifierType.choices, default=IdentifierType.ACCOUNT_ID
    )
    default_channel = models.CharField(max_length=LONGEST_CHANNEL, default="APP")

    class Meta:
        verbose_name = verbose_name_plural = "loyalty settings"
        permissions = [
            ("edit_loyaltysettings", "Can change the loyalty settings, business units and catalogue of a site")
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(reservation_seconds__gte=1, reservation_seconds__lte=MOST_RESERVATION_SECONDS),
                name="loyalty_reservation_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(adjustment_days__gte=0, adjustment_days__lte=MOST_ADJUSTMENT_DAYS),
                name="loyalty_adjustment_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(session_hours__gte=1, session_hours__lte=MOST_SESSION_HOURS),
                name="loyalty_session_in_bounds",
            ),
            models.CheckConstraint(
                condition=~Q(points_code="") & ~Q(default_channel=""), name="loyalty_settings_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(default_identifier_type__in=IdentifierType.values), name="loyalty_identifier_type_known"
            ),
        ]

    def __str__(self) -> str:
        return f"loyalty settings of {self.site}"


class BusinessUnit(models.Model):
    """A part of the site's business that redemptions name; the name is compared byte by byte."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="business_units", db_index=False)
    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="business_unit_name_per_site"),
            models.CheckConstraint(condition=~Q(name=""), name="business_unit_name_not_empty"),
        ]

    def __str__(self) -> str:
        return self.name


class CatalogueItem(models.Model):
    """Something that points can be redeemed for, and how many one of it costs."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="catalogue_items", db_index=False)
    item_id = models.CharField(max_length=64, help_text="As calls name it; compared exactly.")
    name = models.CharField(max_length=100)
    points = models.PositiveBigIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MOST_POINTS)], help_text="Points for one of it."
    )
    is_active = models.BooleanField(default=True, help_text="Otherwise calls that name it are refused.")

    class Meta:
        ordering = ["item_id", "id"]
        constraints = [
            models.UniqueConstraint(fields=["site", "item_id"], name="catalogue_item_id_per_site"),
            models.CheckConstraint(condition=~Q(item_id=""), name="catalogue_item_id_not_empty"),
            models.CheckConstraint(
                condition=Q(points__gte=1, points__lte=MOST_POINTS), name="catalogue_item_points_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.name}"
