"""Debian's own packages, installed only where that needs nobody's leave."""

import os
import shutil
import subprocess

QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def can_install() -> bool:
    """Tell whether this is root on a Debian kind of system."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> bool:
    """Install packages quietly and tell whether that went well."""
    if not can_install():
        return False
    environment = {**os.environ, **QUIET}
    commands = (
        # A new machine has no lists yet, and old lists name files that are gone.
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-qq", "--yes", "--no-install-recommends", *packages],
    )
    results = [
        subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        for command in commands
    ]
    return results[-1].returncode == 0
