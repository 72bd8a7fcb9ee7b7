"""The pages in a real Chromium: by keyboard alone, without JavaScript, on a small phone, in German."""

from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, Response

from accounts.models import User
from codes.models import Attempt
from ledger.models import LedgerAccount
from tests.factories import PASSWORD, make_claimant, make_code, make_site, today
from tests.processes import Platform

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 320, "height": 640}, "java_script_enabled": False}


@pytest.fixture
def claimant(committed_db) -> User:
    site = make_site(slug="demo", name="Corner Café", default_asset_code="", time_zone="Europe/Berlin")
    make_code(site, "ABC-E6W5F", worth_cents=2500)
    make_code(site, "OLD-0001", worth_cents=2500, valid_until=today().replace(year=today().year - 1))
    make_code(site, "MANY-0001", worth_cents=100, uses=50, uses_per_claimant=50)
    return make_claimant(site, claimant_id="u-1001", email="anna@example.test", name="Anna")


@pytest.fixture(autouse=True)
def close_connections(browser: Browser) -> Iterator[None]:
    """While a browser runs, an event loop runs in this thread, and Django keeps connections apart for it.

    Nobody else closes those, and the next test would find the one to this test's database, which is dropped by then.
    """
    connections.close_all()
    yield
    connections.close_all()


@pytest.fixture
def address(claimant: User, platform: Platform) -> str:
    return str(platform.web(workers=1))


def send(page: Page, key: str = "Enter") -> Response:
    """Press the key and wait for the page that it leads to."""
    with page.expect_navigation() as navigation:
        page.keyboard.press(key)
    page.wait_for_load_state("load")
    return navigation.value


def type_where_the_focus_is(page: Page, field: str, text: str) -> None:
    """Type into the field that has the focus already, or gets it from the page: nobody clicks."""
    page.wait_for_selector(f"{field}:focus")
    page.keyboard.type(text)


def type_login(page: Page) -> None:
    type_where_the_focus_is(page, "#email", "anna@example.test")
    page.keyboard.press("Tab")
    type_where_the_focus_is(page, "#password", PASSWORD)


def sign_in(page: Page, address: str) -> None:
    page.goto(f"{address}/sign-in")
    type_login(page)
    send(page)


def overflow(page: Page) -> str:
    """The ends of what is wider than the window; a page without script is asked through its layout."""
    body = page.locator("body").bounding_box()
    wide = [
        box for each in page.locator("body *").all() if (box := each.bounding_box()) and box["x"] + box["width"] > 320.5
    ]
    return "" if body and body["width"] <= 320 and not wide else f"{body} {wide}"


def balance_cents(user: User) -> int | None:
    return LedgerAccount.objects.get(owner=user, kind="cash").balance


def test_a_code_is_redeemed_by_keyboard_on_a_small_phone_without_javascript(
    address: str, claimant: User, open_page: Callable[..., Page]
) -> None:
    page = open_page(**PHONE)
    page.goto(f"{address}/redeem/ABC-E6W5F")
    assert page.url == f"{address}/sign-in"
    assert overflow(page) == ""

    type_login(page)
    send(page)
    assert page.url == f"{address}/redeem"
    assert page.get_by_role("heading", name="Redeem this code?").is_visible()
    assert page.get_by_label("Your code").input_value() == "ABC-E6W5F"
    assert overflow(page) == ""
    assert balance_cents(claimant) == 0

    while not page.locator("button.main:focus").count():
        page.keyboard.press("Tab")
    send(page)

    receipt = Attempt.objects.get()
    assert page.url == f"{address}/receipts/{receipt.pk}"
    assert page.get_by_role("heading", name="€25.00 credited").is_visible()
    assert page.get_by_text(receipt.receipt_id or "?").is_visible()
    assert overflow(page) == ""
    assert balance_cents(claimant) == 2500

    page.goto(f"{address}/receipts")
    assert overflow(page) == ""


def test_a_refusal_has_the_focus_keeps_the_code_and_can_be_corrected(
    address: str, claimant: User, open_page: Callable[..., Page]
) -> None:
    page = open_page(viewport={"width": 320, "height": 640})
    sign_in(page, address)
    type_where_the_focus_is(page, "#code", "old 0001")

    response = send(page)

    assert response.status == 410
    assert page.title().startswith("This code has expired.")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    assert page.get_by_label("Your code").input_value() == "old 0001"
    assert page.evaluate("document.documentElement.scrollWidth") == 320

    page.get_by_label("Your code").fill("abc-e6w5f")
    page.get_by_label("Your code").focus()
    send(page)
    assert page.get_by_role("heading", name="€25.00 credited").is_visible()


@pytest.mark.parametrize("browser_page", ["de-DE"], indirect=True)
def test_a_german_browser_gets_german_pages_and_can_switch(address: str, browser_page: Page) -> None:
    sign_in(browser_page, address)
    assert browser_page.locator("html").get_attribute("lang") == "de"
    type_where_the_focus_is(browser_page, "#code", "ABC-E6W5F")
    send(browser_page)
    assert browser_page.get_by_role("heading", name="25,00 € gutgeschrieben").is_visible()

    with browser_page.expect_navigation():
        browser_page.get_by_role("button", name="English").click()

    assert browser_page.locator("html").get_attribute("lang") == "en"
    assert browser_page.get_by_role("heading", name="€25.00 credited").is_visible()


def test_a_double_click_is_one_redemption_with_one_receipt(address: str, claimant: User, browser_page: Page) -> None:
    sign_in(browser_page, address)
    browser_page.get_by_label("Your code").fill("MANY-0001")

    with browser_page.expect_navigation(url="**/receipts/*"):
        browser_page.get_by_role("button", name="Redeem").dblclick()

    assert browser_page.get_by_role("heading", name="€1.00 credited").is_visible()
    assert (Attempt.objects.count(), balance_cents(claimant)) == (1, 100)


def test_forms_sent_twice_at_once_lead_to_one_receipt_each(address: str, claimant: User, browser_page: Page) -> None:
    """Both answers of a double click, of which the browser shows only the second."""
    sign_in(browser_page, address)
    send_twice = """async (milliseconds) => {
        document.querySelector('#code').value = 'MANY-0001';
        const form = new URLSearchParams(new FormData(document.querySelector('form.card')));
        const send = () => fetch('/redeem', {method: 'POST', body: form});
        const first = send();
        await new Promise(done => setTimeout(done, milliseconds));
        return (await Promise.all([first, send()]))
            .map(answer => `${answer.status} ${answer.url}`);
    }"""
    distances = [0, 0, 0, 2, 5, 10, 20, 50]

    for milliseconds in distances:
        browser_page.goto(f"{address}/redeem")
        first, second = browser_page.evaluate(send_twice, milliseconds)
        assert first == second
        assert first.startswith(f"200 {address}/receipts/")

    assert (Attempt.objects.count(), balance_cents(claimant)) == (len(distances), 100 * len(distances))


def test_the_browser_keeps_every_rule_of_the_policy_without_complaint(address: str, browser_page: Page) -> None:
    complaints: list[str] = []
    browser_page.on("console", lambda message: complaints.append(message.text))
    elsewhere: list[str] = []
    browser_page.on("request", lambda request: elsewhere.append(request.url))

    sign_in(browser_page, address)
    browser_page.goto(f"{address}/redeem/ABC-E6W5F")
    browser_page.get_by_role("button", name="Redeem").click()
    browser_page.wait_for_url("**/receipts/*")

    assert complaints == []
    assert [url for url in elsewhere if not url.startswith((address, "data:"))] == []
