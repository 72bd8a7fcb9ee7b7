"""The checks of articles, orders and items, each seen to fail where the database's own guards were off."""

from contextlib import suppress

import pytest
from django.db import IntegrityError, connection, transaction

from codes.invariants import INVARIANTS
from codes.shop_rules import INVARIANTS as OURS
from tests.breaking import run, unguarded, violated
from tests.codes.shop import make_article, move, place
from tests.factories import make_claimant, make_site

pytestmark = pytest.mark.django_db

ELSEWHERE = "(SELECT MAX(id) FROM accounts_site)"
OF_ITEM = "WHERE id = (SELECT MIN(id) FROM codes_shoporderitem)"
EXAMPLES = (
    (f"UPDATE codes_batch SET site_id = {ELSEWHERE}", "an article and the batch"),
    (
        f"UPDATE codes_articlecharacteristic SET site_id = {ELSEWHERE}, number = number + 100 * id",
        "characteristics of its own",
    ),
    (f"UPDATE accounts_user SET site_id = {ELSEWHERE}", "an order and its buyer"),
    (f"UPDATE codes_itemstatus SET site_id = {ELSEWHERE}, number = number + 100 * id", "an item, its order, article"),
    (f"UPDATE codes_shoporderitem SET unit_price = unit_price + 1 {OF_ITEM}", "worth what was ordered"),
    (f"UPDATE codes_shoporderitem SET quantity = quantity + 1 {OF_ITEM}", "as many and worth"),
    ("UPDATE codes_code SET serial = serial + 1000", "exactly as many as were ordered"),
    (
        "UPDATE codes_shoporderitem SET issue_order_id = (SELECT MIN(issue_order_id) FROM codes_shoporderitem)",
        "no other item has the same",
    ),
    ("DELETE FROM codes_shoporderitem WHERE issue_order_id IS NULL", "an order has items"),
    ("UPDATE codes_shoporderitem SET position = position + 50", "numbered without a gap"),
)


@pytest.fixture
def world():
    """A site with an order of two items, one of which has its codes, and an order that has none; and another site."""
    site = make_site()
    voucher = make_article(site)
    both = place(site, (voucher, 2), (voucher, 2), buyer=make_claimant(site))
    move(both.items.get(position=1), 4)
    place(site, (make_article(site, voucher=False), 1))
    make_site()
    assert violated(INVARIANTS) == {}


def test_what_was_changed_past_the_deeds_is_named(world):
    unnoticed = []
    with unguarded():
        for statement, name in EXAMPLES:
            # SQLite cannot take a uniqueness off that is in the table's own definition: there nothing gets past it.
            cannot = "SET issue_order_id" in statement and connection.vendor == "sqlite"
            with suppress(*[IntegrityError] * cannot), transaction.atomic():
                assert run(statement) > 0, statement
                found = violated(INVARIANTS)
                transaction.set_rollback(True)
                if not any(name in each for each in found):
                    unnoticed.append((statement, name, list(found)))

    assert unnoticed == []


def test_every_check_about_orders_has_been_seen_to_fail():
    assert [each.name for each in OURS if not any(part in each.name for _, part in EXAMPLES)] == []
