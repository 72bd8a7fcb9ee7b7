"""What may be done to a batch as a whole: changing all its codes, deleting them, and its cap. Foreseen first, then confirmed."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm, ReasonForm
from accounts.admin.scope import actor_id, caller_key
from codes import editing, foreseeing, switching
from codes.admin.deed import CodesDeed
from codes.admin.edit_words import asked, foreseen_rows, passed_over_rows
from codes.admin.issue_form import NUMBER, day
from codes.changing import MOST_USES, UNCHANGED
from codes.foreseeing import NewEdit
from codes.models import Batch, BatchEdit
from codes.models.terms import UNLIMITED_USES
from codes.switching import LARGEST_CAP
from codes.terms import instants

Kind = BatchEdit.Kind
State = Batch.State
PERMISSION = "codes.edit_batch"


class EditForm(ReasonForm):
    """``data-when`` names the choice for which a field is shown; without JavaScript all are."""

    kind = forms.ChoiceField(
        choices=[(kind.value, kind.label) for kind in Kind if kind != Kind.DELETE], label="What is done to each code"
    )
    valid_from = forms.DateField(
        required=False,
        label="First day",
        widget=day(),
        help_text="Empty: stays as it is.",
    )
    valid_until = forms.DateField(
        required=False, label="Last day", widget=day(), help_text="Included. Empty: stays as it is."
    )
    no_end = forms.BooleanField(required=False, label="Without an end")
    time_zone = forms.ChoiceField(
        required=False,
        label="Time zone of the days",
        choices=[(name, name) for name in sorted(available_timezones())],
    )
    max_uses = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_USES,
        label="Uses of each code, in all",
        widget=forms.NumberInput(attrs=NUMBER),
    )
    unlimited = forms.BooleanField(
        required=False, label="Without a limit", help_text="Only of codes without value; the others are passed over."
    )
    field_order = ["kind", "valid_from", "valid_until", "no_end", "time_zone", "max_uses", "unlimited", "reason"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("valid_from", "valid_until", "no_end", "time_zone"):
            self.fields[name].widget.attrs["data-when"] = f"kind={Kind.EXTEND}"
        for name in ("max_uses", "unlimited"):
            self.fields[name].widget.attrs["data-when"] = f"kind={Kind.USES}"

    def new_edit(self) -> NewEdit:
        """What was typed; what the kind does not take is left aside. Raises ValidationError with field names."""
        given = self.cleaned_data
        wanted: dict[str, Any] = {}
        if given["kind"] == Kind.USES:
            if given["max_uses"] and given["unlimited"]:
                raise ValidationError({"max_uses": ["A number of uses or no limit: not both."]})
            wanted["max_uses"] = UNCHANGED if given["max_uses"] is None else given["max_uses"]
            wanted["max_uses"] = UNLIMITED_USES if given["unlimited"] else wanted["max_uses"]
        if given["kind"] == Kind.EXTEND:
            if given["valid_until"] and given["no_end"]:
                raise ValidationError({"valid_until": ["A last day or no end: not both."]})
            valid_from, valid_until = instants(given["valid_from"], given["valid_until"], given["time_zone"] or "UTC")
            wanted["valid_from"] = UNCHANGED if valid_from is None else valid_from
            wanted["valid_until"] = None if given["no_end"] else UNCHANGED if valid_until is None else valid_until
        return NewEdit(kind=given["kind"], reason=given["reason"], **wanted)


class DeleteForm(ReasonForm):
    def new_edit(self) -> NewEdit:
        return NewEdit(kind=Kind.DELETE, reason=self.cleaned_data["reason"])


class EditDeed(CodesDeed):
    """Asks, says what would happen, and orders the edit when that has been read and confirmed."""

    permission = PERMISSION
    submit = "Show what would happen"

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return row.state in (State.ACTIVE, State.DISABLED)

    def render(self, request: HttpRequest, row: Any, context: dict[str, Any], template: str = "") -> TemplateResponse:
        """Asking is harmless: only the page that confirms is red."""
        return super().render(request, row, context if template else {**context, "danger": False}, template)

    def perform(self, request: HttpRequest, row: Batch, form: Any) -> HttpResponse:
        new = form.new_edit()
        if request.POST.get("confirmed") != "yes":
            foreseen = foreseeing.foresee(row, new)
            context = {
                "form": form,
                "foreseen": foreseen,
                "looked_at": f"{foreseen['looked_at']:,}",
                "asked": asked(new.kind, new.parameters, form.cleaned_data.get("time_zone") or row.site.time_zone),
                "rows": foreseen_rows(foreseen),
                "passed_over": passed_over_rows(foreseen["passed_over"]),
            }
            return self.render(request, row, context, "admin/codes/edit_preview.html")
        edit, _ = editing.order_edit(
            row, new, caller_key=caller_key(request), actor_id=actor_id(request), idempotency_key=form.key
        )
        return HttpResponseRedirect(reverse("admin:codes_batchedit_change", args=[edit.pk]))


class EditCodes(EditDeed):
    name, label, icon = "edit-codes", "Change all codes", "edit_note"
    form_class = EditForm
    scripts = ("codes/edit.js",)

    def initial(self, request: HttpRequest, row: Batch) -> dict[str, Any]:
        return {"kind": Kind.EXTEND.value, "time_zone": row.site.time_zone}

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return (
            f"Each code of {row} that is there now changes as it would alone, and its value follows. "
            "The next page says how many that are; nothing is changed before you confirm it."
        )


class ArchiveBatch(EditDeed):
    name, label, icon, variant = "archive", "Delete batch", "delete", ActionVariant.DANGER
    form_class = DeleteForm

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return (
            "Every code becomes unknown for good and the value that is left is voided. The history stays, no code is ever "
            "issued again, and the name stays taken. The next page says how many codes that are."
        )


class CapForm(ReasonForm):
    total_cap = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=LARGEST_CAP,
        label="Cap on redemptions",
        widget=forms.NumberInput(attrs=NUMBER),
        help_text="Of all codes of the batch together, not below those in force. Empty: no cap.",
    )
    field_order = ["total_cap", "reason"]


class CapBatch(CodesDeed):
    name, label, icon = "cap", "Change cap", "speed"
    permission = PERMISSION
    form_class = CapForm

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return row.state in (State.ACTIVE, State.DISABLED)

    def initial(self, request: HttpRequest, row: Batch) -> dict[str, Any]:
        return {"total_cap": row.total_cap}

    def perform(self, request: HttpRequest, row: Batch, form: CapForm) -> str:
        given = form.cleaned_data
        changed = switching.change_batch(
            row, actor_id=actor_id(request), reason=given["reason"], total_cap=given["total_cap"]
        )
        if changed.total_cap is None:
            return f"{row} has no cap."
        return f"{changed.uses_in_force:,} of {changed.total_cap:,} redemptions are in force."


class CancelEdit(CodesDeed):
    name, label, icon, variant = "cancel", "Cancel", "close", ActionVariant.DANGER
    permission = PERMISSION
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: BatchEdit) -> bool:
        return row.state in editing.jobs.CANCELLABLE

    def explain(self, request: HttpRequest, row: BatchEdit) -> str:
        done = f"{row.touched:,} codes have been changed so far, and stay so. "
        if row.kind == Kind.DELETE:
            return f"{done}The batch comes back with the codes that are left."
        return f"{done}The others stay as they are."

    def perform(self, request: HttpRequest, row: BatchEdit, form: DeskForm) -> str:
        if not editing.cancel_edit(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("Too late: it has ended.")
        return "It goes no further."
