"""The desk in a real browser, over real processes: issuing to the last code, by keyboard, on a phone, without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from codes.models import Code
from tests.admin.desk import page_of
from tests.factories import PASSWORD, make_asset, make_batch, make_code, make_site, make_staff
from tests.processes import Platform, WebServer

pytestmark = pytest.mark.browser


@pytest.fixture
def desk(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> WebServer:
    """A web server over a database with one site and its manager. Only a poller works here, so no doorbell is rung."""
    monkeypatch.setattr("codes.doorbell._ring_now", lambda *_: None)
    site = make_site(name="Corner Café")
    make_asset("EUR")
    make_staff(site, role="manager", email="clerk@example.test")
    make_batch(site, count=60, name="Opening week")
    make_code(site, "SECRET-CASH-7K2M", name="One code")
    return platform.web(workers=1)


def watch(page: Page, server: WebServer) -> list[str]:
    """What a page must not do: ask anybody else, fail to load something, break a policy, throw."""
    wrong: list[str] = []
    page.on(
        "request", lambda r: None if r.url.startswith((server.base_url, "data:")) else wrong.append(f"asked {r.url}")
    )
    page.on("response", lambda r: wrong.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("console", lambda m: wrong.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    return wrong


def sign_in(page: Page, server: WebServer) -> Page:
    page.goto(f"{server}/admin/")
    page.get_by_label("E-mail").fill("clerk@example.test")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("since midnight in UTC")).to_be_visible()
    return page


def test_a_batch_is_issued_and_its_progress_reaches_the_last_code(
    desk: WebServer, platform: Platform, browser_page: Page
):
    wrong = watch(browser_page, desk)
    page = sign_in(browser_page, desk)
    page.get_by_role("link", name="Batches").click()
    page.get_by_role("link", name="Issue codes").click()
    page.get_by_label("Name").fill("Summer vouchers")
    page.get_by_label("Codes").fill("12000")
    page.get_by_label("Asset").select_option("EUR")
    page.get_by_label("Worth of one use").fill("5")
    expect(page.get_by_role("status").get_by_text("For example")).to_be_visible()
    page.get_by_role("button", name="Issue codes").click()

    # Nobody works yet: the page waits, and asks every second.
    expect(page.locator("#progress-words")).to_contain_text("Waiting for a worker")
    platform.poller()
    # At its end the page loads itself again, and the figures are there.
    expect(page.locator("#progress-percent")).to_have_text("100 %", timeout=60_000)
    expect(page.get_by_text("60,000.00 EUR").first).to_be_visible(timeout=15_000)
    expect(page.get_by_text("12,000 of 12,000 codes issued")).to_be_visible()
    assert Code.objects.filter(batch__name="Summer vouchers").count() == 12_000
    assert wrong == []


def test_only_the_fields_of_the_chosen_action_and_format_are_asked_for(desk: WebServer, browser_page: Page):
    page = sign_in(browser_page, desk)
    page.goto(f"{desk}/admin/codes/batch/issue/")
    expect(page.get_by_label("Worth of one use")).to_be_visible()
    expect(page.get_by_label("To be handed over")).to_be_hidden()

    page.get_by_label("A code will").select_option("fulfilment")
    expect(page.get_by_label("Worth of one use")).to_be_hidden()
    page.get_by_label("To be handed over").fill("A free coffee")
    page.get_by_label("Format").select_option("pattern")
    page.get_by_label("Pattern").fill("TRY-###")
    expect(page.get_by_role("status").get_by_text("codes need at least")).to_be_visible()
    page.get_by_label("Pattern").fill("TRY-####-####-####-####")
    expect(page.get_by_role("status").get_by_text("For example TRY-")).to_be_visible()
    page.get_by_label("Name").fill("Coffee")
    page.get_by_role("button", name="Issue codes").click()

    expect(page.get_by_text("Have staff hand something over: A free coffee")).to_be_visible()


def test_a_code_is_pasted_found_and_revealed(desk: WebServer, browser_page: Page):
    wrong = watch(browser_page, desk)
    page = sign_in(browser_page, desk)
    page.get_by_role("link", name="Codes", exact=True).click()
    page.get_by_label("Find a code").fill("secret cash 7k2m")
    page.get_by_label("Find a code").press("Enter")
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()
    assert "7k2m" not in page.url.lower()

    page.get_by_role("link", name="Reveal").click()
    page.get_by_label("Reason").fill("printed badly")
    page.get_by_role("button", name="Reveal").click()
    expect(page.locator("#secret")).to_have_text("SECRET-CASH-7K2M")
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("SECRET-CASH-7K2M")).to_have_count(0)
    assert wrong == []


def test_every_kind_of_page_asks_nobody_else_and_breaks_no_policy(desk: WebServer, browser_page: Page):
    wrong = watch(browser_page, desk)
    page = sign_in(browser_page, desk)
    code = Code.objects.select_related("batch").filter(batch__name="Opening week").latest("id")
    paths = [
        "/admin/",
        "/admin/codes/attempt/",
        "/admin/ledger/ledgeraccount/",
        "/admin/accounts/user/",
        "/admin/accounts/client/create/",
    ]
    for path in (*paths, page_of(code), page_of(code.batch), "/admin/password_change/"):
        page.goto(f"{desk}{path}")
        page.wait_for_load_state("networkidle")

    assert wrong == []


def test_the_desk_works_by_keyboard(desk: WebServer, browser_page: Page):
    page = sign_in(browser_page, desk)
    page.goto(f"{desk}/admin/codes/code/")
    filters = page.get_by_role("button", name="Filters")
    filters.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Opening week", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Opening week", exact=True)).to_be_hidden()

    page.get_by_role("button", name="clerk@example.test").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("E-mail")).to_be_visible()


def test_the_desk_fits_a_phone_in_the_light_and_in_the_dark(desk: WebServer, open_page: Callable[..., Page]):
    page = sign_in(open_page(viewport={"width": 375, "height": 700}, has_touch=True), desk)
    code = Code.objects.select_related("batch").filter(batch__name="Opening week").latest("id")
    for path in ("/admin/", "/admin/codes/code/", "/admin/codes/batch/issue/", page_of(code), page_of(code.batch)):
        backgrounds = set()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{desk}{path}")
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, (path, scheme)
            backgrounds.add(page.evaluate("getComputedStyle(document.getElementById('main')).backgroundColor"))
        assert len(backgrounds) == 2, path
    page.get_by_role("button", name="Show or hide the menu").tap()
    page.get_by_role("link", name="Attempts", exact=True).tap()
    expect(page.get_by_text("There are none yet")).to_be_visible()


def test_without_javascript_a_batch_is_issued_and_watched_by_looking_again(
    desk: WebServer, platform: Platform, open_page: Callable[..., Page]
):
    page = sign_in(open_page(java_script_enabled=False), desk)
    page.goto(f"{desk}/admin/codes/batch/issue/")
    page.get_by_label("Name").fill("By hand")
    page.get_by_label("Codes").fill("7")
    page.get_by_label("A code will").select_option("fulfilment")
    page.get_by_label("To be handed over").fill("A free coffee")
    page.get_by_role("button", name="Issue codes").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()

    platform.poller()
    for _ in range(60):
        if not page.get_by_role("link", name="Look again").count():
            break
        page.wait_for_timeout(500)
        page.get_by_role("link", name="Look again").click()
    expect(page.get_by_text("7 of 7 codes issued")).to_be_visible()
