"""The checks about value: silent on what the platform booked, and they name what somebody else changed."""

import pytest
from django.db import connection

from ledger import moving
from ledger.books import Leg
from ledger.invariants import INVARIANTS
from ledger.moving import reversing_legs
from tests.breaking import run, unguarded, violated, without_guards
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import booking_of, insert_raw, post_bookings, post_grants, system
from tests.scenes import scene

pytestmark = pytest.mark.django_db

NEWEST = "(SELECT MAX(id) FROM ledger_transfer)"
A_CUSTOMERS = "(SELECT MIN(id) FROM ledger_ledgeraccount WHERE owner_id IS NOT NULL)"


def make_customer():
    """A customer of a site that has seen every kind of booking."""
    site = make_site()
    account = make_account(make_user(site), balance=1_000)
    make_account(make_user(site), make_asset("PTS"), balance=7)
    make_account(make_user(site), balance=-50, floor=-20)
    make_account()
    [granted] = post_grants(account, [300])
    back = booking_of(site.pk, *reversing_legs(granted.id), type_="reversal", reverses_id=granted.id)
    post_bookings([back])
    spent = moving.spend(account, 200, comment="", actor_id="system")
    refund = Leg(system(account, "funding").pk, account.pk, 150)
    post_bookings([booking_of(site.pk, refund, type_="refund", reverses_id=spent.pk)])
    return account


booked_unguarded_scene = scene("booked_unguarded", without_guards(make_customer))


@pytest.fixture
def account(booked_unguarded_scene, db):
    return booked_unguarded_scene()


def test_nothing_is_found_where_nothing_is_wrong(account):
    assert violated(INVARIANTS) == {}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE ledger_ledgeraccount SET balance = balance + 1 WHERE owner_id IS NOT NULL", "is the sum of"),
        ("UPDATE ledger_ledgeraccount SET booked_through = 0 WHERE owner_id IS NOT NULL", "is the sum of"),
        (f"UPDATE ledger_transfer SET amount = amount + 1 WHERE id = {NEWEST}", "is the sum of"),
        (f"DELETE FROM ledger_transfer WHERE id = {NEWEST}", "is the sum of"),
        (f"DELETE FROM ledger_transfer WHERE id = {NEWEST}", "moves something"),
        (f"UPDATE ledger_transfer SET booked_at = '2001-01-01 00:00:00' WHERE id = {NEWEST}", "one instant"),
        (f"UPDATE ledger_transfer SET amount = 0 WHERE id = {NEWEST}", "whole numbers"),
        (f"UPDATE ledger_transfer SET amount = -amount WHERE id = {NEWEST}", "whole numbers"),
        ("UPDATE ledger_ledgeraccount SET balance = 2000000000000000 WHERE owner_id IS NOT NULL", "whole numbers"),
        (f"UPDATE ledger_transfer SET debit_account_id = credit_account_id WHERE id = {NEWEST}", "two accounts of one"),
        (
            "UPDATE ledger_ledgeraccount SET asset_id = (SELECT id FROM ledger_asset WHERE code = 'PTS') "
            f"WHERE id = {A_CUSTOMERS}",
            "two accounts of one asset",
        ),
        (
            f"UPDATE ledger_ledgeraccount SET site_id = (SELECT MAX(id) FROM accounts_site) WHERE id = {A_CUSTOMERS}",
            "at the site of its transaction",
        ),
        (
            "UPDATE ledger_ledgertransaction SET site_id = (SELECT MAX(id) FROM accounts_site)",
            "at the site of its transaction",
        ),
        ("UPDATE ledger_ledgeraccount SET balance = 5 WHERE purpose = 'funding'", "a system account stores no balance"),
        ("UPDATE ledger_ledgertransaction SET reverses_id = NULL WHERE type = 'reversal'", "points at an earlier"),
        ("UPDATE ledger_ledgertransaction SET type = 'grant' WHERE type = 'reversal'", "points at an earlier"),
        (
            "UPDATE ledger_ledgertransaction SET booked_at = '2001-01-01 00:00:00' WHERE type = 'reversal'",
            "points at an earlier",
        ),
        (
            "UPDATE ledger_transfer SET amount = amount - 1 "
            "WHERE transaction_id = (SELECT id FROM ledger_ledgertransaction WHERE type = 'reversal')",
            "takes from each customer exactly",
        ),
        (
            "UPDATE ledger_transfer SET amount = 201 "
            "WHERE transaction_id = (SELECT id FROM ledger_ledgertransaction WHERE type = 'refund')",
            "gives back no more",
        ),
        (
            "UPDATE ledger_transfer SET credit_account_id = "
            "(SELECT MAX(id) FROM ledger_ledgeraccount WHERE owner_id IS NOT NULL) "
            "WHERE transaction_id = (SELECT id FROM ledger_ledgertransaction WHERE type = 'refund')",
            "to nobody else",
        ),
        ("UPDATE ledger_ledgeraccount SET held = 1 WHERE owner_id IS NOT NULL", "holds back"),
    ],
)
def test_what_was_changed_past_the_deeds_is_named(account, statement, name):
    with unguarded():
        assert run(statement) > 0
        found = violated(INVARIANTS)

    assert any(name in each for each in found), found
    assert violated(INVARIANTS) == {}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot drop the unique key of a column")
def test_a_booking_reversed_twice_is_named(account):
    [first] = post_grants(account, [10])
    funding = system(account, "funding")
    with unguarded():
        for _ in range(2):
            insert_raw(account.site_id, (account.pk, funding.pk, 10), reverses_id=first.id)

        assert any("once at most" in name for name in violated(INVARIANTS))


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL stores nothing else in a bigint")
def test_an_amount_that_is_no_whole_number_is_named(account):
    with unguarded():
        run(f"UPDATE ledger_transfer SET amount = 1.5 WHERE id = {NEWEST}")

        assert any("whole numbers" in name for name in violated(INVARIANTS))
