"""Cash accounts: opened once, changed and closed with a reason, booked on by hand; refusals move nothing."""

import datetime as dt

import pytest

from accounts import clock
from accounts.models import AuditRecord, User
from ledger import balances, cash_accounts
from ledger.cash_accounts import (
    AccountExists,
    AccountNotEmpty,
    NotWaiting,
    cancel,
    change_account,
    close_empty_account,
    open_cash_account,
    perform,
)
from ledger.models import LedgerAccount, LedgerTransaction, SuspendedBooking, Transfer
from ledger.refusals import AccountLocked, InsufficientBalance
from tests.factories import make_account, make_asset, make_user
from tests.ledger.bookings import balance_of, system
from tests.ledger.suspending import suspend

pytestmark = pytest.mark.django_db
SAID = {"comment": "for you", "actor_id": "u-boss"}
WHY = {"actor_id": "u-boss", "reason": "agreed"}
HOUR = dt.timedelta(hours=1)


def everything():
    return (
        list(LedgerAccount.objects.order_by("id").values_list("id", "balance", "state", "floor", "due_at")),
        Transfer.objects.count(),
        LedgerTransaction.objects.count(),
        list(SuspendedBooking.objects.order_by("id").values_list("id", "state")),
        AuditRecord.objects.count(),
    )


def test_an_account_is_opened_once_and_audited():
    user, euro = make_user(), make_asset("EUR")

    account = open_cash_account(user, euro, floor=-500, actor_id="u-boss", reason="asked")

    assert (account.kind, account.asset, account.floor, account.balance, account.state) == (
        "cash",
        euro,
        -500,
        0,
        "open",
    )
    [row] = AuditRecord.objects.filter(action="account.open")
    assert (row.object_id, row.detail) == (str(account.pk), {"asset": "EUR", "floor": -500, "reason": "asked"})
    before = everything()
    for asset in (euro, make_asset("USD")):  # Its asset never changes either.
        with pytest.raises(AccountExists):
            open_cash_account(user, asset, actor_id="u-boss")
    assert everything() == before


def test_what_cannot_be_opened():
    staff = User.objects.create_user(None, "staff@example.test", None, is_staff=True)
    user, before = make_user(), everything()
    for owner, asset, floor in (
        (staff, make_asset("EUR"), 0),
        (user, make_asset("PTS"), 0),
        (user, make_asset("EUR"), 10**15 + 1),
    ):
        with pytest.raises(ValueError, match=r"\."):
            open_cash_account(owner, asset, floor=floor, actor_id="u-boss")
    assert everything() == before


@pytest.mark.parametrize(
    ("type_", "change", "other"),
    [("grant", 40, "funding"), ("payout", -40, "external"), ("correction", -40, "funding")],
)
def test_booking_by_hand(type_, change, other):
    account = make_account(balance=100)
    there = balances.balance(system(account, other))

    booked = perform(account, type_, 40, **SAID, internal_comment="by phone")

    assert balance_of(account) == 100 + change
    assert balances.balance(system(account, other)) == there - change
    assert (booked.type, booked.comment) == (type_, "for you")
    row = AuditRecord.objects.order_by("id").last()
    assert row.action == f"ledger.{type_}"
    assert row.detail == {"amount": change, "transaction": str(booked.pk), "internal_comment": "by phone"}
    assert "by phone" not in str(list(LedgerTransaction.objects.values()))


def test_a_date_that_has_passed_books_at_once():
    account = make_account(balance=100)

    booked = perform(account, "payout", 40, **SAID, due_at=clock.read() - HOUR)

    assert isinstance(booked, LedgerTransaction)
    assert balance_of(account) == 60
    assert not SuspendedBooking.objects.exists()


@pytest.mark.parametrize(
    ("type_", "amount", "fields", "error"),
    [
        ("payout", 101, {}, InsufficientBalance),
        ("correction", 101, {}, InsufficientBalance),
        ("payout", 1, {"floor": 100}, InsufficientBalance),
        ("grant", 1, {"floor": 102}, InsufficientBalance),
        ("payout", 1, {"state": "credit_only"}, AccountLocked),
        ("grant", 1, {"state": "closed"}, AccountLocked),
        ("grant", 0, {}, ValueError),
        ("grant", -5, {}, ValueError),
        ("grant", 10**15 + 1, {}, ValueError),
        ("grant", 10**15, {}, ValueError),
        ("credit", 1, {}, ValueError),
        ("spend", 1, {}, ValueError),
    ],
)
def test_what_is_refused_moves_nothing(type_, amount, fields, error):
    account = make_account(balance=100, **fields)
    before = everything()

    with pytest.raises(error):
        perform(account, type_, amount, **SAID)

    assert everything() == before


