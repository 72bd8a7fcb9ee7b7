"""/add through real web servers: a code is used as often as it may be, whichever way and however often it is sent."""

import json
from collections import Counter
from urllib.parse import urlencode

import pytest
from django.test import Client as Browser

from accounts import browsing, clock
from accounts.models import BrowserLogin, Licence
from codes.models import Attempt
from redemption_site.pages.browsers import COOKIE
from tests.content import make_item, make_offer
from tests.races.arena import HOST, TOKEN
from tests.races.crowd import each_at_once

pytestmark = pytest.mark.races
PEOPLE = 20


def signed_in(user) -> str:
    browser = Browser()
    browser.force_login(user)
    return f"sessionid={browser.cookies['sessionid'].value}"


def add(text, cookie="", **form):
    """A browser sends the form and takes JSON: (status, message, the browser's new cookie)."""
    headers = {
        "Host": HOST,
        "Cookie": f"{cookie}; csrftoken={TOKEN}",
        "X-CSRFToken": TOKEN,
        "Accept": "application/json",
        "Content-Type": "application/x-www-form-urlencoded",
    }

    def deed(line):
        line.connection.request("POST", "/add", urlencode({"redemptionCode": text, **form}), headers)
        response = line.connection.getresponse()
        return response.status, json.loads(response.read())["message"], response.getheader("Set-Cookie", "")

    return deed


def by_api(arena, text, user):
    """The same code at the native API: (status, word, nothing)."""
    ask = arena.redeem(text, user)

    def deed(line):
        answer = line.ask(ask)
        return answer.status, answer.word, ""

    return deed


def offered(arena, action="apply_offer", **fields):
    """A fresh code that licenses a fresh item, and how it reads."""
    offer = make_offer(make_item(arena.site))
    return arena.code(worth_cents=0, action=action, parameters={"access_control": offer.external_id}, **fields)


def licences_of(code):
    return Licence.objects.filter(given_by__in=Attempt.objects.filter(code=code).values("pk"))


@pytest.mark.parametrize("at_the_api", [0, PEOPLE // 2])
@pytest.mark.parametrize("action", ["apply_offer", "add_tags"])
def test_case_32_twenty_people_with_one_single_use_code(unguarded, guarded, action, at_the_api):
    def race(arena):
        code, text = offered(arena) if action == "apply_offer" else arena.code(worth_cents=0)
        people = arena.claimants[:PEOPLE]
        deeds = [by_api(arena, text, user) for user in people[:at_the_api]]
        deeds += [add(text, signed_in(user)) for user in people[at_the_api:]]
        heard = Counter(status for status, _, _ in each_at_once(arena.web.port, deeds))
        code.refresh_from_db()
        return code, heard

    with unguarded:
        _, heard = race(unguarded)
        assert heard[200] + heard[201] > 1

    with guarded:
        code, heard = race(guarded)
        assert (heard[200] + heard[201], heard[409]) == (1, 19)
        assert (code.uses, code.state) == (1, "used_up")
        [redemption] = Attempt.objects.filter(code=code, outcome="redeemed")
        assert redemption.claimant in guarded.claimants[:PEOPLE]
        assert licences_of(code).count() == (action == "apply_offer")


def test_one_browser_sends_a_session_code_often_and_takes_one_use(unguarded, guarded):
    def race(arena):
        code, text = offered(arena, "session_license", uses=50)
        browser, token = browsing.begin(arena.site, clock.read())
        answers = each_at_once(arena.web.port, [add(text, f"{COOKIE}={token}") for _ in range(PEOPLE)])
        code.refresh_from_db()
        return code, browser, answers

    with unguarded:
        code, _, _ = race(unguarded)
        assert licences_of(code).count() > 1

    with guarded:
        code, browser, answers = race(guarded)
        assert Counter(status for status, _, _ in answers) == {200: PEOPLE}
        assert (code.uses, licences_of(code).count()) == (1, 1)
        assert licences_of(code).get().browser == browser
        assert {cookie for _, _, cookie in answers if COOKIE in cookie} == set()


def test_one_form_of_a_browser_without_a_cookie_begins_one_login_and_takes_one_use(guarded):
    """What begins a login twice is a unique key of the database, which the unguarded arena keeps."""
    with guarded:
        code, text = offered(guarded, "session_license", uses=50)
        before = BrowserLogin.objects.count()

        answers = each_at_once(guarded.web.port, [add(text, form_key="k" * 22) for _ in range(PEOPLE)])

        code.refresh_from_db()
        assert Counter(status for status, _, _ in answers) == {200: PEOPLE}
        assert (code.uses, licences_of(code).count()) == (1, 1)
        assert BrowserLogin.objects.count() - before == 1
        assert len({cookie.partition(";")[0] for _, _, cookie in answers if COOKIE in cookie}) == 1


def test_twenty_browsers_with_one_single_use_session_code(unguarded, guarded):
    def race(arena):
        code, text = offered(arena, "session_license")
        answers = each_at_once(arena.web.port, [add(text) for _ in range(PEOPLE)])
        return code, Counter(status for status, _, _ in answers), [each for _, _, each in answers if COOKIE in each]

    with unguarded:
        code, _, _ = race(unguarded)
        assert licences_of(code).count() > 1

    with guarded:
        code, heard, cookies = race(guarded)
        assert heard == {200: 1, 409: 19}
        assert (licences_of(code).count(), len(cookies)) == (1, 1)
