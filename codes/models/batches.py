from django.db import models
from django.db.models import F, Q

from accounts.models import Site


class Batch(models.Model):
    """A group of codes under one name, switched on and off together."""

    class State(models.TextChoices):
        ISSUING = "issuing", "Being issued"
        ACTIVE = "active", "Active"
        DISABLED = "disabled", "Switched off"
        CANCELLED = "cancelled", "Cancelled before it was active"
        ARCHIVED = "archived", "Deleted"

    site = models.ForeignKey(Site, models.PROTECT, related_name="batches")
    name = models.CharField(max_length=100)
    state = models.CharField(max_length=12, choices=State.choices, default=State.ISSUING)
    total_cap = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Redemptions of all its codes together that may be in force; empty: no cap."
    )
    uses_in_force = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="Redemptions less uses given back; kept only where there is a cap."
    )
    replenish_below = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="When fewer codes than this are free, more are issued; empty: never."
    )
    replenish_by = models.PositiveBigIntegerField(null=True, blank=True, help_text="How many are issued then.")
    replenish_error = models.CharField(
        max_length=200, blank=True, editable=False, help_text="Why that stopped; it begins anew when it is set anew."
    )
    last_serial = models.PositiveBigIntegerField(default=0, editable=False)
    created_by = models.CharField(max_length=100, editable=False, help_text="Actor ID of who created it.")
    created_at = models.DateTimeField(editable=False)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "batches"
        permissions = [
            ("issue_codes", "Can issue codes"),
            ("switch_codes", "Can switch batches and codes on and off"),
            ("export_codes", "Can export codes with their characters"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["site", "name"], name="batch_name_per_site"),
            models.CheckConstraint(condition=~Q(name=""), name="batch_name_not_empty"),
            models.CheckConstraint(
                condition=Q(total_cap__isnull=True) | Q(uses_in_force__lte=F("total_cap")), name="batch_cap_kept"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["issuing", "active", "disabled", "cancelled", "archived"]),
                name="batch_state_known",
            ),
            models.CheckConstraint(
                condition=Q(replenish_below__isnull=True, replenish_by__isnull=True)
                | Q(replenish_below__gte=1, replenish_by__gte=1, replenish_by__lte=10_000_000),
                name="batch_replenish_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-id"], name="batch_by_site"),
            models.Index(
                fields=["id"],
                condition=Q(state="active", replenish_below__isnull=False, replenish_error=""),
                name="batch_replenishing",
            ),
        ]

    def __str__(self) -> str:
        return self.name
