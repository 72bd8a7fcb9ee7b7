"""/api/v1/batches/{id}/assignments: handing out the next free code of a batch; and the codes that are a claimant's own.

Both tell codes with their characters, to keys of a scope of their own; never to a browser login.
"""

import datetime as dt
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import clock
from accounts.callers import Caller
from accounts.models import User
from accounts.refusals import CallerNotAllowed, ClaimantUnknown
from codes import assigning, lookup, own_codes, revealing, uses
from codes.models import Code
from redemption_site.api.amounts import amount
from redemption_site.api.documented import KEY, RETRY, answer_header, problems, replayed
from redemption_site.api.fields import StrictSerializer, Text
from redemption_site.api.filters import StrictFilterSet
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.paging import BY_ID, Keyset, read_page, whole_number
from redemption_site.api.shapes import AmountShape, Page, Shape
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import is_plain, read_json_object
from redemption_site.edge.rendering import json_response

BY_HANDING_OUT = Keyset((("handed", whole_number), *BY_ID.columns))


class OwnFilters(StrictFilterSet):
    """None: the list is short."""

    class Meta:
        model = Code
        fields: ClassVar[list[str]] = []


class AssignmentBody(StrictSerializer):
    claimant_id = Text(max_length=100, help_text="Whose own the code is from then on.")


class OwnCode(Shape):
    code = serializers.CharField(help_text="As it is shown to people.")
    code_id = serializers.IntegerField()
    serial = serializers.IntegerField(help_text="Number within the batch.")
    batch_id = serializers.IntegerField()
    batch = serializers.CharField(help_text="Name of the batch.")
    claimant_id = serializers.CharField()
    assigned_at = serializers.DateTimeField(allow_null=True, help_text="Null: bound to the claimant in another way.")
    action = serializers.CharField()
    asset = serializers.CharField(allow_null=True)
    value = AmountShape(allow_null=True, help_text="Of one use.")
    max_uses = serializers.IntegerField(allow_null=True, help_text="Null: without limit.")
    uses_left = serializers.IntegerField(allow_null=True, help_text="Null: without limit.")
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True, help_text="First moment after validity.")
    state = serializers.ChoiceField(choices=list(own_codes.STANDINGS), help_text="For its owner, at this moment.")


class OwnCodePage(Page):
    results = OwnCode(many=True)


TOLD = OpenApiExample(
    "A code",
    {
        "code": "7QK2M-4XV9C-TB83H-W",
        "code_id": 4711,
        "serial": 12,
        "batch_id": 3,
        "batch": "Spring",
        "claimant_id": "u-1001",
        "assigned_at": "2026-11-22T08:30:00Z",
        "action": "credit",
        "asset": "EUR",
        "value": "5.00",
        "max_uses": 1,
        "uses_left": 1,
        "valid_from": None,
        "valid_until": "2027-01-01T00:00:00Z",
        "state": "ready",
    },
    response_only=True,
    status_codes=["201"],
)
ASSIGN = extend_schema(
    operation_id="assign_code",
    summary="Hand out the next free code of a batch",
    description=(
        "It is the claimant's own from then on, and nobody else redeems it. The same claimant with the same key gets the same code "
        "again; without a key a claimant gets one code of the batch, ever; another key gives another code. A key that was used for "
        "another claimant or batch is 422; 409 `no_code_left` where no code is free, `code_busy` where others hold the last ones "
        "just now. Needs the scope `assign`."
    ),
    tags=["batches"],
    request=AssignmentBody,
    parameters=[KEY, replayed(200), answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)],
    responses={
        201: OpenApiResponse(OwnCode, "Handed out."),
        200: OpenApiResponse(OwnCode, "Handed out before."),
        **problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
    examples=[TOLD],
)
LIST_OWN = extend_schema(
    operation_id="list_claimant_codes",
    summary="The codes that are a claimant's own, with their characters; what was handed out last comes first",
    description="Needs the scope `assign`. That they were told is kept in the audit.",
    tags=["codes"],
    parameters=[
        OpenApiParameter("claimant_id", str, OpenApiParameter.PATH, description="Whose codes."),
        *OwnFilters.parameters(),
    ],
    responses={200: OwnCodePage, **problems(400, 401, 403, 404, 503)},
)


class AssignmentsView(APIView):
    """Hand out a code."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "assign"}

    @ASSIGN
    def post(self, request: Request, batch_id: int) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = AssignmentBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        command = assigning.AssignCode(caller, batch_id, given.validated_data["claimant_id"], key)
        assignment, again = assigning.assign(command)
        body = own_code_body(assignment.code, assignment.claimant, assignment.assigned_at, clock.read())
        return json_response(body, 200 if again else 201, REPLAYED if again else None)


class OwnCodesView(APIView):
    """A claimant's codes. HEAD is not answered: it would leave an audit row of codes that were never told."""

    http_method_names = ["get"]
    scopes: ClassVar = {"GET": "assign"}

    @LIST_OWN
    def get(self, request: Request, claimant_id: str) -> HttpResponse:
        caller = caller_of(request)
        claimant = claimant_of(caller, claimant_id)
        rows = OwnFilters.applied(request, own_codes.own_codes(claimant))
        found, next_cursor = read_page(rows, request, BY_HANDING_OUT)
        if found:
            revealing.note_own_shown(claimant, len(found), actor_id=caller.actor_id, door="api")
        now = clock.read()
        results = [own_code_body(code, claimant, assigned_at(code), now) for code in found]
        return json_response({"results": results, "next_cursor": next_cursor})


def claimant_of(caller: Caller, claimant_id: str) -> User:
    """The claimant on the caller's site. Raises ClaimantUnknown, CallerNotAllowed."""
    rows = User.objects.filter(site_id=caller.site_id, claimant_id=claimant_id)
    claimant = rows.first() if is_plain(claimant_id) else None
    if claimant is None:
        raise ClaimantUnknown
    if not caller.may_act_for(claimant.pk):
        raise CallerNotAllowed
    return claimant


def assigned_at(code: Code) -> dt.datetime | None:
    return code.assignment.assigned_at if hasattr(code, "assignment") else None


def own_code_body(code: Code, claimant: User, at: dt.datetime | None, now: dt.datetime) -> dict[str, Any]:
    asset = code.terms.asset
    return {
        "code": lookup.shown(code),
        "code_id": code.pk,
        "serial": code.serial,
        "batch_id": code.batch_id,
        "batch": code.batch.name,
        "claimant_id": claimant.claimant_id,
        "assigned_at": at,
        "action": code.terms.action,
        "asset": asset.code if asset else None,
        "value": amount(asset, code.terms.value) if asset else None,
        "max_uses": uses.limit(code.max_uses),
        "uses_left": uses.left(code.max_uses, code.uses),
        "valid_from": code.valid_from,
        "valid_until": code.valid_until,
        "state": own_codes.standing(code, now),
    }
