"""Accounts with their balances, now and at any earlier moment, and customers' statements."""

import datetime as dt
import re
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.db import OperationalError
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter
from accounts.admin.wording import NOTHING, address_link, instant, link
from ledger import balances
from ledger.admin.account_deeds import Book, ChangeAccount
from ledger.admin.money import money
from ledger.admin.points_deeds import GrantPoints
from ledger.admin.transactions import transfer_row, whose
from ledger.lot_uses import LotUse
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from ledger.points_accounts import read_points
from ledger.statement import Entry, read_statement

ENDED = 10  # Suspended bookings that were refused or cancelled.
STATEMENT = 50  # The entries of a page of an account's statement.
NUMBER = re.compile(r"-?[0-9]{1,18}")


@admin.register(LedgerAccount)
class LedgerAccountAdmin(DeskAdmin):
    deeds = (Book, GrantPoints, ChangeAccount)
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
            **points_of(row),
            "as_of": typed,
            "zone": zone.key,
            "then": instant(then, zone.key) if then else "",
            "balance_then": read_balance(row, then) if then else "",
            "problem": problem,
            **(statement_of(request, row) if row.owner_id else {"transfers": newest_transfers(row)}),
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
        if row.balance is None:
            return f"{NOTHING} {row.asset.code}"
        # What has come due counts before it is posted; most accounts have nothing suspended, and cost nothing here.
        return money(row.asset, row.balance if row.due_at is None else balances.balance(row))

    @admin.display(description="minimum balance")
    def floor_shown(self, row: LedgerAccount) -> str:
        return money(row.asset, row.floor) if row.owner_id else NOTHING


def points_of(account: LedgerAccount) -> dict[str, Any]:
    """What is held at this moment, and the lots of an account of points: the first to expire first."""
    if account.kind != LedgerAccount.Kind.POINTS:
        held = balances.standings([account.pk])[account.pk].held if account.held else 0
        return {"held": money(account.asset, held) if held else ""}
    read, zone = read_points(account), account.site.time_zone
    return {
        "held": money(account.asset, read.held) if read.held else "",
        "lots": [
            {
                "expires": instant(lot.expires_at, zone),
                "remaining": money(account.asset, lot.remaining),
                "held": money(account.asset, lot.held) if lot.held else "",
            }
            for lot in read.lots
        ],
        "endless": money(account.asset, read.balance - sum(lot.remaining for lot in read.lots)),
    }


def read_balance(account: LedgerAccount, as_of: dt.datetime | None) -> str:
    """The balance in words; a system account of a busy site may have more transfers than can be summed while one waits."""
    try:
        return money(account.asset, balances.balance(account, as_of))
    except OperationalError:
        return "takes too long to sum here"


def statement_of(request: HttpRequest, account: LedgerAccount) -> dict[str, Any]:
    """A page of a customer's statement, newest first, and the suspended bookings that came to nothing."""
    after = request.GET.get("after", "")
    page = read_statement(account, after=int(after) if NUMBER.fullmatch(after) else None, limit=STATEMENT)
    zone = account.site.time_zone
    types = dict(LedgerTransaction.Type.choices)
    ended = account.suspended_bookings.filter(state__in=["refused", "cancelled"]).order_by("-due_at", "-id")[:ENDED]
    return {
        "entries": [
            {
                "when": when(entry, zone),
                "type": types[LedgerTransaction.Type(entry.type)],
                "comment": entry.comment,
                "amount": money(account.asset, entry.amount),
                "waits": entry.waits,
                "lots": [lot_use(account, use) for use in entry.lots],
            }
            for entry in page.entries
        ],
        "next": page.next,
        "after": after,
        "ended": [
            {
                "when": link(each, instant(each.due_at, zone)),
                "state": each.get_state_display(),
                "refusal": each.refusal.replace("_", " "),
                "comment": each.comment,
                "amount": money(account.asset, each.amount),
            }
            for each in ended
        ],
    }


def lot_use(account: LedgerAccount, use: LotUse) -> str:
    verb = "from" if use.amount < 0 else "to"
    points = money(account.asset, abs(use.amount))
    return f"{points} {verb} the lot that ends {instant(use.expires_at, account.site.time_zone)}"


def when(entry: Entry, zone: str) -> SafeString:
    """Since when it counts, leading to what there is to read about it."""
    if entry.transaction_id:
        return address_link("ledger_ledgertransaction", entry.transaction_id, instant(entry.instant, zone))
    return address_link("ledger_suspendedbooking", -entry.number, instant(entry.instant, zone))


def newest_transfers(account: LedgerAccount) -> list[dict[str, Any]]:
    """The newest transfers: the newest debits and the newest credits, each by its own index, merged."""
    rows = Transfer.objects.select_related(
        "debit_account__asset", "debit_account__owner", "credit_account__asset", "credit_account__owner"
    )
    newest: list[Transfer] = []
    for side in ("debit_account", "credit_account"):
        newest += rows.filter(**{side: account}).order_by("-booked_at", "-id")[:STATEMENT]
    newest.sort(key=lambda transfer: (transfer.booked_at, transfer.pk), reverse=True)
    return [transfer_row(each) for each in newest[:STATEMENT]]
