"""Work items: what staff have to hand over because a code was redeemed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import NOTHING, instant, link
from codes import closing
from codes.admin.deed import CodesDeed
from codes.models import WorkItem

State = WorkItem.State


class NoteForm(DeskForm):
    note = forms.CharField(max_length=200, required=False, help_text="Kept with the work item.")


class CloseWorkItem(CodesDeed):
    permission = "codes.close_workitem"
    form_class = NoteForm
    done: bool

    def offered(self, request: HttpRequest, row: WorkItem) -> bool:
        return row.state == State.OPEN

    def perform(self, request: HttpRequest, row: WorkItem, form: NoteForm) -> str:
        closing.close_work_item(row, self.done, actor_id=actor_id(request), note=form.cleaned_data["note"])
        return f"“{row.title}” is {'done' if self.done else 'cancelled'}."


class Done(CloseWorkItem):
    name, label, icon, variant, done = "done", "Done", "check", ActionVariant.PRIMARY, True


class Cancel(CloseWorkItem):
    name, label, icon, variant, done = "cancel", "Cancel", "close", ActionVariant.DANGER, False

    def explain(self, request: HttpRequest, row: WorkItem) -> str:
        return "It will not be handed over. The redemption itself stands; reverse it if the use is to be taken back."


@admin.register(WorkItem)
class WorkItemAdmin(DeskAdmin):
    deeds = (Done, Cancel)
    list_display = ("title", "state_shown", "claimant_shown", "opened", "closed", "site")
    list_filter = (SiteFilter, "state")
    list_select_related = ("site", "claimant")
    list_defer = ("claimant__password",)
    detail_select_related = ("site", "claimant", "attempt")
    fields = ("title", "state_shown", "claimant_shown", "redemption", "opened", "closed", "note", "site")
    readonly_fields = ("state_shown", "claimant_shown", "redemption", "opened", "closed")

    @display(
        description="state",
        label={State.OPEN.label: "info", State.DONE.label: "success", State.CANCELLED.label: "warning"},
    )
    def state_shown(self, row: WorkItem) -> str:
        return row.get_state_display()

    @admin.display(description="claimant")
    def claimant_shown(self, row: WorkItem) -> str | SafeString:
        return link(row.claimant)

    @admin.display(description="redemption")
    def redemption(self, row: WorkItem) -> str | SafeString:
        return link(row.attempt)

    @admin.display(description="opened")
    def opened(self, row: WorkItem) -> str:
        return instant(row.opened_at)

    @admin.display(description="closed")
    def closed(self, row: WorkItem) -> Any:
        return f"{instant(row.closed_at)} by {row.closed_by}" if row.closed_at else NOTHING
