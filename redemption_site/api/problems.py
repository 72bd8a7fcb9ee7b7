"""Failures of every route of ours but /redemptions and /validations: RFC 9457 problem+json with a stable ``code``."""

import logging
from typing import Any

from django.core.exceptions import ValidationError
from django.core.signals import got_request_exception
from django.http import Http404, HttpResponse
from rest_framework import exceptions

from accounts import outages
from accounts.refusals import Refusal, Unauthenticated
from redemption_site.edge.answers import answer_to, retry_after_seconds
from redemption_site.edge.authentication import CHALLENGE, ScopeMissing
from redemption_site.edge.failures import RETRY_AFTER, UNAVAILABLE
from redemption_site.edge.rendering import problem

log = logging.getLogger(__name__)

FieldErrors = dict[str, list[str]]


class Invalid(Exception):
    """The request was read, and says something that cannot be done. ``errors`` are (field, message)."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(errors)
        self.errors = [{"field": field, "message": message} for field, message in errors]


class NotFound(Exception):
    """There is no such object, or it is another site's: one answer for both."""


class Conflict(Exception):
    """The state of things forbids it. ``code`` is stable and for programs, ``detail`` for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.code, self.detail = code, detail


def handle(error: Exception, context: dict[str, Any]) -> HttpResponse:
    """REST framework's exception handler."""
    match error:
        case Refusal():
            return refused(error)
        case Invalid():
            return invalid(error.errors)
        case Conflict():
            return problem(409, error.code, error.detail)
        case exceptions.ValidationError():
            return invalid(flatten(error.detail))
        case ValidationError():
            return invalid(of_django(error))
        case NotFound() | Http404():
            return problem(404, "not_found", "There is nothing at this address.")
        case exceptions.MethodNotAllowed():
            allowed = ", ".join(context["view"].allowed_methods)
            return problem(405, "method_not_allowed", f"This address takes {allowed}.", headers={"Allow": allowed})
        case ScopeMissing():
            return problem(403, "scope_missing", str(error.detail))
        case _ if outages.is_away(error):
            log.warning("The database is away: %s", type(error).__name__)
            return problem(503, "service_unavailable", UNAVAILABLE, headers=RETRY_AFTER)
    log.error("A bug", exc_info=error)
    got_request_exception.send(sender=type(context["view"]), request=context["request"]._request)
    return problem(500, "internal_error", "Something went wrong on our side.")


def refused(refusal: Refusal, errors: list[dict[str, str]] | None = None) -> HttpResponse:
    headers = {}
    seconds = retry_after_seconds(refusal)
    if seconds is not None:
        headers["Retry-After"] = str(seconds)
    if isinstance(refusal, Unauthenticated):
        headers["WWW-Authenticate"] = CHALLENGE
        return problem(401, refusal.reason, "Give an API key, or sign in.", headers=headers)
    answer = answer_to(refusal)
    return problem(answer.status, refusal.reason, answer.message, errors=errors, headers=headers)


def invalid(errors: list[dict[str, str]]) -> HttpResponse:
    return problem(400, "invalid", "The request was read, but says something that cannot be done.", errors=errors)


def flatten(detail: Any, field: str = "") -> list[dict[str, str]]:
    """REST framework's nested details as a list of {field, message}; nested fields are named with dots."""
    if isinstance(detail, dict):
        inside = f"{field}." if field else ""
        names = {name: field if field and name == "non_field_errors" else f"{inside}{name}" for name in detail}
        return [row for name, inner in detail.items() for row in flatten(inner, names[name])]
    if isinstance(detail, list):
        return [row for inner in detail for row in flatten(inner, field)]
    return [{"field": "" if field == "non_field_errors" else field, "message": str(detail)}]


def of_django(error: ValidationError) -> list[dict[str, str]]:
    """A deed's ValidationError, with or without field names, in the same form."""
    if hasattr(error, "error_dict"):
        return [
            {"field": "" if field == "__all__" else field, "message": message}
            for field, messages in error.message_dict.items()
            for message in messages
        ]
    return [{"field": "", "message": message} for message in error.messages]
