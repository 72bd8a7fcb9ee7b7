"""What counts as a database that is away: what the drivers raise of it, and no fault of ours."""

import select

import pytest
from django.db import DataError, Error, IntegrityError, InternalError, ProgrammingError, connection
from psycopg.errors import IdleInTransactionSessionTimeout

from accounts import outages
from tests.committed import CommittedDatabase
from tests.outages import WAYS_TO_BE_AWAY


@pytest.mark.parametrize("error", WAYS_TO_BE_AWAY)
def test_it_is_away(error: type[Exception]):
    assert outages.is_away(error("gone"))


@pytest.mark.parametrize("error", [InternalError, IntegrityError, DataError, ProgrammingError, Error, ConnectionError])
def test_a_fault_of_ours_is_none_of_its(error: type[Exception]):
    assert not outages.is_away(error("gone"))
    assert not outages.is_away(None)


on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite ends no connection")


@on_postgresql
def test_a_connection_that_was_ended_by_the_server_is_away(committed_db: CommittedDatabase):
    with connection.cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '10ms'")
        cursor.execute("BEGIN")
    # Until the server has ended it. What psycopg then calls it hangs on how much of it has come.
    assert select.select([connection.connection.fileno()], [], [], 10)[0]

    with pytest.raises(Error) as raised, connection.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert outages.is_away(raised.value)


@on_postgresql
def test_also_where_the_server_had_time_to_say_why():
    copied = connection.copy()

    with pytest.raises(InternalError) as raised, copied.wrap_database_errors:
        raise IdleInTransactionSessionTimeout("terminating connection due to idle-in-transaction timeout")

    assert type(raised.value) is InternalError
    assert outages.sqlstate(raised.value) == outages.IDLE_TOO_LONG
    assert outages.is_away(raised.value)
