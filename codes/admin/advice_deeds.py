"""What staff do about advices: see what was sent, have them judged again, give parked ones up; one, or all of a stretch of time."""

import datetime as dt
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm, ReasonForm, SiteField
from accounts.admin.scope import actor_id
from codes.admin.advice_words import is_parked
from codes.admin.deed import CodesDeed
from codes.advice import retrying, revealing
from codes.models import Advice

RETRY = "codes.retry_advice"
MOST = 10_000  # Advices that one press of the button concerns, so that its answer comes in time.
CHANGED = "It has changed meanwhile."


class RevealAdvice(CodesDeed):
    name, label, icon = "reveal", "Reveal", "visibility"
    permission = "codes.reveal_code"
    form_class = ReasonForm

    def explain(self, request: HttpRequest, row: Advice) -> str:
        return "The next page shows once what was sent, with the code in it. The audit keeps who saw it, when and why."

    def perform(self, request: HttpRequest, row: Advice, form: ReasonForm) -> HttpResponse:
        shown = revealing.reveal(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        what = "Close this page when you have read it: it is not shown again, and the audit names you."
        context = {"title": f"As sent ({row.get_media_display()})", "secret": shown, "what": what}
        return self.render(request, row, context, "admin/shown_once.html")


class RetryAdvice(CodesDeed):
    name, label, icon, variant = "retry", "Judge again", "replay", ActionVariant.PRIMARY
    permission = RETRY
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Advice) -> bool:
        return row.outcome in retrying.AGAIN

    def explain(self, request: HttpRequest, row: Advice) -> str:
        return "It is tried eight more times, beginning now, by the rules of the moment at which it happened."

    def perform(self, request: HttpRequest, row: Advice, form: ReasonForm) -> str:
        if not retrying.retry([row.pk], actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError(CHANGED)
        return "It will be judged again."


class DiscardAdvice(CodesDeed):
    name, label, icon, variant = "discard", "Give up", "delete", ActionVariant.DANGER
    permission = RETRY
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Advice) -> bool:
        return is_parked(row)

    def explain(self, request: HttpRequest, row: Advice) -> str:
        return "Its work ends. The advice stays on record as failed, and no code is touched."

    def perform(self, request: HttpRequest, row: Advice, form: ReasonForm) -> str:
        if not retrying.discard([row.pk], actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError(CHANGED)
        return "It was given up."


class ManyForm(DeskForm):
    site = SiteField()
    since = forms.DateTimeField(
        required=False,
        label="Received from",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="In UTC. Empty: from the first on.",
    )
    until = forms.DateTimeField(
        required=False,
        label="Received before",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="In UTC. Empty: to the last.",
    )
    reason = forms.CharField(max_length=200, help_text="Kept in the audit.")

    def chosen(self) -> "QuerySet[Advice]":
        data = self.cleaned_data
        found = Advice.objects.filter(site=data["site"])
        if data["since"]:
            found = found.filter(received_at__gte=data["since"])
        return found.filter(received_at__lt=data["until"]) if data["until"] else found


class RetryForm(ManyForm):
    which = forms.ChoiceField(
        choices=[("parked", "Parked: they could not be judged"), (Advice.Outcome.UNKNOWN_TEXT, "Unknown text")],
        help_text="After an outage, or when the codes have been imported since.",
    )
    field_order = ("site", "which")

    def chosen(self) -> "QuerySet[Advice]":
        if self.cleaned_data["which"] == "parked":
            return parked(super().chosen())
        return super().chosen().filter(outcome=Advice.Outcome.UNKNOWN_TEXT)


class DiscardForm(ManyForm):
    def chosen(self) -> "QuerySet[Advice]":
        return parked(super().chosen())


class Many(CodesDeed):
    """All of a stretch of time, the oldest first, in lists that are whole each."""

    permission = RETRY
    deed: ClassVar[Any]
    done: ClassVar[str]

    def perform(self, request: HttpRequest, row: Any, form: ManyForm) -> str:
        count = looked_at = 0
        place: tuple[dt.datetime, UUID] | None = None
        # Each is come to once: one that is judged in between, and has the same outcome again, lies behind.
        while looked_at < MOST and (found := some(form.chosen(), place)):
            deed = type(self).deed
            count += deed([key for _, key in found], actor_id=actor_id(request), reason=form.cleaned_data["reason"])
            looked_at += len(found)
            place = found[-1]
        if not count:
            raise ValidationError("There is none of these.")
        more = " There are more: press once again." if looked_at >= MOST and some(form.chosen(), place) else ""
        return f"{count:,} {'advice' if count == 1 else 'advices'} {self.done}.{more}"


class RetryMany(Many):
    name, label, icon = "judge-again", "Judge again…", "replay"
    form_class = RetryForm
    deed, done = staticmethod(retrying.retry), "will be judged again"

    def explain(self, request: HttpRequest, row: Any) -> str:
        return f"The oldest {MOST:,} of them at most. Each is tried eight more times, beginning now."


class DiscardMany(Many):
    name, label, icon, variant = "give-up", "Give up parked…", "delete", ActionVariant.DANGER
    form_class = DiscardForm
    deed, done = staticmethod(retrying.discard), "given up"

    def explain(self, request: HttpRequest, row: Any) -> str:
        return f"The oldest {MOST:,} parked ones at most. Their work ends; they stay on record as failed."


def parked(advices: "QuerySet[Advice]") -> "QuerySet[Advice]":
    return advices.filter(outcome=Advice.Outcome.FAILED, pending__parked_at__isnull=False)


def some(advices: "QuerySet[Advice]", place: tuple[dt.datetime, UUID] | None) -> list[tuple[dt.datetime, UUID]]:
    """The next so many, as (received, ID), behind ``place``."""
    if place:
        received_at, key = place
        advices = advices.filter(Q(received_at__gte=received_at) & (Q(received_at__gt=received_at) | Q(pk__gt=key)))
    return list(advices.order_by("received_at", "pk").values_list("received_at", "pk")[: retrying.MOST])
