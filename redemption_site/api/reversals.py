"""/api/v1/redemptions/{id}/reversal: taking one redemption back, at most once."""

from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from codes.models import Reversal
from codes.reversing import ReverseRedemption, reverse
from redemption_site.api import documented
from redemption_site.api.bodies import ReversalBody
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response


class ReversalView(APIView):
    """Take a redemption back."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "reverse"}

    @documented.REVERSE
    def post(self, request: Request, attempt_id: UUID) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = ReversalBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        reversal, replayed = reverse(
            ReverseRedemption(caller=caller, attempt_id=attempt_id, idempotency_key=key, **given.validated_data)
        )
        return json_response(reversal_body(reversal), 201, REPLAYED if replayed else None)


def reversal_body(reversal: Reversal) -> dict[str, Any]:
    return {
        "reversal_id": reversal.id,
        "transaction_id": reversal.attempt_id,
        "reason": reversal.reason,
        "give_use_back": reversal.give_use_back,
        "actor_id": reversal.actor_id,
        "reversed_at": reversal.decided_at,
    }
