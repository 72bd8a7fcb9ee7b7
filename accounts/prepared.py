"""A cursor for the hot statements: on PostgreSQL their parameters are bound by the server and their plans made once a connection.

Django's own cursor writes the parameters into the text, which costs more than the statement itself; so does planning it anew.
"""

import itertools
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from django.db import connections
from django.db.backends.postgresql.base import CursorMixin, ServerBindingCursor
from psycopg import RawCursor

from accounts import database


class NumberedCursor(CursorMixin, RawCursor):
    """Takes a statement as PostgreSQL reads it, ``$1`` for ``%s``.

    The driver's other cursors read through a statement of more than 50 parameters at every call, which costs more than to run it.
    """


@lru_cache(maxsize=1_000)
def numbered(sql: str) -> bytes:
    numbers = itertools.count(1)
    return re.sub("%s", lambda _: f"${next(numbers)}", sql).encode()


class HotCursor:
    """A connection's own cursors, used for one statement after the other: fetch what a statement answers before the next one.

    Like Django's it runs inside the open transaction, refuses to run in a broken one, and raises Django's database errors.
    """

    __slots__ = ("binary", "cursor", "database", "numbered")

    def __init__(self, database: Any) -> None:
        self.database = database
        bound: Any = ServerBindingCursor  # Its stub does not say that it is the driver's cursor.
        self.binary = bound(database.connection)  # For statements with arrays that go over in binary: ``%b``.
        self.numbered = self.cursor = NumberedCursor(database.connection)

    def __enter__(self) -> "HotCursor":
        return self

    def __exit__(self, *_: object) -> None:
        """The cursor stays open for the next statement."""

    def execute(self, sql: str, params: Sequence[Any] | None = None) -> None:
        self.database.validate_no_broken_transaction()
        with self.database.wrap_database_errors:
            if "%b" in sql:
                self.cursor = self.binary
                self.cursor.execute(sql, params)
            else:
                self.cursor = self.numbered
                self.cursor.execute(numbered(sql), params)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.cursor.fetchall()

    def fetchone(self) -> Any:
        return self.cursor.fetchone()

    @property
    def rowcount(self) -> int:
        return self.cursor.rowcount


def is_hot() -> bool:
    """Whether ``cursor()`` is one of ours: on PostgreSQL, and not while queries are logged.

    The log shows the text of a statement only before it is prepared, so Django's own cursor is used for it.
    """
    return database.is_postgresql() and not connections["default"].queries_logged


def cursor() -> Any:
    """A cursor on Django's connection; to be used in a ``with`` block."""
    default = connections["default"]
    if not database.is_postgresql() or default.queries_logged:
        return default.cursor()
    if not default.in_atomic_block:
        default.close_if_health_check_failed()  # As Django's own cursor does before the first statement of a request.
    default.ensure_connection()
    # Kept on the driver's own connection, so that it ends with it.
    hot = getattr(default.connection, "hot_cursor", None)
    if hot is None:
        hot = default.connection.hot_cursor = HotCursor(default)
    return hot
