"""A database in which a test finds what its fixture would otherwise make for it anew each time."""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from pytest_django import DjangoDbBlocker

from tests import database_copies

# Tests judge by the clock ("in the last hour", "fifteen minutes long"): what they find is never older than this.
OLDEST_SECONDS = 120


class Scene:
    """What ``make`` makes, committed once into a database of its own; every test has its transaction on that database."""

    def __init__(self, name: str, make: Callable[[], Any]) -> None:
        self.name = name
        self.make = make
        self.made: Any = None
        self.made_at: float | None = None
        self.database = ""

    @contextmanager
    def set(self) -> Iterator[None]:
        """The scene's database is the default one inside; to be entered before the test's transaction begins."""
        before = connection.settings_dict["NAME"]
        try:
            if self.made_at is None or time.monotonic() - self.made_at > OLDEST_SECONDS:
                self.database = f"{database_copies.pristine_name().removesuffix('_pristine')}_{self.name}"
                _hang_up(self.database)
                database_copies.copy(database_copies.pristine_name(), self.database)
                _lead_to(self.database)
                self._commit()
            _lead_to(self.database)
            yield
        finally:
            _lead_to(before)

    def objects(self) -> Any:
        """What ``make`` returned, as it was then: each test may change its own."""
        return copy.deepcopy(self.made)

    def drop(self) -> None:
        """Remove the database again."""
        if self.database:
            _hang_up(self.database)
            database_copies.drop(self.database)

    def _commit(self) -> None:
        block = transaction.atomic()
        block._from_testcase = True  # Deeds open their own transactions in it, as in a test,
        with block:
            self.made = self.make()
            connection.run_on_commit.clear()  # and what waits for the commit stays undone, as in a test.
        self.made_at = time.monotonic()


# The drivers' connections to databases that are not the default one now, the latest last: a new one of PostgreSQL's has no
# trigger compiled and no table looked up yet, which costs more than most tests.
_kept: dict[str, Any] = {}
MOST_KEPT = 8


def _lead_to(name: str) -> None:
    default = connections["default"]
    before = default.settings_dict["NAME"]
    if name != before:
        _keep(before)
        settings.DATABASES["default"]["NAME"] = default.settings_dict["NAME"] = name
        default.connection = _kept.pop(name, None)
    if default.connection is not None and not default.is_usable():
        default.close()


def _keep(name: str) -> None:
    default = connections["default"]
    if default.in_atomic_block:
        raise AssertionError("A scene is entered and left outside of every transaction.")
    if default.connection is not None:
        _kept[name], default.connection = default.connection, None
    if len(_kept) > MOST_KEPT:
        _hang_up(next(iter(_kept)))


def _hang_up(name: str) -> None:
    if kept := _kept.pop(name, None):
        kept.close()


@pytest.fixture(scope="session")
def scenes(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[dict[Callable[[], Any], Scene]]:
    """The scenes that tests have asked for, by what makes them."""
    found: dict[Callable[[], Any], Scene] = {}
    yield found
    with django_db_blocker.unblock():
        for scene in found.values():
            scene.drop()


def scene(name: str, make: Callable[[], Any]) -> Any:
    """A fixture, to be called ``<name>_scene``: whoever asks for it finds what ``make`` makes, and hears what it returned."""

    @pytest.fixture(name=f"{name}_scene")
    def played(
        scenes: dict[Callable[[], Any], Scene], django_db_blocker: DjangoDbBlocker
    ) -> Iterator[Callable[[], Any]]:
        # Two files may each have a scene of the same name.
        asked = scenes.setdefault(make, Scene(f"{name}_{len(scenes)}", make))
        with django_db_blocker.unblock(), asked.set():
            yield asked.objects

    return played


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A scene comes before whatever opens the test's transaction; pytest itself would begin with that."""
    for item in items:
        if isinstance(item, pytest.Function):
            item.fixturenames.sort(key=lambda name: not name.endswith("_scene"))
