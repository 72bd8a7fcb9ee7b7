"""What the database itself holds about codes that are held: a use that somebody holds is nobody else's, and each hold ends once."""

from accounts.triggers import Trigger

BEGINS = "a hold begins open, on a code of the site of its reservation, and expires with it"
ENDS_ONCE = "a hold ends once, and nothing else of it ever changes"
NEVER_DELETED = "a hold is never deleted"
HELD_USE = "a use that is held is there for its holder alone"
RESERVATION_WAITS = "a reservation is consumed or released when none of its codes is held any more"
ONLY_BY_HOLD = "what is held of a code changes only through its holds"

BELONGS = """EXISTS (
    SELECT 1 FROM codes_code c, ledger_reservation r
    WHERE c.id = NEW.code_id AND r.id = NEW.reservation_id AND c.site_id = r.site_id
      AND r.kind = 'native' AND r.ended_as = '' AND r.expires_at = NEW.expires_at)"""
FIXED = (
    "(NEW.id, NEW.reservation_id, NEW.code_id, NEW.expires_at)"
    " IS DISTINCT FROM (OLD.id, OLD.reservation_id, OLD.code_id, OLD.expires_at)"
)

# After the row: the code's own trigger, which judges what is held of it, sees the hold then.
HOLD_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION codes_hold_counts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        IF NEW.ended_as <> '' OR NOT {BELONGS} THEN
            RAISE EXCEPTION '{BEGINS}' USING ERRCODE = 'check_violation';
        END IF;
        UPDATE codes_code SET held = held + 1 WHERE id = NEW.code_id;
    ELSE
        IF OLD.ended_as <> '' OR {FIXED} THEN
            RAISE EXCEPTION '{ENDS_ONCE}' USING ERRCODE = 'check_violation';
        END IF;
        IF NEW.ended_as <> '' THEN
            UPDATE codes_code SET held = held - 1 WHERE id = NEW.code_id;
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER codes_hold_counts AFTER INSERT OR UPDATE OR DELETE ON codes_hold
FOR EACH ROW EXECUTE FUNCTION codes_hold_counts();
CREATE TRIGGER codes_hold_counts_truncate BEFORE TRUNCATE ON codes_hold
FOR EACH STATEMENT EXECUTE FUNCTION codes_hold_counts();
"""  # noqa: S608

HOLD_SQLITE = (
    (
        "codes_hold_begins",
        f"""CREATE TRIGGER codes_hold_begins BEFORE INSERT ON codes_hold
        WHEN NEW.ended_as <> '' OR NOT {BELONGS}
        BEGIN SELECT RAISE(ABORT, '{BEGINS}'); END""",
    ),
    (
        "codes_hold_ends_once",
        f"""CREATE TRIGGER codes_hold_ends_once BEFORE UPDATE ON codes_hold
        WHEN OLD.ended_as <> '' OR {FIXED.replace("IS DISTINCT FROM", "IS NOT")}
        BEGIN SELECT RAISE(ABORT, '{ENDS_ONCE}'); END""",
    ),
    (
        "codes_hold_never_deleted",
        f"""CREATE TRIGGER codes_hold_never_deleted BEFORE DELETE ON codes_hold
        BEGIN SELECT RAISE(ABORT, '{NEVER_DELETED}'); END""",
    ),
    (
        "codes_hold_counts",
        """CREATE TRIGGER codes_hold_counts AFTER INSERT ON codes_hold
        BEGIN UPDATE codes_code SET held = held + 1 WHERE id = NEW.code_id; END""",
    ),
    (
        "codes_hold_counts_end",
        """CREATE TRIGGER codes_hold_counts_end AFTER UPDATE ON codes_hold WHEN NEW.ended_as <> ''
        BEGIN UPDATE codes_code SET held = held - 1 WHERE id = NEW.code_id; END""",
    ),
)

# A statement that names ``held`` is the trigger's on holds, or nobody's: no redemption does, so it costs none of them anything.
HELD_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION codes_code_held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '{ONLY_BY_HOLD}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER codes_code_held BEFORE UPDATE OF held ON codes_code FOR EACH ROW
WHEN (NEW.held <> OLD.held) EXECUTE FUNCTION codes_code_held();
CREATE OR REPLACE FUNCTION codes_code_held_uses() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{HELD_USE}' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER codes_code_held_uses BEFORE UPDATE ON codes_code FOR EACH ROW
WHEN (NEW.held > NEW.max_uses - NEW.uses) EXECUTE FUNCTION codes_code_held_uses();
"""
HELD_SQLITE = (
    (
        # SQLite cannot say who makes an update, so what is held must equal the open holds.
        "codes_code_held",
        f"""CREATE TRIGGER codes_code_held BEFORE UPDATE OF held ON codes_code
        WHEN NEW.held <> OLD.held
          AND NEW.held <> (SELECT COUNT(*) FROM codes_hold WHERE code_id = NEW.id AND ended_as = '')
        BEGIN SELECT RAISE(ABORT, '{ONLY_BY_HOLD}'); END""",  # noqa: S608
    ),
    (
        "codes_code_held_uses",
        f"""CREATE TRIGGER codes_code_held_uses BEFORE UPDATE ON codes_code WHEN NEW.held > NEW.max_uses - NEW.uses
        BEGIN SELECT RAISE(ABORT, '{HELD_USE}'); END""",
    ),
)

# An expired one may be tidied first: its holds count as absent already, and end under the locks of their codes.
HOLDS_A_CODE = """NEW.ended_as IN ('consumed', 'released') AND EXISTS (
    SELECT 1 FROM codes_hold h WHERE h.reservation_id = NEW.id AND h.ended_as = '')"""
RESERVATION_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION codes_reservation_waits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {HOLDS_A_CODE} THEN
        RAISE EXCEPTION '{RESERVATION_WAITS}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER codes_reservation_waits BEFORE UPDATE OF ended_as ON ledger_reservation
FOR EACH ROW EXECUTE FUNCTION codes_reservation_waits();
"""
RESERVATION_SQLITE = (
    (
        "codes_reservation_waits",
        f"""CREATE TRIGGER codes_reservation_waits BEFORE UPDATE OF ended_as ON ledger_reservation WHEN {HOLDS_A_CODE}
        BEGIN SELECT RAISE(ABORT, '{RESERVATION_WAITS}'); END""",
    ),
)

TRIGGERS = (
    Trigger("codes_reservation_waits", "ledger_reservation", RESERVATION_POSTGRESQL, RESERVATION_SQLITE),
    Trigger("codes_hold_counts", "codes_hold", HOLD_POSTGRESQL, HOLD_SQLITE),
    Trigger("codes_code_held", "codes_code", HELD_POSTGRESQL, HELD_SQLITE),
)
