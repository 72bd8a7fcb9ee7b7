"""One ID per request, in at the header, out at the header and on every log line; and one line per request."""

import datetime as dt
import logging
import re
import time
from collections.abc import Callable

import orjson
import structlog
import uuid_utils
from django.http import HttpRequest, HttpResponse

from redemption_site import logs

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{8,64}")
LONGEST_PATH = 200
# A supervisor asks these every second; a line each would bury the others.
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

log = logging.getLogger("redemption_site.requests")


class RequestLogMiddleware:
    """Outermost of all, so that whatever answers, and however it fails, the line is written.

    The line has the method, the path without its query and without the code of a link, the status and the milliseconds;
    never a body or a header.
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
        if request.path not in QUIET and log.isEnabledFor(logging.INFO):
            milliseconds = (time.perf_counter() - started) * 1_000
            log.handle(written(request_id, request, response.status_code, milliseconds))
        return response


def written(request_id: str, request: HttpRequest, status: int, milliseconds: float) -> logging.LogRecord:
    """The line, as JSON and with the same names as every other line; made by hand, for it is written on the hot path."""
    line = {
        "event": "request",
        "method": request.method,
        "path": logs.redact_text(request.path[:LONGEST_PATH]),
        "status": status,
        "milliseconds": round(milliseconds, 1),
        "request_id": request_id,
        "logger": log.name,
        "level": "info",
        "timestamp": dt.datetime.now(dt.UTC),
    }
    text = orjson.dumps(line, option=orjson.OPT_UTC_Z, default=str).decode()
    return logging.LogRecord(log.name, logging.INFO, __file__, 0, text, None, None)
