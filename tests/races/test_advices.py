"""Advices judged beside each other and beside everything else: each once, a code's use and its value once (I18, I20)."""

import datetime as dt
import random
from collections import Counter

import pytest
from django.db import connection

from accounts import clock
from codes import expiring, reversing, switching
from codes.advice import accepting, draining, inbox
from codes.models import Advice, Code, PendingAdvice
from codes.reversing import ReverseRedemption
from ledger.models import LedgerTransaction
from tests.advice import make_till, report_of
from tests.codes.editing import edit
from tests.codes.redeeming import spread
from tests.factories import caller_of
from tests.races.arena import CROWD, violations
from tests.races.crowd import each_at_once

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks"),
]

DRAINS = 4


def accept_all(arena, texts, **fields):
    """Take in a report of each text; answers the advices' IDs."""
    till = make_till(arena.site)
    return [accepting.accept(report_of(till.client, text, **fields)) for text in texts]


def together(arena, *deeds):
    """Every deed at one moment, each in a thread of its own; what each returned."""
    return each_at_once(arena.web.port, [lambda line, deed=deed: deed() for deed in deeds])


def outcomes(ids):
    return Counter(Advice.objects.filter(pk__in=ids).values_list("outcome", flat=True))


def shares(most):
    """What is due as so many claims, each of which is held by one worker."""
    claims = []
    while part := inbox.claim(most):
        claims.append(part)
    return claims


def work_of(claims):
    return lambda: draining.work(claims)


def booked(code):
    """How often the worth of this code was moved to somebody."""
    return LedgerTransaction.objects.filter(attempt__code=code).count()


def test_workers_at_the_same_moment_claim_no_advice_twice(unguarded, guarded):
    def race(arena):
        ids = accept_all(arena, ["NO-SUCH-CODE"] * 40)
        taken = together(arena, *[lambda: inbox.claim(20)] * DRAINS)
        return ids, [each.advice_id for claims in taken for each in claims]

    with unguarded:
        _, claimed = race(unguarded)
        assert len(claimed) > len(set(claimed))
        PendingAdvice.objects.update(parked_at=clock.read())  # Out of the way of the other races.

    with guarded:
        ids, claimed = race(guarded)
        assert len(claimed) == len(set(claimed))
        assert set(claimed) <= set(ids)
        PendingAdvice.objects.update(due_at=clock.read(), leased=False)
        together(guarded, *[draining.drain] * DRAINS)
        draining.drain()
        assert outcomes(ids) == {"unknown_text": 40}


def test_twenty_equal_advices_redeem_a_code_once(unguarded, guarded):
    def race(arena):
        code, text = arena.code()
        ids = accept_all(arena, [text] * 20)
        together(arena, *map(work_of, shares(5)))
        code.refresh_from_db()
        return code, outcomes(ids)

    with unguarded:
        code, found = race(unguarded)
        assert found["redeemed"] > 1
        assert code.uses > 1
        assert "does not hold" in violations()

    with guarded:
        code, found = race(guarded)
        assert found == {"redeemed": 1, "already_used": 19}
        assert (code.uses, code.redemptions, booked(code)) == (1, 1, 1)
        assert spread(code.batch) == (500, 0, 500, 0, 0)


def test_one_code_comes_through_the_api_and_by_advice_at_once_and_one_of_64_gets_it(unguarded, guarded):
    def race(arena):
        code, text = arena.code()
        half = CROWD // 2
        ids = accept_all(arena, [text] * half)
        asks = [arena.redeem(text, claimant) for claimant in arena.claimants[:half]]
        answers = each_at_once(
            arena.web.port,
            [
                *(lambda line, ask=ask: line.ask(ask) for ask in asks),
                *(lambda line, claims=claims: draining.work(claims) for claims in shares(1)),
            ],
        )
        draining.drain()  # Whoever had to wait too long for the lock comes once more.
        code.refresh_from_db()
        won = [answer for answer in answers[:half] if answer.done]
        return code, len(won) + outcomes(ids)["redeemed"], outcomes(ids)

    with unguarded:
        code, won, _ = race(unguarded)
        assert won > 1
        assert booked(code) > 1

    with guarded:
        code, won, found = race(guarded)
        assert (won, code.uses, code.redemptions, booked(code)) == (1, 1, 1, 1)
        assert set(found) <= {"redeemed", "already_used", ""}
        assert sum(found.values()) == CROWD // 2
        issued, outstanding, redeemed, *_ = spread(code.batch)
        assert (issued, outstanding, redeemed) == (500, 0, 500)
        judge_the_rest(found[""])


