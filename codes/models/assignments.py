from django.db import models
from django.db.models import Q

from accounts.models import Site, User
from codes.models.batches import Batch
from codes.models.codes import Code


class Assignment(models.Model):
    """A code of a batch that was handed out to a claimant, whose own it is from then on. Never changed, never taken back."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    # The one it was handed out from; a code may be moved to another batch later.
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="assignments", db_index=False)
    code = models.OneToOneField(Code, models.PROTECT, related_name="assignment")
    claimant = models.ForeignKey(User, models.PROTECT, related_name="+")
    idempotency_key = models.CharField(max_length=255, blank=True, help_text="Empty: the one that asked without a key.")
    caller = models.CharField(max_length=80, help_text="Who scopes the key, such as client:5.")
    actor_id = models.CharField(max_length=100)
    assigned_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "claimant", "idempotency_key"], name="assignment_once"),
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"], condition=~Q(idempotency_key=""), name="assignment_key"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code_id} to {self.claimant_id}"


class AssignmentMark(models.Model):
    """How far the codes of a batch have been looked through for free ones, so that handing out costs the same to the last.

    A hint, and nothing else relies on it: where it is lost or wrong, codes are looked through once more.
    """

    batch = models.OneToOneField(Batch, models.CASCADE, primary_key=True, related_name="assignment_mark")
    serial = models.PositiveBigIntegerField(default=1, help_text="Below it nothing was free when it was last looked.")
    from_start = models.BooleanField(
        default=False, help_text="Nothing has been found since the look began at the first code."
    )
    empty_until = models.DateTimeField(
        null=True, help_text="Until then codes below the mark are not looked through again."
    )

    def __str__(self) -> str:
        return f"{self.batch_id} from {self.serial}"
