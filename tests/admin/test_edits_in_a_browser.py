"""Changing a whole batch in a real browser, over real processes: asked, foreseen, confirmed, followed to its end."""

import os

import pytest
from playwright.sync_api import Page, expect

from codes.models import Batch, Code
from deploy.local.processes import wait_until
from tests.admin.desk import page_of
from tests.admin.test_browser import desk, sign_in, watch
from tests.processes import Platform, WebServer

pytestmark = pytest.mark.browser
__all__ = ["desk"]


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("SHOTS"):
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def test_a_batch_is_changed_as_a_whole_and_followed_to_its_end(desk: WebServer, platform: Platform, browser_page: Page):
    wrong = watch(browser_page, desk)
    page = sign_in(browser_page, desk)
    page.goto(f"{desk}{page_of(Batch.objects.get(name='Opening week'))}")
    page.get_by_role("link", name="Change all codes").click()
    expect(page.get_by_label("Last day")).to_be_visible()
    expect(page.get_by_label("Uses of each code")).to_be_hidden()
    shot(page, "1-ask")
    page.get_by_label("What is done to each code").select_option("uses")
    expect(page.get_by_label("Last day")).to_be_hidden()
    page.get_by_label("Uses of each code").fill("3")
    page.get_by_label("Reason").fill("Double the fun")
    page.get_by_role("button", name="Show what would happen").click()

    expect(page.get_by_text("600.00 EUR")).to_be_visible()
    assert Code.objects.filter(max_uses=3).count() == 0
    shot(page, "2-preview")
    page.get_by_role("button", name="Change the codes").click()
    expect(page.locator("#progress-words")).to_contain_text("Waiting for a worker")
    shot(page, "3-waiting")
    platform.poller()
    expect(page.locator("#progress-percent")).to_have_text("100 %", timeout=30_000)
    expect(page.get_by_text("600.00 EUR is issued.")).to_be_visible(timeout=15_000)
    shot(page, "4-done")
    assert Code.objects.filter(batch__name="Opening week", max_uses=3).count() == 60
    assert wrong == []


@pytest.mark.parametrize("script", [True, False])
def test_a_batch_is_deleted_on_a_phone_with_and_without_a_script(
    desk: WebServer, platform: Platform, open_page, script: bool
):
    page = sign_in(open_page(viewport={"width": 375, "height": 740}, java_script_enabled=script), desk)
    batch = Batch.objects.get(name="Opening week")
    page.goto(f"{desk}{page_of(batch, 'archive')}")
    page.get_by_label("Reason").fill("misprint")
    shot(page, f"5-delete-{script}")
    page.get_by_role("button", name="Show what would happen").click()
    expect(page.get_by_text("Value that is voided")).to_be_visible()
    shot(page, f"6-delete-preview-{script}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375 if script else True
    page.get_by_role("button", name="Delete Opening week").click()
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    shot(page, f"7-delete-waiting-{script}")

    platform.poller()
    assert wait_until(lambda: not Code.objects.filter(batch=batch).exclude(state="deleted").exists(), seconds=30)
    page.goto(f"{desk}/admin/codes/batch/")
    expect(page.get_by_text("One code").first).to_be_visible()
    expect(page.get_by_text("Opening week")).to_have_count(0)
