"""Web processes killed in the middle of a burst: what was answered is there, what was not is whole or absent."""

import pytest

from codes.models import Attempt, Code
from tests.races.arena import CROWD, violations
from tests.races.bursts import Deed, burst_with_a_kill, late_server, until_answered
from tests.races.crowd import Ask, words

pytestmark = pytest.mark.races


def asking(ask: Ask) -> Deed:
    return lambda line: line.ask(ask)


def test_a_web_process_is_killed_in_a_burst_and_a_retry_under_the_same_key_has_one_effect(guarded):
    def race(server, late, keys):
        batch, texts = guarded.codes(CROWD, uses=2, uses_per_claimant=2)
        asks = [
            guarded.redeem(text, claimant, key)
            for text, claimant, key in zip(texts, guarded.claimants, keys, strict=True)
        ]
        return batch, asks, burst_with_a_kill(server, late, list(map(asking, asks)))

    # The guard is the key. Without one, what was done and never heard of is done again.
    with guarded, late_server(guarded) as (server, late):
        batch, asks, answers = race(server, late, [None] * CROWD)
        until_answered(
            server, list(map(asking, [ask for ask, answer in zip(asks, answers, strict=True) if answer is None]))
        )
        assert Code.objects.filter(batch=batch, uses=2).exists()

    with guarded, late_server(guarded) as (server, late):
        keys = [f"killed-{number}" for number in range(CROWD)]
        batch, asks, answers = race(server, late, keys)
        assert set(words(answers)) == {"redeemed", "unanswered"}
        kept = {attempt.idempotency_key: str(attempt.pk) for attempt in Attempt.objects.filter(batch=batch)}
        for key, answer in zip(keys, answers, strict=True):
            assert answer is None or kept[key] == answer.transaction_id
        unheard = [key for key, answer in zip(keys, answers, strict=True) if answer is None]
        # The kill struck in the middle: some of what was not answered is whole, some is absent, and nothing is half.
        assert 0 < sum(key in kept for key in unheard) < len(unheard)
        assert violations() == ""
        assert Code.objects.filter(batch=batch, uses=1).count() == len(kept)

        again = until_answered(server, list(map(asking, [asks[keys.index(key)] for key in unheard])))
        assert set(words(again)) == {"redeemed"}
        assert [answer.replayed for answer in again] == [key in kept for key in unheard]
        for key, answer in zip(unheard, again, strict=True):
            assert kept.get(key, answer.transaction_id) == answer.transaction_id
        assert Code.objects.filter(batch=batch, uses=1, redemptions=1).count() == CROWD
