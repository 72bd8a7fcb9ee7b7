"""What an advice must be to the rows it points at: of one site. Kept by triggers (codes/triggers.py) and asked by the checks."""

from accounts.content_rules import RowRule
from accounts.invariants import Invariant

OF_ONE_SITE = RowRule(
    "codes_advice",
    "an advice, the client that sent it and its venue are of one site",
    ("site_id", "client_id", "venue_id"),
    "LEFT JOIN accounts_client c ON c.id = n.client_id LEFT JOIN accounts_venue v ON v.id = n.venue_id",
    "c.site_id = n.site_id AND (n.venue_id IS NULL OR v.site_id = n.site_id)",
)
INVARIANTS = (
    Invariant("I25", OF_ONE_SITE.name, OF_ONE_SITE.violations(OF_ONE_SITE.table)),
    # No trigger: it would look at each row that is judged, and the attempt's ID is made of the advice's.
    Invariant(
        "I25",
        "an advice and its attempt are of one site",
        """SELECT n.id, n.site_id, a.site_id AS attempt_site FROM codes_advice n JOIN codes_attempt a ON a.id = n.attempt_id
           WHERE a.site_id <> n.site_id""",
    ),
)
