from django.db import models
from django.db.models import Q

from accounts.models import Site, User
from codes.models.attempts import Attempt


class WorkItem(models.Model):
    """Something staff have to hand over or do because a code was redeemed."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    attempt = models.OneToOneField(Attempt, models.PROTECT, related_name="work_item")
    claimant = models.ForeignKey(User, models.PROTECT, null=True, related_name="work_items")
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("close_workitem", "Can close work items")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=["open", "done", "cancelled"]), name="workitem_state_known"),
            models.CheckConstraint(
                condition=Q(state="open", closed_at__isnull=True) | ~Q(state="open") & Q(closed_at__isnull=False),
                name="workitem_closed_has_time",
            ),
        ]
        indexes = [models.Index(fields=["site", "state", "-id"], name="workitem_by_site_state")]

    def __str__(self) -> str:
        return self.title
