"""Issuing makes exactly the codes that were ordered, in chunks, and books their value once."""

import pytest

from codes import issuing, jobs, lookup
from codes.jobs import LEASE
from codes.models import Batch, Code, IssueOrder
from ledger.balances import batch_value
from ledger.models import LedgerTransaction
from tests.codes.redeeming import reason_of, redeem, spread
from tests.factories import make_asset, make_batch, make_claimant, make_site, new_batch

pytestmark = pytest.mark.django_db

State = IssueOrder.State


@pytest.fixture(autouse=True)
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(issuing, "CHUNK", 4)


def order_of(site=None, **fields):
    return issuing.order_batch(new_batch(site or make_site(), **{"count": 10, "worth_cents": 500, **fields}))[0]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 10, 13])
def test_there_are_exactly_as_many_codes_as_were_ordered(count):
    order = issuing.work_order(order_of(count=count).pk)

    assert (order.state, order.issued, order.lease_until) == (State.DONE, count, None)
    codes = list(Code.objects.order_by("serial"))
    assert [code.serial for code in codes] == list(range(1, count + 1))
    assert len({lookup.shown(code) for code in codes}) == count
    assert Batch.objects.get().state == Batch.State.ACTIVE


def test_each_code_has_what_its_terms_say():
    order = issuing.work_order(order_of(count=2, uses=7).pk)

    for code in Code.objects.all():
        assert (code.max_uses, code.uses, code.redemptions, code.state) == (7, 0, 0, Code.State.ACTIVE)
        assert (code.terms_id, code.order_id, code.owner_id) == (order.terms_id, order.pk, None)


@pytest.mark.parametrize(
    ("fields", "issued"),
    [
        ({"count": 10, "worth_cents": 500}, 5_000),
        ({"count": 5, "worth_cents": 250, "uses": 3}, 3_750),
        ({"count": 2, "worth_cents": 10**12, "uses": 500}, 10**15),
    ],
)
def test_the_value_of_all_uses_is_booked_once_when_the_last_code_is_there(fields, issued):
    order = order_of(**fields)

    seen = []
    issuing.work_order(order.pk, lambda order: seen.append(LedgerTransaction.objects.count()))

    assert seen == [0] * (len(seen) - 1) + [1]
    assert spread(order.batch_id) == (issued, issued, 0, 0, 0)
    assert LedgerTransaction.objects.get().type == "activation"


def test_more_codes_book_their_own_value():
    batch = make_batch(count=2, worth_cents=500)

    issuing.work_order(issuing.order_more(batch, 3, caller_key="client:1", actor_id="boss").pk)

    assert spread(batch) == (2_500, 2_500, 0, 0, 0)


def test_points_are_booked_in_points():
    make_asset("PTS")
    batch = make_batch(count=2, worth_cents=0, action="credit", asset_code="PTS", value=30, uses=2)

    assert spread(batch) == (120, 120, 0, 0, 0)


def test_codes_without_value_book_nothing():
    batch = make_batch(count=2, worth_cents=0)

    assert batch_value(batch.pk) == []
    assert not LedgerTransaction.objects.exists()


def test_the_codes_are_unknown_until_the_order_is_done():
    claimant = make_claimant()
    order = order_of(claimant.site, count=9)

    def look(order):
        text = lookup.shown(Code.objects.order_by("serial").first())
        if order.state == State.RUNNING:
            assert lookup.find_code(claimant.site_id, text) is None
            assert reason_of(redeem(claimant, text)) == "code_not_found"
        else:
            assert lookup.find_code(claimant.site_id, text) is not None
            assert reason_of(redeem(claimant, text)) == "redeemed"

    issuing.work_order(order.pk, look)

    assert Code.objects.filter(uses=1).count() == 1


def test_codes_that_join_a_living_batch_are_unknown_until_they_are_all_there():
    batch = make_batch(count=1)
    order = issuing.order_more(batch, 9, caller_key="client:1", actor_id="boss")

    def look(order):
        new = Code.objects.filter(order=order).first()
        known = lookup.find_code(batch.site_id, lookup.shown(new)) is not None
        assert known == (order.state == State.DONE)
        assert lookup.find_code(batch.site_id, lookup.shown(batch.codes.get(serial=1))) is not None

    issuing.work_order(order.pk, look)


