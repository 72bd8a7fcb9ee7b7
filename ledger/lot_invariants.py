"""What is always true of lots, as questions to which every answer is a violation."""

from accounts.invariants import Invariant

INVARIANTS = (
    Invariant(
        "I2",
        "what remains of a lot is what was granted with all its movements",
        """SELECT l.id, l.amount, l.remaining, m.moved FROM ledger_lot l
           LEFT JOIN (SELECT lot_id, SUM(amount) AS moved FROM ledger_lotmovement GROUP BY lot_id) m ON m.lot_id = l.id
           WHERE l.remaining <> l.amount + COALESCE(m.moved, 0) OR l.remaining NOT BETWEEN 0 AND l.amount""",
    ),
    Invariant(
        "I12",
        "what is held of a lot is what open holds have pinned of it",
        """SELECT l.id, l.held, l.remaining, p.pinned FROM ledger_lot l
           LEFT JOIN (
               SELECT p.lot_id, SUM(p.amount) AS pinned FROM ledger_lothold p
               JOIN ledger_accounthold h ON h.id = p.hold_id WHERE h.ended_as = '' GROUP BY p.lot_id
           ) p ON p.lot_id = l.id
           WHERE l.held <> COALESCE(p.pinned, 0) OR l.held > l.remaining""",
    ),
    Invariant(
        "I12",
        "pins are of lots of the hold's account, and never more than the hold",
        """SELECT h.id, h.amount, SUM(p.amount) AS pinned FROM ledger_accounthold h
           JOIN ledger_lothold p ON p.hold_id = h.id JOIN ledger_lot l ON l.id = p.lot_id
           GROUP BY h.id, h.amount, h.account_id
           HAVING SUM(p.amount) > h.amount OR MIN(l.account_id) <> h.account_id OR MAX(l.account_id) <> h.account_id""",
    ),
    Invariant(
        "I2",
        "lots never exceed the balance of their account, nor what is free of them what is available",
        """SELECT a.id, a.balance, a.held, SUM(l.remaining) AS lots, SUM(l.held) AS pinned FROM ledger_lot l
           JOIN ledger_ledgeraccount a ON a.id = l.account_id
           GROUP BY a.id, a.balance, a.held, a.kind
           HAVING a.kind <> 'points' OR SUM(l.remaining) > a.balance
               OR SUM(l.remaining) - SUM(l.held) > a.balance - a.held""",
    ),
    Invariant(
        "I7",
        "a lot is what its transfer credited to its account",
        """SELECT l.id, l.account_id, l.transfer_id FROM ledger_lot l
           LEFT JOIN ledger_transfer t ON t.id = l.transfer_id
           LEFT JOIN ledger_ledgeraccount a ON a.id = l.account_id
           WHERE (t.credit_account_id = l.account_id AND t.amount = l.amount AND t.booked_at = l.granted_at
                  AND a.site_id = l.site_id) IS NOT TRUE""",
    ),
    Invariant(
        "I1",
        "granted = there + used + expired: what a transaction takes from lots is of a debit of their account, and what it brings "
        "back of a credit",
        """SELECT x.lot_account, x.transaction_id, x.moved, t.net FROM (
               SELECT l.account_id AS lot_account, m.transaction_id, SUM(m.amount) AS moved,
                      MIN(m.amount) AS least, MAX(m.amount) AS most
               FROM ledger_lotmovement m JOIN ledger_lot l ON l.id = m.lot_id GROUP BY l.account_id, m.transaction_id
           ) x
           LEFT JOIN (
               SELECT transaction_id, account_id, SUM(net) AS net FROM (
                   SELECT transaction_id, credit_account_id AS account_id, amount AS net FROM ledger_transfer
                   UNION ALL SELECT transaction_id, debit_account_id, -amount FROM ledger_transfer
               ) legs GROUP BY transaction_id, account_id
           ) t ON t.transaction_id = x.transaction_id AND t.account_id = x.lot_account
           WHERE (x.least < 0 AND x.most > 0) OR (x.moved < 0 AND (t.net <= x.moved) IS NOT TRUE)
              OR (x.moved > 0 AND (t.net >= x.moved) IS NOT TRUE)""",
    ),
    Invariant(
        "I3",
        "a void brings back to a lot what the booking it reverses took from it; an expiry takes from lots all that it moves",
        """SELECT m.id, m.lot_id, m.amount, x.type FROM ledger_lotmovement m
           JOIN ledger_ledgertransaction x ON x.id = m.transaction_id
           LEFT JOIN ledger_lotmovement e ON e.transaction_id = x.reverses_id AND e.lot_id = m.lot_id
           WHERE m.amount > 0 AND (x.type = 'void' AND m.amount = -e.amount) IS NOT TRUE
           UNION ALL
           SELECT t.id, NULL, t.amount, x.type FROM ledger_transfer t
           JOIN ledger_ledgertransaction x ON x.id = t.transaction_id AND x.type = 'expiry'
           JOIN ledger_ledgeraccount a ON a.id = t.debit_account_id AND a.owner_id IS NOT NULL
           WHERE t.amount <> COALESCE((
               SELECT -SUM(m.amount) FROM ledger_lotmovement m WHERE m.transaction_id = t.transaction_id
           ), 0)""",
    ),
    Invariant(
        "I8",
        "nothing of a lot is used or expires outside its time, but by a hold that had pinned it; nothing comes back for less than "
        "30 days",
        """SELECT m.id, l.expires_at, x.booked_at, x.type FROM ledger_lotmovement m
           JOIN ledger_lot l ON l.id = m.lot_id JOIN ledger_ledgertransaction x ON x.id = m.transaction_id
           WHERE x.booked_at < l.granted_at
              OR (m.amount < 0 AND x.type <> 'expiry' AND x.booked_at >= l.expires_at AND NOT EXISTS (
                  SELECT 1 FROM ledger_lothold p JOIN ledger_accounthold h ON h.id = p.hold_id
                  WHERE p.lot_id = l.id AND h.transaction_id = x.id
              ))
              OR (m.amount > 0 AND (m.usable_until <= x.booked_at OR l.expires_at < m.usable_until))""",
    ),
    Invariant(
        "I2",
        "an account is due no later than the first of its lots of which something is free",
        """SELECT a.id, a.due_at, MIN(l.expires_at) AS expires FROM ledger_lot l
           JOIN ledger_ledgeraccount a ON a.id = l.account_id
           WHERE l.remaining > l.held
           GROUP BY a.id, a.due_at HAVING a.due_at IS NULL OR a.due_at > MIN(l.expires_at)""",
    ),
    Invariant(
        "I7",
        "a grant of points is what its transaction moved, and its lot has its end unless a void has put that off",
        """SELECT g.transaction_id, g.amount, g.expires_at FROM ledger_pointsgrant g
           LEFT JOIN ledger_ledgertransaction x ON x.id = g.transaction_id
           LEFT JOIN ledger_transfer t ON t.transaction_id = g.transaction_id
           LEFT JOIN ledger_lot l ON l.transfer_id = t.id
           WHERE (x.site_id = g.site_id AND x.booked_at = g.granted_at AND t.amount = ABS(g.amount)
                  AND g.account_id = CASE WHEN g.amount > 0 THEN t.credit_account_id ELSE t.debit_account_id END
                  AND x.type = CASE g.kind WHEN 'campaign' THEN 'grant' ELSE 'correction' END) IS NOT TRUE
              OR (g.expires_at IS NULL) <> (l.id IS NULL) OR l.expires_at < g.expires_at""",
    ),
)
