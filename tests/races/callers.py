"""Many callers of deeds at the same moment, each with a connection of their own, and no web server between."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connections

from tests.races.arena import Arena


@contextmanager
def patience() -> Iterator[None]:
    """64 deeds in a row take longer than one waits for a lock; that nobody waits so long is the web server's affair."""
    options = connections["default"].settings_dict["OPTIONS"]
    before = options["options"]
    connections.close_all()
    options["options"] = f"{before} -c lock_timeout=60s -c statement_timeout=60s"
    try:
        yield
    finally:
        connections.close_all()
        options["options"] = before


def at_once(arena: Arena, deeds: list[Callable[[], Any]], told: Callable[[Callable[[], Any]], str]) -> list[str]:
    """What each caller heard, in a word; whatever else was raised is raised where there are guards, and named where not."""
    with patience():
        heard = arena.database.together(*[lambda deed=deed: told(deed) for deed in deeds])
    if arena.guarded:
        for each in heard:
            if isinstance(each, Exception):
                raise each
    return [each if isinstance(each, str) else type(each).__name__ for each in heard]
