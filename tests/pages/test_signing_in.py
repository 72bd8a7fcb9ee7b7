"""Signing in and out: the way on, the lock-out, and forms that somebody else made."""

import re

import pytest
from django.contrib.auth import get_user

from accounts.signing_in import FAILURES_PER_EMAIL
from codes.models import Attempt
from redemption_site.pages.words import waiting_time
from tests.factories import PASSWORD, make_claimant, make_code, make_site, make_staff
from tests.pages.conftest import HOST, browser_of

WRONG = "E-mail address and password do not match an account that can sign in here."


def sign_in(browser, email="anna@example.test", password=PASSWORD, **more):
    return browser.post("/sign-in", {"email": email, "password": password, **more})


def test_the_right_pair_leads_to_the_form_under_a_new_session_key(stranger, anna):
    stranger.get("/redeem/ABC-E6W5F")
    before = stranger.session.session_key

    response = sign_in(stranger, " Anna@Example.TEST ")

    assert (response.status_code, response["Location"]) == (303, "/redeem")
    assert stranger.session.session_key not in (None, before)
    assert "Signed in as <b>Anna</b>" in stranger.get("/redeem").content.decode()


@pytest.mark.parametrize(
    ("email", "password"),
    [("anna@example.test", "wrong"), ("nobody@example.test", PASSWORD), ("", ""), ("anna@example.test", "")],
)
def test_a_wrong_pair_is_told_in_the_same_words_whoever_it_names(email, password, stranger, anna):
    response = sign_in(stranger, email, password)

    assert response.status_code == 400
    assert WRONG in response.content.decode()
    assert not get_user(stranger).is_authenticated


def test_an_inactive_claimant_cannot_sign_in(stranger, demo_site):
    make_claimant(demo_site, claimant_id="u-3003", email="cleo@example.test", is_active=False)

    assert WRONG in sign_in(stranger, "cleo@example.test").content.decode()


def test_a_claimant_who_is_switched_off_while_signed_in_is_a_stranger_at_once(annas, anna):
    type(anna).objects.filter(pk=anna.pk).update(is_active=False)

    assert annas.get("/receipts").status_code == 302


@pytest.mark.parametrize("email", ["anna@example.test", "nobody@example.test"])
def test_too_many_tries_are_told_with_the_time_to_wait_even_for_the_right_password(email, stranger, anna):
    for _ in range(FAILURES_PER_EMAIL - 1):
        assert sign_in(stranger, email, "wrong").status_code == 400

    for password in ("wrong", PASSWORD):
        response = sign_in(stranger, email, password)
        assert response.status_code == 429
        assert 800 < int(response["Retry-After"]) <= 900
        assert "Too many attempts to sign in. Try again in 15 minutes." in response.content.decode()
    assert not get_user(stranger).is_authenticated


def test_the_lock_out_ends(stranger, anna, settings):
    for _ in range(FAILURES_PER_EMAIL + 1):
        sign_in(stranger, password="wrong")

    settings.CLOCK_OFFSET_SECONDS = 901

    assert sign_in(stranger)["Location"] == "/redeem"


def test_a_claimant_of_another_site_cannot_sign_in_here(stranger, demo_site):
    make_claimant(make_site(slug="acme"), claimant_id="u-1001", email="zoe@example.test")

    assert WRONG in sign_in(stranger, "zoe@example.test").content.decode()


def test_staff_are_sent_to_their_own_desk(stranger, demo_site):
    make_staff(demo_site, email="staff@example.test")

    response = sign_in(stranger, "staff@example.test")

    assert "This is a staff account." in response.content.decode()
    assert not get_user(stranger).is_authenticated


@pytest.mark.parametrize(
    ("wanted", "way_on"),
    [
        ("/receipts", "/receipts"),
        ("/receipts/5b0c7f3e-6a0e-4b0e-9f57-8d0b8a0f1c11", "/receipts/5b0c7f3e-6a0e-4b0e-9f57-8d0b8a0f1c11"),
        ("/redeem/ABC-E6W5F", "/redeem"),
        ("https://evil.test/receipts", "/redeem"),
        ("//evil.test/receipts", "/redeem"),
        ("/\\evil.test/receipts", "/redeem"),
        ("/receipts\\@evil.test", "/redeem"),
        ("javascript:alert(1)", "/redeem"),
        ("\x01/receipts", "/redeem"),
        ("/receipts\r\nX-Evil: 1", "/redeem"),
        ("/receipts\n", "/redeem"),
        ("", "/redeem"),
    ],
)
def test_the_way_on_stays_on_the_site_and_holds_no_code(wanted, way_on, stranger, anna):
    page = stranger.get("/sign-in", {"next": wanted})
    response = sign_in(stranger, next=wanted)

    assert f'name="next" value="{way_on}"' in page.content.decode()
    assert (response.status_code, response["Location"]) == (303, way_on)


def test_who_is_signed_in_already_goes_straight_on(annas):
    assert annas.get("/sign-in", {"next": "/receipts"})["Location"] == "/receipts"


def test_signing_out_takes_a_form(annas):
    assert annas.get("/sign-out").status_code == 405
    assert get_user(annas).is_authenticated

    assert annas.post("/sign-out")["Location"] == "/redeem"
    assert not get_user(annas).is_authenticated


@pytest.mark.parametrize("address", ["/redeem", "/sign-in", "/sign-out", "/language"])
def test_a_form_that_somebody_else_made_counts_for_nothing(address, anna, demo_site):
    make_code(demo_site, "ABC-E6W5F")
    browser = browser_of(anna, enforce_csrf_checks=True)

    response = browser.post(address, {"code": "ABC-E6W5F", "email": anna.email, "password": PASSWORD})

    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()
    assert Attempt.objects.count() == 0
    assert get_user(browser).is_authenticated


def test_our_own_form_counts_and_only_from_our_own_address(anna, demo_site):
    make_code(demo_site, "ABC-E6W5F")
    browser = browser_of(anna, enforce_csrf_checks=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', browser.get("/redeem").content.decode()).group(1)
    form = {"code": "ABC-E6W5F", "csrfmiddlewaretoken": token}

    foreign = browser.post("/redeem", form, headers={"Origin": "https://evil.test"})
    ours = browser.post("/redeem", form, headers={"Origin": f"http://{HOST}"})

    assert (foreign.status_code, ours.status_code) == (403, 303)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (900, "15 minutes")],
)
def test_waiting_times_are_never_too_short(seconds, words):
    assert waiting_time(seconds) == words
