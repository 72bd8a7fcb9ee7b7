"""What the tests about value share."""

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

import pytest

from accounts import clock
from ledger.models import LedgerAccount
from tests.codes.conftest import NOON, StoppedClock, stopped_clock  # noqa: F401 (a fixture)
from tests.factories import make_account

T = TypeVar("T")


@pytest.fixture
def account(db: None) -> LedgerAccount:
    """An account that holds 100."""
    return make_account(balance=100)


def from_noon(make: Callable[[StoppedClock], T]) -> Callable[[], tuple[T, dt.datetime]]:
    """``make`` for a scene (tests/scenes.py), with the platform's clock stopped at noon for it to move; and when it ended."""

    def made() -> tuple[T, dt.datetime]:
        stopped = StoppedClock(NOON)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clock, "read", stopped.read)
            patch.setattr(clock, "in_sql", lambda: ("%s::timestamptz", [stopped.now]))
            return make(stopped), stopped.now

    return made
