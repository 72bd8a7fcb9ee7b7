"""What the tests about codes share: a clock that stands still until it is moved."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from accounts import clock
from tests.factories import make_claimant
from tests.scenes import scene

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


@contextmanager
def clock_stopped() -> Iterator[StoppedClock]:
    """The platform's clock stands at noon of 21 November 2026 inside: for a scene, which no test's fixtures reach."""
    with pytest.MonkeyPatch.context() as patch:
        stopped = StoppedClock(NOON)
        patch.setattr(clock, "read", stopped.read)
        patch.setattr(clock, "in_sql", lambda: ("%s::timestamptz", [stopped.now]))
        yield stopped


def at_noon(make: Callable[[], Any]) -> Callable[[], Any]:
    """``make`` for a scene whose tests have the ``stopped_clock``: it stands at the same instant while the scene is made."""

    def made() -> Any:
        with clock_stopped():
            return make()

    return made


claimant_scene = scene("claimant", make_claimant)
saver_scene = scene("saver", lambda: make_claimant(balance=1_000))


@pytest.fixture
def stopped_clock() -> Iterator[StoppedClock]:
    """Stops the platform's clock at noon of 21 November 2026."""
    with clock_stopped() as stopped:
        yield stopped
