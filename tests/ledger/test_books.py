"""Judging bookings in memory: each sees what the earlier ones moved, and a refused one changes nothing."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger.books import Books, Leg, Standing, lock_books
from ledger.refusals import AccountLocked, AccountMissing, CurrencyMismatch, InsufficientBalance
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import booking_of, post_bookings, system

FUNDING, ADA, BOB, POINTS, ELSEWHERE = 1, 2, 3, 4, 5


def standing(id_, *, asset_id=1, site_id=1, state="open", floor=0, balance=0, held=0):
    return Standing(id_, site_id, asset_id, 100 + id_, "cash", state, floor, balance, held)


def books(**ada):
    accounts = [
        Standing(FUNDING, 1, 1, None, "", "open", 0, None, 0),
        standing(ADA, **{"balance": 100, **ada}),
        standing(BOB),
        standing(POINTS, asset_id=2),
        standing(ELSEWHERE, site_id=2),
    ]
    return Books({account.id: account for account in accounts})


def balances(of):
    return {account.id: account.balance for account in of.standings.values()}


def enter(of, *legs):
    of.enter(booking_of(1, *(Leg(*leg) for leg in legs)))


def test_a_booking_moves_value_from_debit_to_credit():
    of = books()

    enter(of, (ADA, BOB, 30))

    assert balances(of) == {FUNDING: None, ADA: 70, BOB: 30, POINTS: 0, ELSEWHERE: 0}
    assert len(of.entered) == 1


def test_a_later_booking_sees_what_an_earlier_one_moved():
    of = books()

    enter(of, (ADA, BOB, 100))
    with pytest.raises(InsufficientBalance):
        enter(of, (ADA, BOB, 1))
    enter(of, (BOB, ADA, 1))
    enter(of, (ADA, BOB, 1))

    assert balances(of)[ADA] == 0


@pytest.mark.parametrize(
    ("ada", "leg", "refusal"),
    [
        ({}, (ADA, BOB, 101), InsufficientBalance),
        ({"held": 1}, (ADA, BOB, 100), InsufficientBalance),
        ({"floor": 1}, (ADA, BOB, 100), InsufficientBalance),
        ({"floor": -20, "balance": 0}, (ADA, BOB, 21), InsufficientBalance),
        ({"floor": -20, "balance": -50}, (FUNDING, ADA, 10), InsufficientBalance),
        ({"floor": -20, "balance": -50}, (FUNDING, ADA, 25), InsufficientBalance),
        ({"state": "closed"}, (ADA, BOB, 1), AccountLocked),
        ({"state": "closed"}, (FUNDING, ADA, 1), AccountLocked),
        ({"state": "credit_only"}, (ADA, BOB, 1), AccountLocked),
        ({}, (ADA, POINTS, 1), CurrencyMismatch),
        ({}, (ADA, ELSEWHERE, 1), CurrencyMismatch),
        ({}, (ADA, 99, 1), AccountMissing),
        ({}, (99, ADA, 1), AccountMissing),
    ],
)
def test_what_is_refused_changes_nothing(ada, leg, refusal):
    of = books(**ada)
    before = balances(of)

    with pytest.raises(refusal):
        enter(of, leg)

    assert balances(of) == before
    assert of.entered == []


@pytest.mark.parametrize(
    ("ada", "leg"),
    [
        ({}, (ADA, BOB, 100)),
        ({"held": 40}, (ADA, BOB, 60)),
        ({"floor": -20, "balance": 0}, (ADA, BOB, 20)),
        ({"floor": -20, "balance": -50}, (FUNDING, ADA, 30)),
        ({"state": "credit_only"}, (FUNDING, ADA, 1)),
    ],
)
def test_what_just_fits_is_entered(ada, leg):
    of = books(**ada)

    enter(of, leg)

    assert len(of.entered) == 1


def test_of_a_booking_whose_last_leg_is_refused_no_leg_is_left():
    of = books()

    with pytest.raises(InsufficientBalance):
        enter(of, (ADA, BOB, 60), (FUNDING, BOB, 5), (ADA, BOB, 60))

    assert balances(of) == balances(books())
    assert of.entered == []


def test_a_booking_moves_something():
    with pytest.raises(AssertionError, match="moves something"):
        enter(books())


@pytest.mark.django_db
class TestLockBooks:
    def test_accounts_are_read_as_they_are_and_system_accounts_without_a_balance(self):
        account = make_account(balance=250, floor=-10)
        funding = system(account, "funding")

        with transaction.atomic():
            of = lock_books([account.pk, funding.pk, account.pk, 10**9])

        assert set(of.standings) == {account.pk, funding.pk}
        found = of.standings[account.pk]
        assert (found.balance, found.floor, found.held, found.state, found.kind) == (250, -10, 0, "open", "cash")
        assert found.owner_id == account.owner_id
        assert of.standings[funding.pk].balance is None

    def test_they_are_locked_in_one_statement_and_system_accounts_are_not(self):
        account = make_account(balance=1)
        ids = [system(account, "funding").pk, account.pk]

        with transaction.atomic(), CaptureQueriesContext(connection) as captured:
            lock_books(ids)

        assert len(captured) == 1
        assert captured[0]["sql"].count("FOR NO KEY UPDATE OF a") == (connection.vendor == "postgresql")

    def test_no_accounts_are_no_statement(self, django_assert_num_queries):
        with transaction.atomic(), django_assert_num_queries(0):
            assert lock_books([]).standings == {}

    def test_accounts_of_two_assets_never_meet(self):
        site = make_site()
        euros, dollars = make_account(make_user(site)), make_account(make_user(site), make_asset("USD"))

        with pytest.raises(CurrencyMismatch):
            post_bookings([booking_of(site.pk, Leg(system(euros, "funding").pk, dollars.pk, 1))])
