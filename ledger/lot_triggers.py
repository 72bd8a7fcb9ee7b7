"""What the database holds about lots: made by a credit, moved by movements and pins alone, never more than the balance."""

from accounts.triggers import Trigger, append_only

MADE_BY_CREDIT = "a lot is what one transfer credited to a points account, wholly there at first"
FIXED = "a lot never changes what was granted, and its date only grows"
ONLY_BY_MOVEMENT = "a lot changes only through movements and holds"
NEVER_DELETED = "a lot is never deleted"
MORE_THAN_BALANCE = "lots never exceed the balance of their account"
MOVES_ITS_ACCOUNT = (
    "a movement of a lot belongs to a transaction of its site; one that returns points credits its account"
)
PIN_FITS = "a pin is of an open hold on the account of its lot, and pins are never more than their hold"
PIN_SHRINKS = "a pin only shrinks, while its hold is open"
PIN_NEVER_DELETED = "a pin is never deleted"
DUE_TOO_LATE = "an account is due no later than its lots"

# Those that a statement has made so far are among them: a transfer makes one lot.
LOTS_OF = "(SELECT COALESCE(SUM(l.remaining), 0) FROM ledger_lot l WHERE l.account_id = {account} AND l.remaining > 0)"
CREDITED = """EXISTS (
        SELECT 1 FROM ledger_transfer t JOIN ledger_ledgeraccount a ON a.id = t.credit_account_id
        WHERE t.id = NEW.transfer_id AND a.id = NEW.account_id AND a.kind = 'points' AND a.site_id = NEW.site_id
          AND t.amount = NEW.amount AND t.booked_at = NEW.granted_at
    )"""
BALANCE_OF = "(SELECT a.balance FROM ledger_ledgeraccount a WHERE a.id = {account})"
SUBSTANCE = ("id", "site_id", "account_id", "transfer_id", "amount", "granted_at")
SAID_OTHERWISE = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in SUBSTANCE)
MOVES = ("remaining", "held", "expires_at")
MOVED = " OR ".join(f"NEW.{name} <> OLD.{name}" for name in MOVES)
TRANSACTION_FITS = """EXISTS (
        SELECT 1 FROM ledger_lot l JOIN ledger_ledgertransaction x ON x.site_id = l.site_id
        WHERE l.id = NEW.lot_id AND x.id = NEW.transaction_id
          AND (NEW.amount < 0 OR EXISTS (
              SELECT 1 FROM ledger_transfer t WHERE t.transaction_id = x.id AND t.credit_account_id = l.account_id
          ))
    )"""
PIN_OF_ACCOUNT = """EXISTS (
        SELECT 1 FROM ledger_accounthold h JOIN ledger_lot l ON l.account_id = h.account_id
        WHERE h.id = NEW.hold_id AND l.id = NEW.lot_id AND h.ended_as = ''
          AND (SELECT COALESCE(SUM(p.amount), 0) FROM ledger_lothold p WHERE p.hold_id = h.id) <= h.amount
    )"""
PINS_FIT = "(SELECT COALESCE(SUM(p.amount), 0) FROM ledger_lothold p WHERE p.hold_id = NEW.id) <= NEW.amount"

# An account is due no later than the first of its lots of which something is free; a hold that ends frees the rest.
TELL = """UPDATE ledger_ledgeraccount SET due_at = NEW.expires_at
    WHERE id = NEW.account_id AND (due_at IS NULL OR due_at > NEW.expires_at)"""

EXPIRES_EARLIER = """EXISTS (
        SELECT 1 FROM ledger_lot l WHERE l.account_id = NEW.id AND l.remaining > 0 AND l.remaining > l.held
          AND (NEW.due_at IS NULL OR l.expires_at < NEW.due_at)
    )"""

LOT_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_lot_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.remaining <> NEW.amount OR NEW.held <> 0 OR NOT {CREDITED} THEN
            RAISE EXCEPTION '{MADE_BY_CREDIT}' USING ERRCODE = 'check_violation';
        END IF;
        IF {LOTS_OF.format(account="NEW.account_id")} + NEW.remaining > {BALANCE_OF.format(account="NEW.account_id")} THEN
            RAISE EXCEPTION '{MORE_THAN_BALANCE}' USING ERRCODE = 'check_violation';
        END IF;
        {TELL};
        RETURN NEW;
    END IF;
    IF {SAID_OTHERWISE} OR NEW.expires_at < OLD.expires_at THEN
        RAISE EXCEPTION '{FIXED}' USING ERRCODE = 'check_violation';
    END IF;
    -- Depth 2: this update was made by the trigger on movements, on pins or on holds.
    IF ({MOVED}) AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '{ONLY_BY_MOVEMENT}' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.remaining > NEW.held THEN
        {TELL};
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_lot_guard BEFORE INSERT OR UPDATE OR DELETE ON ledger_lot
FOR EACH ROW EXECUTE FUNCTION ledger_lot_guard();
CREATE TRIGGER ledger_lot_guard_truncate BEFORE TRUNCATE ON ledger_lot
FOR EACH STATEMENT EXECUTE FUNCTION ledger_lot_guard();
"""

MOVEMENT_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_lotmovement_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE moved bigint;
BEGIN
    IF NOT {TRANSACTION_FITS} THEN
        RAISE EXCEPTION '{MOVES_ITS_ACCOUNT}' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_lot SET remaining = remaining + NEW.amount, expires_at = GREATEST(expires_at, NEW.usable_until)
    WHERE id = NEW.lot_id RETURNING account_id INTO moved;
    IF NEW.amount > 0 AND {LOTS_OF.format(account="moved")} > {BALANCE_OF.format(account="moved")} THEN
        RAISE EXCEPTION '{MORE_THAN_BALANCE}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_lotmovement_moves AFTER INSERT ON ledger_lotmovement
FOR EACH ROW EXECUTE FUNCTION ledger_lotmovement_moves();
"""  # noqa: S608

