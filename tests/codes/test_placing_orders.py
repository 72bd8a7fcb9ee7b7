"""Placing orders: once for each key, at the prices of the moment, never changed again; and what the database itself refuses."""

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from codes import articles, shop_orders
from codes.articles import ArticleFields
from codes.models import ArticleCharacteristic, ShopOrder, ShopOrderItem
from codes.refusals import IdempotencyMismatch
from codes.shop_orders import NewShopOrder
from tests.codes.shop import make_article, make_item, move, place, status_of
from tests.factories import make_asset, make_batch, make_claimant, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


def refused(sql, *params):
    """Whether the database refuses the statement; it is undone either way."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
            assert cursor.rowcount, "It concerned no row."
            transaction.set_rollback(True)
    except DatabaseError:
        return True
    return False


def new(site, *lines, **fields):
    given = {"caller_key": "client:1", "actor_id": "till", "door": "test", **fields}
    return NewShopOrder(site_id=site.pk, lines=lines, **given)


def test_orders_are_counted_by_each_site_and_begin_where_items_begin(site):
    article, other = make_article(site), make_article(make_site())

    assert [place(site, (article, 1)).number for _ in range(2)] == [1, 2]
    assert place(other.site, (other, 1)).number == 1
    assert {item.status.category for item in ShopOrderItem.objects.all()} == {1}


def test_a_key_places_one_order(site):
    article = make_article(site)
    wanted = new(site, (article.number, 2), idempotency_key="k1")

    first, again = shop_orders.place_order(wanted), shop_orders.place_order(wanted)

    assert [replayed for _, replayed in (first, again)] == [False, True]
    assert first[0] == again[0]
    for different in (
        new(site, (article.number, 3), idempotency_key="k1"),
        new(site, (article.number, 2), idempotency_key="k1", buyer=make_claimant(site)),
    ):
        with pytest.raises(IdempotencyMismatch):
            shop_orders.place_order(different)
    shop_orders.place_order(new(site, (article.number, 2), idempotency_key="k1", caller_key="client:2"))
    assert ShopOrder.objects.count() == 2


def test_one_key_on_two_sites_is_not_answered_with_the_other_sites_order(site):
    article, other = make_article(site), make_article(make_site())
    shop_orders.place_order(new(site, (article.number, 2), idempotency_key="k1"))

    with pytest.raises(IdempotencyMismatch):
        shop_orders.place_order(new(other.site, (other.number, 2), idempotency_key="k1"))


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ((), "items"),
        (((1, 1),) * 101, "items"),
        (((1, 0),), "items.0.quantity"),
        (((1, 10_001),), "items.0.quantity"),
        (((1, 1), (9, 1)), "items.1.article"),
        (((2, 1),), "items.0.article"),
        (((3, 1_001),), "items.0.quantity"),
    ],
)
def test_what_cannot_be_ordered_is_refused_whole(site, lines, field):
    make_article(site, number=1)
    make_article(site, number=2, is_active=False)
    make_article(site, number=3, price=10**12)

    with pytest.raises(ValidationError) as told:
        shop_orders.place_order(new(site, *lines))

    assert list(told.value.message_dict) == [field]
    assert not ShopOrder.objects.exists()


def test_a_buyer_of_another_site_is_not_known(site):
    article = make_article(site)
    with pytest.raises(ValidationError):
        shop_orders.place_order(new(site, (article.number, 1), buyer=make_claimant(make_site())))
    assert not ShopOrder.objects.exists()


def test_a_site_without_a_beginning_status_takes_no_order(site, monkeypatch):
    monkeypatch.setattr("accounts.beginnings.BEGINNINGS", [])
    bare = make_site()
    article = articles.create_article(bare, make_asset(), ArticleFields(name="Mug", price=1), actor_id="system")

    with pytest.raises(ValidationError, match="no status for new orders"):
        place(bare, (article, 1))
    assert not ShopOrder.objects.exists()


def test_an_article_has_its_price_in_money(site):
    with pytest.raises(ValidationError):
        articles.create_article(site, make_asset("PTS"), ArticleFields(name="x", price=1), actor_id="system")


@pytest.mark.parametrize("field", ["order_id", "position", "article_id", "name", "quantity", "asset_id", "unit_price"])
def test_what_was_ordered_never_changes(site, field):
    make_item(site)
    assert refused(f"UPDATE codes_shoporderitem SET {field} = {field}")
    assert refused("DELETE FROM codes_shoporderitem")


@pytest.mark.parametrize("field", [field.column for field in ShopOrder._meta.concrete_fields])
def test_an_order_never_changes(site, field):
    make_item(site)
    assert refused(f"UPDATE codes_shoporder SET {field} = {field}")
    assert refused("DELETE FROM codes_shoporder")


@pytest.mark.parametrize(
    ("table", "field"),
    [
        ("codes_itemstatus", "category"),
        ("codes_itemstatus", "number"),
        ("codes_itemstatus", "site_id"),
        ("codes_articlecharacteristic", "number"),
        ("codes_article", "number"),
        ("codes_article", "asset_id"),
        ("codes_article", "site_id"),
    ],
)
def test_what_programs_know_things_by_stays(site, table, field):
    make_item(site)
    assert refused(f"UPDATE {table} SET {field} = {field}")
    assert refused(f"DELETE FROM {table}")


def test_the_codes_of_an_item_stay_its_own(site):
    item, other = make_item(site), make_item(site)
    move(item, 4)
    move(other, 4)
    [mine, theirs] = [ShopOrderItem.objects.get(pk=each.pk).issue_order_id for each in (item, other)]

    assert refused("UPDATE codes_shoporderitem SET issue_order_id = NULL WHERE id = %s", item.pk)
    assert refused("UPDATE codes_shoporderitem SET issue_order_id = %s WHERE id = %s", theirs, item.pk)
    assert not refused("UPDATE codes_shoporderitem SET issue_order_id = %s WHERE id = %s", mine, item.pk)


def test_codes_of_another_number_worth_or_site_are_none_of_an_items(site):
    """Whoever asks with SQL."""
    item = make_item(site, quantity=3)
    wrong = [
        make_batch(site, 2, worth_cents=2_500),
        make_batch(site, 3, worth_cents=2_400),
        make_batch(make_site(), 3, worth_cents=2_500),
        make_batch(site, 3, worth_cents=2_500, uses=2),
        make_batch(site, 3, worth_cents=0),
    ]
    right = make_batch(site, 3, worth_cents=2_500)
    set_to = "UPDATE codes_shoporderitem SET issue_order_id = %s WHERE id = %s"

    assert all(refused(set_to, batch.orders.get().pk, item.pk) for batch in wrong)
    assert not refused(set_to, right.orders.get().pk, item.pk)


def test_nothing_of_an_order_is_of_another_site(site):
    item, other = make_item(site), make_item(make_site())
    characteristic = ArticleCharacteristic.objects.get(site=other.order.site)
    set_status = "UPDATE codes_shoporderitem SET status_id = %s WHERE id = %s"

    assert refused(set_status, status_of(other.order.site, 2).pk, item.pk)
    assert not refused(set_status, status_of(site, 2).pk, item.pk)
    assert refused("UPDATE codes_article SET batch_id = %s WHERE id = %s", make_batch().pk, item.article_id)
    assert refused(
        "INSERT INTO codes_articleproperty (article_id, characteristic_id, value) VALUES (%s, %s, '1')",
        item.article_id,
        characteristic.pk,
    )
    assert refused(
        "INSERT INTO codes_shoporder (site_id, number, buyer_id, caller, actor_id, created_at) VALUES (%s, 7, %s, 'x', 'x', %s)",
        site.pk,
        make_claimant(make_site()).pk,
        item.order.created_at,
    )


@pytest.mark.parametrize("values", ["0, 100", "10001, 100", "3, -1", "3, 1000000000001", "10000, 1000000000000"])
def test_an_item_out_of_bounds_is_refused_by_the_database(site, values):
    item = make_item(site)
    assert refused(
        "INSERT INTO codes_shoporderitem (order_id, position, article_id, name, asset_id, status_id, moved_at, quantity, "
        f"unit_price) SELECT order_id, 2, article_id, name, asset_id, status_id, moved_at, {values} "
        "FROM codes_shoporderitem WHERE id = %s",
        item.pk,
    )
