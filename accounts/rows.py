"""Many rows in one statement, and several statements in one: the write side of every hot deed, on both databases."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import connection

from accounts import database, prepared

Columns = Sequence[tuple[str, str]]  # (name, PostgreSQL type)

# Below SQLite's limit of 32,766 bound values a statement.
SQLITE_VALUES = 30_000
FEW = 4


class Touched:
    """How many rows a write touched, and what it was asked to tell of each; known when its ``together()`` block has ended."""

    count: int = 0
    told: Sequence[Any] = ()


class _Queue(threading.local):
    # (SQL, parameters, the column that each written row tells or nothing, where the answer goes)
    statements: list[tuple[str, list[Any], str, Touched]] | None = None


queue = _Queue()


@contextmanager
def together() -> Iterator[None]:
    """Send the writes of this block to PostgreSQL as one statement when it ends; elsewhere they run one after another.

    They see the rows as they were before the block, so none may touch what another one wrote.
    """
    if not database.is_postgresql() or not prepared.is_hot():
        yield
        return
    queue.statements = []
    try:
        yield
        _send(queue.statements)
    finally:
        queue.statements = None


def _send(statements: list[tuple[str, list[Any], str, Touched]]) -> None:
    if not statements:
        return
    parts = ", ".join(
        f"w{number} AS ({sql} RETURNING {tell or 1})" for number, (sql, _, tell, _) in enumerate(statements)
    )
    answers = ", ".join(
        f"ARRAY(SELECT {tell} FROM w{number})" if tell else f"(SELECT count(*) FROM w{number})"  # noqa: S608
        for number, (_, _, tell, _) in enumerate(statements)
    )
    with prepared.cursor() as cursor:
        cursor.execute(f"WITH {parts} SELECT {answers}", [value for _, params, _, _ in statements for value in params])
        for (_, _, tell, touched), answer in zip(statements, cursor.fetchone(), strict=True):
            touched.told, touched.count = (answer, len(answer)) if tell else ((), answer)


def write(sql: str, params: Sequence[Any], *, tell: str = "") -> Touched:
    """Run one INSERT or UPDATE, at the block's end inside ``together()``; ``tell`` is a column to be told of each row written."""
    touched = Touched()
    if queue.statements is not None:
        queue.statements.append((sql, list(params), tell, touched))
        return touched
    with prepared.cursor() as cursor:
        cursor.execute(f"{sql} RETURNING {tell}" if tell else sql, params)
        touched.told = [row[0] for row in cursor.fetchall()] if tell else ()
        touched.count = len(touched.told) if tell else cursor.rowcount
    return touched


def add(
    table: str,
    columns: Columns,
    rows: Sequence[Sequence[Any]],
    conflict: str = "",
    *,
    made: Mapping[str, str] | None = None,
    tell: str = "",
) -> Touched:
    """Insert ``rows`` in their order; ``conflict`` is an ON CONFLICT clause, ``made`` {column: SQL that makes its value from the
    row ``v``}, for PostgreSQL only. As ``write``."""
    touched = Touched()
    for source, values in sources(columns, rows, made or {}):
        part = write(f"INSERT INTO {named(table, columns)} {source} {conflict}", values, tell=tell)
        if queue.statements is not None:
            return part
        touched.count += part.count
        touched.told = [*touched.told, *part.told]
    return touched


def insert(table: str, columns: Columns, rows: Sequence[Sequence[Any]], suffix: str = "") -> list[tuple[Any, ...]]:
    """Insert ``rows`` in their order, at once, and answer what ``suffix`` (ON CONFLICT, RETURNING) returns."""
    answers: list[tuple[Any, ...]] = []
    for source, values in sources(columns, rows, {}):
        with prepared.cursor() as cursor:
            cursor.execute(f"INSERT INTO {named(table, columns)} {source} {suffix}", values)
            if "RETURNING" in suffix:
                answers += cursor.fetchall()
    return answers


def named(table: str, columns: Columns) -> str:
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return f'"{table}" ({names})'


