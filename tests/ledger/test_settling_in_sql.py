"""Suspended bookings against raw SQL: what they say, how they end and when their account is due is held by the database."""

import datetime as dt

import pytest
from django.db import connection

from ledger.models import LedgerAccount, SuspendedBooking
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import insert_raw, refuse, run, system
from tests.ledger.suspending import suspend

pytestmark = pytest.mark.django_db
LATER = dt.timedelta(hours=2)


def update(booking, **fields):
    return SuspendedBooking.objects.filter(pk=booking.pk).update(**fields)


@pytest.fixture
def booking(account):
    return suspend(account, "payout", 30)


def test_what_it_says_never_changes(booking, account):
    other = make_account(make_user(account.site))
    for change in (
        {"amount": -31},
        {"type": "correction"},
        {"comment": "other"},
        {"reference": "other"},
        {"due_at": booking.due_at + LATER},
        {"created_at": booking.created_at - LATER},
        {"actor_id": "somebody"},
        {"account": other},
        {"system_account": system(account, "funding")},
        {"site": make_site()},
    ):
        refuse(update, booking, **change, match="never changes what it says")


def test_it_is_never_deleted(booking):
    refuse(run, "DELETE FROM ledger_suspendedbooking WHERE id = %s", booking.pk, match="never deleted")
    if connection.vendor == "postgresql":
        connection.check_constraints()  # Those of the rows just made wait for the commit, and keep TRUNCATE waiting.
        refuse(run, "TRUNCATE ledger_suspendedbooking", match="never deleted")


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "posted"},
        {"state": "posted", "ended_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
        {"state": "refused", "ended_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
        {"state": "refused", "refusal": "account_locked"},
        {"state": "cancelled"},
        {"state": "cancelled", "ended_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC), "refusal": "no"},
        {"state": "gone", "ended_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
        {"ended_at": dt.datetime(2030, 1, 1, tzinfo=dt.UTC)},
    ],
)
def test_it_ends_in_one_of_three_ways_and_wholly(booking, fields):
    refuse(update, booking, **fields, match=r"(?i)check|posted as it says")


def test_it_is_posted_by_the_very_transfer_that_it_says(booking, account):
    funding, external = system(account, "funding"), system(account, "external")
    ended = {"state": "posted", "ended_at": booking.due_at}
    for legs in (
        [(account.pk, external.pk, 31)],
        [(external.pk, account.pk, 30)],
        [(account.pk, funding.pk, 30)],
        [(account.pk, external.pk, 30)],  # Of another type and another instant.
        [(account.pk, external.pk, 30), (account.pk, external.pk, 1)],
    ):
        identity = insert_raw(account.site_id, *legs)
        refuse(update, booking, **ended, transaction_id=identity, match="posted as it says")


def test_it_ends_once(booking):
    update(booking, state="cancelled", ended_at=booking.due_at)

    for change in ({"state": "waiting", "ended_at": None}, {"refusal": "no"}, {"ended_at": booking.due_at + LATER}):
        refuse(update, booking, **change, match="ends once")


def test_it_begins_as_one_that_waits_for_accounts_that_fit(booking, account):
    def copied(**fields):
        row = SuspendedBooking.objects.get(pk=booking.pk)
        row.pk = None
        for name, value in fields.items():
            setattr(row, name, value)
        row.save(force_insert=True)

    elsewhere = make_account()
    points = make_account(account.owner, make_asset("PTS"))
    for fields, match in (
        ({"state": "cancelled", "ended_at": booking.due_at}, "begins"),
        ({"account": elsewhere}, "joins"),
        ({"account": points}, "joins"),
        ({"system_account": system(account, "funding")}, "joins"),
        ({"system_account": system(elsewhere, "external")}, "joins"),
        ({"system_account": account}, "joins"),
        ({"account": system(account, "funding")}, "joins"),
        ({"account_id": 10**9}, "joins"),
        ({"amount": 30}, r"(?i)check"),
        ({"amount": 0}, r"(?i)check"),
        ({"amount": -(10**15) - 1}, r"(?i)check"),
        ({"type": "spend"}, r"(?i)check|joins"),
        ({"due_at": booking.created_at}, r"(?i)check"),
    ):
        refuse(copied, **fields, match=match)
    copied(amount=-1)  # And one that fits is taken.


def test_an_account_is_due_no_later_than_what_waits_for_it(booking, account):
    def due(at):
        return LedgerAccount.objects.filter(pk=account.pk).update(due_at=at)

    refuse(due, None, match="due no later")
    refuse(due, booking.due_at + dt.timedelta(microseconds=1), match="due no later")
    due(booking.due_at - LATER)
    due(booking.due_at)
    suspend(account, "grant", 1, due_at=booking.due_at - LATER / 4)
    assert LedgerAccount.objects.get(pk=account.pk).due_at == booking.due_at - LATER / 4

    funding = LedgerAccount.objects.filter(pk=system(account, "funding").pk)
    refuse(funding.update, due_at=booking.due_at, match="due no later")
