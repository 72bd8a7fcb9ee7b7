from django.db import models
from django.db.models import Q

from accounts.models import Site


class Job(models.Model):
    """Long work that staff or a client asked for, done in chunks by whoever claims it: the progress row that they see moving.

    A worker holds it under a lease with a fencing token (codes/jobs.py), so it goes on wherever it was killed.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        RUNNING = "running", "Running"
        CANCELLING = "cancelling", "Being cancelled"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
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

    stride = 0  # Not stored: how much the worker that holds it takes on at once, found out by the time it takes.

    class Meta:
        abstract = True
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["caller", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="%(class)s_idempotency_key",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=Q(state__in=["queued", "running", "cancelling"]), name="%(class)s_due"
            ),
        ]

    @property
    def progress(self) -> tuple[int, int]:
        """How many of how many things are done."""
        raise NotImplementedError

    @property
    def ended(self) -> bool:
        return self.state in (self.State.DONE, self.State.CANCELLED, self.State.FAILED)
