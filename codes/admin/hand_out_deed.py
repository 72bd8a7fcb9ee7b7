"""Handing out a code from the desk: the claimant finds it among their codes, and staff see no more of it than of any other."""

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from accounts.admin.deeds import DeskForm
from accounts.admin.scope import actor_id, caller_key, staff_of
from accounts.callers import Caller
from accounts.refusals import ClaimantInactive, ClaimantUnknown
from codes.admin.deed import CodesDeed
from codes.assigning import AssignCode, assign
from codes.models import Batch
from codes.refusals import NoCodeLeft


class HandOutForm(DeskForm):
    claimant_id = forms.CharField(
        max_length=100,
        label="Claimant ID",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text="Whose own the code is from then on. They see it under \u201cMy codes\u201d.",
    )


class HandOut(CodesDeed):
    name, label, icon = "hand-out", "Hand out a code", "redeem"
    permission = "codes.issue_codes"
    form_class = HandOutForm

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return row.state == Batch.State.ACTIVE

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return (
            "The claimant gets the next free code of the batch. Nobody else can redeem it, and it cannot be taken back."
        )

    def perform(self, request: HttpRequest, row: Batch, form: HandOutForm) -> str:
        caller = Caller(
            site_id=row.site_id, key=caller_key(request), actor_id=actor_id(request), user_id=staff_of(request).pk
        )
        claimant_id = form.cleaned_data["claimant_id"]
        try:
            assignment, _ = assign(AssignCode(caller, row.pk, claimant_id, form.key))
        except ClaimantUnknown as error:
            raise ValidationError({"claimant_id": ["No claimant of this site has that ID."]}) from error
        except ClaimantInactive as error:
            raise ValidationError({"claimant_id": ["This claimant is switched off."]}) from error
        except NoCodeLeft as error:
            raise ValidationError("No code of this batch is left. Issue more first.") from error
        return f"Code {assignment.code.serial:,} is {claimant_id}\u2019s now."
