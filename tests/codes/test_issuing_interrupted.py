"""Issuing that is broken off anywhere goes on where it stopped, can be cancelled, and is given up after eight tries."""

from dataclasses import replace

import pytest

from accounts.models import AuditRecord
from codes import issuing, jobs, lookup, storing
from codes.jobs import LEASE
from codes.models import Batch, Code, IssueOrder
from ledger.models import LedgerTransaction
from tests.codes.redeeming import redeem, spread
from tests.factories import make_batch, make_claimant, make_site, new_batch

pytestmark = pytest.mark.django_db

State = IssueOrder.State


@pytest.fixture(autouse=True)
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(issuing, "CHUNK", 4)


@pytest.fixture
def order():
    return issuing.order_batch(new_batch(make_site(), count=10, worth_cents=500))[0]


def break_after(monkeypatch, codes):
    """From now on storing fails after so many codes: in the middle of a chunk, part of which is stored already."""
    store, stored = storing.store, []

    def fail_in_the_end(order, blocks):
        for block in blocks:
            part = block.codes[: codes - len(stored)]
            store(order, [replace(block, codes=part)])
            stored.extend(part)
            if len(part) < len(block.codes):
                raise MemoryError("in the middle of a chunk")
        return []

    monkeypatch.setattr(storing, "store", fail_in_the_end)


