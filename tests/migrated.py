"""The migrated, empty database: made once, and copied by every process that tests the same source."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.db import connection, connections
from django.test.utils import setup_databases

from tests import database_copies


def set_up(verbosity: int) -> list[Any]:
    """Make the test database the default one, and return what ``teardown_databases`` takes.

    Migrating takes longer than most folders of tests. So the first process keeps a copy, marked with the digest of the source it
    was made from, and the others (xdist's second worker, the races, the browser's tests) copy that one.
    """
    name = connection.settings_dict["TEST"]["NAME"] or f"test_{connection.settings_dict['NAME']}"
    kept = f"{name.removesuffix('_' + os.environ.get('PYTEST_XDIST_WORKER', ''))}_migrated"
    source = digest()
    with _one_at_a_time():
        if database_copies.mark_of(kept) != source:
            databases = setup_databases(verbosity=verbosity, interactive=False, aliases={"default"})
            database_copies.copy(connection.settings_dict["NAME"], kept)
            database_copies.mark(kept, source)
            return databases
    database_copies.copy(kept, name)
    before = connection.settings_dict["NAME"]
    settings.DATABASES["default"]["NAME"] = connections["default"].settings_dict["NAME"] = name
    return [(connection, before, True)]


def digest() -> str:
    """Of all that can make a migrated database another one: every line of our packages, and others' migrations."""
    digest = hashlib.sha256(django.__version__.encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        ours = Path(app.path).is_relative_to(settings.BASE_DIR) and "site-packages" not in app.path
        for path in sorted(Path(app.path).rglob("*.py") if ours else Path(app.path).glob("migrations/*.py")):
            digest.update(str(path).encode() + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (Path(settings.VAR_DIR) / "migrating.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
