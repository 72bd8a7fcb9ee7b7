"""``manage.py check_invariants``: proves on the stored rows that what must always be true is true."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from accounts import invariants

SHOWN = 5


class Command(BaseCommand):
    """Ask every invariant inside one read-only snapshot; exit 1 at the first that does not hold."""

    help = "Prove every invariant on the stored rows, inside one read-only snapshot; exits 1 at the first violation."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Print each invariant as it is proved, then a summary; on a violation its first rows, and raise CommandError."""
        proved = 0
        with snapshot():
            for invariant in invariants.listed():
                violations = invariant.violations(SHOWN + 1)
                if violations:
                    self.tell(invariant, violations)
                    raise CommandError(f"{invariant.number} does not hold: {invariant.name}.")
                self.stdout.write(f"ok        {invariant.number:<4} {invariant.name}")
                proved += 1
        self.stdout.write(f"All {proved} invariants hold.")

    def tell(self, invariant: invariants.Invariant, violations: list[invariants.Violation]) -> None:
        self.stdout.write(f"VIOLATED  {invariant.number:<4} {invariant.name}")
        for violation in violations[:SHOWN]:
            self.stdout.write("          " + "  ".join(f"{name}={value}" for name, value in violation.items()))
        if len(violations) > SHOWN:
            self.stdout.write("          and more")


@contextmanager
def snapshot() -> Iterator[None]:
    """One unchanging view of all rows, in which nothing can be written. Inside a caller's transaction, that one's.

    Whatever it takes: the limits of time are lifted inside, and in force again afterwards.
    """
    if connection.vendor == "postgresql":
        with _unhurried():
            yield
    elif connection.in_atomic_block:
        yield
    else:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA query_only = ON")
            # Deferred, so that writers go on: Django's own transactions would lock them out.
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")
                cursor.execute("PRAGMA query_only = OFF")


@contextmanager
def _unhurried() -> Iterator[None]:
    inside = connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if not inside:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # The limits are for those whom somebody waits for; this reads everything there is.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        yield
        # Nothing was written; and what was set goes back with the savepoint, where there is one.
        transaction.set_rollback(True)
