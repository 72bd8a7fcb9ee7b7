"""The clock is the database's, and only tests can move it."""

import datetime as dt
import time

import pytest
import time_machine
from django.db import transaction

from accounts import clock

pytestmark = pytest.mark.django_db


def test_it_tells_the_present_in_utc():
    now = clock.read()

    assert now.utcoffset() == dt.timedelta(0)
    assert abs(now - dt.datetime.now(dt.UTC)) < dt.timedelta(seconds=5)


def test_a_wrong_clock_on_this_machine_changes_nothing():
    before = clock.read()

    with time_machine.travel(before + dt.timedelta(hours=26)):
        assert clock.read() - before < dt.timedelta(seconds=5)


def test_it_goes_on_within_a_transaction():
    with transaction.atomic():
        before = clock.read()
        time.sleep(0.01)
        assert clock.read() > before


def test_tests_can_move_it(settings):
    before = clock.read()

    settings.CLOCK_OFFSET_SECONDS = 900
    assert dt.timedelta(seconds=899) < clock.read() - before < dt.timedelta(seconds=905)


def test_nothing_else_can(settings):
    del settings.CLOCK_OFFSET_SECONDS
    clock.can_be_moved.cache_clear()  # As in a process that starts without the tests' settings.
    try:
        assert clock.offset() == dt.timedelta(0)
    finally:
        clock.can_be_moved.cache_clear()
