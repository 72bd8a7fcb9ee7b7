from django.db import models
from django.db.models import Q

from codes.models.attempts import Attempt


class ReceiptMail(models.Model):
    """A receipt that is to be e-mailed: written with the redemption, sent and retried by a task."""

    class State(models.TextChoices):
        DUE = "due", "To be sent"
        SENT = "sent", "Sent"
        PARKED = "parked", "Given up after eight tries"

    attempt = models.OneToOneField(Attempt, models.PROTECT, primary_key=True, related_name="mail")
    state = models.CharField(max_length=10, choices=State.choices, default=State.DUE)
    due_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    token = models.BigIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        permissions = [("retry_receiptmail", "Can send a parked receipt again")]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=["due", "sent", "parked"]), name="mail_state_known")
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="due"), name="mail_due")]

    def __str__(self) -> str:
        return f"Receipt mail of {self.attempt_id}"
