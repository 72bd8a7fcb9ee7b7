"""Sessions: one per correlation ID and site, ended by a call or by a day without one, and never another client's."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock, members
from accounts.loyalty_sessions import (
    CorrelationIdInUse,
    SessionClosed,
    SessionOfAnother,
    SessionUnavailable,
    SessionUnknown,
    end,
    start,
    touch,
)
from accounts.models import LoyaltySession
from tests.factories import make_site
from tests.members import make_household, make_loyalty_client, make_loyalty_settings, make_member, make_session
from tests.plans import read_whole

pytestmark = pytest.mark.django_db
HOUR = 3_600


@pytest.fixture
def client():
    return make_loyalty_client()


@pytest.fixture
def site(client):
    return client.site


@pytest.fixture
def member(site):
    return make_member(site, household=make_household(site))


def rows():
    return list(LoyaltySession.objects.order_by("pk").values_list("correlation_id", "closed_at", "last_call_at"))


def test_a_session_is_its_members_and_its_clients(client, site, member):
    started = start(client, site, member, "EMAIL", "c-1", "POS", "agent-7")

    row = LoyaltySession.objects.get()
    assert (row, row.site, row.client, row.member) == (started, site, client, member)
    assert (row.identifier_type, row.channel, row.external_agent_session_id) == ("EMAIL", "POS", "agent-7")
    assert row.closed_at is None
    assert row.created_at <= row.last_call_at <= clock.read()


def test_the_same_again_while_it_is_open_is_the_same_session(client, site, member):
    first = make_session(client, member, "c-1")

    again = make_session(client, member, "c-1", channel="POS")

    assert again == first
    assert again.channel == "APP"
    assert LoyaltySession.objects.count() == 1


def test_a_correlation_id_in_use_is_refused_to_everything_else(client, site, member, settings):
    make_session(client, member, "c-1")
    other_client, other_member = make_loyalty_client(site), make_member(site)
    for who, whom, kind in (
        (other_client, member, "ACCOUNT_ID"),
        (client, other_member, "ACCOUNT_ID"),
        (client, member, "EMAIL"),
    ):
        with pytest.raises(CorrelationIdInUse):
            start(who, site, whom, kind, "c-1", "APP")
    end(client, site, "c-1")
    with pytest.raises(CorrelationIdInUse):
        make_session(client, member, "c-1")
    make_session(client, member, "c-2")
    settings.CLOCK_OFFSET_SECONDS = 25 * HOUR
    with pytest.raises(CorrelationIdInUse):
        make_session(client, member, "c-2")

    assert LoyaltySession.objects.count() == 2


def test_another_sites_session_does_not_exist(client, site, member):
    make_session(client, member, "c-1")
    other = make_loyalty_client()

    for deed in (touch, end):
        with pytest.raises(SessionUnknown):
            deed(other, other.site, "c-1")
    theirs = make_session(other, make_member(other.site), "c-1")

    assert touch(client, site, "c-1") != theirs


def test_ids_are_compared_as_sent(client, site, member):
    make_session(client, member, "C-1")

    for wrong in ("c-1", "C-1 ", "", "\x00", "C-1\x00", "\ud800", "x" * 5_000):
        for deed in (touch, end):
            with pytest.raises(SessionUnknown):
                deed(client, site, wrong)


def test_a_call_brings_the_member_and_begins_the_day_anew(client, site, member, settings):
    make_session(client, member, "c-1")
    for hours in (23, 46, 69):
        settings.CLOCK_OFFSET_SECONDS = hours * HOUR
        found = touch(client, site, "c-1")
        assert abs(found.last_call_at - clock.read()) < dt.timedelta(minutes=1)
    assert (found.member, found.member.user, found.member.household) == (member, member.user, member.household)

    settings.CLOCK_OFFSET_SECONDS = (69 + 24) * HOUR + 1
    before = rows()
    for deed in (touch, end):
        with pytest.raises(SessionClosed):
            deed(client, site, "c-1")
    assert rows() == before


def test_the_day_ends_at_its_last_moment(client, site, member):
    session = make_session(client, member, "c-1")
    for idle, over in ((dt.timedelta(hours=24), True), (dt.timedelta(hours=23, minutes=59, seconds=50), False)):
        at = clock.read() - idle
        LoyaltySession.objects.filter(pk=session.pk).update(created_at=at, last_call_at=at)
        if over:
            with pytest.raises(SessionClosed):
                touch(client, site, "c-1")
        else:
            assert touch(client, site, "c-1") == session


def test_a_site_may_have_shorter_days(client, site, member, settings):
    make_loyalty_settings(site, session_hours=1)
    make_session(client, member, "c-1")
    settings.CLOCK_OFFSET_SECONDS = HOUR + 1

    with pytest.raises(SessionClosed):
        touch(client, site, "c-1")


def test_an_ended_session_is_closed_for_good(client, site, member):
    make_session(client, member, "c-1")

    ended = end(client, site, "c-1")

    assert ended.closed_at is not None
    before = rows()
    for deed in (touch, end):
        with pytest.raises(SessionClosed):
            deed(client, site, "c-1")
    assert rows() == before


def test_a_session_of_another_client_is_named_as_such_while_it_is_open(client, site, member):
    make_session(client, member, "c-1")
    other = make_loyalty_client(site)
    before = rows()

    for deed in (touch, end):
        with pytest.raises(SessionOfAnother):
            deed(other, site, "c-1")
    assert rows() == before  # Nor does it keep the session alive.
    end(client, site, "c-1")
    with pytest.raises(SessionClosed):
        touch(other, site, "c-1")


def test_a_call_reads_the_member_as_they_are_now(client, site, member):
    make_session(client, member, "c-1")
    members.close(member, actor_id="staff", reason="gone")

    found = touch(client, site, "c-1")

    assert (found.member.status, found.member.household) == ("closed", None)


def test_a_call_is_one_statement_by_an_index(client, site, member):
    make_session(client, member, "c-1")

    with CaptureQueriesContext(connection) as made:
        found = touch(client, site, "c-1")
        assert found.member.user.site_id == found.site.pk == site.pk
        assert found.member.household.mode == "proportional"
        assert found.client == client

    assert len(made) == (1 if connection.vendor == "postgresql" else 4)
    assert read_whole(lambda: touch(client, site, "c-1")) == []


def test_a_call_that_finds_nothing_is_an_answer_and_never_an_error(client, site):
    assert issubclass(SessionUnknown, SessionUnavailable)
    with pytest.raises(SessionUnavailable):
        touch(client, make_site(), "c-1")
