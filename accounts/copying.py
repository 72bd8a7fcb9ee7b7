"""PostgreSQL's binary COPY: the fastest way in for very many rows, as bytes that the caller puts together block by block.

Source of the format: PostgreSQL's manual, COPY, "Binary Format". Every number is big-endian.
"""

import datetime as dt
import struct
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection

START = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # Signature, no flags, no header extension.
END = b"\xff\xff"
EPOCH = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
NUMBERS = {"smallint": struct.Struct(">ih"), "integer": struct.Struct(">ii"), "bigint": struct.Struct(">iq")}
NULL = struct.pack(">i", -1)


def head(columns: int) -> bytes:
    """What each row begins with: how many columns it has."""
    return struct.pack(">h", columns)


def field(kind: str, value: Any) -> bytes:
    """One value as a column of this type: bigint, integer, smallint, text, bytea or timestamptz; None is NULL."""
    if value is None:
        return NULL
    if kind == "timestamptz":
        return NUMBERS["bigint"].pack(8, (value - EPOCH) // MICROSECOND)
    if kind in NUMBERS:
        layout = NUMBERS[kind]
        return layout.pack(layout.size - 4, value)
    data = value.encode() if kind == "text" else bytes(value)
    return struct.pack(">i", len(data)) + data


def copy_in(table: str, columns: Sequence[str], parts: Iterable[bytes]) -> None:
    """Copy rows into a table, all or none; ``parts`` are whole or broken rows, one after another.

    Raises Django's database errors: an IntegrityError breaks the transaction, so stand in a savepoint.
    """
    names = ", ".join(f'"{name}"' for name in columns)
    copy_rows = f'COPY "{table}" ({names}) FROM STDIN (FORMAT BINARY)'
    with connection.cursor() as cursor, connection.wrap_database_errors, cursor.copy(copy_rows) as copy:
        copy.write(START)
        for part in parts:
            copy.write(part)
        copy.write(END)
