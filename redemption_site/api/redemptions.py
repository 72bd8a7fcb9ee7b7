"""/api/v1/redemptions: redeeming a code, and the list of attempts. Source: redemption flow, sections 2 to 5.

Redeeming is the hot path: a handful of functions, no serializer, no content negotiation, nothing read twice.
"""

from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from codes.redemption import journal
from codes.redemption.commands import Outcome, RedeemCode
from codes.redemption.engine import redeem_codes
from codes.refusals import RequestMalformed
from redemption_site.api import attempts, documented
from redemption_site.api.flow import REPLAYED, FlowView, failed, read_fields, success_body
from redemption_site.api.idempotency import idempotency_key
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.rendering import json_response

DOOR = "api"


class RedemptionsView(FlowView):
    """Redeem a code; list the attempts of the site."""

    http_method_names = ["get", "head", "post"]
    scopes: ClassVar = {"POST": "redeem", "GET": "read"}

    @documented.REDEEM
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        try:
            key = idempotency_key(request._request)
            fields = read_fields(request._request)
        except RequestMalformed as refusal:
            # The caller is known: support must find that they tried (redemption flow, case 12).
            return failed(journal.note_unreadable(caller, refusal, DOOR).id, refusal)
        command = RedeemCode(
            caller=caller,
            code=fields["code"] or "",
            claimant_id=fields["claimant_id"] or "",
            door=DOOR,
            channel=fields["channel"] or "",
            venue_id=fields["venue_id"] or "",
            reference=fields["reference"],
            reservation_token=fields["reservation_token"],
            idempotency_key=key,
        )
        return answer(redeem_codes([command])[0])

    @documented.LIST_ATTEMPTS
    def get(self, request: Request) -> HttpResponse:
        return json_response(attempts.list_page(request))


def answer(outcome: Outcome) -> HttpResponse:
    """What became of the redemption, rendered from the attempt: first time and replay alike."""
    if outcome.refusal is not None:
        return failed(outcome.attempt.id, outcome.refusal, outcome.replayed)
    body = success_body(outcome.attempt, outcome.code_shown)
    return json_response(body, 201, REPLAYED if outcome.replayed else None)
