"""What the tests about codes share: a clock that stands still until it is moved."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from accounts import clock

NOON = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)


class StoppedClock:
    """The platform's clock, standing at ``now``; tests set it or let seconds pass."""

    def __init__(self, now: dt.datetime) -> None:
        self.now = now

    def read(self, told: dt.datetime | None = None) -> dt.datetime:
        return self.now

    def advance(self, **delta: float) -> dt.datetime:
        """Let time pass, in words of timedelta."""
        self.now += dt.timedelta(**delta)
        return self.now


def stop(patch: pytest.MonkeyPatch) -> StoppedClock:
    """Stop the platform's clock at noon of 21 November 2026."""
    stopped = StoppedClock(NOON)
    patch.setattr(clock, "read", stopped.read)
    patch.setattr(clock, "in_sql", lambda: ("%s::timestamptz", [stopped.now]))
    return stopped


def at_noon(make: Callable[[], Any]) -> Callable[[], Any]:
    """``make`` for a scene whose tests have the ``stopped_clock``: it stands at the same instant while the scene is made."""

    def made() -> Any:
        with pytest.MonkeyPatch.context() as patch:
            stop(patch)
            return make()

    return made


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """Stops the platform's clock at noon of 21 November 2026."""
    return stop(monkeypatch)
