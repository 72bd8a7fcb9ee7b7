"""Deeds of the background beside themselves: any number of workers at once have the result of one."""

import datetime as dt

from codes import expiring, issuing, resealing
from codes.models import Code, IssueOrder
from tests.codes.redeeming import assert_sound, spread
from tests.codes.rotation import live
from tests.factories import make_batch, make_site, new_batch

State = IssueOrder.State


def test_an_order_worked_by_several_at_once_has_exactly_its_codes(committed_db, monkeypatch):
    monkeypatch.setattr(issuing, "CHUNK", 7)
    order, _ = issuing.order_batch(new_batch(make_site(), count=50, worth_cents=100))

    states = [worked.state for worked in committed_db.together(*[lambda: issuing.work_order(order.pk)] * 4)]

    assert State.DONE in states
    assert set(states) <= {State.DONE, State.QUEUED}
    assert list(Code.objects.order_by("serial").values_list("serial", flat=True)) == list(range(1, 51))
    assert spread(order.batch_id) == (5_000, 5_000, 0, 0, 0)


def test_several_sweeps_at_once_book_each_code_once(committed_db, monkeypatch):
    monkeypatch.setattr(expiring, "CHUNK", 5)
    batch = make_batch(count=40, worth_cents=100, valid_until=dt.date(2020, 1, 1))

    swept = committed_db.together(*[expiring.sweep_expired] * 4)

    # A sweep that finds all its chunk locked leaves off; whatever is left is the next one's.
    assert sum(swept) + expiring.sweep_expired() == 40
    assert spread(batch) == (4_000, 0, 0, 4_000, 0)
    assert_sound()


def test_several_resealing_at_once_reseal_each_code_once(committed_db, monkeypatch, settings):
    monkeypatch.setattr(resealing, "CHUNK", 5)
    live(settings, 1)
    make_batch(count=30)
    live(settings, 1, 2)

    resealed = committed_db.together(*[resealing.reseal] * 3)

    assert sum(resealed) + resealing.reseal() == 30
    assert set(Code.objects.values_list("key_version", flat=True)) == {2}
