"""Web processes killed in the middle of a burst: what was answered is there, what was not is whole or absent."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from codes.models import Attempt, Code
from tests.processes import WebServer
from tests.races.arena import CROWD
from tests.races.crowd import Answer, Ask, each_at_once, words

pytestmark = pytest.mark.races

ROUNDS = 3
WORKERS = 4


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def late_server(arena) -> Iterator[WebServer]:
    """A second web server over the arena's database, one whose answers come late."""
    arena.platform.variables["DJANGO_SETTINGS_MODULE"] = "tests.races.late_answers"
    try:
        server = arena.platform.web(WORKERS)
    finally:
        del arena.platform.variables["DJANGO_SETTINGS_MODULE"]
    try:
        yield server
    finally:
        server.kill()


def burst_with_kills(server, asks: list[Ask], victims: list[int]) -> list[Answer | None]:
    """64 clients send all of ``asks``, three each, and in their midst web processes are killed. None: never answered."""

    def client(place):
        return lambda line: [line.ask(ask) for ask in asks[place::CROWD]]

    def kill(line):
        for victim in victims:
            time.sleep(0.4)
            os.kill(victim, signal.SIGKILL)

    *heard, _ = each_at_once(server.port, [*map(client, range(CROWD)), kill])
    answers: list[Answer | None] = [None] * len(asks)
    for place, answered in enumerate(heard):
        answers[place::CROWD] = answered
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


def test_web_processes_are_killed_and_a_retry_under_the_same_key_has_one_effect(guarded):
    def race(server, keys, victims):
        batch, texts = guarded.codes(ROUNDS * CROWD, uses=2, uses_per_claimant=2)
        asks = [
            guarded.redeem(text, guarded.claimants[place % CROWD], key)
            for place, (text, key) in enumerate(zip(texts, keys, strict=True))
        ]
        answers = burst_with_kills(server, asks, victims)
        return batch, asks, answers

    with guarded, late_server(guarded) as server:
        # Each is killed once, for a server whose new processes die as well gives up and is started anew by its supervisor.
        workers = children_of(server.pid)
        assert len(workers) == WORKERS

        # The guard is the key. Without one, what was done and never heard of is done again.
        batch, asks, answers = race(server, [None] * ROUNDS * CROWD, workers[:2])
        unheard = [ask for ask, answer in zip(asks, answers, strict=True) if answer is None]
        until_answered(server, unheard)
        assert Code.objects.filter(batch=batch, uses=2).exists()

        keys = [f"killed-{number}" for number in range(ROUNDS * CROWD)]
        batch, asks, answers = race(server, keys, workers[2:])
        assert set(words(answers)) == {"redeemed", "unanswered"}
        kept = {attempt.idempotency_key: str(attempt.pk) for attempt in Attempt.objects.filter(batch=batch)}
        for key, answer in zip(keys, answers, strict=True):
            assert answer is None or kept[key] == answer.transaction_id
        unheard = [key for key, answer in zip(keys, answers, strict=True) if answer is None]
        # The kills struck in the middle: some of what was not answered is whole, some is absent, and nothing is half.
        assert 0 < sum(key in kept for key in unheard) < len(unheard)
        assert guarded.violations() == ""
        assert Code.objects.filter(batch=batch, uses=1).count() == len(kept)

        again = until_answered(server, [asks[keys.index(key)] for key in unheard])
        assert set(words(again)) == {"redeemed"}
        assert [answer.replayed for answer in again] == [key in kept for key in unheard]
        for key, answer in zip(unheard, again, strict=True):
            assert kept.get(key, answer.transaction_id) == answer.transaction_id
        assert Code.objects.filter(batch=batch, uses=1, redemptions=1).count() == ROUNDS * CROWD
