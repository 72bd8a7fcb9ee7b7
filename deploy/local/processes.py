"""Real child processes that leave nothing behind: each has a process group of its own and its output in a file."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from deploy.local.places import ROOT
from deploy.local.trouble import Trouble

# Every child inherits this variable, so whoever survives can be found, even one that left its process group.
MARK_VARIABLE = "REDEMPTION_RUN"


def tethered(argv: list[str], last_signal: str = "TERM") -> list[str]:
    """Return a command that also ends when its parent is killed, where the system can do that."""
    # The tether is to the thread that starts the child, so from any other thread it would be cut too early.
    can_tether = sys.platform == "linux" and threading.current_thread() is threading.main_thread()
    program = shutil.which("setpriv") if can_tether else None
    return [program, "--pdeathsig", last_signal, "--", *argv] if program else argv


class Process:
    """A child process, its children and their log. Once stopped or killed, none of them is left."""

    def __init__(
        self, name: str, argv: list[str], *, log: Path, env: dict[str, str] | None = None, folder: Path = ROOT
    ) -> None:
        self.name = name
        self.argv = argv
        self.log = log
        self.env = env
        self.folder = folder
        self.popen: subprocess.Popen[bytes] | None = None

    def start(self) -> "Process":
        """Start it; it must not be running."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                tethered(self.argv),
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A group of its own: Ctrl-C reaches only the parent, which then ends each child in its order.
                start_new_session=True,
            )
        return self

    @property
    def pid(self) -> int:
        """The process id; also the id of its group."""
        assert self.popen is not None, f"{self.name} has not been started"
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        """Whether the process itself lives."""
        return self.popen is not None and self.popen.poll() is None

    @property
    def has_survivors(self) -> bool:
        """Whether anybody of its group lives. The dead do not count, though init may take a second to bury an orphan."""
        return self._signal_group(0) and (sys.platform != "linux" or any(_members(self.pid)))

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it lives, negative when a signal ended it."""
        return self.popen.poll() if self.popen else None

    def ask_to_stop(self) -> None:
        """Ask the process to end; it ends its own children, each in its own way."""
        if self.popen is not None and self.is_running:
            self.popen.terminate()

    def stop(self, grace_seconds: float = 8.0) -> None:
        """End it: asked first, then forced. Returns when the whole group is gone."""
        if self.popen is None:
            return
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(grace_seconds)
        self.kill()

    def kill(self) -> None:
        """End the whole group at once, as a power failure would."""
        if self.popen is None:
            return
        # Also when the leader has gone: its children may not have. They end a moment after the signal.
        self._signal_group(signal.SIGKILL)
        self.popen.wait()
        wait_until(lambda: not self.has_survivors, seconds=2, pause_seconds=0.005)

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        return last_lines(self.log, lines)

    def _signal_group(self, number: int) -> bool:
        """Signal the group and tell whether anybody is left in it; 0 only asks."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True


def last_lines(log: Path, lines: int = 12) -> str:
    """The end of a log file, or nothing if there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def run_step(name: str, argv: list[str], *, env: dict[str, str], log: Path) -> str:
    """Run a command to its end and return what it printed; raise Trouble with the end of its log if it fails."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as errors:
        result = subprocess.run(
            argv, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        )
        errors.write(result.stdout)
    if result.returncode:
        raise Trouble(f"{name} failed; the whole story is in {log}, and it ends:\n{last_lines(log)}")
    return result.stdout.decode()


def new_mark() -> str:
    """A word that no other run has; see ``survivors``."""
    return secrets.token_hex(8)


def survivors(mark: str) -> list[int]:
    """The ids of living processes started with this mark in their environment, this process aside."""
    needle = f"{MARK_VARIABLE}={mark}".encode()
    return [pid for pid, environment in _each("environ") if needle in environment.split(b"\0")]


def living_in(folder: Path) -> list[int]:
    """The ids of living processes whose working folder is this one or lies in it."""
    inside = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (entry / "cwd").readlink().is_relative_to(folder):
                inside.append(int(entry.name))
    return inside


def wait_until(done: Any, seconds: float, pause_seconds: float = 0.05) -> bool:
    """Wait until ``done()`` is true and tell whether it became so in time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause_seconds)
    return True


def run_in_terminal(argv: list[str], *, env: dict[str, str], stdin: IO[str] | int = subprocess.DEVNULL) -> int:
    """Run a command that the person watches and return its exit code; Ctrl-C waits for its own tidying up."""
    child = subprocess.Popen(tethered(argv), cwd=ROOT, env=env, stdin=stdin)
    try:
        return child.wait()
    except BaseException as reason:
        # Ctrl-C has reached the child as well; a SIGTERM has not.
        if not isinstance(reason, KeyboardInterrupt):
            child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            child.wait(20)
        raise
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def _members(group: int) -> list[bool]:
    """For each process of the group, whether it lives."""
    # What follows the name, which is in parentheses and may itself hold some: proc(5) counts from the state as 3.
    found = [[b"", b"", b"", *content.rpartition(b")")[2].split()] for _, content in _each("stat")]
    # Its other threads may outlive the first by a moment.
    return [each[3] not in (b"Z", b"X") or int(each[20]) > 1 for each in found if int(each[5]) == group]


def _each(file: str) -> list[tuple[int, bytes]]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # A process that has ended but is not yet reaped has an empty environment, so it does not count.
            found.append((int(entry.name), (entry / file).read_bytes()))
    return [(pid, content) for pid, content in found if pid != os.getpid()]
