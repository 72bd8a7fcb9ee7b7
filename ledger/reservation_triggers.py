"""What the database holds about reservations and holds: each ends once, only shrinks, and is spent by its very transfer."""

from accounts.triggers import Trigger, append_only

BEGINS_OPEN = "a reservation begins open, and is of a user of its site"
SAYS_THE_SAME = "a reservation never changes what it says"
ENDS_ONCE = "a reservation ends once"
NEVER_DELETED = "a reservation is never deleted"
HOLDS_END_FIRST = "a reservation ends when none of its holds is open, and consumed if one of them is"
SPENDS_ITS_HOLDS = "a consumed reservation is spent by one transfer of each consumed hold, and by no other"

HOLD_FITS = (
    "a hold begins open, on a customer account of the site and kind of its open reservation, and expires with it"
)
HOLD_SAYS_THE_SAME = "a hold never changes its account, and only shrinks"
HOLD_ENDS_ONCE = "a hold ends once"
HOLD_NEVER_DELETED = "a hold is never deleted"
HOLD_SPENT_BEFORE = "a hold is consumed while its reservation is open, by a transaction that has spent no other"
SPENDING_FITS = "a spending tells of a transaction that spends, of its site and reservation"

SUBSTANCE = (
    *("id", "site_id", "token_digest", "caller", "owner_id", "household_id", "kind"),
    *("created_at", "expires_at", "details"),
)
OWNER_FITS = """(NEW.owner_id IS NULL OR EXISTS (
        SELECT 1 FROM accounts_user u WHERE u.id = NEW.owner_id AND u.site_id = NEW.site_id
    ))"""
HOLD_LEFT = """EXISTS (
        SELECT 1 FROM ledger_accounthold h WHERE h.reservation_id = NEW.id
        AND (h.ended_as = '' OR (h.ended_as = 'consumed' AND NEW.ended_as <> 'consumed'))
    )"""
CONSUMED = "FROM ledger_accounthold h WHERE h.reservation_id = NEW.id AND h.ended_as = 'consumed'"
# As many transfers as consumed holds, and each hold finds its own: an account has one hold of a reservation.
SPENT = f"""(
        CASE WHEN NEW.transaction_id IS NULL THEN NOT EXISTS (SELECT 1 {CONSUMED})
        ELSE EXISTS (
            SELECT 1 FROM ledger_ledgertransaction x
            WHERE x.id = NEW.transaction_id AND x.type = 'spend' AND x.site_id = NEW.site_id
        )
        AND (SELECT COUNT(*) FROM ledger_transfer t WHERE t.transaction_id = NEW.transaction_id) = (SELECT COUNT(*) {CONSUMED})
        AND NOT EXISTS (
            SELECT 1 {CONSUMED} AND (h.transaction_id IS NULL OR h.transaction_id <> NEW.transaction_id OR NOT EXISTS (
                SELECT 1 FROM ledger_transfer t JOIN ledger_ledgeraccount e ON e.id = t.credit_account_id
                WHERE t.transaction_id = NEW.transaction_id AND t.debit_account_id = h.account_id
                  AND t.amount = h.amount AND e.purpose = 'external'
            ))
        )
        AND NOT EXISTS (
            SELECT 1 FROM ledger_accounthold h
            WHERE h.transaction_id = NEW.transaction_id AND h.reservation_id <> NEW.id
        ) END
    )"""  # noqa: S608

# Found by their keys whatever was known of the tables, as the transfers' own trigger does.
BY_KEYS = "SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"


def changed(names: tuple[str, ...]) -> str:
    """PostgreSQL's question whether one of the columns is another than before."""
    return f"({', '.join(f'NEW.{name}' for name in names)}) IS DISTINCT FROM ({', '.join(f'OLD.{name}' for name in names)})"


RESERVATION_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_reservation_guard() RETURNS trigger LANGUAGE plpgsql {BY_KEYS} AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION '{NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.ended_as <> '' OR NOT {OWNER_FITS} THEN
            RAISE EXCEPTION '{BEGINS_OPEN}' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF {changed(SUBSTANCE)} THEN
        RAISE EXCEPTION '{SAYS_THE_SAME}' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.ended_as <> '' THEN
        RAISE EXCEPTION '{ENDS_ONCE}' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.ended_as <> '' AND {HOLD_LEFT} THEN
        RAISE EXCEPTION '{HOLDS_END_FIRST}' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.ended_as = 'consumed' AND NOT {SPENT} THEN
        RAISE EXCEPTION '{SPENDS_ITS_HOLDS}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_reservation_guard BEFORE INSERT OR UPDATE OR DELETE ON ledger_reservation
