"""What the database itself holds about value: append-only books, one asset a transfer, balances made of transfers."""

from accounts.triggers import Trigger, append_only
from ledger import lot_triggers, reservation_triggers, suspended_triggers

ONE_ASSET = "a transfer joins two accounts of one asset, all at the site of its transaction"
ONLY_BY_TRANSFER = "a balance changes only through transfers"
ONLY_BY_HOLD = "what is held changes only through holds"
BELOW_FLOOR = "account below its floor"
FIXED = "an account never changes its owner, asset or purpose"
STARTS_EMPTY = "an account starts empty"
NEVER_DELETED = "an account is never deleted"
ASSET_FIXED = "an asset never changes its code, kind or exponent"

# One statement-level trigger a list, because a redemption in a list of a thousand must not cost a thousand calls. Its rows are
# found by their keys whatever was known of the tables: a session keeps the first plan, which would otherwise read all of a
# table that was small then, for one row as for a thousand.
BOOKS_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_transfer_books() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    -- Outer joins, because foreign keys wait for the commit: an account made after its transfer would miss it for ever.
    IF EXISTS (
        SELECT 1 FROM added t
        LEFT JOIN ledger_ledgertransaction x ON x.id = t.transaction_id
        LEFT JOIN ledger_ledgeraccount d ON d.id = t.debit_account_id
        LEFT JOIN ledger_ledgeraccount c ON c.id = t.credit_account_id
        WHERE (d.asset_id = c.asset_id AND d.site_id = c.site_id AND d.site_id = x.site_id) IS NOT TRUE
    ) THEN
        RAISE EXCEPTION '{ONE_ASSET}' USING ERRCODE = 'check_violation';
    END IF;
    UPDATE ledger_ledgeraccount a SET balance = a.balance + m.net, booked_through = GREATEST(a.booked_through, m.last)
    FROM (
        SELECT account, SUM(net)::bigint AS net, MAX(id) AS last FROM (
            SELECT credit_account_id AS account, amount AS net, id FROM added
            UNION ALL SELECT debit_account_id, -amount, id FROM added
        ) legs GROUP BY account
    ) m
    WHERE a.id = m.account AND a.balance IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_transfer_books AFTER INSERT ON ledger_transfer
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_transfer_books();
"""

ACCOUNT_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_account_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF COALESCE(NEW.balance, 0) <> 0 OR NEW.held <> 0 OR NEW.booked_through <> 0 THEN
            RAISE EXCEPTION '{STARTS_EMPTY}' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.site_id, NEW.asset_id, NEW.owner_id, NEW.kind, NEW.purpose, NEW.batch_number)
        IS DISTINCT FROM (OLD.id, OLD.site_id, OLD.asset_id, OLD.owner_id, OLD.kind, OLD.purpose, OLD.batch_number) THEN
        RAISE EXCEPTION '{FIXED}' USING ERRCODE = 'check_violation';
    END IF;
    -- Depth 2: this update was made by the trigger on transfers, or on holds. Nothing else may change these columns.
    IF (NEW.balance IS DISTINCT FROM OLD.balance OR NEW.booked_through <> OLD.booked_through)
        AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '{ONLY_BY_TRANSFER}' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.held <> OLD.held AND pg_trigger_depth() < 2 THEN
        RAISE EXCEPTION '{ONLY_BY_HOLD}' USING ERRCODE = 'check_violation';
    END IF;
    IF (NEW.balance IS DISTINCT FROM OLD.balance AND NEW.balance < NEW.floor)
        OR ((NEW.balance < OLD.balance OR NEW.held > OLD.held) AND NEW.balance - NEW.held < NEW.floor) THEN
        RAISE EXCEPTION '{BELOW_FLOOR}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_guard BEFORE INSERT OR UPDATE OR DELETE ON ledger_ledgeraccount
FOR EACH ROW EXECUTE FUNCTION ledger_account_guard();
CREATE TRIGGER ledger_account_guard_truncate BEFORE TRUNCATE ON ledger_ledgeraccount
FOR EACH STATEMENT EXECUTE FUNCTION ledger_account_guard();
"""

BOOKS_SQLITE = (
    (
        "ledger_transfer_one_asset",
        f"""CREATE TRIGGER ledger_transfer_one_asset BEFORE INSERT ON ledger_transfer
        WHEN NOT EXISTS (
            SELECT 1 FROM ledger_ledgertransaction x, ledger_ledgeraccount d, ledger_ledgeraccount c
            WHERE x.id = NEW.transaction_id AND d.id = NEW.debit_account_id AND c.id = NEW.credit_account_id
              AND d.asset_id = c.asset_id AND d.site_id = c.site_id AND d.site_id = x.site_id
        ) BEGIN SELECT RAISE(ABORT, '{ONE_ASSET}'); END""",
    ),
    (
        "ledger_transfer_books",
        """CREATE TRIGGER ledger_transfer_books AFTER INSERT ON ledger_transfer BEGIN
            UPDATE ledger_ledgeraccount SET balance = balance - NEW.amount, booked_through = NEW.id
            WHERE id = NEW.debit_account_id AND balance IS NOT NULL;
            UPDATE ledger_ledgeraccount SET balance = balance + NEW.amount, booked_through = NEW.id
            WHERE id = NEW.credit_account_id AND balance IS NOT NULL;
        END""",
    ),
)

