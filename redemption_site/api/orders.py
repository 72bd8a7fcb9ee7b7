"""/api/v1/orders: how far an order of codes has come, calling it off; and more codes into a batch that lives."""

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import clock
from accounts.callers import Caller
from codes import issuing, ordering
from codes.models import Batch, IssueOrder
from redemption_site.api import documented
from redemption_site.api.batches import accepted_body, in_api_words, order_body
from redemption_site.api.bodies import CancellationBody, MoreBody
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.problems import NotFound
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response, problem


class MoreCodesView(APIView):
    """Order more codes into a batch."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "issue"}

    @documented.ORDER_MORE
    def post(self, request: Request, batch_id: int) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = MoreBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        batch = Batch.objects.filter(site_id=caller.site_id, pk=batch_id).first()
        if batch is None:
            raise NotFound
        try:
            order, replayed = ordering.more_or_earlier(
                batch,
                given.validated_data["count"],
                caller_key=caller.key,
                actor_id=caller.actor_id,
                idempotency_key=key,
            )
        except ValidationError as error:
            raise in_api_words(error) from error
        headers = {"Location": f"/api/v1/orders/{order.pk}", **(REPLAYED if replayed else {})}
        return json_response(accepted_body(order), 202, headers)


class OrderView(APIView):
    """One order and how far it has come."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @documented.GET_ORDER
    def get(self, request: Request, order_id: int) -> HttpResponse:
        return json_response(alone_body(order_of(caller_of(request), order_id)))


class CancellationView(APIView):
    """Call an order off."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "issue"}

    @documented.CANCEL_ORDER
    def post(self, request: Request, order_id: int) -> HttpResponse:
        caller = caller_of(request)
        given = CancellationBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        order = order_of(caller, order_id)
        issuing.cancel_order(order, actor_id=caller.actor_id, reason=given.validated_data.get("reason", ""))
        order = order_of(caller, order_id)
        if order.state == IssueOrder.State.DONE:
            return problem(409, "order_done", "Too late: all codes of this order have been issued.")
        # Whoever asks again hears the same.
        return json_response(alone_body(order), 202, {"Location": f"/api/v1/orders/{order.pk}"})


def order_of(caller: Caller, order_id: int) -> IssueOrder:
    """The order on the caller's site. Raises NotFound."""
    rows = IssueOrder.objects.filter(site_id=caller.site_id, pk=order_id).select_related("terms__asset")
    order = rows.first()
    if order is None:
        raise NotFound
    return order


def alone_body(order: IssueOrder) -> dict[str, Any]:
    return {"batch_id": order.batch_id, **order_body(order, clock.read())}
