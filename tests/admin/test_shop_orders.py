"""Orders on the desk: placed, moved item by item and many at once, their codes shown masked; and what is refused moves nothing."""

import pytest

from accounts.models import AuditRecord
from codes import lookup
from codes.models import Batch, Code, ShopOrder, ShopOrderItem
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.codes.shop import make_article, place, status_of

pytestmark = pytest.mark.django_db
PLACE = "/admin/codes/shoporder/place/"
ORDERED, DONE, GENERATES = 1, 3, 4


@pytest.fixture
def order(world: World) -> ShopOrder:
    """Two items of gift cards and one of something else, all just ordered."""
    card = make_article(world.site, number=1001)
    return place(world.site, (card, 2), (make_article(world.site, voucher=False, name="Mug", price=900), 1), (card, 3))


def move(world: World, order: ShopOrder, category: int, *positions: int, role: str = "operator", **fields: object):
    data = {"items": positions, "status": status_of(world.site, category).pk, "once": "", **fields}
    return world.sign_in(role).post(page_of(order, "move"), data, follow=True)


def made(order: ShopOrder) -> int:
    return Code.objects.filter(order__shop_order_item__order=order).count()


def test_an_order_is_placed_once_however_often_it_is_sent(world: World):
    make_article(world.site, number=1001)
    browser = world.sign_in("operator")
    form = {"site": world.site.pk, "buyer": "anna@nowhere.test", "lines": "3 x 1001\n 1 × 1001 ", "once": ""}
    assert "no claimant anna@nowhere.test" in text_of(browser.post(PLACE, form))

    form |= {"buyer": world.claimant.claimant_id, "once": "0b3b9f0e-1111-4222-8333-944445555666"}
    answers = [browser.post(PLACE, form, follow=True) for _ in range(2)]

    placed = ShopOrder.objects.get(items__article__number=1001, items__position=1)
    assert [f"Order {placed.number} was placed" in text_of(answer) for answer in answers] == [True, True]
    assert [(item.quantity, item.unit_price) for item in placed.items.order_by("position")] == [(3, 2_500), (1, 2_500)]
    assert (placed.buyer, placed.actor_id) == (world.claimant, world.staff["operator"].claimant_id)
    audited = AuditRecord.objects.get(action="shoporder.place", object_id=str(placed.pk))
    assert audited.detail == {"number": placed.number, "items": 2, "door": "desk"}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("", "This field is required"),
        ("three cards", "write it like 3 x 1001"),
        ("3 x 1001\n2 x 7", "Line 2, article 7: This site has no such article"),
        ("3 x 4004", "Line 1, article 4004: This site has no such article"),
        ("0 x 1001", "A whole number from 1 to 10,000"),
        ("10001 x 1001", "A whole number from 1 to 10,000"),
        ("1 x 1002", "cannot be ordered any more"),
        ("1 x 1001\n" * 101, "1 to 100 items"),
    ],
)
def test_what_cannot_be_ordered_is_said_and_nothing_is_placed(world: World, lines: str, said: str):
    make_article(world.site, number=1001)
    make_article(world.site, number=1002, is_active=False)
    make_article(make_world("elsewhere").site, number=4004)
    before = ShopOrder.objects.count()

    answer = world.sign_in("operator").post(PLACE, {"site": world.site.pk, "lines": lines})

    assert said in text_of(answer)
    assert ShopOrder.objects.count() == before


def test_no_order_is_placed_on_a_site_where_one_may_not(world: World):
    stranger = make_world("elsewhere")
    make_article(world.site, number=1001)
    before = ShopOrder.objects.count()

    answer = stranger.sign_in("operator").post(PLACE, {"site": world.site.pk, "lines": "1 x 1001"})

    assert "Select a valid choice" in text_of(answer)
    assert ShopOrder.objects.count() == before


def test_one_item_is_moved_and_its_codes_appear_masked(world: World, order: ShopOrder):
    answer = move(world, order, GENERATES, 1, reason="paid")

    text = text_of(answer)
    assert "1 item is at “Paid, issue codes” now. 2 codes were made." in text
    codes = list(Code.objects.filter(order__shop_order_item__order=order))
    assert len(codes) == 2
    for code in codes:
        assert page_of(code) in text
        assert f"Article 1001: Gift card · {code.serial}" in text
        assert lookup.shown(code) not in text
    assert "••••-••••-••••-••••" in text
    audited = AuditRecord.objects.get(action="shoporder.move_item", object_id=str(order.pk))
    assert audited.detail == {"position": 1, "from": 1, "to": 3, "codes": 2, "reason": "paid", "door": "desk"}
    assert audited.actor_id == world.staff["operator"].claimant_id
    assert AuditRecord.objects.get(action="batch.order", actor_id=audited.actor_id).detail["count"] == 2


