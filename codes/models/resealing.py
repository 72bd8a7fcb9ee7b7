from django.db import models
from django.db.models import Q


class Resealing(models.Model):
    """How far re-sealing has come in one table, in the order of its keys; one row a table."""

    subject = models.CharField(max_length=10, unique=True, help_text="Which table: code, attempt or advice.")
    version = models.PositiveSmallIntegerField(help_text="The key version that it brings everything under.")
    position = models.CharField(max_length=36, blank=True, help_text="Rows up to this key are done in this pass.")
    passes = models.PositiveSmallIntegerField(default=0, help_text="How often the whole table was gone through.")
    passed_at = models.DateTimeField(null=True, help_text="When the last pass came to the table's end.")
    resealed = models.PositiveBigIntegerField(default=0, help_text="Rows brought under this version.")
    unreadable = models.PositiveBigIntegerField(
        default=0, help_text="Rows passed over in this pass: no live key opens them."
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(subject__in=["code", "attempt", "advice"]), name="resealing_subject_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} under {self.version}"
