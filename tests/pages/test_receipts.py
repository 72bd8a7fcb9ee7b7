"""Receipts: private, each at its own address, and the same in both languages."""

from uuid import uuid4

import pytest

from accounts.callers import caller_for_user
from codes.closing import close_work_item
from codes.models import Attempt, WorkItem
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from codes.reversing import ReverseRedemption, reverse
from ledger.opening import open_account
from tests.factories import make_asset, make_claimant, make_code, make_site
from tests.pages.conftest import browser_of

NO_BREAK = "\u00a0"


def redeemed(user, code, **fields) -> Attempt:
    outcome = redeem_code(
        RedeemCode(
            caller=caller_for_user(user, user.site), code=code, claimant_id=user.claimant_id, door="page", **fields
        )
    )
    assert outcome.attempt is not None
    return outcome.attempt


@pytest.fixture
def receipt(anna, demo_site) -> Attempt:
    make_code(demo_site, "ABC-E6W5F", worth_cents=123_450, uses=3)
    return redeemed(anna, "abc e6w5f", reference="Order <7>")


def test_a_receipt_shows_what_was_given(annas, receipt):
    text = annas.get(f"/receipts/{receipt.pk}").content.decode()

    for words in ("€1,234.50 credited", "ABC-E6W5F", receipt.receipt_id, "Balance afterwards", "Order &lt;7&gt;"):
        assert words in text
    assert "Uses left" in text
    assert " CET" in text  # The site's time, not the server's.


def test_a_receipt_speaks_german(annas, receipt):
    annas.cookies["django_language"] = "de"

    text = annas.get(f"/receipts/{receipt.pk}").content.decode()

    for words in (f"1.234,50{NO_BREAK}€ gutgeschrieben", "Eingelöst am", "Guthaben danach", "Noch verwendbar"):
        assert words in text


def test_nobody_else_learns_that_there_is_a_receipt(receipt, demo_site):
    other = browser_of(make_claimant(demo_site, claimant_id="u-2002"))
    acme = browser_of(make_claimant(make_site(slug="acme"), claimant_id="u-1001"), host="acme.localhost")

    for browser in (other, acme):
        theirs, none = browser.get(f"/receipts/{receipt.pk}"), browser.get(f"/receipts/{uuid4()}")
        assert theirs.status_code == none.status_code == 404
        assert "ABC-E6W5F" not in theirs.content.decode()
        assert "ABC-E6W5F" not in browser.get("/receipts").content.decode()


def test_a_stranger_is_asked_to_sign_in_whether_there_is_one_or_not(stranger, receipt):
    for identity in (receipt.pk, uuid4()):
        response = stranger.get(f"/receipts/{identity}")
        assert (response.status_code, response["Location"]) == (302, f"/sign-in?next=%2Freceipts%2F{identity}")


def test_a_refusal_has_no_receipt(annas, anna, demo_site):
    annas.post("/redeem", {"code": "NOPE-0001"})

    assert annas.get(f"/receipts/{Attempt.objects.get().pk}").status_code == 404


@pytest.mark.parametrize("address", ["/receipts/R-000000001", "/receipts/1", "/receipts/x/y", "/nothing"])
def test_a_wrong_address_is_a_page_that_says_so(address, annas):
    response = annas.get(address)

    assert response.status_code == 404
    assert "There is nothing here for you" in response.content.decode()


def test_points_tags_and_things_have_receipts_too(annas, anna, demo_site):
    open_account(anna, make_asset("PTS"))
    make_code(demo_site, "PTS-0001", asset_code="PTS", worth_cents=1_500)
    make_code(demo_site, "TAG-0001", worth_cents=0, parameters={"tags": ["gold", "early"]}, action="add_tags")
    make_code(demo_site, "CUP-0001", worth_cents=0, parameters={"item": "A coffee"}, action="fulfilment")
    points, tags, thing = (redeemed(anna, code) for code in ("PTS-0001", "TAG-0001", "CUP-0001"))

    assert f"1,500{NO_BREAK}PTS credited" in annas.get(f"/receipts/{points.pk}").content.decode()
    assert "Unlocked: gold, early" in annas.get(f"/receipts/{tags.pk}").content.decode()
    assert "It is noted, and will be handed over to you." in annas.get(f"/receipts/{thing.pk}").content.decode()

    close_work_item(WorkItem.objects.get(), True, actor_id="staff")
    assert "Handed over." in annas.get(f"/receipts/{thing.pk}").content.decode()


def test_a_reversed_redemption_says_so(annas, anna, receipt):
    reverse(ReverseRedemption(caller_for_user(anna, anna.site), receipt.pk, reason="A mistake"))

    assert "Taken back" in annas.get(f"/receipts/{receipt.pk}").content.decode()
    assert "Taken back" in annas.get("/receipts").content.decode()


def test_a_list_without_receipts_says_what_to_do(annas):
    assert "There are no receipts yet." in annas.get("/receipts").content.decode()


def test_the_list_is_newest_first_and_paged(annas, anna, demo_site):
    make_code(demo_site, "MANY-0001", uses=30, uses_per_claimant=30)
    numbers = [redeemed(anna, "MANY-0001").pk for _ in range(23)]

    first, second = annas.get("/receipts").content.decode(), annas.get("/receipts?page=2").content.decode()

    assert first.index(str(numbers[22])) < first.index(str(numbers[3]))
    assert (str(numbers[2]) in first, str(numbers[2]) in second) == (False, True)
    assert ("Page 1 of 2" in first, "Page 2 of 2" in second) == (True, True)


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "", "1" * 5_000, "\x00"])
def test_a_page_number_that_is_none_shows_some_page(page, annas, receipt):
    assert annas.get("/receipts", {"page": page}).status_code == 200


def test_the_list_costs_as_many_statements_for_twenty_receipts_as_for_one(
    annas, anna, demo_site, django_assert_max_num_queries
):
    make_code(demo_site, "MANY-0001", uses=30, uses_per_claimant=30)
    for _ in range(20):
        redeemed(anna, "MANY-0001")

    with django_assert_max_num_queries(6):
        annas.get("/receipts")
