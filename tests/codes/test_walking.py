"""Walking codes by their orders: every code once and in order, both ways, whatever the orders' sizes and the filter."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import issuing, walking
from codes.models import Code, IssueOrder
from codes.walking import NEWEST_FIRST, walk
from tests.factories import make_batch, make_site
from tests.scenes import scene

pytestmark = pytest.mark.django_db


def make_orders():
    """Orders of many sizes in three batches, one under way with codes of its own."""
    site = make_site()
    batches = [make_batch(site, count=count) for count in (7, 1, 12)]
    for batch, count in ((0, 5), (2, 1), (1, 3)):
        issuing.work_order(issuing.order_more(batches[batch], count, caller_key="x", actor_id="x").pk)
    waiting = issuing.order_more(batches[0], 30, caller_key="x", actor_id="x")
    issuing.insert_codes(IssueOrder.objects.get(pk=waiting.pk), 10)
    make_batch(count=4)
    return site


orders_scene = scene("orders", make_orders)


@pytest.fixture
def site(orders_scene, db):
    """Orders of many sizes in three batches, one under way with codes of its own."""
    return orders_scene()


def known(site):
    return Code.objects.filter(site=site, order__state="done")


def pages(site, codes, size, backwards=False, **options):
    """Every page of a walk from one end."""
    found, place = [], options.pop("place", None)
    while True:
        page = walk(codes, IssueOrder.objects.filter(site=site), size, place=place, backwards=backwards, **options)
        found.append(page.rows)
        if not page.more:
            return found
        edge = page.rows[0 if backwards else -1] if page.rows else None
        place = page.stopped or (edge.order_id, edge.serial)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 29, 100])
@pytest.mark.parametrize("most", [1, 2, 100])
def test_every_known_code_comes_once_newest_first(site, monkeypatch, size, most):
    monkeypatch.setattr(walking, "MOST_RANGES", most)

    found = pages(site, known(site), size)

    assert [code.pk for page in found for code in page] == list(
        known(site).order_by(*NEWEST_FIRST).values_list("pk", flat=True)
    )
    assert len(found[0]) <= size


@pytest.mark.parametrize("size", [1, 3, 7])
def test_and_the_other_way_from_the_oldest(site, size):
    found = pages(site, known(site), size, backwards=True, place=(0, 0))

    oldest_first = [code.pk for page in found for code in reversed(page)]
    assert oldest_first == list(known(site).order_by("order_id", "serial").values_list("pk", flat=True))


@pytest.mark.parametrize("looked_through", [1, 4, 10, 100])
def test_a_rare_state_is_found_stretch_by_stretch(site, monkeypatch, looked_through):
    monkeypatch.setattr(walking, "LOOKED_THROUGH", looked_through)
    rare = list(known(site).order_by("id").values_list("pk", flat=True))[3::13]
    Code.objects.filter(pk__in=rare).update(state="disabled")

    found = pages(site, known(site).filter(state="disabled"), 2, filtered=True)

    assert sorted(code.pk for page in found for code in page) == rare
    assert len(found) >= 29 / looked_through


def test_a_page_costs_two_statements_however_many_orders(site, django_assert_num_queries):
    for size in (1, 20):
        with django_assert_num_queries(2):
            walk(known(site), IssueOrder.objects.filter(site=site), size)


def test_nothing_to_walk_is_an_empty_page(site):
    with CaptureQueriesContext(connection) as queries:
        page = walk(known(site), IssueOrder.objects.none(), 5)

    assert (page.rows, page.more, len(queries)) == ([], False, 0)
