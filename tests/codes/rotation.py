"""Key versions for tests that change keys under a running platform."""

import hashlib
from typing import Any

KEYS = {version: hashlib.sha256(f"test key {version}".encode()).digest() for version in (1, 2, 3)}


def live(settings: Any, *versions: int) -> None:
    """Make exactly these key versions the live ones."""
    settings.CODE_KEYS = {version: KEYS[version] for version in versions}
