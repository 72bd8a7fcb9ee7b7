"""What may be done to orders: placing one, and moving its items from status to status, one by one or many at once."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts.admin.content_forms import LinesField, claimant_named
from accounts.admin.deeds import DeskForm, SiteField
from accounts.admin.scope import actor_id, caller_key, site_ids_where, staff_of
from accounts.refusals import Refusal
from codes import shop_orders
from codes.admin.deed import CodesDeed
from codes.admin.words import refusal_said
from codes.models import Article, ItemStatus, ShopOrder, ShopOrderItem
from codes.models.shop_orders import MOST_UNITS
from codes.shop_orders import NewShopOrder
from ledger.admin.money import money

ARTICLES_NAMED = 10
# Codes that moving items from one page may make: each thousand takes a noticeable part of a second.
MOST_AT_ONCE = 20_000
LINE = re.compile(r"([0-9]{1,5})\s*[x×*]\s*([0-9]{1,16})", re.ASCII | re.IGNORECASE)


class OrderLinesField(LinesField):
    """``3 x 1001`` a line: units and the number of an article."""

    def clean(self, value: Any) -> Any:
        found = []
        for line in super().clean(value):
            said = LINE.fullmatch(line)
            if said is None:
                raise ValidationError(f"“{line[:80]}”: write it like 3 x 1001.")
            found.append((int(said[2]), int(said[1])))
        return found


class NewOrderForm(DeskForm):
    site = SiteField()
    buyer = forms.CharField(
        max_length=254, required=False, help_text="Claimant ID or e-mail address. Empty: nobody known."
    )
    lines = OrderLinesField(
        rows=4, label="What is ordered", help_text="One item a line: how many, an x, and the number of the article."
    )


class PlaceOrder(CodesDeed):
    name, label, icon, variant = "place", "New order", "add_shopping_cart", ActionVariant.PRIMARY
    submit = "Place the order"
    permission = "codes.place_order"
    form_class = NewOrderForm

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        number = request.GET.get("article", "")[:16]
        return {"site": request.GET.get("site"), **({"lines": f"1 x {number}"} if number else {})}

    def explain(self, request: HttpRequest, row: Any) -> str:
        sites = site_ids_where(staff_of(request), self.permission)
        sold = Article.objects.filter(site__in=sites, is_active=True).select_related("asset").order_by("-id")
        named = [f"{each.number} {each.name}, {money(each.asset, each.price)}" for each in sold[:ARTICLES_NAMED]]
        newest = f" The newest articles: {'; '.join(named)}." if named else " No article is on sale yet."
        return "It counts as ordered at the prices of this moment, and cannot be changed later." + newest

    def perform(self, request: HttpRequest, row: Any, form: NewOrderForm) -> HttpResponse:
        data = form.cleaned_data
        try:
            buyer = claimant_named(data["site"], data["buyer"]) if data["buyer"] else None
        except ValidationError as error:
            raise ValidationError({"buyer": error.messages}) from error
        new = NewShopOrder(
            site_id=data["site"].pk,
            lines=tuple(data["lines"]),
            buyer=buyer,
            caller_key=caller_key(request),
            actor_id=actor_id(request),
            door="desk",
            idempotency_key=form.key,
        )
        try:
            order, _ = shop_orders.place_order(new)
        except ValidationError as error:
            raise in_words(error, data["lines"]) from error
        self.model_admin.message_user(request, f"Order {order.number} was placed.", "success")
        return HttpResponseRedirect(reverse("admin:codes_shoporder_change", args=[order.pk]))


def in_words(error: ValidationError, lines: list[tuple[int, int]]) -> ValidationError:
    """The deed's complaints about items at the field that they were typed into, naming the line."""
    told: dict[str, list[str]] = {}
    for name, said in error.message_dict.items() if hasattr(error, "error_dict") else (("__all__", error.messages),):
        _, _, place = name.partition("items.")
        line = place.split(".")[0]
        field = "lines" if name.startswith("items") else name
        before = f"Line {int(line) + 1}, article {lines[int(line)][0]}: " if line else ""
        told.setdefault(field, []).extend(f"{before}{each}" for each in said)
    return ValidationError(told)


