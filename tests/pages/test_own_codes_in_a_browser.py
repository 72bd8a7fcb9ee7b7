"""My codes in a real Chromium: copied by one button, whole on a small phone, and all there without JavaScript."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page

from accounts import clock
from accounts.models import User
from codes.switching import change_code
from tests.factories import PASSWORD, make_claimant, make_code, make_site
from tests.processes import Platform

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 320, "height": 640}}


@pytest.fixture
def claimant(committed_db) -> User:
    site = make_site(slug="demo", name="Corner Café", default_asset_code="EUR", time_zone="Europe/Berlin")
    anna = make_claimant(site, claimant_id="u-1001", email="anna@example.test", name="Anna")
    make_code(site, "OLD-0001-OVER", worth_cents=2500, owner=anna)
    change_code(anna.owned_codes.get(), valid_until=clock.read() - dt.timedelta(days=1), actor_id="boss")
    make_code(
        site, "COFFEE-0001", worth_cents=0, action="fulfilment", parameters={"item": "A coffee"}, uses=3, owner=anna
    )
    make_code(site, "7QK2M-4XV9C-TB83H-WXYZA-PQRST-UVWXY", worth_cents=1250, owner=anna)
    return anna


@pytest.fixture(autouse=True)
def close_connections(browser: Browser) -> Iterator[None]:
    """While a browser runs, Django keeps connections apart for it, which nobody else closes."""
    connections.close_all()
    yield
    connections.close_all()


@pytest.fixture
def address(claimant: User, platform: Platform) -> str:
    return str(platform.web(workers=1))


def open_codes(page: Page, address: str) -> None:
    page.goto(f"{address}/codes")
    page.fill("#email", "anna@example.test")
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('My codes')")


def test_a_code_is_copied_by_one_button_that_says_so(open_page: Callable[..., Page], address: str):
    page = open_page(**PHONE, permissions=["clipboard-read", "clipboard-write"])
    open_codes(page, address)

    button = page.locator("button[data-copy]").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("button:has-text('Copied')")
    assert page.evaluate("navigator.clipboard.readText()") == "7QK2M-4XV9C-TB83H-WXYZA-PQRST-UVWXY"


def test_nothing_is_wider_than_a_small_phone_and_the_qr_code_opens(open_page: Callable[..., Page], address: str):
    page = open_page(**PHONE)
    open_codes(page, address)

    page.locator("summary").first.click()
    picture = page.locator("svg.qr").first.bounding_box()
    assert picture is not None
    assert 150 <= picture["width"] == pytest.approx(picture["height"], abs=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320


def test_without_script_all_is_there_but_the_button(open_page: Callable[..., Page], address: str):
    page = open_page(**PHONE, java_script_enabled=False)
    open_codes(page, address)

    assert page.locator("code").all_inner_texts()[0] == "7QK2M-4XV9C-TB83H-WXYZA-PQRST-UVWXY"
    assert not page.locator("button[data-copy]").first.is_visible()
    page.locator("summary").first.click()
    assert page.locator("svg.qr").first.is_visible()
