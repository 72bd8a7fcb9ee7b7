"""Access tokens: only a digest rests, each dies with its client, its scope and its hour, and the sweep takes it away."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import access_tokens, client_keys, clock, remembering, tidying
from accounts.models import AccessToken, Client
from tests.factories import make_client, make_site
from tests.members import make_loyalty_client, make_token
from tests.plans import read_whole

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered():
    access_tokens.remembered.clear()
    yield
    access_tokens.remembered.clear()


@pytest.fixture
def five_seconds_later(monkeypatch):
    """Whatever was remembered is not any more."""
    return lambda: monkeypatch.setattr(remembering.Remembered, "SECONDS", 0.0)


def test_a_token_leads_to_its_client_for_an_hour(settings):
    client, other = make_loyalty_client(), make_loyalty_client()

    token, seconds = access_tokens.issue(client, clock.read())

    assert seconds == 3_600
    assert access_tokens.find_client(token) == client
    assert access_tokens.find_client(make_token(other)) == other
    for moved, found in ((3_590, client), (3_601, None)):
        settings.CLOCK_OFFSET_SECONDS = moved
        access_tokens.remembered.clear()
        assert access_tokens.find_client(token) == found


def test_a_token_is_dead_from_the_very_moment_on_at_which_it_ends(monkeypatch):
    client, now = make_loyalty_client(), clock.read()
    token, _ = access_tokens.issue(client, now)

    for instant, found in ((3_600_000_000 - 1, client), (3_600_000_000, None)):
        monkeypatch.setattr(clock, "read", lambda after=instant: now + dt.timedelta(microseconds=after))
        access_tokens.remembered.clear()
        assert access_tokens.find_client(token) == found


def test_two_tokens_of_a_client_work_side_by_side():
    client = make_loyalty_client()
    tokens = {make_token(client) for _ in range(5)}

    assert len(tokens) == 5
    assert {access_tokens.find_client(each) for each in tokens} == {client}


def test_only_a_digest_rests():
    token = make_token(make_loyalty_client())

    row = AccessToken.objects.get()

    assert len(bytes(row.digest)) == 32
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_accesstoken")
        assert token not in repr([bytes(each) if isinstance(each, memoryview) else each for each in cursor.fetchone()])
    assert token not in repr(access_tokens.remembered.found)


@pytest.mark.parametrize(
    "token", ["", "x", "a" * 42, "a" * 44, "a" * 42 + "\n", "a" * 42 + "é", "\x00" * 43, "\ud800" * 43]
)
def test_what_is_no_token_of_ours_asks_no_database(token):
    with CaptureQueriesContext(connection) as made:
        assert access_tokens.find_client(token) is None

    assert len(made) == 0


def test_a_token_that_was_never_issued_is_nobodys():
    make_token(make_loyalty_client())

    assert access_tokens.find_client("a" * 43) is None


def test_an_api_key_is_no_access_token_and_a_token_no_key():
    new = make_client(make_site(), ["points"])

    assert access_tokens.find_client(new.key) is None
    assert access_tokens.find_client(new.key.partition(".")[2]) is None


@pytest.mark.parametrize("end", ["revoked", "expired", "scope", "last claimant gone"])
def test_a_token_dies_with_its_client_once_it_is_not_remembered(end, five_seconds_later):
    client = make_loyalty_client()
    token = make_token(client)
    assert access_tokens.find_client(token) == client

    rows = Client.objects.filter(pk=client.pk)
    if end == "revoked":
        client_keys.revoke(client, actor_id="staff")
    elif end == "expired":
        rows.update(expires_at=clock.read())
    elif end == "scope":
        rows.update(scopes=["redeem"])
    else:
        rows.update(limited=True)
    five_seconds_later()

    assert access_tokens.find_client(token) is None


def test_a_token_that_was_right_is_not_looked_up_again_for_five_seconds():
    token = make_token(make_loyalty_client())
    access_tokens.find_client(token)

    with CaptureQueriesContext(connection) as made:
        assert access_tokens.find_client(token) is not None

    assert len(made) == 0
    assert access_tokens.remembered.SECONDS == 5.0


def test_a_token_is_looked_up_by_an_index():
    token = make_token(make_loyalty_client())

    assert read_whole(lambda: access_tokens.find_client(token)) == []


def test_the_sweep_deletes_what_has_ended_and_nothing_else():
    client, now = make_loyalty_client(), clock.read()
    access_tokens.issue(client, now - dt.timedelta(seconds=3_601))
    lasting, _ = access_tokens.issue(client, now)

    assert tidying.tidy() == 1

    assert AccessToken.objects.count() == 1
    assert access_tokens.find_client(lasting) == client
