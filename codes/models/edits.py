from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q

from codes.models.batches import Batch
from codes.models.jobs import Job


class BatchEdit(Job):
    """One change to all codes of a batch, worked off in order of serial, and what it has touched and moved so far."""

    class Kind(models.TextChoices):
        DISABLE = "disable", "Switch codes off"
        ENABLE = "enable", "Switch codes on"
        EXTEND = "extend", "Change validity"
        USES = "uses", "Change uses"
        DELETE = "delete", "Delete"

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="edits")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    parameters = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    reason = models.CharField(max_length=200, blank=True)
    last_serial = models.PositiveBigIntegerField(help_text="The last code that was there when it was ordered.")
    serial = models.PositiveBigIntegerField(default=0, help_text="Codes up to this one are done.")
    foreseen = models.JSONField(default=dict, help_text="Codes, handed out, used: as was said beforehand.")
    touched = models.PositiveBigIntegerField(default=0, help_text="Codes that were changed.")
    passed_over = models.PositiveBigIntegerField(default=0, help_text="Codes that it could not or need not change.")
    reasons = models.JSONField(default=dict, help_text="Why codes were passed over: reason and how many.")
    moved = models.JSONField(default=list, help_text="Value moved so far: asset, type and minor units.")

    class Meta(Job.Meta):
        permissions = [("edit_batch", "Can change and delete all codes of a batch")]
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(condition=Q(serial__lte=F("last_serial")), name="batchedit_serial_in_bounds"),
            models.CheckConstraint(
                condition=Q(kind__in=["disable", "enable", "extend", "uses", "delete"]), name="batchedit_kind_known"
            ),
            models.UniqueConstraint(
                fields=["batch"],
                condition=Q(state__in=["queued", "running", "cancelling"]),
                name="batchedit_one_at_a_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.batch}"

    @property
    def progress(self) -> tuple[int, int]:
        return self.serial, self.last_serial
