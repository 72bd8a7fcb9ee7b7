"""What the database holds about suspended bookings: what they say, how they end, and that their accounts know of them."""

from accounts.triggers import Trigger

FITS = "a suspended booking joins a customer account and the system account of its type, of its site and one asset"
BEGINS_WAITING = "a suspended booking begins as one that waits"
SAYS_THE_SAME = "a suspended booking never changes what it says"
ENDS_ONCE = "a suspended booking ends once"
POSTED_AS_IT_SAYS = "a suspended booking is posted as it says, at its date"
NEVER_DELETED = "a suspended booking is never deleted"
DUE_TOO_LATE = "an account is due no later than what waits for it"

SUBSTANCE = (
    *("id", "site_id", "account_id", "system_account_id", "amount", "type", "comment", "reference"),
    *("due_at", "created_at", "actor_id"),
)
ACCOUNTS_FIT = """EXISTS (
        SELECT 1 FROM ledger_ledgeraccount a, ledger_ledgeraccount s
        WHERE a.id = NEW.account_id AND s.id = NEW.system_account_id
          AND a.owner_id IS NOT NULL AND s.owner_id IS NULL AND a.asset_id = s.asset_id
          AND a.site_id = NEW.site_id AND s.site_id = NEW.site_id
          AND s.purpose = CASE NEW.type WHEN 'payout' THEN 'external' ELSE 'funding' END
    )"""
# All that its transaction moves is this one transfer.
TRANSFER_FITS = """(
        (SELECT COUNT(*) FROM ledger_transfer t WHERE t.transaction_id = NEW.transaction_id) = 1
        AND EXISTS (
            SELECT 1 FROM ledger_transfer t JOIN ledger_ledgertransaction x ON x.id = t.transaction_id
            WHERE t.transaction_id = NEW.transaction_id AND x.type = NEW.type
              AND t.booked_at = NEW.due_at AND t.amount = ABS(NEW.amount)
              AND t.credit_account_id = CASE WHEN NEW.amount > 0 THEN NEW.account_id ELSE NEW.system_account_id END
              AND t.debit_account_id = CASE WHEN NEW.amount > 0 THEN NEW.system_account_id ELSE NEW.account_id END
        )
    )"""

BOOKING_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_suspended_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'waiting' THEN
            RAISE EXCEPTION '{BEGINS_WAITING}' USING ERRCODE = 'check_violation';
        END IF;
        IF NOT {ACCOUNTS_FIT} THEN
            RAISE EXCEPTION '{FITS}' USING ERRCODE = 'check_violation';
        END IF;
        -- Always, for its lock: nobody may put the account's date off before this booking is seen.
        UPDATE ledger_ledgeraccount SET due_at = LEAST(due_at, NEW.due_at) WHERE id = NEW.account_id;
        RETURN NEW;
    END IF;
    IF ({", ".join(f"NEW.{name}" for name in SUBSTANCE)}) IS DISTINCT FROM ({", ".join(f"OLD.{name}" for name in SUBSTANCE)}) THEN
        RAISE EXCEPTION '{SAYS_THE_SAME}' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state <> 'waiting' THEN
        RAISE EXCEPTION '{ENDS_ONCE}' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.state = 'posted' AND NOT {TRANSFER_FITS} THEN
        RAISE EXCEPTION '{POSTED_AS_IT_SAYS}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_suspended_guard BEFORE INSERT OR UPDATE OR DELETE ON ledger_suspendedbooking
FOR EACH ROW EXECUTE FUNCTION ledger_suspended_guard();
CREATE TRIGGER ledger_suspended_guard_truncate BEFORE TRUNCATE ON ledger_suspendedbooking
FOR EACH STATEMENT EXECUTE FUNCTION ledger_suspended_guard();
"""  # noqa: S608

SAID_OTHERWISE = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in SUBSTANCE)
BOOKING_SQLITE = tuple(
    (name, f"CREATE TRIGGER {name} {event} ON ledger_suspendedbooking {when} BEGIN {deed}; END")
    for name, event, when, deed in (
        (
            "ledger_suspended_begins",
            "BEFORE INSERT",
            "WHEN NEW.state <> 'waiting'",
            f"SELECT RAISE(ABORT, '{BEGINS_WAITING}')",
        ),
        (
            "ledger_suspended_fits",
            "BEFORE INSERT",
            f"WHEN NOT {ACCOUNTS_FIT}",
            f"SELECT RAISE(ABORT, '{FITS}')",
        ),
        (
            "ledger_suspended_tells",
            "AFTER INSERT",
            "",
            "UPDATE ledger_ledgeraccount SET due_at = NEW.due_at "
            "WHERE id = NEW.account_id AND (due_at IS NULL OR due_at > NEW.due_at)",
        ),
        (
            "ledger_suspended_says",
            "BEFORE UPDATE",
            f"WHEN {SAID_OTHERWISE}",
            f"SELECT RAISE(ABORT, '{SAYS_THE_SAME}')",
        ),
        (
            "ledger_suspended_ends",
            "BEFORE UPDATE",
            "WHEN OLD.state <> 'waiting'",
            f"SELECT RAISE(ABORT, '{ENDS_ONCE}')",
        ),
        (
            "ledger_suspended_posted",
            "BEFORE UPDATE",
            f"WHEN NEW.state = 'posted' AND NOT {TRANSFER_FITS}",
            f"SELECT RAISE(ABORT, '{POSTED_AS_IT_SAYS}')",
        ),
        ("ledger_suspended_kept", "BEFORE DELETE", "", f"SELECT RAISE(ABORT, '{NEVER_DELETED}')"),
    )
)

# Only where a date is written: what moves balances costs nothing more.
WAITS_EARLIER = """EXISTS (
        SELECT 1 FROM ledger_suspendedbooking s
        WHERE s.account_id = NEW.id AND s.state = 'waiting' AND (NEW.due_at IS NULL OR s.due_at < NEW.due_at)
    ) OR EXISTS (
        SELECT 1 FROM ledger_accounthold h
        WHERE h.account_id = NEW.id AND h.ended_as = '' AND (NEW.due_at IS NULL OR h.expires_at < NEW.due_at)
    )"""
ACCOUNT_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_account_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF {WAITS_EARLIER} OR (NEW.due_at IS NOT NULL AND NEW.owner_id IS NULL) THEN
        RAISE EXCEPTION '{DUE_TOO_LATE}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_account_due BEFORE UPDATE OF due_at ON ledger_ledgeraccount
FOR EACH ROW EXECUTE FUNCTION ledger_account_due();
"""
ACCOUNT_SQLITE = (
    (
        "ledger_account_due",
        f"""CREATE TRIGGER ledger_account_due BEFORE UPDATE OF due_at ON ledger_ledgeraccount
        WHEN {WAITS_EARLIER} OR (NEW.due_at IS NOT NULL AND NEW.owner_id IS NULL)
        BEGIN SELECT RAISE(ABORT, '{DUE_TOO_LATE}'); END""",
    ),
)

TRIGGERS = (
    Trigger("ledger_suspended_guard", "ledger_suspendedbooking", BOOKING_POSTGRESQL, BOOKING_SQLITE),
    Trigger("ledger_account_due", "ledger_ledgeraccount", ACCOUNT_POSTGRESQL, ACCOUNT_SQLITE),
)
