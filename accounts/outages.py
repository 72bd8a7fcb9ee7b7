"""What it means that the database is away: said here once, for every door and for the deeds beneath them."""

from django.db import InterfaceError, InternalError, OperationalError

# The transaction stood idle for longer than PostgreSQL lets it, and its connection is gone. psycopg calls that an
# InternalError, as it does every state of its class; all others of that class are faults of ours.
IDLE_TOO_LONG = "25P03"


def sqlstate(error: BaseException) -> str:
    """What PostgreSQL calls the fault behind an error of Django's; "" where it said nothing."""
    return getattr(error.__cause__, "sqlstate", None) or ""


def is_away(error: BaseException | None) -> bool:
    """Whether the database is gone, restarting, full, slower than a statement may be, or has ended our connection."""
    if isinstance(error, InternalError):
        return sqlstate(error) == IDLE_TOO_LONG
    return isinstance(error, OperationalError | InterfaceError)
