"""Where things lie: the repository, its virtual environment, its data, and folders for throwaway servers."""

import contextlib
import os
import shutil
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

from deploy.local.trouble import Trouble

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"


def data_folder() -> Path:
    """Where the demo keeps its data: VAR_DIR, else var/ in the repository."""
    return Path(os.environ.get("VAR_DIR") or ROOT / "var").absolute()


def make_writable(folder: Path) -> Path:
    """Return the folder, made if need be; raise Trouble if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The system is asked, not the permission bits: root, read-only disks and full ones all differ from them.
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise Trouble(f"Nothing can be written to the folder {folder}: {error.strerror or error}.") from error
    return folder


def package_folders() -> list[Path]:
    """The folders packages may be installed in: those of the running Python, then those of ``.venv``."""
    folders = [Path(sysconfig.get_path("purelib")), *sorted(VENV.glob("lib/python3*/site-packages"))]
    return list(dict.fromkeys(folders))


def is_open_to_others(folder: Path) -> bool:
    """Tell whether any user of this machine may enter the folder."""
    return all(step.stat().st_mode & 0o001 for step in (folder, *folder.parents))


def temporary_bases(on_disk: bool) -> list[Path]:
    """Folders a throwaway server may live in, the best first; durable ones need a disk, and /tmp is often memory."""
    usual = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]  # noqa: S108 - fresh folders are made inside
    bases = [Path("/var/tmp"), *usual] if on_disk else usual  # noqa: S108
    return [base for base in dict.fromkeys(base.resolve() for base in bases) if base.is_dir()]


@contextlib.contextmanager
def temporary_folder(name: str) -> Iterator[Path]:
    """A fresh folder with a short path that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
