"""/api/v1/shop-orders: placing orders, and moving their items from status to status, which issues vouchers' codes."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.callers import Caller
from accounts.models import User
from accounts.refusals import CallerNotAllowed
from codes import shop_orders
from codes.models import Code, ItemStatus, ShopOrder, ShopOrderItem
from codes.shop_orders import NewShopOrder
from redemption_site.api import shop_schema
from redemption_site.api.amounts import amount
from redemption_site.api.articles import BY_NUMBER, status_body
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.paging import read_page
from redemption_site.api.problems import Invalid, NotFound
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response

MASKED = "****-****-****-****"
LARGEST = 2**53


class ShopOrdersView(APIView):
    """Place an order; list the site's."""

    http_method_names = ["get", "head", "post"]
    scopes: ClassVar = {"GET": "read", "POST": "issue"}

    @shop_schema.PLACE_ORDER
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = shop_schema.ShopOrderBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        data = given.validated_data
        new = NewShopOrder(
            site_id=caller.site_id,
            lines=tuple((item["article"], item["quantity"]) for item in data["items"]),
            buyer=buyer_of(caller, data.get("buyer")),
            caller_key=caller.key,
            actor_id=caller.actor_id,
            door="api",
            idempotency_key=key,
        )
        order, again = shop_orders.place_order(new)
        headers = {"Location": f"/api/v1/shop-orders/{order.number}", **(REPLAYED if again else {})}
        body = order_body(order_of(caller, order.number), ordered_body)
        return json_response(body, 200 if again else 201, headers)

    @shop_schema.LIST_ORDERS
    def get(self, request: Request) -> HttpResponse:
        rows = orders_of(caller_of(request))
        found, next_cursor = read_page(shop_schema.ShopOrderFilters.applied(request, rows), request, BY_NUMBER)
        results = [order_body(order, item_body) for order in found]
        return json_response({"results": results, "next_cursor": next_cursor})


class ShopOrderView(APIView):
    """One order and where its items stand."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @shop_schema.GET_ORDER
    def get(self, request: Request, number: int) -> HttpResponse:
        return json_response(order_body(order_of(caller_of(request), number), item_body))


class ItemView(APIView):
    """One item of an order."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @shop_schema.GET_ITEM
    def get(self, request: Request, number: int, position: int) -> HttpResponse:
        return json_response(whole_body(item_of(caller_of(request), number, position)))


class ItemStatusView(APIView):
    """Have an item enter a status."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "issue"}

    @shop_schema.MOVE_ITEM
    def post(self, request: Request, number: int, position: int) -> HttpResponse:
        caller = caller_of(request)
        given = shop_schema.StatusBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        item = item_of(caller, number, position)
        status = ItemStatus.objects.filter(site_id=caller.site_id, number=given.validated_data["status"]).first()
        if status is None:
            raise Invalid([("status", "This site has no such status.")])
        moved = shop_orders.move_item(
            item,
            status,
            caller_key=caller.key,
            actor_id=caller.actor_id,
            door="api",
            reason=given.validated_data.get("reason", ""),
        )
        return json_response(whole_body(item_of(caller, number, position), moved.issued))


def buyer_of(caller: Caller, claimant_id: str | None) -> User | None:
    """The claimant on the caller's site. Raises Invalid, CallerNotAllowed."""
    if claimant_id is None:
        return None
    buyer = User.objects.filter(site_id=caller.site_id, claimant_id=claimant_id).first()
    if buyer is None:
        raise Invalid([("buyer", "This claimant is not known.")])
    if not caller.may_act_for(buyer.pk):
        raise CallerNotAllowed
    return buyer


def orders_of(caller: Caller) -> Any:
    """The site's orders, with all that is told of them."""
    items = (f"items__{name}" for name in ("article", "asset", "status", "issue_order__terms"))
    return ShopOrder.objects.filter(site_id=caller.site_id).select_related("buyer").prefetch_related(*items)


def order_of(caller: Caller, number: int) -> ShopOrder:
    """Raises NotFound."""
    order: ShopOrder | None = orders_of(caller).filter(number=number).first() if number < LARGEST else None
    if order is None:
        raise NotFound
    return order


def item_of(caller: Caller, number: int, position: int) -> ShopOrderItem:
    """Raises NotFound."""
    item = next((each for each in order_of(caller, number).items.all() if each.position == position), None)
    if item is None:
        raise NotFound
    return item


def order_body(order: ShopOrder, body_of: Any) -> dict[str, Any]:
    return {
        "number": order.number,
        "buyer": order.buyer.claimant_id if order.buyer else None,
        "created_at": order.created_at,
        "items": [body_of(item) for item in order.items.all()],
    }


def ordered_body(item: ShopOrderItem) -> dict[str, Any]:
    """What was ordered, so that a replay says the same however far the item has come since."""
    return {
        "position": item.position,
        "article": item.article.number,
        "name": item.name,
        "quantity": item.quantity,
        "asset": item.asset.code,
        "unit_price": amount(item.asset, item.unit_price),
    }


def item_body(item: ShopOrderItem) -> dict[str, Any]:
    return {
        **ordered_body(item),
        "status": status_body(item.status),
        "moved_at": item.moved_at,
        "codes": codes_body(item),
    }


def codes_body(item: ShopOrderItem) -> dict[str, Any] | None:
    order = item.issue_order
    if order is None:
        return None
    return {
        "order_id": order.pk,
        "batch_id": order.batch_id,
        "count": order.wanted,
        "first_serial": order.first_serial,
        "last_serial": order.first_serial + order.wanted - 1,
        "valid_until": order.terms.valid_until,
    }


def whole_body(item: ShopOrderItem, issued: int = 0) -> dict[str, Any]:
    return {**item_body(item), "issued": issued, "masked_codes": masked_codes(item)}


def masked_codes(item: ShopOrderItem) -> list[dict[str, Any]]:
    """The first of its codes, by their serials and never by their characters."""
    order = item.issue_order
    if order is None:
        return []
    rows = Code.objects.filter(order=order, batch=order.batch_id, serial__gte=order.first_serial).order_by("serial")
    told = rows.values_list("pk", "serial", "state")[: shop_schema.CODES_TOLD]
    return [{"code_id": pk, "serial": serial, "masked": MASKED, "state": state} for pk, serial, state in told]
