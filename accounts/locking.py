"""The only place that locks rows: in primary-key order, evaluated at once, inside a transaction.

Lock order of the platform: work of advices, a site whose numbers are counted, idempotency row of other deeds, an order's item,
its article, batch (only if capped, or issued into), codes by id, household, reservations by id, ledger accounts by id, loyalty
members by id, failure budgets, tags and licences that are taken back, mails. Identifying, a transaction of its own, locks the
person, then the visitor. The lock is a NO KEY one: rows that point at a locked row, such as the attempt of somebody who waited in
vain, can be written meanwhile. On SQLite ``BEGIN IMMEDIATE`` has locked everything already and the clause is left out.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.db import connection, models

from accounts import database, defects, prepared

M = TypeVar("M", bound=models.Model)


def lock_rows(queryset: "models.QuerySet[M]", *, skip_locked: bool = False) -> list[M]:
    """The rows of ``queryset``, read fresh under their locks in primary-key order. Joined rows are not locked."""
    assert connection.in_atomic_block, "A row lock ends with its transaction: open one first."
    queryset = queryset.order_by("pk")
    if database.is_postgresql() and not defects.switched_on("row_lock"):
        queryset = queryset.select_for_update(of=("self",), skip_locked=skip_locked, no_key=True)
    return list(queryset)


def lock_ids(model: type[M], ids: Iterable[Any]) -> dict[Any, M]:
    """Rows by primary key, locked in its order; IDs without a row are missing from the answer."""
    return {row.pk: row for row in lock_rows(model._default_manager.filter(pk__in=set(ids)))}


LOCK_HERE = re.compile(r"\{lock (\w+)\}")


def select_for_update(sql: str, params: Sequence[Any], *, skip_locked: bool = False) -> list[tuple[Any, ...]]:
    """Run a hot deed's own SELECT, which locks the rows of table alias ``a`` where it says ``{lock a}``, after an ORDER BY."""
    assert connection.in_atomic_block, "A row lock ends with its transaction: open one first."
    assert sql.count("ORDER BY") >= len(LOCK_HERE.findall(sql)) > 0, "Locks are taken in one order."
    locks = database.is_postgresql() and not defects.switched_on("row_lock")
    clause = rf"FOR NO KEY UPDATE OF \1{' SKIP LOCKED' if skip_locked else ''}" if locks else ""
    with prepared.cursor() as cursor:
        cursor.execute(LOCK_HERE.sub(clause, sql), params)
        return cursor.fetchall()


def lock_table(model: type[models.Model]) -> None:
    """Wait for all who hold a row of the table, and let nobody lock or write one before the transaction ends; reading goes on."""
    assert connection.in_atomic_block, "A lock ends with its transaction: open one first."
    if database.is_postgresql():
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {connection.ops.quote_name(model._meta.db_table)} IN EXCLUSIVE MODE")


def is_alone(sweep: str) -> bool:
    """Whether nobody else is at this sweep just now; then nobody else begins one before the transaction ends.

    Two sweeps would do each other no harm, but the work twice. SQLite has one writer anyway.
    """
    assert connection.in_atomic_block, "The lock ends with its transaction: open one first."
    if not database.is_postgresql() or defects.switched_on("row_lock"):
        return True
    number = int.from_bytes(hashlib.blake2b(sweep.encode(), digest_size=8).digest(), "big", signed=True)
    with prepared.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s::bigint)", [number])
        return bool(cursor.fetchone()[0])
