"""A kept connection is asked whether it lives, unless it served a request a moment ago."""

import pytest
from django.core.signals import request_finished
from django.db import connections
from django.http import HttpRequest

from redemption_site.edge import connections as kept

pytestmark = pytest.mark.django_db


@pytest.fixture
def connection(monkeypatch):
    """The test's own connection, which Django's receivers must not close."""
    found = connections["default"]
    monkeypatch.setattr(found, "close_if_unusable_or_obsolete", lambda: setattr(found, "health_check_done", False))
    monkeypatch.setattr(found, "errors_occurred", False)  # Whatever an earlier test did to it.
    vars(found).pop("trusted_until", None)
    yield found
    vars(found).pop("trusted_until", None)


def request(connection):
    """One request; answers whether its connection need not be asked."""
    connection.close_if_unusable_or_obsolete()  # As Django does when a request begins.
    seen = []
    kept.TrustMiddleware(lambda _: seen.append(connection.health_check_done))(HttpRequest())
    request_finished.send(sender=None)
    return seen[0]


def test_the_first_request_asks_and_the_next_ones_do_not(connection):
    assert [request(connection) for _ in range(3)] == [False, True, True]


def test_after_a_pause_it_asks_again(connection, monkeypatch):
    request(connection)
    now = kept.time.monotonic() + kept.TRUSTED_SECONDS
    monkeypatch.setattr(kept.time, "monotonic", lambda: now)

    assert not request(connection)


def test_a_connection_that_failed_is_asked(connection, monkeypatch):
    monkeypatch.setattr(connection, "errors_occurred", True)
    request(connection)

    assert not request(connection)
