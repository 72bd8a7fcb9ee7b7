"""The flow's own words: how /redemptions and /validations answer, whatever happens.

Source: redemption flow, sections 4 and 5. No serializers here: this is the hot path.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid
from django.core.signals import got_request_exception
from django.http import HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import outages
from accounts.refusals import CallerNotAllowed, Refusal, ServiceUnavailable, Unauthenticated
from codes.models import Attempt
from codes.models.attempts import receipt_id
from codes.refusals import AlreadyRedeemed, CodeUsedUp, RequestMalformed, UnsupportedMediaType
from redemption_site.api.problems import Invalid
from redemption_site.edge import forms, parsing
from redemption_site.edge.answers import STEP_NAMES, answer_to, retry_after_seconds
from redemption_site.edge.authentication import CHALLENGE
from redemption_site.edge.rendering import json_response

log = logging.getLogger(__name__)

LARGEST_BODY = 16_384
REPLAYED = {"Idempotent-Replayed": "true"}
FIELDS = ("code", "claimant_id", "channel", "venue_id", "reference", "reservation_token")


class FlowView(APIView):
    """A view whose every failure is in the flow's form, with a fresh ``transaction_id`` where no attempt was kept."""

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Without parsers: bodies are read by ``read_fields``."""
        return Request(request, authenticators=self.get_authenticators())

    def finalize_response(self, request: Request, response: HttpResponse, *args: Any, **kwargs: Any) -> HttpResponse:  # type: ignore[override]
        """As it is: the answer has been rendered."""
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Who asks, and may they: there is one version and one media type of answers, so nothing is negotiated."""
        self.perform_authentication(request)
        self.check_permissions(request)

    def handle_exception(self, error: Exception) -> HttpResponse:  # type: ignore[override]
        transaction_id = uuid.uuid7()
        match error:
            case Refusal():
                return failed(transaction_id, error)
            case Invalid():
                # Of the list alone: which filter was wrong goes with the flow's form.
                return json_response({**failure_body(transaction_id, RequestMalformed()), "errors": error.errors}, 400)
            case exceptions.MethodNotAllowed():
                return method_not_allowed(transaction_id, self.allowed_methods)
            case exceptions.PermissionDenied():
                return failed(transaction_id, CallerNotAllowed())
            case _ if outages.is_away(error):
                log.warning("The database is away: %s", type(error).__name__)
                return failed(transaction_id, ServiceUnavailable())
        log.error("A bug", exc_info=error)
        got_request_exception.send(sender=type(self), request=self.request._request)
        return internal_error(transaction_id)


def read_fields(request: HttpRequest) -> dict[str, str | None]:
    """The known fields of a redemption's body; other fields are ignored (case 28).

    Raises UnsupportedMediaType, RequestTooLarge; RequestMalformed on a field of another type than text, since a number
    has lost its leading zeros already, and on text that no list could show.
    """
    if parsing.is_json(request):
        body: Mapping[str, Any] = parsing.read_json_object(request, LARGEST_BODY)
    elif forms.is_form(request):
        body = forms.read_form(request, LARGEST_BODY)
    else:
        raise UnsupportedMediaType
    fields = {}
    for name in FIELDS:
        value = body.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise RequestMalformed
            # Control characters in a code are dropped by its normalization, and space around a claimant ID is too.
            if name != "code" and not parsing.is_plain(value.strip()):
                raise RequestMalformed
        fields[name] = value
    return fields


def receipt(attempt: Attempt, code_shown: str | None) -> dict[str, Any]:
    """What the claimant gets for a redemption (redemption flow, section 5)."""
    return {
        "receipt_id": attempt.receipt_id,
        "code": code_shown,
        "claimant_id": attempt.claimant_given,
        "actor_id": attempt.actor_id,
        "redeemed_at": attempt.decided_at,
        "action": attempt.action,
        "result": attempt.result,
        "uses_left": attempt.uses_left,
        "reference": attempt.reference,
    }


def checks_of(attempt: Attempt, *, with_values: bool) -> list[dict[str, Any]]:
    """The ordered checks of an attempt; the values seen are for the site's own programs, not for claimants."""
    return [
        {
            "step": check["step"],
            "step_name": STEP_NAMES[check["step"]],
            "check": check["check"],
            "passed": check["passed"],
            **({"seen": check["seen"]} if with_values else {}),
        }
        for check in attempt.checks
    ]


def success_body(attempt: Attempt, code_shown: str | None) -> dict[str, Any]:
    return {"status": "redeemed", "transaction_id": attempt.id, "receipt": receipt(attempt, code_shown)}


def failure_body(transaction_id: UUID, refusal: Refusal) -> dict[str, Any]:
    answer = answer_to(refusal)
    body = {
        "status": "failed",
        "transaction_id": transaction_id,
        "reason": refusal.reason,
        "message": answer.message,
        "step": refusal.step,
        "step_name": STEP_NAMES[refusal.step],
        "retryable": refusal.retryable,
        "next_steps": answer.next_steps,
    }
    if isinstance(refusal, AlreadyRedeemed | CodeUsedUp) and refusal.receipt_number is not None:
        body["receipt_id"] = receipt_id(refusal.receipt_number)
    return body


def failed(transaction_id: UUID, refusal: Refusal, replayed: bool = False) -> HttpResponse:
    """The flow's answer to a refusal, with the headers that belong to it."""
    headers = {}
    seconds = retry_after_seconds(refusal)
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = CHALLENGE
    if replayed:
        headers.update(REPLAYED)
    return json_response(failure_body(transaction_id, refusal), answer_to(refusal).status, headers)


def method_not_allowed(transaction_id: UUID, allowed: Iterable[str]) -> HttpResponse:
    """405, which the flow's table has no reason for: ``method_not_allowed`` in the same form."""
    body = {
        "status": "failed",
        "transaction_id": transaction_id,
        "reason": "method_not_allowed",
        "message": "This address does not take this method.",
        "step": 1,
        "step_name": STEP_NAMES[1],
        "retryable": False,
        "next_steps": ["fix_request"],
    }
    return json_response(body, 405, {"Allow": ", ".join(allowed)})


def internal_error(transaction_id: UUID) -> HttpResponse:
    """500: a bug of ours. It may have struck after the commit, so nothing is promised; a retry with its key tells."""
    body = {
        "status": "failed",
        "transaction_id": transaction_id,
        "reason": "internal_error",
        "message": "Something went wrong on our side.",
        "step": 11,
        "step_name": STEP_NAMES[11],
        "retryable": False,
        "next_steps": ["contact_support"],
    }
    return json_response(body, 500)
