"""One key, many requests: one effect, and everybody who asks hears of it."""

import pytest

from codes import ordering
from codes.models import Attempt, Batch, Reversal
from tests.factories import new_batch
from tests.races.arena import CROWD
from tests.races.crowd import done, words
from tests.races.moments import before_statement

pytestmark = pytest.mark.races


def heard_twice(answers, name):
    """The different names that the successes gave of what they did, and how many of them said they repeat an answer."""
    return {answer.body[name] for answer in done(answers)}, sum(answer.replayed for answer in done(answers))


def test_one_request_is_sent_64_times_under_one_key_and_has_one_effect(unguarded, guarded):
    def race(arena):
        code, text = arena.code(uses=CROWD, uses_per_claimant=CROWD)
        claimant = arena.claimant()
        ask = arena.redeem(text, claimant, "k-same")
        answers = arena.all_at_once([ask] * CROWD)
        code.refresh_from_db()
        return code, arena.balance(claimant), ask, answers

    with unguarded:
        code, balance, _, _ = race(unguarded)
        assert code.uses > 1
        assert balance > 500

    with guarded:
        code, balance, ask, answers = race(guarded)
        assert set(words(answers)) <= {"redeemed", "code_busy"}
        ids, replays = heard_twice(answers, "transaction_id")
        assert len(ids) == 1
        assert replays == len(done(answers)) - 1
        assert (code.uses, balance) == (1, 500)
        # Whoever gave up waiting hears the same when they ask again.
        [again] = guarded.all_at_once([ask])
        assert again.replayed
        assert again.transaction_id in ids


def test_a_final_refusal_is_kept_under_its_key_as_well(unguarded, guarded):
    def race(arena, key):
        _, text = arena.code()
        first, second = arena.claimants[:2]
        arena.all_at_once([arena.redeem(text, first)])
        answers = arena.all_at_once([arena.redeem(text, second, key)] * CROWD)
        return answers, Attempt.objects.filter(idempotency_key=key).count()

    with unguarded:
        _, kept = race(unguarded, "k-refused")
        assert kept > 1

    with guarded:
        answers, kept = race(guarded, "k-refused")
        assert words(answers) == {"code_used_up": CROWD}
        assert len({answer.transaction_id for answer in answers}) == kept == 1


def test_one_key_comes_with_64_codes_and_one_of_them_is_redeemed(unguarded, guarded):
    def race(arena, key):
        batch, texts = arena.codes(CROWD)
        asks = [arena.redeem(text, claimant, key) for text, claimant in zip(texts, arena.claimants, strict=True)]
        answers = arena.all_at_once(asks)
        return answers, batch.codes.filter(uses=1).count()

    with unguarded:
        _, used = race(unguarded, "k-other")
        assert used > 1

    with guarded:
        answers, used = race(guarded, "k-other")
        assert words(answers)["redeemed"] == used == 1
        assert set(words(answers)) <= {"redeemed", "idempotency_mismatch", "code_busy"}


def test_one_reversal_is_asked_for_64_times_under_one_key_and_made_once(unguarded, guarded):
    def race(arena, key):
        claimant = arena.claimant(balance=100_000)
        _, text = arena.code()
        [redeemed] = arena.all_at_once([arena.redeem(text, claimant)])
        answers = arena.all_at_once([arena.reverse(redeemed.transaction_id, key)] * CROWD)
        return arena.balance(claimant), answers

    with unguarded:
        balance, _ = race(unguarded, "r-same")
        assert balance < 100_000

    with guarded:
        balance, answers = race(guarded, "r-same")
        assert words(answers) == {"done": CROWD}
        ids, replays = heard_twice(answers, "reversal_id")
        assert (len(ids), replays) == (1, CROWD - 1)
        assert balance == 100_000


def test_one_key_comes_with_the_reversals_of_64_redemptions_and_one_is_made(unguarded, guarded):
    def race(arena, key):
        _, texts = arena.codes(CROWD)
        asks = [arena.redeem(text, claimant) for text, claimant in zip(texts, arena.claimants, strict=True)]
        ids = [answer.transaction_id for answer in arena.all_at_once(asks)]
        answers = arena.all_at_once([arena.reverse(each, key) for each in ids])
        return answers, Reversal.objects.filter(attempt__in=ids).count()

    with unguarded:
        assert race(unguarded, "r-other")[1] > 1

    with guarded:
        answers, made = race(guarded, "r-other")
        assert words(answers) == {"done": 1, "idempotency_mismatch": CROWD - 1}
        assert made == 1


def test_one_batch_is_ordered_64_times_under_one_key_and_made_once(guarded):
    """Here no guard can be taken out: the names of batches are unique, so no second one ever comes to be.

    What a race could do is to tell the losers that the name is taken, by the very batch that they ordered.
    """
    order = {"name": "ordered once", "count": 3, "action": "credit", "asset": "EUR", "value": "5.00"}
    with guarded:
        guarded.code()  # The asset is there.
        answers = guarded.all_at_once([guarded.ask("POST", "/api/v1/batches", order, "o-same")] * CROWD)
        assert words(answers) == {"done": CROWD}
        ids, replays = heard_twice(answers, "order_id")
        assert (len(ids), replays) == (1, CROWD - 1)
        assert Batch.objects.get(name="ordered once").orders.count() == 1


def test_the_same_batch_is_ordered_in_the_middle_of_ordering_it_and_both_hear_of_one(guarded):
    with guarded:
        for marker in ('INSERT INTO "codes_terms"', 'FROM "codes_batch"', 'INSERT INTO "codes_batch"'):
            new = new_batch(guarded.site, name=marker, worth_cents=500, idempotency_key=marker)
            with before_statement(marker, lambda new=new: ordering.order_batch(new)) as faster:
                order, replayed = ordering.order_batch(new)
            assert replayed
            assert faster == [(order, False)]