def test_an_order_that_is_done_is_not_worked_again():
    order = issuing.work_order(order_of().pk)

    again = issuing.work_order(order.pk)

    assert again.state == State.DONE
    assert Code.objects.count() == 10
    assert spread(order.batch_id)[0] == 5_000


def test_a_second_worker_leaves_an_order_to_the_first_and_takes_it_over_when_the_lease_ends(stopped_clock):
    order = order_of()
    first = jobs.claim(IssueOrder, order.pk)
    issuing.issue_chunk(first)

    assert issuing.work_order(order.pk).state == State.QUEUED  # As it stands for whoever did not get it.
    assert Code.objects.count() == 4
    assert jobs.due(IssueOrder) == []

    stopped_clock.advance(seconds=LEASE.total_seconds())
    assert jobs.due(IssueOrder) == [order.pk]
    done = issuing.work_order(order.pk)

    assert (done.state, Code.objects.count()) == (State.DONE, 10)
    # The first one comes back to life: its token is no longer the last.
    with pytest.raises(jobs.Overtaken):
        issuing.issue_chunk(first)
    assert Code.objects.count() == 10
    assert spread(order.batch_id)[0] == 5_000


def test_a_worker_that_was_overtaken_writes_nothing(stopped_clock):
    order = order_of()
    first = jobs.claim(IssueOrder, order.pk)
    stopped_clock.advance(seconds=LEASE.total_seconds())
    second = jobs.claim(IssueOrder, order.pk)

    with pytest.raises(jobs.Overtaken):
        issuing.issue_chunk(first)
    assert Code.objects.count() == 0

    issuing.issue_chunk(second)
    assert Code.objects.count() == 4


def test_a_slice_of_time_ends_in_between_and_the_next_one_goes_on():
    order = order_of(count=20)

    worked = issuing.work_order(order.pk, seconds=-1)
    assert (worked.state, worked.issued) == (State.RUNNING, 0)
    order.refresh_from_db()
    assert (order.lease_until, order.attempts) == (None, 0)

    assert jobs.due(IssueOrder) == [order.pk]
    assert issuing.work_order(order.pk, seconds=60).state == State.DONE


def test_due_orders_come_oldest_first_and_only_free_ones(stopped_clock):
    site = make_site()
    orders = []
    for name in ("one", "two", "three"):
        orders.append(order_of(site, name=name))
        stopped_clock.advance(seconds=1)
    jobs.claim(IssueOrder, orders[0].pk)
    IssueOrder.objects.filter(pk=orders[1].pk).update(state=State.FAILED)

    assert jobs.due(IssueOrder) == [orders[2].pk]
    assert jobs.due(IssueOrder, limit=0) == []


def test_a_code_that_happens_to_exist_already_is_drawn_again(monkeypatch):
    from codes import formats

    site = make_site()
    taken = ["AAAA-AAAA-AAAA-AAA1", "BBBB-BBBB-BBBB-BBB2"]
    issuing.issue_supplied(new_batch(site, name="taken"), taken)
    drawn = [[*taken, "CCCC-3", "cccc3"], ["DDDD-4", "AAAAAAAAAAAAAAAL", "EEEE-5"], ["FFFF-6"]]
    monkeypatch.setitem(
        formats.FORMATS, "ours", formats.Format("ours", "", lambda count, pattern: drawn.pop(0)[:count], 75)
    )

    order = issuing.work_order(order_of(site, count=4).pk)

    assert order.state == State.DONE
    codes = Code.objects.filter(order=order).order_by("serial")
    # Of two that are the same code either may have been first.
    assert sorted(lookup.canonical(lookup.shown(code)) for code in codes) == ["CCCC3", "DDDD4", "EEEE5", "FFFF6"]
    assert [code.serial for code in codes] == [1, 2, 3, 4]
