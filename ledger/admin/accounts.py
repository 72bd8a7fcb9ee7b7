"""Accounts with their balances, now and at any earlier moment, and granting value to one."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.deeds import Deed, DeskForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import NOTHING, instant
from accounts.refusals import Refusal
from ledger import balances, moving
from ledger.admin.money import minor_units, money
from ledger.admin.transactions import transfer_row, whose
from ledger.models import LedgerAccount, Transfer
from ledger.refusals import AccountLocked, InsufficientBalance

STATEMENT = 50  # The newest transfers shown on an account's page.
SAID = {
    AccountLocked: "The account is closed and takes no value. Nothing was changed.",
    InsufficientBalance: "The account would stay below its floor. Nothing was changed.",
}


class GrantForm(DeskForm):
    amount = forms.CharField(
        max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
    )
    comment = forms.CharField(max_length=200, help_text="Why; the customer's statement and the audit keep it.")


class GrantValue(Deed):
    name, label, icon, variant = "grant", "Grant value", "add_card", ActionVariant.PRIMARY
    permission = "ledger.grant_value"
    form_class = GrantForm

    def offered(self, request: HttpRequest, row: LedgerAccount) -> bool:
        return row.owner_id is not None and row.state != LedgerAccount.State.CLOSED

    def explain(self, request: HttpRequest, row: LedgerAccount) -> str:
        return f"The amount, in {row.asset.code}, goes from the site's funding to {whose(row)}."

    def say(self, refusal: Refusal) -> str:
        return SAID.get(type(refusal), super().say(refusal))

    def perform(self, request: HttpRequest, row: LedgerAccount, form: GrantForm) -> str:
        try:
            amount = minor_units(row.asset, form.cleaned_data["amount"])
        except ValidationError as error:
            raise ValidationError({"amount": error.messages}) from error
        # The deed knows no keys, so the page's own is its reference: a form sent twice finds what it did the first time.
        reference = f"desk {form.key}"
        if not Transfer.objects.filter(credit_account=row, transaction__reference=reference).exists():
            moving.grant(
                row, amount, comment=form.cleaned_data["comment"], actor_id=actor_id(request), reference=reference
            )
        return f"{money(row.asset, amount)} granted."


@admin.register(LedgerAccount)
class LedgerAccountAdmin(DeskAdmin):
    deeds = (GrantValue,)
    list_display = ("whose", "site", "purpose_shown", "state_shown", "balance_shown")
    list_filter = (SiteFilter, "purpose", "kind", "state")
    list_select_related = ("site", "asset", "owner")
    detail_select_related = ("site", "asset", "owner")
    search_fields = ("owner",)
    search_help_text = "Whole claimant ID or e-mail of the owner"
    fields = ("whose", "owner", "site", "purpose_shown", "asset", "state_shown", "floor_shown")
    readonly_fields = ("whose", "purpose_shown", "state_shown", "floor_shown")
    change_form_outer_after_template = "admin/ledger/account.html"

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(owner__claimant_id=term) | Q(owner__email=term.lower())), False

    def detail_context(self, request: HttpRequest, row: LedgerAccount) -> dict[str, Any]:
        typed, problem, then = request.GET.get("as_of", ""), "", None
        zone = ZoneInfo(row.site.time_zone)
        if typed:
            try:
                read = dt.datetime.fromisoformat(typed)
                then = (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(dt.UTC)
            except (ValueError, OverflowError):
                problem = "Write the moment as 2026-12-31T23:59."
        return {
            "balance": read_balance(row, None),
            "held": money(row.asset, row.held) if row.held else "",
            "as_of": typed,
            "zone": zone.key,
            "then": instant(then, zone.key) if then else "",
            "balance_then": read_balance(row, then) if then else "",
            "problem": problem,
            "transfers": statement(row),
        }

    @admin.display(description="account")
    def whose(self, row: LedgerAccount) -> str:
        return whose(row)

    @admin.display(description="kind")
    def purpose_shown(self, row: LedgerAccount) -> str:
        return row.get_kind_display() if row.owner_id else row.get_purpose_display()

    @display(description="state", label={"Open": "success", "May only be credited": "warning", "Closed": "danger"})
    def state_shown(self, row: LedgerAccount) -> str:
        return row.get_state_display()

    @admin.display(description="balance")
    def balance_shown(self, row: LedgerAccount) -> str:
        """A system account stores none: its page sums it."""
        return money(row.asset, row.balance) if row.balance is not None else f"{NOTHING} {row.asset.code}"

    @admin.display(description="floor")
    def floor_shown(self, row: LedgerAccount) -> str:
        return money(row.asset, row.floor) if row.owner_id else NOTHING


def read_balance(account: LedgerAccount, as_of: dt.datetime | None) -> str:
    """The balance in words; a system account of a busy site may have more transfers than can be summed while one waits."""
    try:
        return money(account.asset, balances.balance(account, as_of))
    except OperationalError:
        return "takes too long to sum here"


def statement(account: LedgerAccount) -> list[dict[str, Any]]:
    """The newest transfers: the newest debits and the newest credits, each by its own index, merged."""
    rows = Transfer.objects.select_related(
        "debit_account__asset", "debit_account__owner", "credit_account__asset", "credit_account__owner"
    )
    newest: list[Transfer] = []
    for side in ("debit_account", "credit_account"):
        newest += rows.filter(**{side: account}).order_by("-booked_at", "-id")[:STATEMENT]
    newest.sort(key=lambda transfer: (transfer.booked_at, transfer.pk), reverse=True)
    return [transfer_row(each) for each in newest[:STATEMENT]]
