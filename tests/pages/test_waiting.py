"""A stranger's code waits for them to sign in: sealed, in the session, for a while, and nowhere else."""

import base64

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from codes import keys
from codes.models import Attempt
from redemption_site.pages import waiting
from tests.factories import PASSWORD, make_code
from tests.pages.conftest import browser_of

CODE = "MARK-ED77"


def sign_in(browser: Client, user: User):
    return browser.post("/sign-in", {"email": user.email, "password": PASSWORD})


@pytest.mark.parametrize("how", ["link", "form"])
def test_the_code_comes_back_in_the_form_after_sign_in(how, stranger, anna, demo_site):
    make_code(demo_site, CODE)
    response = stranger.get(f"/redeem/{CODE}") if how == "link" else stranger.post("/redeem", {"code": CODE})
    asked = stranger.get(response["Location"])

    signed_in = sign_in(stranger, anna)
    page = stranger.get(signed_in["Location"])

    assert (response.status_code, response["Location"]) == (303, "/sign-in")
    assert "Your code is kept for you." in asked.content.decode()
    assert signed_in["Location"] == "/redeem"
    assert f'value="{CODE}"' in page.content.decode()
    assert Attempt.objects.count() == 0


def test_then_the_form_redeems_and_nothing_waits_any_more(stranger, anna, demo_site):
    make_code(demo_site, CODE)
    stranger.get(f"/redeem/{CODE}")
    sign_in(stranger, anna)

    assert stranger.post("/redeem", {"code": CODE}).status_code == 303
    assert CODE not in stranger.get("/redeem").content.decode()
    assert waiting.NAME not in stranger.session


def test_it_is_in_no_address_no_cookie_no_session_and_no_log(stranger, anna, demo_site, logged):
    make_code(demo_site, CODE)
    responses = [stranger.get(f"/redeem/{CODE}"), sign_in(stranger, anna), stranger.post("/redeem", {"code": CODE})]
    stranger.get(f"/redeem/{CODE}")  # Waits now.

    readable = [
        *(response["Location"] for response in responses),
        str(stranger.cookies),
        str(dict(stranger.session)),
        *(str(Session(session_data=row.session_data).get_decoded()) for row in Session.objects.all()),
        logged.getvalue(),
    ]
    spellings = (CODE, CODE.replace("-", ""), base64.b64encode(CODE.encode()).decode(), CODE.lower())
    assert "/redeem/[code]" in logged.getvalue()
    assert not [text for text in readable if any(spelling in text for spelling in spellings)]


def test_a_code_that_cannot_wait_is_refused_at_once(stranger, demo_site):
    empty, endless = stranger.post("/redeem", {"code": "  "}), stranger.get(f"/redeem/{'A' * 101}")

    assert (empty.status_code, endless.status_code) == (400, 400)
    assert "Enter a code." in empty.content.decode()
    assert "A field is too long." in endless.content.decode()
    assert waiting.NAME not in stranger.session


def test_it_waits_for_half_an_hour(stranger, demo_site, settings):
    stranger.get(f"/redeem/{CODE}")
    settings.CLOCK_OFFSET_SECONDS = 29 * 60
    assert CODE in stranger.get("/redeem").content.decode()

    settings.CLOCK_OFFSET_SECONDS = 31 * 60

    assert CODE not in stranger.get("/redeem").content.decode()
    assert waiting.NAME not in stranger.session


def test_a_session_of_another_site_shows_nothing(stranger, demo_site):
    version, sealed = keys.seal(demo_site.pk + 1, CODE)
    stranger.get(f"/redeem/{CODE}")
    session = stranger.session
    session[waiting.NAME] = [version, base64.b64encode(sealed).decode(), session[waiting.NAME][2]]
    session.save()

    assert CODE not in stranger.get("/redeem").content.decode()


def test_a_key_that_is_gone_loses_the_code_and_nothing_else(stranger, demo_site, settings):
    stranger.get(f"/redeem/{CODE}")
    settings.CODE_KEYS = {2: b"2" * 32}

    page = stranger.get("/redeem")

    assert page.status_code == 200
    assert CODE not in page.content.decode()


def test_signing_out_forgets_it(annas, demo_site):
    annas.get(f"/redeem/{CODE}")
    annas.post("/sign-out")

    assert CODE not in annas.get("/redeem").content.decode()


def test_another_persons_code_does_not_wait_in_a_second_browser(stranger, anna, demo_site):
    stranger.get(f"/redeem/{CODE}")

    assert CODE not in browser_of(anna).get("/redeem").content.decode()
