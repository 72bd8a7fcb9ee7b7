"""The instant at which codes expire, with redemptions and two sweeps at it: each use is redeemed or expires, never both."""

import datetime as dt
import time

import pytest

from accounts import clock
from codes.models import Attempt, Code
from deploy.local.processes import wait_until
from ledger.balances import batch_value
from tests.races.crowd import done, each_at_once, words

pytestmark = pytest.mark.races

CODES = 16
USES = 1_000
WORTH = 7
SECONDS_AHEAD = 1.0


def redeem_over_the_instant(arena):
    """64 clients redeem 16 codes until they have expired, while two worker processes sweep again and again.

    Answers the batch, the instant, and everything that was heard.
    """
    batch, texts = arena.codes(CODES, uses=USES, uses_per_claimant=USES, worth_cents=WORTH)
    assert arena.worker.is_running
    claimants, port = arena.claimants, arena.web.port
    instant = clock.read() + dt.timedelta(seconds=SECONDS_AHEAD)
    Code.objects.filter(batch=batch).update(valid_until=instant)

    def client(place):
        ask = arena.redeem(texts[place % CODES], claimants[place])

        def redeem_on(line):
            answers = [line.ask(ask)]
            while answers[-1].done:
                answers.append(line.ask(ask))
            return answers

        return redeem_on

    def sweep(line):
        time.sleep(SECONDS_AHEAD - 0.1)
        for _ in range(30):
            arena.ring("codes.sweep_expired", times=2)
            time.sleep(0.01)
        return []

    heard = each_at_once(port, [*map(client, range(len(claimants))), sweep])
    return batch, instant, [answer for answers in heard for answer in answers]


def value_of(batch):
    [value] = batch_value(batch.pk)
    return value


def sweep_on(arena, batch):
    """Have the workers sweep until nothing of the batch is left to be swept: they leave out what is locked just now."""
    unswept = Code.objects.filter(batch=batch, value_expired_at=None)

    def is_swept():
        arena.ring("codes.sweep_expired")
        return not unswept.exists()

    assert wait_until(is_swept, seconds=20, pause_seconds=0.2)


def test_codes_are_redeemed_and_swept_at_the_instant_they_expire(unguarded, guarded):
    with unguarded:
        batch, _, _ = redeem_over_the_instant(unguarded)
        # What both sweeps booked away, or one of them and a redemption, is more than there was.
        assert wait_until(lambda: value_of(batch).outstanding < 0, seconds=10)

    with guarded:
        batch, instant, answers = redeem_over_the_instant(guarded)
        assert set(words(answers)) == {"redeemed", "code_expired"}
        redeemed = Attempt.objects.filter(batch=batch, outcome="redeemed")
        assert redeemed.count() == len(done(answers)) > 0
        assert not redeemed.filter(decided_at__gte=instant).exists()
        sweep_on(guarded, batch)
        value = value_of(batch)
        assert value.issued == CODES * USES * WORTH
        assert value.redeemed == redeemed.count() * WORTH
        assert (value.outstanding, value.expired) == (0, value.issued - value.redeemed)


def test_sweeps_that_run_together_book_each_value_away_once(unguarded, guarded):
    def race(arena):
        batch, _ = arena.codes(600, worth_cents=WORTH)
        assert arena.worker.is_running
        Code.objects.filter(batch=batch).update(valid_until=clock.read())
        arena.ring("codes.sweep_expired", times=20)
        return batch

    with unguarded:
        batch = race(unguarded)
        assert wait_until(lambda: value_of(batch).expired > 600 * WORTH, seconds=10)

    with guarded:
        batch = race(guarded)
        sweep_on(guarded, batch)
        value = value_of(batch)
        assert (value.expired, value.outstanding) == (600 * WORTH, 0)
