"""The platform as real processes, against the database of one test: web servers, workers, poller, broker."""

import os
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from deploy.local import ports, programs
from deploy.local.places import temporary_folder
from deploy.local.processes import MARK_VARIABLE, Process, new_mark, survivors, wait_until
from deploy.local.readiness import send
from deploy.local.valkey import Broker
from tests.committed import CommittedDatabase

PYTHON = Path(sys.executable)


class WebServer(Process):
    """A granian of the test's own; as text it is its base URL."""

    port: int

    @property
    def base_url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{ports.HOST}:{self.port}"

    def __str__(self) -> str:
        return self.base_url

    def answers(self) -> bool:
        """Tell whether /healthz answers 200."""
        try:
            return send(urllib.request.Request(f"{self.base_url}/healthz"))[0] == 200
        except OSError:
            return False


class Platform:
    """Starts processes for one test. Each handle has ``pid``, ``stop()``, ``kill()``, ``start()`` and ``last_words()``.

    They see the clock and the defects that the test's settings have at the moment they start; ``variables`` adds to
    their environment. Their broker is the test's own: before ``broker()`` it is down.
    """

    def __init__(self, database: CommittedDatabase, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.mark = new_mark()
        self.variables: dict[str, str] = {}
        self.processes: list[Process] = []
        self._broker = Broker(folder)

    @property
    def environment(self) -> dict[str, str]:
        """The environment that a process would be started with now."""
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": self.database.url,
            "CELERY_BROKER_URL": self._broker.url,
            "VAR_DIR": str(self.folder),
            "TEST_CLOCK_OFFSET": str(settings.CLOCK_OFFSET_SECONDS),
            "TEST_DEFECTS": ",".join(sorted(settings.DEFECTS)),
            "PYTHONUNBUFFERED": "1",
            MARK_VARIABLE: self.mark,
            **self.variables,
        }

    def web(self, workers: int = 2) -> WebServer:
        """Start a web server on a free port and return when it answers."""
        port = ports.find_free()
        server = WebServer(
            "web", programs.web_command(port, workers, PYTHON), log=self._log("web"), env=self.environment
        )
        server.port = port
        self._start(server)
        self._wait_for(server, server.answers)
        return server

    def worker(self) -> Process:
        """Start a Celery worker, and the broker if it has not been, and return when it takes tasks."""
        if self._broker.process not in self.processes:
            self.broker()
        worker = Process("worker", programs.worker_command(PYTHON), log=self._log("worker"), env=self.environment)
        self._start(worker)
        self._wait_for(worker, lambda: "ready." in worker.log.read_text(errors="replace"))
        return worker

    def poller(self) -> Process:
        """Start the due-poller."""
        poller = Process("poller", programs.poller_command(PYTHON), log=self._log("poller"), env=self.environment)
        return self._start(poller)

    def broker(self) -> Process:
        """Start the broker and return when it answers."""
        self.processes.append(self._broker.process)
        self._broker.start()
        return self._broker.process

    def end(self) -> None:
        """End every process and assert that none is left."""
        for process in reversed(self.processes):
            process.kill()
        assert wait_until(lambda: not survivors(self.mark), seconds=5), f"still running: {survivors(self.mark)}"

    def _log(self, name: str) -> Path:
        return self.folder / "log" / f"{name}-{len(self.processes)}.log"

    def _start(self, process: Process) -> Process:
        self.processes.append(process)
        return process.start()

    def _wait_for(self, process: Process, is_ready: Callable[[], bool], seconds: float = 60) -> None:
        started_at = time.monotonic()
        wait_until(lambda: not process.is_running or is_ready(), seconds)
        if not (process.is_running and is_ready()):
            waited = time.monotonic() - started_at
            pytest.fail(
                f"The {process.name} was not ready after {waited:.0f} s; its log ends:\n{process.last_words(40)}"
            )


@pytest.fixture
def platform(committed_db: CommittedDatabase) -> Iterator[Platform]:
    """Real processes over the database that the test commits into; all of them ended afterwards."""
    with temporary_folder("redemption-run") as folder:
        running = Platform(committed_db, folder)
        try:
            yield running
        finally:
            running.end()
