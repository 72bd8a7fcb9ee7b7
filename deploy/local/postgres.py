"""A throwaway PostgreSQL of our own: a real server on a free port, gone without a trace when it is no longer wanted."""

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from deploy.local import ports
from deploy.local.places import is_open_to_others, temporary_bases
from deploy.local.postgres_binaries import ServerUser, choose_user, find_pgbench, find_programs
from deploy.local.processes import last_lines, living_in, tethered, wait_until
from deploy.local.trouble import Trouble

SUPERUSER = "redemption"
# The part of a server's promise that tests of behaviour do not need, and that no test of durability may be without.
WITHOUT_DURABILITY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
WITH_DURABILITY = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


class Postgres:
    """A PostgreSQL server on 127.0.0.1 that trusts whoever reaches it, for tests and measurements only.

    ``with Postgres(durable=False) as server:`` starts it and takes everything away at the end; so does the end of
    the program. ``settings`` are further lines of postgresql.conf. ``base`` is the folder its own folder is made in.
    """

    def __init__(self, *, durable: bool, settings: dict[str, str] | None = None, base: Path | None = None) -> None:
        self.settings = {**(WITH_DURABILITY if durable else WITHOUT_DURABILITY), **(settings or {})}
        self.user: ServerUser = choose_user()
        self.folder = self._make_folder([base] if base else temporary_bases(on_disk=durable))
        self.data_folder = self.folder / "data"
        self.log = self.folder / "server.log"
        self.port = 0
        self.popen: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)
        self.programs = find_programs(self.user, self.folder)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def socket_folder(self) -> Path:
        """The folder of its unix socket."""
        return self.folder

    @property
    def pid(self) -> int:
        """The process id of the postmaster."""
        assert self.popen is not None, "PostgreSQL has not been started"
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        """Whether the postmaster lives."""
        return self.popen is not None and self.popen.poll() is None

    def url(self, database: str = "postgres") -> str:
        """The DATABASE_URL of one of its databases."""
        return f"postgres://{SUPERUSER}@{ports.HOST}:{self.port}/{database}"

    def program(self, name: str) -> Path:
        """The path of one of PostgreSQL's programs, of the server's own version where it has that program."""
        return find_pgbench(self.programs) if name == "pgbench" else self.programs / name

    def execute(self, sql: str, database: str = "postgres") -> str:
        """Run SQL as the superuser and return what psql prints, bare."""
        result = subprocess.run(
            [str(self.program("psql")), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", sql],
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise Trouble(f"PostgreSQL refused {sql!r}: {result.stderr.strip()}")
        return result.stdout.strip()

    def start(self) -> Self:
        """Start it, or start it again on the same data and port, and return when it takes connections."""
        if not self.data_folder.exists():
            self._initialise()
        # After a kill its children see that the postmaster has gone only a moment later, and hold its memory till then.
        wait_until(lambda: not living_in(self.data_folder), seconds=10)
        for _ in range(5):
            # Kept when starting again, so that whoever knows the address may come back.
            self.port = self.port or ports.find_free()
            if self._launch():
                return self
            if "Address already in use" not in last_lines(self.log):
                break
            self.port = 0
        raise Trouble(f"PostgreSQL did not start; its log ends:\n{last_lines(self.log)}")

    def stop(self, grace_seconds: float = 15.0) -> None:
        """Stop it in order, as a restart of the machine does; sessions are cut off, nothing committed is lost."""
        self._end(signal.SIGINT, grace_seconds)

    def kill(self) -> None:
        """Kill the postmaster with SIGKILL, as the end of memory or a power failure would."""
        if self.popen is not None:
            with contextlib.suppress(ProcessLookupError):
                self.popen.kill()
            self.popen.wait()

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same data and port."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop it and take away everything it wrote; nothing happens when that was done before."""
        self.stop(grace_seconds=5)
        shutil.rmtree(self.folder, ignore_errors=True)
        atexit.unregister(self.close)

    def _make_folder(self, bases: list[Path]) -> Path:
        for base in bases:
            if self.user.is_somebody_else and not is_open_to_others(base):
                continue
            with contextlib.suppress(OSError):
                folder = Path(tempfile.mkdtemp(prefix="redemption-pg-", dir=base))
                self.user.take(folder)
                folder.chmod(0o755)  # The web process and psql reach the socket as other users.
                return folder
        tried = ", ".join(str(base) for base in bases)
        raise Trouble(f"PostgreSQL needs a folder that its user may enter, and none can be made in: {tried}.")

    def _initialise(self) -> None:
        result = subprocess.run(
            [
                *(str(self.programs / "initdb"), "--pgdata", str(self.data_folder), "--username", SUPERUSER),
                # Code point order, the same on every machine; trust is for the loopback address alone.
                *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"),
            ],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **self.user.popen_arguments,
        )
        if result.returncode:
            raise Trouble(f"PostgreSQL's initdb failed: {result.stderr.strip() or result.stdout.strip()}")

    def _launch(self) -> bool:
        """Start the postmaster and tell whether it came to take connections."""
        settings = {
            "listen_addresses": ports.HOST,
            "port": str(self.port),
            "unix_socket_directories": str(self.socket_folder),
            "max_connections": "200",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **self.settings,
        }
        options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.popen = subprocess.Popen(
                tethered([str(self.programs / "postgres"), "-D", str(self.data_folder), *options], last_signal="INT"),
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.user.popen_arguments,
            )
        wait_until(lambda: self._is_ready() or not self.is_running, seconds=60)
        return self.is_running and self._is_ready()

    def _is_ready(self) -> bool:
        """Read what pg_ctl reads: the last line of the postmaster's own file, written when it takes connections."""
        try:
            lines = (self.data_folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        # A file left by an earlier postmaster does not count.
        return len(lines) > 7 and lines[0].strip() == str(self.pid) and lines[7].strip() == "ready"

    def _end(self, first: signal.Signals, grace_seconds: float) -> None:
        if self.popen is None:
            return
        for step, seconds in ((first, grace_seconds), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            if not self.is_running:
                break
            self.popen.send_signal(step)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(seconds)
        # Each of its children leads a session of its own, so they are known by the folder they work in.
        if not wait_until(lambda: not living_in(self.data_folder), seconds=5):
            for pid in living_in(self.data_folder):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
