"""States of a batch's codes: counted while they are few, estimated honestly beyond, at a fixed number of statements."""

import pytest

from codes import counting, issuing
from codes.counting import count_states, sample
from codes.models import Code
from tests.factories import make_batch

pytestmark = pytest.mark.django_db


def disable(batch, **which):
    Code.objects.filter(batch=batch, **which).update(state="disabled")


def test_few_codes_are_counted():
    batch = make_batch(count=9)
    disable(batch, serial__gt=6)

    found = count_states(batch)

    assert found.counts == {"active": 6, "used_up": 0, "disabled": 3, "deleted": 0}
    assert not found.estimated


@pytest.mark.parametrize("parts", [(200,), (120, 50, 30)])
def test_many_are_estimated_and_add_up(monkeypatch, parts):
    monkeypatch.setattr(counting, "COUNTED", 100)
    monkeypatch.setattr(counting, "SAMPLE", 50)
    batch = make_batch(count=parts[0])
    for more in parts[1:]:
        issuing.work_order(issuing.order_more(batch, more, caller_key="x", actor_id="x").pk)
    disable(batch, serial__gt=150)

    found = count_states(batch)

    assert found.estimated
    assert sum(found.counts.values()) == 200
    assert found.counts["disabled"] == pytest.approx(50, abs=10)
    assert count_states(batch) == found, "The same figures when the page is opened again."


def test_codes_of_an_order_under_way_do_not_count(monkeypatch):
    monkeypatch.setattr(counting, "COUNTED", 5)
    batch = make_batch(count=10)
    issuing.order_more(batch, 7, caller_key="x", actor_id="x")

    assert sum(count_states(batch).counts.values()) == 10


def test_a_sample_is_one_serial_of_each_part_and_none_twice(monkeypatch):
    monkeypatch.setattr(counting, "SAMPLE", 100)

    serials = sample([(1, 300), (1_001, 500), (5_001, 200)], 1_000, seed=1)

    assert len(set(serials)) == 100
    assert sum(serial <= 300 for serial in serials) == 30
    assert sum(1_001 <= serial <= 1_500 for serial in serials) == 50
    assert sum(5_001 <= serial <= 5_200 for serial in serials) == 20


def test_counting_costs_two_statements_however_many_there_are(monkeypatch, django_assert_num_queries):
    batch = make_batch(count=20)
    with django_assert_num_queries(2):
        count_states(batch)
    monkeypatch.setattr(counting, "COUNTED", 5)
    monkeypatch.setattr(counting, "SAMPLE", 4)
    with django_assert_num_queries(2):
        count_states(batch)
