"""Articles and orders over HTTP: a shop drives them, its vouchers' codes are issued once, and their characters are never told."""

from typing import Any

import pytest

from accounts.models import AuditRecord
from codes import lookup
from codes.models import Article, Batch, Code, ShopOrder
from ledger.models import LedgerTransaction
from tests.api.conftest import Tenant
from tests.api.doors import Door, signed_in, till
from tests.codes.shop import make_article, make_item
from tests.factories import make_asset, make_client, make_site

ARTICLES, STATUSES, ORDERS = "/api/v1/articles", "/api/v1/item-statuses", "/api/v1/shop-orders"
CARD = {"number": 1001, "name": "Gift card 25 EUR", "asset": "EUR", "price": "25.00", "voucher": True}


@pytest.fixture
def card(tenant: Tenant) -> Article:
    return make_article(tenant.site, number=1001)


def place(door: Door, *items: tuple[int, int], key: str | None = None, **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else None
    body = {"items": [{"article": article, "quantity": quantity} for article, quantity in items], **fields}
    return door.post(ORDERS, body, headers=headers)


def move(door: Door, status: object, number: int = 1, position: int = 1, **fields: Any) -> Any:
    return door.post(f"{ORDERS}/{number}/items/{position}/status", {"status": status, **fields})


def errors(answer: Any) -> dict[str, str]:
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


def codes_of_vouchers() -> int:
    return Code.objects.filter(terms__format="prepaid").count()


def test_a_shop_goes_from_the_article_to_the_codes(program: Door, tenant: Tenant):
    made = program.post(ARTICLES, CARD)
    assert made.status_code == 201
    told = made.json()
    assert told.pop("created_at")
    assert told == {**CARD, "is_active": True, "properties": {}, "batch_id": None}
    assert [(each["number"], each["category"]) for each in program.get(STATUSES).json()["results"]] == [
        (5, 5), (4, 3), (3, 4), (2, 2), (1, 1),
    ]  # fmt: skip

    placed = place(program, (1001, 3), buyer="u-1001", key="k1")
    assert (placed.status_code, placed.headers["Location"]) == (201, "/api/v1/shop-orders/1")
    line = {
        "position": 1, "article": 1001, "name": "Gift card 25 EUR", "quantity": 3, "asset": "EUR", "unit_price": "25.00",
    }  # fmt: skip
    assert (placed.json()["buyer"], placed.json()["items"]) == ("u-1001", [line])

    moved = move(program, 3)
    assert moved.status_code == 200
    body, batch = moved.json(), Batch.objects.get(articles__number=1001)
    assert (body["issued"], body["status"]["number"]) == (3, 3)
    assert body["codes"] == {
        "order_id": batch.orders.get().pk, "batch_id": batch.pk, "count": 3, "first_serial": 1, "last_serial": 3,
        "valid_until": None,
    }  # fmt: skip
    assert [(each["serial"], each["masked"], each["state"]) for each in body["masked_codes"]] == [
        (serial, "****-****-****-****", "active") for serial in (1, 2, 3)
    ]
    whole = program.get(placed.headers["Location"]).json()
    assert whole["items"][0] == {name: body[name] for name in whole["items"][0]}
    assert program.get(ORDERS).json()["results"] == [whole]
    assert program.get(ARTICLES).json()["results"][0]["batch_id"] == batch.pk
    for audited in ("article.create", "shoporder.place", "shoporder.move_item"):
        assert AuditRecord.objects.get(action=audited).actor_id == AuditRecord.objects.latest("id").actor_id


def test_only_an_export_tells_the_characters(program: Door, card: Article):
    place(program, (1001, 2))
    moved = move(program, 3)
    codes = moved.json()["codes"]
    texts = [lookup.shown(code) for code in Code.objects.filter(batch=codes["batch_id"]).order_by("serial")]

    for answer in (moved, program.get(f"{ORDERS}/1"), program.get(f"{ORDERS}/1/items/1"), program.get(ORDERS)):
        assert not any(text in answer.content.decode() for text in texts)
    export = program.get(
        f"/api/v1/batches/{codes['batch_id']}/export?from_serial={codes['first_serial']}"
        f"&to_serial={codes['last_serial']}&reason=fulfilment"
    )
    told = b"".join(export.streaming_content).decode()  # type: ignore[attr-defined]
    assert all(text in told for text in texts)


def test_case_37_over_the_api(program: Door, card: Article):
    """Prepaid engine: three units, three codes; leaves and enters again: still three."""
    activations = LedgerTransaction.objects.filter(type="activation", site=card.site)
    before = activations.count()
    place(program, (1001, 3))

    assert [move(program, status).json()["issued"] for status in (3, 3, 4, 3)] == [3, 0, 0, 0]
    assert codes_of_vouchers() == 3
    assert activations.count() == before + 1


def test_a_key_places_one_order_and_is_answered_as_it_was_placed(program: Door, card: Article):
    first = place(program, (1001, 1), key="k1")
    move(program, 3)
    again = place(program, (1001, 1), key="k1")
    other, unkeyed = place(program, (1001, 2), key="k1"), place(program, (1001, 1))

    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert (again.json(), again.headers["Location"]) == (first.json(), first.headers["Location"])
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert unkeyed.json()["number"] == 2
    assert place(program, (1001, 1), key="not, one").status_code == 400
    assert ShopOrder.objects.count() == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": {}}, "items"),
        ({"items": [{"article": 1001, "quantity": 1}] * 101}, "items"),
        ({"items": [{"article": 1001, "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"article": 1001, "quantity": 10_001}]}, "items.0.quantity"),
        ({"items": [{"article": 1001, "quantity": "3"}]}, "items.0.quantity"),
        ({"items": [{"article": 1001, "quantity": True}]}, "items.0.quantity"),
        ({"items": [{"article": 1001, "quantity": 1.0}]}, "items.0.quantity"),
        ({"items": [{"article": 1001}]}, "items.0.quantity"),
        ({"items": [{"article": 1001, "quantity": 1}, {"article": 7, "quantity": 1}]}, "items.1.article"),
        ({"items": [{"article": 1001, "quantity": 1, "price": "1.00"}]}, "items.0.price"),
        ({"items": [{"article": 1001, "quantity": 1}], "number": 7}, "number"),
        ({"items": [{"article": 1001, "quantity": 1}], "buyer": "nobody"}, "buyer"),
        ({"items": [{"article": 1001, "quantity": 1}], "buyer": ""}, "buyer"),
    ],
)
def test_an_order_that_says_something_impossible_is_400_and_none_is_placed(
    program: Door, card: Article, body: Any, field: str
):
    assert field in errors(program.post(ORDERS, body))
    assert not ShopOrder.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"number": 0}, "number"),
        ({"number": 2**53}, "number"),
        ({"name": "x\u2028y"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"price": "25.001"}, "price"),
        ({"price": "-1"}, "price"),
        ({"price": 10**13}, "price"),
        ({"price": "0"}, "price"),
        ({"asset": "XXX"}, "asset"),
        ({"asset": "PTS"}, "asset"),
        ({"voucher": "yes"}, "voucher"),
        ({"properties": {"25": "1"}}, "properties"),
        ({"properties": {"x": "1"}}, "properties"),
        ({"properties": {"26": "1"}}, "properties"),
        ({"properties": {"26": ""}}, "properties.26"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_article_that_says_something_impossible_is_400(program: Door, tenant: Tenant, wrong: Any, field: str):
    make_asset("PTS")
    assert field in errors(program.post(ARTICLES, {**CARD, **wrong}))
    assert not Article.objects.exists()


def test_a_number_is_taken_once(program: Door, card: Article):
    assert errors(program.post(ARTICLES, CARD)) == {"number": "This site has an article of this number already."}


@pytest.mark.parametrize("status", [0, 7, "3", None, True, 2**31])
def test_a_status_that_there_is_not_moves_nothing(program: Door, card: Article, status: object):
    place(program, (1001, 3))

    assert "status" in errors(move(program, status))
    assert "colour" in errors(move(program, 3, colour="red"))
    assert codes_of_vouchers() == 0


def test_a_batch_that_is_switched_off_issues_nothing_and_says_so(program: Door, card: Article):
    place(program, (1001, 1), (1001, 1))
    move(program, 3)
    Batch.objects.filter(articles=card).update(state="disabled")

    refused = move(program, 3, position=2)

    assert (refused.status_code, refused.json()["code"]) == (409, "batch_not_active")
    assert program.get(f"{ORDERS}/1/items/2").json()["status"]["number"] == 1
    assert codes_of_vouchers() == 1


@pytest.mark.parametrize("path", ["7", "7/items/1", "1/items/2", "1/items/0", f"{2**70}"])
def test_what_there_is_not_is_404(program: Door, card: Article, path: str):
    place(program, (1001, 1))
    answer = program.get(f"{ORDERS}/{path}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_nothing_of_another_site_is_seen_ordered_or_moved(program: Door, card: Article):
    item = make_item(make_site(slug="elsewhere"), number=5005)

    assert program.get(f"{ORDERS}/{item.order.number}").status_code == 404
    assert move(program, 3, item.order.number).status_code == 404
    assert "items.0.article" in errors(place(program, (5005, 1)))
    assert program.get(ORDERS).json()["results"] == []
    assert codes_of_vouchers() == 0


def test_each_deed_needs_its_scope(tenant: Tenant, card: Article, program: Door):
    place(program, (1001, 1))
    needed = {
        "read": [("GET", ARTICLES), ("GET", STATUSES), ("GET", ORDERS), ("GET", f"{ORDERS}/1/items/1")],
        "manage": [("POST", ARTICLES)],
        "issue": [("POST", ORDERS), ("POST", f"{ORDERS}/1/items/1/status")],
    }
    for scope, requests in needed.items():
        others = [each for each in ("redeem", "read", "manage", "issue", "export", "assign") if each != scope]
        door, own = till(make_client(tenant.site, others).key), till(make_client(tenant.site, [scope]).key)
        for method, path in requests:
            assert door.send(method, path, {}).status_code == 403, path
            assert own.send(method, path, {}).status_code in (200, 400), path
    assert signed_in(tenant.claimants["u-1001"]).get(ORDERS).status_code == 403
    assert ShopOrder.objects.count() == 1


def test_a_key_for_some_claimants_orders_for_no_other(tenant: Tenant, card: Article):
    limited = make_client(tenant.site, ["issue"], acts_as=[tenant.claimants["u-1001"]])

    assert place(till(limited.key), (1001, 1), buyer="u-1001").status_code == 201
    refused = place(till(limited.key), (1001, 1), buyer="u-2002")
    assert (refused.status_code, refused.json()["code"]) == (403, "caller_not_allowed")


def test_lists_are_read_page_by_page_and_filtered(program: Door, card: Article):
    for buyer in ("u-1001", "u-2002", None):
        place(program, (1001, 1), buyer=buyer)

    first = program.get(f"{ORDERS}?page_size=2").json()
    rest = program.get(f"{ORDERS}?page_size=2&cursor={first['next_cursor']}").json()
    assert [each["number"] for each in first["results"] + rest["results"]] == [3, 2, 1]
    assert rest["next_cursor"] is None
    assert [each["number"] for each in program.get(f"{ORDERS}?buyer=u-2002").json()["results"]] == [2]
    assert program.get(f"{ORDERS}?until=2020-01-01T00:00:00Z").json()["results"] == []
    assert errors(program.get(f"{ORDERS}?status=1")) == {"status": "There is no such filter."}
    assert program.get(f"{ARTICLES}?name=Gift card").json()["results"][0]["number"] == 1001


def test_a_list_costs_as_many_statements_for_many_orders_as_for_one(
    program: Door, card: Article, django_assert_max_num_queries: Any
):
    for _ in range(3):
        place(program, (1001, 1), (1001, 2))
    program.get(ORDERS)
    with django_assert_max_num_queries(10):
        assert len(program.get(ORDERS).json()["results"]) == 3
