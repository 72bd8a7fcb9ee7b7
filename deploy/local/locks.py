"""The lists of pinned and hashed packages, made anew from what pyproject.toml asks for."""

import re
import subprocess

from deploy.local.environment import INSTALLER_LOCK, RUN_LOCK, TEST_LOCK, ensure_uv
from deploy.local.places import ROOT
from deploy.local.trouble import Trouble

# Universal: one list serves every system and every Python from the oldest we support on.
OPTIONS = ("--generate-hashes", "--no-header", "--no-emit-index-url", "-q", "--python-version", "3.11", "--universal")


def renew() -> int:
    """Write the three lists: run-time, tests, and the installer itself. Return the exit code 0."""
    uv = str(ensure_uv())
    run_time = RUN_LOCK.relative_to(ROOT)
    _compile([uv, "pip", "compile", "pyproject.toml", *OPTIONS, "-o", str(run_time)])
    # What both need is in both, in the same version.
    _compile(
        [
            *(uv, "pip", "compile", "--group", "test", "-c", str(run_time)),
            *OPTIONS,
            "-o",
            str(TEST_LOCK.relative_to(ROOT)),
        ]
    )
    pinned = re.match(r"uv==\S+", INSTALLER_LOCK.read_text())
    assert pinned, f"{INSTALLER_LOCK} does not begin with uv==VERSION"
    _compile(
        [*(uv, "pip", "compile", "-"), *OPTIONS, "--no-annotate", "-o", str(INSTALLER_LOCK.relative_to(ROOT))],
        given=pinned.group(),
    )
    print("The three lists are renewed; look at their differences before you commit them.")
    return 0


def _compile(command: list[str], given: str | None = None) -> None:
    result = subprocess.run(command, cwd=ROOT, input=given, text=True, check=False)
    if result.returncode:
        raise Trouble(f"uv could not renew {command[-1]}; what it said is above.")
