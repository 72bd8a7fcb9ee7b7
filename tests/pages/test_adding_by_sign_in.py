"""From a link to its item by way of the sign-in or of a new account: the code waits sealed, and is sent once by itself."""

import re
from urllib.parse import unquote

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from accounts.models import User
from codes.models import Attempt
from redemption_site.pages import links
from tests.factories import PASSWORD, make_asset
from tests.pages.conftest import browser_of
from tests.pages.content import CODE, add, licensed_to, make_books, offer_code, tag_code

WAY = re.compile(r'href="/sign-in\?next=([^"]+)"')


@pytest.fixture(autouse=True)
def book(demo_site):
    make_asset("EUR")
    make_books(demo_site)
    return offer_code(demo_site)


def way_back(page) -> str:
    """Where the sign-in page is told to lead back to."""
    assert page.status_code == 401
    return unquote(WAY.search(page.content.decode()).group(1))


def sign_in(browser: Client, way: str, user: User | None = None):
    email = user.email if user else "anna@example.test"
    return browser.post("/sign-in", {"email": email, "password": PASSWORD, "next": way})


def sends_itself(page) -> bool:
    text = page.content.decode()
    assert ("data-by-itself" in text) == ("pages/add.js" in text)
    return "data-by-itself" in text


def fields(page) -> dict[str, str]:
    """The form of the link's page, as the browser sends it."""
    form = page.content.decode().split('<form id="add"')[1].split("</form>")[0]
    return dict(re.findall(r'name="(\w+)"\s+value="([^"]*)"', form))


def test_a_stranger_is_offered_to_sign_in_or_to_make_an_account(stranger):
    page = add(stranger, CODE, "/welcome")

    way = way_back(page)
    assert re.fullmatch(r"/add\?link=[\w-]{22}", way)
    text = page.content.decode()
    assert 'href="/register?next=%2Fadd%3Flink%3D' in text
    assert "Nothing has been redeemed yet." in text


def test_after_the_sign_in_of_this_link_its_form_is_sent_by_itself_once(stranger, anna):
    way = way_back(add(stranger, CODE, "/welcome"))
    asked = stranger.get("/sign-in", {"next": way})
    signed_in = sign_in(stranger, way)
    stranger.head(signed_in["Location"])  # A program that only looks takes nothing away.
    page, again = stranger.get(signed_in["Location"]), stranger.get(signed_in["Location"])

    assert "redeemed as soon as you are signed in" in asked.content.decode()
    assert (signed_in.status_code, signed_in["Location"]) == (303, way)
    assert (sends_itself(page), sends_itself(again)) == (True, False)
    assert Attempt.objects.filter(outcome="redeemed").count() == 0

    sent = stranger.post("/add", fields(page))
    assert (sent.status_code, sent["Location"]) == (303, "/welcome")
    assert licensed_to(anna) == {"9udm"}
    assert fields(again)["redemptionCode"] == CODE
    assert "This link has been used or has waited too long" in stranger.get(way).content.decode()


def test_a_new_account_comes_back_to_the_link_and_gets_the_item(stranger, demo_site):
    way = way_back(add(stranger))
    asked = stranger.get("/register", {"next": way})
    made = stranger.post("/register", {"email": "New@Example.test", "password": "a good long one", "next": way})
    page = stranger.get(made["Location"])
    sent = stranger.post("/add", fields(page))

    assert "waits until you have an account" in asked.content.decode()
    assert (made.status_code, made["Location"]) == (303, way)
    assert sends_itself(page)
    assert (sent.status_code, sent["Location"]) == (303, "/items/9udm")
    assert "You can read this" in stranger.get("/items/9udm").content.decode()
    assert licensed_to(User.objects.get(site=demo_site, email="new@example.test")) == {"9udm"}


def test_from_another_sign_in_page_nothing_is_sent_by_itself(stranger, anna):
    way = way_back(add(stranger))

    for elsewhere in ("", "/receipts", "/add", f"{way}x", f"{way[:-1]}~", "/add?link=", "/add?redemptionCode=" + CODE):
        assert sign_in(stranger, elsewhere)["Location"] in ("/redeem", "/receipts")
    assert not sends_itself(stranger.get(way))


def test_the_sign_in_of_one_link_sends_no_other(stranger, demo_site, anna):
    tag_code(demo_site, "TAGS-0001")
    first, second = way_back(add(stranger)), way_back(add(stranger, "TAGS-0001"))

    sign_in(stranger, second)

    assert first != second
    assert not sends_itself(stranger.get(first))
    page = stranger.get(second)
    assert sends_itself(page)
    assert fields(page)["redemptionCode"] == "TAGS-0001"