PIN_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_lothold_pins() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION '{PIN_NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF NEW.id <> OLD.id OR NEW.hold_id <> OLD.hold_id OR NEW.lot_id <> OLD.lot_id OR NEW.amount > OLD.amount THEN
            RAISE EXCEPTION '{PIN_SHRINKS}' USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    IF NOT {PIN_OF_ACCOUNT} THEN
        RAISE EXCEPTION '{PIN_FITS}' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_lot SET held = held + NEW.amount - CASE TG_OP WHEN 'UPDATE' THEN OLD.amount ELSE 0 END
    WHERE id = NEW.lot_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_lothold_pins AFTER INSERT OR UPDATE OR DELETE ON ledger_lothold
FOR EACH ROW EXECUTE FUNCTION ledger_lothold_pins();
CREATE TRIGGER ledger_lothold_pins_truncate BEFORE TRUNCATE ON ledger_lothold
FOR EACH STATEMENT EXECUTE FUNCTION ledger_lothold_pins();
"""  # noqa: S608

HOLD_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_accounthold_lots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT {PINS_FIT} THEN
        RAISE EXCEPTION '{PIN_FITS}' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.ended_as = '' AND NEW.ended_as <> '' THEN
        UPDATE ledger_lot l SET held = l.held - p.amount
        FROM ledger_lothold p WHERE p.hold_id = NEW.id AND p.lot_id = l.id AND p.amount > 0;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_accounthold_lots AFTER UPDATE OF amount, ended_as ON ledger_accounthold
FOR EACH ROW EXECUTE FUNCTION ledger_accounthold_lots();
"""  # noqa: S608

ACCOUNT_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_account_lots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {LOTS_OF.format(account="NEW.id")} > NEW.balance THEN
        RAISE EXCEPTION '{MORE_THAN_BALANCE}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_account_lots AFTER UPDATE ON ledger_ledgeraccount
FOR EACH ROW WHEN (NEW.kind = 'points' AND NEW.balance < OLD.balance) EXECUTE FUNCTION ledger_account_lots();
CREATE OR REPLACE FUNCTION ledger_account_due_lots() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {EXPIRES_EARLIER} THEN
        RAISE EXCEPTION '{DUE_TOO_LATE}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_account_due_lots AFTER UPDATE OF due_at ON ledger_ledgeraccount
FOR EACH ROW EXECUTE FUNCTION ledger_account_due_lots();
"""


def refusing(name: str, event: str, table: str, when: str, message: str) -> tuple[str, str]:
    """SQLite's way to say no."""
    condition = f"WHEN {when} " if when else ""
    return name, f"CREATE TRIGGER {name} {event} ON {table} {condition}BEGIN SELECT RAISE(ABORT, '{message}'); END"


def doing(name: str, event: str, table: str, when: str, deed: str) -> tuple[str, str]:
    condition = f"WHEN {when} " if when else ""
    return name, f"CREATE TRIGGER {name} {event} ON {table} {condition}BEGIN {deed}; END"


# SQLite cannot say who makes an update, so what a lot has is what its movements and its pins add up to.
NOT_THE_SUM = """(NEW.remaining <> OLD.remaining
        AND NEW.remaining <> NEW.amount + (SELECT COALESCE(SUM(m.amount), 0) FROM ledger_lotmovement m WHERE m.lot_id = NEW.id))
    OR (NEW.held <> OLD.held AND NEW.held <> (
        SELECT COALESCE(SUM(p.amount), 0) FROM ledger_lothold p JOIN ledger_accounthold h ON h.id = p.hold_id
        WHERE p.lot_id = NEW.id AND h.ended_as = ''
    ))
    OR (NEW.expires_at <> OLD.expires_at AND NOT EXISTS (
        SELECT 1 FROM ledger_lotmovement m WHERE m.lot_id = NEW.id AND m.usable_until = NEW.expires_at
    ))"""
ABOVE = f"{LOTS_OF.format(account='{account}')} > {BALANCE_OF}"
LOT_OF_NEW = "(SELECT l.account_id FROM ledger_lot l WHERE l.id = NEW.lot_id)"

