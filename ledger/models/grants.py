from django.db import models
from django.db.models import Q

from accounts.models import Site
from ledger.models.accounts import MOST, LedgerAccount
from ledger.models.transactions import LedgerTransaction


class PointsGrant(models.Model):
    """Points that staff or a client gave or took by hand, and why. Never changed; made in the commit of its transaction.

    ``amount`` is as the holder sees it: only a correction may be negative. A caller's key is of one grant.
    """

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign", "Campaign"
        CORRECTION = "correction", "Correction"

    transaction = models.OneToOneField(LedgerTransaction, models.PROTECT, primary_key=True, related_name="points_grant")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="points_grants")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    amount = models.BigIntegerField(help_text="Minor units; positive into the account.")
    expires_at = models.DateTimeField(null=True, blank=True, help_text="None: they never expire.")
    reason = models.CharField(max_length=200, help_text="Why; the holder does not see it.")
    caller = models.CharField(max_length=80)
    actor_id = models.CharField(max_length=100)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 (NULL is not in the unique index)
    fingerprint = models.BinaryField(max_length=16, null=True)
    granted_at = models.DateTimeField()

    class Meta:
        ordering = ["-transaction_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="pointsgrant_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(kind="campaign", amount__gt=0, amount__lte=MOST)
                | Q(kind="correction", amount__gt=0, amount__lte=MOST)
                | Q(kind="correction", amount__lt=0, amount__gte=-MOST, expires_at__isnull=True),
                name="pointsgrant_amount_fits_kind",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="pointsgrant_has_reason"),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} points: {self.reason}"
