"""Whole databases copied and dropped: a file on SQLite, a template on PostgreSQL."""

import shutil
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from django.db import connection, connections
from psycopg import errors, sql

# Beside an SQLite file; PostgreSQL keeps comments on its databases.
MARK = ".mark"
TRIES = 5


def pristine_name() -> str:
    """The name of the migrated, empty copy that other copies are made of; each xdist worker has its own."""
    return f"{connection.settings_dict['TEST']['NAME'] or connection.settings_dict['NAME']}_pristine"


def copy(source: str, target: str) -> None:
    """Copy a database that nobody is connected to, this thread aside."""
    # The last one to close an SQLite database also writes its log back into the file that is about to be copied.
    connections.close_all()
    if connection.vendor == "sqlite":
        drop(target)
        shutil.copyfile(source, target)
    else:
        for left in reversed(range(TRIES)):
            drop(target)
            try:
                _execute("CREATE DATABASE {} TEMPLATE {}", sql.Identifier(target), sql.Identifier(source))
                return
            except errors.ObjectInUse:
                # The server waits 5 s for whoever was connected and is on their way out: too little on a busy machine.
                if not left:
                    raise


def drop(name: str) -> None:
    """Drop a database, whoever is still connected to it."""
    if connection.vendor == "sqlite":
        for suffix in ("", "-wal", "-shm", "-journal", MARK):
            Path(f"{name}{suffix}").unlink(missing_ok=True)
    else:
        _execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", sql.Identifier(name))


def mark(name: str, text: str) -> None:
    """Write on a database what it is; a copy does not have it."""
    if connection.vendor == "sqlite":
        Path(f"{name}{MARK}").write_text(text)
    else:
        _execute("COMMENT ON DATABASE {} IS {}", sql.Identifier(name), sql.Literal(text))


def mark_of(name: str) -> str:
    """What was written on the database; "" if nothing was, or there is no such database."""
    if connection.vendor == "sqlite":
        file = Path(f"{name}{MARK}")
        return file.read_text() if file.exists() else ""
    found = _execute(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = {}", sql.Literal(name)
    )
    return (found and found[0][0]) or ""


def url(name: str) -> str:
    """The DATABASE_URL of a database on the server under test."""
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    where = connection.settings_dict
    secret = f":{where['PASSWORD']}" if where["PASSWORD"] else ""
    return f"postgres://{where['USER']}{secret}@{where['HOST']}:{where['PORT']}/{name}"


def _execute(statement: LiteralString, *parts: sql.Composable) -> list[tuple[Any, ...]]:
    # A connection of its own: these statements stand outside every transaction, and Django's is cut off by time limits.
    where: dict[str, Any] = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"],
        port=where["PORT"],
        user=where["USER"],
        password=where["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as server:
        answer = server.execute(sql.SQL(statement).format(*parts))
        return answer.fetchall() if answer.description else []
