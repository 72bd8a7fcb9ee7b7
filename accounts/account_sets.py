"""Which account sets a user is in now: asked anew each time, for membership follows the tags."""

from django.db import models
from django.db.models.expressions import RawSQL

from accounts.models import AccountSet

# Each set that holds the user asks for a tag they wear, so the cost follows their tags and not the site's sets. A set is left
# out by one missing or forbidden tag; and if it asks for any of some, by wearing none of these. Written out, because Django takes
# longer to put four nested questions together than the database to answer them.
SETS = """
SELECT r.account_set_id FROM accounts_accountsetrule r
JOIN accounts_accountset s ON s.id = r.account_set_id AND s.site_id = %s
LEFT JOIN accounts_usertag w ON w.tag_id = r.tag_id AND w.user_id = %s
WHERE r.account_set_id IN (
    SELECT q.account_set_id FROM accounts_usertag v JOIN accounts_accountsetrule q ON q.tag_id = v.tag_id
    WHERE v.user_id = %s AND q.kind <> 'excluded'
)
GROUP BY r.account_set_id
HAVING MAX(CASE WHEN (r.kind = 'all' AND w.id IS NULL) OR (r.kind = 'excluded' AND w.id IS NOT NULL) THEN 1 ELSE 0 END) = 0
    AND MAX(CASE WHEN r.kind = 'any' THEN 1 ELSE 0 END) = MAX(CASE WHEN r.kind = 'any' AND w.id IS NOT NULL THEN 1 ELSE 0 END)
"""


def sets_of(site_id: int, user_id: int | None) -> "models.QuerySet[AccountSet]":
    """The site's account sets that hold the user at the moment; without a user, none. A subquery: nothing is read yet."""
    if user_id is None:
        return AccountSet.objects.none()
    return AccountSet.objects.filter(pk__in=RawSQL(*sets_sql(site_id, user_id)))


def sets_sql(site_id: int, user_id: int) -> tuple[str, tuple[int, int, int]]:
    """Their IDs, as SQL with its parameters."""
    return SETS, (site_id, user_id, user_id)
