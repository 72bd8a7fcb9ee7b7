"""An order at the desk in a real browser on a phone: its item is moved, and the vouchers' codes are there, unreadable."""

import pytest
from playwright.sync_api import expect

from accounts.models import Site
from codes.lookup import shown
from codes.models import Code, ShopOrder
from deploy.local.processes import wait_until
from tests.admin.desk import page_of
from tests.admin.test_browser import desk, sign_in, watch
from tests.codes.shop import make_article, place
from tests.processes import WebServer

pytestmark = pytest.mark.browser
__all__ = ["desk"]


def test_an_items_status_is_moved_and_its_codes_appear_masked(desk: WebServer, open_page):
    site = Site.objects.get()
    order = place(site, (make_article(site, name="Gift card"), 3))
    page = sign_in(open_page(viewport={"width": 390, "height": 800}), desk)
    wrong = watch(page, desk)
    page.goto(f"{desk}{page_of(order)}")
    expect(page.get_by_text("None was made.")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.goto(f"{desk}{page_of(order, 'move')}")
    page.get_by_label("New status").select_option(label="3 Paid, issue codes")
    page.get_by_role("button", name="Move").click()

    assert wait_until(lambda: Code.objects.filter(order__shop_order_item__order=order).count() == 3, seconds=30)
    expect(page.get_by_text("••••-••••").first).to_be_visible()
    text = page.inner_text("body")
    for code in Code.objects.filter(order__shop_order_item__order=order):
        assert f"Article 1: Gift card · {code.serial}" in text
        assert shown(code) not in text
    # Moved away and there again: as many as before.
    for status in ("4 Done", "3 Paid, issue codes"):
        page.goto(f"{desk}{page_of(ShopOrder.objects.get(), 'move')}")
        page.get_by_label("New status").select_option(label=status)
        page.get_by_role("button", name="Move").click()
        expect(page.get_by_text("••••-••••").first).to_be_visible()
    assert Code.objects.filter(order__shop_order_item__order=order).count() == 3
    assert wrong == []
