"""The desk's deed that has a batch replenish itself, or no more."""

from typing import Any

from django import forms
from django.http import HttpRequest

from accounts.admin.deeds import DeskForm
from accounts.admin.scope import actor_id
from accounts.admin.wording import NOTHING
from codes import replenishing
from codes.admin.deed import CodesDeed
from codes.models import Batch
from codes.terms import MOST_CODES

State = Batch.State
BELOW = "When fewer codes than this are free, more are issued by themselves. Empty: never."
BY = "How many are issued then."


def number(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_CODES,
        label=label,
        help_text=help_text,
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )


class ReplenishForm(DeskForm):
    replenish_below = number("Replenish below", BELOW)
    replenish_by = number("Replenish by", BY)
    reason = forms.CharField(max_length=200, required=False, help_text="Kept in the audit.")


class Replenish(CodesDeed):
    name, label, icon = "replenish", "Replenish", "autorenew"
    permission = "codes.issue_codes"
    form_class = ReplenishForm

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        drawn = any(order.terms.format != "supplied" for order in row.orders.all())  # Read with the batch.
        return drawn and row.state in (State.ISSUING, State.ACTIVE, State.DISABLED)

    def initial(self, request: HttpRequest, row: Batch) -> dict[str, Any]:
        return {"replenish_below": row.replenish_below, "replenish_by": row.replenish_by}

    def explain(self, request: HttpRequest, row: Batch) -> str:
        stopped = f" It has stopped: {row.replenish_error} Saving begins anew." if row.replenish_error else ""
        return f"The batch gets more codes on the terms of its last order whenever it runs low.{stopped}"

    def perform(self, request: HttpRequest, row: Batch, form: ReplenishForm) -> str:
        below, by = form.cleaned_data["replenish_below"], form.cleaned_data["replenish_by"]
        replenishing.set_replenishing(row, below, by, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return (
            f"{row} is not replenished."
            if by is None
            else f"{row} gets {by:,} more codes when fewer than {below:,} are free."
        )


def replenish_words(batch: Batch) -> str:
    """What a batch does when it runs low, in a sentence."""
    if batch.replenish_below is None or batch.replenish_by is None:
        return NOTHING
    words = f"{batch.replenish_by:,} more when fewer than {batch.replenish_below:,} are free"
    return f"{words}. Stopped: {batch.replenish_error}" if batch.replenish_error else words
