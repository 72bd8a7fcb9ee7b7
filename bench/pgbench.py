"""The floor at work: pgbench calling the function of bench/floor_function.py over and over."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench import cpu
from bench.grounds import CLAIMANTS, Ground, Shelf
from deploy.local import ports
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.trouble import Trouble

FRESH = "SELECT bench_redeem(nextval('bench_fresh_code'), :claimant);"
ADVICE = "SELECT bench_judge(nextval('bench_advised'));"
WARM_UP_EACH = 200
HOT = "SELECT bench_redeem_hot({code}, :claimant);"


@dataclass(frozen=True)
class Run:
    """How one run of pgbench went; ``cpu_ms`` is the database's processor time for one call."""

    calls: int
    per_second: float
    cpu_ms: float


class Floor:
    """pgbench on the bench's own server; each run says how many calls a second it made.

    A run ends after ``calls``, however long they take; if that is 0, after its seconds.
    """

    def __init__(self, server: Postgres, ground: Ground, shelf: Shelf, database: str, calls: int = 0) -> None:
        self.server = server
        self.ground = ground
        self.shelf = shelf
        self.database = database
        self.calls = calls
        self.fastest = 0.0

    def fill(self, count: int) -> None:
        """Have ``count`` fresh codes for the runs to come."""
        if self.shelf.fill(count):
            self.server.execute(f"SELECT setval('bench_fresh_code', {self.shelf.first_id}, false)", self.database)

    def run(self, *, clients: int, seconds: int) -> Run:
        """Each call with a fresh code."""
        return self._call_fresh(clients, self._until(clients, seconds))

    def run_hot(self, code_id: int, *, clients: int, seconds: int) -> Run:
        """All calls with the same code."""
        return self._call(HOT.format(code=code_id), clients, self._until(clients, seconds))

    def run_advices(self, *, clients: int, seconds: int) -> Run:
        """Each call judges the pending advice of another code."""
        return self._call(ADVICE, clients, self._until(clients, seconds))

    def warm_up(self, *, clients: int) -> Run:
        """A known number of calls: the first guess of how many codes a run will use."""
        return self._call_fresh(clients, self._until(clients, 0) if self.calls else ["-t", str(WARM_UP_EACH)])

    def _until(self, clients: int, seconds: int) -> list[str]:
        return ["-t", str(-(-self.calls // clients))] if self.calls else ["-T", str(seconds)]

    def _call_fresh(self, clients: int, until: list[str]) -> Run:
        run = self._call(FRESH, clients, until)
        self.shelf.used(run.calls)
        self.fastest = max(self.fastest, run.per_second)
        return run

    def _call(self, statement: str, clients: int, until: list[str]) -> Run:
        script = Path(self.ground.folder / "floor.pgbench")
        script.write_text(f"\\set claimant random(0, {CLAIMANTS - 1})\n{statement}\n")
        before = cpu.seconds_below(self.server.pid)
        result = subprocess.run(
            [
                *(str(self.server.program("pgbench")), "--no-vacuum", "--protocol", "prepared", "--file", str(script)),
                *("--client", str(clients), "--jobs", str(min(clients, os.cpu_count() or 2)), *until),
                *("--host", ports.HOST, "--port", str(self.server.port), "--username", SUPERUSER, self.database),
            ],
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        rate = re.search(r"^tps = ([\d.]+) \(without initial connection time\)", result.stdout, re.MULTILINE)
        calls = re.search(r"^number of transactions actually processed: (\d+)", result.stdout, re.MULTILINE)
        if result.returncode or rate is None or calls is None or " aborted" in result.stderr:
            raise Trouble(f"pgbench failed: {result.stderr.strip() or result.stdout.strip()}")
        self.ground.redeemed += int(calls[1])
        spent = cpu.seconds_below(self.server.pid) - before
        return Run(int(calls[1]), float(rate[1]), spent * 1_000 / max(1, int(calls[1])))
