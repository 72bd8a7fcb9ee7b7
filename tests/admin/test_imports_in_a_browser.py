"""Importing in a real browser: a file chosen, its check watched to the last row, confirmed, and the codes there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from codes.models import Code, CodeImport
from tests.admin.desk import checked_import, page_of
from tests.admin.test_browser import desk, sign_in, watch
from tests.processes import Platform, WebServer

pytestmark = pytest.mark.browser

__all__ = ["desk"]
SHOTS = os.environ.get("SHOTS")


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def rows(count: int) -> str:
    lines = "".join(
        f"SPRING-{number:06};{number % 3 or ''};{'12,50' if number % 7 == 0 else ''}\r\n" for number in range(count)
    )
    return f"Code;Max uses;Amount\r\n{lines}=1+1;1;\r\nSPRING-000001;1;\r\nSPRING-X;none;\r\n"


def test_a_file_is_chosen_checked_confirmed_and_its_codes_are_there(
    desk: WebServer, platform: Platform, browser_page: Page
):
    wrong = watch(browser_page, desk)
    page = sign_in(browser_page, desk)
    page.get_by_role("link", name="Imports").click()
    shoot(page, "list-empty")
    expect(page.get_by_text("There are none yet")).to_be_visible()
    page.get_by_role("link", name="Import codes").click()
    page.get_by_label("File").set_input_files(
        {"name": "spring.csv", "mimeType": "text/csv", "buffer": rows(12_000).encode("cp1252")}
    )
    page.get_by_label("Name").fill("Spring vouchers")
    page.get_by_label("Asset").select_option("EUR")
    page.get_by_label("Worth of one use").fill("5")
    shoot(page, "upload")
    page.get_by_role("button", name="Import codes").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    shoot(page, "waiting")
    platform.poller()
    expect(page.locator("#progress-percent")).to_have_text("100 %", timeout=60_000)
    expect(page.get_by_text("This cannot be read as a code")).to_be_visible(timeout=15_000)
    shoot(page, "checked")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as CSV").click()
    assert Path(download.value.path()).read_text().startswith("line,column,reason\n")
    page.get_by_role("link", name="Confirm", exact=True).last.click()
    shoot(page, "confirm")
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator("#progress-percent")).to_have_text("100 %", timeout=60_000)
    expect(page.get_by_text("12,000 of 12,000 codes issued")).to_be_visible(timeout=15_000)
    shoot(page, "batch")
    assert Code.objects.filter(batch__name="Spring vouchers").count() == 12_000
    page.get_by_role("link", name="Imports").click()
    shoot(page, "list")
    assert wrong == []


def test_the_pages_fit_a_phone_in_the_light_and_in_the_dark(desk: WebServer, open_page: Callable[..., Page]):
    from accounts.models import Site

    source = checked_import(Site.objects.get(), "code,uses,value\nABCD-1,1,1\n=x,1,1\nABCD-1,,\nABCD-3,x,\n")
    page = sign_in(open_page(viewport={"width": 375, "height": 700}, has_touch=True), desk)
    for number, path in enumerate(
        ("/admin/codes/codeimport/", "/admin/codes/codeimport/upload/", page_of(source), page_of(source, "confirm"))
    ):
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.goto(f"{desk}{path}")
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, (path, scheme)
            shoot(page, f"phone-{number}-{scheme}")
    assert CodeImport.objects.count() == 1
