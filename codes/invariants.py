"""What is always true of codes, their redemptions and their value, as questions to which every answer is a violation."""

from accounts.invariants import Invariant
from codes import assignment_invariants, content_invariants, hold_invariants, shop_rules, value_invariants
from codes.advice import belonging
from codes.advice import invariants as advice_invariants
from codes.giving_invariants import GIVING

# A code is out once its order is done; a deleted one stays a row, and its uses stay used.
OUT = "FROM codes_code c JOIN codes_issueorder o ON o.id = c.order_id AND o.state = 'done'"
# A single code's change has an audit row of its own; an edit of the whole batch has come as far as its serial.
# Of one that was moved to another batch, the change may have been in the batch it came from.
CHANGED = """(EXISTS (SELECT 1 FROM accounts_auditrecord n WHERE n.object_type = 'code'
                      AND n.object_id = CAST(c.id AS text) AND n.action = 'code.change')
              OR EXISTS (SELECT 1 FROM codes_batchedit e WHERE e.batch_id = c.batch_id AND e.serial >= c.serial)
              OR EXISTS (SELECT 1 FROM accounts_auditrecord n WHERE n.object_type = 'batch'
                         AND n.object_id = CAST(c.batch_id AS text) AND n.action = 'batch.codes_change')
              OR EXISTS (SELECT 1 FROM codes_issueorder m WHERE m.id = c.order_id AND m.moved_from_id IS NOT NULL))"""
HAPPENED = "COALESCE(a.happened_at, a.decided_at)"

