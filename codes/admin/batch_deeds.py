"""What may be done to batches: issuing one, more of it, cancelling, switching it off and on."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm, ReasonForm
from accounts.admin.scope import actor_id, caller_key, sites_where, staff_of
from codes import issuing, jobs, switching
from codes.admin.deed import CodesDeed
from codes.admin.issue_form import SUPPLIED, IssueForm
from codes.models import Batch, IssueOrder

State = Batch.State


class IssueCodes(CodesDeed):
    name, label, icon, variant = "issue", "Issue codes", "add", ActionVariant.PRIMARY
    permission = "codes.issue_codes"
    form_class = IssueForm
    scripts = ("codes/issue.js",)

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        sites = sites_where(staff_of(request), self.permission)
        return {"time_zone": sites[0].time_zone, "site": sites[0]} if sites else {}

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "The codes are made in the background. Nobody can redeem one before the last of them is there."

    def perform(self, request: HttpRequest, row: Any, form: IssueForm) -> HttpResponse:
        try:
            new, word = form.new_batch(caller_key(request), actor_id(request)), form.cleaned_data["word"]
            order, _ = issuing.order_supplied(new, [word]) if new.format == SUPPLIED else issuing.order_batch(new)
        except ValidationError as error:
            raise form.at_its_field(error) from error
        return HttpResponseRedirect(reverse("admin:codes_batch_change", args=[order.batch_id]))


class MoreForm(DeskForm):
    count = forms.IntegerField(min_value=1, max_value=10_000_000, label="Codes", initial=100)


class IssueMore(CodesDeed):
    name, label, icon = "issue-more", "Issue more", "playlist_add"
    permission = "codes.issue_codes"
    form_class = MoreForm

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return row.state in (State.ACTIVE, State.DISABLED) and row.orders.exclude(terms__format="supplied").exists()

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return "More codes on the terms of the batch's last order."

    def perform(self, request: HttpRequest, row: Batch, form: MoreForm) -> str:
        count = form.cleaned_data["count"]
        terms = row.orders.exclude(terms__format="supplied").select_related("terms").latest("id").terms
        issuing.order_more(
            row,
            count,
            terms=terms,
            caller_key=caller_key(request),
            actor_id=actor_id(request),
            idempotency_key=form.key,
        )
        return f"{count:,} more codes were ordered."


class CancelIssuing(CodesDeed):
    name, label, icon, variant = "cancel", "Cancel issuing", "close", ActionVariant.DANGER
    permission = "codes.issue_codes"

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return cancellable(row).exists()

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return "Every code of the running order is removed again. Nobody has known one of them."

    def perform(self, request: HttpRequest, row: Batch, form: DeskForm) -> str:
        cancelled = [issuing.cancel_order(order, actor_id=actor_id(request)) for order in cancellable(row)]
        if not any(cancelled):
            raise ValidationError("Too late: all codes have been issued.")
        return "Issuing is being cancelled."


def cancellable(batch: Batch) -> "QuerySet[IssueOrder]":
    return batch.orders.filter(state__in=jobs.CANCELLABLE)


class SwitchBatch(CodesDeed):
    permission = "codes.switch_codes"
    form_class = ReasonForm
    on: bool

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return row.state == (State.DISABLED if self.on else State.ACTIVE)

    def perform(self, request: HttpRequest, row: Batch, form: ReasonForm) -> str:
        switching.switch_batch(row, self.on, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{row} is switched {'on' if self.on else 'off'}."


class SwitchBatchOff(SwitchBatch):
    name, label, icon, variant, on = "switch-off", "Switch off", "toggle_off", ActionVariant.DANGER, False

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return "None of its codes can be redeemed until it is switched on again. No value moves."


class SwitchBatchOn(SwitchBatch):
    name, label, icon, variant, on = "switch-on", "Switch on", "toggle_on", ActionVariant.PRIMARY, True
