"""What the database itself holds about codes: terms, attempts and reversals are never changed; only legal states follow."""

from accounts.triggers import Trigger, append_only

ILLEGAL_STATE = "a code never leaves the state deleted"
NOT_FORGOTTEN = "a code that was known is never forgotten"

# Re-sealing under a new key may change what was typed and its digest, and nothing else.
ATTEMPT_FIXED = (
    "id", "site_id", "door", "caller", "actor_id", "client_id", "idempotency_key", "fingerprint", "code_id", "batch_id",
    "claimant_id", "claimant_given", "channel", "venue_id", "reference", "outcome", "reason", "step", "checks",
    "decided_at", "receipt_number", "earlier_receipt", "action", "result", "given", "uses_left", "use_number",
    "claimant_use_number", "ledger_transaction_id",
)  # fmt: skip

CODE_STATES = Trigger(
    "codes_code_states",
    "codes_code",
    f"""
    CREATE OR REPLACE FUNCTION codes_code_states() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            IF (SELECT state FROM codes_issueorder WHERE id = OLD.order_id) = 'done' THEN
                RAISE EXCEPTION '{NOT_FORGOTTEN}' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN OLD;
        END IF;
        IF OLD.state = 'deleted' AND NEW.state <> 'deleted' OR NEW.redemptions < OLD.redemptions THEN
            RAISE EXCEPTION '{ILLEGAL_STATE}' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER codes_code_states BEFORE UPDATE OR DELETE ON codes_code
    FOR EACH ROW EXECUTE FUNCTION codes_code_states();
    """,
    (
        (
            "codes_code_states_update",
            f"""CREATE TRIGGER codes_code_states_update BEFORE UPDATE ON codes_code
            WHEN OLD.state = 'deleted' AND NEW.state <> 'deleted' OR NEW.redemptions < OLD.redemptions
            BEGIN SELECT RAISE(ABORT, '{ILLEGAL_STATE}'); END""",
        ),
        (
            "codes_code_states_delete",
            f"""CREATE TRIGGER codes_code_states_delete BEFORE DELETE ON codes_code
            WHEN (SELECT state FROM codes_issueorder WHERE id = OLD.order_id) = 'done'
            BEGIN SELECT RAISE(ABORT, '{NOT_FORGOTTEN}'); END""",
        ),
    ),
)

TRIGGERS = (
    append_only("codes_terms"),
    append_only("codes_attempt", mutable=("lookup", "typed", "key_version"), columns=ATTEMPT_FIXED),
    append_only("codes_reversal"),
    CODE_STATES,
)
