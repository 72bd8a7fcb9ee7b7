"""From a link to its item in a real Chromium: one browser's licence, a new account, by keyboard alone, on a narrow phone."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page

from accounts.models import BrowserLogin, Licence, Site
from codes.models import Attempt
from redemption_site.pages.browsers import COOKIE
from tests.factories import PASSWORD, make_asset, make_claimant, make_site
from tests.pages.content import CODE, make_books, match_code, offer_code, tag_code
from tests.pages.test_in_a_browser import overflow, send, type_where_the_focus_is
from tests.processes import Platform

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 320, "height": 640}}
MINUTE = 60


@pytest.fixture(autouse=True)
def close_connections(browser: Browser) -> Iterator[None]:
    """See test_in_a_browser.py: an event loop's connections are closed by nobody else."""
    connections.close_all()
    yield
    connections.close_all()


@pytest.fixture
def site(committed_db) -> Site:
    site = make_site(slug="demo", name="Corner Library", default_asset_code="EUR", time_zone="Europe/Berlin")
    make_asset("EUR")
    make_books(site)
    make_claimant(site, claimant_id="u-1001", email="anna@example.test", name="Anna")
    return site


@pytest.fixture
def address(site: Site, platform: Platform) -> str:
    return str(platform.web(workers=1))


def can_read(page: Page, item: str) -> bool:
    page.goto(item)
    return page.get_by_text("You can read this", exact=True).is_visible()


def press(page: Page, name: str) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()
    page.wait_for_load_state("load")


def tab_to(page: Page, selector: str) -> None:
    for _ in range(30):
        if page.locator(f"{selector}:focus").count():
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"The keyboard never reaches {selector}.")


def test_a_session_code_opens_its_book_in_this_browser_until_it_has_been_silent_for_half_an_hour(
    address: str, site: Site, platform: Platform, open_page: Callable[..., Page], settings
) -> None:
    offer_code(site, session=True)
    page, another = open_page(), open_page()

    page.goto(f"{address}/add?redemptionCode={CODE}")
    press(page, "Redeem")

    assert page.url == f"{address}/items/9udm"
    assert page.get_by_text("In this browser only").is_visible()
    assert can_read(page, f"{address}/items/9udm")
    assert not can_read(another, f"{address}/items/9udm")
    [cookie] = [each for each in page.context.cookies() if each["name"] == COOKIE]
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Lax", -1)

    # Later servers over the same database, whose clock the tests have moved; cookies know no ports.
    settings.CLOCK_OFFSET_SECONDS = 29 * MINUTE
    assert can_read(page, f"{platform.web(workers=1)}/items/9udm")
    settings.CLOCK_OFFSET_SECONDS = (29 + 31) * MINUTE
    later = platform.web(workers=1)
    assert not can_read(page, f"{later}/items/9udm")
    page.goto(f"{later}/bookshelf")
    assert page.get_by_text("Nothing is open in this browser.").is_visible()


def test_a_session_licence_stays_through_sign_in_and_sign_out(
    address: str, site: Site, open_page: Callable[..., Page]
) -> None:
    offer_code(site, session=True)
    page = open_page()
    page.goto(f"{address}/add?redemptionCode={CODE}")
    press(page, "Redeem")

    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail address").fill("anna@example.test")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")
    assert can_read(page, f"{address}/items/9udm")
    press(page, "Sign out")
    assert can_read(page, f"{address}/items/9udm")


def test_a_link_leads_a_newcomer_by_keyboard_to_an_account_and_to_the_item(
    address: str, site: Site, open_page: Callable[..., Page]
) -> None:
    offer_code(site)
    page = open_page(**PHONE)

    page.goto(f"{address}/add?redemptionCode={CODE}")
    assert overflow(page) == ""
    page.wait_for_selector("button.main:focus")
    send(page)
    assert page.get_by_role("heading", name="This code is for an account").is_visible()
    assert overflow(page) == ""
    assert CODE not in page.url

    tab_to(page, "a.button.second")
    send(page)
    assert page.url.startswith(f"{address}/register?next=")
    assert CODE not in page.url
    assert overflow(page) == ""

    type_where_the_focus_is(page, "#email", "new@example.test")
    page.keyboard.press("Tab")
    type_where_the_focus_is(page, "#password", "a good long one")
    with page.expect_navigation(url="**/items/9udm"):
        page.keyboard.press("Enter")

    assert page.get_by_text("You can read this", exact=True).is_visible()
    assert overflow(page) == ""
    assert page.evaluate("document.referrer") in ("", f"{address}/")
    assert [attempt.reason for attempt in Attempt.objects.order_by("decided_at")] == ["sign_in_needed", ""]
    page.goto(f"{address}/bookshelf")
    assert page.get_by_role("link", name="Title of 9udm").is_visible()
    assert overflow(page) == ""

    # Back and forth in the history sends nothing again.
    page.go_back()
    page.go_back()
    page.go_forward()
    assert Attempt.objects.filter(outcome="redeemed").count() == 1


