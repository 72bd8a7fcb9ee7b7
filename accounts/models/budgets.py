from django.db import models


class FailureBudget(models.Model):
    """How many failures one source has caused in its current window; ``accounts.budgets`` is its only writer."""

    scope = models.BinaryField(
        max_length=16, unique=True, help_text="Keyed digest of what is counted, e.g. one client."
    )
    window_started_at = models.DateTimeField()
    failures = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(failures__gte=1), name="failurebudget_counts_something")
        ]
        indexes = [models.Index(fields=["window_started_at"], name="failurebudget_by_window")]

    def __str__(self) -> str:
        return f"{self.failures} failures since {self.window_started_at}"
