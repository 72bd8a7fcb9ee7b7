"""``python -m bench.load ARGUMENTS``: the load generator, one thread over a few kept connections.

Every request is built before the clock starts and every answer is read no further than its status and length, so that the load
takes as little as it can from the cores that it shares with the server. Standard library only.
"""

import gc
import json
import selectors
import socket
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from bench import cpu

LONGEST_WAIT_SECONDS = 30.0
REPORTED = {
    "externalVenueId": "921", "externalVenueSystemType": 10, "redemptionType": "NFC",
    "redemptionDate": "2015-01-20T10:21:47Z", "redemptionAdviceTimezoneOffset": "-10:30",
}  # fmt: skip


@dataclass
class Connection:
    """One client: it asks, waits for the whole answer, and asks again."""

    socket: socket.socket
    asked_at: float = 0.0
    received: bytes = b""

    def ask(self, request: bytes) -> None:
        self.received = b""
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def hear(self) -> int | None:
        """The status once the whole answer is there; None before."""
        part = self.socket.recv(65_536)
        if not part:
            raise ConnectionError("The server closed a connection in the middle of an exchange.")
        self.received += part
        head, separator, body = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        head = head.lower()
        at = head.index(b"content-length:") + 15
        if len(body) < int(head[at:].split(b"\r\n", 1)[0]):
            return None
        return int(head[9:12])


@dataclass
class Tally:
    """What was heard."""

    good: int
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    first_failure: bytes = b""

    def note(self, connection: Connection, status: int) -> None:
        self.seconds.append(time.perf_counter() - connection.asked_at)
        self.statuses[status] += 1
        if status != self.good and not self.first_failure:
            self.first_failure = connection.received


def run(connections: list[Connection], requests: Iterator[bytes], seconds: float, good: int) -> tuple[Tally, float]:
    """Keep every connection busy until the time or the requests are over; every answer is awaited. Also the time taken."""
    tally, waiting = Tally(good), 0
    started = time.perf_counter()
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            request = next(requests, None)
            if request is not None:
                connection.ask(request)
                waiting += 1
        while waiting:
            ready = selector.select(LONGEST_WAIT_SECONDS)
            if not ready:
                raise TimeoutError(f"{waiting} requests were not answered within {LONGEST_WAIT_SECONDS:g} s.")
            for key, _ in ready:
                connection = key.data
                status = connection.hear()
                if status is None:
                    continue
                tally.note(connection, status)
                request = next(requests, None) if time.perf_counter() - started < seconds else None
                if request is None:
                    waiting -= 1
                else:
                    connection.ask(request)
    return tally, time.perf_counter() - started


def build_handing_out(host: str, port: int, key: str, batch: int, count: int, claimants: int) -> list[bytes]:
    """As ``build``: so many codes of the batch, each for another claimant and under a key of its own."""
    requests = []
    for number in range(count):
        body = json.dumps({"claimant_id": f"bench-{number % claimants}"}).encode()
        head = (
            f"POST /api/v1/batches/{batch}/assignments HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nAccept: application/json\r\nIdempotency-Key: {uuid.uuid4()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def build(host: str, port: int, key: str, codes: list[str], claimants: int) -> list[bytes]:
    """The whole requests: each code for another claimant and, as a careful client would, under a key of its own."""
    requests = []
    for number, code in enumerate(codes):
        body = json.dumps({"code": code, "claimant_id": f"bench-{number % claimants}"}).encode()
        head = (
            f"POST /api/v1/redemptions HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nAccept: application/json\r\nIdempotency-Key: {uuid.uuid4()}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def build_reports(host: str, port: int, path: str, key: str, codes: list[str]) -> list[bytes]:
    """The whole requests of a till that reports each code as used. Source: redemption advice, section 4."""
    requests = []
    for code in codes:
        body = json.dumps({"redemptionText": code, **REPORTED}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nx-vmob-authorization: {key}\r\n"
            f"Content-Type: application/json\r\nAccept-Language: en-US\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests


def read_codes(path: str, start: int, count: int, same: bool) -> list[str]:
    """A slice of a file of codes; or its one code, ``count`` times."""
    with Path(path).open() as lines:
        if same:
            return [lines.readline().strip()] * count
        return [line.strip() for line in islice(lines, start, start + count)]


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def spent(arguments: dict[str, Any]) -> tuple[float, float, float]:
    """Processor seconds so far: of the web processes, of the database (0 where it has no process), of this one."""
    database = cpu.seconds_below(arguments["database"]) if arguments["database"] else 0.0
    return cpu.seconds_of_group(arguments["group"]), database, time.process_time()


def main(arguments: dict[str, Any]) -> dict[str, Any]:
    """Warm up, measure, and answer what was heard and what it cost."""
    host, port = arguments["host"], arguments["port"]
    good, key, path = arguments["good"], arguments["key"], arguments.get("report_to")
    if "batch" in arguments:
        built = build_handing_out(host, port, key, arguments["batch"], arguments["count"], arguments["claimants"])
    else:
        codes = read_codes(arguments["path"], arguments["start"], arguments["count"], arguments.get("same", False))
        people = arguments["claimants"]
        built = build_reports(host, port, path, key, codes) if path else build(host, port, key, codes, people)
    requests = iter(built)
    connections = []
    for _ in range(arguments["clients"]):
        connections.append(Connection(socket.create_connection((host, port), LONGEST_WAIT_SECONDS)))
        connections[-1].socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    gc.disable()
    warm, _ = run(connections, islice(requests, arguments["warm_up"]), LONGEST_WAIT_SECONDS, good)
    before = spent(arguments)
    tally, taken = run(connections, requests, arguments["seconds"], good)
    server, database, own = (after - at_first for after, at_first in zip(spent(arguments), before, strict=True))
    answered = max(1, len(tally.seconds))
    return {
        "statuses": warm.statuses + tally.statuses,
        "first_failure": (warm.first_failure or tally.first_failure).decode("latin-1"),
        "per_second": len(tally.seconds) / taken,
        "p50_ms": percentile(tally.seconds, 0.50) * 1_000,
        "p99_ms": percentile(tally.seconds, 0.99) * 1_000,
        "server_cpu_ms": server * 1_000 / answered,
        "database_cpu_ms": database * 1_000 / answered,
        "load_cpu_ms": own * 1_000 / answered,
    }


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
