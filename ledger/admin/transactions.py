"""The books: why value moved, and from where to where. Nothing here is ever changed; a correction is another booking."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.decorators import display

from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, sees_one_site, staff_of
from accounts.admin.when import WhenFilter
from accounts.admin.wording import address_link, instant, link
from ledger.admin.money import money
from ledger.models import LedgerTransaction, Transfer

MOST_SHOWN = 200


class BookedFilter(WhenFilter):
    field = "booked_at"


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(DeskAdmin):
    list_display = ("when", "type_shown", "comment", "reference", "site")
    list_filter = (SiteFilter, BookedFilter, "type")
    list_select_related = ("site",)
    detail_select_related = ("site", "reverses", "reversed_by")
    search_fields = ("id",)
    search_help_text = "Whole ID of a transaction"
    fields = ("id", "when", "type_shown", "site", "comment", "reference", "reverses", "reversed")
    readonly_fields = ("when", "type_shown", "reversed")
    change_form_outer_after_template = "admin/ledger/transfers.html"

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Within one site by its index; over several by the key, which grows with time, for no index spans sites."""
        one = request.GET.get("site") or sees_one_site(staff_of(request), "ledger.view_ledgertransaction")
        return ("-booked_at", "-id") if one else ("-id",)

    def get_sieves(self, request: HttpRequest) -> frozenset[str]:
        """Over several sites the time bounds no index either."""
        return frozenset({"type__exact"} if len(self.get_ordering(request)) == 2 else {"type__exact", "when"})

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        return found_by_id(queryset, search_term), False

    def detail_context(self, request: HttpRequest, row: LedgerTransaction) -> dict[str, Any]:
        transfers = row.transfers.select_related("debit_account__asset", "credit_account__asset")
        transfers = transfers.select_related("debit_account__owner", "credit_account__owner").order_by("id")
        return {"transfers": [transfer_row(each) for each in transfers[:MOST_SHOWN]]}

    @admin.display(description="booked")
    def when(self, row: LedgerTransaction) -> str:
        return instant(row.booked_at)

    @display(
        description="type",
        label={"Redemption reversed": "warning", "Value expired": "warning", "Value voided": "warning"},
    )
    def type_shown(self, row: LedgerTransaction) -> str:
        return row.get_type_display()

    @admin.display(description="reversed by")
    def reversed(self, row: LedgerTransaction) -> str:
        return link(getattr(row, "reversed_by", None))


def found_by_id(queryset: QuerySet[Any], term: str) -> QuerySet[Any]:
    """The row whose primary key was typed; nothing for what is no key at all."""
    if not term.strip():
        return queryset
    try:
        return queryset.filter(pk=queryset.model._meta.pk.to_python(term.strip()))
    except Exception:
        return queryset.none()


def transfer_row(transfer: Transfer) -> dict[str, Any]:
    """One transfer as the pages list it."""
    asset = transfer.debit_account.asset
    return {
        "when": address_link("ledger_ledgertransaction", transfer.transaction_id, instant(transfer.booked_at)),
        "source": link(transfer.debit_account, whose(transfer.debit_account)),
        "target": link(transfer.credit_account, whose(transfer.credit_account)),
        "amount": money(asset, transfer.amount),
        "batch_number": transfer.batch_number,
    }


def whose(account: Any) -> str:
    """An account in a few words: a customer's, or what the site's own one is for."""
    if account.owner is not None:
        return f"{account.owner} ({account.get_kind_display()})"
    return f"{account.purpose}, batch {account.batch_number}" if account.batch_number else account.purpose
