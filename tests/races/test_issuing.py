"""Orders worked by several workers at once, by workers that are killed, and against redemptions and cancellations."""

import time

import pytest
from django.db import connection
from django.test import override_settings

from codes import issuing, lookup, ordering
from codes.models import Batch, Code, IssueOrder
from deploy.local.processes import wait_until
from ledger.balances import batch_value
from tests.factories import make_batch
from tests.races.arena import CROWD
from tests.races.crowd import words

pytestmark = pytest.mark.races

MANY = 100_000
WORTH = 500
ENDED = (IssueOrder.State.DONE, IssueOrder.State.CANCELLED, IssueOrder.State.FAILED)


def reread(order):
    order.refresh_from_db()
    return order


def has_ended(order):
    return reread(order).state in ENDED


def more(batch, count):
    """A second order into a living batch, on terms of our own format."""
    return ordering.order_more(batch, count, caller_key="system", actor_id="system")


def issued_batch(arena, count=CROWD, **fields):
    """A batch of drawn codes, and how they read."""
    arena.codes_made += 1
    batch = make_batch(arena.site, count, name=f"race {arena.codes_made}", worth_cents=WORTH, **fields)
    return batch, [lookup.shown(code) for code in Code.objects.filter(batch=batch)]


def test_an_order_is_worked_by_several_processes_while_its_batch_is_redeemed_and_makes_exactly_its_codes(
    unguarded, guarded
):
    wanted = 2 * issuing.CHUNK

    def race(arena):
        batch, texts = issued_batch(arena, total_cap=MANY)
        order = more(batch, wanted)
        arena.ring("codes.work_job", "issue", order.pk, times=8)
        asks = [arena.redeem(text, claimant) for text, claimant in zip(texts, arena.claimants, strict=True)]
        answers = arena.all_at_once(asks)
        assert wait_until(lambda: has_ended(order), seconds=30)
        time.sleep(0.3)
        [value] = batch_value(batch.pk)
        return batch.codes.count(), value, answers

    with unguarded:
        made, value, _ = race(unguarded)
        assert made > CROWD + wanted or value.issued > (CROWD + wanted) * WORTH

    with guarded:
        made, value, answers = race(guarded)
        assert words(answers) == {"redeemed": CROWD}
        assert made == CROWD + wanted
        assert value.issued == (CROWD + wanted) * WORTH


def test_an_order_is_cancelled_while_it_is_worked_and_leaves_no_code(unguarded, guarded):
    def race(arena):
        batch, _ = issued_batch(arena, 1)
        order = more(batch, 6 * issuing.CHUNK)
        arena.ring("codes.work_job", "issue", order.pk, times=2)
        assert wait_until(lambda: reread(order).issued > 0, seconds=20, pause_seconds=0.005)
        assert issuing.cancel_order(order, actor_id="staff")
        arena.ring("codes.work_job", "issue", order.pk, times=2)
        wait_until(lambda: has_ended(order), seconds=30)
        return order, batch.codes.count() - 1

    with unguarded:
        order, left = race(unguarded)
        assert order.state != IssueOrder.State.CANCELLED or left

    with guarded:
        order, left = race(guarded)
        assert (order.state, order.issued, left) == (IssueOrder.State.CANCELLED, 0, 0)


def test_orders_into_one_batch_at_once_never_share_a_serial(unguarded, guarded):
    def race(arena):
        batch, _ = issued_batch(arena, 1)
        orders = arena.database.together(*[lambda: more(batch, 10)] * 8)
        for order in orders:
            issuing.work_order(order.pk)
        return batch, sorted(order.first_serial for order in orders)

    with unguarded:
        batch, starts = race(unguarded)
        assert len(set(starts)) < len(starts)

    with guarded:
        batch, starts = race(guarded)
        assert starts == [2 + 10 * number for number in range(8)]
        assert batch.codes.count() == Batch.objects.get(pk=batch.pk).last_serial == 81


def is_making_codes(order):
    """Whether somebody who works this order is just inserting codes."""
    if reread(order).state != IssueOrder.State.RUNNING:
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
               AND query LIKE 'INSERT INTO "codes_code"%'"""
        )
        return cursor.fetchone() is not None


def start_poller(arena, leases_ahead):
    """The due-poller, with a clock on which the leases of those killed before it have run out."""
    seconds = leases_ahead * (issuing.LEASE.total_seconds() + 1)
    with override_settings(CLOCK_OFFSET_SECONDS=seconds):
        return arena.platform.poller()


def test_workers_are_killed_in_every_chunk_and_the_order_makes_exactly_its_codes(guarded):
    """No guard of ours could be taken out here: a chunk is one transaction. So the test sees to it that each kill strikes one."""
    chunks = 4
    with guarded:
        batch, _ = issued_batch(guarded, 1)
        order = more(batch, chunks * issuing.CHUNK)
        for chunk in range(chunks):
            poller = start_poller(guarded, leases_ahead=chunk)
            made = chunk * issuing.CHUNK
            assert wait_until(
                lambda made=made: is_making_codes(order) and order.issued == made, seconds=30, pause_seconds=0.002
            ), poller.last_words()
            poller.kill()
            assert wait_until(lambda: not is_making_codes(order), seconds=5, pause_seconds=0.002)
            assert (reread(order).state, order.issued) == (IssueOrder.State.RUNNING, made)
            assert batch.codes.count() == 1 + order.issued

        # Codes of an order that is not done are as unknown as any.
        waiting = lookup.shown(batch.codes.latest("serial"))
        assert words(guarded.all_at_once([guarded.redeem(waiting, guarded.claimant())])) == {"code_not_found": 1}

        poller = start_poller(guarded, leases_ahead=chunks)
        assert wait_until(lambda: has_ended(order), seconds=30), poller.last_words()
        poller.stop()
        assert order.state == IssueOrder.State.DONE
        assert batch.codes.count() == 1 + chunks * issuing.CHUNK
        assert batch_value(batch.pk)[0].issued == batch.codes.count() * WORTH
        assert words(guarded.all_at_once([guarded.redeem(waiting, guarded.claimant())])) == {"redeemed": 1}
