"""Web processes killed in the middle of a burst: what was answered is there, what was not is whole or absent."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codes.models import Attempt, Code
from deploy.local.processes import wait_until
from tests.processes import WebServer
from tests.races import late_answers
from tests.races.arena import CROWD, violations
from tests.races.crowd import Answer, Ask, each_at_once, words

pytestmark = pytest.mark.races


@contextmanager
def late_server(arena) -> Iterator[tuple[WebServer, Path]]:
    """A second web server over the arena's database, one whose answers come late, and the folder of its marks."""
    late = late_answers.marks(arena.platform.folder)
    late.mkdir()
    with arena.under("tests.races.late_answers"):
        server = arena.platform.web(workers=2)
    try:
        # One of them answers already; the clients are to be spread over both.
        assert wait_until(lambda: server.log.read_text().count("Started worker") == 2, seconds=30)
        yield server, late
    finally:
        server.kill()
        shutil.rmtree(late)


def burst_with_a_kill(server, late: Path, asks: list[Ask]) -> list[Answer | None]:
    """64 clients send their requests, and in their midst one of two web processes is killed. None: never answered."""
    answers: list[Answer | None] = [None] * CROWD

    def client(place):
        def ask(line):
            answers[place] = line.ask(asks[place])

        return ask

    def kill(line):
        assert wait_until(lambda: sum(map(bool, answers)) > CROWD // 8, seconds=30, pause_seconds=0.002)
        before = set(late.iterdir())
        # One that has just been done, and that its process will not come to tell.
        assert wait_until(lambda: set(late.iterdir()) - before, seconds=10, pause_seconds=0.002)
        [done_just_now, *_] = set(late.iterdir()) - before
        os.kill(int(done_just_now.name.partition("-")[0]), signal.SIGKILL)

    each_at_once(server.port, [*map(client, range(CROWD)), kill])
    return answers


def until_answered(server, asks: list[Ask]) -> list[Answer]:
    """Every request again, as a patient client would, until each has an answer."""

    def client(ask):
        def ask_on(line):
            while (answer := line.ask(ask)) is None:
                time.sleep(0.1)
            return answer

        return ask_on

    return each_at_once(server.port, [client(ask) for ask in asks])


def test_a_web_process_is_killed_in_a_burst_and_a_retry_under_the_same_key_has_one_effect(guarded):
    def race(server, late, keys):
        batch, texts = guarded.codes(CROWD, uses=2, uses_per_claimant=2)
        asks = [
            guarded.redeem(text, claimant, key)
            for text, claimant, key in zip(texts, guarded.claimants, keys, strict=True)
        ]
        return batch, asks, burst_with_a_kill(server, late, asks)

    # The guard is the key. Without one, what was done and never heard of is done again.
    with guarded, late_server(guarded) as (server, late):
        batch, asks, answers = race(server, late, [None] * CROWD)
        until_answered(server, [ask for ask, answer in zip(asks, answers, strict=True) if answer is None])
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

        again = until_answered(server, [asks[keys.index(key)] for key in unheard])
        assert set(words(again)) == {"redeemed"}
        assert [answer.replayed for answer in again] == [key in kept for key in unheard]
        for key, answer in zip(unheard, again, strict=True):
            assert kept.get(key, answer.transaction_id) == answer.transaction_id
        assert Code.objects.filter(batch=batch, uses=1, redemptions=1).count() == CROWD
