"""The floor: one PL/pgSQL function that writes the rows of one redemption and judges nothing.

It is made after the pattern of a real redemption's rows: each column that differs from one redemption to the next is computed as
cheaply as can be, every other one gets the very value that the real row has. So the floor grows with the schema and the engine.
"""

from typing import Any

from django.db import connection

from bench import redeeming
from bench.stocking import claimant_id
from codes.models import Attempt
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code

# Table → (how to find the pattern's row, {column: what is written instead of the pattern's value}).
Rows = dict[str, tuple[str, dict[str, str]]]
ROWS: Rows = {
    "codes_attempt": (
        "id = %(attempt)s",
        {
            "id": "my_attempt",
            "idempotency_key": "my_attempt::text",
            "code_id": "my_code.id",
            "lookup": "COALESCE(my_code.lookup_odd, my_code.lookup_even)",
            "typed": "my_code.sealed",
            "claimant_id": "{first_user} + claimant",
            "claimant_given": "'{claimant_prefix}' || claimant",
            "decided_at": "my_now",
            "receipt_number": "nextval('codes_receipt_number')",
            "uses_left": "my_code.max_uses - my_code.uses - 1",
            "use_number": "my_code.redemptions + 1",
            "claimant_use_number": "{claimant_use_number}",
            "ledger_transaction_id": "my_booking",
        },
    ),
    "codes_receiptmail": ("attempt_id = %(attempt)s", {"attempt_id": "my_attempt", "due_at": "my_now"}),
    "ledger_ledgertransaction": (
        "id = %(booking)s",
        {
            "id": "my_booking",
            "comment": "'Code ' || my_code.batch_id || '-' || my_code.serial",
            "booked_at": "my_now",
        },
    ),
    "ledger_transfer": (
        "transaction_id = %(booking)s",
        {"transaction_id": "my_booking", "credit_account_id": "{first_account} + claimant", "booked_at": "my_now"},
    ),
}

# The engine's IDs rise with time, and so must these: random ones would make every index page dirty, and the floor too low.
RISING_ID = (
    "encode(overlay(uuid_send(gen_random_uuid()) PLACING substring(int8send("
    "(extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid"
)

FUNCTION = """
CREATE OR REPLACE FUNCTION {name}(code bigint, claimant bigint) RETURNS uuid LANGUAGE plpgsql AS $floor$
DECLARE
    my_code codes_code;
    my_now timestamptz;
    my_attempt uuid := {rising_id};
    my_booking uuid := {rising_id};
BEGIN
    SELECT * INTO STRICT my_code FROM codes_code WHERE id = code FOR NO KEY UPDATE;
    IF my_code.state <> 'active' OR my_code.batch_id <> {batch} THEN
        RAISE EXCEPTION 'there is no fresh code left';
    END IF;
    my_now := clock_timestamp();
    {inserts}
    UPDATE codes_code SET
        uses = uses + 1, redemptions = redemptions + 1,
        state = CASE WHEN uses + 1 >= max_uses THEN 'used_up' ELSE state END,
        last_redeemed_at = my_now, last_actor_id = {actor}
    WHERE id = my_code.id;
    RETURN my_attempt;
END $floor$
"""
EARLIER_USES = """(SELECT COALESCE(MAX(a.claimant_use_number), 0) + 1 FROM codes_attempt a
    WHERE a.code_id = my_code.id AND a.claimant_id = {first_user} + claimant AND a.claimant_use_number IS NOT NULL)"""


def lay(name: str, code: str, first_user: int, first_account: int) -> dict[str, Any]:
    """Redeem ``code`` as the pattern and make the function ``name(code ID, claimant number)`` after it."""
    pattern = redeem_pattern(code)
    hot = pattern.code is not None and pattern.code.max_uses > 1
    words = {
        "first_user": first_user,
        "first_account": first_account,
        "claimant_prefix": claimant_id(0).removesuffix("0"),
        "claimant_use_number": EARLIER_USES.format(first_user=first_user) if hot else "1",
    }
    with connection.cursor() as cursor:
        inserts = [insert_after(cursor, table, ROWS, pattern, words) for table in ROWS]
        cursor.execute("SELECT quote_literal(%s)", [pattern.actor_id])
        actor = cursor.fetchone()[0]
        cursor.execute(
            FUNCTION.format(
                name=name,
                rising_id=RISING_ID,
                batch=pattern.batch_id,
                inserts="\n    ".join(inserts),
                actor=actor,
            )
        )
        cursor.execute("CREATE SEQUENCE IF NOT EXISTS bench_fresh_code")
    return {"code_id": pattern.code_id, "used": 1}


def redeem_pattern(code: str) -> Attempt:
    """The real redemption, exactly as those that are measured: with a key, for a claimant with an e-mail address."""
    command = next(redeeming.commands(redeeming.caller(), [code], 1, 1))[0]
    assert isinstance(command, RedeemCode)
    return Attempt.objects.select_related("code").get(pk=redeem_code(command).attempt.pk)


def insert_after(cursor: Any, table: str, rows: Rows, pattern: Attempt, words: dict[str, Any]) -> str:
    """The INSERT that writes a row like the pattern's, in the table's own order of columns."""
    where, computed = rows[table]
    cursor.execute(
        """SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
           WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attidentity = '' ORDER BY attnum""",
        [table],
    )
    columns = cursor.fetchall()
    picks = ", ".join(f'quote_nullable("{name}"::text)' for name, _ in columns)
    found = {"attempt": pattern.pk, "booking": pattern.ledger_transaction_id}
    cursor.execute(f"SELECT {picks} FROM {table} WHERE {where}", found)
    (values,) = cursor.fetchall()
    written = [
        computed[name].format(**words) if name in computed else f"{literal}::{kind}"
        for (name, kind), literal in zip(columns, values, strict=True)
    ]
    names = ", ".join(f'"{name}"' for name, _ in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(written)});"
