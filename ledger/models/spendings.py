from django.db import models

from accounts.models import Household, Site, User
from ledger.models.reservations import Reservation
from ledger.models.transactions import LedgerTransaction


class Spending(models.Model):
    """What was said of a transaction that spent a customer's money or points: by whom, where and for what.

    Never changed; a void reverses its transaction. A contributor's own transaction is its transfer, in the order of IDs.
    ``household`` is the owner's when they reserved.
    """

    transaction = models.OneToOneField(LedgerTransaction, models.PROTECT, primary_key=True, related_name="spending")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    owner = models.ForeignKey(User, models.PROTECT, related_name="spendings", db_index=False)
    reservation = models.OneToOneField(Reservation, models.PROTECT, null=True, blank=True, related_name="spending")
    household = models.ForeignKey(
        Household, models.PROTECT, null=True, blank=True, related_name="spendings", db_index=False
    )
    caller = models.CharField(max_length=80)
    business_unit = models.CharField(max_length=255, blank=True)
    channel = models.CharField(max_length=30, blank=True)
    external_reference = models.CharField(max_length=100, blank=True)
    correlation_id = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ["-transaction_id"]
        indexes = [
            models.Index(fields=["site", "-transaction"], name="spending_by_site"),
            models.Index(fields=["owner", "-transaction"], name="spending_by_owner"),
            models.Index(
                fields=["household", "-transaction"],
                name="spending_by_household",
                condition=models.Q(household__isnull=False),
            ),
            models.Index(
                fields=["site", "external_reference"],
                name="spending_by_reference",
                condition=~models.Q(external_reference=""),
            ),
        ]

    def __str__(self) -> str:
        return f"Spending {self.transaction_id}"
