"""One ID per request, in at the header, out at the header and on every log line; and one line per request."""

import re
import time
from collections.abc import Callable

import structlog
import uuid_utils
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
LONGEST_PATH = 200
# A supervisor asks these every second; a line each would bury the others.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

log = structlog.get_logger(__name__)


class RequestLogMiddleware:
    """Outermost of all, so that whatever answers, and however it fails, the line is written.

    The line has the method, the path without its query (redemption_site/logs.py takes codes out of it), the status and
    the milliseconds; never a body or a header.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        given = request.META.get("HTTP_X_REQUEST_ID", "")
        request_id = given if SANE.fullmatch(given) else uuid_utils.uuid7().hex
        # A thread serves one request after another: what the last one bound must not name this one.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        response = self.get_response(request)
        response.headers[HEADER] = request_id
        write = log.debug if request.path in QUIET else log.info
        write(
            "request",
            method=request.method,
            path=request.path[:LONGEST_PATH],
            status=response.status_code,
            milliseconds=round((time.perf_counter() - started) * 1_000, 1),
        )
        return response
