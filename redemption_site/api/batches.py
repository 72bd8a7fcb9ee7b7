"""/api/v1/batches: ordering codes, and how far the order has come."""

import datetime as dt
from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import clock
from accounts.callers import Caller
from accounts.models import Site
from codes import issuing, jobs, uses
from codes.counting import count_states
from codes.issuing import NewBatch, order_batch
from codes.models import Batch, IssueOrder, Terms
from codes.switching import change_batch
from ledger.balances import batch_value
from ledger.models import Asset
from redemption_site.api import documented, edit_schema, edits
from redemption_site.api.amounts import amount
from redemption_site.api.bodies import BatchBody
from redemption_site.api.fields import read_instant
from redemption_site.api.filters import BatchFilters
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.paging import BY_ID, read_page
from redemption_site.api.problems import Invalid, NotFound, of_django
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response

# What the deed calls as the API does, and what otherwise.
SAME_NAMES = (
    *("name", "count", "action", "parameters", "format"),
    *("uses_per_claimant", "cooldown_seconds", "venues"),
)
FIELD_NAMES = {"codes": "code", "valid_from": "first_day", "valid_until": "last_day", "asset_code": "asset"}


class BatchesView(APIView):
    """Order a batch of codes; list the site's batches."""

    http_method_names = ["get", "head", "post"]
    scopes: ClassVar = {"POST": "issue", "GET": "read"}

    @documented.ORDER_BATCH
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = BatchBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        try:
            new, word = new_batch(given.validated_data, caller, key), given.validated_data.get("code")
            order, replayed = order_batch(new) if word is None else issuing.order_supplied(new, [word])
        except ValidationError as error:
            raise in_api_words(error) from error
        headers = {
            "Location": f"/api/v1/batches/{order.batch_id}",
            "Link": f'</api/v1/orders/{order.pk}>; rel="monitor"',
            **(REPLAYED if replayed else {}),
        }
        return json_response(accepted_body(order), 202, headers)

    @documented.LIST_BATCHES
    def get(self, request: Request) -> HttpResponse:
        rows = Batch.objects.filter(site_id=caller_of(request).site_id)
        if "state" not in request.query_params:
            rows = rows.exclude(state=Batch.State.ARCHIVED)  # Deleted batches are listed to those who ask for them.
        found, next_cursor = read_page(BatchFilters.applied(request, rows), request, BY_ID)
        return json_response({"results": [batch_body(batch) for batch in found], "next_cursor": next_cursor})