def judge_the_rest(count):
    """Those that were put back for a busy code are judged like the others, once their pause is over."""
    if count:
        PendingAdvice.objects.filter(parked_at=None).update(due_at=clock.read())
        assert draining.drain() >= count


# What stands beside the drain in the tests below are deeds whose own races show what each guard of theirs prevents.


def test_a_batch_is_switched_off_while_its_codes_are_reported(guarded):
    with guarded:
        batch, texts = guarded.codes(40)
        ids = accept_all(guarded, texts)

        together(guarded, *map(work_of, shares(10)), lambda: switching.switch_batch(batch, False, actor_id="staff"))

        found = outcomes(ids)
        assert sum(found.values()) == 40
        assert set(found) <= {"redeemed", "disabled"}
        assert Code.objects.filter(batch=batch, uses=1).count() == found["redeemed"]
        assert spread(batch)[2] == 500 * found["redeemed"]


def test_late_reports_and_two_sweeps_book_the_value_of_each_code_out_once(guarded):
    with guarded:
        until = clock.read() - dt.timedelta(days=2)  # Codes end with a day.
        batch, texts = guarded.codes(40, valid_until=until)
        ids = accept_all(guarded, texts[:20], happened_at=until - dt.timedelta(days=1))

        together(guarded, *map(work_of, shares(5)), expiring.sweep_expired, expiring.sweep_expired)
        expiring.sweep_expired()

        assert outcomes(ids) == {"redeemed": 20}
        assert spread(batch) == (40 * 500, 0, 20 * 500, 20 * 500, 0)


def test_a_reported_redemption_is_reversed_while_the_code_is_reported_again(guarded):
    with guarded:
        till = make_till(guarded.site)
        batch, texts = guarded.codes(20)
        first = accept_all(guarded, texts)
        draining.drain()
        second = accept_all(guarded, texts)

        def reverse_all():
            for attempt_id in first:
                reversing.reverse(ReverseRedemption(caller_of(till), attempt_id, "a race", give_use_back=True))

        together(guarded, *map(work_of, shares(5)), reverse_all)

        again = outcomes(second)["redeemed"]
        assert outcomes(second) == Counter(redeemed=again, already_used=20 - again) + Counter()
        assert Code.objects.filter(batch=batch, uses=1, redemptions=2).count() == again
        assert Code.objects.filter(batch=batch, uses=0, redemptions=1).count() == 20 - again
        assert spread(batch)[1:3] == (500 * (20 - again), 500 * again)


@pytest.mark.parametrize("kind", ["disable", "delete"])
def test_a_batch_is_edited_while_its_codes_are_reported(guarded, kind):
    with guarded:
        batch, texts = guarded.codes(40)
        ids = accept_all(guarded, texts)

        together(guarded, *map(work_of, shares(10)), lambda: edit(batch, kind))

        found = outcomes(ids)
        assert sum(found.values()) == 40
        assert set(found) <= {"redeemed", "disabled", "unknown_text"}
        assert spread(batch)[2] == 500 * found["redeemed"]


def test_reports_shuffled_and_sent_twice_end_in_the_same_counters(guarded):
    """I20: only which of two equal reports is the surplus one may differ."""

    def end_of(order):
        codes, texts = guarded.codes(30)
        shared, text = guarded.code(uses=7, worth_cents=0)
        reports = [*texts, *texts[:15], *[text] * 10]
        random.Random(order).shuffle(reports)
        ids = accept_all(guarded, reports)
        together(guarded, *map(work_of, shares(9)))
        shared.refresh_from_db()
        uses = Counter(Code.objects.filter(batch=codes).values_list("uses", "redemptions"))
        return outcomes(ids), uses, spread(codes), (shared.uses, shared.state)

    with guarded:
        first, *others = [end_of(order) for order in range(3)]
        assert first[0] == {"redeemed": 30, "already_used": 15 + 3, "recorded": 7}
        assert all(each == first for each in others)