ACCOUNT_SQLITE = (
    (
        "ledger_account_starts_empty",
        f"""CREATE TRIGGER ledger_account_starts_empty BEFORE INSERT ON ledger_ledgeraccount
        WHEN COALESCE(NEW.balance, 0) <> 0 OR NEW.held <> 0 OR NEW.booked_through <> 0
        BEGIN SELECT RAISE(ABORT, '{STARTS_EMPTY}'); END""",
    ),
    (
        "ledger_account_fixed",
        f"""CREATE TRIGGER ledger_account_fixed BEFORE UPDATE ON ledger_ledgeraccount
        WHEN NEW.id <> OLD.id OR NEW.site_id <> OLD.site_id OR NEW.asset_id <> OLD.asset_id
          OR NEW.owner_id IS NOT OLD.owner_id OR NEW.kind <> OLD.kind
          OR NEW.purpose <> OLD.purpose OR NEW.batch_number IS NOT OLD.batch_number
        BEGIN SELECT RAISE(ABORT, '{FIXED}'); END""",
    ),
    (
        "ledger_account_never_deleted",
        f"""CREATE TRIGGER ledger_account_never_deleted BEFORE DELETE ON ledger_ledgeraccount
        BEGIN SELECT RAISE(ABORT, '{NEVER_DELETED}'); END""",
    ),
    (
        # SQLite cannot say who makes an update, so each change must equal exactly one transfer not counted before.
        "ledger_account_only_by_transfer",
        f"""CREATE TRIGGER ledger_account_only_by_transfer BEFORE UPDATE ON ledger_ledgeraccount
        WHEN (NEW.balance IS NOT OLD.balance OR NEW.booked_through <> OLD.booked_through) AND NOT EXISTS (
            SELECT 1 FROM ledger_transfer t
            WHERE t.id = NEW.booked_through AND NEW.booked_through > OLD.booked_through
              AND ((t.credit_account_id = NEW.id AND NEW.balance = OLD.balance + t.amount)
                OR (t.debit_account_id = NEW.id AND NEW.balance = OLD.balance - t.amount))
        ) BEGIN SELECT RAISE(ABORT, '{ONLY_BY_TRANSFER}'); END""",
    ),
    (
        "ledger_account_only_by_hold",
        f"""CREATE TRIGGER ledger_account_only_by_hold BEFORE UPDATE OF held ON ledger_ledgeraccount
        WHEN NEW.held <> OLD.held AND NEW.held <> (
            SELECT COALESCE(SUM(h.amount), 0) FROM ledger_accounthold h
            WHERE h.account_id = NEW.id AND h.ended_as = ''
        ) BEGIN SELECT RAISE(ABORT, '{ONLY_BY_HOLD}'); END""",
    ),
    (
        "ledger_account_floor",
        f"""CREATE TRIGGER ledger_account_floor BEFORE UPDATE ON ledger_ledgeraccount
        WHEN (NEW.balance IS NOT OLD.balance AND NEW.balance < NEW.floor)
          OR ((NEW.balance < OLD.balance OR NEW.held > OLD.held) AND NEW.balance - NEW.held < NEW.floor)
        BEGIN SELECT RAISE(ABORT, '{BELOW_FLOOR}'); END""",
    ),
)

ASSET_CHANGES = "OLD.id <> NEW.id OR OLD.code <> NEW.code OR OLD.kind <> NEW.kind OR OLD.exponent <> NEW.exponent"
ASSET_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_asset_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{ASSET_FIXED}' USING ERRCODE = 'check_violation'; END $$;
CREATE TRIGGER ledger_asset_fixed BEFORE UPDATE ON ledger_asset
FOR EACH ROW WHEN ({ASSET_CHANGES}) EXECUTE FUNCTION ledger_asset_fixed();
"""
ASSET_SQLITE = (
    (
        "ledger_asset_fixed",
        f"""CREATE TRIGGER ledger_asset_fixed BEFORE UPDATE ON ledger_asset
        WHEN {ASSET_CHANGES} BEGIN SELECT RAISE(ABORT, '{ASSET_FIXED}'); END""",
    ),
)

TRIGGERS = (
    append_only("ledger_ledgertransaction"),
    append_only("ledger_transfer"),
    Trigger("ledger_transfer_books", "ledger_transfer", BOOKS_POSTGRESQL, BOOKS_SQLITE),
    Trigger("ledger_asset_fixed", "ledger_asset", ASSET_POSTGRESQL, ASSET_SQLITE),
    Trigger("ledger_account_guard", "ledger_ledgeraccount", ACCOUNT_POSTGRESQL, ACCOUNT_SQLITE),
    *suspended_triggers.TRIGGERS,
    *reservation_triggers.TRIGGERS,
    *lot_triggers.TRIGGERS,
)
