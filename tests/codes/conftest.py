"""What the tests about codes share: a clock that stands still until it is moved."""

import datetime as dt

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


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> StoppedClock:
    """Stops the platform's clock at noon of 21 November 2026."""
    stopped = StoppedClock(NOON)
    monkeypatch.setattr(clock, "read", stopped.read)
    monkeypatch.setattr(clock, "in_sql", lambda: ("%s::timestamptz", [stopped.now]))
    return stopped
