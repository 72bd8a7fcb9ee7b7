"""credit: money and points move from the batch to the claimant, and back."""

import pytest
from django.core.exceptions import ValidationError

from codes import reversing
from codes.actions.credit import decimal
from codes.actions.registry import ACTIONS
from codes.redemption.case import CodeFacts
from ledger.models import LedgerAccount, Transfer
from tests.codes.redeeming import assert_sound, cash, reason_of, redeem, spread
from tests.factories import (
    caller_of,
    make_account,
    make_asset,
    make_claimant,
    make_client,
    make_code,
    make_site,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_claimant(balance=1_000)


def reverse(outcome, site, **fields):
    till = caller_of(make_client(site))
    return reversing.reverse(reversing.ReverseRedemption(till, outcome.attempt.pk, "a mistake", **fields))


def test_money_is_credited_and_taken_back(anna):
    code = make_code(anna.site, worth_cents=1)

    outcome = redeem(anna)
    assert outcome.attempt.result == {"amount": "0.01", "currency": "EUR", "balance_after": "10.01"}
    assert cash(anna) == 1_001
    transfer = Transfer.objects.get(transaction=outcome.attempt.ledger_transaction_id)
    assert (transfer.debit_account.purpose, transfer.credit_account.owner, transfer.amount) == ("outstanding", anna, 1)
    assert transfer.batch_number == code.batch_id

    reverse(outcome, anna.site)
    assert cash(anna) == 1_000
    assert_sound()


def test_points_are_credited_as_whole_numbers_and_taken_back(anna):
    points = make_asset("PTS")
    account = make_account(anna, points)
    code = make_code(anna.site, worth_cents=0, action="credit", asset_code="PTS", value=30)

    outcome = redeem(anna)
    account.refresh_from_db()
    assert outcome.attempt.result == {"points": 30, "unit": "PTS", "balance_after": 30}
    assert account.balance == 30
    assert cash(anna) == 1_000

    reverse(outcome, anna.site, give_use_back=True)
    account.refresh_from_db()
    assert account.balance == 0
    assert spread(code.batch) == (30, 30, 0, 0, 0)
    assert_sound()


@pytest.mark.parametrize(
    ("minor", "exponent", "text"),
    [
        (2_500, 2, "25.00"),
        (5, 2, "0.05"),
        (0, 2, "0.00"),
        (-5, 2, "-0.05"),
        (-2_500, 2, "-25.00"),
        (7, 0, "7"),
        (1, 6, "0.000001"),
    ],
)
def test_minor_units_are_told_as_decimals_of_their_asset(minor, exponent, text):
    code = CodeFacts(*[None] * 31)
    code.asset_exponent = exponent

    assert decimal(minor, code) == text


def test_assets_with_other_decimals_are_told_in_theirs(anna):
    ben = make_user(anna.site)
    make_account(ben, make_asset("JPY", exponent=0))
    make_code(anna.site, worth_cents=0, action="credit", asset_code="JPY", value=1_200)

    assert redeem(ben).attempt.result == {"amount": "1200", "currency": "JPY", "balance_after": "1200"}


def test_an_account_that_may_only_be_credited_is_credited(anna):
    make_code(anna.site)
    LedgerAccount.objects.filter(owner=anna).update(state="credit_only")

    assert reason_of(redeem(anna)) == "redeemed"
    assert cash(anna) == 1_500


def test_a_balance_below_zero_is_told_with_its_sign():
    owing = make_claimant(balance=-1_000)
    LedgerAccount.objects.filter(owner=owing).update(floor=-1_000)
    make_code(owing.site)

    assert redeem(owing).attempt.result["balance_after"] == "-5.00"


@pytest.mark.parametrize("reason", ["account_missing", "account_locked", "currency_mismatch", "insufficient_balance"])
def test_what_the_account_refuses_leaves_the_value_in_the_batch(reason):
    site = make_site()
    code = make_code(site)
    claimant = make_user(site)
    if reason != "account_missing":
        make_account(claimant, make_asset("USD" if reason == "currency_mismatch" else "EUR"))
    change = {"account_locked": {"state": "closed"}, "insufficient_balance": {"floor": 501}}.get(reason, {})
    LedgerAccount.objects.filter(owner=claimant).update(**change)

    assert reason_of(redeem(claimant)) == reason
    assert spread(code.batch) == (500, 500, 0, 0, 0)
    assert_sound()


def test_points_do_not_go_to_the_cash_account(anna):
    make_asset("PTS")
    make_code(anna.site, worth_cents=0, action="credit", asset_code="PTS", value=30)

    assert reason_of(redeem(anna)) == "account_missing"


def test_it_needs_a_value_and_no_parameters():
    credit, eur, site = ACTIONS["credit"], make_asset(), make_site()

    assert credit.clean(site.pk, {}, eur, 500) == {}
    for parameters, asset, value, field in [
        ({}, None, 0, "value"),
        ({}, eur, 0, "value"),
        ({}, eur, -1, "value"),
        ({"rate": 2}, eur, 500, "parameters"),
    ]:
        with pytest.raises(ValidationError) as refused:
            credit.clean(site.pk, parameters, asset, value)
        assert list(refused.value.message_dict) == [field]
