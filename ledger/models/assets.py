import re
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

# ASCII digits only: converters of the language accept underscores, exponents and foreign digits.
AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,6})?")


class Asset(models.Model):
    """What an account counts: a currency or a kind of points, in whole minor units of 10^-exponent."""

    class Kind(models.TextChoices):
        MONEY = "money", "Money"
        POINTS = "points", "Points"

    code = models.CharField(
        max_length=12, unique=True, help_text="ISO 4217 for money, e.g. EUR; a word of ours for points."
    )
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    exponent = models.PositiveSmallIntegerField(default=2, help_text="Decimal places: 2 for EUR, 0 for points.")

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["money", "points"]), name="asset_kind_known"),
            models.CheckConstraint(condition=Q(exponent__lte=6), name="asset_exponent_in_bounds"),
            models.CheckConstraint(condition=Q(kind="money") | Q(exponent=0), name="asset_points_are_whole"),
        ]

    def __str__(self) -> str:
        return self.code

    def major(self, minor_units: int) -> Decimal:
        """Minor units as a decimal of the asset: 2500 of EUR are 25.00."""
        return Decimal(minor_units).scaleb(-self.exponent)

    def minor(self, text: str) -> int:
        """A decimal of the asset as minor units: "25.00" of EUR is 2500. Raises ValidationError.

        More decimal places than the asset has are refused, never rounded.
        """
        if not AMOUNT.fullmatch(text):
            raise ValidationError({"value": ["Write an amount in digits, with a dot before the decimals."]})
        scaled = Decimal(text).scaleb(self.exponent)
        if scaled != scaled.to_integral_value():
            raise ValidationError({"value": [f"{self.code} has {self.exponent} decimal places at most."]})
        return int(scaled)
