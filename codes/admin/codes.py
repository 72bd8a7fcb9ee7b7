"""Codes: known to staff by batch and serial, found by their characters, shown only when revealed."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm, ReasonForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id, sites_where, staff_of
from accounts.admin.wording import NOTHING, instant, link, validity
from codes import lookup, revealing, switching, uses
from codes.admin.attempt_rows import ATTEMPT_NEVER_READ, attempt_row
from codes.admin.code_list import CodeChangeList
from codes.admin.deed import CodesDeed
from codes.admin.filters import BatchFilter, IssueOrderFilter, OwnerFilter
from codes.admin.words import gives
from codes.models import Attempt, Code, IssueOrder
from codes.walking import NEWEST_FIRST

State = Code.State
COLOURS = {State.ACTIVE.label: "success", State.DISABLED.label: "danger", State.DELETED.label: "danger"}
ATTEMPTS_SHOWN = 20


class ForgetfulInput(forms.TextInput):
    """Never writes back what was typed into it."""

    def format_value(self, value: Any) -> None:
        return None


class FindForm(DeskForm):
    code = forms.CharField(
        max_length=lookup.LONGEST_TYPED,
        widget=ForgetfulInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}),
        help_text="As it was typed or pasted: case, spaces and dashes do not matter, nor O for 0 or I and L for 1.",
    )


class FindCode(CodesDeed):
    """By POST, so that what is typed stands in no address, and with it in no log or history."""

    name, label, icon, variant = "find", "Find a code", "search", ActionVariant.PRIMARY
    permission = "codes.view_code"
    form_class = FindForm

    def perform(self, request: HttpRequest, row: Any, form: FindForm) -> HttpResponse:
        typed = form.cleaned_data["code"]
        sites = sites_where(staff_of(request), self.permission)
        found = [code for site in sites if (code := lookup.find_code(site.pk, typed))]
        if not found:
            raise ValidationError({"code": ["No code of your sites reads like that."]})
        if len(found) > 1:
            rows = [(link(code, name_of(code)), code.site.name) for code in found]
            return self.render(
                request, None, {"found": rows, "title": "Codes that read like that"}, "admin/codes/found.html"
            )
        return HttpResponseRedirect(reverse("admin:codes_code_change", args=[found[0].pk]))


class RevealCode(CodesDeed):
    name, label, icon = "reveal", "Reveal", "visibility"
    permission = "codes.reveal_code"
    form_class = ReasonForm

    def explain(self, request: HttpRequest, row: Code) -> str:
        return "The next page shows the code once. The audit keeps who saw it, when and why."

    def perform(self, request: HttpRequest, row: Code, form: ReasonForm) -> HttpResponse:
        shown = revealing.reveal(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        what = "Close this page when you have read it: it is not shown again, and the audit names you."
        return self.render(
            request, row, {"title": name_of(row), "secret": shown, "what": what}, "admin/shown_once.html"
        )


class SwitchCode(CodesDeed):
    permission = "codes.switch_codes"
    form_class = ReasonForm
    on: bool

    def offered(self, request: HttpRequest, row: Code) -> bool:
        return row.state == (State.DISABLED if self.on else State.ACTIVE)

    def perform(self, request: HttpRequest, row: Code, form: ReasonForm) -> str:
        switching.switch_code(row, self.on, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{name_of(row)} is switched {'on' if self.on else 'off'}."


class SwitchCodeOff(SwitchCode):
    name, label, icon, variant, on = "switch-off", "Switch off", "toggle_off", ActionVariant.DANGER, False

    def explain(self, request: HttpRequest, row: Code) -> str:
        return "It cannot be redeemed until it is switched on again. No value moves."


class SwitchCodeOn(SwitchCode):
    name, label, icon, variant, on = "switch-on", "Switch on", "toggle_on", ActionVariant.PRIMARY, True


@admin.register(Code)
class CodeAdmin(DeskAdmin):
    list_deeds = (FindCode,)
    deeds = (RevealCode, SwitchCodeOff, SwitchCodeOn)
    never_read = ("sealed", "lookup_odd", "lookup_even")
    list_display = ("name", "site", "state_shown", "uses_shown", "valid", "owner_shown", "last_redeemed")
    list_filter = (SiteFilter, BatchFilter, IssueOrderFilter, OwnerFilter, "state")
    list_select_related = ("site", "batch", "terms", "owner")
    ordering = NEWEST_FIRST
    list_defer = ("terms__parameters", "terms__venues", "owner__password")
    detail_select_related = ("site", "batch", "terms__asset", "owner", "assignment__batch")
    fields = (
        "batch",
        "serial",
        "site",
        "state_shown",
        "gives",
        "uses_shown",
        "valid",
        "owner",
        "handed_out",
        "last_redeemed",
        "expired",
    )
    readonly_fields = ("state_shown", "gives", "uses_shown", "valid", "handed_out", "last_redeemed", "expired")
    change_form_outer_after_template = "admin/codes/code_attempts.html"
    change_list_template = "admin/codes/code_list.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Code]":
        """Codes of an order that is not done are as unknown here as everywhere."""
        return super().get_queryset(request).filter(order__state=IssueOrder.State.DONE)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CodeChangeList]:
        return CodeChangeList

    def detail_context(self, request: HttpRequest, row: Code) -> dict[str, Any]:
        attempts = Attempt.objects.filter(code=row).select_related("claimant", "reversal").order_by("-decided_at")
        attempts = attempts.defer(*ATTEMPT_NEVER_READ, "checks", "result", "given", "claimant__password")
        newest = list(attempts[: ATTEMPTS_SHOWN + 1])
        return {
            "attempts": [attempt_row(each) for each in newest[:ATTEMPTS_SHOWN]],
            "more_attempts": len(newest) > ATTEMPTS_SHOWN,
            "subtitle": name_of(row),
            "edits": row.batch.edits.filter(serial__gte=row.serial).order_by("-id")[:ATTEMPTS_SHOWN],
        }

    @admin.display(description="code")
    def name(self, row: Code) -> str:
        return name_of(row)

    @display(description="state", label=COLOURS)
    def state_shown(self, row: Code) -> str:
        return row.get_state_display()

    @admin.display(description="gives")
    def gives(self, row: Code) -> str:
        return gives(row.terms)

    @admin.display(description="uses")
    def uses_shown(self, row: Code) -> str:
        return f"{row.uses:,}{' of ' if uses.limit(row.max_uses) else ', '}{uses.in_words(row.max_uses)}"

    @admin.display(description="valid")
    def valid(self, row: Code) -> str:
        return validity(row.valid_from, row.valid_until, row.terms.time_zone)

    @admin.display(description="owner")
    def owner_shown(self, row: Code) -> str | SafeString:
        return link(row.owner)

    @admin.display(description="handed out")
    def handed_out(self, row: Code) -> str | SafeString:
        """To whom, when and by whom; of a code that was moved since, from which batch."""
        assignment = getattr(row, "assignment", None)
        if assignment is None:
            return NOTHING
        moved = "" if assignment.batch_id == row.batch_id else f", from {assignment.batch}"
        return f"To {row.owner} on {instant(assignment.assigned_at)} by {assignment.actor_id}{moved}"

    @admin.display(description="last redeemed")
    def last_redeemed(self, row: Code) -> str:
        if row.last_redeemed_at is None:
            return NOTHING
        return f"{instant(row.last_redeemed_at)} by {row.last_actor_id}"

    @admin.display(description="value expired")
    def expired(self, row: Code) -> str:
        return instant(row.value_expired_at)


def name_of(code: Code) -> str:
    """How staff speak of a code: its batch and its serial, never its characters."""
    return f"{code.batch.name} · {code.serial:,}"
