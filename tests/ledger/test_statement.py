"""The statement: every booking once, signed as the holder sees it, paged without gap, with what waits."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger import moving, settling
from ledger.balances import balance
from ledger.cash_accounts import cancel, perform
from ledger.models import Transfer
from ledger.statement import read_statement
from tests.factories import make_account
from tests.ledger.suspending import suspend

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
SAID = {"comment": "", "actor_id": "u-boss"}


@pytest.fixture
def holder(stopped_clock):
    return make_account(balance=500)


def pages(account, limit, **asked):
    """All entries, page by page."""
    entries, after = [], None
    while True:
        page = read_statement(account, after=after, limit=limit, **asked)
        assert len(page.entries) <= limit
        entries += page.entries
        if page.next is None:
            return entries
        after = page.next


def test_entries_are_signed_and_newest_first_with_the_balance(holder, stopped_clock):
    start = stopped_clock.now
    stopped_clock.advance(hours=1)
    moving.spend(holder, 120, comment="bought", actor_id="u-boss")
    stopped_clock.advance(hours=1)
    waiting = suspend(holder, "payout", 30, comment="later")

    statement = read_statement(holder)

    spent, granted = Transfer.objects.order_by("-id")
    assert statement.balance == 380
    assert statement.next is None
    assert [(e.number, e.type, e.instant, e.amount, e.comment, e.due_at, e.waits) for e in statement.entries] == [
        (-waiting.pk, "payout", waiting.due_at, -30, "later", waiting.due_at, True),
        (spent.pk, "spend", start + HOUR, -120, "bought", None, False),
        (granted.pk, "grant", start, 500, "opening balance", None, False),
    ]
    assert read_statement(holder, oldest_first=True).entries == statement.entries[::-1]


def test_a_booking_keeps_its_place_and_date_when_it_comes_due_and_when_it_is_posted(holder, stopped_clock):
    waiting = suspend(holder, "grant", 30, comment="a gift")
    stopped_clock.advance(hours=2)

    due = read_statement(holder)
    settling.sweep_due()
    posted = read_statement(holder)

    assert due.balance == posted.balance == 530
    assert next((e.number, e.waits) for e in due.entries) == (-waiting.pk, False)
    assert posted.entries[0].number == Transfer.objects.latest("id").pk
    kept = [(e.type, e.instant, e.amount, e.comment, e.due_at, e.waits) for e in due.entries]
    assert [(e.type, e.instant, e.amount, e.comment, e.due_at, e.waits) for e in posted.entries] == kept


def test_refused_and_cancelled_bookings_are_no_entries_before_and_after_they_are_judged(holder, stopped_clock):
    suspend(holder, "payout", 501)
    cancel(suspend(holder, "grant", 7), actor_id="u-boss", reason="oops")
    stopped_clock.advance(hours=2)

    before = read_statement(holder)
    settling.sweep_due()

    assert [e.amount for e in before.entries] == [500]
    assert read_statement(holder) == before


@pytest.mark.parametrize("oldest_first", [False, True])
@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_tell_every_entry_once_in_one_order(holder, stopped_clock, oldest_first, limit):
    for hours in (1, 2, 2, 9, 9, 9):
        suspend(holder, "grant", hours, due_at=stopped_clock.now + hours * HOUR)
    for number in range(4):
        perform(holder, "payout", 1 + number, **SAID)
        if number % 2:
            stopped_clock.advance(minutes=20)
    stopped_clock.advance(hours=1)
    settling.sweep_due()
    stopped_clock.advance(hours=1)  # Two have come due now, and nobody has posted them.

    entries = pages(holder, limit, oldest_first=oldest_first)

    assert len(entries) == len({e.number for e in entries}) == 11
    assert entries == sorted(entries, key=lambda e: e.place, reverse=not oldest_first)
    assert sum(e.amount for e in entries if not e.waits) == balance(holder) == 500 + 5 - 10
    assert sum(e.waits for e in entries) == 3


def test_a_page_goes_on_behind_what_has_been_posted_meanwhile(holder, stopped_clock):
    first, second = suspend(holder, "grant", 1), suspend(holder, "grant", 2)
    stopped_clock.advance(hours=1)
    page = read_statement(holder, limit=1)
    assert page.next == -second.pk
    settling.sweep_due()

    rest = pages(holder, 1, **{})
    after = read_statement(holder, after=page.next, limit=9)

    assert [e.amount for e in rest] == [2, 1, 500]
    assert [e.amount for e in after.entries] == [1, 500]
    assert first.pk < second.pk


def test_only_what_counts_from_an_instant_on(holder, stopped_clock):
    perform(holder, "payout", 1, **SAID)
    since = stopped_clock.advance(hours=1)
    perform(holder, "payout", 2, **SAID)
    suspend(holder, "payout", 3)

    assert [e.amount for e in read_statement(holder, since).entries] == [-3, -2]
    assert [e.amount for e in pages(holder, 1, since=since, oldest_first=True)] == [-2, -3]
    assert read_statement(holder, since + 9 * HOUR).entries == []


def test_a_number_of_another_account_begins_at_the_first_page(holder):
    other = make_account(balance=9)
    for number in (other.credits.get().pk, -suspend(other, "grant", 1).pk, 10**30, -(10**30), 0):
        assert [e.amount for e in read_statement(holder, after=number).entries] == [500]


def test_it_costs_the_same_however_long_it_is(holder, stopped_clock):
    def cost():
        with CaptureQueriesContext(connection) as queries:
            read_statement(holder, limit=3)
        return len(queries)

    suspend(holder, "grant", 1)
    short = cost()
    for _ in range(9):
        perform(holder, "payout", 1, **SAID)
        suspend(holder, "grant", 1)

    assert cost() == short