def test_who_was_signed_in_already_presses_the_button(annas):
    assert not sends_itself(annas.get("/add", {"redemptionCode": CODE}))
    assert not sends_itself(annas.get("/add", {"redemptionCode": CODE, "link": "x" * 22}))


def test_a_failed_sign_in_sends_nothing(stranger, anna):
    way = way_back(add(stranger))
    stranger.post("/sign-in", {"email": anna.email, "password": "wrong", "next": way})

    assert not sends_itself(stranger.get(way))


def test_the_same_link_waits_once_and_the_oldest_of_many_is_forgotten(stranger, demo_site):
    first = way_back(add(stranger))
    assert way_back(add(stranger)) == first

    for number in range(links.MOST):
        tag_code(demo_site, f"TAGS-{number:04d}")
        last = way_back(add(stranger, f"TAGS-{number:04d}"))

    assert len(stranger.session[links.NAME]) == links.MOST
    assert CODE not in stranger.get(first).content.decode()
    assert "TAGS-0004" in stranger.get(last).content.decode()


def test_it_waits_for_half_an_hour(stranger, settings):
    way = way_back(add(stranger))

    settings.CLOCK_OFFSET_SECONDS = 29 * 60
    assert CODE in stranger.get(way).content.decode()
    settings.CLOCK_OFFSET_SECONDS = 31 * 60
    page = stranger.get(way)
    assert CODE not in page.content.decode()
    assert "This link has been used or has waited too long" in page.content.decode()


def test_another_browser_cannot_take_up_a_link(stranger):
    way = way_back(add(stranger))

    assert CODE not in browser_of().get(way).content.decode()


def test_a_key_that_is_gone_loses_the_link_and_nothing_else(stranger, settings):
    way = way_back(add(stranger))
    settings.CODE_KEYS = {2: b"2" * 32}

    assert stranger.get(way).status_code == 200
    assert CODE not in stranger.get(way).content.decode()


def test_signing_out_forgets_the_links(stranger, anna):
    way = way_back(add(stranger))
    sign_in(stranger, way)
    stranger.post("/sign-out")

    assert CODE not in stranger.get(way).content.decode()


def test_the_code_is_in_no_address_no_cookie_no_session_no_title_and_no_log(stranger, anna, logged):
    first = stranger.get("/add", {"redemptionCode": CODE})
    asked = add(stranger)
    way = way_back(asked)
    signed_in = sign_in(stranger, way)
    page = stranger.get(signed_in["Location"])
    switched = stranger.post(
        "/language", {"language": "de", "next": "/add", "redemptionCode": CODE, "successUrl": "/a"}
    )
    sent = stranger.post("/add", fields(page))
    refused = add(stranger)
    stranger.get(f"/add?redemptionCode={CODE}&successUrl=/welcome")
    stranger.get(f"/add/{CODE}")

    pages = [first, asked, page, refused]
    readable = [
        *(each["Location"] for each in (signed_in, switched, sent)),
        *(each.content.decode().split("<title>")[1].split("</title>")[0] for each in pages),
        str(stranger.cookies),
        str(dict(stranger.session)),
        *(str(Session(session_data=row.session_data).get_decoded()) for row in Session.objects.all()),
        logged.getvalue(),
    ]
    assert '"path":"/add"' in logged.getvalue()
    for text in readable:
        assert CODE not in text
        assert CODE.upper() not in text
    for response in (*pages, sent):
        assert response["Referrer-Policy"] == "strict-origin"
        assert response["Cache-Control"] == "no-store"


def test_the_language_switch_keeps_the_link(stranger):
    page = stranger.get("/add", {"redemptionCode": CODE, "successUrl": "/welcome"}).content.decode()
    form = page.split('class="languages"')[1].split("</form>")[0]
    sent = dict(re.findall(r'name="(\w+)"\s+value="([^"]*)"', form))

    switched = stranger.post("/language", {**sent, "language": "de"})
    german = stranger.get(switched["Location"])

    assert sent["next"] == "/add"
    assert re.fullmatch(r"/add\?link=[\w-]{22}", switched["Location"])
    assert "Diesen Code einlösen?" in german.content.decode()
    assert fields(german)["redemptionCode"] == CODE
    assert fields(german)["successUrl"] == "/welcome"
    assert not sends_itself(german)
