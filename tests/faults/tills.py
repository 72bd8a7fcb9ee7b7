"""Tills that report over HTTP until each of their reports was answered by 202; every sending is marked, and remembered."""

import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.local import ports

PATH = "/v3/redemptionAdvice"
DATE = "2026-03-05T12:00:00Z"
TILLS = 24
# So that the reports last as long as the faults do.
LONGEST_PAUSE_SECONDS = 0.3
PAUSE_AFTER_SILENCE_SECONDS = 0.3
PATIENCE_SECONDS = 15


@dataclass(frozen=True)
class Redemption:
    """Something to report; ``kind`` says what may become of it."""

    kind: str
    text: str
    date: str = DATE


@dataclass
class Sending:
    """One request. ``status`` is what it was answered with, None if it never was."""

    marker: str
    redemption: Redemption
    status: int | None = None


def mix(chance: random.Random, count: int, codes: Sequence[str], shared: Sequence[str]) -> list[Redemption]:
    """What ``count`` tills report: each code once, and many once more; unknown, shared and undated ones, shuffled."""
    once = [Redemption("code", text) for text in codes]
    again = [Redemption("code", chance.choice(codes)) for _ in range(count // 5)]
    others = [
        chance.choice(
            (
                Redemption("unknown", f"NOBODY-{chance.randrange(10**6)}"),
                Redemption("shared", chance.choice(shared)),
                Redemption("shared", chance.choice(shared)),
                Redemption("undated", chance.choice(codes), "yesterday"),
            )
        )
        for _ in range(count - len(once) - len(again))
    ]
    redemptions = [*once, *again, *others]
    chance.shuffle(redemptions)
    return redemptions


@dataclass
class Tills:
    """So many tills at once; each takes the next redemption when it is done with one."""

    port: int
    headers: dict[str, str]
    redemptions: list[Redemption]
    seed: int
    sent: list[Sending] = field(default_factory=list)
    accepted: int = 0
    under_way: int = 0
    last_accepted_at: float = 0.0

    def __post_init__(self) -> None:
        self.queue = iter(self.redemptions)
        self.numbers = itertools.count(1)
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.report, args=(number,)) for number in range(TILLS)]

    @property
    def are_done(self) -> bool:
        return not any(thread.is_alive() for thread in self.threads)

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join()

    def report(self, number: int) -> None:
        chance = random.Random(self.seed + number)
        line = http.client.HTTPConnection(ports.HOST, self.port, timeout=PATIENCE_SECONDS)
        while True:
            with self.lock:
                redemption = next(self.queue, None)
            if redemption is None:
                break
            while not self.send(line, redemption):
                time.sleep(PAUSE_AFTER_SILENCE_SECONDS)
            time.sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
        line.close()

    def send(self, line: http.client.HTTPConnection, redemption: Redemption) -> bool:
        """Send it once; whether it was accepted."""
        with self.lock:
            sending = Sending(f"m{next(self.numbers)}", redemption)
            self.sent.append(sending)
            self.under_way += 1
        body: dict[str, Any] = {
            "redemptionText": redemption.text,
            "redemptionDate": redemption.date,
            "redemptionAdviceTimezoneOffset": "+01:00",
            "marker": sending.marker,  # Which the platform does not know, and keeps.
        }
        try:
            line.request("POST", PATH, json.dumps(body).encode(), self.headers)
            response = line.getresponse()
            response.read()
            sending.status = response.status
        except (OSError, http.client.HTTPException):
            line.close()
        with self.lock:
            self.under_way -= 1
            if sending.status == 202:
                self.accepted += 1
                self.last_accepted_at = time.monotonic()
        return sending.status == 202
