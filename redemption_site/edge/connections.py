"""Kept database connections: one that served a request a moment ago is trusted to live, and not asked again first.

Asking costs a statement a request. Where the database was away for a shorter time than that, the request fails as it would have
while it was away, with 503, and the next one has a new connection.
"""

import time
from collections.abc import Callable
from typing import Any

from django.core.signals import request_finished
from django.db import connections
from django.http import HttpRequest, HttpResponse

TRUSTED_SECONDS = 1.0


class TrustMiddleware:
    """Behind Django's receiver of ``request_started``, which makes each request ask."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        request_finished.connect(remember)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        trust()
        return self.get_response(request)


def remember(**_: Any) -> None:
    """A request has ended: its connections, where none of them failed, are good for a while."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not connection.errors_occurred:
            vars(connection)["trusted_until"] = time.monotonic() + TRUSTED_SECONDS


def trust() -> None:
    """A request begins: its connections need not be asked if the last request was just now."""
    for connection in connections.all(initialized_only=True):
        if time.monotonic() < vars(connection).get("trusted_until", 0.0):
            vars(connection)["health_check_done"] = True
