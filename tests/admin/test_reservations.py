"""Reservations at the desk: what is set aside, told without its characters or its token, and given back with a reason."""

import pytest

from accounts.models import AuditRecord
from codes.models import Code
from ledger.models import LedgerAccount, Reservation
from tests.admin.desk import MONEY_TEXT, World, list_of, page_of, text_of
from tests.codes.reserved import confirm, place, standing
from tests.factories import caller_of, make_client, make_code

pytestmark = pytest.mark.django_db


HELD_TEXT = "SECRET-HELD-8XYZ"


@pytest.fixture
def till(world: World):
    make_code(world.site, HELD_TEXT, name="Brunch")
    return caller_of(make_client(world.site, name="till"))


@pytest.fixture
def held(world: World, till) -> Reservation:
    """Of one code and 2.50 EUR."""
    placed = place(till, world.claimant, HELD_TEXT, cash="2.50")
    return Reservation.objects.get(pk=placed.reservation_id)


def test_the_list_tells_what_is_held_for_whom(world: World, held: Reservation):
    page = text_of(world.sign_in("support").get(list_of("ledger_reservation")))

    assert "1 code + 2.50 EUR" in page
    assert "Open" in page
    assert "Anna Beispiel" in page or world.claimant.email in page


@pytest.mark.parametrize(("state", "count"), [("open", 2), ("expired", 0), ("consumed", 0), ("released", 0), ("x", 2)])
def test_by_state(world: World, held: Reservation, state: str, count: int):
    response = world.sign_in("support").get(list_of("ledger_reservation"), {"state": state})

    assert len(response.context_data["cl"].result_list) == count


def test_one_whose_time_is_over_is_expired_though_nobody_tidied(world: World, held: Reservation, settings):
    settings.CLOCK_OFFSET_SECONDS = 301
    browser = world.sign_in("operator")

    assert len(browser.get(list_of("ledger_reservation"), {"state": "expired"}).context_data["cl"].result_list) == 2
    assert len(browser.get(list_of("ledger_reservation"), {"state": "open"}).context_data["cl"].result_list) == 0
    page = text_of(browser.get(page_of(held)))
    assert "Expired" in page
    again = text_of(browser.post(page_of(held, "release"), {"reason": "late"}, follow=True))
    assert "is not possible any more" in again


def test_its_page_tells_codes_by_batch_and_serial_and_no_token(world: World, till):
    placed = place(till, world.claimant, HELD_TEXT, cash="2.50")
    confirm(till, placed, cash="1.00")
    response = world.sign_in("support").get(page_of(Reservation.objects.get(pk=placed.reservation_id)))
    page = text_of(response)

    assert "Brunch · 1" in page
    assert "2.50 EUR" in page
    assert "1.00 EUR" in page
    assert "Consumed" in page
    for secret in (MONEY_TEXT, HELD_TEXT, placed.token):
        assert secret not in response.content.decode()


def test_an_operator_gives_it_back_and_says_why(world: World, held: Reservation):
    browser = world.sign_in("operator")
    asked = text_of(browser.get(page_of(held, "release")))
    assert "free again at once" in asked

    browser.post(page_of(held, "release"), {"reason": "The till is broken"})

    held.refresh_from_db()
    assert held.ended_as == "released"
    assert (Code.objects.get(batch__name="Brunch").held, standing(world.claimant)[1]) == (0, 0)
    record = AuditRecord.objects.get(action="reservation.release")
    assert (record.object_id, record.detail["reason"]) == (str(held.pk), "The till is broken")
    assert record.actor_id == world.staff["operator"].claimant_id
    again = text_of(browser.post(page_of(held, "release"), {"reason": "again"}, follow=True))
    assert "is not possible any more" in again
    assert AuditRecord.objects.filter(action="reservation.release").count() == 1


@pytest.mark.parametrize("reason", ["", "x" * 201])
def test_without_a_reason_nothing_is_given_back(world: World, held: Reservation, reason: str):
    world.sign_in("operator").post(page_of(held, "release"), {"reason": reason})

    held.refresh_from_db()
    assert held.ended_as == ""
    assert LedgerAccount.objects.filter(held__gt=0).count() == 1


def test_support_looks_on(world: World, held: Reservation):
    response = world.sign_in("support").post(page_of(held, "release"), {"reason": "please"})

    assert response.status_code == 403
    held.refresh_from_db()
    assert held.ended_as == ""
