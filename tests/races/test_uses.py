"""Many requests, one code or one batch: it is used as often as it may be, and not once more."""

import time

import pytest

from codes.models import Attempt, Batch
from ledger.models import LedgerTransaction
from tests.races.arena import CROWD, violations
from tests.races.crowd import done, each_at_once, words

pytestmark = pytest.mark.races

LOST = {"code_used_up", "code_busy", "code_reserved"}


def test_64_claimants_redeem_a_single_use_code_and_one_of_them_gets_it(unguarded, guarded):
    def race(arena):
        code, text = arena.code()
        answers = arena.all_at_once([arena.redeem(text, claimant) for claimant in arena.claimants])
        code.refresh_from_db()
        return code, answers

    with unguarded:
        code, answers = race(unguarded)
        assert len(done(answers)) > 1
        assert code.uses > code.max_uses
        assert "does not hold" in violations()

    with guarded:
        code, answers = race(guarded)
        assert len(done(answers)) == 1
        assert set(words(answers)) <= {"redeemed", *LOST}
        assert (code.uses, code.redemptions, code.state) == (1, 1, "used_up")
        assert LedgerTransaction.objects.filter(attempt__code=code).count() == 1


def test_case_22_twenty_claimants_who_are_signed_in_redeem_a_single_use_code_and_one_of_them_gets_it(
    unguarded, guarded
):
    def race(arena):
        code, text = arena.code(worth_cents=2500)
        answers = arena.all_at_once([arena.redeem_signed_in(text, user) for user in arena.claimants[:20]])
        return answers, LedgerTransaction.objects.filter(attempt__code=code)

    with unguarded:
        answers, transactions = race(unguarded)
        assert len(done(answers)) > 1
        assert transactions.count() > 1

    with guarded:
        answers, transactions = race(guarded)
        assert words(answers)["redeemed"] == 1
        assert sum(words(answers)[reason] for reason in LOST) == 19
        assert transactions.count() == 1


def test_64_claimants_redeem_a_code_with_ten_uses_and_ten_of_them_get_one(unguarded, guarded):
    def race(arena):
        code, text = arena.code(uses=10)
        answers = arena.all_at_once([arena.redeem(text, claimant) for claimant in arena.claimants])
        code.refresh_from_db()
        return code, answers

    with unguarded:
        code, answers = race(unguarded)
        assert len(done(answers)) > 10

    with guarded:
        code, answers = race(guarded)
        assert len(done(answers)) == 10
        assert set(words(answers)) <= {"redeemed", *LOST}
        assert (code.uses, code.state) == (10, "used_up")
        numbers = Attempt.objects.filter(code=code, outcome="redeemed").values_list("use_number", flat=True)
        assert sorted(numbers) == list(range(1, 11))
        assert sorted(answer.body["receipt"]["uses_left"] for answer in done(answers)) == list(range(10))


def test_a_claimant_asks_64_times_for_a_code_they_may_use_three_times_and_gets_three(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant()
        _, text = arena.code(uses=CROWD, uses_per_claimant=3)
        answers = arena.all_at_once([arena.redeem(text, claimant)] * CROWD)
        return arena.balance(claimant), answers

    with unguarded:
        _, answers = race(unguarded)
        assert len(done(answers)) > 3

    with guarded:
        balance, answers = race(guarded)
        assert words(answers) == {"redeemed": 3, "claimant_cap_reached": CROWD - 3}
        assert balance == 3 * 500


def test_64_codes_of_a_batch_with_a_cap_of_ten_are_redeemed_ten_times(unguarded, guarded):
    def race(arena):
        batch, texts = arena.codes(CROWD, total_cap=10)
        asks = [arena.redeem(text, claimant) for text, claimant in zip(texts, arena.claimants, strict=True)]
        answers = arena.all_at_once(asks)
        return Batch.objects.get(pk=batch.pk), answers

    with unguarded:
        batch, answers = race(unguarded)
        assert len(done(answers)) > 10
        assert batch.uses_in_force > 10

    with guarded:
        batch, answers = race(guarded)
        assert words(answers) == {"redeemed": 10, "campaign_cap_reached": CROWD - 10}
        assert batch.uses_in_force == 10


def test_a_claimant_redeems_64_codes_of_a_batch_with_a_cool_down_and_gets_one(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant()
        _, texts = arena.codes(CROWD, cooldown_seconds=3600)
        return arena.all_at_once([arena.redeem(text, claimant) for text in texts])

    with unguarded:
        assert len(done(race(unguarded))) > 1

    with guarded:
        assert words(race(guarded)) == {"redeemed": 1, "cooldown_active": CROWD - 1}


def test_a_double_click_redeems_once_and_the_second_answer_names_the_receipt(unguarded, guarded):
    def race(arena, seconds_between):
        _, text = arena.code()
        ask = arena.redeem_signed_in(text, arena.claimants[0])

        def click(line):
            return line.ask(ask)

        def click_again(line):
            time.sleep(seconds_between)
            return line.ask(ask)

        return each_at_once(arena.web.port, [click, click_again])

    with unguarded:
        assert any(len(done(race(unguarded, seconds_between=0))) == 2 for _ in range(3))

    with guarded:
        for seconds_between in (0, 0.003, 0.01, 0.02, 0.05):
            answers = race(guarded, seconds_between)
            assert words(answers) == {"redeemed": 1, "code_used_up": 1}
            [winner] = done(answers)
            [loser] = [answer for answer in answers if answer is not winner]
            assert loser.body["receipt_id"] == winner.body["receipt"]["receipt_id"]
