"""Many clients at the same moment, each with an open connection of its own to a real web server."""

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from deploy.local import ports

# Longer than any answer may take, so that a hanging server fails a test and does not stop the suite.
PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Ask:
    """A request to be sent, once or often."""

    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a client heard; the moments are of ``time.monotonic()``."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str]
    asked_at: float
    heard_at: float

    @property
    def word(self) -> str:
        """Why not, in the flow's words; "redeemed" if it was, and "done" for other deeds."""
        if self.status >= 400:
            return self.body.get("reason") or self.body["code"]
        return "redeemed" if self.body.get("status") == "redeemed" else "done"

    @property
    def done(self) -> bool:
        return self.status in (200, 201, 202)

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"

    @property
    def transaction_id(self) -> str:
        return str(self.body["transaction_id"])


class Line:
    """One client's connection, opened ahead; where that failed, and after a cut, the next question opens it anew."""

    def __init__(self, port: int) -> None:
        self.connection = http.client.HTTPConnection(ports.HOST, port, timeout=PATIENCE_SECONDS)
        with contextlib.suppress(OSError):
            self.connection.connect()

    def ask(self, ask: Ask) -> Answer | None:
        """The answer, or None if the connection broke before it was whole."""
        asked_at = time.monotonic()
        try:
            self.connection.request(
                ask.method,
                ask.path,
                json.dumps(ask.body).encode(),
                {"Content-Type": "application/json", **ask.headers},
            )
            response = self.connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, json.loads(body), headers, asked_at, time.monotonic())

    def close(self) -> None:
        self.connection.close()


def all_at_once(port: int, asks: Sequence[Ask]) -> list[Answer | None]:
    """Send every request at one moment, each over a connection of its own that is open already; answers in their order."""
    return each_at_once(port, [lambda line, ask=ask: line.ask(ask) for ask in asks])


def each_at_once(port: int, deeds: Sequence[Callable[[Line], Any]]) -> list[Any]:
    """Release all deeds at one moment, each with a line of its own; what each returned, or the first error raised."""
    gate = threading.Barrier(len(deeds), timeout=PATIENCE_SECONDS)
    outcomes: list[Any] = [None] * len(deeds)
    errors: list[BaseException] = []
    lines = [Line(port) for _ in deeds]

    def carry_out(place: int, deed: Callable[[Line], Any]) -> None:
        try:
            gate.wait()
            outcomes[place] = deed(lines[place])
        except BaseException as error:
            errors.append(error)
        finally:
            # A deed may have asked the database as well; Django opens connections per thread.
            connections.close_all()

    threads = [threading.Thread(target=carry_out, args=(place, deed)) for place, deed in enumerate(deeds)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for line in lines:
        line.close()
    if errors:
        raise errors[0]
    return outcomes


def words(answers: Iterable[Answer | None]) -> Counter[str]:
    """How often each outcome was heard; "unanswered" where the connection broke."""
    return Counter(answer.word if answer else "unanswered" for answer in answers)


def done(answers: Iterable[Answer | None]) -> list[Answer]:
    """The answers that say that it was done."""
    return [answer for answer in answers if answer and answer.done]
