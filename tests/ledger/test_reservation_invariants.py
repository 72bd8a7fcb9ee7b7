"""The checks about reservations and spendings: silent on what the platform did, and they name what somebody else changed."""

import pytest
from django.db import connection

from ledger import points
from ledger.invariants import INVARIANTS
from tests.breaking import run, unguarded, violated, without_guards
from tests.factories import make_site
from tests.ledger.conftest import from_noon
from tests.ledger.membership import CALLER, make_household, make_member, redeem, reserve
from tests.scenes import scene

pytestmark = pytest.mark.django_db
OPEN = "(SELECT MIN(id) FROM ledger_accounthold WHERE ended_as = '')"
TAKEN = "(SELECT MIN(id) FROM ledger_accounthold WHERE ended_as = 'consumed')"
CONSUMED = "(SELECT transaction_id FROM ledger_reservation WHERE ended_as = 'consumed' AND kind = 'points')"
OTHER_SITE = "(SELECT MAX(id) FROM accounts_site)"


def make_reservations(stopped_clock):
    """Two members with a reservation of each ending, one of them redeemed and one voided."""
    members = make_household({"A": 600, "B": 400})
    reserve(members["A"], 100, seconds=60)
    points.cancel_points(members["A"], reserve(members["A"], 50))
    voided = redeem(members["B"], reserve(members["B"], 20))
    points.void_spending(members["B"], str(voided.transaction_id), caller=CALLER, adjustment_days=30)
    token = reserve(members["A"], 200)
    points.reduce_points(members["A"], token, 150)
    stopped_clock.advance(seconds=60)
    redeem(members["A"], token)
    reserve(members["A"], 10)
    make_member(make_site(), "elsewhere", 5)


reserved_unguarded_scene = scene("reserved_unguarded", without_guards(from_noon(make_reservations)))


@pytest.fixture(autouse=True)
def reservations(reserved_unguarded_scene, db, stopped_clock):
    _, stopped_clock.now = reserved_unguarded_scene()


def test_nothing_is_found_where_nothing_is_wrong():
    assert violated(INVARIANTS) == {}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE ledger_ledgeraccount SET held = held + 1 WHERE owner_id IS NOT NULL", "sum of its open holds"),
        (f"UPDATE ledger_accounthold SET amount = amount - 1 WHERE id = {OPEN}", "sum of its open holds"),
        (f"DELETE FROM ledger_accounthold WHERE id = {OPEN}", "sum of its open holds"),
        (f"DELETE FROM ledger_accounthold WHERE id = {TAKEN}", "one transfer of each consumed hold"),
        (f"UPDATE ledger_accounthold SET amount = amount - 1 WHERE id = {TAKEN}", "one transfer of each consumed hold"),
        (
            "UPDATE ledger_transfer SET amount = amount + 1 WHERE transaction_id IN "
            "(SELECT transaction_id FROM ledger_accounthold WHERE transaction_id IS NOT NULL)",
            "one transfer of each consumed hold",
        ),
        (
            f"UPDATE ledger_accounthold SET ended_as = 'released', transaction_id = NULL WHERE id = {TAKEN}",
            "one transfer of each consumed hold",
        ),
        (f"UPDATE ledger_accounthold SET transaction_id = NULL WHERE id = {TAKEN}", "consumed only by the transaction"),
        (
            "UPDATE ledger_reservation SET ended_as = 'released', ended_at = created_at WHERE ended_as = ''",
            "open only while its reservation is",
        ),
        (
            "UPDATE ledger_reservation SET ended_as = 'released' WHERE ended_as = 'consumed'",
            "consumed by a transaction that spends",
        ),
        (
            "UPDATE ledger_ledgertransaction SET type = 'payout' WHERE type = 'spend'",
            "consumed by a transaction that spends",
        ),
        ("UPDATE ledger_reservation SET ended_at = NULL", "say when"),
        ("UPDATE ledger_accounthold SET ended_at = expires_at WHERE ended_as = 'released'", "only the expired end at"),
        ("UPDATE ledger_ledgeraccount SET due_at = NULL", "no later than its first open hold"),
        ("UPDATE ledger_ledgeraccount SET due_at = '2999-01-01 00:00:00'", "no later than its first open hold"),
        ("UPDATE ledger_accounthold SET original_amount = 0", "whole amount from 1"),
        (f"UPDATE ledger_accounthold SET amount = 0 WHERE id = {OPEN}", "whole amount from 1"),
        ("UPDATE ledger_accounthold SET expires_at = '2999-01-01 00:00:00'", "expires with it"),
        (
            "UPDATE ledger_accounthold SET account_id = (SELECT MAX(id) FROM ledger_ledgeraccount "
            f"WHERE owner_id IS NOT NULL) WHERE id = {OPEN}",
            "of the site and kind of its reservation",
        ),
        (f"UPDATE ledger_reservation SET site_id = {OTHER_SITE}", "user and household of their site"),
        (f"UPDATE ledger_spending SET site_id = {OTHER_SITE}", "user and household of their site"),
        (f"UPDATE accounts_household SET site_id = {OTHER_SITE}", "user and household of their site"),
        ("UPDATE ledger_spending SET owner_id = (SELECT MAX(id) FROM accounts_user)", "tells of a transaction"),
        ("DELETE FROM ledger_spending", "only with a word"),
        ("DELETE FROM ledger_spending", "a void takes back"),
    ],
)
def test_what_was_changed_past_the_deeds_is_named(statement, name):
    with unguarded():
        assert run(statement) > 0
        found = violated(INVARIANTS)

    assert any(name in each for each in found), found
    assert violated(INVARIANTS) == {}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL stores nothing else in a bigint")
def test_a_hold_that_is_no_whole_number_is_named():
    with unguarded():
        run(f"UPDATE ledger_accounthold SET amount = 1.5 WHERE id = {OPEN}")

        assert any("whole amount" in name for name in violated(INVARIANTS))
