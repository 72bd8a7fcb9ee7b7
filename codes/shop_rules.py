"""What articles, orders and their items must be: kept by triggers (codes/triggers.py) and asked by the checks."""

from accounts.content_rules import RowRule
from accounts.invariants import Invariant
from accounts.triggers import Trigger, append_only

CODES_STAY = "the codes of an item are issued once and stay its own"
ORDERED = ("id", "order_id", "position", "article_id", "name", "quantity", "asset_id", "unit_price")

RULES = (
    RowRule(
        "codes_article",
        "an article and the batch of its codes are of one site",
        ("site_id", "batch_id"),
        "LEFT JOIN codes_batch b ON b.id = n.batch_id",
        "n.batch_id IS NULL OR b.site_id = n.site_id",
    ),
    RowRule(
        "codes_articleproperty",
        "an article has properties in characteristics of its own site",
        ("article_id", "characteristic_id"),
        """LEFT JOIN codes_article a ON a.id = n.article_id
        LEFT JOIN codes_articlecharacteristic c ON c.id = n.characteristic_id""",
        "a.site_id = c.site_id",
    ),
    RowRule(
        "codes_shoporder",
        "an order and its buyer are of one site",
        ("site_id", "buyer_id"),
        "LEFT JOIN accounts_user u ON u.id = n.buyer_id",
        "n.buyer_id IS NULL OR u.site_id = n.site_id",
    ),
    RowRule(
        "codes_shoporderitem",
        "an item, its order, article and status are of one site, and its codes as many and worth what was ordered",
        ("order_id", "article_id", "status_id", "quantity", "asset_id", "unit_price", "issue_order_id"),
        """LEFT JOIN codes_shoporder o ON o.id = n.order_id LEFT JOIN codes_article a ON a.id = n.article_id
        LEFT JOIN codes_itemstatus s ON s.id = n.status_id LEFT JOIN codes_issueorder i ON i.id = n.issue_order_id
        LEFT JOIN codes_terms t ON t.id = i.terms_id""",
        """a.site_id = o.site_id AND s.site_id = o.site_id AND a.asset_id = n.asset_id
        AND (n.issue_order_id IS NULL
             OR (i.site_id = o.site_id AND i.state = 'done' AND i.wanted = n.quantity AND t.asset_id = n.asset_id
                 AND t.value = n.unit_price AND t.uses = 1 AND t.action = 'credit'))""",
    ),
)

STAYS = Trigger(
    "codes_shoporderitem_codes_stay",
    "codes_shoporderitem",
    f"""
    CREATE OR REPLACE FUNCTION codes_shoporderitem_codes_stay() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION '{CODES_STAY}' USING ERRCODE = 'restrict_violation'; END $$;
    CREATE TRIGGER codes_shoporderitem_codes_stay BEFORE UPDATE OF issue_order_id ON codes_shoporderitem FOR EACH ROW
    WHEN (OLD.issue_order_id IS NOT NULL AND NEW.issue_order_id IS DISTINCT FROM OLD.issue_order_id)
    EXECUTE FUNCTION codes_shoporderitem_codes_stay();
    """,
    (
        (
            "codes_shoporderitem_codes_stay",
            f"""CREATE TRIGGER codes_shoporderitem_codes_stay BEFORE UPDATE OF issue_order_id ON codes_shoporderitem
            WHEN OLD.issue_order_id IS NOT NULL AND NEW.issue_order_id IS NOT OLD.issue_order_id
            BEGIN SELECT RAISE(ABORT, '{CODES_STAY}'); END""",
        ),
    ),
)

TRIGGERS = (
    *(rule.trigger() for rule in RULES),
    append_only("codes_shoporder"),
    append_only("codes_shoporderitem", mutable=("status_id", "moved_at", "issue_order_id"), columns=ORDERED),
    append_only("codes_itemstatus", mutable=("name",), columns=("id", "site_id", "number", "category")),
    append_only("codes_articlecharacteristic", mutable=("name",), columns=("id", "site_id", "number")),
    append_only(
        "codes_article",
        mutable=("name", "price", "is_active", "batch_id"),
        columns=("id", "site_id", "number", "asset_id", "created_at"),
    ),
    STAYS,
)

INVARIANTS = (
    *(Invariant("I25", rule.name, rule.violations(rule.table)) for rule in RULES),
    Invariant(
        "I8",
        "an item that has codes has exactly as many as were ordered, and no other item has the same",
        """SELECT n.id, n.quantity, o.moved, COUNT(c.id) AS codes, COUNT(DISTINCT m.id) AS also_of
           FROM codes_shoporderitem n JOIN codes_issueorder o ON o.id = n.issue_order_id
           LEFT JOIN codes_code c ON c.order_id = o.id AND c.batch_id = o.batch_id
                AND c.serial BETWEEN o.first_serial AND o.first_serial + o.wanted - 1
           LEFT JOIN codes_shoporderitem m ON m.issue_order_id = o.id AND m.id <> n.id
           GROUP BY n.id, n.quantity, o.moved
           HAVING COUNT(DISTINCT c.id) <> n.quantity - o.moved OR COUNT(DISTINCT m.id) > 0""",
    ),
    Invariant(
        "I8",
        "an order has items, numbered without a gap",
        """SELECT o.id, COUNT(n.id) AS items, MAX(n.position) AS last
           FROM codes_shoporder o LEFT JOIN codes_shoporderitem n ON n.order_id = o.id
           GROUP BY o.id HAVING COUNT(n.id) = 0 OR MAX(n.position) <> COUNT(n.id)""",
    ),
)
