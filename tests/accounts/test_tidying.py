"""Rows that have had their time go, in chunks; whatever still counts stays."""

import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import budgets, clock, tidying
from accounts.budgets import Budget
from accounts.models import BrowserLogin, FailureBudget, Licence
from tests.content import make_item, make_licence
from tests.factories import make_claimant, make_site

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)


def window(source, started):
    budgets.count_failure([Budget("guess", source, 10)], started)


def session(key, expires):
    Session.objects.create(session_key=key, session_data="x", expire_date=expires)


def test_windows_that_are_over_go_and_those_that_last_stay():
    now = clock.read()
    window("over", now - budgets.WINDOW - SECOND)
    window("lasts", now - budgets.WINDOW + 60 * SECOND)

    assert tidying.tidy() == 1

    assert budgets.seconds_until_free([Budget("guess", "lasts", 1)]) > 0
    assert FailureBudget.objects.count() == 1


def test_sessions_that_have_ended_go_and_those_that_last_stay():
    now = clock.read()
    session("ended", now - SECOND)
    session("lasts", now + 60 * SECOND)

    assert tidying.tidy() == 1
    assert list(Session.objects.values_list("session_key", flat=True)) == ["lasts"]


def browser_login(site, last_seen):
    digest = bytes([BrowserLogin.objects.count()]) * 16
    return BrowserLogin.objects.create(site=site, token_digest=digest, created_at=last_seen, last_seen_at=last_seen)


def test_browser_logins_that_ended_a_day_ago_go_with_their_licences_and_nothing_else():
    now, site = clock.read(), make_site()
    book, anna = make_item(site), make_claimant(site)
    ended_long_ago = browser_login(site, now - tidying.BROWSER_LOGIN_KEPT - SECOND)
    ended_just_now = browser_login(site, now - dt.timedelta(minutes=31))
    lasts = browser_login(site, now)
    for login in (ended_long_ago, ended_long_ago, ended_just_now, lasts):
        Licence.objects.filter(pk=make_licence(book, user=anna).pk).update(user=None, browser=login)
    kept = make_licence(book, user=anna)

    assert tidying.tidy() == 1
    assert set(BrowserLogin.objects.all()) == {ended_just_now, lasts}
    assert sorted(Licence.objects.values_list("browser", flat=True), key=str) == [
        *sorted([lasts.pk, ended_just_now.pk], key=str),
        None,
    ]
    assert Licence.objects.filter(pk=kept.pk).exists()


def test_it_goes_in_chunks(monkeypatch):
    monkeypatch.setattr(tidying, "CHUNK", 2)
    now = clock.read()
    for number in range(5):
        window(str(number), now - 2 * budgets.WINDOW)
        session(f"s{number}", now - SECOND)

    assert tidying.tidy_chunk() == 4
    assert tidying.tidy() == 6
    assert tidying.tidy() == 0


def test_it_stops_when_its_time_is_over():
    window("over", clock.read() - 2 * budgets.WINDOW)
    assert tidying.tidy(seconds=0) == 0
    assert FailureBudget.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
def test_what_is_due_is_found_through_an_index_by_time():
    with CaptureQueriesContext(connection) as asked:
        for rows, order in tidying.due(clock.read()):
            list(rows.order_by(order).values_list("pk", flat=True)[:10])
    for query in asked.captured_queries[-5:]:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert any(
            index in plan
            for index in (
                "failurebudget_by_window",
                "django_session_expire_date",
                "browser_login_last_seen",
                "accounts_accesstoken_expires_at",
                "identification_used_at",
            )
        )
