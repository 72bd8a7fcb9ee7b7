"""The stream of advices: what tills reported, what became of it, and the checks that decided."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts import clock
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, sees_one_site, sites_where, staff_of
from accounts.admin.wording import NOTHING, instant, link
from codes.admin import advice_words
from codes.admin.advice_chart import charts
from codes.admin.advice_deeds import DiscardAdvice, DiscardMany, RetryAdvice, RetryMany, RevealAdvice
from codes.admin.advice_filters import RARE, OutcomeFilter, ReceivedFilter, TypeFilter, VenueFilter
from codes.admin.attempt_rows import ATTEMPT_NEVER_READ, attempt_row
from codes.admin.words import check_rows
from codes.advice.draining import attempt_id_of
from codes.models import Advice, Attempt

ROUNDS_SHOWN = 20


@admin.register(Advice)
class AdviceAdmin(DeskAdmin):
    deeds = (RetryAdvice, DiscardAdvice, RevealAdvice)
    list_deeds = (RetryMany, DiscardMany)
    never_read = ("raw", "text")
    list_display = ("when", "outcome_shown", "venue_shown", "type_shown", "delay", "judged_in", "code_shown", "site")
    list_filter = (SiteFilter, OutcomeFilter, VenueFilter, TypeFilter, ReceivedFilter)
    list_select_related = ("site", "venue", "attempt__batch", "attempt__code", "pending")
    list_defer = (
        *(f"attempt__{name}" for name in (*ATTEMPT_NEVER_READ, "checks", "result", "given")),
        "attempt__code__sealed", "attempt__code__lookup_odd", "attempt__code__lookup_even",
    )  # fmt: skip
    detail_select_related = ("site", "client", "venue__system_type", "attempt__batch", "attempt__code", "pending")
    list_before_template = "admin/codes/advice_charts.html"
    change_form_outer_after_template = "admin/codes/advice_page.html"
    fieldsets = (
        (None, {"fields": ("when", "outcome_shown", "said", "decided", "judged_in", "attempt_shown")}),
        (
            "What was sent",
            {"fields": ("code_shown", "venue_shown", "external_venue", "type_shown", "sender", "media")},
        ),
        ("When it happened", {"fields": ("happened", "local_time", "delay", "notes")}),
        (None, {"fields": ("rounds", "id", "site")}),
    )
    readonly_fields = (
        "when", "outcome_shown", "said", "decided", "judged_in", "attempt_shown", "code_shown", "venue_shown",
        "external_venue", "type_shown", "sender", "happened", "local_time", "delay", "notes",
    )  # fmt: skip

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Within one site or venue by their indexes; over several sites by the key, which grows with time."""
        one = bool(request.GET.get("site") or request.GET.get("venue"))
        one = one or sees_one_site(staff_of(request), "codes.view_advice")
        return ("-received_at", "-id") if one else ("-id",)

    def get_sieves(self, request: HttpRequest) -> frozenset[str]:
        """Rare outcomes have an index within one site, what waits or is parked a table of its own; the rest is looked for."""
        outcome, several = request.GET.get("outcome", ""), len(self.get_ordering(request)) == 1
        sieves = {"type"}
        if several:
            sieves |= {"from", "until"}
        if outcome not in ("waiting", "parked") and (
            outcome not in RARE or several or request.GET.get("venue") or request.GET.get("type")
        ):
            sieves.add("outcome")
        return frozenset(sieves)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        sites = sites_where(staff_of(request), "codes.view_advice")
        chosen = [site for site in sites if str(site.pk) == request.GET.get("site")] or sites
        return super().changelist_view(request, {**charts(chosen, clock.read()), **(extra_context or {})})

    def detail_context(self, request: HttpRequest, row: Advice) -> dict[str, Any]:
        return {
            "attempt": row.attempt,
            "checks": check_rows(row.attempt.checks) if row.attempt else [],
            "attempts": earlier_attempts(row),
            "work": advice_words.work_shown(row),
            "said": advice_words.said(row),
            "subtitle": advice_words.said(row),
        }

    @admin.display(description="received")
    def when(self, row: Advice) -> str:
        return instant(row.received_at)

    @display(description="outcome", label=advice_words.COLOURS)
    def outcome_shown(self, row: Advice) -> str:
        return advice_words.outcome_shown(row)

    @admin.display(description="in words")
    def said(self, row: Advice) -> str:
        return advice_words.said(row)

    @admin.display(description="judged")
    def decided(self, row: Advice) -> str:
        return instant(row.decided_at)

    @admin.display(description="judged in")
    def judged_in(self, row: Advice) -> str:
        return advice_words.judged_in(row)

    @admin.display(description="attempt")
    def attempt_shown(self, row: Advice) -> str | SafeString:
        return link(row.attempt)

    @admin.display(description="code")
    def code_shown(self, row: Advice) -> str | SafeString:
        """By batch and serial: the text rests sealed."""
        attempt = row.attempt
        return link(attempt.code, f"{attempt.batch} · {attempt.code.serial:,}") if attempt and attempt.code else NOTHING

    @admin.display(description="venue")
    def venue_shown(self, row: Advice) -> str | SafeString:
        return link(row.venue)

    @admin.display(description="external ID of the venue")
    def external_venue(self, row: Advice) -> str:
        """As it is now: the venue may have been called otherwise when it reported."""
        if row.venue is None or row.venue.system_type is None:
            return NOTHING
        return f"{row.venue.external_id} ({row.venue.system_type})"

    @admin.display(description="type")
    def type_shown(self, row: Advice) -> str:
        return row.redemption_type or NOTHING

    @admin.display(description="sent by")
    def sender(self, row: Advice) -> str | SafeString:
        return link(row.client)

    @admin.display(description="happened")
    def happened(self, row: Advice) -> str:
        return instant(row.happened_at)

    @admin.display(description="local time")
    def local_time(self, row: Advice) -> str:
        return advice_words.local_time(row)

    @admin.display(description="received after")
    def delay(self, row: Advice) -> str:
        return advice_words.delay(row)

    @admin.display(description="notes")
    def notes(self, row: Advice) -> str:
        return advice_words.notes(row)


def earlier_attempts(row: Advice) -> list[dict[str, Any]]:
    """How it was judged in earlier rounds, the last first: the attempts' IDs are made of its own."""
    rounds = range(max(0, row.rounds - ROUNDS_SHOWN), row.rounds)
    ids = [attempt_id_of(row.pk, number) for number in rounds]
    if not ids:
        return []
    attempts = Attempt.objects.filter(pk__in=ids, site=row.site_id)
    attempts = attempts.select_related("claimant", "reversal").defer(*ATTEMPT_NEVER_READ, "checks", "result", "given")
    return [attempt_row(attempt) for attempt in attempts.order_by("-decided_at")]
