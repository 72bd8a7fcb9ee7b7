"""Attempts: what was tried, which checks it passed, which one it failed, with the values seen; and reversing a redemption."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id, caller_key, sees_one_site, site_ids_where, staff_of
from accounts.admin.wording import NOTHING, instant, link
from accounts.callers import Caller
from codes import reversing
from codes.admin.attempt_rows import ATTEMPT_NEVER_READ, said
from codes.admin.deed import CodesDeed
from codes.admin.filters import BatchFilter, ClaimantFilter, CodeFilter, DecidedFilter, DoorFilter, ReasonFilter
from codes.admin.words import STEPS, check_rows
from codes.models import Attempt
from codes.uses import WITHOUT_LIMIT, in_words

LARGEST_ID = 2**63 - 1


class ReverseForm(DeskForm):
    reason = forms.CharField(max_length=200, help_text="Kept with the reversal.")
    give_use_back = forms.BooleanField(
        required=False,
        label="Give the use back",
        help_text="The code can then be redeemed once more. Otherwise its value ends.",
    )


class Reverse(CodesDeed):
    name, label, icon, variant = "reverse", "Reverse", "undo", ActionVariant.DANGER
    permission = "codes.reverse_redemption"
    form_class = ReverseForm

    def offered(self, request: HttpRequest, row: Attempt) -> bool:
        return row.outcome == Attempt.Outcome.REDEEMED and getattr(row, "reversal", None) is None

    def explain(self, request: HttpRequest, row: Attempt) -> str:
        return f"Everything {row.receipt_id} gave is taken back, once and for good. The redemption stays on record."

    def perform(self, request: HttpRequest, row: Attempt, form: ReverseForm) -> str:
        user = staff_of(request)
        caller = Caller(
            site_id=row.site_id,
            key=caller_key(request),
            actor_id=actor_id(request),
            user_id=user.pk,
            scopes=frozenset({"reverse"}),
        )
        data = form.cleaned_data
        reversing.reverse(
            reversing.ReverseRedemption(caller, row.pk, data["reason"], data["give_use_back"], idempotency_key=form.key)
        )
        return f"{row.receipt_id} was reversed."


@admin.register(Attempt)
class AttemptAdmin(DeskAdmin):
    deeds = (Reverse,)
    never_read = ATTEMPT_NEVER_READ
    list_display = ("when", "outcome_shown", "said", "code_shown", "claimant_shown", "door", "site")
    list_filter = (
        SiteFilter,
        DecidedFilter,
        "outcome",
        ReasonFilter,
        DoorFilter,
        BatchFilter,
        CodeFilter,
        ClaimantFilter,
    )
    list_select_related = ("site", "batch", "code", "claimant")
    list_defer = (
        "checks", "result", "given", "code__sealed", "code__lookup_odd", "code__lookup_even", "claimant__password",
    )  # fmt: skip
    detail_select_related = ("site", "batch", "code__batch", "claimant", "client", "ledger_transaction", "reversal")
    search_fields = ("id",)
    search_help_text = "Whole receipt number, transaction ID or reference"
    fieldsets = (
        (None, {"fields": ("when", "outcome_shown", "said", "step_shown")}),
        (
            "What was asked",
            {"fields": ("code_shown", "claimant_shown", "door", "asked_by", "channel", "venue_id", "reference")},
        ),
        ("What it gave", {"fields": ("action", "gave", "ledger_transaction", "left", "reversed", "id", "site")}),
    )
    readonly_fields = (
        "when",
        "outcome_shown",
        "said",
        "step_shown",
        "code_shown",
        "claimant_shown",
        "asked_by",
        "gave",
        "left",
        "reversed",
    )
    change_form_outer_after_template = "admin/codes/checks.html"

    def get_fieldsets(self, request: HttpRequest, obj: Attempt | None = None) -> Any:
        """A refusal gave nothing."""
        if obj is None or obj.outcome == Attempt.Outcome.REDEEMED:
            return self.fieldsets
        return (*self.fieldsets[:2], (None, {"fields": ("id", "site")}))

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Within one site, batch, code or claimant by their indexes; over several sites by the key, which grows with time."""
        one = any(request.GET.get(name) for name in ("site", "batch", "code", "claimant"))
        one = one or sees_one_site(staff_of(request), "codes.view_attempt")
        return ("-decided_at", "-id") if one else ("-id",)

    def get_sieves(self, request: HttpRequest) -> frozenset[str]:
        """Over several sites the time bounds no index either. A code's and a claimant's attempts are few enough to sort."""
        if request.GET.get("code") or request.GET.get("claimant"):
            return frozenset()
        sieves = frozenset({"outcome__exact", "reason", "door"})
        return sieves if len(self.get_ordering(request)) == 2 else sieves | {"when"}

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        """Exact, by whichever of the three it is."""
        term = search_term.strip()
        if not term:
            return queryset, False
        number = term.upper().removeprefix("R-")
        if number.isdecimal() and number.isascii() and int(number) <= LARGEST_ID:
            return queryset.filter(receipt_number=int(number)), False
        try:
            return queryset.filter(pk=UUID(term)), False
        except ValueError:
            sites = site_ids_where(staff_of(request), "codes.view_attempt")
            return queryset.filter(site__in=sites, reference=term), False

    def detail_context(self, request: HttpRequest, row: Attempt) -> dict[str, Any]:
        return {"checks": check_rows(row.checks), "subtitle": said(row)}

    @admin.display(description="when")
    def when(self, row: Attempt) -> str:
        return instant(row.decided_at)

    @display(description="outcome", label={"Redeemed": "success", "Refused": "warning"})
    def outcome_shown(self, row: Attempt) -> str:
        return row.get_outcome_display()

    @admin.display(description="in words")
    def said(self, row: Attempt) -> str:
        return said(row)

    @admin.display(description="decided at")
    def step_shown(self, row: Attempt) -> str:
        return f"Step {row.step}: {STEPS.get(row.step, NOTHING)}"

    @admin.display(description="code")
    def code_shown(self, row: Attempt) -> str | SafeString:
        """By batch and serial: what was typed rests sealed, and an unknown code is nobody's business."""
        return link(row.code, f"{row.batch} · {row.code.serial:,}") if row.code else NOTHING

    @admin.display(description="claimant")
    def claimant_shown(self, row: Attempt) -> str | SafeString:
        return link(row.claimant) if row.claimant else row.claimant_given or NOTHING

    @admin.display(description="asked by")
    def asked_by(self, row: Attempt) -> str | SafeString:
        return link(row.client) if row.client else row.actor_id

    @admin.display(description="the receipt tells")
    def gave(self, row: Attempt) -> str:
        result = row.result if isinstance(row.result, dict) else {}
        told = {name.replace("_", " "): value for name, value in result.items()}
        return ", ".join(
            f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in told.items()
        )

    @admin.display(description="uses left")
    def left(self, row: Attempt) -> str:
        if row.uses_left is not None:
            return in_words(row.uses_left)
        return WITHOUT_LIMIT if row.receipt_number is not None else NOTHING

    @admin.display(description="reversed")
    def reversed(self, row: Attempt) -> str | SafeString:
        reversal = getattr(row, "reversal", None)
        return link(reversal, instant(reversal.decided_at)) if reversal else NOTHING