LOT_SQLITE = (
    refusing(
        *("ledger_lot_made", "BEFORE INSERT", "ledger_lot"),
        *(f"NEW.remaining <> NEW.amount OR NEW.held <> 0 OR NOT {CREDITED}", MADE_BY_CREDIT),
    ),
    refusing(
        *("ledger_lot_bound", "AFTER INSERT", "ledger_lot"),
        *(ABOVE.format(account="NEW.account_id"), MORE_THAN_BALANCE),
    ),
    doing("ledger_lot_tells", "AFTER INSERT", "ledger_lot", "", TELL),
    refusing(
        *("ledger_lot_fixed", "BEFORE UPDATE", "ledger_lot"),
        *(f"{SAID_OTHERWISE} OR NEW.expires_at < OLD.expires_at", FIXED),
    ),
    refusing("ledger_lot_only_by_movement", "BEFORE UPDATE", "ledger_lot", NOT_THE_SUM, ONLY_BY_MOVEMENT),
    doing("ledger_lot_tells_again", "AFTER UPDATE", "ledger_lot", "NEW.remaining > NEW.held", TELL),
    refusing("ledger_lot_kept", "BEFORE DELETE", "ledger_lot", "", NEVER_DELETED),
)
MOVEMENT_SQLITE = (
    refusing(
        *("ledger_lotmovement_fits", "BEFORE INSERT", "ledger_lotmovement"),
        *(f"NOT {TRANSACTION_FITS}", MOVES_ITS_ACCOUNT),
    ),
    (
        "ledger_lotmovement_moves",
        f"""CREATE TRIGGER ledger_lotmovement_moves AFTER INSERT ON ledger_lotmovement BEGIN
            UPDATE ledger_lot SET remaining = remaining + NEW.amount,
                expires_at = MAX(expires_at, COALESCE(NEW.usable_until, expires_at)) WHERE id = NEW.lot_id;
            SELECT RAISE(ABORT, '{MORE_THAN_BALANCE}') WHERE NEW.amount > 0 AND {ABOVE.format(account=LOT_OF_NEW)};
        END""",  # noqa: S608
    ),
)
PIN_SQLITE = (
    refusing(
        *("ledger_lothold_shrinks", "BEFORE UPDATE", "ledger_lothold"),
        "NEW.id <> OLD.id OR NEW.hold_id <> OLD.hold_id OR NEW.lot_id <> OLD.lot_id OR NEW.amount > OLD.amount",
        PIN_SHRINKS,
    ),
    *(
        (
            f"ledger_lothold_{name}",
            f"""CREATE TRIGGER ledger_lothold_{name} AFTER {event} ON ledger_lothold BEGIN
                SELECT RAISE(ABORT, '{PIN_FITS}') WHERE NOT {PIN_OF_ACCOUNT};
                UPDATE ledger_lot SET held = held + NEW.amount{less} WHERE id = NEW.lot_id;
            END""",  # noqa: S608
        )
        for name, event, less in (("pins", "INSERT", ""), ("unpins", "UPDATE", " - OLD.amount"))
    ),
    refusing("ledger_lothold_kept", "BEFORE DELETE", "ledger_lothold", "", PIN_NEVER_DELETED),
)
HOLD_SQLITE = (
    refusing(
        *("ledger_accounthold_pins_fit", "AFTER UPDATE OF amount", "ledger_accounthold"), f"NOT {PINS_FIT}", PIN_FITS
    ),
    doing(
        *("ledger_accounthold_lots", "AFTER UPDATE OF ended_as", "ledger_accounthold"),
        "OLD.ended_as = '' AND NEW.ended_as <> ''",
        """UPDATE ledger_lot SET held = held
            - (SELECT p.amount FROM ledger_lothold p WHERE p.hold_id = NEW.id AND p.lot_id = ledger_lot.id)
        WHERE id IN (SELECT p.lot_id FROM ledger_lothold p WHERE p.hold_id = NEW.id AND p.amount > 0)""",
    ),
)
ACCOUNT_SQLITE = (
    refusing(
        *("ledger_account_lots", "AFTER UPDATE", "ledger_ledgeraccount"),
        f"NEW.kind = 'points' AND NEW.balance < OLD.balance AND {LOTS_OF.format(account='NEW.id')} > NEW.balance",
        MORE_THAN_BALANCE,
    ),
    refusing(
        *("ledger_account_due_lots", "AFTER UPDATE OF due_at", "ledger_ledgeraccount"), EXPIRES_EARLIER, DUE_TOO_LATE
    ),
)

TRIGGERS = (
    Trigger("ledger_lot_guard", "ledger_lot", LOT_POSTGRESQL, LOT_SQLITE),
    append_only("ledger_lotmovement"),
    Trigger("ledger_lotmovement_moves", "ledger_lotmovement", MOVEMENT_POSTGRESQL, MOVEMENT_SQLITE),
    Trigger("ledger_lothold_pins", "ledger_lothold", PIN_POSTGRESQL, PIN_SQLITE),
    Trigger("ledger_accounthold_lots", "ledger_accounthold", HOLD_POSTGRESQL, HOLD_SQLITE),
    Trigger("ledger_account_lots", "ledger_ledgeraccount", ACCOUNT_POSTGRESQL, ACCOUNT_SQLITE),
    append_only("ledger_pointsgrant"),
)
