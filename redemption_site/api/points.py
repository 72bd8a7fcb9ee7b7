"""/api/v1/claimants/{id}/points: a claimant's points with their lots, and granting some."""

from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import User
from codes.refusals import IdempotencyMismatch
from ledger.granting import KeyOfAnother, grant_points
from ledger.models import LedgerAccount, PointsGrant
from ledger.points_accounts import PointsReading, ensure_points_account, points_account, read_points
from redemption_site.api.assignments import claimant_of
from redemption_site.api.documented import KEY, RETRY, answer_header, problems, replayed
from redemption_site.api.fields import Instant, OneOf, StrictSerializer, Text, WholeNumber
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.problems import Invalid, NotFound
from redemption_site.api.shapes import Shape
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response

MOST_GRANTED = 10**12


class GrantBody(StrictSerializer):
    amount = WholeNumber(
        min_value=-MOST_GRANTED, max_value=MOST_GRANTED, help_text="Whole points; only a correction may be negative."
    )
    kind = OneOf(choices=PointsGrant.Kind.values, help_text="Why the points move at all.")
    reason = Text(max_length=200, help_text="Why, for the record; the holder does not see it.")
    comment = Text(required=False, allow_blank=True, default="", max_length=200, help_text="The holder reads it.")
    expires_at = Instant(
        required=False, allow_null=True, default=None, help_text="First moment at which they are gone; null: never."
    )


class LotShape(Shape):
    lot_id = serializers.IntegerField()
    remaining = serializers.IntegerField(help_text="Neither used nor expired.")
    held = serializers.IntegerField(help_text="Pinned by open reservations.")
    expires_at = serializers.DateTimeField(help_text="First moment at which what is not held is gone.")


class PointsShape(Shape):
    claimant_id = serializers.CharField()
    asset = serializers.CharField()
    state = serializers.ChoiceField(choices=LedgerAccount.State.values)
    balance = serializers.IntegerField(help_text="At this moment.")
    held = serializers.IntegerField(help_text="By open reservations.")
    available = serializers.IntegerField(help_text="Balance less held.")
    lots = LotShape(many=True, help_text="The first to expire first. What the balance has beyond them never expires.")


class GrantShape(Shape):
    transaction_id = serializers.UUIDField()
    claimant_id = serializers.CharField()
    asset = serializers.CharField()
    kind = serializers.ChoiceField(choices=PointsGrant.Kind.values)
    amount = serializers.IntegerField()
    reason = serializers.CharField()
    comment = serializers.CharField()
    expires_at = serializers.DateTimeField(allow_null=True)
    actor_id = serializers.CharField()
    granted_at = serializers.DateTimeField()


WHOSE = OpenApiParameter("claimant_id", str, OpenApiParameter.PATH, description="Whose points.")
GET_POINTS = extend_schema(
    operation_id="get_claimant_points",
    summary="A claimant's points: what is there, held and available, and when it expires",
    description="404 where the claimant has no points account. Needs the scope `read`.",
    tags=["accounts"],
    parameters=[WHOSE],
    responses={200: PointsShape, **problems(401, 403, 404, 503)},
)
GRANT_POINTS = extend_schema(
    operation_id="grant_claimant_points",
    summary="Grant points to a claimant, or correct what they have",
    description=(
        "Points with an end are a lot of their own; what expires first is used first, by corrections too. A claimant without a "
        "points account gets one in the site's programme. 409 `account_locked` or `insufficient_balance` where the account does "
        "not permit it; nothing has moved then. A key that was used for another grant is 422. Needs the scope `grant`."
    ),
    tags=["accounts"],
    request=GrantBody,
    parameters=[WHOSE, KEY, replayed(201), answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)],
    responses={
        201: OpenApiResponse(GrantShape, "Granted, now or before."),
        **problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
    examples=[
        OpenApiExample(
            "A campaign",
            {
                "amount": 500,
                "kind": "campaign",
                "reason": "Spring 2027",
                "comment": "Welcome!",
                "expires_at": "2027-07-01T00:00:00Z",
            },
            request_only=True,
        )
    ],
)


class PointsView(APIView):
    """A claimant's points."""

    http_method_names = ["get", "head", "post"]
    scopes: ClassVar = {"GET": "read", "POST": "grant"}

    @GET_POINTS
    def get(self, request: Request, claimant_id: str) -> HttpResponse:
        claimant = claimant_of(caller_of(request), claimant_id)
        account = points_account(claimant)
        if account is None:
            raise NotFound
        return json_response(points_body(claimant, account, read_points(account)))

    @GRANT_POINTS
    def post(self, request: Request, claimant_id: str) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = GrantBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        claimant = claimant_of(caller, claimant_id)
        refuse_contradiction(given.validated_data)
        try:
            account = ensure_points_account(claimant, actor_id=caller.actor_id)
            grant, again = grant_points(
                account, **given.validated_data, actor_id=caller.actor_id, caller=caller.key, idempotency_key=key
            )
        except KeyOfAnother as error:
            raise IdempotencyMismatch from error
        except ValueError as error:
            raise Invalid([("", str(error))]) from error
        return json_response(grant_body(claimant, account, grant), 201, REPLAYED if again else None)


def refuse_contradiction(said: dict[str, Any]) -> None:
    """What would be refused on any account opens none. Raises Invalid."""
    errors = []
    if not said["amount"] or (said["amount"] < 0 and said["kind"] != PointsGrant.Kind.CORRECTION):
        errors.append(("amount", "At least 1, or below zero in a correction."))
    if said["amount"] < 0 and said["expires_at"] is not None:
        errors.append(("expires_at", "Only points that are given can expire."))
    if errors:
        raise Invalid(errors)


def points_body(claimant: User, account: LedgerAccount, read: PointsReading) -> dict[str, Any]:
    return {
        "claimant_id": claimant.claimant_id,
        "asset": account.asset.code,
        "state": account.state,
        "balance": read.balance,
        "held": read.held,
        "available": read.available,
        "lots": [
            {"lot_id": lot.id, "remaining": lot.remaining, "held": lot.held, "expires_at": lot.expires_at}
            for lot in read.lots
        ],
    }


def grant_body(claimant: User, account: LedgerAccount, grant: PointsGrant) -> dict[str, Any]:
    return {
        "transaction_id": str(grant.transaction_id),
        "claimant_id": claimant.claimant_id,
        "asset": account.asset.code,
        "kind": grant.kind,
        "amount": grant.amount,
        "reason": grant.reason,
        "comment": grant.transaction.comment,
        "expires_at": grant.expires_at,
        "actor_id": grant.actor_id,
        "granted_at": grant.granted_at,
    }
