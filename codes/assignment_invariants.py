"""What is always true of codes that were handed out."""

from accounts.invariants import Invariant

INVARIANTS = (
    Invariant(
        "I6",
        "a code that was handed out is its claimant's own, and of their site",
        """SELECT a.id, a.code_id, a.claimant_id, c.owner_id
           FROM codes_assignment a LEFT JOIN codes_code c ON c.id = a.code_id
           LEFT JOIN codes_batch b ON b.id = a.batch_id LEFT JOIN accounts_user u ON u.id = a.claimant_id
           WHERE (c.owner_id = a.claimant_id AND c.site_id = a.site_id AND b.site_id = a.site_id
                  AND u.site_id = a.site_id) IS NOT TRUE""",
    ),
    Invariant(
        "I6",
        "it is in the batch that it was handed out from, unless it was moved",
        """SELECT a.id, a.code_id, a.batch_id, c.batch_id AS is_in
           FROM codes_assignment a JOIN codes_code c ON c.id = a.code_id JOIN codes_issueorder o ON o.id = c.order_id
           WHERE c.batch_id <> a.batch_id AND o.moved_from_id IS NULL""",
    ),
    Invariant(
        "I6",
        "no code is handed out twice, and a claimant has one of a batch for each key",
        """SELECT 'code' AS twice, MIN(id) AS first, COUNT(*) AS times FROM codes_assignment
           GROUP BY code_id HAVING COUNT(*) > 1
           UNION ALL
           SELECT 'key', MIN(id), COUNT(*) FROM codes_assignment
           GROUP BY batch_id, claimant_id, idempotency_key HAVING COUNT(*) > 1""",
    ),
)
