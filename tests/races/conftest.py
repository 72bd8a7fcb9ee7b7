"""Two arenas for all races, alike but for the guards, each over a database of its own on a real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from deploy.local.places import temporary_folder
from tests import database_copies
from tests.committed import CommittedDatabase
from tests.races.arena import Arena


@contextmanager
def open_arena(name: str, blocker: DjangoDbBlocker, *, guarded: bool) -> Iterator[Arena]:
    """An arena over a fresh copy of the migrated, empty database; its processes end with it."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row locks to race for")
    with blocker.unblock(), temporary_folder("redemption-race") as folder:
        pristine = database_copies.pristine_name()
        copied = f"{pristine.removesuffix('_pristine')}_{name}"
        database_copies.copy(pristine, copied)
        arena = Arena(CommittedDatabase(copied, database_copies.url(copied)), folder, guarded=guarded)
        try:
            yield arena
        finally:
            arena.end()


@pytest.fixture(scope="session")
def guarded_arena(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Arena]:
    with open_arena("guarded", django_db_blocker, guarded=True) as arena:
        yield arena


@pytest.fixture(scope="session")
def unguarded_arena(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Arena]:
    with open_arena("unguarded", django_db_blocker, guarded=False) as arena:
        yield arena


@pytest.fixture(scope="module")
def vast_arena(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Arena]:
    with open_arena("vast", django_db_blocker, guarded=True) as arena:
        yield arena


@pytest.fixture
def vast(vast_arena: Arena, django_db_blocker: DjangoDbBlocker) -> Iterator[Arena]:
    """The platform as it is, for codes by the hundred thousand: every proof of an arena's invariants reads all that it has."""
    with django_db_blocker.unblock():
        yield vast_arena


@pytest.fixture
def guarded(guarded_arena: Arena, django_db_blocker: DjangoDbBlocker) -> Iterator[Arena]:
    """The platform as it is. Leaving ``with guarded:`` proves all invariants of its database."""
    with django_db_blocker.unblock():
        yield guarded_arena


@pytest.fixture
def unguarded(unguarded_arena: Arena, django_db_blocker: DjangoDbBlocker) -> Iterator[Arena]:
    """The platform with its guards taken out, to show the fault that they prevent."""
    with django_db_blocker.unblock():
        yield unguarded_arena
