from django.db import models
from django.db.models import Q

from accounts.models import Site
from codes.models.attempts import Attempt
from ledger.models import LedgerTransaction


class Reversal(models.Model):
    """The taking back of one redemption: at most once, never deleting it."""

    id = models.UUIDField(primary_key=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    attempt = models.OneToOneField(Attempt, models.PROTECT, related_name="reversal")
    reason = models.CharField(max_length=200)
    give_use_back = models.BooleanField(default=False)
    caller = models.CharField(max_length=80)
    actor_id = models.CharField(max_length=100)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 (NULL is not in the unique index)
    fingerprint = models.BinaryField(max_length=16, null=True)
    ledger_transaction = models.OneToOneField(LedgerTransaction, models.PROTECT, null=True, related_name="reversal")
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ["-decided_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="reversal_idempotency_key",
            ),
        ]

    def __str__(self) -> str:
        return f"Reversal of {self.attempt_id}"
