"""Whatever is read, done and swept, and in whatever order: the balances at every instant are those of a plain model."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.refusals import Refusal
from ledger import balances, cash_accounts, settling
from ledger.cash_accounts import NotWaiting
from ledger.invariants import INVARIANTS
from ledger.models import LedgerAccount, SuspendedBooking
from ledger.statement import read_statement
from tests.breaking import undone, violated
from tests.codes.conftest import NOON
from tests.factories import make_account
from tests.ledger.bookings import system

MINUTE = dt.timedelta(minutes=1)
AMOUNTS = st.integers(1, 60)
TYPES = st.sampled_from(["grant", "payout", "correction"])
STEPS = st.one_of(
    st.tuples(st.just("book"), TYPES, AMOUNTS),
    st.tuples(st.just("suspend"), TYPES, AMOUNTS, st.integers(1, 12)),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
    st.tuples(st.just("state"), st.sampled_from(["open", "open", "credit_only", "closed"])),
    st.tuples(st.just("floor"), st.integers(-40, 20)),
    st.tuples(st.just("wait"), st.integers(1, 9)),
    st.tuples(st.just("sweep")),
    st.tuples(st.just("read")),
)


class Model:
    """One account in a few lines: everything counts at its own instant, and nothing is ever posted late."""

    def __init__(self) -> None:
        self.state, self.floor, self.moved = "open", 0, [(NOON, 100)]
        self.waiting: dict[int, tuple[dt.datetime, int]] = {}

    def balance(self, at: dt.datetime) -> int:
        return sum(amount for when, amount in self.moved if when <= at)

    def permits(self, amount: int, at: dt.datetime) -> bool:
        after = self.balance(at) + amount
        if amount < 0:
            return self.state == "open" and after >= self.floor
        return self.state != "closed" and after >= self.floor

    def let_pass(self, now: dt.datetime) -> None:
        for key, (due, amount) in sorted(self.waiting.items(), key=lambda item: (item[1][0], item[0])):
            if due <= now:
                del self.waiting[key]
                if self.permits(amount, due):
                    self.moved.append((due, amount))


def signed(type_: str, amount: int) -> int:
    return amount if type_ == "grant" else -amount


def do(account: LedgerAccount, model: Model, step: tuple, now: dt.datetime) -> None:
    """One step on both; they must say yes or no together."""
    who = {"actor_id": "u-boss", "comment": ""}
    match step:
        case ("book", type_, amount):
            permitted = model.permits(signed(type_, amount), now)
            if permitted:
                model.moved.append((now, signed(type_, amount)))
            try:
                cash_accounts.perform(account, type_, amount, **who)
            except Refusal:
                assert not permitted
            else:
                assert permitted
        case ("suspend", type_, amount, minutes):
            due = now + minutes * MINUTE
            try:
                booked = cash_accounts.perform(account, type_, amount, due_at=due, **who)
            except Refusal:
                assert model.state == "closed"
            else:
                model.waiting[booked.pk] = (due, signed(type_, amount))
        case ("cancel", number):
            for booked in SuspendedBooking.objects.filter(account=account).order_by("id")[number : number + 1]:
                waits = model.waiting.pop(booked.pk, None)
                try:
                    cash_accounts.cancel(booked, actor_id="u-boss", reason="oops")
                except NotWaiting:
                    assert waits is None
                else:
                    assert waits is not None
        case ("state", state):
            cash_accounts.change_account(account, state=state, actor_id="u-boss", reason="x")
            model.state = state
        case ("floor", floor):
            cash_accounts.change_account(account, floor=floor, actor_id="u-boss", reason="x")
            model.floor = floor
        case ("sweep",):
            settling.sweep_due()
        case ("read",):
            agree(account, model, now)


def agree(account: LedgerAccount, model: Model, now: dt.datetime) -> None:
    assert balances.balance(account) == balances.current([account.pk])[account.pk] == model.balance(now)
    for minutes in range(int((now - NOON) / MINUTE) + 1):
        at = NOON + minutes * MINUTE
        assert balances.balance(account, at) == model.balance(at), minutes
    statement = read_statement(account, limit=1_000)
    assert sorted((e.instant, e.amount) for e in statement.entries if not e.waits) == sorted(model.moved)
    assert sorted((e.instant, e.amount) for e in statement.entries if e.waits) == sorted(model.waiting.values())
    others = sum(balances.balance(system(account, purpose), now) for purpose in ("funding", "external"))
    assert others == -model.balance(now)


class TestBalances:
    @pytest.fixture
    def account(self, db, stopped_clock) -> LedgerAccount:
        """Has held 100 since noon. Every example begins with them, and is undone."""
        return make_account(balance=100)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(steps=st.lists(STEPS, min_size=4, max_size=14))
    def test_any_order_of_readings_deeds_and_sweeps_gives_the_balances_of_the_model(
        self, account, stopped_clock, steps
    ):
        stopped_clock.now, model = NOON, Model()
        with undone():
            for step in steps:
                if step[0] == "wait":
                    stopped_clock.advance(minutes=step[1])
                model.let_pass(stopped_clock.now)
                do(account, model, step, stopped_clock.now)
            agree(account, model, stopped_clock.now)
            settling.sweep_due()
            agree(account, model, stopped_clock.now)
            assert balances.balance(account) == LedgerAccount.objects.get(pk=account.pk).balance
            assert violated(INVARIANTS) == {}