FOR EACH ROW EXECUTE FUNCTION ledger_reservation_guard();
CREATE TRIGGER ledger_reservation_guard_truncate BEFORE TRUNCATE ON ledger_reservation
FOR EACH STATEMENT EXECUTE FUNCTION ledger_reservation_guard();
"""

HOLD_SUBSTANCE = ("id", "reservation_id", "account_id", "original_amount", "expires_at")
FITS = """(NEW.ended_as = '' AND NEW.amount = NEW.original_amount AND EXISTS (
        SELECT 1 FROM ledger_reservation r, ledger_ledgeraccount a
        WHERE r.id = NEW.reservation_id AND a.id = NEW.account_id AND r.ended_as = '' AND r.expires_at = NEW.expires_at
          AND a.owner_id IS NOT NULL AND a.site_id = r.site_id
          AND ((r.kind = 'points' AND a.kind = 'points') OR (r.kind = 'native' AND a.owner_id = r.owner_id))
    ))"""
SPENT_BEFORE = """(
        EXISTS (SELECT 1 FROM ledger_reservation r WHERE r.transaction_id = NEW.transaction_id)
        OR NOT EXISTS (SELECT 1 FROM ledger_reservation r WHERE r.id = NEW.reservation_id AND r.ended_as = '')
    )"""
HOLD_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_accounthold_guard() RETURNS trigger LANGUAGE plpgsql {BY_KEYS} AS $$
BEGIN
    IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
        RAISE EXCEPTION '{HOLD_NEVER_DELETED}' USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NOT {FITS} THEN
            RAISE EXCEPTION '{HOLD_FITS}' USING ERRCODE = 'check_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.ended_as <> '' THEN
        RAISE EXCEPTION '{HOLD_ENDS_ONCE}' USING ERRCODE = 'check_violation';
    END IF;
    IF {changed(HOLD_SUBSTANCE)} OR NEW.amount > OLD.amount THEN
        RAISE EXCEPTION '{HOLD_SAYS_THE_SAME}' USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.ended_as = 'consumed' AND {SPENT_BEFORE} THEN
        RAISE EXCEPTION '{HOLD_SPENT_BEFORE}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_accounthold_guard BEFORE INSERT OR UPDATE OR DELETE ON ledger_accounthold
FOR EACH ROW EXECUTE FUNCTION ledger_accounthold_guard();
CREATE TRIGGER ledger_accounthold_guard_truncate BEFORE TRUNCATE ON ledger_accounthold
FOR EACH STATEMENT EXECUTE FUNCTION ledger_accounthold_guard();
"""

OPEN_AMOUNT = "CASE WHEN ended_as = '' THEN amount ELSE 0 END"
# What is open on an account stands in its row, and the account is due no later than the first of them expires.
HELD_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_accounthold_placed() RETURNS trigger LANGUAGE plpgsql {BY_KEYS} AS $$
BEGIN
    UPDATE ledger_ledgeraccount a SET held = a.held + m.total, due_at = LEAST(a.due_at, m.first)
    FROM (
        SELECT account_id, SUM(amount)::bigint AS total, MIN(expires_at) AS first FROM added GROUP BY account_id
    ) m
    WHERE a.id = m.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_accounthold_placed AFTER INSERT ON ledger_accounthold
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_accounthold_placed();
CREATE OR REPLACE FUNCTION ledger_accounthold_changed() RETURNS trigger LANGUAGE plpgsql {BY_KEYS} AS $$
BEGIN
    UPDATE ledger_ledgeraccount a SET held = a.held + m.net
    FROM (
        SELECT account_id, SUM(net)::bigint AS net FROM (
            SELECT account_id, {OPEN_AMOUNT} AS net FROM changed
            UNION ALL SELECT account_id, -({OPEN_AMOUNT}) FROM earlier
        ) both_sides GROUP BY account_id
    ) m
    WHERE a.id = m.account_id AND m.net <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_accounthold_changed AFTER UPDATE ON ledger_accounthold
