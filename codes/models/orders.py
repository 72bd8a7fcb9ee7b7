from typing import Any

from django.db import models
from django.db.models import F, Q

from codes.models.batches import Batch
from codes.models.imports import CodeImport
from codes.models.jobs import Job
from codes.models.terms import Terms


class IssueOrder(Job):
    """The order to issue ``wanted`` codes into a batch, and how far it has come.

    The order's codes are unknown to every look-up until it is done.
    """

    batch = models.ForeignKey(Batch, models.PROTECT, related_name="orders")
    terms = models.ForeignKey(Terms, models.PROTECT, related_name="+")
    source = models.OneToOneField(
        CodeImport, models.PROTECT, null=True, related_name="order", help_text="Where the codes come from if not drawn."
    )
    wanted = models.PositiveBigIntegerField()
    issued = models.PositiveBigIntegerField(default=0)
    first_serial = models.PositiveBigIntegerField()
    # An order never moves, so codes that are moved to another batch get an order there (codes/content_moving.py).
    moved_from = models.ForeignKey(
        Batch, models.PROTECT, null=True, related_name="+", db_index=False, help_text="Where its codes were moved from."
    )
    moved = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="Codes of it that were moved to another batch since."
    )
    emptied_at = models.DateTimeField(null=True, help_text="When its last codes were deleted or moved, all at once.")

    ahead: Any = None  # Not stored: the next codes, drawn already (codes/drawing.py).

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=Q(wanted__gte=1, wanted__lte=10_000_000), name="issueorder_wanted_in_bounds"
            ),
            models.CheckConstraint(condition=Q(issued__lte=F("wanted")), name="issueorder_issued_in_bounds"),
            models.CheckConstraint(condition=Q(moved__lte=F("issued")), name="issueorder_moved_in_bounds"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(issued=F("wanted")), name="issueorder_done_means_all"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wanted} codes into {self.batch}"

    @property
    def progress(self) -> tuple[int, int]:
        return self.issued, self.wanted
