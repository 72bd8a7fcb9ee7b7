"""Redeeming while the redemption is being reversed: whoever comes first, each use is given and given back once."""

import pytest

from codes.models import Attempt, Reversal
from tests.races.arena import CROWD
from tests.races.crowd import done, words

pytestmark = pytest.mark.races


def redeemed_code(arena, claimant, **fields):
    code, text = arena.code(**fields)
    [answer] = arena.all_at_once([arena.redeem(text, claimant)])
    return code, text, answer.transaction_id


def test_a_used_code_is_redeemed_while_its_use_is_given_back_and_never_has_two_uses(unguarded, guarded):
    def race(arena):
        first = arena.claimant(balance=100_000)
        code, text, redemption = redeemed_code(arena, first)
        half = CROWD // 2
        takers = arena.claimants[:half]
        pairs = zip(
            [arena.reverse(redemption, give_use_back=True)] * half,
            [arena.redeem(text, taker) for taker in takers],
            strict=True,
        )
        answers = arena.all_at_once([ask for pair in pairs for ask in pair])
        code.refresh_from_db()
        return code, arena.balance(first), answers[0::2], answers[1::2]

    with unguarded:
        _, balance, reversals, _ = race(unguarded)
        assert len(done(reversals)) > 1
        assert balance < 100_000

    with guarded:
        for _ in range(3):
            code, balance, reversals, redemptions = race(guarded)
            assert words(reversals) == {"done": 1, "already_reversed": CROWD // 2 - 1}
            assert len(done(redemptions)) <= 1
            assert set(words(redemptions)) <= {"redeemed", "code_used_up"}
            assert (code.uses, code.redemptions) == (len(done(redemptions)), 1 + len(done(redemptions)))
            assert code.state == ("used_up" if done(redemptions) else "active")
            assert balance == 100_000


def test_64_uses_are_taken_while_64_are_given_back_and_the_counter_is_their_difference(unguarded, guarded):
    def race(arena):
        code, text = arena.code(uses=CROWD, uses_per_claimant=2)
        first = arena.all_at_once([arena.redeem(text, claimant) for claimant in arena.claimants])
        half = CROWD // 2
        back = [arena.reverse(answer.transaction_id, give_use_back=True) for answer in first[:half]]
        more = [arena.redeem(text, claimant) for claimant in arena.claimants[half:]]
        arena.all_at_once([*back, *more])
        code.refresh_from_db()
        attempts = Attempt.objects.filter(code=code, outcome="redeemed")
        given_back = Reversal.objects.filter(attempt__code=code, give_use_back=True)
        return code, attempts.count() - given_back.count(), attempts.values_list("use_number", flat=True)

    with unguarded:
        code, in_force, numbers = race(unguarded)
        assert len(set(numbers)) < len(numbers) or code.uses != in_force

    with guarded:
        code, in_force, numbers = race(guarded)
        assert code.uses == in_force
        assert len(set(numbers)) == len(numbers) == code.redemptions
