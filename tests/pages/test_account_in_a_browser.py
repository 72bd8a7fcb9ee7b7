"""The account in a real Chromium: whole on a small phone, topped up without JavaScript, waiting bookings told."""

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page

from accounts import clock
from accounts.models import User
from ledger import cash_accounts
from tests.factories import PASSWORD, make_claimant, make_code, make_site
from tests.ledger.suspending import suspend
from tests.processes import Platform

pytestmark = pytest.mark.browser
PHONE = {"viewport": {"width": 320, "height": 640}}


@pytest.fixture
def claimant(committed_db) -> User:
    site = make_site(slug="demo", name="Corner Café", default_asset_code="EUR", time_zone="Europe/Berlin")
    anna = make_claimant(site, claimant_id="u-1001", email="anna@example.test", name="Anna")
    account = anna.ledger_accounts.get()
    said = "Thank-you-for-your-patience-with-our-oven-" * 3
    cash_accounts.perform(account, "grant", 1_234_550, comment=said, actor_id="u-boss")
    suspend(account, "payout", 250, comment="For the bakery", due_at=clock.read() + dt.timedelta(days=30))
    make_code(site, "GIFT-0001", worth_cents=2_500)
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


def open_account(page: Page, address: str) -> None:
    page.goto(f"{address}/account")
    page.fill("#email", "anna@example.test")
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('My account')")


def test_on_a_small_phone_without_javascript_it_is_whole_and_tops_up(open_page: Callable[..., Page], address: str):
    page = open_page(**PHONE, java_script_enabled=False)
    open_account(page, address)

    assert page.locator("#balance").inner_text() == "€12,345.50"
    widths = page.locator(".statement li").first.bounding_box()
    assert widths is not None
    assert widths["x"] + widths["width"] <= 320
    body = page.locator("body").bounding_box()
    assert body is not None
    assert body["width"] <= 320
    assert "Counts from" in page.locator(".statement .waits").inner_text()

    page.fill("#code", "gift 0001")
    with page.expect_navigation():
        page.click("button.main")
    assert "€25.00 credited" in page.locator("h1").inner_text()
    page.click("nav >> text=Account")
    assert page.locator("#balance").inner_text() == "€12,370.50"
    page.click(".statement >> text=Receipt")
    assert "€25.00 credited" in page.locator("h1").inner_text()
