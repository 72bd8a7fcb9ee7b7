"""Issue orders: every order for codes there ever was and how far it came."""

from django.contrib import admin

from accounts.admin.scope import SiteFilter
from codes.admin.job_admin import JobAdmin
from codes.models import IssueOrder


@admin.register(IssueOrder)
class IssueOrderAdmin(JobAdmin):
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

    @admin.display(description="codes")
    def issued_shown(self, row: IssueOrder) -> str:
        return f"{row.issued:,} of {row.wanted:,}"
