"""Orders: what was ordered, where each item stands, and the codes that were made for it, masked."""

from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin.between import DaysFilter
from accounts.admin.desk import DeskAdmin
from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import SiteFilter, site_ids_where, staff_of
from accounts.admin.wording import NOTHING, instant, link
from codes import shop_orders
from codes.admin.codes import COLOURS as CODE_COLOURS
from codes.admin.codes import name_of
from codes.admin.item_statuses import COLOURS
from codes.admin.shop_order_deeds import MoveItems, PlaceOrder
from codes.models import Code, ItemStatus, ShopOrder, ShopOrderItem
from ledger.admin.money import money

CODES_SHOWN = 10
STATUSES_OFFERED = 100
MASKED = "••••-••••-••••-••••"


class PlacedFilter(DaysFilter):
    title, field = "placed", "created_at"


class ItemStatusFilter(SimpleListFilter):
    """Orders with an item that stands there."""

    title = "status of an item"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        sites = site_ids_where(staff_of(request), "codes.view_itemstatus")
        rows = ItemStatus.objects.filter(site__in=sites).select_related("site").order_by("site__name", "number")
        several = len(sites) > 1
        return [(str(row.pk), f"{row.name} · {row.site}" if several else row.name) for row in rows[:STATUSES_OFFERED]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return having(queryset, status=chosen) if chosen else queryset


class ArticleFilter(OfRowFilter):
    title, parameter_name, field = "article", "article", ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        return having(queryset, article=chosen) if chosen else queryset


def having(orders: QuerySet[Any], **wanted: str) -> QuerySet[Any]:
    """The orders with such an item."""
    [number] = wanted.values()
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        return orders.none()
    return orders.filter(Exists(ShopOrderItem.objects.filter(order=OuterRef("pk"), **wanted)))


@admin.register(ShopOrder)
class ShopOrderAdmin(DeskAdmin):
    list_deeds = (PlaceOrder,)
    deeds = (MoveItems,)
    ordering = ("-created_at", "-id")
    list_display = ("number", "what", "total", "standing", "buyer_shown", "placed", "site")
    list_filter = (SiteFilter, ItemStatusFilter, PlacedFilter, ArticleFilter)
    sieves = frozenset({"status", "article"})
    list_select_related = ("site", "buyer")
    list_defer = ("buyer__password",)
    never_read = ("fingerprint",)
    detail_select_related = ("site", "buyer")
    search_fields = ("number",)
    search_help_text = "Its number, or the claimant ID of the buyer"
    fields = ("number", "site", "buyer_shown", "total", "placed")
    readonly_fields = ("buyer_shown", "total", "placed")
    change_form_outer_after_template = "admin/codes/shop_order.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ShopOrder]":
        return super().get_queryset(request).prefetch_related("items__asset", "items__status")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = Q(buyer__claimant_id=term)
        if term.isascii() and term.isdecimal() and len(term) < 17:
            found |= Q(number=int(term))
        return queryset.filter(found), False

    def detail_context(self, request: HttpRequest, row: ShopOrder) -> dict[str, Any]:
        items = list(shop_orders.items_of(row))
        return {
            "items": [item_row(item) for item in items],
            "codes": [codes_row(item) for item in items if item.issue_order_id],
            "masked": MASKED,
            "may_move": MoveItems(self).allowed(request, row),
        }

    @admin.display(description="what")
    def what(self, row: ShopOrder) -> str:
        first, *more = row.items.all()
        return f"{first.quantity:,} × {first.name}{f' and {len(more)} more' if more else ''}"

    @admin.display(description="total")
    def total(self, row: ShopOrder) -> str:
        sums: dict[Any, int] = {}
        for item in row.items.all():
            sums[item.asset] = sums.get(item.asset, 0) + item.quantity * item.unit_price
        return " + ".join(money(asset, amount) for asset, amount in sums.items())

    @display(description="status")
    def standing(self, row: ShopOrder) -> str:
        return ", ".join(dict.fromkeys(item.status.name for item in row.items.all()))

    @admin.display(description="buyer")
    def buyer_shown(self, row: ShopOrder) -> str | SafeString:
        return link(row.buyer)

    @admin.display(description="placed")
    def placed(self, row: ShopOrder) -> str:
        return f"{instant(row.created_at)} by {row.actor_id}" if row.actor_id else instant(row.created_at)


def item_row(item: ShopOrderItem) -> dict[str, Any]:
    return {
        "item": item,
        "article": link(item.article, item.name),
        "price": money(item.asset, item.unit_price),
        "total": money(item.asset, item.unit_price * item.quantity),
        "status": item.status.name,
        "colour": COLOURS[ItemStatus.Category(item.status.category)],
        "moved": instant(item.moved_at),
        "codes": f"{item.quantity:,}" if item.issue_order_id else NOTHING,
    }


def codes_row(item: ShopOrderItem) -> dict[str, Any]:
    """The first codes of an item: known by batch and serial, shown to nobody here."""
    order = item.issue_order
    assert order is not None
    first = Code.objects.filter(order=order, batch=order.batch_id, serial__gte=order.first_serial).order_by("serial")
    rows = list(first.select_related("batch").defer("sealed", "lookup_odd", "lookup_even")[:CODES_SHOWN])
    more = max(0, order.wanted - order.moved - len(rows))
    until = f"until {instant(order.terms.valid_until)}" if order.terms.valid_until else "for ever"
    return {
        "item": item,
        "order": order,
        "rows": [(link(code, name_of(code)), code.get_state_display(), code_colour(code)) for code in rows],
        "said": f"Made {instant(order.finished_at)}, valid {until}.{f' {more:,} more are in the list.' if more else ''}",
    }


def code_colour(code: Code) -> str:
    return CODE_COLOURS.get(code.get_state_display(), "info")
