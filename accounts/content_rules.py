"""What rows of content, licences and venues must be to each other: of one site, a collection, a publication.

Each rule is a question about rows ``n`` to which every answer is a violation. The triggers ask it of the rows that are written,
``manage.py check_invariants`` of all there are.
"""

from dataclasses import dataclass

from accounts.triggers import Trigger


@dataclass(frozen=True)
class RowRule:
    """``holds`` is asked of each row ``n`` of the table, with ``joins``; a joined row that is missing breaks the rule too."""

    table: str
    name: str  # What always holds; the triggers refuse with it.
    columns: tuple[str, ...]  # Of ``n``; a change of one of them is asked about.
    joins: str
    holds: str

    def violations(self, rows: str) -> str:
        return f"SELECT n.* FROM {rows} n {self.joins} WHERE ({self.holds}) IS NOT TRUE"  # noqa: S608

    def trigger(self) -> Trigger:
        """On PostgreSQL rows are asked about a statement at a time, for a redemption may give a thousand licences."""
        name = f"{self.table}_of_one_site"
        refuse = f"RAISE EXCEPTION '{self.name}' USING ERRCODE = 'check_violation'"
        new = f"(SELECT {', '.join(f'NEW.{column} AS {column}' for column in self.columns)})"
        events = (("insert", "INSERT"), ("update", f"UPDATE OF {', '.join(self.columns)}"))
        return Trigger(
            name,
            self.table,
            f"""
            CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF EXISTS ({self.violations("added")}) THEN {refuse}; END IF; RETURN NULL; END $$;
            CREATE OR REPLACE FUNCTION {name}_update() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN IF EXISTS ({self.violations(new)}) THEN {refuse}; END IF; RETURN NEW; END $$;
            CREATE TRIGGER {name} AFTER INSERT ON {self.table}
            REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION {name}();
            CREATE TRIGGER {name}_update BEFORE UPDATE OF {", ".join(self.columns)} ON {self.table}
            FOR EACH ROW EXECUTE FUNCTION {name}_update();
            """,
            tuple(
                (
                    f"{name}_{kind}",
                    f"CREATE TRIGGER {name}_{kind} AFTER {event} ON {self.table} "
                    f"WHEN EXISTS ({self.violations(new)}) BEGIN SELECT RAISE(ABORT, '{self.name}'); END",
                )
                for kind, event in events
            ),
        )


RULES = (
    RowRule(
        "accounts_licence",
        "a licence, its holder, its item and its offer are of one site",
        ("site_id", "user_id", "account_set_id", "browser_id", "item_id", "offer_id"),
        """LEFT JOIN accounts_item i ON i.id = n.item_id LEFT JOIN accounts_user u ON u.id = n.user_id
        LEFT JOIN accounts_accountset s ON s.id = n.account_set_id LEFT JOIN accounts_browserlogin b ON b.id = n.browser_id
        LEFT JOIN accounts_offer o ON o.id = n.offer_id""",
        """i.site_id = n.site_id AND (n.user_id IS NULL OR u.site_id = n.site_id)
        AND (n.account_set_id IS NULL OR s.site_id = n.site_id) AND (n.browser_id IS NULL OR b.site_id = n.site_id)
        AND (n.offer_id IS NULL OR o.site_id = n.site_id)""",
    ),
    RowRule(
        "accounts_item",
        "a part is of the site of its publication, which is neither a part nor a collection",
        ("id", "site_id", "part_of_id", "meta_type"),
        "LEFT JOIN accounts_item p ON p.id = n.part_of_id",
        """(n.part_of_id IS NULL OR (p.site_id = n.site_id AND p.part_of_id IS NULL AND p.meta_type <> 'SubjectCollection'))
        AND ((n.part_of_id IS NULL AND n.meta_type <> 'SubjectCollection')
            OR NOT EXISTS (SELECT 1 FROM accounts_item c WHERE c.part_of_id = n.id))
        AND (n.part_of_id IS NULL OR n.meta_type <> 'SubjectCollection')""",
    ),
    RowRule(
        "accounts_itemproperty",
        "a property is of the site of its item",
        ("site_id", "item_id"),
        "LEFT JOIN accounts_item i ON i.id = n.item_id",
        "i.site_id = n.site_id",
    ),
    RowRule(
        "accounts_collectionmember",
        "what has members is a collection, and they are of its site",
        ("collection_id", "item_id"),
        "LEFT JOIN accounts_item c ON c.id = n.collection_id LEFT JOIN accounts_item i ON i.id = n.item_id",
        "c.meta_type = 'SubjectCollection' AND i.site_id = c.site_id",
    ),
    RowRule(
        "accounts_itemvisibility",
        "an item is visible to account sets of its own site",
        ("item_id", "account_set_id"),
        "LEFT JOIN accounts_item i ON i.id = n.item_id LEFT JOIN accounts_accountset s ON s.id = n.account_set_id",
        "i.site_id = s.site_id",
    ),
    RowRule(
        "accounts_offer",
        "an offer sells an item of its own site",
        ("site_id", "item_id"),
        "LEFT JOIN accounts_item i ON i.id = n.item_id",
        "i.site_id = n.site_id",
    ),
    RowRule(
        "accounts_offerprice",
        "a price is for account sets of the site of its offer",
        ("offer_id", "account_set_id"),
        "LEFT JOIN accounts_offer o ON o.id = n.offer_id LEFT JOIN accounts_accountset s ON s.id = n.account_set_id",
        "n.account_set_id IS NULL OR s.site_id = o.site_id",
    ),
    RowRule(
        "accounts_accountsetrule",
        "an account set asks for tags of its own site",
        ("account_set_id", "tag_id"),
        "LEFT JOIN accounts_accountset s ON s.id = n.account_set_id LEFT JOIN accounts_tag t ON t.id = n.tag_id",
        "s.site_id = t.site_id",
    ),
    RowRule(
        "accounts_venue",
        "a venue is known to systems of a type of its own site",
        ("site_id", "system_type_id"),
        "LEFT JOIN accounts_systemtype t ON t.id = n.system_type_id",
        "n.system_type_id IS NULL OR t.site_id = n.site_id",
    ),
)
