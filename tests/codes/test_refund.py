"""refund: gives back what an earlier booking took from the claimant; never more, never twice, never somebody else's."""

from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from codes import issuing, reversing
from codes.actions.registry import ACTIONS
from codes.models import Code
from codes.redemption.engine import redeem_codes
from ledger import moving
from ledger.models import LedgerAccount, LedgerTransaction
from tests.codes.redeeming import ask, assert_sound, cash, reason_of, redeem, spread
from tests.factories import (
    caller_of,
    make_account,
    make_asset,
    make_claimant,
    make_client,
    make_code,
    make_site,
    new_batch,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_claimant(balance=1_000)


def spent(user, amount=300):
    """The ID of a booking that took so much from the user."""
    return str(moving.spend(LedgerAccount.objects.get(owner=user), amount, comment="a book", actor_id="system").pk)


def refund(site, booking, text="REFUND-1", worth=300, **fields):
    return make_code(site, text, worth_cents=worth, action="refund", parameters={"booking": booking}, **fields)


@pytest.mark.parametrize("worth", [1, 299, 300])
def test_it_credits_by_reference_to_the_booking(anna, worth):
    booking = spent(anna)
    code = refund(anna.site, booking, worth=worth)

    outcome = redeem(anna, "REFUND-1")

    assert cash(anna) == 700 + worth
    assert outcome.attempt.result == {
        "amount": f"{worth / 100:.2f}",
        "currency": "EUR",
        "balance_after": f"{(700 + worth) / 100:.2f}",
        "booking": booking,
    }
    booked = outcome.attempt.ledger_transaction
    assert (booked.type, str(booked.reverses_id)) == ("refund", booking)
    assert spread(code.batch) == (worth, 0, worth, 0, 0)
    assert_sound()


def test_it_is_never_given_twice_by_whatever_code(anna):
    booking = spent(anna)
    refund(anna.site, booking, "REFUND-1", worth=100, uses=2, uses_per_claimant=2)
    refund(anna.site, booking, "REFUND-2", worth=100)

    reasons = [reason_of(redeem(anna, text)) for text in ("REFUND-1", "REFUND-1", "REFUND-2")]

    assert reasons == ["redeemed", "target_missing", "target_missing"]
    assert cash(anna) == 800
    assert_sound()


def test_it_is_never_given_twice_in_one_list(anna):
    booking = spent(anna)
    for number in (1, 2):
        refund(anna.site, booking, f"REFUND-{number}")

    outcomes = redeem_codes([ask(anna, "REFUND-1"), ask(anna, "REFUND-2")])

    assert [reason_of(outcome) for outcome in outcomes] == ["redeemed", "target_missing"]
    assert cash(anna) == 1_000


def test_one_refused_in_a_list_does_not_count_as_given(anna):
    booking = spent(anna)
    LedgerAccount.objects.filter(owner=anna).update(state="closed")
    for number in (1, 2):
        refund(anna.site, booking, f"REFUND-{number}")

    outcomes = redeem_codes([ask(anna, "REFUND-1"), ask(anna, "REFUND-2")])

    assert [reason_of(outcome) for outcome in outcomes] == ["account_locked", "account_locked"]


def test_two_at_the_same_moment_give_it_once(anna, monkeypatch):
    """As if the other one committed between this one's judgement and its booking."""
    booking = spent(anna)
    refund(anna.site, booking, "REFUND-1")
    action, loads = ACTIONS["refund"], []
    load = action.load

    def blind_at_first(cases):
        load(cases)
        if not loads:
            for case in cases:
                case.extra["spent"].clear()
        loads.append(1)

    refund(anna.site, booking, "REFUND-2")
    redeem(anna, "REFUND-2")
    monkeypatch.setattr(type(action), "load", lambda self, cases: blind_at_first(cases))

    assert reason_of(redeem(anna, "REFUND-1")) == "target_missing"
    assert len(loads) == 2
    assert cash(anna) == 1_000


def test_a_booking_that_took_it_from_somebody_else_is_not_refunded(anna):
    ben = make_claimant(anna.site, balance=1_000)
    refund(anna.site, spent(anna))

    assert reason_of(redeem(ben, "REFUND-1")) == "target_missing"
    assert cash(ben) == 1_000
    assert reason_of(redeem(anna, "REFUND-1")) == "redeemed"


def test_a_booking_that_was_reversed_is_not_refunded(anna):
    site, ben = anna.site, make_claimant(anna.site)
    make_code(site, "GIFT-1", worth_cents=300)
    till = caller_of(make_client(site))
    gift = redeem(ben, "GIFT-1")
    reversal, _ = reversing.reverse(reversing.ReverseRedemption(till, gift.attempt.pk, ""))
    refund(site, str(reversal.ledger_transaction_id))
    first = redeem(ben, "REFUND-1")
    assert reason_of(first) == "redeemed"

    # The refund itself can be taken back, and the booking stays refunded once and for all.
    reversing.reverse(reversing.ReverseRedemption(till, first.attempt.pk, "", give_use_back=True))
    assert cash(ben) == 0
    assert reason_of(redeem(ben, "REFUND-1")) == "target_missing"
    assert_sound()


def test_it_can_be_taken_back(anna):
    code = refund(anna.site, spent(anna))
    outcome = redeem(anna, "REFUND-1")

    reversing.reverse(reversing.ReverseRedemption(caller_of(make_client(anna.site)), outcome.attempt.pk, ""))

    assert cash(anna) == 700
    assert spread(code.batch) == (300, 0, 0, 0, 300)
    assert_sound()


class TestWhatItNeeds:
    def clean(self, site, booking, value=100, asset="EUR", **more):
        return ACTIONS["refund"].clean(site.pk, {"booking": booking, **more}, asset and make_asset(asset), value)

    def test_the_booking_is_stored_in_one_spelling(self, anna):
        booking = spent(anna)

        assert self.clean(anna.site, booking.upper().replace("-", "")) == {"booking": booking}

    @pytest.mark.parametrize("booking", [None, "", "7", 7, "not a booking", {"id": 1}, ["x"]])
    def test_something_that_is_no_id_is_refused(self, anna, booking):
        with pytest.raises(ValidationError) as refused:
            self.clean(anna.site, booking)
        assert list(refused.value.message_dict) == ["parameters"]

    @pytest.mark.parametrize("fault", ["unknown", "a grant", "another site's", "another asset", "no asset", "no value"])
    def test_a_booking_that_took_nothing_of_the_kind_from_a_customer_is_refused(self, anna, fault):
        booking, fields = spent(anna), {}
        if fault == "unknown":
            booking = str(uuid4())
        elif fault == "a grant":
            booking = str(LedgerTransaction.objects.filter(type="grant").first().pk)
        elif fault == "another site's":
            booking = spent(make_claimant(make_site(), balance=300))
        elif fault == "another asset":
            fields = {"asset": "USD"}
        elif fault == "no asset":
            fields = {"asset": None}
        else:
            fields = {"value": 0}

        with pytest.raises(ValidationError) as refused:
            self.clean(anna.site, booking, **fields)
        assert list(refused.value.message_dict) == ["parameters"]

    def test_more_than_the_booking_is_refused(self, anna):
        with pytest.raises(ValidationError) as refused:
            self.clean(anna.site, spent(anna, 300), value=301)
        assert list(refused.value.message_dict) == ["value"]

    def test_unknown_parameters_are_refused(self, anna):
        with pytest.raises(ValidationError, match="colour"):
            self.clean(anna.site, spent(anna), colour="red")

    def test_a_batch_of_refunds_is_issued_like_any_other(self, anna):
        make_account(anna)
        order, _ = issuing.order_batch(
            new_batch(anna.site, worth_cents=300, action="refund", parameters={"booking": spent(anna)}, count=2)
        )
        issuing.work_order(order.pk)

        assert Code.objects.count() == 2
