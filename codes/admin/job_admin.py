"""What the pages of all kinds of jobs have in common: when they were ordered, whose batch they are about, how far they are."""

from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin.desk import DeskAdmin
from accounts.admin.wording import instant, link
from codes.models import Job

State = Job.State
COLOURS = {
    State.DONE.label: "success",
    State.FAILED.label: "danger",
    State.CANCELLED.label: "warning",
    State.CANCELLING.label: "warning",
    State.RUNNING.label: "info",
}


class JobAdmin(DeskAdmin):
    """Columns of a job; what it does is its own page's."""

    never_read = ("fingerprint",)

    @admin.display(description="ordered")
    def ordered(self, row: Any) -> str:
        return instant(row.created_at)

    @admin.display(description="batch")
    def batch_shown(self, row: Any) -> str | SafeString:
        return link(row.batch)

    @display(description="state", label=COLOURS)
    def state_shown(self, row: Any) -> str:
        return str(row.get_state_display())

    @admin.display(description="started")
    def started(self, row: Any) -> str:
        return instant(row.started_at)

    @admin.display(description="finished")
    def finished(self, row: Any) -> str:
        return instant(row.finished_at)
