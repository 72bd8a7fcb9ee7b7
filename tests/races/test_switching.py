"""Redeeming while staff change codes and switch them off: no use is forgotten, and nothing is redeemed afterwards."""

import time
from dataclasses import dataclass

import pytest

from codes import switching
from codes.models import Attempt
from tests.races.crowd import Answer, done, each_at_once, words

pytestmark = pytest.mark.races

MANY = 100_000


@dataclass
class Switching:
    """What a crowd heard that redeemed until it was refused, and what there was when the switch had been thrown."""

    answers: list[Answer]
    over_at: float
    redeemed_by_then: int
    redeemed: int

    @property
    def asked_afterwards(self):
        return [answer for answer in self.answers if answer.asked_at > self.over_at]


def redeem_against(arena, batch, text_of, deed):
    """Let 64 clients redeem on and on, each until it is refused, while ``deed`` is done in their midst."""
    redeemed = Attempt.objects.filter(batch=batch, outcome="redeemed")

    def client(place):
        ask = arena.redeem(text_of(place), arena.claimants[place])

        def redeem_on(line):
            answers = [line.ask(ask)]
            while answers[-1].done:
                answers.append(line.ask(ask))
            return answers

        return redeem_on

    def switch(line):
        time.sleep(0.3)
        deed(line)
        return time.monotonic(), redeemed.count()

    clients = [client(place) for place in range(len(arena.claimants))]
    *heard, (over_at, redeemed_by_then) = each_at_once(arena.web.port, [*clients, switch])
    answers = [answer for answers in heard for answer in answers]
    return Switching(answers, over_at, redeemed_by_then, redeemed.count())


def test_a_code_is_changed_and_switched_off_while_64_claimants_redeem_it(unguarded, guarded):
    def race(arena):
        code, text = arena.code(uses=MANY, uses_per_claimant=MANY)

        def change(line):
            for more in range(1, 9):
                switching.change_code(code, actor_id="staff", max_uses=MANY + more)
            answer = line.ask(arena.ask("PATCH", f"/api/v1/codes/{code.pk}", {"state": "disabled"}))
            assert answer.done, answer

        race = redeem_against(arena, code.batch, lambda place: text, change)
        code.refresh_from_db()
        return code, race

    with unguarded:
        code, race_lost = race(unguarded)
        assert code.uses < race_lost.redeemed

    with guarded:
        code, race_won = race(guarded)
        assert code.uses == code.redemptions == race_won.redeemed == len(done(race_won.answers)) > 0
        assert set(words(race_won.answers)) == {"redeemed", "code_disabled"}
        assert set(words(race_won.asked_afterwards)) <= {"code_disabled"}
        assert race_won.redeemed_by_then == race_won.redeemed
        assert (code.state, code.max_uses) == ("disabled", MANY + 8)


def test_a_capped_batch_is_switched_off_while_64_of_its_codes_are_redeemed(unguarded, guarded):
    def race(arena):
        batch, texts = arena.codes(64, uses=MANY, uses_per_claimant=MANY, total_cap=MANY)
        return redeem_against(
            arena, batch, texts.__getitem__, lambda line: switching.switch_batch(batch, False, actor_id="staff")
        )

    with unguarded:
        race_lost = race(unguarded)
        assert race_lost.redeemed > race_lost.redeemed_by_then

    with guarded:
        race_won = race(guarded)
        assert set(words(race_won.answers)) == {"redeemed", "code_disabled"}
        assert race_won.redeemed == race_won.redeemed_by_then == len(done(race_won.answers)) > 0


def test_after_a_batch_without_a_cap_was_switched_off_nobody_who_asks_redeems(guarded):
    """Its codes are redeemed without its lock: those that had been judged by then are finished, as if they had come first."""
    with guarded:
        batch, texts = guarded.codes(64, uses=MANY, uses_per_claimant=MANY)
        race = redeem_against(
            guarded, batch, texts.__getitem__, lambda line: switching.switch_batch(batch, False, actor_id="staff")
        )
        assert set(words(race.answers)) == {"redeemed", "code_disabled"}
        assert race.asked_afterwards
        assert set(words(race.asked_afterwards)) == {"code_disabled"}
        assert race.redeemed == len(done(race.answers)) > 0
