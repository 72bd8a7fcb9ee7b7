"""/api/v1/validations: what would become of a redemption, with every check, changing nothing but the guess budgets."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from codes.redemption.commands import RedeemCode
from codes.redemption.engine import validate_codes
from redemption_site.api import documented
from redemption_site.api.flow import FlowView, checks_of, failed, failure_body, read_fields
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.rendering import json_response


class ValidationsView(FlowView):
    """Judge a code without redeeming it."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "redeem"}

    @documented.VALIDATE
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        fields = read_fields(request._request)
        command = RedeemCode(
            caller=caller,
            code=fields["code"] or "",
            claimant_id=fields["claimant_id"] or "",
            channel=fields["channel"] or "",
            venue_id=fields["venue_id"] or "",
            reference=fields["reference"],
            reservation_token=fields["reservation_token"],
        )
        outcome = validate_codes([command])[0]
        if outcome.refusal is None:
            body: dict[str, Any] = {"status": "valid"}
        elif outcome.refusal.step == 1:
            # Not a judgement: too many failed attempts.
            return failed(outcome.attempt.id, outcome.refusal)
        else:
            body = failure_body(outcome.attempt.id, outcome.refusal)
            body["status"] = "invalid"
            # No attempt is kept, so its ID would lead nowhere.
            del body["transaction_id"]
        body["checks"] = checks_of(outcome.attempt, with_values="read" in caller.scopes)
        return json_response(body)
