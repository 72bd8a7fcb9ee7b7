"""A cursor for the hot statements: on PostgreSQL their parameters are bound by the server and their plans made once a connection.

Django's own cursor writes the parameters into the text, which costs more than the statement itself; so does planning it anew.
"""

from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor


def cursor() -> Any:
    """A cursor on Django's connection, inside its transaction; to be used in a ``with`` block.

    While queries are logged it is Django's own, because the log shows the text of a statement only before it is prepared.
    """
    if connection.vendor != "postgresql" or connection.queries_logged:
        return connection.cursor()
    connection.ensure_connection()
    return connection._prepare_cursor(ServerBindingCursor(connection.connection))
