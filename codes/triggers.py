"""What the database itself holds about codes: terms, attempts and reversals are never changed; only legal states follow; and
each code belongs to an order, a batch, a site and terms that belong together."""

from accounts.triggers import Trigger, append_only
from codes import hold_triggers, shop_rules
from codes.advice import belonging, keeping
from codes.assignment_triggers import HANDING_OUT

ILLEGAL_STATE = "a code never leaves the state deleted"
NOT_FORGOTTEN = "a code that was known is never forgotten"
BELONGS = "a code belongs to an order that exists, to its batch and site, and to terms of that site"
ORDER_KEPT = "an order that has codes is never deleted"
ORDER_STAYS = "an order never moves to another batch or site"

# Re-sealing under a new key may change what was typed and its digest, and nothing else.
ATTEMPT_FIXED = (
    "id", "site_id", "door", "caller", "actor_id", "client_id", "idempotency_key", "fingerprint", "code_id", "batch_id",
    "claimant_id", "claimant_given", "channel", "venue_id", "reference", "outcome", "reason", "step", "checks",
    "decided_at", "receipt_number", "earlier_receipt", "action", "result", "given", "uses_left", "use_number",
    "claimant_use_number", "ledger_transaction_id", "happened_at",
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

# In place of foreign keys, whose check for every single row cost two thirds of the time of issuing: one check a statement, which
# asks for more. An order's own foreign keys hold its batch and site; terms are append-only. Like a foreign key the check locks
# the orders against deletion until the end of the transaction, so whoever deletes one waits, and then sees the codes.
CODE_BELONGS = Trigger(
    "codes_code_belongs",
    "codes_code",
    f"""
    CREATE OR REPLACE FUNCTION codes_code_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM codes_issueorder WHERE id IN (SELECT order_id FROM added) ORDER BY id FOR KEY SHARE;
        IF EXISTS (
            SELECT 1 FROM (SELECT DISTINCT site_id, batch_id, order_id, terms_id FROM added) c
            LEFT JOIN codes_issueorder o ON o.id = c.order_id
            LEFT JOIN codes_terms t ON t.id = c.terms_id
            WHERE (o.site_id = c.site_id AND o.batch_id = c.batch_id AND t.site_id = c.site_id) IS NOT TRUE
        ) THEN
            RAISE EXCEPTION '{BELONGS}' USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER codes_code_belongs AFTER INSERT ON codes_code
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION codes_code_belongs();
    CREATE OR REPLACE FUNCTION codes_code_moves() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM 1 FROM codes_issueorder WHERE id = NEW.order_id FOR KEY SHARE;
        IF NOT EXISTS (
            SELECT 1 FROM codes_issueorder o JOIN codes_terms t ON t.id = NEW.terms_id AND t.site_id = NEW.site_id
            WHERE o.id = NEW.order_id AND o.batch_id = NEW.batch_id AND o.site_id = NEW.site_id
        ) THEN
            RAISE EXCEPTION '{BELONGS}' USING ERRCODE = 'foreign_key_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER codes_code_moves BEFORE UPDATE OF site_id, batch_id, order_id, terms_id ON codes_code FOR EACH ROW
    WHEN ((NEW.site_id, NEW.batch_id, NEW.order_id, NEW.terms_id)
        IS DISTINCT FROM (OLD.site_id, OLD.batch_id, OLD.order_id, OLD.terms_id))
    EXECUTE FUNCTION codes_code_moves();
    """,
    tuple(
        (
            name,
            f"""CREATE TRIGGER {name} BEFORE {event} ON codes_code
            WHEN NOT EXISTS (
                SELECT 1 FROM codes_issueorder o JOIN codes_terms t ON t.id = NEW.terms_id AND t.site_id = NEW.site_id
                WHERE o.id = NEW.order_id AND o.batch_id = NEW.batch_id AND o.site_id = NEW.site_id
            )
            BEGIN SELECT RAISE(ABORT, '{BELONGS}'); END""",
        )
        for name, event in (
            ("codes_code_belongs", "INSERT"),
            ("codes_code_moves", "UPDATE OF site_id, batch_id, order_id, terms_id"),
        )
    ),
)

# By batch, for which there is an index; a code's batch is its order's.
HAS_CODES = "EXISTS (SELECT 1 FROM codes_code WHERE batch_id = OLD.batch_id AND order_id = OLD.id)"
ORDER_KEEPS_CODES = Trigger(
    "codes_issueorder_keeps_codes",
    "codes_issueorder",
    f"""
    CREATE OR REPLACE FUNCTION codes_issueorder_keeps_codes() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            RAISE EXCEPTION '{ORDER_STAYS}' USING ERRCODE = 'restrict_violation';
        ELSIF TG_OP = 'TRUNCATE' THEN
            IF EXISTS (SELECT 1 FROM codes_code) THEN
                RAISE EXCEPTION '{ORDER_KEPT}' USING ERRCODE = 'restrict_violation';
            END IF;
            RETURN NULL;
        ELSIF {HAS_CODES} THEN
            RAISE EXCEPTION '{ORDER_KEPT}' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN OLD;
    END $$;
    CREATE TRIGGER codes_issueorder_keeps_codes BEFORE DELETE ON codes_issueorder
    FOR EACH ROW EXECUTE FUNCTION codes_issueorder_keeps_codes();
    CREATE TRIGGER codes_issueorder_keeps_codes_truncate BEFORE TRUNCATE ON codes_issueorder
    FOR EACH STATEMENT EXECUTE FUNCTION codes_issueorder_keeps_codes();
    -- After the update: one before it would have every save lock the order against the check that its codes make.
    CREATE TRIGGER codes_issueorder_stays AFTER UPDATE OF id, batch_id, site_id ON codes_issueorder FOR EACH ROW
    WHEN ((NEW.id, NEW.batch_id, NEW.site_id) IS DISTINCT FROM (OLD.id, OLD.batch_id, OLD.site_id))
    EXECUTE FUNCTION codes_issueorder_keeps_codes();
    """,
    (
        (
            "codes_issueorder_keeps_codes",
            f"""CREATE TRIGGER codes_issueorder_keeps_codes BEFORE DELETE ON codes_issueorder WHEN {HAS_CODES}
            BEGIN SELECT RAISE(ABORT, '{ORDER_KEPT}'); END""",
        ),
        (
            "codes_issueorder_stays",
            f"""CREATE TRIGGER codes_issueorder_stays BEFORE UPDATE OF id, batch_id, site_id ON codes_issueorder
            WHEN NEW.id <> OLD.id OR NEW.batch_id <> OLD.batch_id OR NEW.site_id <> OLD.site_id
            BEGIN SELECT RAISE(ABORT, '{ORDER_STAYS}'); END""",
        ),
    ),
)

TRIGGERS = (
    append_only("codes_assignment"),
    *HANDING_OUT,
    append_only("codes_terms"),
    append_only("codes_attempt", mutable=("lookup", "typed", "key_version"), columns=ATTEMPT_FIXED),
    append_only("codes_reversal"),
    CODE_STATES,
    CODE_BELONGS,
    ORDER_KEEPS_CODES,
    belonging.OF_ONE_SITE.trigger(),
    *keeping.TRIGGERS,
    *shop_rules.TRIGGERS,
    *hold_triggers.TRIGGERS,
)
