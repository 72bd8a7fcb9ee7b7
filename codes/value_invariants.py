"""What is always true of a batch's value: issued is redeemed, outstanding, expired or voided."""

from accounts.invariants import Invariant

# A code is out once its order is done; a deleted one stays a row, and its uses stay used.
OUT = "FROM codes_code c JOIN codes_issueorder o ON o.id = c.order_id AND o.state = 'done'"

# Where the ledger says a batch's value went, and what its codes and redemptions say it should be.
BOOKED = """SELECT t.batch_number AS batch_id, d.asset_id,
                   SUM(CASE WHEN d.purpose = 'funding' THEN t.amount WHEN c.purpose = 'funding' THEN -t.amount ELSE 0 END)
                       AS issued,
                   SUM(CASE WHEN c.purpose = 'outstanding' THEN t.amount WHEN d.purpose = 'outstanding' THEN -t.amount
                            ELSE 0 END) AS outstanding,
                   SUM(CASE WHEN c.purpose IN ('', 'external') THEN t.amount ELSE 0 END)
                     - SUM(CASE WHEN d.purpose IN ('', 'external') THEN t.amount ELSE 0 END) AS redeemed,
                   SUM(CASE WHEN c.purpose = 'expired' THEN t.amount WHEN d.purpose = 'expired' THEN -t.amount ELSE 0 END)
                       AS expired,
                   SUM(CASE WHEN c.purpose = 'voided' THEN t.amount WHEN d.purpose = 'voided' THEN -t.amount ELSE 0 END)
                       AS voided,
                   SUM(CASE WHEN x.type = 'voiding' THEN t.amount ELSE 0 END) AS taken_out
            FROM ledger_transfer t
            JOIN ledger_ledgertransaction x ON x.id = t.transaction_id
            JOIN ledger_ledgeraccount d ON d.id = t.debit_account_id
            JOIN ledger_ledgeraccount c ON c.id = t.credit_account_id
            WHERE t.batch_number IS NOT NULL GROUP BY t.batch_number, d.asset_id"""
EXPECTED = f"""SELECT c.batch_id, t.asset_id,
                      SUM(CASE WHEN c.state = 'deleted' OR c.value_expired_at IS NOT NULL THEN 0
                               ELSE t.value * (c.max_uses - c.uses) END) AS outstanding,
                      SUM(t.value * CASE WHEN c.state = 'deleted' THEN c.uses ELSE c.max_uses END) AS lowest,
                      SUM(t.value * c.max_uses) AS highest
               {OUT} JOIN codes_terms t ON t.id = c.terms_id AND t.asset_id IS NOT NULL
               GROUP BY c.batch_id, t.asset_id"""
REDEEMED = """SELECT a.batch_id, t.asset_id, SUM(t.value) AS value
              FROM codes_attempt a
              JOIN codes_code c ON c.id = a.code_id JOIN codes_terms t ON t.id = c.terms_id AND t.asset_id IS NOT NULL
              LEFT JOIN codes_reversal r ON r.attempt_id = a.id
              WHERE a.outcome = 'redeemed' AND r.id IS NULL GROUP BY a.batch_id, t.asset_id"""

INVARIANTS = (
    Invariant(
        "I4",
        "a batch's issued value is redeemed, outstanding, expired or voided, and none of these is less than nothing",
        f"""SELECT * FROM ({BOOKED}) b
            WHERE issued <> redeemed + outstanding + expired + voided
               OR issued < 0 OR redeemed < 0 OR outstanding < 0 OR expired < 0 OR voided < 0""",  # noqa: S608
    ),
    Invariant(
        "I4",
        "a batch's outstanding value is that of the uses its codes have left",
        f"""SELECT batch_id, asset_id, SUM(booked) AS booked, SUM(of_codes) AS of_codes
            FROM (
                SELECT batch_id, asset_id, outstanding AS booked, 0 AS of_codes FROM ({BOOKED}) b
                UNION ALL SELECT batch_id, asset_id, 0, outstanding FROM ({EXPECTED}) e
            ) both_sides GROUP BY batch_id, asset_id HAVING SUM(booked) <> SUM(of_codes)""",  # noqa: S608
    ),
    Invariant(
        "I4",
        "a batch's redeemed value is that of its redemptions not reversed",
        f"""SELECT batch_id, asset_id, SUM(booked) AS booked, SUM(of_redemptions) AS of_redemptions
            FROM (
                SELECT batch_id, asset_id, redeemed AS booked, 0 AS of_redemptions FROM ({BOOKED}) b
                UNION ALL SELECT batch_id, asset_id, 0, value FROM ({REDEEMED}) e
            ) both_sides GROUP BY batch_id, asset_id HAVING SUM(booked) <> SUM(of_redemptions)""",  # noqa: S608
    ),
    Invariant(
        "I4",
        "a batch's issued value, less what was taken out again, is that of all uses of its codes",
        f"""SELECT e.batch_id, b.issued, b.taken_out, e.lowest, e.highest
            FROM ({EXPECTED}) e LEFT JOIN ({BOOKED}) b ON b.batch_id = e.batch_id AND b.asset_id = e.asset_id
            WHERE COALESCE(b.issued - b.taken_out, 0) NOT BETWEEN e.lowest AND e.highest""",  # noqa: S608
    ),
    Invariant(
        "I4",
        "an outstanding account takes part only in transfers of its own batch",
        """SELECT t.id, t.batch_number, a.batch_number AS of_account
           FROM ledger_transfer t
           JOIN ledger_ledgeraccount a ON a.id IN (t.debit_account_id, t.credit_account_id)
           WHERE a.purpose = 'outstanding' AND (t.batch_number IS NULL OR t.batch_number <> a.batch_number)""",
    ),
)
