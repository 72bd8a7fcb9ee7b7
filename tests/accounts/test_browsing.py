"""Browser logins: how one begins, is found again, lasts and ends."""

import datetime as dt

import pytest

from accounts import browsing, clock
from accounts.models import BrowserLogin
from tests.factories import make_site

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def now():
    return clock.read()


def test_who_has_the_token_is_the_browser(site, now):
    browser, token = browsing.begin(site, now)

    assert browsing.find(site, token, now) == browser
    assert browsing.find(site, token[:-1], now) is None
    assert browsing.find(site, token.upper() + "x", now) is None
    assert browsing.find(site, "", now) is None


def test_every_begin_is_a_browser_of_its_own(site, now):
    (first, one), (second, two) = browsing.begin(site, now), browsing.begin(site, now)

    assert first != second
    assert one != two
    assert len(one) == 64


def test_the_token_rests_only_as_a_digest(site, now, settings):
    browser, token = browsing.begin(site, now)
    row = BrowserLogin.objects.filter(pk=browser.pk).values().get()

    assert token not in str(row)
    assert bytes.fromhex(token) not in bytes(row["token_digest"])
    settings.PEPPER = b"another pepper, as long as the first"
    assert browsing.find(site, token, now) is None


def test_it_counts_on_its_own_site_only(site, now):
    _, token = browsing.begin(site, now)

    assert browsing.find(make_site(), token, now) is None


def test_it_ends_after_thirty_minutes_without_a_word(site, now):
    browser, token = browsing.begin(site, now)

    assert browsing.find(site, token, now + 30 * MINUTE - dt.timedelta(milliseconds=1)) == browser
    assert browsing.find(site, token, now + 30 * MINUTE) is None


def test_it_lasts_while_something_comes_from_it(site, now):
    browser, token = browsing.begin(site, now)

    for minutes in range(29, 29 * 8, 29):
        found = browsing.find(site, token, now + minutes * MINUTE)
        assert found == browser
        browsing.touch(found, now + minutes * MINUTE)

    assert browsing.find(site, token, now + (29 * 7 + 30) * MINUTE) is None


def test_it_is_written_once_a_minute_at_most(site, now, django_assert_num_queries):
    browser, _ = browsing.begin(site, now)

    with django_assert_num_queries(0):
        browsing.touch(browser, now + dt.timedelta(seconds=59))
    with django_assert_num_queries(1):
        browsing.touch(browser, now + MINUTE)
        browsing.touch(browser, now + MINUTE)


def test_what_has_ended_stays_ended(site, now):
    browser, token = browsing.begin(site, now)

    browsing.touch(browser, now + 31 * MINUTE)

    browser.refresh_from_db()
    assert browser.last_seen_at == now
    assert browsing.find(site, token, now + 31 * MINUTE) is None


def test_a_late_answer_does_not_set_it_back(site, now):
    browser, _ = browsing.begin(site, now)
    stale = BrowserLogin.objects.get(pk=browser.pk)
    browsing.touch(browser, now + 10 * MINUTE)

    browsing.touch(stale, now + 5 * MINUTE)

    browser.refresh_from_db()
    assert browser.last_seen_at == now + 10 * MINUTE


def test_one_form_sent_twice_begins_one_login(site, now):
    (first, one), (second, two) = (browsing.begin(site, now, "form and browser") for _ in range(2))
    other, _ = browsing.begin(site, now, "another form")

    assert (first, one) == (second, two)
    assert other != first
    assert browsing.find(site, "form and browser", now) is None


def test_an_old_form_begins_a_new_login_and_not_the_ended_one(site, now):
    first, one = browsing.begin(site, now, "form and browser")

    second, two = browsing.begin(site, now + 30 * MINUTE, "form and browser")

    assert first != second
    assert one != two
    assert browsing.find(site, one, now + 30 * MINUTE) is None