def test_a_closed_account_takes_no_suspended_booking_either():
    account = make_account(balance=100, state="closed")
    before = everything()

    with pytest.raises(AccountLocked):
        suspend(account, "grant", 1)

    assert everything() == before


@pytest.mark.parametrize("due_at", [None, dt.datetime(2099, 1, 1, tzinfo=dt.UTC)])
def test_what_was_booked_under_a_reference_is_not_booked_again(due_at):
    account, other = make_account(balance=100), make_account(balance=100)
    first = perform(account, "payout", 40, **SAID, reference="desk 7", due_at=due_at)
    before = everything()

    assert perform(account, "payout", 40, **SAID, reference="desk 7", due_at=due_at) == first
    assert everything() == before
    assert perform(other, "payout", 40, **SAID, reference="desk 7", due_at=due_at) != first


def test_a_change_says_what_it_changed_and_settles_before(stopped_clock):
    account = make_account(balance=100)
    suspend(account, "payout", 60)
    stopped_clock.advance(hours=2)

    changed = change_account(account, state="credit_only", floor=90, **WHY)

    # It came due while the account was open and without a minimum.
    assert (changed.state, changed.floor, changed.balance) == ("credit_only", 90, 40)
    row = AuditRecord.objects.get(action="account.change")
    assert row.detail == {"state": ["open", "credit_only"], "floor": [0, 90], "reason": "agreed"}
    assert change_account(account, **WHY).floor == 90
    assert change_account(account, state="open", **WHY).floor == 90


@pytest.mark.parametrize("fields", [{"state": "ajar"}, {"floor": 10**15 + 1}, {"floor": -(10**15) - 1}])
def test_a_change_to_what_cannot_be_changes_nothing(fields):
    account = make_account()
    before = everything()

    with pytest.raises(ValueError, match=r"\."):
        change_account(account, **fields, **WHY)

    assert everything() == before


def test_only_an_empty_account_for_which_nothing_waits_is_closed_as_empty(stopped_clock):
    account = make_account(balance=100)
    before = everything()
    with pytest.raises(AccountNotEmpty):
        close_empty_account(account, **WHY)
    assert everything() == before

    perform(account, "payout", 100, **SAID)
    waiting = suspend(account, "grant", 5)
    with pytest.raises(AccountNotEmpty):
        close_empty_account(account, **WHY)
    stopped_clock.advance(hours=1)
    with pytest.raises(AccountNotEmpty):  # It has come due meanwhile, and counts.
        close_empty_account(account, **WHY)
    waiting.refresh_from_db()
    assert waiting.state == "waiting"
    perform(account, "payout", 5, **SAID)

    assert close_empty_account(account, **WHY).state == "closed"


def test_a_waiting_booking_is_cancelled_once_and_never_counts(stopped_clock):
    account = make_account(balance=100)
    first, second = suspend(account, "payout", 40), suspend(account, "payout", 30)

    cancel(first, **WHY)

    first.refresh_from_db()
    assert (first.state, first.transaction_id, first.ended_at) == ("cancelled", None, stopped_clock.now)
    [row] = AuditRecord.objects.filter(action="account.cancel_booking")
    assert row.detail == {"suspended_booking": first.pk, "amount": -40, "reason": "agreed"}
    before = everything()
    with pytest.raises(NotWaiting):
        cancel(first, **WHY)
    assert everything() == before
    cancel(second, **WHY)
    assert LedgerAccount.objects.get(pk=account.pk).due_at is None
    stopped_clock.advance(hours=5)
    assert balances.balance(account) == 100


def test_what_has_come_due_cannot_be_cancelled_any_more(stopped_clock):
    account = make_account(balance=100)
    waiting = suspend(account, "payout", 40)
    stopped_clock.advance(hours=1)

    with pytest.raises(NotWaiting):
        cancel(waiting, **WHY)

    assert balances.balance(account) == 60
    assert cash_accounts.perform(account, "payout", 60, **SAID)
    assert balance_of(account) == 0
