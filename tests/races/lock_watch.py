"""Watching which rows a deed locks, and in which order: PostgreSQL itself is asked, after every statement.

A second connection tries to lock all rows and skips those it cannot have: they are what the deed holds. So nothing has to
be guessed from the text of a statement, and a lock that an UPDATE takes counts like one that was asked for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from django.apps import apps
from django.db import connection

from tests.races.moments import around_statements

# Work rows, items of orders, batches, codes, households, reservations, accounts, members, budgets, mails. Holds are written under
# the locks of what they hold, so nobody waits for one. What an action writes of its own, a tag, a licence or a work item, comes
# after the value; nobody holds it and then waits for anything but mails. An advice itself comes last: whoever writes one holds the
# lock of its work, if there is any.
ORDER = (
    "codes_pendingadvice",
    "accounts_site",
    "codes_shoporderitem",
    "codes_article",
    "codes_issueorder",
    "codes_batch",
    "codes_code",
    "accounts_household",
    "ledger_reservation",
    "ledger_ledgeraccount",
    "codes_hold",
    "accounts_member",
    "accounts_failurebudget",
    "accounts_usertag",
    "accounts_licence",
    "codes_workitem",
    "codes_receiptmail",
    "codes_advice",
)
# Nobody waits for these, in whatever order: whoever writes one has locked its account before.
UNDER_ACCOUNTS = frozenset({"ledger_accounthold", "ledger_lot", "ledger_lothold"})
ACCOUNT = "ledger_ledgeraccount"


@dataclass(frozen=True)
class Lock:
    transaction: Any
    table: str
    row: Any
    statement: str

    @property
    def place(self) -> tuple[int, Any]:
        return ORDER.index(self.table), self.row


@dataclass
class Locks:
    """The rows as they came to be locked."""

    taken: list[Lock] = field(default_factory=list)

    @property
    def tables(self) -> list[str]:
        """The tables in the order of their first lock."""
        return list(dict.fromkeys(lock.table for lock in self.taken))

    def mistakes(self) -> list[str]:
        """Every lock that came after one it must come before, and every statement that locks several rows in any order."""
        holders = {lock.transaction for lock in self.taken if lock.table == ACCOUNT}
        found = [
            f"{lock.table} has no place: {lock.statement}"
            for lock in self.taken
            if lock.table not in ORDER and not (lock.table in UNDER_ACCOUNTS and lock.transaction in holders)
        ]
        last: Lock | None = None
        for lock in self.taken:
            if lock.table in ORDER:
                if last and last.transaction == lock.transaction and lock.place < last.place:
                    found.append(f"{lock.table} {lock.row} after {last.table} {last.row}: {lock.statement}")
                last = lock
        by_statement: dict[tuple[Any, str], list[str]] = {}
        for lock in self.taken:
            if lock.table in UNDER_ACCOUNTS:
                continue
            by_statement.setdefault((lock.transaction, lock.statement), []).append(lock.table)
        for (_, statement), tables in by_statement.items():
            # The one statement that locks by inserting, the upsert of budgets, does so in the order of its rows. One that locks
            # rows of two tables needs a test of its own that shows which it waits for first. For advices and holds nobody waits:
            # whoever writes them holds the lock of their work or of what they hold, or takes them in order.
            in_order = statement.count("ORDER BY") >= len(set(tables)) or set(tables) in (
                {"accounts_failurebudget"},
                {"codes_advice"},
                {"codes_hold"},
                {"ledger_accounthold"},
            )
            if len(tables) > 1 and not in_order:
                found.append(f"{len(tables)} rows of {', '.join(sorted(set(tables)))} in no order: {statement}")
        return found


def watched_tables() -> list[tuple[str, str]]:
    """Every table of ours with its primary key."""
    models = [model for label in ("accounts", "ledger", "codes") for model in apps.get_app_config(label).get_models()]
    return [(model._meta.db_table, model._meta.pk.column) for model in models]


class Observer:
    """The second connection, which never keeps a lock."""

    def __init__(self, observer: psycopg.Connection) -> None:
        self.observer = observer
        self.tables = watched_tables()

    def look(self) -> tuple[Any, set[tuple[str, Any]]]:
        """This thread's transaction, by the moment it began, and what it holds of rows that others can see."""
        pid = connection.connection.info.backend_pid
        began = self.observer.execute("SELECT xact_start FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone()
        # Whoever locks a row has its table in a mode stronger than readers' until the transaction ends: the others need no look.
        touched = self.observer.execute(
            """SELECT relation::regclass::text FROM pg_locks
               WHERE pid = %s AND locktype = 'relation' AND mode <> 'AccessShareLock'""",
            [pid],
        ).fetchall()
        held: set[tuple[str, Any]] = set()
        for table, key in self.tables:
            if (table,) not in touched:
                continue
            every = self.observer.execute(f"SELECT {key} FROM {table}").fetchall()
            # Not FOR UPDATE: then each foreign key to a row would look like a lock on it.
            free = self.observer.execute(f"SELECT {key} FROM {table} FOR NO KEY UPDATE SKIP LOCKED").fetchall()
            held |= {(table, row[0]) for row in set(every) - set(free)}
        self.observer.rollback()
        return began, held


@contextmanager
def watch_locks() -> Iterator[Locks]:
    """What this thread locks while it does its deeds; rows that it makes itself do not count, for nobody can wait for them."""
    locks, known = Locks(), set()
    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"], port=where["PORT"], user=where["USER"], password=where["PASSWORD"], dbname=where["NAME"]
    ) as second:
        observer = Observer(second)

        def look_after(sql: str, go: Callable[[], Any]) -> Any:
            result = go()
            transaction, held = observer.look()
            fresh = [Lock(transaction, *each, sql) for each in held if (transaction, *each) not in known]
            known.update((lock.transaction, lock.table, lock.row) for lock in fresh)
            locks.taken += sorted(fresh, key=lambda lock: lock.place if lock.table in ORDER else (-1, lock.row))
            return result

        with around_statements(look_after):
            yield locks
