"""What every test stands on: a database that is the expected one, set up once and kept pristine."""

import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import teardown_databases
from pytest_django import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from tests import database_copies, migrated

pytest_plugins = ["tests.committed", "tests.scenes", "tests.processes", "tests.browser"]


def pytest_configure() -> None:
    """Refuse to run on another database than the one that was to be tested."""
    expected = os.environ.get("EXPECT_DATABASE", connection.vendor)
    if connection.vendor != expected:
        raise pytest.UsageError(f"The tests were to run on {expected}, but DATABASE_URL leads to {connection.vendor}.")


def pytest_report_header() -> str:
    """Say which database and which broker the tests run on."""
    where = settings.DATABASES["default"]
    address = f"{where['HOST']}:{where['PORT']}" if where.get("HOST") else where["TEST"]["NAME"]
    return f"database: {connection.vendor} at {address}; broker: {settings.CELERY_BROKER_URL}"


def pytest_collection_finish() -> None:
    """Spare Python's garbage collector what is loaded by now: it stays to the end, and takes half of the time to look through."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def static_files_found_once() -> Iterator[None]:
    """Every test client has middleware of its own, and WhiteNoise's would look through all static files each time."""
    find = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, dict[str, Any]] = {}

    def remember(middleware: WhiteNoiseMiddleware) -> None:
        if middleware.static_prefix not in found:
            find(middleware)
            found[middleware.static_prefix] = dict(middleware.files)
        middleware.files.update(found[middleware.static_prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remember)
        yield


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_test_environment: None,
    django_db_blocker: DjangoDbBlocker,
    django_db_modify_db_settings: None,
) -> Iterator[None]:
    """The migrated, empty test database, and a pristine copy of it that nothing ever connects to.

    Written anew, for pytest-django's own makes a database only for tests it knows to want one, and those that
    commit (tests/committed.py) are not among them.
    """
    verbosity = request.config.option.verbose
    with django_db_blocker.unblock():
        databases = migrated.set_up(verbosity)
        _assert_server()
        pristine = database_copies.pristine_name()
        database_copies.copy(connection.settings_dict["NAME"], pristine)
    yield
    with django_db_blocker.unblock():
        database_copies.drop(pristine)
        teardown_databases(databases, verbosity=verbosity)


def _assert_server() -> None:
    """Ask the server itself what it is: settings can name one thing and a connection reach another."""
    question = "SELECT version()" if connection.vendor == "postgresql" else "SELECT 'SQLite ' || sqlite_version()"
    with connection.cursor() as cursor:
        cursor.execute(question)
        answer = cursor.fetchone()[0]
    assert answer.lower().startswith(connection.vendor), f"{connection.vendor} was expected, {answer} answers"