INVARIANTS = (
    *value_invariants.INVARIANTS,
    Invariant(
        "I6",
        "a code's counters are its redemptions, numbered without a gap, less the uses given back, within its maximum",
        """SELECT c.id, c.uses, c.max_uses, c.redemptions, COALESCE(a.times, 0) AS counted, COALESCE(a.given_back, 0)
                  AS given_back, a.last AS last_number
           FROM codes_code c
           LEFT JOIN (
               SELECT a.code_id, COUNT(*) AS times, COUNT(r.id) AS given_back,
                      MIN(a.use_number) AS first, MAX(a.use_number) AS last
               FROM codes_attempt a LEFT JOIN codes_reversal r ON r.attempt_id = a.id AND r.give_use_back
               WHERE a.outcome = 'redeemed' GROUP BY a.code_id
           ) a ON a.code_id = c.id
           WHERE c.uses > c.max_uses OR c.redemptions <> COALESCE(a.times, 0)
              OR c.uses <> COALESCE(a.times, 0) - COALESCE(a.given_back, 0)
              OR COALESCE(a.first, 1) <> 1 OR COALESCE(a.last, 0) <> COALESCE(a.times, 0)""",
    ),
    Invariant(
        "I6",
        "no two redemptions of a code have one number",
        """SELECT code_id, use_number, COUNT(*) AS times FROM codes_attempt WHERE use_number IS NOT NULL
           GROUP BY code_id, use_number HAVING COUNT(*) > 1""",
    ),
    Invariant(
        "I6",
        "a claimant's redemptions of a code are numbered without a gap, and those in force are within the cap",
        """SELECT u.*, t.uses_per_claimant
           FROM (
               SELECT a.code_id, a.claimant_id, COUNT(*) AS times, COUNT(DISTINCT a.claimant_use_number) AS numbers,
                      MIN(a.claimant_use_number) AS first, MAX(a.claimant_use_number) AS last,
                      COUNT(*) - COUNT(r.id) AS in_force
               FROM codes_attempt a LEFT JOIN codes_reversal r ON r.attempt_id = a.id AND r.give_use_back
               WHERE a.outcome = 'redeemed' AND a.claimant_id IS NOT NULL GROUP BY a.code_id, a.claimant_id
           ) u
           JOIN codes_code c ON c.id = u.code_id JOIN codes_terms t ON t.id = c.terms_id
           WHERE u.numbers <> u.times OR u.first <> 1 OR u.last <> u.times OR u.in_force > t.uses_per_claimant""",
    ),
    Invariant(
        "I6",
        "a capped batch counts the uses in force of its codes, and they are within the cap",
        """SELECT b.id, b.uses_in_force, b.total_cap, COALESCE(SUM(c.uses), 0) AS of_codes
           FROM codes_batch b LEFT JOIN codes_code c ON c.batch_id = b.id
           WHERE b.total_cap IS NOT NULL GROUP BY b.id, b.uses_in_force, b.total_cap
           HAVING b.uses_in_force <> COALESCE(SUM(c.uses), 0) OR b.uses_in_force > b.total_cap""",
    ),
    Invariant(
        "I7",
        "a redemption of a code with value, and no other attempt, has a ledger transaction",
        """SELECT a.id, a.outcome, a.action, a.ledger_transaction_id
           FROM codes_attempt a
           LEFT JOIN codes_code c ON c.id = a.code_id LEFT JOIN codes_terms t ON t.id = c.terms_id
           WHERE (a.outcome = 'redeemed' AND t.asset_id IS NOT NULL) <> (a.ledger_transaction_id IS NOT NULL)""",
    ),
    Invariant(
        "I7",
        "that transaction moves the worth of one use from the batch to the claimant, or out of a report's site, at that instant",
        """SELECT a.id, a.ledger_transaction_id, l.amount, t.value
           FROM codes_attempt a
           JOIN codes_code c ON c.id = a.code_id JOIN codes_terms t ON t.id = c.terms_id
           JOIN ledger_ledgertransaction x ON x.id = a.ledger_transaction_id
           LEFT JOIN ledger_transfer l ON l.transaction_id = x.id
           LEFT JOIN ledger_ledgeraccount d ON d.id = l.debit_account_id
           LEFT JOIN ledger_ledgeraccount k ON k.id = l.credit_account_id
           WHERE (l.amount = t.value AND l.batch_number = a.batch_id AND x.booked_at = a.decided_at
                  AND d.asset_id = t.asset_id
                  AND ((d.purpose = 'outstanding' AND d.batch_number = a.batch_id)
                       OR (d.purpose = 'expired' AND a.door = 'advice'))
                  AND x.type = CASE a.door WHEN 'advice' THEN 'report' ELSE a.action END
                  AND (k.owner_id = a.claimant_id OR (a.claimant_id IS NULL AND k.purpose = 'external'))) IS NOT TRUE
              OR EXISTS (SELECT 1 FROM ledger_transfer m WHERE m.transaction_id = x.id AND m.id <> l.id)""",
    ),
    Invariant(
        "I7",
        "no value is credited or refunded but by one redemption, nor reversed but by one reversal",
        """SELECT x.id, x.type, x.booked_at FROM ledger_ledgertransaction x
           LEFT JOIN (
               SELECT ledger_transaction_id AS id, 'redemption' AS deed FROM codes_attempt
               UNION ALL SELECT ledger_transaction_id, 'reversal' FROM codes_reversal
           ) a ON a.id = x.id
           WHERE x.type IN ('credit', 'refund', 'report', 'reversal')
           GROUP BY x.id, x.type, x.booked_at
           HAVING COUNT(a.id) <> 1 OR MAX(a.deed) <> CASE x.type WHEN 'reversal' THEN 'reversal' ELSE 'redemption' END""",
    ),
    Invariant(
        "I7",
        "a reversal is of a redemption, and reverses its ledger transaction if there is one",
        """SELECT r.id, r.attempt_id, a.outcome, a.ledger_transaction_id, x.reverses_id
           FROM codes_reversal r
           LEFT JOIN codes_attempt a ON a.id = r.attempt_id
           LEFT JOIN ledger_ledgertransaction x ON x.id = r.ledger_transaction_id
           WHERE (a.outcome = 'redeemed' AND r.site_id = a.site_id) IS NOT TRUE
              OR (a.ledger_transaction_id IS NULL) <> (r.ledger_transaction_id IS NULL)
              OR (a.ledger_transaction_id IS NOT NULL AND (x.reverses_id = a.ledger_transaction_id) IS NOT TRUE)""",
    ),
    Invariant(
        "I7",
        "a fulfilment has one work item, which is cancelled if it was reversed; nothing else has one",
        """SELECT a.id, a.action, a.outcome, w.id AS work_item, w.state
           FROM codes_attempt a
           LEFT JOIN codes_workitem w ON w.attempt_id = a.id LEFT JOIN codes_reversal r ON r.attempt_id = a.id
           WHERE (a.outcome = 'redeemed' AND a.action = 'fulfilment' AND a.door <> 'advice') <> (w.id IS NOT NULL)
              OR (r.id IS NOT NULL AND w.state <> 'cancelled')""",
    ),
    *GIVING,
    Invariant(
        "I7",
        "a code says when it was last redeemed",
        f"""SELECT c.id, c.last_redeemed_at, a.last
            FROM codes_code c
            LEFT JOIN (SELECT code_id, MAX({HAPPENED}) AS last FROM codes_attempt a WHERE outcome = 'redeemed' GROUP BY code_id)
                a ON a.code_id = c.id
            WHERE (c.last_redeemed_at IS NULL) <> (a.last IS NULL) OR c.last_redeemed_at <> a.last""",  # noqa: S608
    ),
    Invariant(
        "I8",
        "only a code of an order that is done is redeemed, and within its validity (unless that was changed later)",
        f"""SELECT a.id, a.code_id, a.decided_at, c.valid_from, c.valid_until, o.state
            FROM codes_attempt a
            JOIN codes_code c ON c.id = a.code_id JOIN codes_issueorder o ON o.id = c.order_id
            WHERE a.outcome = 'redeemed'
              AND (o.state <> 'done'
                   OR (({HAPPENED} < c.valid_from OR {HAPPENED} >= c.valid_until) AND NOT {CHANGED}))""",  # noqa: S608
    ),
    Invariant(
        "I8",
        "a used-up code has no use left, and one that has none is used up (unless it was changed)",
        f"""SELECT c.id, c.state, c.uses, c.max_uses FROM codes_code c
            WHERE (c.state = 'used_up' AND c.uses < c.max_uses)
               OR (c.state = 'active' AND c.uses >= c.max_uses AND NOT {CHANGED})""",  # noqa: S608
    ),
    Invariant(
        "I8",
        "an order that is done has exactly the codes that were wanted and not moved, a cancelled one none, any other those it "
        "counted",
        """SELECT o.id, o.state, o.wanted, o.issued, o.moved, COUNT(c.id) AS codes
           FROM codes_issueorder o
           LEFT JOIN codes_code c ON c.order_id = o.id AND c.batch_id = o.batch_id
                AND c.serial BETWEEN o.first_serial AND o.first_serial + o.wanted - 1
           GROUP BY o.id, o.state, o.wanted, o.issued, o.moved
           HAVING COUNT(c.id) <> o.issued - o.moved OR (o.state = 'done' AND o.issued <> o.wanted)
               OR (o.state = 'cancelled' AND o.issued <> 0)""",
    ),
    Invariant(
        "I8",
        "an import has the rows that it counted; confirmed and done, each good one has become one code and is gone",
        """SELECT i.id, i.good, i.bad, i.known, i.repeated, o.issued, r.good AS good_rows, r.bad AS bad_rows
           FROM codes_codeimport i
           LEFT JOIN codes_issueorder o ON o.source_id = i.id
           LEFT JOIN (SELECT source_id, SUM(CASE WHEN problem = '' THEN 1 ELSE 0 END) AS good,
                             SUM(CASE WHEN problem = '' THEN 0 ELSE 1 END) AS bad
                      FROM codes_importrow GROUP BY source_id) r ON r.source_id = i.id
           WHERE i.state = 'done'
             AND ((o.state = 'done' AND (i.good <> o.issued OR COALESCE(r.good, 0) <> 0))
                  OR (o.state IN ('queued', 'running') AND (i.good <> o.wanted OR i.good <> o.issued + COALESCE(r.good, 0)))
                  OR (o.id IS NULL AND i.good <> COALESCE(r.good, 0))
                  OR i.bad + i.known + i.repeated <> COALESCE(r.bad, 0))""",
    ),
    Invariant(
        "I8",
        "a batch that can be or was redeemed has an order that is done, and any other has none",
        """SELECT b.id, b.state, COUNT(o.id) AS done
           FROM codes_batch b LEFT JOIN codes_issueorder o ON o.batch_id = b.id AND o.state = 'done'
           GROUP BY b.id, b.state
           HAVING (b.state IN ('active', 'disabled', 'archived')) <> (COUNT(o.id) > 0)""",
    ),
    Invariant(
        "I8",
        "a deleted batch has no code that is not deleted, once its deletion has come to its end",
        f"""SELECT b.id, COUNT(c.id) AS codes, MIN(c.serial) AS first
            FROM codes_batch b JOIN codes_batchedit e ON e.batch_id = b.id AND e.kind = 'delete' AND e.state = 'done'
            JOIN (SELECT c.id, c.batch_id, c.serial, c.state {OUT}) c ON c.batch_id = b.id AND c.state <> 'deleted'
            GROUP BY b.id""",  # noqa: S608
    ),
    Invariant(
        "I8",
        "a batch is deleted if and only if its deletion is under way or done, or failed and was not cancelled",
        """SELECT b.id, b.state, COUNT(e.id) AS deletions
           FROM codes_batch b
           LEFT JOIN codes_batchedit e ON e.batch_id = b.id AND e.kind = 'delete' AND e.state <> 'cancelled'
           GROUP BY b.id, b.state HAVING (b.state = 'archived') <> (COUNT(e.id) = 1)""",
    ),
    Invariant(
        "I8",
        "an edit has touched or passed over every code that was out when it was ordered, as far as it has come",
        f"""SELECT e.id, e.state, e.serial, e.last_serial, e.touched, e.passed_over, COUNT(c.id) AS codes
            FROM codes_batchedit e
            LEFT JOIN (SELECT c.id, c.batch_id, c.serial, o.finished_at {OUT}) c
                   ON c.batch_id = e.batch_id AND c.serial <= e.serial AND c.finished_at <= e.created_at
            GROUP BY e.id, e.state, e.serial, e.last_serial, e.touched, e.passed_over
            HAVING e.touched + e.passed_over < COUNT(c.id) OR (e.state = 'done' AND e.serial <> e.last_serial)""",  # noqa: S608
    ),
    Invariant(
        "I9",
        "two codes of one site never share a canonical form",
        """SELECT site_id, 'odd' AS look_up, MIN(id) AS first, COUNT(*) AS times FROM codes_code
           WHERE lookup_odd IS NOT NULL GROUP BY site_id, lookup_odd HAVING COUNT(*) > 1
           UNION ALL
           SELECT site_id, 'even', MIN(id), COUNT(*) FROM codes_code
           WHERE lookup_even IS NOT NULL GROUP BY site_id, lookup_even HAVING COUNT(*) > 1""",
    ),
    Invariant(
        "I14",
        "one attempt per caller and idempotency key, and a kept key has its fingerprint",
        """SELECT caller, idempotency_key, COUNT(*) AS times FROM codes_attempt
           WHERE idempotency_key IS NOT NULL GROUP BY caller, idempotency_key
           HAVING COUNT(*) > 1 OR COUNT(fingerprint) < COUNT(*)""",
    ),
    Invariant(
        "I25",
        "a code, its batch, order, terms and owner are of one site",
        """SELECT c.id, c.site_id FROM codes_code c
           JOIN codes_batch b ON b.id = c.batch_id JOIN codes_issueorder o ON o.id = c.order_id
           JOIN codes_terms t ON t.id = c.terms_id LEFT JOIN accounts_user u ON u.id = c.owner_id
           WHERE c.site_id <> b.site_id OR c.site_id <> o.site_id OR c.site_id <> t.site_id OR o.batch_id <> c.batch_id
              OR (c.owner_id IS NOT NULL AND (u.site_id = c.site_id) IS NOT TRUE)""",
    ),
    Invariant(
        "I25",
        "an attempt touches nothing of another site",
        """SELECT a.id, a.site_id FROM codes_attempt a
           LEFT JOIN codes_code c ON c.id = a.code_id LEFT JOIN accounts_user u ON u.id = a.claimant_id
           LEFT JOIN accounts_client k ON k.id = a.client_id
           LEFT JOIN ledger_ledgertransaction x ON x.id = a.ledger_transaction_id
           LEFT JOIN codes_workitem w ON w.attempt_id = a.id
           WHERE c.site_id <> a.site_id OR u.site_id <> a.site_id OR k.site_id <> a.site_id
              OR x.site_id <> a.site_id OR w.site_id <> a.site_id""",
    ),
    *content_invariants.INVARIANTS,
    *belonging.INVARIANTS,
    *advice_invariants.INVARIANTS,
    *assignment_invariants.INVARIANTS,
    *shop_rules.INVARIANTS,
    *hold_invariants.INVARIANTS,
)
