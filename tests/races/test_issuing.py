"""Orders worked by several workers at once, by workers that are killed, and against redemptions and cancellations."""

import os
import signal
import time
from contextlib import contextmanager

import pytest
from django.db import connection

from codes import issuing, lookup, ordering
from codes.models import Batch, Code, IssueOrder
from deploy.local.processes import wait_until
from ledger.balances import batch_value
from tests.factories import make_batch
from tests.races.arena import CROWD
from tests.races.crowd import words
from tests.races.lives import lives

pytestmark = pytest.mark.races

MANY = 100_000
CHUNK = issuing.FIRST_STRIDE  # The first of every worker.
KILLS = 20
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


@contextmanager
def slow_claims():
    """Between reading an order and writing it there is time for all who want to claim it, even on a busy machine."""
    pause = """CREATE OR REPLACE FUNCTION pause_longer() RETURNS trigger LANGUAGE plpgsql AS
               $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$"""
    with connection.cursor() as cursor:
        cursor.execute(pause.format(0.15))
        cursor.execute(
            """CREATE OR REPLACE TRIGGER pause_longer BEFORE UPDATE ON codes_issueorder
               FOR EACH STATEMENT EXECUTE FUNCTION pause_longer()"""
        )
        yield
        cursor.execute(pause.format(0))  # To drop the trigger would have to wait for whoever is still at work.


def test_an_order_is_worked_by_several_processes_while_its_batch_is_redeemed_and_makes_exactly_its_codes(
    unguarded, guarded
):
    wanted = 2 * CHUNK

    def race(arena):
        batch, texts = issued_batch(arena, total_cap=MANY)
        order = more(batch, wanted)
        workers[arena].start_together(8, "issue", order.pk)
        asks = [arena.redeem(text, claimant) for text, claimant in zip(texts, arena.claimants, strict=True)]
        answers = arena.all_at_once(asks)
        assert wait_until(lambda: has_ended(order), seconds=30)
        time.sleep(0.3)
        [value] = batch_value(batch.pk)
        return batch.codes.count(), value, answers

    workers = {}
    with unguarded, lives(unguarded.platform.environment) as workers[unguarded], slow_claims():
        made, value, _ = race(unguarded)
        assert made > CROWD + wanted or value.issued > (CROWD + wanted) * WORTH

    with guarded, lives(guarded.platform.environment) as workers[guarded], slow_claims():
        made, value, answers = race(guarded)
        assert words(answers) == {"redeemed": CROWD}
        assert made == CROWD + wanted
        assert value.issued == (CROWD + wanted) * WORTH


def test_an_order_is_cancelled_while_it_is_worked_and_leaves_no_code(unguarded, guarded):
    def race(arena):
        batch, _ = issued_batch(arena, 1)
        order = more(batch, 20 * CHUNK)
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


def settle():
    """Wait until nobody is in the middle of anything any more: what those who were killed had begun has ended with them."""
    with connection.cursor() as cursor:

        def is_quiet():
            cursor.execute(
                """SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'"""
            )
            return cursor.fetchone()[0] == 0

        assert wait_until(is_quiet, seconds=10, pause_seconds=0.005)


def patience(order):
    """How many seconds a worker lives at most: more where those before it died before they had done anything.

    Eight such deaths in a row would have the order given up.
    """
    return 0.25 * (1 + reread(order).attempts)


def test_killed_at_twenty_random_moments_an_order_makes_exactly_its_codes_and_books_them_once(vast):
    """A real process each time, killed anywhere: before the claim, between chunks, in the middle of a COPY, at the commit."""
    with vast, lives(vast.platform.environment) as workers:
        batch, _ = issued_batch(vast, 1)
        orders = [more(batch, MANY)]
        worker = workers.start("issue", orders[0].pk)
        assert wait_until(lambda: reread(orders[0]).issued >= CHUNK, seconds=30, pause_seconds=0.005)
        os.kill(worker, signal.SIGKILL)
        settle()
        # Codes of an order that is not done are as unknown as any.
        waiting = lookup.shown(orders[0].codes.latest("serial"))
        assert words(vast.all_at_once([vast.redeem(waiting, vast.claimant())])) == {"code_not_found": 1}

        kills = 1
        while kills < KILLS:
            if has_ended(orders[-1]):
                orders.append(more(batch, MANY))  # A quick machine: the next kills strike the next order.
            kills += workers.start_and_kill("issue", orders[-1].pk, within_seconds=patience(orders[-1]))
            settle()
            order = reread(orders[-1])
            assert order.codes.count() == order.issued
            assert batch_value(batch.pk)[0].issued == (1 + sum(MANY for each in orders if has_ended(each))) * WORTH

        workers.start("issue", orders[-1].pk)
        assert wait_until(lambda: has_ended(orders[-1]), seconds=60)
        assert [reread(order).state for order in orders] == [IssueOrder.State.DONE] * len(orders)
        assert words(vast.all_at_once([vast.redeem(waiting, vast.claimant())])) == {"redeemed": 1}
        made = MANY * len(orders) + 1
        assert batch.codes.count() == made
        assert batch.codes.values("serial").distinct().count() == made
        assert batch.codes.values("lookup_odd", "lookup_even").distinct().count() == made
        assert batch_value(batch.pk)[0].issued == made * WORTH


def test_killed_at_random_moments_a_cancelled_order_leaves_no_code(vast):
    with vast, lives(vast.platform.environment) as workers:
        batch, _ = issued_batch(vast, 1)
        order = more(batch, 4 * MANY)
        worker = workers.start("issue", order.pk)
        assert wait_until(lambda: reread(order).issued >= 3 * CHUNK, seconds=30, pause_seconds=0.005)
        assert issuing.cancel_order(order, actor_id="staff")
        assert wait_until(lambda: not is_alive(worker), seconds=10)  # It was overtaken, and is none to be killed.
        begun, kills = reread(order).issued, 0
        while kills < 6 and not has_ended(order):
            kills += workers.start_and_kill("issue", order.pk, within_seconds=patience(order))
            settle()
            assert order.codes.count() == reread(order).issued <= begun

        assert kills
        workers.start("issue", order.pk)
        assert wait_until(lambda: has_ended(order), seconds=60)
        assert (order.state, order.issued, order.codes.count()) == (IssueOrder.State.CANCELLED, 0, 0)
        assert batch.codes.count() == 1
        assert batch_value(batch.pk)[0].issued == WORTH


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True
