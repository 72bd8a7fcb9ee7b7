"""What rows of the loyalty programme must be to each other: of one site.

Asked as ``content_rules.py`` has it: by triggers of what is written, by the checks of all there is.
"""

from accounts.content_rules import RowRule

RULES = (
    RowRule(
        "accounts_household",
        "members are of the site of their household",
        ("id", "site_id"),
        "",
        "NOT EXISTS (SELECT 1 FROM accounts_member m WHERE m.household_id = n.id AND m.site_id <> n.site_id)",
    ),
    RowRule(
        "accounts_member",
        "a member, their user, their household and their identifiers are of one site, and their sessions of it",
        ("id", "site_id", "user_id", "household_id"),
        "LEFT JOIN accounts_user u ON u.id = n.user_id LEFT JOIN accounts_household h ON h.id = n.household_id",
        """u.site_id = n.site_id AND (n.household_id IS NULL OR h.site_id = n.site_id)
        AND NOT EXISTS (SELECT 1 FROM accounts_memberidentifier i WHERE i.member_id = n.id AND i.site_id <> n.site_id)
        AND NOT EXISTS (SELECT 1 FROM accounts_loyaltysession s WHERE s.member_id = n.id AND s.site_id <> n.site_id)""",
    ),
    RowRule(
        "accounts_memberidentifier",
        "an identifier is of the site of its member",
        ("site_id", "member_id"),
        "LEFT JOIN accounts_member m ON m.id = n.member_id",
        "m.site_id = n.site_id",
    ),
    RowRule(
        "accounts_loyaltysession",
        "a session is of the site of its client and of its member",
        ("site_id", "client_id", "member_id"),
        "LEFT JOIN accounts_client c ON c.id = n.client_id LEFT JOIN accounts_member m ON m.id = n.member_id",
        "c.site_id = n.site_id AND m.site_id = n.site_id",
    ),
)
