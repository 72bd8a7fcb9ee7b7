"""Triggers that hold what no constraint can say, on PostgreSQL and SQLite alike.

Each package lists its own in ``<package>/triggers.py``. They are made anew after every ``migrate``, because SQLite
drops them silently when Django remakes a table; a system check says when one is missing.
"""

import importlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

PACKAGES = ("accounts", "ledger", "codes")


@dataclass(frozen=True)
class Trigger:
    """Triggers of one table with one purpose: whole CREATE statements for each database."""

    name: str
    table: str
    postgresql: str  # CREATE OR REPLACE FUNCTION …; CREATE TRIGGER …; and more of the latter.
    sqlite: tuple[tuple[str, str], ...]  # (trigger name, CREATE TRIGGER statement)

    def names(self, vendor: str) -> set[str]:
        """What the database calls them."""
        if vendor == "postgresql":
            return set(re.findall(r"CREATE TRIGGER (\w+)", self.postgresql))
        return {name for name, _ in self.sqlite}


def append_only(table: str, *, mutable: tuple[str, ...] = (), columns: tuple[str, ...] = ()) -> Trigger:
    """Refuse DELETE and TRUNCATE, and each UPDATE but of ``mutable`` columns; ``columns`` then names the others."""
    name = f"{table}_append_only"
    of = f" OF {', '.join(columns)}" if mutable else ""
    message = f"{table} is append-only"
    refuse = f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
    return Trigger(
        name,
        table,
        f"""
        CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation'; END $$;
        CREATE TRIGGER {name} BEFORE UPDATE{of} OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}();
        CREATE TRIGGER {name}_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
        """,
        tuple(
            (f"{name}_{deed}", f"CREATE TRIGGER {name}_{deed} BEFORE {event} ON {table} {refuse}")
            for deed, event in (("update", f"UPDATE{of}"), ("delete", "DELETE"))
        ),
    )


def listed(package: str) -> tuple[Trigger, ...]:
    if package == "accounts":
        # They are made of this module's triggers.
        from accounts import content_rules, loyalty_rules, person_rules

        rules = (*content_rules.RULES, *person_rules.RULES, *loyalty_rules.RULES)
        return (append_only("accounts_auditrecord"), *(rule.trigger() for rule in rules))
    return importlib.import_module(f"{package}.triggers").TRIGGERS


def install(sender: AppConfig, using: str, **_: Any) -> None:
    """Make the triggers of one package anew; connected to ``post_migrate``.

    Each is replaced in one step: a site that serves while it is migrated must not book one transfer without them.
    """
    connection = connections[using]
    tables = set(connection.introspection.table_names())
    for trigger in listed(sender.label):
        if trigger.table not in tables:
            continue  # The migration that makes the table has not run yet.
        with transaction.atomic(using=using), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(trigger.postgresql.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER"))
            else:
                for name, statement in trigger.sqlite:
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
                    cursor.execute(statement)


def make_way(sender: AppConfig, using: str, plan: Sequence[Any], **_: Any) -> None:
    """Drop the package's triggers on SQLite before tables are remade; connected to ``pre_migrate``.

    SQLite refuses to rename a table while a trigger of another table names one that is missing, as each is for a moment.
    """
    if connections[using].vendor == "sqlite" and plan:
        with connections[using].cursor() as cursor:
            for trigger in listed(sender.label):
                for name, _statement in trigger.sqlite:
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def let_all_fire(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Have SQLite fire the triggers on deletion also for the rows that an INSERT OR REPLACE deletes."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA recursive_triggers = ON")


@checks.register(checks.Tags.database)
def check_triggers_exist(
    app_configs: Sequence[AppConfig] | None = None, databases: Sequence[str] | None = None, **_: Any
) -> list[checks.CheckMessage]:
    """accounts.W001: a trigger that keeps the books is missing, or switched off.

    A warning and not an error, because ``manage.py migrate``, which makes it anew, would refuse to start on an error.
    ``manage.py check --database default --fail-level WARNING`` and ``check_invariants`` fail on it.
    """
    return [
        checks.Warning(f"The trigger {name} is missing.", hint="Run manage.py migrate.", id="accounts.W001")
        for alias in databases or []
        for name in missing_triggers(alias)
    ]


def missing_triggers(using: str = "default") -> list[str]:
    """The names of triggers that ought to be on the tables there are, and are not or never fire."""
    connection = connections[using]
    query = (
        "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND pg_table_is_visible(c.oid)"
        if connection.vendor == "postgresql"
        else "SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = set(cursor.fetchall())
    tables = set(connection.introspection.table_names())
    wanted = {
        (trigger.table, name)
        for package in PACKAGES
        for trigger in listed(package)
        if trigger.table in tables
        for name in trigger.names(connection.vendor)
    }
    return sorted(name for _, name in wanted - present)
