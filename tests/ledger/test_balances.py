"""Balances and the value of batches, now and as of any instant."""

import datetime as dt

import pytest

from ledger import balances, opening
from ledger.balances import BatchValue
from ledger.books import Leg
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import booking_of, post_bookings, system

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
MOMENT = dt.timedelta(microseconds=1)


def at(minutes):
    return NOON + dt.timedelta(minutes=minutes)


def book(debit, credit, amount, when, batch_number=None):
    post_bookings([booking_of(debit.site_id, Leg(debit.pk, credit.pk, amount, batch_number))], when)


def test_a_balance_as_of_an_instant_counts_what_was_booked_up_to_that_very_instant():
    account = make_account()
    funding, external = system(account, "funding"), system(account, "external")
    book(funding, account, 500, at(0))
    book(account, external, 200, at(10))
    book(funding, account, 7, at(20))

    for instant, expected in (
        (at(0) - MOMENT, 0),
        (at(0), 500),
        (at(10) - MOMENT, 500),
        (at(10), 300),
        (at(20) - MOMENT, 300),
        (at(20), 307),
        (at(9_999), 307),
    ):
        assert balances.balance(account, as_of=instant) == expected, instant
        assert (
            balances.balance(account, as_of=instant)
            + balances.balance(funding, as_of=instant)
            + balances.balance(external, as_of=instant)
            == 0
        )
    assert balances.balance(account) == 307
    assert balances.balance(funding) == -507
    assert balances.balance(external) == 200


def test_a_balance_is_read_anew_and_not_remembered():
    account = make_account()
    book(system(account, "funding"), account, 500, at(0))

    assert account.balance == 0
    assert balances.balance(account) == 500


def test_a_statement_lists_transfers_of_both_sides_oldest_first():
    account = make_account()
    funding, external = system(account, "funding"), system(account, "external")
    book(funding, account, 500, at(0))
    book(account, external, 200, at(10))

    assert [t.amount for t in balances.transfers_of(account)] == [500, 200]
    assert [t.amount for t in balances.transfers_of(account, at(5))] == [500]
    assert [t.amount for t in balances.transfers_of(external)] == [200]


class TestBatchValue:
    def test_where_the_value_of_a_batch_is_at_every_instant_of_its_life(self):
        site = make_site()
        claimant = make_account(make_user(site))
        asset = claimant.asset
        outstanding = opening.outstanding_account(site.pk, asset, 77)
        accounts = opening.system_accounts(site.pk, asset)
        life = (  # From, to, how much, and then: issued, outstanding, redeemed, expired, voided.
            (accounts["funding"], outstanding, 1_000, (1_000, 1_000, 0, 0, 0)),
            (outstanding, claimant, 300, (1_000, 700, 300, 0, 0)),
            (outstanding, accounts["external"], 50, (1_000, 650, 350, 0, 0)),
            (claimant, outstanding, 100, (1_000, 750, 250, 0, 0)),
            (claimant, accounts["voided"], 60, (1_000, 750, 190, 0, 60)),
            (outstanding, accounts["expired"], 700, (1_000, 50, 190, 700, 60)),
            (accounts["expired"], outstanding, 200, (1_000, 250, 190, 500, 60)),
            (accounts["funding"], outstanding, 5, (1_005, 255, 190, 500, 60)),
        )
        for minute, (debit, credit, amount, _) in enumerate(life):
            book(debit, credit, amount, at(minute), batch_number=77)
        book(claimant, accounts["external"], 20, at(99))  # Spent: no longer the batch's business.

        assert balances.batch_value(77, as_of=at(0) - MOMENT) == []
        for minute, (*_, expected) in enumerate(life):
            for instant in (at(minute), at(minute + 1) - MOMENT):
                [value] = balances.batch_value(77, as_of=instant)
                assert value == BatchValue(asset.pk, *expected)
                assert value.issued == value.outstanding + value.redeemed + value.expired + value.voided
        assert balances.batch_value(77) == [BatchValue(asset.pk, *life[-1][-1])]
        assert balances.balance(outstanding) == 255

    def test_each_asset_of_a_batch_has_a_line_of_its_own_and_other_batches_none(self):
        site = make_site()
        for asset, amount in ((make_asset("EUR"), 10), (make_asset("USD"), 20)):
            for number in (1, 2):
                outstanding = opening.outstanding_account(site.pk, asset, number)
                book(opening.system_accounts(site.pk, asset)["funding"], outstanding, amount, at(0), number)

        assert sorted(value.issued for value in balances.batch_value(1)) == [10, 20]
        assert balances.batch_value(3) == []

    def test_reading_costs_two_statements(self, django_assert_num_queries):
        with django_assert_num_queries(2):  # The last sums, and the transfers since.
            balances.batch_value(1)
