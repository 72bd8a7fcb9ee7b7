"""Crossings of two deeds: the first is stopped after one of its statements, and the second done meanwhile, as far as it comes.

Every statement of the first is such a moment, whatever statements it has: a crossing is asked for with a number, and there is
none any more when the first has ended before.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection, connections

from tests.races.moments import around_statements

Told = Callable[[], str]
PATIENCE_SECONDS = 30


class Rival:
    """Somebody else, with a connection of their own, who does one deed at a time; and a look at whether they wait."""

    def __init__(self, observer: psycopg.Connection) -> None:
        self.observer = observer
        self.thread = ThreadPoolExecutor(1)
        self.pid = self.thread.submit(self.connect).result(PATIENCE_SECONDS)

    def connect(self) -> int:
        connection.ensure_connection()
        return int(connection.connection.info.backend_pid)

    def start(self, deed: Told) -> "Future[str]":
        """Do it until it has ended, or until somebody else must move first."""
        running = self.thread.submit(deed)
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not running.done() and not self.waits():
            assert time.monotonic() < give_up_at, "The second deed neither ends nor waits."
            time.sleep(0.0005)
        return running

    def waits(self) -> bool:
        row = self.observer.execute("SELECT pg_blocking_pids(%s) <> '{}'", [self.pid]).fetchone()
        return bool(row and row[0])


@contextmanager
def rival() -> Iterator[Rival]:
    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"],
        port=where["PORT"],
        user=where["USER"],
        password=where["PASSWORD"],
        dbname=where["NAME"],
        autocommit=True,
    ) as observer:
        made = Rival(observer)
        try:
            yield made
        finally:
            made.thread.submit(connections.close_all)
            made.thread.shutdown()


@dataclass(frozen=True)
class Crossing:
    """What both heard, the last statement of the first before the second began, and whether the second had to wait."""

    first: str
    second: str
    statement: str
    waited: bool


def cross(other: Rival, first: Told, second: Told, moment: int) -> Crossing | None:
    """Do ``second`` after the ``moment``-th statement (from 1 on) of ``first``; None if it has not so many."""
    statements: list[str] = []
    running: list[Future[str]] = []
    waited: list[bool] = []

    def around(sql: str, go: Callable[[], Any]) -> Any:
        result = go()
        statements.append(sql)
        if len(statements) == moment:
            running.append(other.start(second))
            waited.append(not running[0].done())
        return result

    with around_statements(around):
        heard = first()
    if not running:
        return None
    return Crossing(heard, running[0].result(PATIENCE_SECONDS), statements[moment - 1], waited[0])
