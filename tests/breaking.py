"""Breaking stored rows on purpose, to see that the checks notice: the database's own guards off, and everything undone."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from django.db import connection, transaction

from accounts.invariants import Invariant
from redemption_site.management.commands.check_invariants import snapshot

T = TypeVar("T")

# In one statement, and one a table: hundreds would take longer than what is to be seen without the guards.
GUARDS_OFF = r"""
DO $$
DECLARE
    each record;
    ours CONSTANT text := '^(accounts|ledger|codes)_';
BEGIN
    SET CONSTRAINTS ALL IMMEDIATE;  -- What waits for the commit would keep the tables from being altered.
    FOR each IN
        SELECT relname, (
            SELECT string_agg(format(', DROP CONSTRAINT IF EXISTS %I CASCADE', conname), '')
            FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('c', 'u')
        ) AS drops
        FROM pg_class c
        WHERE relkind = 'r' AND pg_table_is_visible(oid) AND relname ~ ours AND (
            EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal AND tgenabled <> 'D')
            OR EXISTS (SELECT FROM pg_constraint WHERE conrelid = c.oid AND contype IN ('c', 'u'))
        )
    LOOP
        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER USER', each.relname) || COALESCE(each.drops, '');
    END LOOP;
    FOR each IN
        SELECT string_agg(indexrelid::regclass::text, ', ') AS indexes FROM pg_index
        WHERE indisunique AND NOT indisprimary AND indrelid::regclass::text ~ ours
        HAVING COUNT(*) > 0
    LOOP
        EXECUTE 'DROP INDEX ' || each.indexes;
    END LOOP;
    SET CONSTRAINTS ALL DEFERRED;
END $$
"""


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


def without_guards(make: Callable[[], T]) -> Callable[[], T]:
    """``make`` for a scene (tests/scenes.py) that has no guards: taking them off for each test costs more than most tests."""

    def made() -> T:
        found = make()
        take_guards_off()
        return found

    return made


def take_guards_off() -> None:
    if connection.vendor == "sqlite":
        run("PRAGMA ignore_check_constraints = ON")
        for kind, name in fetch(
            "SELECT type, name FROM sqlite_master WHERE type = 'trigger' OR sql LIKE 'CREATE UNIQUE%'"
        ):
            run(f'DROP {kind} "{name}"')
        return
    with connection.cursor() as cursor:
        cursor.execute(GUARDS_OFF)  # Without parameters: its own signs of per cent stay as they are.


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
