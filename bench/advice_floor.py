"""The floor of draining: one PL/pgSQL function that writes the rows of one judged advice, and judges nothing.

Made after the pattern of a real one, as bench/floor_function.py makes that of a redemption. It counts no tally and leases
nothing: whoever does one advice in one transaction needs neither.
"""

from django.db import connection

from bench.advising import PREFIX
from bench.floor_function import RISING_ID, Rows, insert_after
from codes.models import Attempt

ROWS: Rows = {
    "codes_attempt": (
        "id = %(attempt)s",
        {
            "id": "my_advice",
            "code_id": "my_code.id",
            "lookup": "COALESCE(my_code.lookup_odd, my_code.lookup_even)",
            "typed": "my_code.sealed",
            "decided_at": "my_now",
            "receipt_number": "nextval('codes_receipt_number')",
            "uses_left": "my_code.max_uses - my_code.uses - 1",
            "use_number": "my_code.redemptions + 1",
            "ledger_transaction_id": "my_booking",
        },
    ),
    "ledger_ledgertransaction": (
        "id = %(booking)s",
        {
            "id": "my_booking",
            "comment": "'Code ' || my_code.batch_id || '-' || my_code.serial || ', reported'",
            "booked_at": "my_now",
        },
    ),
    "ledger_transfer": ("transaction_id = %(booking)s", {"transaction_id": "my_booking", "booked_at": "my_now"}),
}

FUNCTION = """
CREATE OR REPLACE FUNCTION bench_judge(code bigint) RETURNS uuid LANGUAGE plpgsql AS $floor$
DECLARE
    my_code codes_code;
    my_now timestamptz;
    my_advice uuid := ('{prefix}' || lpad(to_hex(code), 12, '0'))::uuid;
    my_booking uuid := {rising_id};
BEGIN
    DELETE FROM codes_pendingadvice WHERE advice_id = my_advice;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no pending advice left';
    END IF;
    SELECT * INTO STRICT my_code FROM codes_code WHERE id = code FOR NO KEY UPDATE;
    IF my_code.state <> 'active' OR my_code.batch_id <> {batch} THEN
        RAISE EXCEPTION 'there is no fresh code left';
    END IF;
    my_now := clock_timestamp();
    {inserts}
    UPDATE codes_code SET
        uses = uses + 1, redemptions = redemptions + 1,
        state = CASE WHEN uses + 1 >= max_uses THEN 'used_up' ELSE state END,
        last_redeemed_at = {happened_at}, last_actor_id = {actor}
    WHERE id = my_code.id;
    UPDATE codes_advice SET outcome = 'redeemed', decided_at = my_now, attempt_id = my_advice WHERE id = my_advice;
    RETURN my_advice;
END $floor$
"""


def lay(code_id: int) -> None:
    """Make ``bench_judge(code ID)`` after the judgement of the advice of this code; codes of its batch alone may follow."""
    pattern = Attempt.objects.get(code_id=code_id)
    with connection.cursor() as cursor:
        inserts = [insert_after(cursor, table, ROWS, pattern, {}) for table in ROWS]
        cursor.execute(
            "SELECT quote_literal(%s), quote_literal(%s::timestamptz) || '::timestamptz'",
            [pattern.actor_id, pattern.happened_at],
        )
        actor, happened_at = cursor.fetchone()
        cursor.execute(
            FUNCTION.format(
                prefix=PREFIX,
                rising_id=RISING_ID,
                batch=pattern.batch_id,
                inserts="\n    ".join(inserts),
                actor=actor,
                happened_at=happened_at,
            )
        )
        cursor.execute("CREATE SEQUENCE IF NOT EXISTS bench_advised")
