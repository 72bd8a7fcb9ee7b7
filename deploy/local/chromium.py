"""The browser that drives the pages in tests: the machine's own Chromium."""

import os
import shutil
from pathlib import Path

from deploy.local import debian

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> Path | None:
    """Return the path of a Chromium, or None: CHROMIUM if that is set, else one on the PATH."""
    named = os.environ.get("CHROMIUM")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return Path(found) if found else None


def ensure() -> Path | None:
    """Return the path of a Chromium, installed first where that needs nobody's leave; None if there is none."""
    found = find()
    if found is None and debian.can_install():
        print("Installing Debian's package chromium …", flush=True)
        debian.install("chromium")
        found = find()
    return found
