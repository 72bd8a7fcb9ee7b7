from django.db import models
from django.db.models import F, Q

from accounts.models import Site
from ledger.models.accounts import MOST, LedgerAccount
from ledger.models.reservations import AccountHold
from ledger.models.transactions import LedgerTransaction, Transfer


class Lot(models.Model):
    """Points of one grant that may be used until a date: ``granted_at <= now < expires_at``. Points without an end are no lot:
    they are what the balance has beyond its lots.

    ``remaining`` is what no movement has taken yet, ``held`` what open holds have pinned of it, both in minor units. Triggers
    alone change them. ``expires_at`` only grows, when a void brings points back.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="lots", db_index=False)
    transfer = models.OneToOneField(Transfer, models.PROTECT, related_name="lot", help_text="The credit that made it.")
    amount = models.BigIntegerField(help_text="Minor units that were granted.")
    remaining = models.BigIntegerField(help_text="Minor units that are neither used nor expired.")
    held = models.BigIntegerField(default=0, help_text="Minor units that open holds have pinned.")
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["expires_at", "id"]
        indexes = [
            models.Index(fields=["account", "expires_at", "id"], name="lot_by_account"),
            models.Index(fields=["account", "expires_at"], name="lot_live", condition=Q(remaining__gt=0)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0, amount__lte=MOST), name="lot_amount_in_bounds"),
            models.CheckConstraint(
                condition=Q(held__gte=0, held__lte=F("remaining"), remaining__lte=F("amount")),
                name="lot_held_remaining",
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("granted_at")), name="lot_expires_later"),
        ]

    def __str__(self) -> str:
        return f"lot {self.pk} of account {self.account_id}"


class LotHold(models.Model):
    """What a hold has pinned of a lot, in minor units: it may use them even after the lot's date.

    Only shrinks, with its hold; once the hold has ended it says what was pinned at the end.
    """

    hold = models.ForeignKey(AccountHold, models.PROTECT, related_name="pins", db_index=False)
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="pins")
    amount = models.BigIntegerField(help_text="Minor units.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["hold", "lot"], name="lothold_once"),
            models.CheckConstraint(condition=Q(amount__gte=0, amount__lte=MOST), name="lothold_amount_in_bounds"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of lot {self.lot_id} held by {self.hold_id}"


class LotMovement(models.Model):
    """What one transaction did to a lot, in minor units: negative as points were used or expired, positive as a void brought
    them back, which are usable until ``usable_until`` at least. Never changed."""

    lot = models.ForeignKey(Lot, models.PROTECT, related_name="movements", db_index=False)
    transaction = models.ForeignKey(LedgerTransaction, models.PROTECT, related_name="lot_movements")
    amount = models.BigIntegerField(help_text="Minor units; positive into the lot.")
    usable_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["lot", "transaction"], name="lotmovement_once"),
            models.CheckConstraint(
                condition=Q(amount__gte=-MOST, amount__lt=0, usable_until__isnull=True)
                | Q(amount__gt=0, amount__lte=MOST, usable_until__isnull=False),
                name="lotmovement_amount_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} of lot {self.lot_id}"
