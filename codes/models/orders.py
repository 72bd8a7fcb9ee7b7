from django.db import models
from django.db.models import F, Q

from accounts.models import Site
from codes.models.batches import Batch
from codes.models.terms import Terms


class IssueOrder(models.Model):
    """The order to issue ``wanted`` codes into a batch, and how far it has come: the progress row that staff see moving.

    The order's codes are unknown to every look-up until it is done; a worker holds it under a lease with a fencing token.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Issuing"
        CANCELLING = "cancelling", "Being cancelled"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="orders")
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="+")
    wanted = models.PositiveBigIntegerField()
    issued = models.PositiveBigIntegerField(default=0)
    first_serial = models.PositiveBigIntegerField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.QUEUED)
    caller = models.CharField(max_length=80, help_text="Who asked, as in Attempt.caller.")
    actor_id = models.CharField(max_length=100)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001 (NULL is not in the unique index)
    fingerprint = models.BinaryField(max_length=16, null=True)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Claims so far, counted before the work.")
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    token = models.BigIntegerField(default=0, help_text="Fencing token: only the last claim may write.")
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="issueorder_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(wanted__gte=1, wanted__lte=10_000_000), name="issueorder_wanted_in_bounds"
            ),
            models.CheckConstraint(condition=Q(issued__lte=F("wanted")), name="issueorder_issued_in_bounds"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(issued=F("wanted")), name="issueorder_done_means_all"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=["queued", "running", "cancelling"]),
                name="issueorder_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wanted} codes into {self.batch}"