class MoveForm(DeskForm):
    items = forms.TypedMultipleChoiceField(coerce=int, widget=forms.CheckboxSelectMultiple)
    status = forms.ModelChoiceField(ItemStatus.objects.none(), label="New status", empty_label=None)
    reason = forms.CharField(max_length=200, required=False, help_text="Kept in the audit.")


class MoveItems(CodesDeed):
    name, label, icon, variant = "move", "Move items", "arrow_forward", ActionVariant.PRIMARY
    submit = "Move"
    permission = "codes.move_item"
    form_class = MoveForm

    def explain(self, request: HttpRequest, row: ShopOrder) -> str:
        return (
            "Entering a status of category 4 makes the codes of a voucher article: one a unit, once, worth money from then on. "
            "Moving an item on, or back, leaves its codes as they are."
        )

    def initial(self, request: HttpRequest, row: ShopOrder) -> dict[str, Any]:
        chosen = request.GET.get("item", "")
        everything = [item.position for item in row.items.all()]
        given = {"items": [int(chosen)] if chosen.isdecimal() and len(chosen) < 4 else everything}
        current = {item.status_id for item in row.items.all() if item.position in given["items"]}
        after = ItemStatus.objects.filter(site=row.site_id, number__gt=max_number(current)).order_by("number").first()
        return {**given, "status": after.pk if after else None}

    def form(self, request: HttpRequest, row: ShopOrder) -> DeskForm:
        form = super().form(request, row)
        items, status = form.fields["items"], form.fields["status"]
        assert isinstance(items, forms.TypedMultipleChoiceField)
        assert isinstance(status, forms.ModelChoiceField)
        items.choices = [(item.position, item_said(item)) for item in shop_orders.items_of(row)]
        status.queryset = ItemStatus.objects.filter(site=row.site_id).order_by("number")
        if len(items.choices) == 1:
            items.widget = items.hidden_widget()
        return form

    def perform(self, request: HttpRequest, row: ShopOrder, form: MoveForm) -> str:
        data = form.cleaned_data
        status = data["status"]
        chosen = [item for item in shop_orders.items_of(row) if item.position in data["items"]]
        check_load(chosen, status)
        moved, refused = [], []
        for item in chosen:
            try:
                moved.append(
                    shop_orders.move_item(
                        item,
                        status,
                        caller_key=caller_key(request),
                        actor_id=actor_id(request),
                        door="desk",
                        reason=data["reason"],
                    )
                )
            except ValidationError as error:
                refused.append(f"Item {item.position}: {' '.join(error.messages)}")
            except Refusal as refusal:
                refused.append(f"Item {item.position}: {refusal_said(refusal)}")
        if refused and not moved:
            raise ValidationError(refused)
        for each in refused:
            messages.warning(request, each)
        return moved_said(moved, status)


def max_number(status_ids: set[int]) -> int:
    """The furthest of these statuses, so that the next one can be offered."""
    return max(ItemStatus.objects.filter(pk__in=status_ids).values_list("number", flat=True), default=0)


def check_load(items: list[ShopOrderItem], status: ItemStatus) -> None:
    """Raises ValidationError where so many codes would be made that nobody should wait for the page."""
    count = sum(item.quantity for item in items if shop_orders.is_due(item, status))
    if count > max(MOST_AT_ONCE, MOST_UNITS):
        raise ValidationError(
            {"items": [f"They would make {count:,} codes. Move fewer at once, up to {MOST_AT_ONCE:,} codes."]}
        )


def moved_said(moved: list[shop_orders.Moved], status: ItemStatus) -> str:
    changed, issued = sum(each.changed for each in moved), sum(each.issued for each in moved)
    if not changed:
        return f"Nothing was to be moved: already at “{status.name}”."
    items = "1 item is" if changed == 1 else f"{changed} items are"
    codes = f" {issued:,} {'code was' if issued == 1 else 'codes were'} made." if issued else ""
    return f"{items} at “{status.name}” now.{codes}"


def item_said(item: ShopOrderItem) -> str:
    return f"{item.position}. {item.quantity:,} × {item.name}, now {item.status.name}"
