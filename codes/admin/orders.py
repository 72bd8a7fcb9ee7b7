"""Issue orders: every order for codes there ever was and how far it came."""

from django.contrib import admin
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter
from accounts.admin.wording import instant, link
from codes.models import IssueOrder

State = IssueOrder.State
COLOURS = {
    State.DONE.label: "success",
    State.FAILED.label: "danger",
    State.CANCELLED.label: "warning",
    State.RUNNING.label: "info",
}


@admin.register(IssueOrder)
class IssueOrderAdmin(DeskAdmin):
    never_read = ("fingerprint",)
    list_display = ("ordered", "batch_shown", "state_shown", "issued_shown", "actor_id", "finished", "site")
    list_filter = (SiteFilter, "state")
    list_select_related = ("site", "batch")
    detail_select_related = ("site", "batch", "terms__asset")
    fields = (
        "batch",
        "state_shown",
        "issued_shown",
        "first_serial",
        "actor_id",
        "ordered",
        "started",
        "finished",
        "error",
        "site",
    )
    readonly_fields = ("state_shown", "issued_shown", "ordered", "started", "finished")

    @admin.display(description="ordered")
    def ordered(self, row: IssueOrder) -> str:
        return instant(row.created_at)

    @admin.display(description="batch")
    def batch_shown(self, row: IssueOrder) -> str | SafeString:
        return link(row.batch)

    @display(description="state", label=COLOURS)
    def state_shown(self, row: IssueOrder) -> str:
        return row.get_state_display()

    @admin.display(description="codes")
    def issued_shown(self, row: IssueOrder) -> str:
        return f"{row.issued:,} of {row.wanted:,}"

    @admin.display(description="started")
    def started(self, row: IssueOrder) -> str:
        return instant(row.started_at)

    @admin.display(description="finished")
    def finished(self, row: IssueOrder) -> str:
        return instant(row.finished_at)
