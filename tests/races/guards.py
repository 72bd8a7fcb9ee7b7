"""The guards taken out of one copied database, and the moments widened in which a race is lost.

``DEFECTS`` takes out what the program guards: row locks, guarded updates, the unique key that decides between twins.
``take_out`` takes out what the database holds as the last line behind them, or the fault could never be seen.
"""

from django.db import connection

DEFECTS = frozenset({"row_lock", "guard"})

# Constraints and unique indexes by name: (table, name).
NAMED = (
    ("codes_code", "code_uses_in_bounds"),
    ("codes_code", "code_serial_per_batch"),
    ("codes_batch", "batch_cap_kept"),
    ("codes_attempt", "attempt_use_number"),
    ("codes_attempt", "attempt_claimant_use_number"),
    ("codes_attempt", "attempt_idempotency_key"),
    ("codes_reversal", "reversal_idempotency_key"),
    ("accounts_usertag", "usertag_once"),
    ("codes_assignment", "assignment_once"),
    ("codes_assignment", "assignment_key"),
    ("accounts_visitor", "visitor_unique_id_per_site"),
    ("accounts_visitorperson", "visitor_is_one_person"),
    ("accounts_storedidentification", "identification_per_visitor_and_type"),
    ("codes_shoporder", "shoporder_number_per_site"),
    ("codes_shoporder", "shoporder_idempotency_key"),
    ("ledger_lot", "lot_held_remaining"),
)
# Unique columns, whose constraints Django names.
UNIQUE = (
    ("codes_reversal", "attempt_id"),
    ("ledger_ledgertransaction", "reverses_id"),
    ("codes_assignment", "code_id"),
    ("ledger_spending", "reservation_id"),
)
# Triggers that stay, but let everything pass: check_invariants would only tell that they are missing.
TRIGGERS = (
    *("codes_code_states", "ledger_account_guard"),
    *("codes_assignment_belongs", "codes_code_stays_theirs"),
    *("ledger_suspended_guard", "ledger_account_due"),
    *("ledger_reservation_guard", "ledger_accounthold_guard", "ledger_account_lots"),
    *("codes_code_held_uses", "codes_reservation_waits"),
    "codes_shoporderitem_codes_stay",
)

# Between what was read and what is written from it: the first write of every deed.
FIRST_WRITES = (
    ("codes_attempt", "INSERT"),
    ("codes_code", "INSERT OR UPDATE"),
    ("codes_batch", "INSERT OR UPDATE"),
    ("codes_issueorder", "INSERT OR UPDATE"),
    ("codes_reversal", "INSERT"),
    ("ledger_ledgertransaction", "INSERT"),
    ("ledger_reservation", "INSERT"),
    ("ledger_accounthold", "UPDATE"),
    ("accounts_failurebudget", "INSERT"),
    ("accounts_visitor", "INSERT"),
    ("accounts_visitorperson", "INSERT"),
    ("codes_receiptmail", "UPDATE"),
    ("codes_pendingadvice", "UPDATE"),
    ("codes_shoporder", "INSERT"),
    ("codes_shoporderitem", "UPDATE"),
)
PAUSE_SECONDS = 0.01
# Where nothing guards, nobody waits for another: a longer pause costs little, and the fault shows on a slow machine too.
UNGUARDED_PAUSE_SECONDS = 0.05


def take_out() -> None:
    """Drop the last lines of defence in the database this thread is connected to."""
    with connection.cursor() as cursor:
        for table, name in (*NAMED, *((table, _unique_name(table, column)) for table, column in UNIQUE)):
            cursor.execute("SELECT 1 FROM pg_constraint WHERE conname = %s", [name])
            is_constraint = cursor.fetchone() is not None
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if is_constraint else f"DROP INDEX {name}")
        for name in TRIGGERS:
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RETURN COALESCE(NEW, OLD); END $$"
            )


def _unique_name(table: str, column: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.conname FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid
               WHERE c.contype = 'u' AND c.conrelid = %s::regclass AND a.attname = %s AND c.conkey = ARRAY[a.attnum]""",
            [table, column],
        )
        return cursor.fetchone()[0]


def widen(seconds: float) -> None:
    """Have every deed pause before its first write, after it has judged: the fault shows, and the guards work harder."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS
                $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END $$"""
        )
        for table, events in FIRST_WRITES:
            cursor.execute(
                f"CREATE TRIGGER pause BEFORE {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION pause()"
            )
