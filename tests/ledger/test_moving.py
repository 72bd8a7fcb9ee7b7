"""Staff's own movements: granting and spending, each whole, audited, or refused without a trace."""

import pytest
from django.db.models import Sum

from accounts.models import AuditRecord
from ledger import balances, moving
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from ledger.refusals import AccountLocked, InsufficientBalance
from tests.factories import make_account
from tests.ledger.bookings import system
from tests.ledger.holding import hold

pytestmark = pytest.mark.django_db


def state_of_the_books():
    return (
        list(LedgerAccount.objects.filter(owner__isnull=False).order_by("id").values_list("id", "balance", "held")),
        LedgerTransaction.objects.count(),
        Transfer.objects.aggregate(total=Sum("amount"))["total"],
        AuditRecord.objects.count(),
    )


def test_a_grant_credits_the_customer_and_says_who_did_it():
    account = make_account()

    booked = moving.grant(account, 500, comment="for the delay", actor_id="u-boss", reference="T-1")

    account.refresh_from_db()
    assert account.balance == 500
    assert balances.balance(system(account, "funding")) == -500
    assert (booked.type, booked.comment, booked.reference) == ("grant", "for the delay", "T-1")
    row = AuditRecord.objects.get()
    assert (row.action, row.actor_id, row.object_id) == ("ledger.grant", "u-boss", str(account.pk))
    assert row.detail == {"amount": 500, "transaction": str(booked.pk)}
    assert row.recorded_at == booked.booked_at


def test_a_spend_debits_the_customer():
    account = make_account(balance=500)

    booked = moving.spend(account, 120, comment="", actor_id="u-boss")

    account.refresh_from_db()
    assert account.balance == 380
    assert balances.balance(system(account, "external")) == 120
    assert booked.type == "spend"


@pytest.mark.parametrize("deed", [moving.grant, moving.spend])
@pytest.mark.parametrize("amount", [0, -1, -(10**15), 10**15 + 1])
def test_amounts_out_of_bounds_are_refused_and_no_value_moves(deed, amount):
    account = make_account(balance=500)
    before = state_of_the_books()

    with pytest.raises(ValueError, match="whole number"):
        deed(account, amount, comment="", actor_id="u-boss")

    assert state_of_the_books() == before


@pytest.mark.parametrize(
    ("deed", "amount", "fields", "refusal"),
    [
        (moving.spend, 501, {}, InsufficientBalance),
        (moving.spend, 1, {"floor": 500}, InsufficientBalance),
        (moving.grant, 1, {"floor": 502}, InsufficientBalance),
        (moving.spend, 1, {"state": "closed"}, AccountLocked),
        (moving.spend, 1, {"state": "credit_only"}, AccountLocked),
        (moving.grant, 1, {"state": "closed"}, AccountLocked),
    ],
)
def test_what_is_refused_moves_no_value(deed, amount, fields, refusal):
    account = make_account(balance=500, **fields)
    before = state_of_the_books()

    with pytest.raises(refusal):
        deed(account, amount, comment="", actor_id="u-boss")

    assert state_of_the_books() == before


def test_what_is_held_is_not_spent():
    account = make_account(balance=500)
    hold({account: 1})
    before = state_of_the_books()

    with pytest.raises(InsufficientBalance):
        moving.spend(account, 500, comment="", actor_id="u-boss")

    assert state_of_the_books() == before
    moving.spend(account, 499, comment="", actor_id="u-boss")


def test_a_balance_that_would_grow_out_of_bounds_is_refused_and_no_value_moves():
    account = make_account(balance=500)
    before = state_of_the_books()

    with pytest.raises(ValueError, match="at most"):
        moving.grant(account, 10**15, comment="", actor_id="u-boss")

    assert state_of_the_books() == before
