"""The ways in which a database is away."""

from django.db import InterfaceError, InternalError, OperationalError
from psycopg.errors import IdleInTransactionSessionTimeout


class IdleTooLong(InternalError):
    """What Django raises where PostgreSQL has ended a connection, because its transaction stood idle for too long."""

    def __init__(self, *said: object) -> None:
        super().__init__(*said)
        self.__cause__ = IdleInTransactionSessionTimeout(*said)


WAYS_TO_BE_AWAY = (OperationalError, InterfaceError, IdleTooLong)
