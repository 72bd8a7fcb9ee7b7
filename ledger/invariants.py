"""What is always true of value, as questions to which every answer is a violation.

A balance below its floor is no such question: a floor may be raised later above what an account holds, and only the booking
that would go below it is wrong. The trigger on accounts refuses that one.
"""

from accounts.invariants import Invariant
from ledger import lot_invariants, reservation_invariants, suspended_invariants
from ledger.models import MOST

# Both sides of every transfer: what it added to which account.
LEGS = """SELECT id, transaction_id, credit_account_id AS account_id, amount AS net FROM ledger_transfer
          UNION ALL SELECT id, transaction_id, debit_account_id, -amount FROM ledger_transfer"""

# What a transaction and the one it reverses did to each customer's account, side by side.
PAIRS = f"""SELECT r.id, l.account_id, SUM(l.own) AS own, SUM(l.earlier) AS earlier FROM ledger_ledgertransaction r
            JOIN (
                SELECT x.id AS pair, l.account_id, l.net AS own, 0 AS earlier
                FROM ledger_ledgertransaction x JOIN ({LEGS}) l ON l.transaction_id = x.id
                WHERE x.reverses_id IS NOT NULL
                UNION ALL
                SELECT x.id, l.account_id, 0, l.net
                FROM ledger_ledgertransaction x JOIN ({LEGS}) l ON l.transaction_id = x.reverses_id
            ) l ON l.pair = r.id
            JOIN ledger_ledgeraccount a ON a.id = l.account_id AND a.owner_id IS NOT NULL"""  # noqa: S608

INVARIANTS = (
    Invariant(
        "I1",
        "a transfer joins two accounts of one asset, all at the site of its transaction",
        """SELECT t.id, t.debit_account_id, t.credit_account_id, x.site_id
           FROM ledger_transfer t
           LEFT JOIN ledger_ledgertransaction x ON x.id = t.transaction_id
           LEFT JOIN ledger_ledgeraccount d ON d.id = t.debit_account_id
           LEFT JOIN ledger_ledgeraccount c ON c.id = t.credit_account_id
           WHERE t.debit_account_id = t.credit_account_id
              OR (d.asset_id = c.asset_id AND d.site_id = c.site_id AND d.site_id = x.site_id) IS NOT TRUE""",
    ),
    Invariant(
        "I1",
        "a transaction moves something, and all of it at one instant",
        """SELECT x.id, x.type, x.booked_at, t.booked_at AS moved_at
           FROM ledger_ledgertransaction x LEFT JOIN ledger_transfer t ON t.transaction_id = x.id
           WHERE t.id IS NULL OR t.booked_at <> x.booked_at""",
    ),
    Invariant(
        "I2",
        "a stored balance is the sum of its account's transfers",
        f"""SELECT a.id, a.balance, COALESCE(l.total, 0) AS transfers, a.booked_through, l.last
            FROM ledger_ledgeraccount a
            LEFT JOIN (
                SELECT account_id, SUM(net) AS total, MAX(id) AS last FROM ({LEGS}) legs GROUP BY account_id
            ) l ON l.account_id = a.id
            WHERE a.owner_id IS NOT NULL
              AND (a.balance IS NULL OR a.balance <> COALESCE(l.total, 0) OR a.booked_through <> COALESCE(l.last, 0))""",  # noqa: S608
    ),
    Invariant(
        "I2",
        "a system account stores no balance",
        "SELECT id, purpose, balance FROM ledger_ledgeraccount WHERE owner_id IS NULL AND balance IS NOT NULL",
    ),
    Invariant(
        "I3",
        "only a reversal, a refund or a void points at an earlier booking, and it is one of its own site",
        """SELECT r.id, r.type, r.reverses_id
           FROM ledger_ledgertransaction r LEFT JOIN ledger_ledgertransaction e ON e.id = r.reverses_id
           WHERE (r.type IN ('reversal', 'refund', 'void')) <> (r.reverses_id IS NOT NULL)
              OR (r.reverses_id IS NOT NULL AND (e.id IS NULL OR e.site_id <> r.site_id OR e.booked_at > r.booked_at))""",
    ),
    Invariant(
        "I3",
        "a booking is reversed once at most",
        """SELECT reverses_id, COUNT(*) AS times FROM ledger_ledgertransaction
           WHERE reverses_id IS NOT NULL GROUP BY reverses_id HAVING COUNT(*) > 1""",
    ),
    Invariant(
        "I3",
        "a reversal or void takes from each customer exactly what was given, and gives exactly what was taken",
        f"{PAIRS} WHERE r.type IN ('reversal', 'void') GROUP BY r.id, l.account_id HAVING SUM(l.own) + SUM(l.earlier) <> 0",
    ),
    Invariant(
        "I3",
        "a refund gives back no more than the booking took, and to nobody else",
        f"{PAIRS} WHERE r.type = 'refund' GROUP BY r.id, l.account_id "
        "HAVING SUM(l.own) < 0 OR SUM(l.own) > CASE WHEN SUM(l.earlier) < 0 THEN -SUM(l.earlier) ELSE 0 END",
    ),
    Invariant(
        "I5",
        "amounts and balances are whole numbers within their bounds",
        f"""SELECT 'transfer' AS what, id, amount FROM ledger_transfer
            WHERE amount NOT BETWEEN 1 AND {MOST} OR amount <> CAST(amount AS bigint)
            UNION ALL
            SELECT 'account', id, balance FROM ledger_ledgeraccount
            WHERE balance NOT BETWEEN -{MOST} AND {MOST} OR balance <> CAST(balance AS bigint)""",  # noqa: S608
    ),
    Invariant(
        "I2",
        "a batch's last sums are what its transfers add up to until then",
        """SELECT s.batch_number, s.asset_id, s.source, s.target, s.amount,
                  COALESCE((
                      SELECT SUM(t.amount) FROM ledger_transfer t
                      JOIN ledger_ledgeraccount d ON d.id = t.debit_account_id
                      JOIN ledger_ledgeraccount c ON c.id = t.credit_account_id
                      WHERE t.batch_number = s.batch_number AND t.booked_at <= s.booked_through
                        AND d.asset_id = s.asset_id AND d.purpose = s.source AND c.purpose = s.target
                  ), 0) AS transfers
           FROM ledger_batchsum s
           WHERE s.booked_through = (SELECT MAX(n.booked_through) FROM ledger_batchsum n WHERE n.batch_number = s.batch_number)
             AND s.amount <> COALESCE((
                      SELECT SUM(t.amount) FROM ledger_transfer t
                      JOIN ledger_ledgeraccount d ON d.id = t.debit_account_id
                      JOIN ledger_ledgeraccount c ON c.id = t.credit_account_id
                      WHERE t.batch_number = s.batch_number AND t.booked_at <= s.booked_through
                        AND d.asset_id = s.asset_id AND d.purpose = s.source AND c.purpose = s.target
                  ), 0)""",
    ),
    *suspended_invariants.INVARIANTS,
    *reservation_invariants.INVARIANTS,
    *lot_invariants.INVARIANTS,
)
