"""The desk of households: who belongs to them, what each has, and who gave what for each redemption."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Household
from ledger import points
from tests.admin.desk import list_of, page_of, signed_in, text_of
from tests.factories import make_account, make_asset, make_site, make_staff
from tests.members import (
    make_household,
    make_loyalty_settings,
    make_member,
)
from tests.plans import read_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    found = make_site(slug="shop", name="Shop")
    make_loyalty_settings(found)
    return found


@pytest.fixture
def desk(site):
    return signed_in(make_staff(site))


def with_points(member, holds):
    make_account(member.user, make_asset("PTS"), balance=holds)
    return member


def redeem(member, amount):
    reserved = points.reserve_points(points.ReservePoints(member, "client:1", amount))
    command = points.RedeemPoints(member, "client:1", reserved.token, "MAIN", "APP", "ORDER-77")
    return points.redeem_points(command)


def test_a_household_is_made_and_its_members_come_and_go(site, desk):
    anna, ben = make_member(site, "A"), make_member(site, "B", loyalty_id="L2")
    desk.post(
        list_of("accounts_household", "create"), {"site": site.pk, "household_id": "H-1", "mode": "request_defined"}
    )
    household = Household.objects.get()
    assert "Nobody yet" in text_of(desk.get(page_of(household)))

    desk.post(page_of(household, "add_member"), {"member": "A", "role": "primary"})
    desk.post(page_of(household, "add_member"), {"member": "L2", "role": "member"})
    desk.post(page_of(household, "primary"), {"member": ben.pk})
    desk.post(page_of(household, "mode"), {"mode": "proportional", "reason": "simpler"})
    desk.post(page_of(household, "remove_member"), {"member": anna.pk, "reason": "moved"})

    household.refresh_from_db()
    assert household.mode == "proportional"
    assert list(household.members.values_list("account_id", "role")) == [("B", "primary")]
    desk.post(page_of(anna, "join"), {"household": "H-1", "role": "member"})
    desk.post(page_of(ben, "leave"), {"reason": "moved"})
    assert list(household.members.values_list("account_id", "role")) == [("A", "member")]


def test_who_cannot_be_added_to_a_household(site, desk):
    household = make_household(site, "H-1")
    make_member(site, "C", status="closed")
    make_member(make_site(), "X")
    make_member(site, "A", household=make_household(site))
    for who in ("C", "X", "A", "nobody", ""):
        assert desk.post(page_of(household, "add_member"), {"member": who, "role": "member"}).status_code == 200
    inside, outside = make_member(site, "I", household=household), make_member(site, "S")
    assert desk.post(page_of(household, "remove_member"), {"member": outside.pk, "reason": "x"}).status_code == 200

    assert list(household.members.all()) == [inside]


def test_a_household_shows_who_has_what_and_who_gave_what(site, desk):
    household = make_household(site, "H-1")
    anna = with_points(make_member(site, "A", household=household, role="primary"), 3_000)
    with_points(make_member(site, "B", household=household), 2_000)
    with_points(make_member(site, "C", household=household), 1_000)
    spent = redeem(anna, 3_000)
    voided = redeem(anna, 60)
    points.void_spending(anna, str(voided.pk), caller="client:1", adjustment_days=30)
    points.reserve_points(points.ReservePoints(anna, "client:1", 600))
    make_member(site, "D", household=household, status="suspended")

    shown = " ".join(text_of(desk.get(page_of(household))).split())

    for told in (
        "3,000 points",
        "1,500",
        "<s>60 points</s>",
        "everyone got back what they gave",
        "ORDER-77",
        "MAIN · APP",
    ):
        assert told in shown, told
    assert reverse("admin:ledger_ledgertransaction_change", args=[spent.pk]) in shown
    together = shown[shown.index("Together") : shown.index("Members</h2>")]
    for figure in ("2,400", "600", "3,000"):
        assert f"<dd> {figure} </dd>" in together
    assert "suspended: gives no points" in shown
    of_anna = " ".join(text_of(desk.get(page_of(anna))).split())
    assert "<dd> 1,200 </dd>" in of_anna
    assert "3,000 points" in of_anna


def test_a_households_page_asks_no_more_for_more_members_and_redemptions(site, desk):
    household = make_household(site, "H-1")
    anna = with_points(make_member(site, "A", household=household), 1_000)

    def asked():
        with CaptureQueriesContext(connection) as made:
            assert desk.get(page_of(household)).status_code == 200
        return len(made)

    redeem(anna, 1)
    few = asked()
    for name in "BCDE":
        with_points(make_member(site, name, household=household), 1_000)
        redeem(anna, 100)

    assert asked() == few
    assert read_whole(lambda: desk.get(page_of(household))) == []


def test_older_redemptions_are_on_further_pages(site, desk, monkeypatch):
    monkeypatch.setattr("ledger.admin.members.PAGE", 2)
    household = make_household(site, "H-1")
    anna = with_points(make_member(site, "A", household=household), 100)
    spent = [redeem(anna, amount) for amount in (1, 2, 3)]
    address = page_of(household)

    def shown(query):
        text = text_of(desk.get(address, query))
        return [
            each for each in spent if reverse("admin:ledger_ledgertransaction_change", args=[each.pk]) in text
        ], text

    first, text = shown({})
    assert first == spent[1:]
    assert f"?after={spent[1].pk}" in text
    assert shown({"after": spent[1].pk})[0] == spent[:1]
    assert shown({"after": "nonsense"})[0] == spent[1:]
    assert "No older ones" in shown({"after": spent[0].pk})[1]
