"""Items of orders moved by many at one moment, and by a process that is killed: a voucher's codes are made once, or not at all."""

import pytest
from django.db import connection

from codes.models import Batch, Code, IssueOrder, ShopOrder, ShopOrderItem
from codes.shop_orders import move_item
from ledger.balances import batch_value
from tests.codes.shop import make_article, make_item, place, status_of
from tests.factories import make_site
from tests.races.arena import CROWD, violations
from tests.races.crowd import words
from tests.races.lock_watch import watch_locks
from tests.races.test_crash_points import count_points, do_and_die

pytestmark = pytest.mark.races
GENERATES = 4
VALUE = 2_500


def move(arena, item, status=3):
    path = f"/api/v1/shop-orders/{item.order.number}/items/{item.position}/status"
    return arena.ask("POST", path, {"status": status})


def test_64_callers_move_one_item_and_its_codes_are_made_once(unguarded, guarded):
    def race(arena, callers=CROWD):
        before = Code.objects.filter(terms__format="prepaid").count()
        item = make_item(arena.site, 3)
        answers = arena.all_at_once([move(arena, item)] * callers)
        return item, answers, Code.objects.filter(terms__format="prepaid").count() - before

    with unguarded:
        assert (
            race(unguarded, callers=8)[2] > 3
        )  # Each waits for the row that it writes, and pauses there: few are enough.

    with guarded:
        item, answers, made = race(guarded)
        assert made == 3
        assert set(words(answers)) <= {"done", "code_busy"}
        assert sum(answer.body["issued"] for answer in answers if answer.done) == 3
        item.refresh_from_db()
        assert (item.status.category, item.issue_order.wanted) == (GENERATES, 3)
        [value] = batch_value(item.issue_order.batch_id)
        assert (value.issued, value.outstanding) == (3 * VALUE, 3 * VALUE)


def test_items_of_one_article_are_moved_at_once_and_share_one_batch(guarded):
    """Their article's batch is made by whoever comes first; nobody waits in a circle."""
    with guarded:
        article = make_article(guarded.site)
        items = [item for _ in range(8) for item in place(guarded.site, *[(article, 2)] * 4).items.all()]
        asks = [move(guarded, item) for item in items] * 2
        assert set(words(guarded.all_at_once(asks))) <= {"done", "code_busy"}
        assert words(guarded.all_at_once([move(guarded, item) for item in items])) == {"done": len(items)}

        batch = Batch.objects.get(articles=article)
        assert batch.codes.count() == 2 * len(items)
        assert Batch.objects.filter(name__startswith=f"Article {article.number}:").count() == 1
        [value] = batch_value(batch.pk)
        assert value.outstanding == 2 * len(items) * VALUE


def test_one_key_places_one_order_whoever_comes_first(unguarded, guarded):
    def race(arena):
        article = make_article(arena.site)
        before = ShopOrder.objects.count()
        body = {"items": [{"article": article.number, "quantity": 1}]}
        asks = [arena.ask("POST", "/api/v1/shop-orders", body, f"order-{article.number}")] * CROWD
        return arena.all_at_once(asks), ShopOrder.objects.count() - before

    with unguarded:
        assert race(unguarded)[1] > 1

    with guarded:
        answers, placed = race(guarded)
        assert placed == 1
        assert set(words(answers)) <= {"done", "code_busy"}
        assert sum(answer.status == 201 for answer in answers) == 1
        assert len({answer.body["number"] for answer in answers if answer.done}) == 1


def test_orders_of_many_callers_are_counted_without_a_gap(guarded):
    with guarded:
        article = make_article(guarded.site)
        last = max(ShopOrder.objects.values_list("number", flat=True), default=0)
        body = {"items": [{"article": article.number, "quantity": 1}]}
        answers = guarded.all_at_once([guarded.ask("POST", "/api/v1/shop-orders", body)] * CROWD)

        heard = sorted(answer.body["number"] for answer in answers if answer.done)
        assert heard == list(range(last + 1, last + 1 + len(heard)))
        assert set(words(answers)) <= {"done", "code_busy"}


@pytest.mark.skipif(connection.vendor != "postgresql", reason="a killed process needs a server that outlives it")
def test_a_move_is_killed_at_every_statement_and_a_repeat_makes_the_codes_once(committed_db):
    site = make_site()
    article = make_article(site)
    status = status_of(site, GENERATES)

    def item():
        return place(site, (article, 3)).items.get()

    def deed(item):
        return lambda: move_item(item, status, caller_key="system", actor_id="system", door="test")

    points = count_points(deed(item()))
    assert points >= 20

    whole = []
    for point in range(1, points + 1):
        one = item()
        do_and_die(deed(one), point)

        kept = ShopOrderItem.objects.get(pk=one.pk)
        orders = IssueOrder.objects.filter(shop_order_item=one)
        made = Code.objects.filter(order__in=orders).count()
        assert (kept.status_id == status.pk, made) in ((False, 0), (True, 3))
        whole.append(made)

        deed(one)()
        assert Code.objects.filter(order__shop_order_item=one).count() == 3
    assert whole == sorted(whole)
    assert set(whole) == {0, 3}
    batch = Batch.objects.get(articles=article)
    assert batch.codes.count() == 3 * (points + 1)
    assert batch_value(batch.pk)[0].outstanding == 3 * (points + 1) * VALUE
    assert violations() == ""


def test_the_first_codes_of_an_article_are_killed_at_every_statement_and_leave_no_batch(committed_db):
    if connection.vendor != "postgresql":
        pytest.skip("a killed process needs a server that outlives it")
    site = make_site()
    status = status_of(site, GENERATES)

    def deed(item):
        return lambda: move_item(item, status, caller_key="system", actor_id="system", door="test")

    points = count_points(deed(make_item(site, 2)))
    for point in range(1, points + 1):
        item = make_item(site, 2)
        batches = Batch.objects.count()
        do_and_die(deed(item), point)

        done = ShopOrderItem.objects.get(pk=item.pk).issue_order_id is not None
        assert Batch.objects.count() - batches == done
        deed(item)()
        assert Batch.objects.count() - batches == 1
        assert Code.objects.filter(order__shop_order_item=item).count() == 2
    assert violations() == ""


def test_an_item_is_locked_before_its_article_and_that_before_the_batch(committed_db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row locks")
    site = make_site()
    article = make_article(site)
    first, second = place(site, (article, 1), (article, 1)).items.order_by("position")
    status = status_of(site, GENERATES)
    move_item(first, status, caller_key="system", actor_id="system", door="test")

    with watch_locks() as locks:
        move_item(second, status, caller_key="system", actor_id="system", door="test")

    assert locks.mistakes() == []
    assert locks.tables[:3] == ["codes_shoporderitem", "codes_article", "codes_batch"]
