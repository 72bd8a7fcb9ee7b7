"""A reservation at the desk in a real browser on a phone: read, and released with a reason."""

import pytest
from playwright.sync_api import expect

from accounts.models import Site
from ledger.models import Reservation
from tests.admin.desk import MONEY_TEXT, list_of, page_of
from tests.admin.test_browser import desk, sign_in, watch
from tests.codes.reserved import place
from tests.factories import caller_of, make_claimant, make_client
from tests.processes import WebServer

pytestmark = pytest.mark.browser
__all__ = ["desk"]


def test_a_reservation_is_read_and_released(desk: WebServer, open_page):
    site = Site.objects.get()
    claimant = make_claimant(site, balance=1_000, name="Anna Beispiel")
    placed = place(caller_of(make_client(site, name="till")), claimant, MONEY_TEXT, cash="2.50", seconds=900)
    held = Reservation.objects.get(pk=placed.reservation_id)
    page = sign_in(open_page(viewport={"width": 390, "height": 800}), desk)
    wrong = watch(page, desk)
    page.goto(f"{desk}{list_of('ledger_reservation')}")
    expect(page.get_by_text("1 code + 2.50 EUR")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390

    page.goto(f"{desk}{page_of(held)}")
    expect(page.get_by_text("One code · 1")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{desk}{page_of(held, 'release')}")
    page.get_by_label("Reason").fill("The till is broken")
    page.keyboard.press("Enter")

    expect(page.get_by_text("The reservation was released.")).to_be_visible()
    expect(page.get_by_text("Released").first).to_be_visible()
    held.refresh_from_db()
    assert held.ended_as == "released"
    assert wrong == []
