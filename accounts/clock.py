"""The platform's only clock: the database's, so that a wrong clock on a web server or worker changes no decision."""

import datetime as dt
from functools import cache
from typing import Any

from django.conf import settings

from accounts import database, prepared

NOT_MOVED = dt.timedelta()


@cache
def can_be_moved() -> bool:
    """Asked once, as accounts/defects.py does: nothing but tests/settings.py defines the setting."""
    return hasattr(settings, "CLOCK_OFFSET_SECONDS")


def offset() -> dt.timedelta:
    """How far tests have moved the clock."""
    return dt.timedelta(seconds=settings.CLOCK_OFFSET_SECONDS) if can_be_moved() else NOT_MOVED


def read(told: dt.datetime | None = None) -> dt.datetime:
    """The instant now, in UTC. Read it after the lock, never before: a wait may outlast a code's last valid moment.

    ``told`` is the clock_timestamp() that another statement has brought along, and saves this one.
    """
    if told is not None:
        return told.astimezone(dt.UTC) + offset()
    with prepared.cursor() as cursor:
        if database.is_postgresql():
            # Not now(), which is the transaction's start.
            cursor.execute("SELECT clock_timestamp()")
            instant = cursor.fetchone()[0]
        else:
            cursor.execute("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')")
            instant = dt.datetime.fromisoformat(cursor.fetchone()[0])
    instant = instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)
    return instant + offset()


def in_sql() -> tuple[str, list[Any]]:
    """The instant as an expression of PostgreSQL's with its parameters, for a statement that writes it itself; as ``read``."""
    return ("clock_timestamp() + %s::interval", [offset()]) if can_be_moved() else ("clock_timestamp()", [])
