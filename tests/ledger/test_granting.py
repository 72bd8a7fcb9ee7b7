"""Granting points: with a reason, an end or none, once per key; what is refused moves nothing."""

import datetime as dt

import pytest

from accounts.models import AuditRecord
from ledger.balances import balance
from ledger.granting import KeyOfAnother, grant_points
from ledger.invariants import INVARIANTS
from ledger.models import LedgerAccount, LedgerTransaction, Lot, LotMovement, PointsGrant, Transfer
from ledger.points_accounts import AccountExists, open_points_account, read_points
from ledger.refusals import AccountLocked, InsufficientBalance
from tests.breaking import violated
from tests.factories import make_account, make_asset, make_staff, make_user
from tests.ledger.bookings import system
from tests.ledger.granted import DAY, grant, lots, make_points_account

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(stopped_clock):
    return make_points_account()


def counts():
    return [
        model.objects.count() for model in (LedgerTransaction, Transfer, Lot, LotMovement, PointsGrant, AuditRecord)
    ]


def test_a_grant_with_an_end_is_a_lot_and_says_why(account, stopped_clock):
    made = grant(account, 500, 30, comment="Welcome!", caller="client:1")

    lot = Lot.objects.get()
    assert (lot.amount, lot.remaining, lot.held, lot.account_id) == (500, 500, 0, account.pk)
    assert (lot.granted_at, lot.expires_at) == (stopped_clock.now, stopped_clock.now + 30 * DAY)
    assert lot.transfer.transaction_id == made.transaction_id
    assert (made.transaction.type, made.transaction.comment, made.reason) == ("grant", "Welcome!", "spring")
    assert LedgerAccount.objects.get(pk=account.pk).due_at == lot.expires_at
    assert (balance(account), balance(system(account, "funding"))) == (500, -500)
    audit = AuditRecord.objects.get(action="points.grant")
    assert (audit.actor_id, audit.detail["reason"], audit.detail["amount"]) == ("u-boss", "spring", 500)
    assert violated(INVARIANTS) == {}


def test_points_without_an_end_are_no_lot(account):
    grant(account, 500)

    assert lots(account) == []
    assert LedgerAccount.objects.get(pk=account.pk).due_at is None
    assert read_points(account).available == 500


def test_a_correction_gives_too_and_takes_the_points_that_expire_first(account):
    grant(account, 100, 9)
    grant(account, 50, kind="correction", reason="forgotten")
    grant(account, 30, 5, kind="correction", reason="forgotten")

    taken = grant(account, -110, kind="correction", reason="twice")

    assert taken.transaction.type == "correction"
    assert lots(account) == [(30, 0, 0), (100, 20, 0)]
    assert read_points(account).balance == 70
    assert balance(system(account, "funding")) == -70
    assert violated(INVARIANTS) == {}


@pytest.mark.parametrize(
    ("amount", "fields"),
    [
        (0, {}),
        (-1, {}),
        (10**15 + 1, {}),
        (-(10**15) - 1, {"kind": "correction"}),
        (5, {"kind": "present"}),
        (5, {"reason": " "}),
        (5, {"days": -1}),
        (-5, {"kind": "correction", "days": 3}),
    ],
)
def test_what_cannot_be_is_refused_and_moves_nothing(account, stopped_clock, amount, fields):
    grant(account, 10)
    before = counts()
    days = fields.pop("days", None)
    fields = {"expires_at": stopped_clock.now + days * DAY} | fields if days else fields

    with pytest.raises(ValueError, match=r"\w"):
        grant(account, amount, **fields)

    assert counts() == before


def test_the_very_instant_is_no_end_to_come(account, stopped_clock):
    with pytest.raises(ValueError, match="later than now"):
        grant(account, 5, expires_at=stopped_clock.now)
    grant(account, 5, expires_at=stopped_clock.now + dt.timedelta(microseconds=1))

    assert lots(account) == [(5, 5, 0)]


@pytest.mark.parametrize(
    ("amount", "fields", "refusal"),
    [
        (-11, {"kind": "correction"}, InsufficientBalance),
        (1, {"state": "closed"}, AccountLocked),
        (-1, {"kind": "correction", "state": "credit_only"}, AccountLocked),
    ],
)
def test_what_the_account_does_not_permit_moves_nothing(account, amount, fields, refusal):
    grant(account, 10, 3)
    before = counts()
    state = fields.pop("state", "open")
    LedgerAccount.objects.filter(pk=account.pk).update(state=state)

    with pytest.raises(refusal):
        grant(account, amount, **fields)

    assert counts() == before
    assert lots(account) == [(10, 10, 0)]


def test_money_is_not_granted_as_points():
    cash = make_account(balance=5)

    with pytest.raises(ValueError, match="points"):
        grant(cash, 5, 3)


def test_a_key_grants_once_and_answers_the_same_afterwards(account, stopped_clock):
    said = {"caller": "client:1", "idempotency_key": "k-1", "expires_at": stopped_clock.now + DAY}
    first = grant(account, 5, **said)
    before = counts()
    stopped_clock.advance(days=2)  # The end has passed: the repetition is no new grant.

    again, replayed = grant_points(account, 5, kind="campaign", reason="spring", actor_id="u-boss", **said)

    assert (again, replayed) == (first, True)
    assert counts()[4:] == before[4:]  # What has expired meanwhile was booked, as by every deed.


@pytest.mark.parametrize("change", [{"amount": 6}, {"reason": "summer"}, {"kind": "correction"}, {"comment": "Hi"}])
def test_a_key_of_another_grant_grants_nothing(account, change):
    said = {"amount": 5, "caller": "client:1", "idempotency_key": "k-1"}
    grant(account, **said)
    before = counts()

    with pytest.raises(KeyOfAnother):
        grant(account, **said | change)
    with pytest.raises(KeyOfAnother):
        grant(make_account(make_user(account.site), account.asset), **said)

    assert counts()[1:] == before[1:]
    grant(account, **said | {"caller": "client:2"})  # A key is its caller's.
    grant(account, 5)
    assert read_points(account).balance == 15


def test_opening_is_audited_and_happens_once():
    user = make_user()
    account = open_points_account(user, make_asset("PTS"), actor_id="u-boss", reason="member")

    assert (account.kind, account.asset.code, account.balance) == ("points", "PTS", 0)
    assert AuditRecord.objects.get(action="account.open").detail == {"asset": "PTS", "reason": "member"}
    with pytest.raises(AccountExists):
        open_points_account(user, make_asset("PTS2"), actor_id="u-boss")
    with pytest.raises(ValueError, match="points"):
        open_points_account(make_user(), make_asset(), actor_id="u-boss")
    with pytest.raises(ValueError, match="user"):
        open_points_account(make_staff(), make_asset("PTS"), actor_id="u-boss")
    assert AuditRecord.objects.filter(action="account.open").count() == 1
