"""The virtual environment ``.venv``: made when missing, filled from the hashed locks, left alone when it fits them."""

import contextlib
import fcntl
import hashlib
import importlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.local import debian
from deploy.local.places import ROOT, VENV, make_writable
from deploy.local.processes import last_lines
from deploy.local.trouble import Trouble

RUN_LOCK = ROOT / "requirements.txt"
TEST_LOCK = ROOT / "tests" / "requirements.txt"
INSTALLER_LOCK = ROOT / "deploy" / "local" / "installer.txt"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed.stamp"
TEST_STAMP = VENV / "installed-with-tests.stamp"
INSTALL_LOG = VENV / "install.log"
HELD_LOCK = VENV / "install.lock"


def ensure(*, with_tests: bool) -> Path:
    """Return the Python of ``.venv``, which has exactly what the locks name; a second call takes no time."""
    # Test packages do not disturb a demo, and to take them away and bring them back would cost each start a minute.
    if _fits(TEST_STAMP, _fingerprint(RUN_LOCK, TEST_LOCK)):
        return PYTHON
    if not with_tests and _fits(STAMP, _fingerprint(RUN_LOCK)):
        return PYTHON
    make_writable(ROOT)
    make_writable(VENV)
    with _only_one_at_a_time():
        _make()
        locks = [RUN_LOCK, TEST_LOCK] if with_tests or TEST_STAMP.exists() else [RUN_LOCK]
        for stamp in (STAMP, TEST_STAMP):
            stamp.unlink(missing_ok=True)
        print("Installing the packages that the lock names …", flush=True)
        _install(locks)
        (TEST_STAMP if TEST_LOCK in locks else STAMP).write_text(_fingerprint(*locks))
    return PYTHON


def ensure_uv() -> Path:
    """Return the path of the pinned uv, installed into ``.venv`` if need be."""
    make_writable(VENV)
    with _only_one_at_a_time():
        _make()
        if not _install_uv():
            raise Trouble(f"uv could not be installed; {_why()}")
    return VENV / "bin" / "uv"


def _fits(stamp: Path, fingerprint: str) -> bool:
    return PYTHON.exists() and stamp.exists() and stamp.read_text() == fingerprint


def _fingerprint(*locks: Path) -> str:
    """What an environment must match: the locks, the Python, and the place, since scripts name the latter two."""
    digest = hashlib.sha256(f"{sys.version}\n{sys.base_prefix}\n{VENV}\n".encode())
    for lock in locks:
        digest.update(lock.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def _only_one_at_a_time() -> Iterator[None]:
    with HELD_LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make() -> None:
    """Make the environment unless one of this very Python is there."""
    version = [str(PYTHON), "-c", "import sys, pip; print(sys.version, sys.base_prefix)"]
    with contextlib.suppress(OSError):
        found = subprocess.run(version, capture_output=True, text=True, check=False)
        if found.returncode == 0 and found.stdout.strip() == f"{sys.version} {sys.base_prefix}":
            return
    _require_venv_module()
    print(f"Making {VENV.name} …", flush=True)
    _empty()
    # From a process of its own: in this one the standard library was loaded before Debian's package completed it.
    if not _run([sys.executable, "-m", "venv", str(VENV)]):
        raise Trouble(f"The virtual environment could not be made; {_why()}")


def _empty() -> None:
    """Take away what another Python or a broken start left, but not the log nor the lock that is being held."""
    for entry in VENV.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry not in (INSTALL_LOG, HELD_LOCK):
            entry.unlink()


def _require_venv_module() -> None:
    if has_venv_module():
        return
    package = f"python3.{sys.version_info.minor}-venv"
    if debian.can_install():
        print(f"Installing Debian's package {package} …", flush=True)
        debian.install(package)
        importlib.invalidate_caches()
    if not has_venv_module():
        raise Trouble(f"This Python lacks its venv module: install the package {package} and try again.")


def has_venv_module() -> bool:
    """Tell whether this Python can make virtual environments that have pip."""
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def _install(locks: list[Path]) -> None:
    requirements = [str(lock) for lock in locks]
    if _install_uv() and _run([str(VENV / "bin" / "uv"), "pip", "sync", "-q", "--require-hashes", *requirements]):
        return
    # pip is slower, but it is there wherever uv's wheel is not, and it knows the machine's own package sources.
    chosen = [argument for requirement in requirements for argument in ("-r", requirement)]
    if not _run([str(PYTHON), "-m", "pip", "install", "-q", "--require-hashes", *chosen]):
        raise Trouble(f"The packages could not be installed; is there a network? {_why()}")


def _install_uv() -> bool:
    return _run([str(PYTHON), "-m", "pip", "install", "-q", "--require-hashes", "-r", str(INSTALLER_LOCK)])


def _run(argv: list[str]) -> bool:
    environment = {
        **os.environ,
        "VIRTUAL_ENV": str(VENV),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_LINK_MODE": "copy",  # Hard links need the cache on the same disk, and warn when it is not.
    }
    with INSTALL_LOG.open("ab") as log:
        return (
            subprocess.run(
                argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
            ).returncode
            == 0
        )


def _why() -> str:
    last = last_lines(INSTALL_LOG, 1).strip() or "it said nothing"
    return f"the installer's last words were {last!r}, and {INSTALL_LOG} has the rest."