REFERENCING OLD TABLE AS earlier NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION ledger_accounthold_changed();
"""  # noqa: S608


def refuse(name: str, table: str, event: str, when: str, message: str) -> tuple[str, str]:
    """One trigger of SQLite's that refuses an event."""
    condition = f"WHEN {when}" if when else ""
    return (
        name,
        f"CREATE TRIGGER {name} BEFORE {event} ON {table} {condition} BEGIN SELECT RAISE(ABORT, '{message}'); END",
    )


def differs(names: tuple[str, ...]) -> str:
    return " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in names)


R, H = "ledger_reservation", "ledger_accounthold"
RESERVATION_SQLITE = (
    refuse(f"{R}_begins", R, "INSERT", f"NEW.ended_as <> '' OR NOT {OWNER_FITS}", BEGINS_OPEN),
    refuse(f"{R}_says", R, "UPDATE", differs(SUBSTANCE), SAYS_THE_SAME),
    refuse(f"{R}_ends", R, "UPDATE", "OLD.ended_as <> ''", ENDS_ONCE),
    refuse(f"{R}_holds_end", R, "UPDATE", f"NEW.ended_as <> '' AND {HOLD_LEFT}", HOLDS_END_FIRST),
    refuse(f"{R}_spends", R, "UPDATE", f"NEW.ended_as = 'consumed' AND NOT {SPENT}", SPENDS_ITS_HOLDS),
    refuse(f"{R}_kept", R, "DELETE", "", NEVER_DELETED),
)
TELL_ACCOUNT = f"""UPDATE ledger_ledgeraccount SET held = (
        SELECT COALESCE(SUM(h.amount), 0) FROM {H} h WHERE h.account_id = NEW.account_id AND h.ended_as = ''
    ) WHERE id = NEW.account_id;"""  # noqa: S608
HOLD_SQLITE = (
    refuse(f"{H}_fits", H, "INSERT", f"NOT {FITS}", HOLD_FITS),
    refuse(f"{H}_ends", H, "UPDATE", "OLD.ended_as <> ''", HOLD_ENDS_ONCE),
    refuse(f"{H}_says", H, "UPDATE", f"NEW.amount > OLD.amount OR {differs(HOLD_SUBSTANCE)}", HOLD_SAYS_THE_SAME),
    refuse(f"{H}_spent", H, "UPDATE", f"NEW.ended_as = 'consumed' AND {SPENT_BEFORE}", HOLD_SPENT_BEFORE),
    refuse(f"{H}_kept", H, "DELETE", "", HOLD_NEVER_DELETED),
)
HELD_SQLITE = (
    (
        f"{H}_placed",
        f"""CREATE TRIGGER {H}_placed AFTER INSERT ON {H} BEGIN {TELL_ACCOUNT}
        UPDATE ledger_ledgeraccount SET due_at = NEW.expires_at
        WHERE id = NEW.account_id AND (due_at IS NULL OR due_at > NEW.expires_at); END""",  # noqa: S608
    ),
    (f"{H}_changed", f"CREATE TRIGGER {H}_changed AFTER UPDATE ON {H} BEGIN {TELL_ACCOUNT} END"),
)

TOLD_FITS = """EXISTS (
        SELECT 1 FROM ledger_ledgertransaction x LEFT JOIN ledger_reservation r ON r.id = NEW.reservation_id
        WHERE x.id = NEW.transaction_id AND x.type = 'spend' AND x.site_id = NEW.site_id
          AND (NEW.reservation_id IS NULL OR (r.transaction_id = x.id AND r.owner_id = NEW.owner_id))
    )"""
SPENDING_POSTGRESQL = f"""
CREATE OR REPLACE FUNCTION ledger_spending_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT {TOLD_FITS} THEN
        RAISE EXCEPTION '{SPENDING_FITS}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER ledger_spending_fits BEFORE INSERT ON ledger_spending
FOR EACH ROW EXECUTE FUNCTION ledger_spending_fits();
"""

TRIGGERS = (
    Trigger("ledger_reservation_guard", R, RESERVATION_POSTGRESQL, RESERVATION_SQLITE),
    Trigger("ledger_accounthold_guard", H, HOLD_POSTGRESQL, HOLD_SQLITE),
    Trigger("ledger_accounthold_held", H, HELD_POSTGRESQL, HELD_SQLITE),
    append_only("ledger_spending"),
    Trigger(
        "ledger_spending_fits",
        "ledger_spending",
        SPENDING_POSTGRESQL,
        (refuse("ledger_spending_fits", "ledger_spending", "INSERT", f"NOT {TOLD_FITS}", SPENDING_FITS),),
    ),
)
