"""Reversals: which redemptions were taken back, by whom and why."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter
from accounts.admin.wording import instant, link
from codes.admin.filters import DecidedFilter
from codes.models import Reversal


@admin.register(Reversal)
class ReversalAdmin(DeskAdmin):
    never_read = ("fingerprint",)
    list_display = ("when", "redemption", "reason", "use_back", "actor_id", "site")
    list_filter = (SiteFilter, DecidedFilter, "give_use_back")
    list_select_related = ("site", "attempt")
    list_defer = (
        "attempt__checks", "attempt__result", "attempt__given", "attempt__typed", "attempt__lookup", "attempt__fingerprint",
    )  # fmt: skip
    detail_select_related = ("site", "attempt", "ledger_transaction")
    fields = ("when", "redemption", "reason", "use_back", "actor_id", "ledger_transaction", "site", "id")
    readonly_fields = ("when", "redemption", "use_back")

    def detail_context(self, request: HttpRequest, row: Reversal) -> dict[str, Any]:
        return {"subtitle": f"Reversal of {row.attempt.receipt_id}"}

    @admin.display(description="when")
    def when(self, row: Reversal) -> str:
        return instant(row.decided_at)

    @admin.display(description="redemption")
    def redemption(self, row: Reversal) -> str | SafeString:
        return link(row.attempt, row.attempt.receipt_id)

    @display(description="use given back", boolean=True)
    def use_back(self, row: Reversal) -> bool:
        return row.give_use_back
