"""A suspended booking comes due under a crowd: whoever settles it, it is posted once, and every receipt knows of it."""

import datetime as dt
import time
from collections import Counter

import pytest

from accounts import clock
from codes.models import Attempt
from deploy.local.processes import wait_until
from ledger import balances
from ledger.models import LedgerAccount, LedgerTransaction, SuspendedBooking
from tests.ledger.suspending import suspend
from tests.races.arena import CROWD
from tests.races.crowd import each_at_once, words

pytestmark = pytest.mark.races


def cash(user):
    return LedgerAccount.objects.get(owner=user, kind="cash")


def due_in(seconds):
    return clock.read() + dt.timedelta(seconds=seconds)


def cents(receipt_amount):
    return round(float(receipt_amount) * 100)


def test_64_redemptions_settle_the_same_booking_and_it_is_posted_once(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant(balance=1_000)
        waiting = suspend(cash(claimant), "payout", 300, comment=f"race of {claimant.pk}", due_at=due_in(0.2))
        _, texts = arena.codes(CROWD, worth_cents=1)
        assert wait_until(lambda: clock.read() >= waiting.due_at, seconds=5)
        answers = arena.all_at_once([arena.redeem(text, claimant) for text in texts])
        posted = LedgerTransaction.objects.filter(comment=waiting.comment).count()
        return arena.balance(claimant), posted, answers, waiting

    with unguarded:
        balance, posted, _, _ = race(unguarded)
        assert posted > 1
        assert balance < 700

    with guarded:
        for _ in range(3):
            balance, posted, answers, waiting = race(guarded)
            assert words(answers) == {"redeemed": CROWD}
            assert (balance, posted) == (700 + CROWD, 1)
            told = sorted(cents(answer.body["receipt"]["result"]["balance_after"]) for answer in answers)
            assert told == list(range(701, 701 + CROWD))
            waiting.refresh_from_db()
            assert waiting.state == "posted"
            assert waiting.transaction.booked_at == waiting.due_at


def test_bookings_come_due_while_redemptions_and_sweeps_run_and_each_receipt_tells_the_balance_of_its_instant(guarded):
    """Both sides of the instant: a receipt before it knows nothing of the booking, and none after it is without."""
    with guarded:
        assert guarded.worker.is_running
        port = guarded.web.port  # It starts now, and not when the moment has come.
        claimants = [guarded.claimant(balance=1_000) for _ in range(8)]
        _, texts = guarded.codes(len(claimants), uses=20_000, uses_per_claimant=20_000, worth_cents=1)
        instant = due_in(4.0)
        for claimant in claimants:
            suspend(cash(claimant), "payout", 600, due_at=instant)
            suspend(cash(claimant), "correction", 900, due_at=instant)  # Too much by then, in whatever order.

        def client(place):
            ask = guarded.redeem(texts[place % len(texts)], claimants[place % len(claimants)])

            def redeem_on(line):
                answers = []
                while clock.read() < instant:
                    answers.append(line.ask(ask))
                return [*answers, line.ask(ask)]

            return redeem_on

        def sweep(_line):
            wait_until(lambda: clock.read() >= instant - dt.timedelta(seconds=0.2), seconds=10)
            for _ in range(30):
                guarded.ring("codes.settle_due", times=2)
                time.sleep(0.02)
            return []

        heard = each_at_once(port, [*map(client, range(2 * len(claimants))), sweep])

        answers = [answer for of_one in heard for answer in of_one]
        assert set(words(answers)) <= {"redeemed", "code_busy"}
        states = Counter(SuspendedBooking.objects.filter(due_at=instant).values_list("type", "state"))
        assert states == {("payout", "posted"): 8, ("correction", "refused"): 8}
        before = after = 0
        for claimant in claimants:
            account = cash(claimant)
            attempts = Attempt.objects.filter(claimant=claimant, outcome="redeemed").order_by(
                "ledger_transaction__transfers"
            )
            for number, attempt in enumerate(attempts, 1):
                is_after = attempt.decided_at >= instant
                before, after = before + (not is_after), after + is_after
                assert cents(attempt.result["balance_after"]) == 1_000 + number - 600 * is_after
                assert balances.balance(account, attempt.decided_at) == 1_000 + number - 600 * is_after
        assert before
        assert after
