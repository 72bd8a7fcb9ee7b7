from django.db import models
from django.db.models import Q

from accounts.models import Client, Site, User
from codes.models.batches import Batch
from codes.models.codes import Code
from ledger.models import LedgerTransaction


class Attempt(models.Model):
    """One judged request to redeem a code, refused or not: audit record, receipt, and the answer that a retry hears again.

    Its ID is the ``transaction_id`` of the answers. A redemption is an attempt that succeeded; only it has a receipt number.
    What was typed rests as a keyed digest and sealed.
    """

    class Outcome(models.TextChoices):
        REDEEMED = "redeemed", "Redeemed"
        REFUSED = "refused", "Refused"

    id = models.UUIDField(primary_key=True, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    door = models.CharField(max_length=20, help_text="Which way the request came in: api, page, …")
    caller = models.CharField(max_length=80, help_text="Who asked: 'client:<id>' or 'user:<id>'; the scope of the key.")
    actor_id = models.CharField(max_length=100, help_text="Claimant ID or client prefix of the caller.")
    client = models.ForeignKey(Client, models.PROTECT, null=True, related_name="+", db_index=False)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 (NULL is not in the unique index)
    fingerprint = models.BinaryField(max_length=16, null=True)

    code = models.ForeignKey(Code, models.PROTECT, null=True, related_name="attempts", db_index=False)
    batch = models.ForeignKey(Batch, models.PROTECT, null=True, related_name="+", db_index=False)
    lookup = models.BinaryField(max_length=16, null=True)
    typed = models.BinaryField(max_length=500, null=True, help_text="Sealed.")
    key_version = models.PositiveSmallIntegerField(help_text="Of ``lookup`` and ``typed``.")
    claimant = models.ForeignKey(User, models.PROTECT, null=True, related_name="attempts", db_index=False)
    claimant_given = models.CharField(max_length=100, blank=True, help_text="The claimant ID as given.")
    channel = models.CharField(max_length=30, blank=True)
    venue_id = models.CharField(max_length=100, blank=True)
    reference = models.CharField(max_length=100, null=True)  # noqa: DJ001 (null is echoed as null)

    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    reason = models.CharField(max_length=40, blank=True)
    step = models.PositiveSmallIntegerField(help_text="Of the redemption flow: where it was refused, or 10.")
    checks = models.JSONField(help_text="The ordered checks, each with the values seen.")
    decided_at = models.DateTimeField()
    happened_at = models.DateTimeField(null=True, help_text="When it was redeemed, where that is reported afterwards.")

    receipt_number = models.BigIntegerField(null=True, unique=True)
    earlier_receipt = models.BigIntegerField(null=True, help_text="Told with already_redeemed and code_used_up.")
    action = models.CharField(max_length=40, blank=True)
    result = models.JSONField(null=True, help_text="What the receipt tells.")
    given = models.JSONField(null=True, help_text="What exactly was given, for a reversal to take back.")
    uses_left = models.IntegerField(null=True)
    use_number = models.IntegerField(null=True, help_text="Which redemption of the code this is, counted for ever.")
    claimant_use_number = models.IntegerField(null=True, help_text="Which one by this claimant.")
    ledger_transaction = models.OneToOneField(
        LedgerTransaction, models.PROTECT, null=True, related_name="attempt", db_constraint=True
    )

    class Meta:
        ordering = ["-decided_at", "-id"]
        permissions = [("reverse_redemption", "Can reverse a redemption")]
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="attempt_idempotency_key",
            ),
            models.UniqueConstraint(
                fields=["code", "use_number"], condition=Q(use_number__isnull=False), name="attempt_use_number"
            ),
            models.UniqueConstraint(
                fields=["code", "claimant", "claimant_use_number"],
                condition=Q(claimant_use_number__isnull=False),
                name="attempt_claimant_use_number",
            ),
            models.CheckConstraint(
                condition=Q(
                    outcome="redeemed",
                    reason="",
                    code__isnull=False,
                    receipt_number__isnull=False,
                    use_number__isnull=False,
                    uses_left__gte=0,
                    result__isnull=False,
                )
                | Q(
                    ~Q(reason=""),
                    outcome="refused",
                    receipt_number__isnull=True,
                    use_number__isnull=True,
                    claimant_use_number__isnull=True,
                    ledger_transaction__isnull=True,
                ),
                name="attempt_redeemed_or_refused",
            ),
            # A kept key belongs to a final answer about something that was judged.
            models.CheckConstraint(
                condition=Q(idempotency_key__isnull=True) | Q(fingerprint__isnull=False, step__gte=3),
                name="attempt_key_has_fingerprint",
            ),
        ]
        indexes = [
            models.Index(fields=["site", "-decided_at", "-id"], name="attempt_by_site"),
            models.Index(fields=["code", "-decided_at"], name="attempt_by_code", condition=Q(code__isnull=False)),
            models.Index(
                fields=["batch", "-decided_at", "-id"], name="attempt_by_batch", condition=Q(batch__isnull=False)
            ),
            models.Index(
                fields=["claimant", "batch", "-decided_at"],
                name="attempt_by_claimant",
                condition=Q(claimant__isnull=False),
            ),
            models.Index(
                fields=["site", "reference"], name="attempt_by_reference", condition=Q(reference__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.receipt_id or f"{self.reason} {self.id}"

    @property
    def receipt_id(self) -> str | None:
        return receipt_id(self.receipt_number)


def receipt_id(number: int | None) -> str | None:
    """A receipt number as people read it: R-000000042."""
    return None if number is None else f"R-{number:09d}"
