from django.db import models
from django.db.models import F, Q

from accounts.models import Site
from ledger.models.accounts import MOST, LedgerAccount


class LedgerTransaction(models.Model):
    """Why value moved: one booking with one or more transfers. Never changed; a correction is a new, reversing one."""

    class Type(models.TextChoices):
        ACTIVATION = "activation", "Codes activated"
        CREDIT = "credit", "Code credited"
        REPORT = "report", "Use reported"
        REFUND = "refund", "Earlier booking refunded"
        REVERSAL = "reversal", "Redemption reversed"
        EXPIRY = "expiry", "Value expired"
        UNEXPIRY = "unexpiry", "Expired value brought back"
        VOIDING = "voiding", "Value voided"
        GRANT = "grant", "Value granted by staff"
        SPEND = "spend", "Value spent"
        VOID = "void", "Spending taken back"
        PAYOUT = "payout", "Paid out"
        CORRECTION = "correction", "Corrected by staff"

    id = models.UUIDField(primary_key=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    type = models.CharField(max_length=12, choices=Type.choices)
    comment = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, blank=True, related_name="reversed_by")
    booked_at = models.DateTimeField()

    class Meta:
        ordering = ["-booked_at", "-id"]
        indexes = [models.Index(fields=["site", "-booked_at", "-id"], name="transaction_by_site")]
        constraints = [models.CheckConstraint(condition=~Q(reverses=F("id")), name="transaction_reverses_another")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"


class Transfer(models.Model):
    """Value moving from the debit to the credit account, both of one site and asset: the books balance by construction.

    ``amount`` is in minor units; ``batch_number`` says whose issued value this is, without a foreign key, so that one
    sum per batch proves that nothing was lost.
    """

    id = models.BigAutoField(primary_key=True)
    transaction = models.ForeignKey(LedgerTransaction, models.PROTECT, related_name="transfers")
    debit_account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="debits", db_index=False)
    credit_account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="credits", db_index=False)
    amount = models.BigIntegerField()
    batch_number = models.BigIntegerField(null=True, blank=True)
    booked_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["debit_account", "booked_at"], name="transfer_by_debit"),
            models.Index(fields=["credit_account", "booked_at"], name="transfer_by_credit"),
            models.Index(
                fields=["batch_number", "booked_at"], name="transfer_by_batch", condition=Q(batch_number__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lte=MOST), name="transfer_amount_in_bounds"),
            models.CheckConstraint(
                condition=~Q(debit_account=F("credit_account")), name="transfer_between_two_accounts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} from {self.debit_account_id} to {self.credit_account_id}"
