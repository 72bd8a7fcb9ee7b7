import uuid_utils.compat as uuid
from django.db import models
from django.db.models import F, Q

from accounts.models import Household, Site, User
from ledger.models.accounts import MOST, LedgerAccount
from ledger.models.transactions import LedgerTransaction


class Ending(models.TextChoices):
    """How a reservation or a hold ends, once and for good."""

    CONSUMED = "consumed", "Consumed"
    RELEASED = "released", "Released"
    EXPIRED = "expired", "Expired"


class Reservation(models.Model):
    """Value, or codes, set aside for whoever bears its token; only the token's keyed digest is stored.

    It ends once. From ``expires_at`` on it counts as ended, whatever its row still says. ``household`` is the owner's
    when they reserved. ``details`` is what the caller said of it: recorded, and never judged again.
    """

    Ending = Ending

    class Kind(models.TextChoices):
        NATIVE = "native", "Codes, cash and points"
        POINTS = "points", "Points of a member or household"

    id = models.UUIDField(primary_key=True, default=uuid.uuid7, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    token_digest = models.BinaryField(max_length=16, unique=True)
    caller = models.CharField(max_length=80)
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="reservations")
    household = models.ForeignKey(
        Household, models.PROTECT, null=True, blank=True, related_name="reservations", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_as = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    transaction = models.OneToOneField(
        LedgerTransaction,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reservation",
        help_text="That spent what was held; none if no value was.",
    )
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["site", "-created_at", "-id"], name="reservation_by_site"),
            models.Index(
                fields=["household", "-created_at"],
                name="reservation_by_household",
                condition=Q(household__isnull=False),
            ),
            models.Index(fields=["expires_at"], name="reservation_unended", condition=Q(ended_as="")),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["native", "points"]), name="reservation_kind_known"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="reservation_expires_later"),
            models.CheckConstraint(
                condition=Q(ended_as="", ended_at__isnull=True)
                | Q(ended_at__isnull=False)
                & (
                    Q(ended_as__in=["consumed", "released"], ended_at__lt=F("expires_at"))
                    | Q(ended_as="expired", ended_at__gte=F("expires_at"))
                ),
                name="reservation_ends_in_time",
            ),
            models.CheckConstraint(
                condition=Q(transaction__isnull=True) | Q(ended_as="consumed"), name="reservation_spent_if_consumed"
            ),
        ]

    def __str__(self) -> str:
        return f"Reservation {self.pk}"


class AccountHold(models.Model):
    """What a reservation holds of one customer's account, in minor units: a contributor's share.

    ``amount`` is as it stands now, and as it stood at the end; it only shrinks. Triggers add the open ones up in
    ``LedgerAccount.held``, and hold that each ends once.
    """

    Ending = Ending

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="account_holds", db_index=False)
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="holds")
    original_amount = models.BigIntegerField(help_text="Minor units that were held at first.")
    amount = models.BigIntegerField(help_text="Minor units.")
    expires_at = models.DateTimeField(help_text="That of its reservation.")
    ended_as = models.CharField(max_length=10, choices=Ending.choices, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    # A key into the reservation's own transaction, judged at the commit on both databases: what was consumed cannot be without
    # the reservation that proves the transfer.
    spent_by = models.ForeignKey(
        Reservation,
        models.PROTECT,
        to_field="transaction",
        db_column="transaction_id",
        null=True,
        blank=True,
        related_name="+",
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["account", "expires_at"], name="accounthold_open", condition=Q(ended_as="")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["reservation", "account"], name="accounthold_once"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=F("original_amount"), original_amount__lte=MOST),
                name="accounthold_amount_in_bounds",
            ),
            models.CheckConstraint(
                condition=Q(ended_as="", ended_at__isnull=True)
                | Q(ended_at__isnull=False)
                & (
                    Q(ended_as__in=["consumed", "released"], ended_at__lt=F("expires_at"))
                    | Q(ended_as="expired", ended_at__gte=F("expires_at"))
                ),
                name="accounthold_ends_in_time",
            ),
            models.CheckConstraint(
                condition=Q(ended_as="consumed", spent_by__isnull=False)
                | ~Q(ended_as="consumed") & Q(spent_by__isnull=True),
                name="accounthold_spent_if_consumed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} of account {self.account_id} held by {self.reservation_id}"
