"""The whole platform as it is run: every process supervised, over a database server and a broker that can be killed too."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from django.db import connections

from deploy.local import ports, programs
from deploy.local.places import temporary_folder
from deploy.local.postgres import SUPERUSER, Postgres
from deploy.local.processes import Process, wait_until
from deploy.local.supervision import Supervisor
from tests import database_copies
from tests.committed import CommittedDatabase
from tests.processes import PYTHON, Platform, WebServer

DATABASE = "town"


class Town:
    """A throwaway PostgreSQL, a broker, and web server, worker, beat and poller under the supervisor that operates them.

    The supervisor looks only while this thread is in ``live()``: it is what starts again what was killed.
    """

    def __init__(self, server: Postgres, folder: Path) -> None:
        self.server = server
        self.platform = Platform(CommittedDatabase(DATABASE, server.url(DATABASE)), folder)
        self.broker = self.platform._broker
        environment = self.platform.environment
        self.web = WebServer("web", [], log=folder / "log" / "web.log", env=environment)
        self.web.port = ports.find_free()
        self.web.argv = programs.web_command(self.web.port, 2, PYTHON)
        self.worker, self.beat, self.poller = (
            Process(name, command, log=folder / "log" / f"{name}.log", env=environment)
            for name, command in (
                ("worker", programs.worker_command(PYTHON)),
                ("beat", programs.beat_command(PYTHON)),
                ("poller", programs.poller_command(PYTHON)),
            )
        )
        self.told: list[str] = []
        processes = [self.broker.process, self.web, self.worker, self.beat, self.poller]
        self.supervisor = Supervisor(processes, say=self.told.append, first_pause_seconds=0.25)
        self.platform.processes = processes

    def start(self) -> None:
        """Start every process, and return when all of them work."""
        self.supervisor.start()
        ready = wait_until(lambda: self.web.answers() and "ready." in self.worker.last_words(400), seconds=90)
        assert ready, f"{self.web.last_words()}\n{self.worker.last_words()}"

    def live(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Let the supervisor do its work for so long, or until something is so; tells whether it became so."""
        ends_at = time.monotonic() + seconds
        while not (so := until()) and time.monotonic() < ends_at:
            self.supervisor.look()
            time.sleep(0.01)
        return so

    def ask(self, sql: str) -> int | None:
        """A number out of the database, asked on a connection of its own; None while the server is away."""
        with suppress(psycopg.OperationalError):
            with psycopg.connect(self.server.url(DATABASE), connect_timeout=2, autocommit=True) as connection:
                row = connection.execute(sql.encode()).fetchone()
            return row[0] if row else 0
        return None

    @contextmanager
    def connected(self) -> Iterator[None]:
        """This process's connections lead to the town's database."""
        where = connections["default"].settings_dict
        ours = {"HOST": ports.HOST, "PORT": self.server.port, "USER": SUPERUSER, "PASSWORD": "", "NAME": DATABASE}
        before = {name: where[name] for name in ours}
        connections.close_all()
        where.update(ours)
        try:
            yield
        finally:
            connections.close_all()
            where.update(before)


@contextmanager
def open_town() -> Iterator[Town]:
    """A town with a migrated, empty database whose processes have not been started; all of it gone afterwards."""
    with Postgres(durable=True) as server, temporary_folder("redemption-town") as folder:
        server.execute(f"CREATE DATABASE {DATABASE}")
        copy_to(server)
        town = Town(server, folder)
        try:
            yield town
        finally:
            town.platform.end()


def copy_to(server: Postgres) -> None:
    """Copy the migrated, empty database of the tests to this server, which is quicker than to migrate once more."""
    pristine = database_copies.url(database_copies.pristine_name())
    dumped = subprocess.run([str(server.program("pg_dump")), "--no-owner", pristine], check=True, capture_output=True)
    command = [str(server.program("psql")), "-Xq1", "-v", "ON_ERROR_STOP=1", "-d", server.url(DATABASE)]
    subprocess.run(command, input=dumped.stdout, check=True, capture_output=True)
