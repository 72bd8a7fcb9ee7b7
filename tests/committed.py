"""Tests that commit: each gets a freshly copied database, for the append-only triggers refuse to be flushed."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests import database_copies


@dataclass(frozen=True)
class CommittedDatabase:
    """A database of one test's own; threads and child processes may use it too."""

    name: str
    url: str

    def together(self, *deeds: Callable[[], Any]) -> list[Any]:
        """Do every deed at the same moment, each in a thread of its own; return what each returned or raised."""
        gate = threading.Barrier(len(deeds))
        outcomes: list[Any] = [None] * len(deeds)

        def carry_out(place: int, deed: Callable[[], Any]) -> None:
            try:
                gate.wait()
                outcomes[place] = deed()
            except Exception as error:  # A race's loser is as much a result as its winner.
                outcomes[place] = error
            finally:
                # Django opens connections per thread, and nobody else can close these.
                connections.close_all()

        threads = [threading.Thread(target=carry_out, args=(place, deed)) for place, deed in enumerate(deeds)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes


@pytest.fixture
def committed_db(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[CommittedDatabase]:
    """A fresh copy of the migrated, empty database to commit into; dropped afterwards.

    ``.url`` is its DATABASE_URL for child processes. Not together with ``db``, which would hold a transaction open.
    """
    if "db" in request.fixturenames or request.node.get_closest_marker("django_db"):
        raise pytest.UsageError("A test takes committed_db or db, not both: db holds a transaction open throughout.")
    settings_of_connection = connections["default"].settings_dict
    name_before = settings_of_connection["NAME"]
    pristine = database_copies.pristine_name()
    name = f"{pristine.removesuffix('_pristine')}_{uuid4().hex[:8]}"
    with django_db_blocker.unblock():
        database_copies.copy(pristine, name)
        # Every thread's connection reads this one dictionary when it is opened.
        settings_of_connection["NAME"] = name
        try:
            yield CommittedDatabase(name, database_copies.url(name))
        finally:
            connections.close_all()
            settings_of_connection["NAME"] = name_before
            database_copies.drop(name)