class BatchView(APIView):
    """One batch with its terms, its progress, its counts and its value; switched, capped and deleted as a whole."""

    http_method_names = ["get", "head", "patch", "delete"]
    scopes: ClassVar = {"GET": "read", "PATCH": "manage", "DELETE": "manage"}

    @documented.GET_BATCH
    def get(self, request: Request, batch_id: int) -> HttpResponse:
        as_of = read_as_of(request)
        batch = Batch.objects.filter(site_id=caller_of(request).site_id, pk=batch_id).first()
        if batch is None:
            raise NotFound
        orders, now = list(batch.orders.select_related("terms__asset").order_by("id")), clock.read()
        states = count_states(batch)
        body = {
            **batch_body(batch),
            "orders": [order_body(order, now) for order in orders],
            "codes": states.counts,
            "codes_estimated": states.estimated,
            "value": value_body(batch, as_of),
        }
        return json_response(body)

    @edit_schema.CHANGE_BATCH
    def patch(self, request: Request, batch_id: int) -> HttpResponse:
        caller = caller_of(request)
        batch = edits.batch_of(caller, batch_id)
        given = edit_schema.BatchChange(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        return json_response(batch_body(change_batch(batch, actor_id=caller.actor_id, **given.validated_data)))

    @edit_schema.DELETE_BATCH
    def delete(self, request: Request, batch_id: int) -> HttpResponse:
        return edits.delete(request, batch_id)


def new_batch(given: dict[str, Any], caller: Caller, key: str | None) -> NewBatch:
    """What the client ordered, in the deed's words. Raises Invalid on a value that the asset cannot hold."""
    time_zone = given.get("time_zone") or Site.objects.values_list("time_zone", flat=True).get(pk=caller.site_id)
    return NewBatch(
        **{name: given[name] for name in SAME_NAMES},
        site_id=caller.site_id,
        caller_key=caller.key,
        actor_id=caller.actor_id,
        uses=uses.stored(given["uses"]),
        asset_code=given.get("asset", ""),
        value=minor_units(given.get("value", Decimal(0)), given.get("asset", "")),
        valid_from=given.get("first_day"),
        valid_until=given.get("last_day"),
        time_zone=time_zone,
        pattern=given.get("pattern", ""),
        total_cap=given.get("total_cap"),
        replenish_below=given.get("replenish_below"),
        replenish_by=given.get("replenish_by"),
        idempotency_key=key,
    )


def minor_units(value: Decimal, asset_code: str) -> int:
    """The amount in the asset's minor units. Raises Invalid on more decimal places than it has."""
    asset = Asset.objects.filter(code=asset_code).first() if asset_code else None
    scaled = value.scaleb(asset.exponent if asset else 0)
    if scaled != scaled.to_integral_value():
        raise Invalid([("value", "This has more decimal places than the asset has.")])
    return int(scaled)


def in_api_words(error: ValidationError) -> Invalid:
    """The deed's complaints under the names that the client used."""
    return Invalid([(FIELD_NAMES.get(row["field"], row["field"]), row["message"]) for row in of_django(error)])


def accepted_body(order: IssueOrder) -> dict[str, Any]:
    """An order as it was placed, so that a replay says the same however far it has come since."""
    return {
        "batch_id": order.batch_id,
        "order_id": order.pk,
        "wanted": order.wanted,
        "issued": 0,
        "state": IssueOrder.State.QUEUED.value,
        "created_at": order.created_at,
    }


def batch_body(batch: Batch) -> dict[str, Any]:
    return {
        "id": batch.pk,
        "name": batch.name,
        "state": batch.state,
        "total_cap": batch.total_cap,
        "replenish_below": batch.replenish_below,
        "replenish_by": batch.replenish_by,
        "replenish_error": batch.replenish_error or None,
        "created_by": batch.created_by,
        "created_at": batch.created_at,
    }


def order_body(order: IssueOrder, now: dt.datetime) -> dict[str, Any]:
    """How far an order has come and how fast, and on which terms its codes are."""
    rate, seconds_left = jobs.pace(order, now)
    return {
        "order_id": order.pk,
        "state": order.state,
        "wanted": order.wanted,
        "issued": order.issued,
        "rate_per_second": round(rate, 1),
        "seconds_left": seconds_left,
        "error": order.error or None,
        "created_at": order.created_at,
        "finished_at": order.finished_at,
        "terms": terms_body(order.terms),
    }


def terms_body(terms: Terms) -> dict[str, Any]:
    return {
        "action": terms.action,
        "parameters": terms.parameters,
        "asset": terms.asset.code if terms.asset else None,
        "value": amount(terms.asset, terms.value) if terms.asset else None,
        "uses": uses.limit(terms.uses),
        "uses_per_claimant": terms.uses_per_claimant,
        "cooldown_seconds": terms.cooldown_seconds,
        "venues": terms.venues,
        "valid_from": terms.valid_from,
        "valid_until": terms.valid_until,
        "time_zone": terms.time_zone,
        "format": terms.format,
        "pattern": terms.pattern or None,
    }


def value_body(batch: Batch, as_of: dt.datetime | None) -> list[dict[str, Any]]:
    """Where the value of the batch's codes is: issued = outstanding + redeemed + expired + voided, in each asset."""
    values = batch_value(batch.pk, as_of)
    assets = Asset.objects.in_bulk([value.asset_id for value in values])
    names = ("issued", "outstanding", "redeemed", "expired", "voided")
    return [
        {
            "asset": assets[value.asset_id].code,
            **{name: amount(assets[value.asset_id], getattr(value, name)) for name in names},
        }
        for value in values
    ]


def read_as_of(request: Request) -> dt.datetime | None:
    """The instant of which the value is asked. Raises Invalid."""
    unknown = [(name, "There is no such parameter.") for name in request.query_params if name != "as_of"]
    given = request.query_params.getlist("as_of")
    if unknown or len(given) > 1:
        raise Invalid(unknown or [("as_of", "Given more than once.")])
    if not given:
        return None
    instant = read_instant(given[0])
    if instant is None:
        raise Invalid([("as_of", "An instant with its offset is wanted here, as 2026-01-31T12:00:00Z.")])
    return instant
