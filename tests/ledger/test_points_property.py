"""Lots, holds and suspended bookings together: whatever is granted, held, used, given back, read and swept, and in whatever order,
the balances at every instant, and what is left of each lot, are those of a plain model."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Member
from accounts.refusals import Refusal
from ledger import balances, cash_accounts, points, points_refusals, settling
from ledger.expiring_holds import sweep_reservations
from ledger.granting import grant_points
from ledger.invariants import INVARIANTS
from ledger.models import LedgerAccount, Lot
from ledger.points_accounts import read_points
from ledger.refusals import ReservationGone
from ledger.statement import read_statement
from tests.breaking import undone, violated
from tests.codes.conftest import NOON
from tests.factories import make_site
from tests.ledger.bookings import system
from tests.ledger.membership import account_of, make_member, redeem, reserve
from tests.ledger.points_model import Model

MINUTE = dt.timedelta(minutes=1)
TICK = dt.timedelta(microseconds=1)
AMOUNTS = st.integers(1, 60)
MINUTES = st.integers(1, 12)
WHICH = st.integers(0, 3)
STEPS = st.one_of(
    st.tuples(st.just("grant"), AMOUNTS, MINUTES),
    st.tuples(st.just("grant"), AMOUNTS, MINUTES),
    st.tuples(st.just("grant"), AMOUNTS, st.none()),
    st.tuples(st.just("correct"), AMOUNTS),
    st.tuples(st.just("suspend"), st.sampled_from(["grant", "payout"]), AMOUNTS, MINUTES),
    st.tuples(st.just("hold"), AMOUNTS, MINUTES),
    st.tuples(st.just("hold"), AMOUNTS, MINUTES),
    st.tuples(st.just("reduce"), WHICH, AMOUNTS),
    st.tuples(st.just("cancel"), WHICH),
    st.tuples(st.just("redeem"), WHICH),
    st.tuples(st.just("redeem"), WHICH),
    st.tuples(st.just("void"), WHICH),
    st.tuples(st.just("state"), st.sampled_from(["open", "open", "credit_only"])),
    st.tuples(st.just("wait"), MINUTES),
    st.tuples(st.just("wait"), MINUTES),
    st.tuples(st.just("wait"), st.just(31 * 24 * 60)),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("read")),
)


class Twin:
    """The same account in the ledger and in the model."""

    def __init__(self, member: Member) -> None:
        self.member = member
        self.account = account_of(member)
        self.model = Model(NOON, 40)
        self.tokens: list[str] = []
        self.spendings: dict[str, str] = {}
        self.lots: list[int] = []

    def do(self, step: tuple, now: dt.datetime) -> None:
        getattr(self, step[0])(*step[1:], now)

    def grant(self, amount: int, minutes: int | None, now: dt.datetime) -> None:
        expires = now + minutes * MINUTE if minutes else None
        said = {"kind": "campaign", "reason": "x", "actor_id": "u-boss", "expires_at": expires}
        self.book(amount, lambda: grant_points(self.account, amount, **said), now, expires)

    def correct(self, amount: int, now: dt.datetime) -> None:
        said = {"kind": "correction", "reason": "x", "actor_id": "u-boss"}
        self.book(-amount, lambda: grant_points(self.account, -amount, **said), now)

    def book(self, amount: int, deed, now: dt.datetime, expires: dt.datetime | None = None) -> None:
        permitted = self.model.move(amount, now, expires)
        try:
            deed()
        except Refusal:
            assert not permitted
        else:
            assert permitted
            if expires:
                self.lots.append(Lot.objects.latest("id").pk)

    def suspend(self, type_: str, amount: int, minutes: int, now: dt.datetime) -> None:
        due = now + minutes * MINUTE
        booked = cash_accounts.perform(self.account, type_, amount, due_at=due, actor_id="u-boss", comment="")
        self.model.waiting[booked.pk] = (due, amount if type_ == "grant" else -amount)

    def hold(self, amount: int, minutes: int, now: dt.datetime) -> None:
        permitted = self.model.permits(-amount)
        try:
            token = reserve(self.member, amount, seconds=60 * minutes)
        except points_refusals.PointsRefused:
            assert not permitted
            return
        assert permitted
        self.tokens.append(token)
        self.model.hold(token, amount, now + minutes * MINUTE)

    def on(self, which: int, deed) -> str | None:
        """The token, if the ledger did it; the model must know it, too."""
        if not self.tokens:
            return None
        token = self.tokens[which % len(self.tokens)]
        try:
            deed(token)
        except ReservationGone:
            assert token not in self.model.holds
            return None
        assert token in self.model.holds
        return token

    def reduce(self, which: int, to: int, now: dt.datetime) -> None:
        try:
            token = self.on(which, lambda token: points.reduce_points(self.member, token, to))
        except points_refusals.AmountIncreased:
            assert to > self.model.holds[self.tokens[which % len(self.tokens)]].amount
            return
        if token:
            self.model.shrink(token, to, now)

    def cancel(self, which: int, now: dt.datetime) -> None:
        if token := self.on(which, lambda token: points.cancel_points(self.member, token)):
            self.model.shrink(token, 0, now)

    def redeem(self, which: int, now: dt.datetime) -> None:
        def deed(token):
            self.spendings[token] = str(redeem(self.member, token).transaction_id)

        if token := self.on(which, deed):
            self.model.redeem(token, now)

    def void(self, which: int, now: dt.datetime) -> None:
        if self.spendings:
            token = sorted(self.spendings)[which % len(self.spendings)]
            points.void_spending(self.member, self.spendings.pop(token), caller="client:1", adjustment_days=9_999)
            self.model.void(token, now)

    def state(self, state: str, now: dt.datetime) -> None:
        cash_accounts.change_account(self.account, state=state, actor_id="u-boss", reason="x")
        self.model.state = state

    def sweep(self, now: dt.datetime) -> None:
        sweep_reservations()
        settling.sweep_due()

    def wait(self, minutes: int, now: dt.datetime) -> None:
        """The clock has gone on already."""

    def read(self, now: dt.datetime) -> None:
        account, model = self.account, self.model
        reading, standing = read_points(account), points.balances_of(self.member)
        assert reading.balance == standing.balance == balances.balance(account) == model.balance()
        assert reading.held == standing.held == model.held
        assert {lot.id: (lot.expires_at, lot.remaining, lot.held) for lot in reading.lots} == {
            key: (lot.expires, lot.left, lot.pinned) for key, lot in zip(self.lots, model.lots, strict=True) if lot.left
        }
        instants = {each for when, _ in model.moved for each in (when - TICK, when)}
        for at in instants:
            assert balances.balance(account, at) == model.balance(at), at
        statement = read_statement(account, limit=1_000)
        counted = [each for each in statement.entries if not each.waits]
        assert merged((each.instant, each.amount) for each in counted) == merged(model.moved)
        others = sum(balances.balance(system(account, purpose)) for purpose in ("funding", "external", "expired"))
        assert others == -model.balance()
        for each in counted:
            assert abs(sum(use.amount for use in each.lots)) <= abs(each.amount)


def merged(moves) -> list[tuple[dt.datetime, int]]:
    """By instant: several may happen at one, in one booking or in several."""
    sums: dict[dt.datetime, int] = {}
    for at, amount in moves:
        sums[at] = sums.get(at, 0) + amount
    return sorted((at, amount) for at, amount in sums.items() if amount)


class TestPoints:
    @pytest.fixture
    def member(self, db, stopped_clock) -> Member:
        """Has had 40 points since noon. Every example begins with them, and is undone."""
        return make_member(make_site(), "M1", 40)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, min_size=4, max_size=18))
    def test_any_order_of_grants_holds_uses_voids_readings_and_sweeps_gives_the_points_of_the_model(
        self, member, stopped_clock, steps
    ):
        stopped_clock.now = NOON
        with undone():
            twin = Twin(member)
            for step in steps:
                if step[0] == "wait":
                    stopped_clock.advance(minutes=step[1])
                twin.model.let_pass(stopped_clock.now)
                twin.do(step, stopped_clock.now)
            twin.read(stopped_clock.now)
            twin.sweep(stopped_clock.now)
            twin.read(stopped_clock.now)
            stored = LedgerAccount.objects.get(pk=twin.account.pk)
            assert (stored.balance, stored.held) == (twin.model.balance(), twin.model.held)
            assert violated(INVARIANTS) == {}
