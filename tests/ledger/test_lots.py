"""Lots: the oldest are used first, expire on their dates whoever looks, and stay usable for what had pinned them."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from ledger import balances, moving, points, settling
from ledger.books import Leg
from ledger.invariants import INVARIANTS
from ledger.lots import LotStanding, keep, take
from ledger.models import LedgerAccount, LedgerTransaction, Lot, LotMovement
from ledger.points_accounts import read_points
from ledger.refusals import InsufficientBalance
from ledger.statement import read_statement
from tests.breaking import violated
from tests.codes.redeeming import redeem as redeem_code
from tests.factories import make_code, make_site
from tests.ledger.bookings import balance_of, booking_of, system
from tests.ledger.granted import DAY, grant, lots, make_points_account
from tests.ledger.membership import account_of, make_member, redeem, reserve
from tests.ledger.suspending import suspend

pytestmark = pytest.mark.django_db
WHO = {"comment": "", "actor_id": "u-boss"}


@pytest.fixture
def account(stopped_clock):
    """50 that expire in 20 days, 30 in 10 days, and 20 that never do."""
    account = make_points_account()
    grant(account, 50, 20)
    grant(account, 30, 10)
    grant(account, 20)
    return account


@pytest.fixture
def member(stopped_clock):
    member = make_member(make_site(), "M1", 20)
    grant(account_of(member), 30, 10)
    return member


def reading(account):
    read = read_points(account)
    return read.balance, read.held, [(lot.remaining, lot.held) for lot in read.lots]


class TestUsing:
    def test_the_first_to_expire_is_used_first_and_what_never_does_last(self, account):
        for spent, left in ((10, [20, 50]), (30, [0, 40]), (45, [0, 0])):
            moving.spend(account, spent, **WHO)
            assert [remaining for _, remaining, _ in lots(account)] == left

        assert balance_of(account) == 15
        assert [m.amount for m in LotMovement.objects.order_by("id")] == [-10, -20, -10, -40]
        assert violated(INVARIANTS) == {}

    def test_the_statement_says_which_lots_a_use_took_and_a_grant_made(self, account):
        moving.spend(account, 40, **WHO)

        spent, *granted = read_statement(account).entries
        first, second = Lot.objects.order_by("expires_at")
        assert [(u.lot_id, u.amount, u.expires_at) for u in spent.lots] == [
            (first.pk, -30, first.expires_at),
            (second.pk, -10, second.expires_at),
        ]
        assert [[(u.lot_id, u.amount) for u in each.lots] for each in granted] == [
            [],
            [(first.pk, 30)],
            [(second.pk, 50)],
        ]

    def test_a_suspended_payout_uses_what_is_there_on_its_date(self, account, stopped_clock):
        suspend(account, "payout", 25, due_at=stopped_clock.now + 15 * DAY)
        stopped_clock.advance(days=16)

        assert reading(account) == (45, 0, [(25, 0)])
        settling.sweep_due()
        assert lots(account) == [(30, 0, 0), (50, 25, 0)]

    def test_one_refused_leg_leaves_the_lots_in_memory_as_they_were(self, account):
        external = system(account, "external")
        with transaction.atomic():
            books, _ = settling.lock_settled([account.pk, external.pk])
            legs = Leg(account.pk, external.pk, 60), Leg(account.pk, external.pk, 41)
            with pytest.raises(InsufficientBalance):
                books.enter(booking_of(account.site_id, *legs, type_="spend"))

            assert [lot.remaining for lot in books.standings[account.pk].lots] == [30, 50]
        assert books.entered == []


class TestExpiring:
    def test_a_lot_is_usable_until_its_date_and_not_at_it(self, account, stopped_clock):
        end = stopped_clock.now + 10 * DAY
        stopped_clock.advance(days=10, microseconds=-1)
        assert reading(account) == (100, 0, [(30, 0), (50, 0)])

        stopped_clock.advance(microseconds=1)

        assert reading(account) == (70, 0, [(50, 0)])
        assert balance_of(account) == 100  # Nobody has posted it yet.
        assert balances.balance(account, end) == balances.balance(account) == 70
        assert balances.balance(system(account, "expired")) == 30
        assert balances.balance(system(account, "expired"), end - DAY) == 0

    def test_posting_changes_no_reading_and_dates_it_by_the_lot(self, account, stopped_clock):
        stopped_clock.advance(days=25)
        told = [(e.type, e.instant, e.amount, [u.amount for u in e.lots]) for e in read_statement(account).entries]
        read = reading(account)

        assert settling.sweep_due() == 2

        assert reading(account) == read == (20, 0, [])
        posted = [(e.type, e.instant, e.amount, [u.amount for u in e.lots]) for e in read_statement(account).entries]
        assert posted == told
        expired = LedgerTransaction.objects.filter(type="expiry").order_by("booked_at")
        assert [e.booked_at for e in expired] == list(Lot.objects.values_list("expires_at", flat=True))
        assert LedgerAccount.objects.get(pk=account.pk).due_at is None
        assert settling.sweep_due() == 0
        assert violated(INVARIANTS) == {}

    def test_points_expire_on_an_account_that_is_closed(self, account, stopped_clock):
        LedgerAccount.objects.filter(pk=account.pk).update(state="closed")
        stopped_clock.advance(days=25)

        settling.sweep_due()

        assert balance_of(account) == 20

    def test_pages_go_on_behind_an_expiry_that_was_posted_meanwhile(self, account, stopped_clock):
        stopped_clock.advance(days=25)
        first = read_statement(account, limit=1)
        assert first.next < -(10**15)
        settling.sweep_due()

        rest = read_statement(account, after=first.next, limit=9)

        assert [e.amount for e in [*first.entries, *rest.entries]] == [-50, -30, 20, 30, 50]

    def test_settling_costs_the_same_for_one_lot_and_for_many(self, stopped_clock):
        def cost(accounts, each):
            for _ in range(accounts):
                account = make_points_account()
                for number in range(each):
                    grant(account, 5, number + 1)
            stopped_clock.advance(days=30)
            with CaptureQueriesContext(connection) as queries:
                assert settling.sweep_some() == (accounts, accounts * each)
            return len(queries)

        assert cost(1, 1) == cost(4, 5)


class TestHolding:
    def test_a_hold_pins_the_oldest_and_a_reduction_gives_up_the_latest(self, member):
        account = account_of(member)
        token = reserve(member, 40)
        assert reading(account) == (50, 40, [(30, 30)])

        points.reduce_points(member, token, 35)
        assert reading(account) == (50, 35, [(30, 30)])
        points.reduce_points(member, token, 12)
        assert reading(account) == (50, 12, [(30, 12)])
        points.cancel_points(member, token)

        assert reading(account) == (50, 0, [(30, 0)])
        assert violated(INVARIANTS) == {}

    def test_what_is_pinned_is_no_others_and_others_take_what_is_next(self, member):
        reserve(member, 25)

        moving.spend(account_of(member), 10, **WHO)

        assert reading(account_of(member)) == (40, 25, [(25, 25)])

    def test_what_a_hold_has_pinned_is_used_after_its_date_and_released_it_expires(self, member, stopped_clock):
        account = account_of(member)
        stopped_clock.advance(days=10, minutes=-5)
        used, given_up = reserve(member, 10), reserve(member, 8)
        stopped_clock.advance(minutes=10)
        assert reading(account) == (38, 18, [(18, 18)])

        spending = redeem(member, used)
        points.cancel_points(member, given_up)

        assert reading(account) == (20, 0, [])
        assert [u.amount for u in read_statement(account).entries[1].lots] == [-10]
        expiries = LedgerTransaction.objects.filter(type="expiry").order_by("booked_at")
        assert [e.transfers.get().amount for e in expiries] == [12, 8]
        assert expiries[1].booked_at == stopped_clock.now > expiries[0].booked_at
        assert LotMovement.objects.get(transaction=spending.transaction_id).amount == -10
        assert violated(INVARIANTS) == {}

    def test_a_hold_that_expires_after_the_lot_lets_it_expire_then(self, member, stopped_clock):
        account = account_of(member)
        stopped_clock.advance(days=10, minutes=-5)
        reserve(member, 10)
        until = stopped_clock.now + 15 * DAY / 24 / 60
        stopped_clock.advance(hours=1)

        read = reading(account)
        told = [(e.type, e.instant, e.amount) for e in read_statement(account).entries]
        settling.sweep_due()

        assert read == reading(account) == (20, 0, [])
        assert told == [(e.type, e.instant, e.amount) for e in read_statement(account).entries]
        assert told[:2] == [("expiry", until, -10), ("expiry", until - 10 * DAY / 24 / 60, -20)]


class TestGivingBack:
    def test_a_void_returns_to_the_same_lots_usable_for_thirty_days_more(self, member, stopped_clock):
        account = account_of(member)
        spending = redeem(member, reserve(member, 45))
        stopped_clock.advance(days=20)  # The lot's date has passed.

        back = points.void_spending(member, str(spending.transaction_id), caller="client:1", adjustment_days=30)

        lot = Lot.objects.get()
        assert (lot.remaining, lot.expires_at) == (30, stopped_clock.now + 30 * DAY)
        assert reading(account) == (50, 0, [(30, 0)])
        assert [u.amount for u in read_statement(account).entries[0].lots] == [30]
        assert LedgerAccount.objects.get(pk=account.pk).due_at <= lot.expires_at
        assert back.type == "void"
        stopped_clock.advance(days=30)
        assert reading(account) == (20, 0, [])
        assert violated(INVARIANTS) == {}

    def test_a_lot_that_lasts_longer_keeps_its_date(self, stopped_clock):
        member = make_member(make_site(), "M1", 0)
        grant(account_of(member), 30, 90)
        end = Lot.objects.get().expires_at
        spending = redeem(member, reserve(member, 30))

        points.void_spending(member, str(spending.transaction_id), caller="client:1", adjustment_days=30)

        assert Lot.objects.get().expires_at == end


class TestJudgedInMemory:
    lots = [LotStanding(1, None, 10, 4), LotStanding(2, None, 5, 5), LotStanding(3, None, 7, 0)]

    @pytest.mark.parametrize(
        ("amount", "taken"),
        [(1, ((1, 1),)), (6, ((1, 6),)), (7, ((1, 6), (3, 1))), (13, ((1, 6), (3, 7))), (99, ((1, 6), (3, 7)))],
    )
    def test_only_what_is_free_is_taken_in_the_order_of_dates(self, amount, taken):
        assert take(self.lots, amount) == taken

    @pytest.mark.parametrize(
        ("kept", "stay", "freed"),
        [
            (0, (), ((1, 6), (3, 4))),
            (5, ((1, 5),), ((1, 1), (3, 4))),
            (6, ((1, 6),), ((3, 4),)),
            (8, ((1, 6), (3, 2)), ((3, 2),)),
            (10, ((1, 6), (3, 4)), ()),
            (15, ((1, 6), (3, 4)), ()),
        ],
    )
    def test_the_latest_is_given_up_first(self, kept, stay, freed):
        assert keep(((1, 6), (3, 4)), kept) == (stay, freed)


class TestCosts:
    def test_a_code_that_credits_points_costs_the_same_with_lots_as_without(self, stopped_clock):
        costs = []
        for granted in (0, 5):
            account = make_points_account()
            for number in range(granted):
                grant(account, 5, 10 + number)
            for text in ("POINTS-01", "POINTS-02"):
                make_code(account.owner.site, text, action="credit", asset_code="PTS", value=7, worth_cents=0)
            redeem_code(account.owner, "POINTS-01")
            with CaptureQueriesContext(connection) as queries:
                assert redeem_code(account.owner, "POINTS-02").attempt.outcome == "redeemed"
            assert not any("lot" in query["sql"] for query in queries.captured_queries)
            costs.append(len(queries))
            assert balance_of(account) == 14 + 5 * granted

        assert costs[0] == costs[1]

    def test_a_use_costs_two_statements_more_however_many_lots_it_takes(self, stopped_clock):
        def cost(granted):
            account = make_points_account()
            for number in range(granted):
                grant(account, 5, 10 + number)
            grant(account, 5)
            with CaptureQueriesContext(connection) as queries:
                moving.spend(account, 5 * granted + 1, **WHO)
            return len(queries)

        assert cost(1) == cost(9) == cost(0) + 2