def test_many_items_are_moved_at_once_and_again_makes_no_more(world: World, order: ShopOrder):
    assert "3 items are at “Paid, issue codes” now. 5 codes were made." in text_of(
        move(world, order, GENERATES, 1, 2, 3)
    )
    assert "Nothing was to be moved" in text_of(move(world, order, GENERATES, 1, 2, 3))
    move(world, order, DONE, 1, 3)
    again = text_of(move(world, order, GENERATES, 1, 3))
    assert "2 items are at “Paid, issue codes” now." in again
    assert "were made" not in again
    assert made(order) == 5


def test_what_one_item_is_refused_does_not_keep_the_others(world: World, order: ShopOrder):
    move(world, order, GENERATES, 1)
    Batch.objects.filter(articles__number=1001).update(state="disabled")

    answer = text_of(move(world, order, GENERATES, 2, 3))
    assert "1 item is at “Paid, issue codes” now." in answer
    assert "Item 3: The batch is not active" in answer
    alone = text_of(move(world, order, GENERATES, 3))
    assert "Item 3: The batch is not active" in alone
    assert made(order) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"items": []}, "This field is required"),
        ({"items": [9]}, "Select a valid choice"),
        ({"status": 0}, "Select a valid choice"),
        ({"status": ""}, "This field is required"),
    ],
)
def test_what_there_is_not_moves_nothing(world: World, order: ShopOrder, fields: dict[str, object], said: str):
    assert said in text_of(move(world, order, GENERATES, 1, **fields))
    assert set(order.items.values_list("status__category", flat=True)) == {ORDERED}


def test_a_status_of_another_site_is_not_offered(world: World, order: ShopOrder):
    other = status_of(make_world("elsewhere").site, GENERATES)

    assert "Select a valid choice" in text_of(move(world, order, GENERATES, 1, status=other.pk))
    assert made(order) == 0


def test_support_sees_an_order_and_moves_nothing(world: World, order: ShopOrder):
    browser = world.sign_in("support")
    page = text_of(browser.get(page_of(order)))

    assert "None was made" in page
    assert page_of(order, "move") not in page
    assert browser.post(page_of(order, "move"), {"items": [1], "status": 1}).status_code == 403
    assert made(order) == 0


def test_so_many_codes_that_nobody_should_wait_are_refused(world: World):
    card = make_article(world.site, price=1)
    order = place(world.site, *[(card, 10_000)] * 3)

    assert "They would make 30,000 codes." in text_of(move(world, order, GENERATES, 1, 2, 3))
    assert not ShopOrderItem.objects.filter(order=order).exclude(issue_order=None).exists()


def test_the_list_is_found_by_number_buyer_status_article_and_day(world: World, order: ShopOrder):
    browser = world.sign_in("support")
    other = world.rows["codes_shoporder"]
    status, article = status_of(world.site, GENERATES), other.items.get().article
    listed = {
        f"q={order.number}": {order},
        f"q={world.claimant.claimant_id}": {other},
        f"status={status.pk}": {other},
        f"article={article.pk}": {other},
        "status=x": set(),
        "from=2020-01-01&until=2020-01-02": set(),
        "from=2020-01-01": {order, other},
    }
    for query, expected in listed.items():
        text = text_of(browser.get(f"{list_of('codes_shoporder')}?{query}"))
        assert {each for each in (order, other) if page_of(each) in text} == expected, query
    assert browser.get(f"{list_of('codes_shoporder')}?fingerprint__startswith=a").status_code == 400


def test_a_list_costs_as_many_statements_for_many_orders_as_for_one(world: World, django_assert_max_num_queries):
    card = make_article(world.site)
    for _ in range(5):
        place(world.site, (card, 1), (card, 2))
    browser = world.sign_in("support")
    browser.get(list_of("codes_shoporder"))
    with django_assert_max_num_queries(14):
        browser.get(list_of("codes_shoporder"))


def test_codes_of_an_item_are_listed_alone(world: World, order: ShopOrder):
    move(world, order, GENERATES, 1, 3)
    item = order.items.get(position=3)

    text = text_of(world.sign_in("support").get(f"{list_of('codes_code')}?order={item.issue_order_id}"))

    assert [page_of(code) in text for code in item.issue_order.codes.all()] == [True] * 3
    assert not any(page_of(code) in text for code in order.items.get(position=1).issue_order.codes.all())