def sources(
    columns: Columns, rows: Sequence[Sequence[Any]], made: Mapping[str, str]
) -> Iterator[tuple[str, list[Any]]]:
    """The rows as what an INSERT takes them from, with its parameters.

    PostgreSQL gets one array a column, so the statement's text does not depend on how many rows there are (a few are written
    as values, which cost less to bind); SQLite gets as few statements as its limit on values allows.
    """
    if not rows:
        return
    if database.is_postgresql():
        source, params = as_table(columns, rows)
        picked = ", ".join(made.get(name, f'v."{name}"') for name, _ in columns) if made else "*"
        yield f"SELECT {picked} FROM {source}", params  # noqa: S608
        return
    step = max(1, SQLITE_VALUES // len(columns))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        marks = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(part))
        yield f"VALUES {marks}", [sqlite_value(value) for row in part for value in row]


def as_table(columns: Columns, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """Rows as a table ``v`` for a FROM clause: its SQL and its parameters."""
    names = ", ".join(f'"{name}"' for name, _ in columns)
    if database.is_postgresql():
        if len(rows) <= FEW:
            marks = ", ".join([f"({', '.join(f'%s::{kind}' for _, kind in columns)})"] * len(rows))
            return f"(VALUES {marks}) AS v({names})", [value for row in rows for value in row]
        return _unnested(columns, rows)
    marks = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(rows))
    picks = ", ".join(f"column{number} AS {name}" for number, (name, _) in enumerate(columns, 1))
    table = f"(SELECT {picks} FROM (VALUES {marks})) AS v"  # noqa: S608
    return table, [sqlite_value(value) for row in rows for value in row]


def _unnested(columns: Columns, rows: Sequence[Sequence[Any]]) -> tuple[str, list[Any]]:
    """One array a column; a column that says the same in every row is one value, which spares both sides the array."""
    picks, alike, arrays, lists, varying = list[str](), list[Any](), list[str](), list[Any](), list[str]()
    for (name, kind), column in zip(columns, zip(*rows, strict=True), strict=True):
        if column.count(column[0]) == len(column):
            picks.append(f'%s::{kind} AS "{name}"')
            alike.append(column[0])
        else:
            picks.append(f'u."{name}"')
            arrays.append(f"{array_mark(column)}::{kind}[]")
            lists.append(list(column))
            varying.append(f'"{name}"')
    if not arrays:  # Rows that are all the same: then they are only counted.
        arrays, lists, varying = ["%s::smallint[]"], [[0] * len(rows)], ['"number"']
    source = f"unnest({', '.join(arrays)}) AS u({', '.join(varying)})"
    return f"(SELECT {', '.join(picks)} FROM {source}) AS v", [*alike, *lists]  # noqa: S608


def array_mark(values: Sequence[Any]) -> str:
    """Arrays go over in binary, which costs a twentieth of writing them as text; one of nothing but NULL has no binary form."""
    return "%b" if prepared.is_hot() and any(value is not None for value in values) else "%s"


def one_of(column: str, kind: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    """``column IN (…)``, and its parameters; many values are one array on PostgreSQL, so that the text stays the same."""
    if len(values) == 1:
        return f"{column} = %s", list(values)  # An array costs more to bind, and the plan knows less of it.
    if database.is_postgresql() and len(values) > FEW:
        return f"{column} = ANY({array_mark(values)}::{kind}[])", [list(values)]
    return f"{column} IN ({', '.join(['%s'] * len(values))})", list(values)


def one_pair_of(
    left: tuple[str, str], right: tuple[str, str], pairs: Sequence[tuple[Any, Any]]
) -> tuple[str, list[Any]]:
    """``(a, b) IN (…)`` likewise; ``left`` and ``right`` are (column, PostgreSQL type)."""
    if database.is_postgresql() and len(pairs) > FEW:
        source, params = as_table((("l", left[1]), ("r", right[1])), pairs)
        return f"({left[0]}, {right[0]}) IN (SELECT l, r FROM {source})", params  # noqa: S608
    marks = ", ".join(["(%s, %s)"] * len(pairs))
    return f"({left[0]}, {right[0]}) IN (VALUES {marks})", [value for pair in pairs for value in pair]


def sqlite_value(value: Any) -> Any:
    """As Django itself stores it there: instants as naive UTC text, UUIDs as 32 hex digits."""
    if hasattr(value, "utcoffset"):
        return connection.ops.adapt_datetimefield_value(value)
    return value.hex if hasattr(value, "fields") else value


def stored(value: Any) -> Any:
    """An instant or a UUID as a hand-written statement must pass it to this database."""
    return value if database.is_postgresql() else sqlite_value(value)


def as_uuid(value: Any) -> UUID:
    """A UUID as a hand-written statement was answered it: SQLite says 32 hex digits."""
    return value if isinstance(value, UUID) else UUID(value)
