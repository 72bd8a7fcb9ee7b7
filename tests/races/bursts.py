"""A burst of requests at a web server whose answers come late, and a web process that is killed in its midst."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.processes import wait_until
from tests.processes import WebServer
from tests.races import late_answers
from tests.races.arena import CROWD, Arena
from tests.races.crowd import Line, each_at_once

Deed = Callable[[Line], Any]  # Answers None where the connection broke before the answer was whole.


@contextmanager
def late_server(arena: Arena) -> Iterator[tuple[WebServer, Path]]:
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


def burst_with_a_kill(server: WebServer, late: Path, deeds: Sequence[Deed]) -> list[Any]:
    """64 clients send their requests, and in their midst one of two web processes is killed. None: never answered."""
    answers: list[Any] = [None] * CROWD

    def client(place: int) -> Deed:
        def ask(line: Line) -> None:
            answers[place] = deeds[place](line)

        return ask

    def kill(line: Line) -> None:
        assert wait_until(
            lambda: sum(each is not None for each in answers) > CROWD // 8, seconds=30, pause_seconds=0.002
        )
        before = set(late.iterdir())
        # One that has just been done, and that its process will not come to tell.
        assert wait_until(lambda: set(late.iterdir()) - before, seconds=10, pause_seconds=0.002)
        [done_just_now, *_] = set(late.iterdir()) - before
        os.kill(int(done_just_now.name.partition("-")[0]), signal.SIGKILL)

    each_at_once(server.port, [*map(client, range(CROWD)), kill])
    return answers


def until_answered(server: WebServer, deeds: Sequence[Deed]) -> list[Any]:
    """Every request again, as a patient client would, until each has an answer."""

    def client(deed: Deed) -> Deed:
        def ask_on(line: Line) -> Any:
            while (answer := deed(line)) is None:
                time.sleep(0.1)
            return answer

        return ask_on

    return each_at_once(server.port, [client(deed) for deed in deeds])
