"""What is measured on: a migrated database with claimants, an API key and fresh codes, and a web server over it."""

import contextlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.places import ROOT
from deploy.local.processes import last_lines, tethered
from deploy.local.trouble import Trouble

CLAIMANTS = 500
# The person's shell must not change what is measured.
OURS = ("DATABASE_URL", "CELERY_BROKER_URL", "MODE", "VAR_DIR", "LOG_LEVEL", "CONN_MAX_AGE", "DJANGO_SETTINGS_MODULE")


@dataclass(frozen=True)
class Slice:
    """Codes that nobody has redeemed yet: ``count`` lines of a file, from line ``start`` on."""

    path: str
    start: int
    count: int


class Ground:
    """One database of the bench's own, and a process inside the platform that works on it; ``with`` starts and ends that one.

    ``server_pid`` is the database server's, if it has one. Of a copy of another ground's database ``prepared`` are its facts.
    """

    def __init__(
        self, name: str, url: str, folder: Path, server_pid: int = 0, prepared: dict[str, Any] | None = None
    ) -> None:
        self.name = name
        self.url = url
        self.server_pid = server_pid
        self.folder = folder / name
        self.folder.mkdir()
        self.redeemed = 0  # By whomever: the invariants are checked against it.
        self.facts = dict(prepared or {})

    @property
    def environment(self) -> dict[str, str]:
        """The environment of every process of the platform: settings as they are when nothing is set."""
        inherited = {name: value for name, value in os.environ.items() if name not in OURS}
        return {
            **inherited,
            "MODE": "demo",
            "DJANGO_SETTINGS_MODULE": "redemption_site.settings",
            "DATABASE_URL": self.url,
            "CELERY_BROKER_URL": f"redis+socket://{self.folder}/nobody.sock",  # Nobody need hear the doorbell here.
            "VAR_DIR": str(self.folder),
        }

    def __enter__(self) -> "Ground":
        self.log = self.folder / "inside.log"
        with self.log.open("ab") as log:
            self.insider = subprocess.Popen(
                tethered([sys.executable, "-m", "bench.inside"]),
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        try:
            if not self.facts:
                self.do("migrate")
                self.facts = self.do("prepare", claimants=CLAIMANTS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process inside; it waits for nothing but its next line."""
        self.insider.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.insider.wait(5)
        self.insider.kill()
        with contextlib.suppress(BrokenPipeError):
            self.insider.communicate()

    def do(self, deed: str, **arguments: Any) -> Any:
        """Have a deed of bench/inside.py done and return its answer; raises Trouble if it failed."""
        assert self.insider.stdin is not None
        assert self.insider.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.insider.stdin.write(json.dumps([deed, arguments]) + "\n")
            self.insider.stdin.flush()
        line = self.insider.stdout.readline()
        answer = json.loads(line) if line else {"failed": "its process ended"}
        if "failed" in answer:
            raise Trouble(
                f"{deed} on {self.name} failed ({answer['failed']}); its log ends:\n{last_lines(self.log, 40)}"
            )
        return answer["answer"]

    def redeem(self, codes: Slice, **how: Any) -> dict[str, Any]:
        """Redeem in one process until the time is over or the codes are used up; ``how`` is as ``bench/redeeming.py`` says."""
        arguments = {"codes": vars(codes), **how}
        answer: dict[str, Any] = self.do("redeem", server_pid=self.server_pid, **arguments)
        self.redeemed += answer["used"]
        return answer


@dataclass
class Shelf:
    """Fresh codes of one batch, each handed out once."""

    ground: Ground
    name: str
    batch_id: int | None = None
    first_id: int = 0
    path: str = ""
    size: int = 0
    position: int = 0
    refills: int = 0

    @property
    def left(self) -> int:
        return self.size - self.position

    def fill(self, count: int) -> bool:
        """Have at least ``count`` codes; True if new ones had to be issued, which takes seconds: never within a pair."""
        if self.left >= count:
            return False
        self.refills += 1
        self.path = str(self.ground.folder / f"{self.name}-{self.refills}.txt")
        issued = self.ground.do("issue", name=self.name, batch_id=self.batch_id, count=count, path=self.path)
        self.batch_id, self.first_id, self.size, self.position = issued["batch_id"], issued["first_id"], count, 0
        return True

    def take(self, count: int) -> Slice:
        """The next codes; what is not used of them is put back by ``used``."""
        return Slice(self.path, self.position, min(count, self.left))

    def used(self, count: int) -> None:
        self.position += count
