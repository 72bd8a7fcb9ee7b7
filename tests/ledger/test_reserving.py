"""The building blocks of reservations: cash and points of one owner in one token, taken whole or less, or given back."""

import pytest
import uuid_utils.compat as uuid
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import points, reserving
from ledger.books import Booking, lock_books
from ledger.durability import durable
from ledger.expiring_holds import sweep_reservations
from ledger.models import AccountHold, LedgerAccount, Reservation
from ledger.posting import post
from ledger.refusals import AccountLocked, AccountMissing, InsufficientBalance, ReservationGone
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger import holding
from tests.ledger.membership import CALLER, assert_sound, make_household, moved, redeem, reserve
from tests.plans import read_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(db):
    """Somebody with 50.00 EUR and 300 points."""
    owner = make_user()
    make_account(owner, balance=5_000)
    make_account(owner, make_asset("PTS"), balance=300)
    return owner


def of(owner, kind):
    return LedgerAccount.objects.get(owner=owner, kind=kind)


def hold(owner, cash=0, points_=0):
    """One native reservation for 300 s; answers its token."""
    amounts = {of(owner, "cash"): cash, of(owner, "points"): points_}
    return holding.hold({account: amount for account, amount in amounts.items() if amount})


def lock(owner, token, **fields):
    fields = {"site_id": owner.site_id, "kind": "native", "owner_id": owner.pk, "caller": CALLER} | fields
    return reserving.lock(token, **fields)


def confirm(owner, token, amounts=None):
    """As a native confirmation does: whole, or less."""
    with transaction.atomic():
        held = reserving.lock_held(lock(owner, token))
        identity = uuid.uuid7()
        legs = reserving.consume(held, identity, amounts)
        if legs:
            held.books.enter(Booking(identity, owner.site_id, "spend", legs))
            post(held.books.entered, held.now)
        reserving.end(held.reservation, "consumed", held.now, identity if legs else None)
    connection.check_constraints()


def stand(owner):
    return {kind: (of(owner, kind).balance, of(owner, kind).held) for kind in ("cash", "points")}


def test_cash_and_points_are_held_and_taken_together(owner):
    token = hold(owner, 2_000, 100)
    assert stand(owner) == {"cash": (5_000, 2_000), "points": (300, 100)}

    confirm(owner, token)

    assert stand(owner) == {"cash": (3_000, 0), "points": (200, 0)}
    assert Reservation.objects.get().transaction.transfers.count() == 2
    assert_sound()


def test_less_is_taken_and_the_rest_given_back(owner):
    token = hold(owner, 2_000, 100)

    confirm(owner, token, {of(owner, "cash").pk: 1_250})

    assert stand(owner) == {"cash": (3_750, 0), "points": (300, 0)}
    assert list(AccountHold.objects.order_by("account").values_list("original_amount", "amount", "ended_as")) == [
        (2_000, 1_250, "consumed"),
        (100, 100, "released"),
    ]
    assert_sound()


def test_nothing_at_all_may_be_taken(owner):
    confirm(owner, hold(owner, 2_000, 100), {})

    assert stand(owner) == {"cash": (5_000, 0), "points": (300, 0)}
    assert Reservation.objects.get().transaction is None
    assert_sound()


def test_no_more_is_taken_than_is_held(owner):
    token = hold(owner, 2_000)
    before = moved()
    with pytest.raises(AssertionError, match="No more is taken"):
        confirm(owner, token, {of(owner, "cash").pk: 2_001})
    assert moved() == before


def test_a_released_reservation_is_gone(owner):
    token = hold(owner, 2_000, 100)
    with transaction.atomic():
        reserving.release(reserving.lock_held(lock(owner, token)))

    assert stand(owner) == {"cash": (5_000, 0), "points": (300, 0)}
    with transaction.atomic(), pytest.raises(ReservationGone):
        lock(owner, token)
    assert_sound()


def test_a_token_is_of_its_site_kind_owner_and_caller_alone(owner):
    token = hold(owner, 1)
    for other in (
        {"site_id": make_site().pk},
        {"kind": "points"},
        {"owner_id": make_user(owner.site).pk},
        {"owner_id": None},
        {"caller": "client:2"},
    ):
        with transaction.atomic(), pytest.raises(ReservationGone):
            lock(owner, token, **other)
    with transaction.atomic():
        assert lock(owner, token, caller="").pk == Reservation.objects.get().pk


