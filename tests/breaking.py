"""Breaking stored rows on purpose, to see that the checks notice: the database's own guards off, and everything undone."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, transaction

from accounts.invariants import Invariant
from redemption_site.management.commands.check_invariants import snapshot

OURS = ("accounts_", "ledger_", "codes_")


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens inside is undone in the end; deeds may open their own transactions, as in a test.

    For each example of a property: else the rows of all of them would lie in one transaction, and PostgreSQL, which has
    counted none of them, would plan for tables that are empty.
    """
    block = transaction.atomic()
    block._from_testcase = True
    with block:
        yield
        transaction.set_rollback(True)


@contextmanager
def unguarded() -> Iterator[None]:
    """Triggers, checks and unique indexes are gone inside; at the end everything is as it was, the rows too."""
    with transaction.atomic():
        take_guards_off()
        try:
            yield
        finally:
            transaction.set_rollback(True)
            if connection.vendor == "sqlite":
                # Past Django, which runs nothing more in a transaction that is to be rolled back.
                connection.connection.execute("PRAGMA ignore_check_constraints = OFF")


def take_guards_off() -> None:
    if connection.vendor == "sqlite":
        run("PRAGMA ignore_check_constraints = ON")
        for kind, name in fetch(
            "SELECT type, name FROM sqlite_master WHERE type = 'trigger' OR sql LIKE 'CREATE UNIQUE%'"
        ):
            run(f'DROP {kind} "{name}"')
        return
    run("SET CONSTRAINTS ALL IMMEDIATE")  # What waits for the commit would keep the tables from being altered.
    for (table,) in fetch("SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid)"):
        if table.startswith(OURS):
            run(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for table, name in fetch("SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE contype IN ('c', 'u')"):
        if table.startswith(OURS):
            run(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{name}" CASCADE')
    for table, name in fetch(
        "SELECT indrelid::regclass::text, indexrelid::regclass::text FROM pg_index WHERE indisunique AND NOT indisprimary"
    ):
        if table.startswith(OURS):
            run(f"DROP INDEX {name}")
    run("SET CONSTRAINTS ALL DEFERRED")


def run(statement: str, params: Sequence[object] = ()) -> int:
    """Run raw SQL; how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def fetch(statement: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def violated(invariants: Iterable[Invariant]) -> dict[str, list[dict[str, object]]]:
    """What does not hold, by name, with the first rows; asked as ``manage.py check_invariants`` asks it."""
    with snapshot():
        found = {invariant.name: invariant.violations(5) for invariant in invariants}
    return {name: rows for name, rows in found.items() if rows}
