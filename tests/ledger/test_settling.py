"""Suspended bookings count from their date on: whoever locks the account posts them, and readings count them before."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes.refusals import Refusal
from codes.reversing import ReverseRedemption, reverse
from ledger import balances, cash_accounts, moving, settling
from ledger.invariants import INVARIANTS
from ledger.models import LedgerAccount, LedgerTransaction, SuspendedBooking, Transfer
from ledger.refusals import InsufficientBalance
from tests.breaking import violated
from tests.codes.redeeming import redeem
from tests.factories import caller_of, make_account, make_claimant, make_code
from tests.ledger.bookings import balance_of, system
from tests.ledger.suspending import suspend

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def holder(stopped_clock):
    """An account that holds 500."""
    return make_account(balance=500)


def test_before_its_date_a_booking_counts_nowhere(holder, stopped_clock):
    booking = suspend(holder, "payout", 200)
    stopped_clock.advance(minutes=59)

    assert settling.sweep_due() == 0
    assert (balances.balance(holder), balance_of(holder)) == (500, 500)
    assert balances.balance(system(holder, "external")) == 0
    moving.spend(holder, 400, comment="", actor_id="u-boss")  # It holds nothing back either.
    booking.refresh_from_db()
    assert booking.state == "waiting"


def test_from_its_date_on_it_counts_though_nobody_has_posted_it(holder, stopped_clock):
    suspend(holder, "payout", 200)
    due = stopped_clock.advance(hours=1)
    stopped_clock.advance(hours=1)

    assert balance_of(holder) == 500
    for as_of, there in ((None, 300), (due, 300), (due - dt.timedelta(microseconds=1), 500), (due + HOUR / 2, 300)):
        assert balances.balance(holder, as_of) == there
        assert balances.balance(system(holder, "external"), as_of) == 500 - there


def test_posting_changes_no_reading_and_books_it_as_of_its_date(holder, stopped_clock):
    booking = suspend(holder, "grant", 70, comment="A gift", reference="T-1")
    due = stopped_clock.advance(hours=1)
    later = stopped_clock.advance(hours=3)
    instants = [None, due - HOUR / 2, due, due + HOUR, later]
    before = [balances.balance(account, at) for account in (holder, system(holder, "funding")) for at in instants]

    assert settling.sweep_due() == 1

    after = [balances.balance(account, at) for account in (holder, system(holder, "funding")) for at in instants]
    assert after == before
    booking.refresh_from_db()
    assert (booking.state, booking.ended_at) == ("posted", later)
    posted = booking.transaction
    assert (posted.type, posted.comment, posted.reference, posted.booked_at) == ("grant", "A gift", "T-1", due)
    assert posted.transfers.get().booked_at == due
    assert LedgerAccount.objects.get(pk=holder.pk).due_at is None
    assert settling.sweep_due() == 0
    assert violated(INVARIANTS) == {}


def test_an_instant_still_to_come_is_read_as_now(holder, stopped_clock):
    suspend(holder, "payout", 200)

    assert balances.balance(holder, stopped_clock.now + 5 * HOUR) == 500


def test_what_the_account_does_not_permit_on_its_date_is_refused_and_kept(holder, stopped_clock):
    first, second, third = (suspend(holder, "payout", amount) for amount in (300, 300, 200))
    closed = make_account(balance=10)
    gift = suspend(closed, "grant", 5)
    cash_accounts.change_account(closed, state="closed", actor_id="u-boss", reason="gone")
    stopped_clock.advance(hours=2)
    read = (balances.balance(holder), balances.balance(closed))

    assert settling.sweep_due() == 4

    assert read == (balance_of(holder), balance_of(closed)) == (0, 10)
    ended = {b.pk: (b.state, b.refusal, b.transaction_id is None) for b in SuspendedBooking.objects.all()}
    assert ended == {
        first.pk: ("posted", "", False),
        second.pk: ("refused", "insufficient_balance", True),
        third.pk: ("posted", "", False),
        gift.pk: ("refused", "account_locked", True),
    }


def test_a_balance_that_no_longer_fits_is_refused_and_blocks_nothing(holder, stopped_clock):
    suspend(holder, "grant", 10**15)
    stopped_clock.advance(hours=2)

    moving.grant(holder, 1, comment="", actor_id="u-boss")

    assert balance_of(holder) == 501
    assert SuspendedBooking.objects.get().refusal == settling.TOO_LARGE


def test_a_deed_is_judged_after_what_has_come_due(holder, stopped_clock):
    suspend(holder, "payout", 450)
    stopped_clock.advance(hours=1)

    with pytest.raises(InsufficientBalance):
        moving.spend(holder, 100, comment="", actor_id="u-boss")
    moving.spend(holder, 50, comment="", actor_id="u-boss")

    assert (balance_of(holder), balances.balance(holder)) == (0, 0)
    assert list(LedgerTransaction.objects.order_by("booked_at").values_list("type", flat=True)) == [
        *("grant", "payout", "spend")
    ]


def test_a_redemption_settles_and_its_receipt_tells_the_balance_with_it(stopped_clock):
    claimant = make_claimant(balance=100)
    account = claimant.ledger_accounts.get()
    suspend(account, "grant", 40)
    stopped_clock.advance(hours=1)
    make_code(claimant.site, "TOP-UP-01", worth_cents=500)

    outcome = redeem(claimant, "TOP-UP-01")

    assert outcome.attempt.result["balance_after"] == "6.40"
    assert balance_of(account) == 640
    assert Transfer.objects.filter(credit_account=account).order_by("id").values_list("amount", flat=True)[1] == 40


def test_a_redemption_of_an_account_on_which_nothing_is_due_costs_no_statement_more(stopped_clock):
    costs = []
    for waits in (False, True):
        claimant = make_claimant(balance=100)
        if waits:
            suspend(claimant.ledger_accounts.get(), "grant", 40, due_at=stopped_clock.now + 48 * HOUR)
        make_code(claimant.site, f"TOP-UP-{waits}", worth_cents=500)
        redeem(claimant, "WARM-UP")
        with CaptureQueriesContext(
            connection,
        ) as queries:
            redeem(claimant, f"TOP-UP-{waits}")
        assert not any("suspended" in query["sql"] for query in queries.captured_queries)
        costs.append(len(queries))

    assert costs[0] == costs[1]


def test_a_reversal_is_judged_after_what_has_come_due(stopped_clock):
    claimant = make_claimant(balance=0)
    account = claimant.ledger_accounts.get()
    make_code(claimant.site, "TOP-UP-01", worth_cents=500)
    attempt = redeem(claimant, "TOP-UP-01").attempt
    suspend(account, "payout", 100)
    stopped_clock.advance(hours=1)

    with pytest.raises(Refusal) as refused:
        reverse(ReverseRedemption(caller_of(claimant), attempt.pk, "by mistake"))

    assert refused.value.reason == "insufficient_balance"
    assert balances.balance(account) == 400


def test_settling_costs_the_same_for_one_booking_and_for_many(stopped_clock):
    def cost(accounts, bookings):
        for account in [make_account(balance=100) for _ in range(accounts)]:
            for _ in range(bookings):
                suspend(account, "payout", 1)
        stopped_clock.advance(hours=2)
        with CaptureQueriesContext(connection) as queries:
            assert settling.sweep_some() == (accounts, accounts * bookings)
        return len(queries)

    assert cost(1, 1) == cost(6, 4)


def test_the_next_date_is_known_after_each_posting(holder, stopped_clock):
    dates = [stopped_clock.now + hours * HOUR for hours in (3, 1, 2)]
    for date in dates:
        suspend(holder, "payout", 10, due_at=date)

    known = []
    for _ in range(4):
        known.append(LedgerAccount.objects.get(pk=holder.pk).due_at)
        stopped_clock.advance(hours=1)
        settling.sweep_due()

    assert known == [*sorted(dates), None]