@pytest.mark.parametrize("codes", [0, 1, 4, 6, 9])
def test_broken_off_in_the_middle_of_a_chunk_it_goes_on_with_that_chunk(monkeypatch, stopped_clock, order, codes):
    with monkeypatch.context() as patched:
        break_after(patched, codes)
        with pytest.raises(MemoryError):
            issuing.work_order(order.pk)

    order.refresh_from_db()
    assert (order.state, order.issued) == (State.RUNNING, codes // 4 * 4)
    assert Code.objects.count() == order.issued
    assert not LedgerTransaction.objects.exists()

    stopped_clock.advance(seconds=LEASE.total_seconds())
    assert issuing.work_order(order.pk).state == State.DONE
    assert list(Code.objects.order_by("serial").values_list("serial", flat=True)) == list(range(1, 11))
    assert spread(order.batch_id) == (5_000, 5_000, 0, 0, 0)


def test_broken_off_at_the_last_commit_it_activates_once(monkeypatch, stopped_clock, order):
    with monkeypatch.context() as patched:
        patched.setattr(issuing, "activate", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            issuing.work_order(order.pk)
    assert Code.objects.count() == 8
    assert Batch.objects.get().state == Batch.State.ISSUING

    stopped_clock.advance(seconds=LEASE.total_seconds())
    issuing.work_order(order.pk)

    assert spread(order.batch_id) == (5_000, 5_000, 0, 0, 0)


def test_after_eight_claims_without_progress_it_is_given_up(monkeypatch, stopped_clock, order, caplog):
    with monkeypatch.context() as patched:
        break_after(patched, 0)
        for _ in range(8):
            with pytest.raises(MemoryError):
                issuing.work_order(order.pk)
            stopped_clock.advance(seconds=LEASE.total_seconds())

    assert jobs.due(IssueOrder) == [order.pk]
    given_up = issuing.work_order(order.pk)

    assert given_up.state == State.FAILED
    assert given_up.error
    order.refresh_from_db()
    assert (order.state, order.finished_at) == (State.FAILED, stopped_clock.now)
    assert "job failed" in caplog.messages
    assert jobs.due(IssueOrder) == []
    assert issuing.work_order(order.pk).state == State.FAILED
    assert Batch.objects.get().state == Batch.State.ISSUING


def test_progress_starts_the_count_anew(monkeypatch, stopped_clock, order):
    for _ in range(3):
        for _ in range(4):
            jobs.claim(IssueOrder, order.pk)
            stopped_clock.advance(seconds=LEASE.total_seconds())
        issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
        stopped_clock.advance(seconds=LEASE.total_seconds())

    order.refresh_from_db()
    assert order.state == State.DONE


class TestCancelling:
    def test_a_waiting_order_leaves_no_code_and_its_batch_is_cancelled(self, order):
        assert issuing.cancel_order(order, actor_id="boss")

        assert jobs.due(IssueOrder) == [order.pk]
        assert issuing.work_order(order.pk).state == State.CANCELLED
        assert Batch.objects.get().state == Batch.State.CANCELLED
        assert AuditRecord.objects.filter(
            action="batch.cancel", actor_id="boss", object_id=str(order.batch_id)
        ).exists()

    def test_a_running_order_is_undone_in_chunks_and_books_nothing(self, order):
        worker = jobs.claim(IssueOrder, order.pk)
        for _ in range(2):
            issuing.issue_chunk(worker)
        assert Code.objects.count() == 8

        assert issuing.cancel_order(order, actor_id="boss")
        with pytest.raises(jobs.Overtaken):
            issuing.issue_chunk(worker)
        assert Code.objects.count() == 8
        seen = []
        cancelled = issuing.work_order(order.pk, lambda order: seen.append((order.issued, Code.objects.count())))

        assert seen == [(4, 4), (0, 0)]
        assert (cancelled.state, cancelled.issued) == (State.CANCELLED, 0)
        assert not LedgerTransaction.objects.exists()

    def test_broken_off_it_goes_on(self, monkeypatch, stopped_clock, order):
        worker = jobs.claim(IssueOrder, order.pk)
        for _ in range(2):
            issuing.issue_chunk(worker)
        issuing.cancel_order(order, actor_id="boss")
        issuing.cancel_chunk(jobs.claim(IssueOrder, order.pk))
        assert Code.objects.count() == 4

        stopped_clock.advance(seconds=LEASE.total_seconds())

        assert issuing.work_order(order.pk).state == State.CANCELLED
        assert not Code.objects.exists()

    def test_an_order_that_is_done_is_not_cancelled(self, order):
        issuing.work_order(order.pk)

        assert not issuing.cancel_order(order, actor_id="boss")
        assert issuing.work_order(order.pk).state == State.DONE
        assert Code.objects.count() == 10
        assert not AuditRecord.objects.filter(action="batch.cancel").exists()

    def test_twice_is_as_once(self, order):
        assert issuing.cancel_order(order, actor_id="boss")
        assert not issuing.cancel_order(order, actor_id="boss")
        issuing.work_order(order.pk)
        assert not issuing.cancel_order(order, actor_id="boss")

    def test_a_failed_order_can_be_cleared_away(self, order):
        worker = jobs.claim(IssueOrder, order.pk)
        issuing.issue_chunk(worker)
        IssueOrder.objects.filter(pk=order.pk).update(state=State.FAILED)

        assert issuing.cancel_order(order, actor_id="boss")
        assert issuing.work_order(order.pk).state == State.CANCELLED
        assert not Code.objects.exists()
        assert Batch.objects.get().state == Batch.State.CANCELLED

    def test_more_codes_are_taken_away_again_and_the_batch_goes_on(self):
        batch = make_batch(count=3, worth_cents=500)
        order = issuing.order_more(batch, 6, caller_key="client:1", actor_id="boss")
        issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))

        issuing.cancel_order(order, actor_id="boss")
        issuing.work_order(order.pk)

        batch.refresh_from_db()
        assert batch.state == Batch.State.ACTIVE
        assert batch.codes.count() == 3
        assert spread(batch) == (1_500, 1_500, 0, 0, 0)
        # The serials stay spent: what a log called 5 is never another code.
        more = issuing.work_order(issuing.order_more(batch, 1, caller_key="client:1", actor_id="boss").pk)
        assert Code.objects.get(order=more).serial == 10

    def test_a_claimant_who_typed_one_of_its_codes_does_not_keep_it_alive(self, order):
        claimant = make_claimant(order.site)
        issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
        outcome = redeem(claimant, lookup.shown(Code.objects.first()))
        assert outcome.attempt.reason == "code_not_found"

        issuing.cancel_order(order, actor_id="boss")

        assert issuing.work_order(order.pk).state == State.CANCELLED
        assert not Code.objects.exists()
