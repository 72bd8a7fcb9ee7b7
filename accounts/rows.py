"""Many rows in one statement, on both databases: the write side of every hot deed."""

from collections.abc import Sequence
from typing import Any

from django.db import connection

from accounts import prepared

# Below SQLite's limit of 32,766 bound values a statement.
SQLITE_VALUES = 30_000
FEW = 4


def insert(
    table: str, columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]], suffix: str = ""
) -> list[tuple[Any, ...]]:
    """Insert ``rows`` in their order and answer what ``suffix`` (an ON CONFLICT or RETURNING clause) returns.

    ``columns`` are (name, PostgreSQL type). PostgreSQL gets one array a column, so the statement's text does not depend
    on how many rows there are (a few rows are written as values, which cost less to bind); SQLite gets as few statements as
    its limit on values allows.
    """
    if not rows:
        return []
    names = ", ".join(f'"{name}"' for name, _ in columns)
    answers: list[tuple[Any, ...]] = []
    with prepared.cursor() as cursor:
        if connection.vendor == "postgresql":
            if len(rows) <= FEW:
                marks = ", ".join([f"({', '.join(f'%s::{kind}' for _, kind in columns)})"] * len(rows))
                source, values = f"VALUES {marks}", [value for row in rows for value in row]
            else:
                arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
                source, values = f"SELECT * FROM unnest({arrays})", [list(column) for column in zip(*rows, strict=True)]  # noqa: S608
            cursor.execute(f'INSERT INTO "{table}" ({names}) {source} {suffix}', values)
            return cursor.fetchall() if "RETURNING" in suffix else []
        step = max(1, SQLITE_VALUES // len(columns))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            marks = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(part))
            values = [sqlite_value(value) for row in part for value in row]
            cursor.execute(f'INSERT INTO "{table}" ({names}) VALUES {marks} {suffix}', values)  # noqa: S608
            if "RETURNING" in suffix:
                answers += cursor.fetchall()
    return answers


def values(columns: Sequence[tuple[str, str]], rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Rows as a table ``v`` for an UPDATE … FROM: its SQL and its parameters."""
    names = ", ".join(name for name, _ in columns)
    if connection.vendor == "postgresql":
        if len(rows) <= FEW:
            marks = ", ".join([f"({', '.join(f'%s::{kind}' for _, kind in columns)})"] * len(rows))
            return f"(VALUES {marks}) AS v({names})", [value for row in rows for value in row]
        arrays = ", ".join(f"%s::{kind}[]" for _, kind in columns)
        return f"unnest({arrays}) AS v({names})", [list(column) for column in zip(*rows, strict=True)]
    marks = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(rows))
    picks = ", ".join(f"column{number} AS {name}" for number, (name, _) in enumerate(columns, 1))
    table = f"(SELECT {picks} FROM (VALUES {marks})) AS v"  # noqa: S608
    return table, [sqlite_value(value) for row in rows for value in row]


def sqlite_value(value: Any) -> Any:
    """As Django itself stores it there: instants as naive UTC text, UUIDs as 32 hex digits."""
    if hasattr(value, "utcoffset"):
        return connection.ops.adapt_datetimefield_value(value)
    return value.hex if hasattr(value, "fields") else value
