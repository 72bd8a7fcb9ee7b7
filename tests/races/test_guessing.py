"""Many guesses at once: a parallel burst gets no more of them than the same guesses one by one."""

import pytest

from codes.models import Attempt
from codes.redemption.guessing import FAILURES_PER_CLAIMANT
from tests.races.arena import CROWD
from tests.races.crowd import words

pytestmark = pytest.mark.races


def test_64_wrong_codes_of_one_login_are_looked_up_ten_times(unguarded, guarded):
    def race(arena):
        user = arena.claimant()
        answers = arena.all_at_once([arena.redeem_signed_in(text, user) for text in arena.texts(CROWD)])
        return words(answers), Attempt.objects.filter(claimant=user).count()

    with unguarded:
        heard, _ = race(unguarded)
        assert heard["code_not_found"] > FAILURES_PER_CLAIMANT

    with guarded:
        heard, kept = race(guarded)
        assert heard == {
            "code_not_found": FAILURES_PER_CLAIMANT,
            "too_many_attempts": CROWD - FAILURES_PER_CLAIMANT,
        }
        assert kept == FAILURES_PER_CLAIMANT


def test_64_wrong_codes_of_one_client_for_one_claimant_are_looked_up_ten_times(unguarded, guarded):
    def race(arena):
        user = arena.claimant()
        return words(arena.all_at_once([arena.redeem(text, user) for text in arena.texts(CROWD)]))

    with unguarded:
        assert race(unguarded)["code_not_found"] > FAILURES_PER_CLAIMANT

    with guarded:
        assert race(guarded) == {
            "code_not_found": FAILURES_PER_CLAIMANT,
            "too_many_attempts": CROWD - FAILURES_PER_CLAIMANT,
        }


def test_a_good_code_among_the_guesses_is_refused_or_redeemed_but_never_counted(guarded):
    """It may come before the budget is spent or after; what it never does is to take room from the guesses."""
    with guarded:
        user = guarded.claimant()
        _, text = guarded.code(uses=CROWD, uses_per_claimant=CROWD)
        asks = [guarded.redeem(each, user) for each in [*guarded.texts(CROWD // 2), *[text] * (CROWD // 2)]]
        heard = words(guarded.all_at_once(asks))
        assert heard["code_not_found"] == FAILURES_PER_CLAIMANT
        assert set(heard) <= {"code_not_found", "too_many_attempts", "redeemed"}
        assert guarded.balance(user) == 500 * heard["redeemed"]
