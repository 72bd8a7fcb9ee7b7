"""What is always true of suspended bookings, as questions to which every answer is a violation."""

from accounts.invariants import Invariant

INVARIANTS = (
    Invariant(
        "I2",
        "an account is due no later than the first booking that waits for it; system accounts are never due",
        """SELECT a.id, a.due_at, MIN(s.due_at) AS waits FROM ledger_ledgeraccount a
           LEFT JOIN ledger_suspendedbooking s ON s.account_id = a.id AND s.state = 'waiting'
           WHERE a.due_at IS NOT NULL OR s.id IS NOT NULL
           GROUP BY a.id, a.due_at, a.owner_id
           HAVING (MIN(s.due_at) IS NOT NULL AND (a.due_at IS NULL OR a.due_at > MIN(s.due_at)))
               OR (a.owner_id IS NULL AND a.due_at IS NOT NULL)""",
    ),
    Invariant(
        "I7",
        "a suspended booking is posted if and only if its transaction moves what it says, as of its date",
        """SELECT s.id, s.state, s.transaction_id, s.amount, s.due_at
           FROM ledger_suspendedbooking s
           LEFT JOIN ledger_ledgertransaction x ON x.id = s.transaction_id
           LEFT JOIN ledger_transfer t ON t.transaction_id = s.transaction_id
           WHERE (s.state = 'posted') <> (s.transaction_id IS NOT NULL)
              OR (s.state = 'posted' AND (
                  x.type = s.type AND x.site_id = s.site_id AND t.booked_at = s.due_at AND t.amount = ABS(s.amount)
                  AND t.credit_account_id = CASE WHEN s.amount > 0 THEN s.account_id ELSE s.system_account_id END
                  AND t.debit_account_id = CASE WHEN s.amount > 0 THEN s.system_account_id ELSE s.account_id END
              ) IS NOT TRUE)""",
    ),
    Invariant(
        "I7",
        "a transaction is that of one suspended booking at most",
        """SELECT transaction_id, COUNT(*) AS times FROM ledger_suspendedbooking
           WHERE transaction_id IS NOT NULL GROUP BY transaction_id HAVING COUNT(*) > 1""",
    ),
    Invariant(
        "I25",
        "a suspended booking joins a customer account and a system account of its site and one asset",
        """SELECT s.id, s.site_id, s.account_id, s.system_account_id FROM ledger_suspendedbooking s
           LEFT JOIN ledger_ledgeraccount a ON a.id = s.account_id
           LEFT JOIN ledger_ledgeraccount o ON o.id = s.system_account_id
           WHERE (a.owner_id IS NOT NULL AND o.owner_id IS NULL AND a.asset_id = o.asset_id
                  AND a.site_id = s.site_id AND o.site_id = s.site_id
                  AND o.purpose = CASE s.type WHEN 'payout' THEN 'external' ELSE 'funding' END) IS NOT TRUE""",
    ),
    Invariant(
        "I8",
        "a suspended booking that has ended says when, one that was refused says why, and none is judged before its date",
        """SELECT id, state, ended_at, refusal FROM ledger_suspendedbooking
           WHERE (state = 'waiting') <> (ended_at IS NULL) OR (state = 'refused') <> (refusal <> '')
              OR (state IN ('posted', 'refused') AND ended_at < due_at)""",
    ),
)
