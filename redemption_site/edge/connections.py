"""Kept database connections: one that served a request a moment ago is trusted to live, and not asked again first.

Asking costs a statement a request. Where the database was away for a shorter time than that, the request fails as it would have
while it was away, with 503, and the next one has a new connection.
"""

import time
from typing import Any

from django.core.signals import request_finished, request_started
from django.db import connections

TRUSTED_SECONDS = 1.0


def watch() -> None:
    """To be called once Django's own receivers are there: they come first, and make each request ask."""
    request_finished.connect(remember)
    request_started.connect(trust)


def remember(**_: Any) -> None:
    """A request has ended: its connections, where none of them failed, are good for a while."""
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not connection.errors_occurred:
            vars(connection)["trusted_until"] = time.monotonic() + TRUSTED_SECONDS


def trust(**_: Any) -> None:
    """A request begins: its connections need not be asked if the last request was just now."""
    for connection in connections.all(initialized_only=True):
        if time.monotonic() < vars(connection).get("trusted_until", 0.0):
            vars(connection)["health_check_done"] = True
