"""What prepares or checks a measurement is no request: the limits of one do not hold for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection


@contextmanager
def lifted() -> Iterator[Any]:
    """A cursor whose statements may take and wait as long as they need; afterwards the connection's limits hold again.

    Even statements over small tables want it: on a slow disk or a busy machine they take longer than any request may.
    """
    limits = ("statement_timeout", "lock_timeout") if connection.vendor == "postgresql" else ()
    with connection.cursor() as cursor:
        for limit in limits:
            cursor.execute(f"SET {limit} = 0")
        try:
            yield cursor
        finally:
            if not connection.needs_rollback and connection.connection is not None:
                for limit in limits:
                    cursor.execute(f"RESET {limit}")
