"""Budgets of failures: the one counter behind guess limits and login lock-outs.

A budget is a window of 15 minutes that starts with the first failure; when its limit is reached everything from that
scope is refused until the window ends. The counter is a guarded upsert in the database, so a parallel burst cannot
pass it.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from django.conf import settings
from django.db import connection

from accounts import clock, defects, digests, prepared
from accounts.rows import one_of

WINDOW_SECONDS = 900
WINDOW = dt.timedelta(seconds=WINDOW_SECONDS)


@dataclass(frozen=True)
class Budget:
    """What is counted and how much of it is allowed: ``Budget("login", "7|a@example.test", limit=10)``."""

    kind: str
    source: str
    limit: int

    @cached_property
    def scope(self) -> bytes:
        return _scope(settings.PEPPER, self.kind, self.source)


@lru_cache(maxsize=10_000)
def _scope(pepper: bytes, kind: str, source: str) -> bytes:
    """Made anew for every request of the same few callers otherwise; ``pepper`` is a key of the cache only."""
    return digests.keyed(f"budget {kind}", source)


def read(budgets: Iterable[Budget], now: dt.datetime) -> dict[bytes, tuple[int, int]]:
    """Scope → (failures, seconds until its window ends), for the windows that last. One statement; counts nothing."""
    scopes = sorted({budget.scope for budget in budgets})
    if not scopes:
        return {}
    wanted, params = one_of("scope", "bytea", scopes)
    with prepared.cursor() as cursor:
        cursor.execute(
            f"SELECT scope, window_started_at, failures FROM accounts_failurebudget WHERE {wanted}",  # noqa: S608
            params,
        )
        return lasting(
            [(bytes(scope), aware(started), failures) for scope, started, failures in cursor.fetchall()], now
        )


def lasting(windows: Iterable[tuple[bytes, dt.datetime, int]], now: dt.datetime) -> dict[bytes, tuple[int, int]]:
    """(Scope, start, failures) of windows as what ``read`` answers of those that last."""
    standing = {scope: (failures, seconds_left(started, now)) for scope, started, failures in windows}
    return {scope: each for scope, each in standing.items() if each[1]}


def seconds_until_free(budgets: Sequence[Budget], now: dt.datetime | None = None) -> int:
    """0 while every budget has room; else the seconds until the last spent one is free again. Counts nothing."""
    standing = read(budgets, now or clock.read())
    spent = [standing[b.scope][1] for b in budgets if b.scope in standing and standing[b.scope][0] >= b.limit]
    return max(spent, default=0)


def count_failures(taken: Mapping[Budget, int], now: dt.datetime) -> int:
    """Count failures; 0 if every budget had room for them, else the seconds until the last spent one is free again.

    One guarded upsert, its rows in one order: two callers never deadlock, and no parallel burst passes the limit.
    """
    if not taken:
        return 0
    ordered = sorted(taken, key=lambda budget: budget.scope)
    marks = ", ".join(["(%s, %s, %s)"] * len(ordered))
    rows = [value for budget in ordered for value in (budget.scope, stored(now), taken[budget])]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO accounts_failurebudget AS b (scope, window_started_at, failures) VALUES {marks}
            ON CONFLICT (scope) DO UPDATE SET
                failures = CASE WHEN b.window_started_at <= %s THEN excluded.failures
                                ELSE b.failures + excluded.failures END,
                window_started_at = CASE WHEN b.window_started_at <= %s THEN excluded.window_started_at
                                         ELSE b.window_started_at END
            RETURNING scope, failures, window_started_at
            """,  # noqa: S608
            [*rows, stored(now - WINDOW), stored(now - WINDOW)],
        )
        found = {bytes(row[0]): (row[1], aware(row[2])) for row in cursor.fetchall()}
    if defects.switched_on("guard"):
        return 0
    over = [found[budget.scope][1] for budget in ordered if found[budget.scope][0] > budget.limit]
    return max((seconds_left(start, now) for start in over), default=0)


def count_failure(budgets: Iterable[Budget], now: dt.datetime) -> int:
    """Count one failure in every budget, as ``count_failures``."""
    return count_failures(dict.fromkeys(budgets, 1), now)


def take_back(budgets: Iterable[Budget]) -> None:
    """Uncount one failure that had been counted before it was known to be none."""
    for budget in sorted(budgets, key=lambda budget: budget.scope):
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_failurebudget SET failures = failures - 1 WHERE scope = %s AND failures > 1",
                [budget.scope],
            )
            if not cursor.rowcount:
                cursor.execute("DELETE FROM accounts_failurebudget WHERE scope = %s AND failures = 1", [budget.scope])


def stored(instant: dt.datetime) -> dt.datetime | str:
    """The instant as hand-written SQL must pass it to this database."""
    value: dt.datetime | str = connection.ops.adapt_datetimefield_value(instant)  # type: ignore[assignment]
    return value


def aware(instant: dt.datetime | str) -> dt.datetime:
    """The instant as hand-written SQL gets it back: SQLite answers in UTC, as text or without a zone."""
    read = dt.datetime.fromisoformat(instant) if isinstance(instant, str) else instant
    return read.replace(tzinfo=dt.UTC) if read.tzinfo is None else read.astimezone(dt.UTC)


def seconds_left(window_started_at: dt.datetime, now: dt.datetime) -> int:
    return max(0, -int((now - window_started_at - WINDOW).total_seconds() // 1))
