"""What is always true of what redemptions gave other than value: licences and tags."""

from collections.abc import Iterator

from accounts import database
from accounts.invariants import Invariant, Violation, select

MOST_SHOWN = 100


def find_licences_not_told() -> Iterator[Violation]:
    """A browser's licences go with its login, all at once; an account's stay, whatever becomes of them."""
    told = (
        "jsonb_array_length(a.result -> 'licences')"
        if database.is_postgresql()
        else "json_array_length(a.result, '$.licences')"
    )
    yield from select(
        f"""SELECT a.id, a.action, {told} AS told, COUNT(l.id) AS licences
            FROM codes_attempt a LEFT JOIN accounts_licence l ON l.given_by = a.id
            WHERE a.outcome = 'redeemed' AND a.door <> 'advice'
              AND a.action IN ('apply_offer', 'apply_offer_match', 'session_license', 'session_license_match')
            GROUP BY a.id, a.action, a.result
            HAVING COALESCE({told}, 0) < 1
                OR (COUNT(l.id) <> {told} AND (COUNT(l.id) > 0 OR a.action IN ('apply_offer', 'apply_offer_match')))""",  # noqa: S608
        MOST_SHOWN,
    )


def find_tags_recorded_wrongly() -> Iterator[Violation]:
    """A tag may have been deleted since; one that is there is of the redemption's site."""
    each = (
        "CROSS JOIN LATERAL (SELECT CAST(e AS bigint) AS tag FROM jsonb_array_elements_text(a.given -> 'tags') e) g"
        if database.is_postgresql()
        else "JOIN (SELECT x.id AS attempt_id, e.value AS tag FROM codes_attempt x, json_each(x.given, '$.tags') e"
        " WHERE x.outcome = 'redeemed' AND x.action = 'add_tags') g ON g.attempt_id = a.id"
    )
    yield from select(
        f"""SELECT a.id, g.tag, COUNT(*) AS times, MAX(t.site_id) AS of_site
            FROM codes_attempt a {each} LEFT JOIN accounts_tag t ON t.id = g.tag
            WHERE a.outcome = 'redeemed' AND a.door <> 'advice' AND a.action = 'add_tags'
            GROUP BY a.id, a.site_id, g.tag HAVING COUNT(*) > 1 OR MAX(t.site_id) <> a.site_id""",  # noqa: S608
        MOST_SHOWN,
    )


GIVING = (
    Invariant(
        "I7",
        "a licence that a redemption gave is of one that gives such, for its claimant or else a browser, from its moment on",
        """SELECT l.id, l.given_by, a.outcome, a.action
           FROM accounts_licence l LEFT JOIN codes_attempt a ON a.id = l.given_by
           WHERE l.given_by IS NOT NULL
             AND (a.outcome = 'redeemed' AND a.site_id = l.site_id AND a.decided_at = l.starts_at
                  AND ((a.action IN ('apply_offer', 'apply_offer_match') AND l.user_id = a.claimant_id)
                       OR (a.action IN ('session_license', 'session_license_match')
                           AND l.browser_id IS NOT NULL AND a.claimant_id IS NULL))) IS NOT TRUE""",
    ),
    Invariant(
        "I7",
        "of a redemption that was reversed no licence lives",
        """SELECT l.id, l.given_by, r.id AS reversal FROM accounts_licence l
           JOIN codes_reversal r ON r.attempt_id = l.given_by WHERE l.ended_at IS NULL""",
    ),
    Invariant("I7", "a redemption has given as many licences as its receipt tells", find=find_licences_not_told),
    Invariant(
        "I7",
        "a redemption has recorded each tag that it gave once, and none of another site",
        find=find_tags_recorded_wrongly,
    ),
)
