"""What rows of persons and visitors must be to each other: of one site, of one type, and no secret readable.

Asked as ``content_rules.py`` has it: by triggers of what is written, by the checks of all there is.
"""

from accounts.content_rules import RowRule

RULES = (
    RowRule(
        "accounts_characteristic",
        "what persons have of a characteristic is of its site and kind",
        ("id", "site_id", "kind"),
        "",
        """NOT EXISTS (SELECT 1 FROM accounts_personproperty x JOIN accounts_person p ON p.id = x.person_id
        WHERE x.characteristic_id = n.id AND (p.site_id <> n.site_id OR (n.kind = 'secret') <> (x.secret_hash <> '')))""",
    ),
    RowRule(
        "accounts_persontype",
        "persons are of the site of their type",
        ("id", "site_id"),
        "",
        "NOT EXISTS (SELECT 1 FROM accounts_person p WHERE p.person_type_id = n.id AND p.site_id <> n.site_id)",
    ),
    RowRule(
        "accounts_person",
        "a person, their user and their type are of one site, and the type stays while visitors are remembered as them",
        ("id", "site_id", "user_id", "person_type_id"),
        "LEFT JOIN accounts_user u ON u.id = n.user_id LEFT JOIN accounts_persontype t ON t.id = n.person_type_id",
        """u.site_id = n.site_id AND t.site_id = n.site_id
        AND NOT EXISTS (SELECT 1 FROM accounts_storedidentification s
            WHERE s.person_id = n.id AND s.person_type_id <> n.person_type_id)""",
    ),
    RowRule(
        "accounts_personproperty",
        "a property is of the site of its person; of a secret only a hash rests, and e-mail addresses are in lower case",
        ("person_id", "characteristic_id", "value", "secret_hash"),
        "LEFT JOIN accounts_person p ON p.id = n.person_id LEFT JOIN accounts_characteristic c ON c.id = n.characteristic_id",
        """c.site_id = p.site_id AND (c.kind = 'secret') = (n.secret_hash <> '')
        AND (c.kind <> 'email' OR n.value = lower(n.value))""",
    ),
    RowRule(
        "accounts_visitorperson",
        "a visitor is a person of its own site",
        ("visitor_id", "person_id"),
        "LEFT JOIN accounts_visitor v ON v.id = n.visitor_id LEFT JOIN accounts_person p ON p.id = n.person_id",
        "v.site_id = p.site_id",
    ),
    RowRule(
        "accounts_storedidentification",
        "a visitor is remembered as a person of its own site, by the type they have",
        ("visitor_id", "person_type_id", "person_id"),
        "LEFT JOIN accounts_visitor v ON v.id = n.visitor_id LEFT JOIN accounts_person p ON p.id = n.person_id",
        "v.site_id = p.site_id AND p.person_type_id = n.person_type_id",
    ),
)
