"""What is always true of codes that were changed or moved by their publisher (content_changing.py, content_moving.py).

As codes/invariants.py: to each of these questions every answer is a violation.
"""

from accounts.invariants import Invariant

INVARIANTS = (
    Invariant(
        "I8",
        "a code has the terms of its order, unless they were imported with it, or it opens content: then their action",
        """SELECT c.id, c.batch_id, c.serial, t.action, u.action AS of_order
           FROM codes_code c JOIN codes_issueorder o ON o.id = c.order_id AND o.source_id IS NULL AND o.terms_id <> c.terms_id
           JOIN codes_terms t ON t.id = c.terms_id JOIN codes_terms u ON u.id = o.terms_id
           WHERE t.action <> u.action OR t.asset_id IS NOT NULL OR u.asset_id IS NOT NULL""",
    ),
    Invariant(
        "I8",
        "codes that were moved away are in the batches that they were moved to",
        """SELECT b.id, SUM(m.gone) AS gone, SUM(m.come) AS come
           FROM codes_batch b
           JOIN (SELECT batch_id, moved AS gone, 0 AS come FROM codes_issueorder WHERE moved > 0
                 UNION ALL SELECT moved_from_id, 0, wanted FROM codes_issueorder WHERE moved_from_id IS NOT NULL) m
             ON m.batch_id = b.id
           GROUP BY b.id HAVING SUM(m.gone) <> SUM(m.come)""",
    ),
    Invariant(
        "I8",
        "an order that was emptied has no code that is not deleted",
        """SELECT o.id, o.emptied_at, MIN(c.serial) AS first FROM codes_issueorder o
           JOIN codes_code c ON c.order_id = o.id AND c.batch_id = o.batch_id AND c.state <> 'deleted'
           WHERE o.emptied_at IS NOT NULL GROUP BY o.id, o.emptied_at""",
    ),
    Invariant(
        "I25",
        "an attempt is of its code's batch, unless the code was moved since",
        """SELECT a.id, a.batch_id, c.batch_id AS of_code
           FROM codes_attempt a JOIN codes_code c ON c.id = a.code_id JOIN codes_issueorder o ON o.id = c.order_id
           WHERE c.batch_id <> a.batch_id AND o.moved_from_id IS NULL""",
    ),
)
