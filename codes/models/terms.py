from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from accounts.models import Site
from ledger.models import Asset

UNLIMITED_USES = 2**31 - 1  # Of a shared text, which is counted and never used up.


class Terms(models.Model):
    """What a code does and under which conditions. Never changed: other terms are another row."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    action = models.CharField(max_length=40, help_text="Name of an action in codes/actions/registry.py.")
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder, help_text="What that action needs.")
    asset = models.ForeignKey(Asset, models.PROTECT, null=True, blank=True, related_name="+")
    value = models.BigIntegerField(default=0, help_text="Worth of one use, in minor units of the asset.")
    uses = models.PositiveIntegerField(default=1, help_text="How often each code may be used.")
    uses_per_claimant = models.PositiveIntegerField(default=1, help_text="How often one claimant may use one code.")
    cooldown_seconds = models.PositiveIntegerField(
        default=0, help_text="Time a claimant must wait between two redemptions of the batch's codes."
    )
    venues = models.JSONField(default=list, help_text="IDs of the only venues where it counts; empty: everywhere.")
    valid_from = models.DateTimeField(null=True, blank=True, help_text="First moment of validity.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="First moment after validity.")
    time_zone = models.CharField(max_length=64, default="UTC", help_text="In which the dates were entered.")
    format = models.CharField(max_length=20, help_text="Name of a code format in codes/formats.py, or 'supplied'.")
    pattern = models.CharField(
        max_length=80, blank=True, help_text="For the format 'pattern': prefix and # per symbol."
    )

    class Meta:
        verbose_name_plural = "terms"
        constraints = [
            models.CheckConstraint(
                condition=Q(asset__isnull=True, value=0) | Q(asset__isnull=False, value__gt=0, value__lte=10**12),
                name="terms_value_has_asset",
            ),
            # Value is issued use by use, so a code without a limit has none.
            models.CheckConstraint(
                condition=Q(uses__gte=1, uses__lte=10**6) | Q(uses=UNLIMITED_USES, asset__isnull=True),
                name="terms_uses_in_bounds",
            ),
            models.CheckConstraint(condition=Q(uses_per_claimant__gte=1), name="terms_uses_per_claimant_in_bounds"),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="terms_validity_not_empty",
            ),
        ]

    def __str__(self) -> str:
        worth: Any = f" {self.asset.major(self.value)} {self.asset}" if self.asset else ""
        return f"{self.action}{worth}"
