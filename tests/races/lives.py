"""``python -m tests.races.lives``: has the platform loaded and, for each line it reads, gives life to a process that works.

A line is JSON: the kind of job, its number, how far the clock is ahead, and when to begin. The answer is the worker's process
ID. Each is a real process with connections of its own, to be killed; starting it takes a hundredth of the time of a whole new one.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from deploy.local.places import ROOT
from deploy.local.processes import tethered


def main() -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.db import connection

    from codes import working

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Nobody waits for them: the dead leave at once.
    for line in sys.stdin:
        kind, job_id, seconds_ahead, begin_at = json.loads(line)
        child = os.fork()
        if not child:
            settings.CLOCK_OFFSET_SECONDS = seconds_ahead
            connection.ensure_connection()
            time.sleep(max(0.0, begin_at - time.monotonic()))
            working.work_job(kind, job_id)
            os._exit(0)
        print(child, flush=True)


class Lives:
    """Gives lives to workers of one arena, and takes them."""

    def __init__(self, popen: "subprocess.Popen[str]") -> None:
        self.popen = popen
        self.seconds_ahead = 0.0
        self.chance = random.Random()

    def start_together(self, count: int, kind: str, job_id: int) -> None:
        """So many workers of one clock, who begin at the same moment."""
        begin_at = time.monotonic() + 0.1 * count
        for _ in range(count):
            self._start(kind, job_id, 0, begin_at)

    def start(self, kind: str, job_id: int) -> int:
        """A worker for whom the leases of all before it have run out; answers its process ID."""
        self.seconds_ahead += 31
        return self._start(kind, job_id, self.seconds_ahead, 0)

    def _start(self, kind: str, job_id: int, seconds_ahead: float, begin_at: float) -> int:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(json.dumps([kind, job_id, seconds_ahead, begin_at]) + "\n")
        self.popen.stdin.flush()
        return int(self.popen.stdout.readline())

    def start_and_kill(self, kind: str, job_id: int, within_seconds: float) -> bool:
        """Kill a fresh worker at a random moment of its first seconds; False if its work was over before that."""
        worker = self.start(kind, job_id)
        time.sleep(self.chance.uniform(0, within_seconds))
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
            return True
        return False


@contextmanager
def lives(environment: dict[str, str]) -> Iterator[Lives]:
    popen = subprocess.Popen(
        tethered([sys.executable, "-m", "tests.races.lives"]),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Lives(popen)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.communicate()


if __name__ == "__main__":
    main()
