"""What strikes the platform: processes and servers killed, and a broker that forgets, at moments that a seed decides."""

import os
import random
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.faults.town import Town

PENDING = "SELECT count(*) FROM codes_pendingadvice"
LEASED = f"{PENDING} WHERE leased"
IN_HAND = f"{LEASED} AND due_at > clock_timestamp()"  # Not those that somebody has lost.
LONGEST_OUTAGE_SECONDS = 1.5


@dataclass(frozen=True)
class Strike:
    """One fault, and what it found: requests under way, advices not judged, those that a worker had in hand, before and after."""

    kind: str
    struck_at: float
    under_way: int
    pending: int
    leased: int
    left_leased: int | None

    @property
    def struck_work(self) -> bool:
        return bool(self.under_way or self.pending)

    def __str__(self) -> str:
        left = "?" if self.left_leased is None else self.left_leased
        return (
            f"{self.kind}: {self.under_way} requests, {self.pending} not judged, {self.leased} in hand, {left} left so"
        )


def kill_worker(town: Town, chance: random.Random) -> None:
    town.worker.kill()


def kill_task(town: Town, chance: random.Random) -> None:
    """One of the worker's two processes that take tasks."""
    kill_one(children(town.worker.pid), chance)


def kill_poller(town: Town, chance: random.Random) -> None:
    town.poller.kill()


def kill_web(town: Town, chance: random.Random) -> None:
    town.web.kill()


def kill_web_process(town: Town, chance: random.Random) -> None:
    """One of the two that answer requests."""
    kill_one(children(town.web.pid), chance)


def kill_all_who_judge(town: Town, chance: random.Random) -> None:
    town.worker.kill()
    town.poller.kill()
    town.beat.kill()


def kill_broker(town: Town, chance: random.Random) -> None:
    """What it held is gone; the supervisor starts it again."""
    town.broker.process.kill()


def empty_broker(town: Town, chance: random.Random) -> None:
    """Every ring that nobody has heard yet is forgotten."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(OSError):
        connection.settimeout(2)
        connection.connect(str(town.broker.socket_path))
        connection.sendall(b"FLUSHALL\r\n")
        connection.recv(64)


def kill_database(town: Town, chance: random.Random) -> None:
    town.server.kill()
    time.sleep(chance.uniform(0, LONGEST_OUTAGE_SECONDS))
    town.server.start()


def end_database_at_once(town: Town, chance: random.Random) -> None:
    """As ``pg_ctl stop -m immediate`` does: no session ends in order, and the log of writes is replayed."""
    end_database_now(town)
    time.sleep(chance.uniform(0, LONGEST_OUTAGE_SECONDS))
    town.server.start()


def end_database_now(town: Town) -> None:
    """Whoever starts it again is the caller."""
    os.kill(town.server.pid, signal.SIGQUIT)
    assert town.server.popen is not None
    town.server.popen.wait(20)


KINDS: dict[str, Callable[[Town, random.Random], None]] = {
    "worker killed": kill_worker,
    "task killed": kill_task,
    "poller killed": kill_poller,
    "web server killed": kill_web,
    "web process killed": kill_web_process,
    "all who judge killed": kill_all_who_judge,
    "broker killed": kill_broker,
    "broker emptied": empty_broker,
    "database killed": kill_database,
    "database ended at once": end_database_at_once,
}
# Those that break off work in hand strike when a worker has some.
BREAKING_OFF = {
    "worker killed",
    "task killed",
    "poller killed",
    "all who judge killed",
    "database killed",
    "database ended at once",
}


def strike(kind: str, town: Town, chance: random.Random, under_way: Callable[[], int]) -> Strike:
    """Strike while there is work under way; the platform is left as it then is."""

    def something_to_strike() -> bool:
        found["pending"] = town.ask(PENDING) or 0
        found["leased"] = town.ask(IN_HAND) or 0
        found["under_way"] = under_way()
        return bool(found["leased"]) if kind in BREAKING_OFF else bool(found["under_way"] or found["pending"])

    found: dict[str, int] = {}
    town.live(15, until=something_to_strike)
    struck_at = time.monotonic()
    KINDS[kind](town, chance)
    return Strike(kind, struck_at, found["under_way"], found["pending"], found["leased"], town.ask(LEASED))


def children(pid: int) -> list[int]:
    """The processes that this one started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def kill_one(pids: list[int], chance: random.Random) -> None:
    with suppress(ProcessLookupError, IndexError):
        os.kill(chance.choice(pids), signal.SIGKILL)
