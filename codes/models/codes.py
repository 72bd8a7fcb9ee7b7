from django.db import models
from django.db.models import F, Q

from accounts.models import Site, User
from codes.models.batches import Batch
from codes.models.orders import IssueOrder
from codes.models.terms import Terms


class Code(models.Model):
    """One code. It rests unreadable: a keyed digest finds it, an authenticated cipher shows it (codes/keys.py).

    There are two look-up columns because two key versions may be live at once: odd versions write one, even versions the
    other, so that no canonical form can be stored twice whichever version wrote it first.
    """

    class State(models.TextChoices):
        ACTIVE = "active", "Active"
        USED_UP = "used_up", "Used up"
        DISABLED = "disabled", "Switched off"
        DELETED = "deleted", "Deleted"

    # That these four exist and belong together is seen to by a trigger, once a statement (codes/triggers.py).
    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="codes", db_index=False, db_constraint=False)
    order = models.ForeignKey(IssueOrder, models.PROTECT, related_name="codes", db_index=False, db_constraint=False)
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="+", db_index=False, db_constraint=False)
    serial = models.PositiveBigIntegerField(help_text="Number within the batch: how staff and logs know the code.")
    lookup_odd = models.BinaryField(max_length=16, null=True, editable=False)
    lookup_even = models.BinaryField(max_length=16, null=True, editable=False)
    sealed = models.BinaryField(max_length=200, editable=False)
    key_version = models.PositiveSmallIntegerField(editable=False, help_text="Under which ``sealed`` is sealed.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ACTIVE)
    max_uses = models.PositiveIntegerField()
    uses = models.PositiveIntegerField(default=0, help_text="Uses in force: redemptions less uses given back.")
    redemptions = models.PositiveIntegerField(
        default=0, help_text="Redemptions ever; the next one's number is one more."
    )
    # Without a check of its own, which would have every code read when the column is added: its triggers let nothing wrong in.
    held = models.IntegerField(
        default=0, db_default=0, editable=False, help_text="Open holds: a trigger counts them, and nothing else does."
    )
    valid_from = models.DateTimeField(null=True, blank=True, help_text="Copied from the terms at issue; its own since.")
    valid_until = models.DateTimeField(null=True, blank=True, help_text="First moment after validity; copied likewise.")
    owner = models.ForeignKey(User, models.PROTECT, null=True, blank=True, related_name="owned_codes", db_index=False)
    last_redeemed_at = models.DateTimeField(null=True, blank=True)
    last_actor_id = models.CharField(max_length=100, blank=True)
    value_expired_at = models.DateTimeField(null=True, blank=True, help_text="When its value was booked away.")

    class Meta:
        ordering = ["id"]
        permissions = [("reveal_code", "Can reveal a code")]
        constraints = [
            models.UniqueConstraint(fields=["batch", "serial"], name="code_serial_per_batch"),
            models.UniqueConstraint(
                fields=["site", "lookup_odd"], condition=Q(lookup_odd__isnull=False), name="code_lookup_odd"
            ),
            models.UniqueConstraint(
                fields=["site", "lookup_even"], condition=Q(lookup_even__isnull=False), name="code_lookup_even"
            ),
            models.CheckConstraint(
                condition=Q(lookup_odd__isnull=False) | Q(lookup_even__isnull=False), name="code_has_lookup"
            ),
            models.CheckConstraint(condition=Q(uses__lte=F("max_uses")), name="code_uses_in_bounds"),
            models.CheckConstraint(condition=Q(uses__lte=F("redemptions")), name="code_uses_are_redemptions"),
            models.CheckConstraint(
                condition=Q(state__in=["active", "used_up", "disabled", "deleted"]), name="code_state_known"
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True) | Q(valid_until__isnull=True) | Q(valid_from__lt=F("valid_until")),
                name="code_validity_not_empty",
            ),
        ]
        indexes = [
            models.Index(fields=["owner"], condition=Q(owner__isnull=False), name="code_by_owner"),
            # The sweep's work: a code leaves the index when its value is booked away. By order too, so that the sweep can
            # step over all codes of an order that is not done at once.
            models.Index(
                fields=["valid_until", "order"],
                condition=Q(valid_until__isnull=False, value_expired_at__isnull=True),
                name="code_to_expire",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.batch_id}-{self.serial}"
