"""What is always true of reservations, holds and what was spent of them, as questions to which every answer is a violation."""

from accounts.invariants import Invariant

INVARIANTS = (
    Invariant(
        "I12",
        "what an account holds back is the sum of its open holds",
        """SELECT a.id, a.held, COALESCE(h.total, 0) AS holds FROM ledger_ledgeraccount a
           LEFT JOIN (
               SELECT account_id, SUM(amount) AS total FROM ledger_accounthold WHERE ended_as = '' GROUP BY account_id
           ) h ON h.account_id = a.id
           WHERE a.held <> COALESCE(h.total, 0)""",
    ),
    Invariant(
        "I12",
        "a hold is open only while its reservation is, and consumed only by the transaction that consumed it",
        """SELECT h.id, h.ended_as, h.transaction_id, r.ended_as AS reservation, r.transaction_id AS spent
           FROM ledger_accounthold h LEFT JOIN ledger_reservation r ON r.id = h.reservation_id
           WHERE r.id IS NULL OR (h.ended_as = '' AND r.ended_as <> '')
              OR (h.ended_as = 'consumed') <> (h.transaction_id IS NOT NULL)
              OR (h.ended_as = 'consumed' AND (r.ended_as = 'consumed' AND r.transaction_id = h.transaction_id) IS NOT TRUE)""",
    ),
    Invariant(
        "I13",
        "a consumed reservation is spent by one transfer of each consumed hold, and by no other",
        """SELECT r.id, r.transaction_id, s.account_id, SUM(s.held) AS held, SUM(s.moved) AS moved
           FROM ledger_reservation r
           JOIN (
               SELECT h.reservation_id, h.account_id, h.amount AS held, 0 AS moved, 0 AS transfers
               FROM ledger_accounthold h WHERE h.ended_as = 'consumed'
               UNION ALL
               SELECT n.id, t.debit_account_id, 0, t.amount, 1 FROM ledger_reservation n
               JOIN ledger_transfer t ON t.transaction_id = n.transaction_id
           ) s ON s.reservation_id = r.id
           GROUP BY r.id, r.transaction_id, s.account_id
           HAVING SUM(s.held) <> SUM(s.moved) OR SUM(s.transfers) <> 1""",
    ),
    Invariant(
        "I12",
        "a reservation is consumed by a transaction that spends, of its site",
        """SELECT r.id, r.ended_as, r.transaction_id, x.type FROM ledger_reservation r
           LEFT JOIN ledger_ledgertransaction x ON x.id = r.transaction_id
           WHERE r.transaction_id IS NOT NULL
             AND (r.ended_as = 'consumed' AND x.type = 'spend' AND x.site_id = r.site_id) IS NOT TRUE""",
    ),
    Invariant(
        "I8",
        "reservations and holds that have ended say when, and only the expired end at their time or later",
        """SELECT 'reservation' AS what, CAST(id AS text) AS id, ended_as, ended_at, expires_at FROM ledger_reservation
           WHERE (ended_as = '') <> (ended_at IS NULL)
              OR (ended_at IS NOT NULL AND (ended_as = 'expired') <> (ended_at >= expires_at))
           UNION ALL
           SELECT 'hold', CAST(id AS text), ended_as, ended_at, expires_at FROM ledger_accounthold
           WHERE (ended_as = '') <> (ended_at IS NULL)
              OR (ended_at IS NOT NULL AND (ended_as = 'expired') <> (ended_at >= expires_at))""",
    ),
    Invariant(
        "I2",
        "an account is due no later than its first open hold expires",
        """SELECT a.id, a.due_at, MIN(h.expires_at) AS expires FROM ledger_ledgeraccount a
           JOIN ledger_accounthold h ON h.account_id = a.id AND h.ended_as = ''
           GROUP BY a.id, a.due_at HAVING a.due_at IS NULL OR a.due_at > MIN(h.expires_at)""",
    ),
    Invariant(
        "I5",
        "a hold is a whole amount from 1 to what it was at first",
        """SELECT id, amount, original_amount FROM ledger_accounthold
           WHERE amount NOT BETWEEN 1 AND original_amount OR amount <> CAST(amount AS bigint)""",
    ),
    Invariant(
        "I25",
        "a hold is on a customer account of the site and kind of its reservation, and expires with it",
        """SELECT h.id, h.reservation_id, h.account_id FROM ledger_accounthold h
           LEFT JOIN ledger_reservation r ON r.id = h.reservation_id
           LEFT JOIN ledger_ledgeraccount a ON a.id = h.account_id
           WHERE (a.owner_id IS NOT NULL AND a.site_id = r.site_id AND h.expires_at = r.expires_at
                  AND ((r.kind = 'points' AND a.kind = 'points') OR (r.kind = 'native' AND a.owner_id = r.owner_id))
                 ) IS NOT TRUE""",
    ),
    Invariant(
        "I25",
        "a reservation and a spending are of a user and household of their site",
        """SELECT CAST(r.id AS text) AS id, r.site_id, u.site_id AS users, h.site_id AS households FROM ledger_reservation r
           LEFT JOIN accounts_user u ON u.id = r.owner_id LEFT JOIN accounts_household h ON h.id = r.household_id
           WHERE (r.owner_id IS NOT NULL AND (u.site_id = r.site_id) IS NOT TRUE)
              OR (r.household_id IS NOT NULL AND (h.site_id = r.site_id) IS NOT TRUE)
           UNION ALL
           SELECT CAST(s.transaction_id AS text), s.site_id, u.site_id, h.site_id FROM ledger_spending s
           LEFT JOIN accounts_user u ON u.id = s.owner_id LEFT JOIN accounts_household h ON h.id = s.household_id
           WHERE (u.site_id = s.site_id) IS NOT TRUE OR (s.household_id IS NOT NULL AND (h.site_id = s.site_id) IS NOT TRUE)""",
    ),
    Invariant(
        "I7",
        "a spending tells of a transaction that spends, and of the reservation it consumed",
        """SELECT s.transaction_id, s.reservation_id, x.type FROM ledger_spending s
           LEFT JOIN ledger_ledgertransaction x ON x.id = s.transaction_id
           LEFT JOIN ledger_reservation r ON r.id = s.reservation_id
           WHERE (x.type = 'spend' AND x.site_id = s.site_id) IS NOT TRUE
              OR (s.reservation_id IS NOT NULL
                  AND (r.transaction_id = s.transaction_id AND r.owner_id = s.owner_id) IS NOT TRUE)""",
    ),
    Invariant(
        "I7",
        "points that were reserved are redeemed only with a word of who, where and for what",
        """SELECT r.id, r.transaction_id FROM ledger_reservation r
           LEFT JOIN ledger_spending s ON s.transaction_id = r.transaction_id
           WHERE r.kind = 'points' AND r.ended_as = 'consumed' AND s.transaction_id IS NULL""",
    ),
    Invariant(
        "I3",
        "a void takes back a redemption that somebody told of",
        """SELECT v.id, v.reverses_id FROM ledger_ledgertransaction v
           LEFT JOIN ledger_spending s ON s.transaction_id = v.reverses_id
           WHERE v.type = 'void' AND s.transaction_id IS NULL""",
    ),
)
