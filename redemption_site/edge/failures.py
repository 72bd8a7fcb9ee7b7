"""What the site answers when no view does: a bad request, an unknown address, an error of ours, the database away.

Under /api/ problem+json, to callers of the other protocols their protocol's error, elsewhere a page; a database that is away
is 503 and never 500, but to tills, whose protocol has no 503.
"""

import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views import defaults

from accounts import outages
from redemption_site.edge.preferences import prefers_json
from redemption_site.edge.rendering import json_response, problem

log = logging.getLogger(__name__)

RETRY_AFTER = {"Retry-After": "5"}
ENGINE_XML = "application/xml; charset=utf-8"
UNAVAILABLE = "Redemption is not available right now. Nothing was changed."


class OutageMiddleware:
    """Answers 503 where a view that is not the API's met a database that is away."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request) if outages.is_away(error) else None


def unavailable(request: HttpRequest) -> HttpResponse:
    """503, told without a template: what a template asks of the database cannot be had."""
    if is_till(request):
        return told_to_till(500, "server_error", "The request could not be processed.")
    if is_engine(request):
        return told_to_engine(503, "Service unavailable", RETRY_AFTER)
    if is_loyalty(request):
        return told_to_loyalty(503, "Service unavailable", "SERVICE_UNAVAILABLE", RETRY_AFTER)
    if is_api(request):
        return problem(503, "service_unavailable", UNAVAILABLE, headers=RETRY_AFTER)
    if prefers_json(request):
        return json_response({"status": 503, "message": UNAVAILABLE}, 503, RETRY_AFTER)
    page = (
        "<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>Not available</title><h1>Not available right now</h1><p>{UNAVAILABLE} Try again in a moment.</p>"
    )
    return HttpResponse(page, status=503, headers={**RETRY_AFTER, "Cache-Control": "no-store"})


def is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith("/api/")


def is_till(request: HttpRequest) -> bool:
    return request.path_info.lower().startswith("/v3/")


def is_engine(request: HttpRequest) -> bool:
    return request.path_info.startswith("/default/engine/")


def is_loyalty(request: HttpRequest) -> bool:
    return request.path_info.startswith(settings.LOYALTY_PLACES)


def told_to_engine(status: int, message: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An HTTP error of the prepaid engine, which is answered where no procedure ran. Source: prepaid engine, section 8."""
    error = f"<EngineError><Status>{status}</Status><Message>{escape(message)}</Message></EngineError>\n"
    response = HttpResponse(
        '<?xml version="1.0" encoding="UTF-8"?>\n' + error, status=status, content_type=ENGINE_XML, headers=headers
    )
    response.headers["Cache-Control"] = "no-store"
    # Django would write a second line for it; edge/request_log.py writes ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def told_to_till(status: int, error: str, sentence: str) -> HttpResponse:
    return json_response({"error": error, "error_description": sentence}, status, {"Pragma": "no-cache"})


def told_to_loyalty(
    status: int, message: str, code: str = "INVALID_REQUEST", headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """An error of the loyalty protocol. Source: ad hoc redemption, section 3."""
    return json_response({"statusCode": status, "errorMessage": message, "errorCode": code}, status, headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_till(request):
        return told_to_till(400, "invalid_request", "The request could not be read.")
    if is_engine(request):
        return told_to_engine(400, "The request could not be read")
    if is_loyalty(request):
        return told_to_loyalty(400, "The request could not be read")
    if is_api(request):
        return problem(400, "request_malformed", "The request could not be read.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_api(request):
        return problem(403, "not_allowed", "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if is_engine(request):
        return told_to_engine(404, "Unknown procedure")
    if is_api(request):
        return problem(404, "not_found", "There is nothing at this address.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Called while the error is being handled, of a middleware too. Django logs only what it answers with a page."""
    error = sys.exc_info()[1]
    if outages.is_away(error):
        return unavailable(request)
    if error is not None and (is_till(request) or is_engine(request) or is_loyalty(request) or is_api(request)):
        log_bug(error)
    if is_till(request):
        return told_to_till(500, "server_error", "The request could not be processed.")
    if is_engine(request):
        return told_to_engine(500, "Internal error")
    if is_loyalty(request):
        return told_to_loyalty(500, "Internal server error", "INTERNAL_ERROR")
    if is_api(request):
        return problem(500, "internal_error", "Something went wrong on our side.")
    return defaults.server_error(request)


def log_bug(error: BaseException) -> None:
    """Where it happened, and not what it said: what an error says may be what was sent."""
    log.error("A bug: %s\n%s", type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