@pytest.mark.parametrize(
    ("fields", "cash", "refusal"),
    [
        ({}, 5_001, InsufficientBalance),
        ({"floor": 1}, 5_000, InsufficientBalance),
        ({"state": "credit_only"}, 1, AccountLocked),
        ({"state": "closed"}, 1, AccountLocked),
    ],
)
def test_what_may_not_be_taken_may_not_be_held(owner, fields, cash, refusal):
    LedgerAccount.objects.filter(pk=of(owner, "cash").pk).update(**fields)
    before = moved()

    with pytest.raises(refusal):
        hold(owner, cash, 300)

    assert moved() == before


def test_an_account_that_is_not_locked_or_stores_no_balance_holds_nothing(owner):
    with transaction.atomic():
        books = lock_books([of(owner, "cash").pk])
    for account_id in (of(owner, "points").pk, LedgerAccount.objects.filter(owner=None).first().pk):
        with pytest.raises(AccountMissing):
            books.hold(account_id, 1)


def test_what_is_held_is_taken_whatever_the_account_permits_since(owner):
    token = hold(owner, 2_000)
    LedgerAccount.objects.filter(owner=owner).update(state="closed")

    confirm(owner, token)

    assert stand(owner)["cash"] == (3_000, 0)


def test_the_tokens_digest_tells_nothing_of_it_and_no_two_are_alike(owner):
    tokens = {reserving.new_token() for _ in range(1_000)}

    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {32}
    assert len({reserving.digest(token) for token in tokens}) == 1_000


# Reserve, reduce, redeem, void, cancel, a member's balance, a household's.
COUNTS = [6, 7, 11, 12, 7, 3, 4]


class TestStatements:
    """As many for a household of twelve as for one of two."""

    def count(self, deed):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            answer = deed()
        return len([each for each in captured if "SAVEPOINT" not in each["sql"]]), answer

    @pytest.mark.parametrize("mode", ["proportional", "request_defined"])
    def test_no_deed_runs_more_of_them_for_a_larger_household(self, mode):
        counts = []
        for size in (2, 12):
            members = make_household({f"M{number}": 1_000 for number in range(size)}, mode)
            first = members["M0"]
            given = dict.fromkeys(members, 100) if mode == "request_defined" else None
            reserved, token = self.count(lambda m=first, g=given, n=size: reserve(m, 100 * n, g))
            reduced, _ = self.count(lambda m=first, t=token, n=size: points.reduce_points(m, t, 50 * n))
            redeemed, spending = self.count(lambda m=first, t=token: redeem(m, t))
            voided, _ = self.count(
                lambda m=first, s=spending: points.void_spending(
                    m, str(s.transaction_id), caller=CALLER, adjustment_days=30
                )
            )
            other = reserve(first, 100 * size, given)
            cancelled, _ = self.count(lambda m=first, t=other: points.cancel_points(m, t))
            own, _ = self.count(lambda m=first: points.balances_of(m))
            together, _ = self.count(lambda m=first: points.household_balance(m.household_id))
            counts.append([reserved, reduced, redeemed, voided, cancelled, own, together])

        assert counts[0] == counts[1]
        assert counts[0] == COUNTS

    def test_no_statement_reads_a_large_table_whole(self):
        members = make_household({"A": 1_000, "B": 1_000})
        first = members["A"]

        def everything():
            points.cancel_points(first, reserve(first, 10))
            token = reserve(first, 100)
            points.reduce_points(first, token, 50)
            spending = redeem(first, token)
            points.void_spending(first, str(spending.transaction_id), caller=CALLER, adjustment_days=30)
            reserve(first, 30)
            points.balances_of(first)
            points.household_balance(first.household_id)
            sweep_reservations()

        assert read_whole(everything) == []


class TestOnceMore:
    """PostgreSQL asks for another try of a transaction that it gave up."""

    def failing(self, times, sqlstate):
        tries = []

        @durable
        def deed():
            tries.append(1)
            if len(tries) <= times:
                error = OperationalError("lost")
                error.__cause__ = Exception()
                error.__cause__.sqlstate = sqlstate
                raise error
            return len(tries)

        return deed, tries

    @pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
    def test_a_lost_transaction_is_tried_again_and_nobody_hears_of_it(self, db, sqlstate):
        deed, _ = self.failing(4, sqlstate)
        assert deed() == 5

        deed, tries = self.failing(5, sqlstate)
        with pytest.raises(OperationalError):
            deed()
        assert len(tries) == 5

    @pytest.mark.parametrize("sqlstate", ["55P03", "57014", "08006", ""])
    def test_a_lock_not_obtained_or_a_database_that_is_away_is_told_at_once(self, db, sqlstate):
        deed, tries = self.failing(1, sqlstate)
        with pytest.raises(OperationalError):
            deed()
        assert len(tries) == 1
