"""The checks about suspended bookings: silent on what the platform did, and they name what somebody else changed."""

import pytest
from django.db import connection

from ledger import settling
from ledger.cash_accounts import cancel
from ledger.invariants import INVARIANTS
from tests.breaking import run, unguarded, violated, without_guards
from tests.factories import make_account
from tests.ledger.conftest import from_noon
from tests.ledger.suspending import suspend
from tests.scenes import scene

pytestmark = pytest.mark.django_db
POSTED = "(SELECT transaction_id FROM ledger_suspendedbooking WHERE state = 'posted')"
FUNDING = "(SELECT MIN(id) FROM ledger_ledgeraccount WHERE purpose = 'funding')"


def make_bookings(stopped_clock):
    """A customer with a suspended booking of each state."""
    account = make_account(balance=100)
    suspend(account, "payout", 40)
    suspend(account, "payout", 500)
    cancel(suspend(account, "grant", 7), actor_id="u-boss", reason="oops")
    stopped_clock.advance(hours=1)
    settling.sweep_due()
    suspend(account, "grant", 5)


suspended_unguarded_scene = scene("suspended_unguarded", without_guards(from_noon(make_bookings)))


@pytest.fixture(autouse=True)
def bookings(suspended_unguarded_scene, db, stopped_clock):
    _, stopped_clock.now = suspended_unguarded_scene()


def test_nothing_is_found_where_nothing_is_wrong():
    assert violated(INVARIANTS) == {}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE ledger_ledgeraccount SET due_at = NULL WHERE due_at IS NOT NULL", "due no later"),
        ("UPDATE ledger_ledgeraccount SET due_at = '2999-01-01 00:00:00' WHERE due_at IS NOT NULL", "due no later"),
        (f"UPDATE ledger_ledgeraccount SET due_at = '2001-01-01 00:00:00' WHERE id = {FUNDING}", "due no later"),
        ("UPDATE ledger_suspendedbooking SET transaction_id = NULL WHERE state = 'posted'", "if and only if"),
        ("UPDATE ledger_suspendedbooking SET state = 'refused' WHERE state = 'posted'", "if and only if"),
        ("UPDATE ledger_suspendedbooking SET amount = amount - 1 WHERE state = 'posted'", "moves what it says"),
        ("UPDATE ledger_suspendedbooking SET due_at = '2001-01-01 00:00:00' WHERE state = 'posted'", "as of its date"),
        ("UPDATE ledger_suspendedbooking SET type = 'correction' WHERE state = 'posted'", "moves what it says"),
        (f"UPDATE ledger_suspendedbooking SET system_account_id = {FUNDING}", "of its site and one asset"),
        ("UPDATE ledger_suspendedbooking SET account_id = system_account_id", "of its site and one asset"),
        ("UPDATE ledger_suspendedbooking SET ended_at = NULL WHERE state = 'cancelled'", "says when"),
        ("UPDATE ledger_suspendedbooking SET refusal = '' WHERE state = 'refused'", "says why"),
        (
            "UPDATE ledger_suspendedbooking SET ended_at = '2001-01-01 00:00:00' WHERE state = 'refused'",
            "before its date",
        ),
    ],
)
def test_what_was_changed_past_the_deeds_is_named(statement, name):
    with unguarded():
        assert run(statement) > 0
        found = violated(INVARIANTS)

    assert any(name in each for each in found), found
    assert violated(INVARIANTS) == {}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite cannot drop the unique key of a column")
def test_a_transaction_of_two_bookings_is_named():
    with unguarded():
        run(f"UPDATE ledger_suspendedbooking SET transaction_id = {POSTED} WHERE state = 'refused'")

        assert any("one suspended booking" in name for name in violated(INVARIANTS))
