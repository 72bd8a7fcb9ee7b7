from django.db import models
from django.db.models import F, Q

from accounts.models import Site
from ledger.models.accounts import MOST, LedgerAccount
from ledger.models.transactions import LedgerTransaction


class SuspendedBooking(models.Model):
    """A booking of one customer's account that counts from its date on, and is a ledger transaction from then on.

    ``amount`` is in minor units as the holder sees it: positive into the account. What it says never changes; it ends once, as
    posted (the account permitted it on its date), refused (it did not) or cancelled (before its date). Triggers hold all of it.
    """

    class Type(models.TextChoices):
        GRANT = LedgerTransaction.Type.GRANT.value, "Value granted by staff"
        PAYOUT = LedgerTransaction.Type.PAYOUT.value, "Paid out"
        CORRECTION = LedgerTransaction.Type.CORRECTION.value, "Corrected by staff"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        POSTED = "posted", "Posted"
        REFUSED = "refused", "Refused by the account"
        CANCELLED = "cancelled", "Cancelled"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="suspended_bookings", db_index=False)
    system_account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="+", db_index=False)
    amount = models.BigIntegerField(help_text="Minor units; positive into the account.")
    type = models.CharField(max_length=12, choices=Type.choices)
    comment = models.CharField(max_length=200, blank=True)
    reference = models.CharField(max_length=100, blank=True)
    due_at = models.DateTimeField()
    created_at = models.DateTimeField()
    actor_id = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    transaction = models.OneToOneField(
        LedgerTransaction, models.PROTECT, null=True, blank=True, related_name="suspended_booking"
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    refusal = models.CharField(max_length=40, blank=True, help_text="Why the account did not permit it.")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["account", "due_at", "id"], name="suspended_by_account"),
            models.Index(fields=["due_at"], name="suspended_due", condition=Q(state="waiting")),
            models.Index(fields=["system_account", "due_at"], name="suspended_by_system", condition=Q(state="waiting")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(type="grant", amount__gt=0, amount__lte=MOST)
                | Q(type__in=["payout", "correction"], amount__lt=0, amount__gte=-MOST),
                name="suspended_amount_fits_type",
            ),
            models.CheckConstraint(condition=Q(due_at__gt=F("created_at")), name="suspended_due_later"),
            models.CheckConstraint(
                condition=Q(state="posted", transaction__isnull=False)
                | Q(state__in=["waiting", "refused", "cancelled"], transaction__isnull=True),
                name="suspended_posted_has_transaction",
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", ended_at__isnull=True) | ~Q(state="waiting") & Q(ended_at__isnull=False),
                name="suspended_ended_or_waiting",
            ),
            models.CheckConstraint(
                condition=Q(state="refused") & ~Q(refusal="") | ~Q(state="refused") & Q(refusal=""),
                name="suspended_refusal_of_refused",
            ),
        ]

    def __str__(self) -> str:
        return f"suspended {self.type} {self.id}"