def test_without_javascript_the_button_does_what_the_script_would(
    address: str, site: Site, open_page: Callable[..., Page]
) -> None:
    offer_code(site)
    page = open_page(**PHONE, java_script_enabled=False)
    page.goto(f"{address}/add?redemptionCode={CODE}&successUrl=/bookshelf")
    press(page, "Redeem")
    with page.expect_navigation():
        page.get_by_role("link", name="Sign in").last.click()
    page.get_by_label("E-mail address").fill("anna@example.test")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")

    assert page.get_by_role("heading", name="Redeeming your code").is_visible()
    assert Attempt.objects.filter(outcome="redeemed").count() == 0
    press(page, "Redeem")

    assert page.url == f"{address}/bookshelf"
    assert page.get_by_role("link", name="Title of 9udm").is_visible()


def test_a_double_click_on_a_session_code_is_one_use_and_the_book_opens(
    address: str, site: Site, open_page: Callable[..., Page]
) -> None:
    offer_code(site, session=True)
    page = open_page()
    page.goto(f"{address}/add?redemptionCode={CODE}")

    with page.expect_navigation(url="**/items/9udm"):
        page.get_by_role("button", name="Redeem").dblclick()

    assert page.get_by_text("You can read this", exact=True).is_visible()
    assert (BrowserLogin.objects.count(), Licence.objects.count()) == (1, 1)


def test_forms_sent_twice_at_once_by_a_new_browser_take_one_use_each(
    address: str, site: Site, open_page: Callable[..., Page]
) -> None:
    """Both answers of a double click, each from before the other's cookie."""
    page = open_page()
    send_twice = """async (milliseconds) => {
        const form = new URLSearchParams(new FormData(document.querySelector('#add')));
        const send = () => fetch('/add', {method: 'POST', body: form});
        const first = send();
        await new Promise(done => setTimeout(done, milliseconds));
        return (await Promise.all([first, send()])).map(answer => `${answer.status} ${answer.url}`);
    }"""
    for number, milliseconds in enumerate([0, 0, 0, 2, 5, 20]):
        code = f"TWICE-{number:04d}"
        offer_code(site, code, session=True)
        page.context.clear_cookies(name=COOKIE)
        page.goto(f"{address}/add?redemptionCode={code}")
        assert page.evaluate(send_twice, milliseconds) == [f"200 {address}/items/9udm"] * 2
        assert can_read(page, f"{address}/items/9udm")
    assert Licence.objects.count() == 6


def test_the_browser_keeps_every_rule_of_the_policy_without_complaint(
    address: str, site: Site, open_page: Callable[..., Page]
) -> None:
    match_code(site, {"all": ["ProductId:09238443"]})
    page = open_page()
    complaints: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: elsewhere.append(request.url))
    page.goto(f"{address}/add?redemptionCode={CODE}")
    page.goto(f"{address}/sign-in")
    page.get_by_label("E-mail address").fill("anna@example.test")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Sign in")

    page.goto(f"{address}/add?redemptionCode={CODE}")
    press(page, "Redeem")
    assert page.url == f"{address}/bookshelf"
    page.get_by_role("link", name="Title of b1").click()
    page.wait_for_url("**/items/b1")

    assert complaints == []
    assert [url for url in elsewhere if not url.startswith((address, "data:"))] == []


@pytest.mark.parametrize("browser_page", ["de-DE"], indirect=True)
def test_a_german_link_is_german_all_the_way_and_a_refusal_has_the_focus(
    address: str, site: Site, browser_page: Page
) -> None:
    tag_code(site)
    browser_page.goto(f"{address}/add?redemptionCode=NOPE-0001")
    assert browser_page.get_by_role("heading", name="Diesen Code einlösen?").is_visible()
    with browser_page.expect_navigation() as answer:
        browser_page.get_by_role("button", name="Einlösen", exact=True).click()

    assert answer.value.status == 404
    assert browser_page.get_by_role("heading", name="Diesen Code gibt es nicht.").is_visible()
    assert browser_page.evaluate("document.activeElement.getAttribute('role')") == "alert"

    browser_page.get_by_label("Ihr Code").fill(CODE)
    with browser_page.expect_navigation():
        browser_page.get_by_role("button", name="Einlösen", exact=True).click()
    assert browser_page.get_by_role("heading", name="Dieser Code ist für ein Konto").is_visible()
    assert Licence.objects.count() == 0
