from django.db import models
from django.db.models import Q

from accounts.models import Site, User
from ledger.models.assets import Asset

# Minor units of one amount or balance: every number stays exact in JSON too, and no sum leaves a bigint.
MOST = 10**15


class LedgerAccount(models.Model):
    """A customer's account, or a system account of a site or batch.

    A customer's account stores its balance (minor units), which triggers alone change, from transfers alone. System
    accounts store none and are summed when read, so that no row is hot.
    """

    class Kind(models.TextChoices):
        CASH = "cash", "Cash"
        POINTS = "points", "Points"

    class Purpose(models.TextChoices):
        FUNDING = "funding", "Funding: where value comes from"
        OUTSTANDING = "outstanding", "Outstanding: issued and not yet used value of a batch"
        EXPIRED = "expired", "Expired value"
        VOIDED = "voided", "Voided value"
        EXTERNAL = "external", "External: value that left the platform"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        CREDIT_ONLY = "credit_only", "May only be credited"
        CLOSED = "closed", "Closed"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    asset = models.ForeignKey(Asset, models.PROTECT, related_name="+")
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="ledger_accounts")
    kind = models.CharField(max_length=10, choices=Kind.choices, blank=True)
    purpose = models.CharField(max_length=12, choices=Purpose.choices, blank=True)
    batch_number = models.BigIntegerField(null=True, blank=True, help_text="Whose value an outstanding account counts.")
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    floor = models.BigIntegerField(default=0, help_text="No booking may leave the balance below it (minor units).")
    balance = models.BigIntegerField(null=True, blank=True, editable=False)
    held = models.BigIntegerField(default=0, editable=False)
    booked_through = models.BigIntegerField(default=0, editable=False, help_text="The last transfer in the balance.")
    due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When a suspended booking, a lot or a hold may come due next; never later.",
    )

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["due_at"], name="account_due", condition=Q(due_at__isnull=False))]
        permissions = [("grant_value", "Can grant value and take it back")]
        constraints = [
            models.CheckConstraint(
                condition=Q(owner__isnull=False, kind__in=["cash", "points"], purpose="", balance__isnull=False)
                | Q(owner__isnull=True, kind="", balance__isnull=True, held=0, floor=0)
                & Q(purpose__in=["funding", "outstanding", "expired", "voided", "external"]),
                name="account_of_customer_or_system",
            ),
            models.CheckConstraint(
                condition=Q(purpose="outstanding", batch_number__isnull=False)
                | ~Q(purpose="outstanding") & Q(batch_number__isnull=True),
                name="account_outstanding_has_batch",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "credit_only", "closed"]), name="account_state_known"
            ),
            models.CheckConstraint(condition=Q(held__gte=0, held__lte=2 * MOST), name="account_held_in_bounds"),
            models.CheckConstraint(condition=Q(floor__gte=-MOST, floor__lte=MOST), name="account_floor_in_bounds"),
            models.CheckConstraint(
                condition=Q(balance__isnull=True) | Q(balance__gte=-MOST, balance__lte=MOST),
                name="account_balance_in_bounds",
            ),
            # Lots never exceed the balance, so that none may go below zero.
            models.CheckConstraint(condition=~Q(kind="points") | Q(floor=0), name="account_points_have_no_minimum"),
            models.UniqueConstraint(
                fields=["owner", "kind"], condition=Q(owner__isnull=False), name="account_per_owner_kind"
            ),
            models.UniqueConstraint(
                fields=["site", "asset", "purpose"],
                condition=Q(owner__isnull=True, batch_number__isnull=True),
                name="account_per_site_asset_purpose",
            ),
            models.UniqueConstraint(
                fields=["batch_number", "asset"],
                condition=Q(batch_number__isnull=False),
                name="account_per_batch_asset",
            ),
        ]

    def __str__(self) -> str:
        whose = self.owner_id and f"{self.kind} of user {self.owner_id}"
        return f"{whose or self.purpose} {self.batch_number or ''} in {self.asset}".replace("  ", " ")
