"""The expiry sweep: books away the value of expired codes once, in chunks, and decides nothing."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import expiring, issuing, jobs, switching
from codes.models import Code, IssueOrder
from ledger.models import LedgerTransaction
from tests.codes.redeeming import assert_sound, cash, reason_of, redeem, spread
from tests.factories import make_batch, make_claimant, make_code, make_site, new_batch

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def site():
    return make_site()


def expired_batch(site, clock, count=3, **fields):
    """A batch whose codes have just expired."""
    batch = make_batch(site, count=count, valid_until=clock.now.date(), **fields)
    clock.now = Code.objects.filter(batch=batch).first().valid_until
    return batch


def test_the_value_that_is_left_goes_to_the_expired_account(site, stopped_clock):
    claimant = make_claimant(site)
    code = make_code(site, uses=3, valid_until=stopped_clock.now.date())
    redeem(claimant)
    stopped_clock.advance(days=1)

    assert expiring.sweep_expired() == 1

    assert spread(code.batch) == (1_500, 0, 500, 1_000, 0)
    assert Code.objects.get().value_expired_at == stopped_clock.now
    assert cash(claimant) == 500
    assert_sound()


def test_an_instant_before_the_end_nothing_is_due(site, stopped_clock):
    batch = expired_batch(site, stopped_clock)
    stopped_clock.advance(microseconds=-1)
    assert expiring.sweep_expired() == 0

    stopped_clock.advance(microseconds=1)
    assert expiring.sweep_expired() == 3
    assert spread(batch)[3] == 1_500


def test_twice_is_as_once(site, stopped_clock):
    batch = expired_batch(site, stopped_clock)

    assert [expiring.sweep_expired() for _ in range(3)] == [3, 0, 0]

    assert spread(batch) == (1_500, 0, 0, 1_500, 0)
    assert LedgerTransaction.objects.filter(type="expiry").count() == 1


def test_it_goes_in_chunks_and_stops_where_it_is_told(site, stopped_clock, monkeypatch):
    monkeypatch.setattr(expiring, "CHUNK", 2)
    batch = expired_batch(site, stopped_clock, count=7)

    assert expiring.sweep_expired(chunks=0) == 0
    assert expiring.sweep_expired(chunks=2) == 4
    assert spread(batch) == (3_500, 1_500, 0, 2_000, 0)
    assert_sound()
    assert expiring.sweep_expired() == 3
    assert spread(batch)[3] == 3_500
    assert_sound()


def test_broken_off_in_a_chunk_that_chunk_is_as_before(site, stopped_clock, monkeypatch):
    monkeypatch.setattr(expiring, "CHUNK", 2)
    batch = expired_batch(site, stopped_clock, count=4)
    expiring.sweep_chunk()
    with monkeypatch.context() as patched:
        patched.setattr(expiring, "book", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            expiring.sweep_expired()

    assert Code.objects.filter(value_expired_at=None).count() == 2
    assert expiring.sweep_expired() == 2
    assert spread(batch) == (2_000, 0, 0, 2_000, 0)


def test_batches_sites_and_assets_are_booked_apart(site, stopped_clock):
    one = make_batch(site, count=2, worth_cents=100, valid_until=stopped_clock.now.date())
    two = make_batch(site, count=2, worth_cents=300, valid_until=stopped_clock.now.date())
    three = expired_batch(make_site(), stopped_clock, count=1, worth_cents=700)

    assert expiring.sweep_expired() == 5

    assert [spread(batch)[3] for batch in (one, two, three)] == [200, 600, 700]
    assert_sound()


def test_disabled_codes_expire_too_and_deleted_ones_have_nothing_left(site, stopped_clock):
    batch = expired_batch(site, stopped_clock)
    stopped_clock.advance(days=-2)
    first, second, _ = batch.codes.order_by("serial")
    switching.switch_code(first, False, actor_id="boss")
    switching.change_code(second, actor_id="boss", state="deleted")
    stopped_clock.advance(days=2)

    assert expiring.sweep_expired() == 3

    assert spread(batch) == (1_500, 0, 0, 1_000, 500)
    assert_sound()


def test_used_up_codes_have_nothing_left_to_expire(site, stopped_clock):
    code = make_code(site, valid_until=stopped_clock.now.date())
    redeem(make_claimant(site))
    stopped_clock.advance(days=1)

    assert expiring.sweep_expired() == 1
    assert spread(code.batch) == (500, 0, 500, 0, 0)


def test_codes_without_value_and_without_an_end_book_nothing(site, stopped_clock):
    make_code(site, "FREE-1", worth_cents=0, valid_until=stopped_clock.now.date())
    endless = make_code(site, "LONG-1")
    stopped_clock.advance(days=10_000)

    assert expiring.sweep_expired() == 1

    assert not LedgerTransaction.objects.filter(type="expiry").exists()
    assert spread(endless.batch) == (500, 500, 0, 0, 0)


def test_codes_that_are_still_being_issued_wait(site, stopped_clock, monkeypatch):
    monkeypatch.setattr(issuing, "CHUNK", 2)
    order, _ = issuing.order_batch(new_batch(site, count=4, worth_cents=100, valid_until=stopped_clock.now.date()))
    issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
    stopped_clock.advance(days=2)
    assert expiring.sweep_expired() == 0

    issuing.work_order(order.pk)

    assert expiring.sweep_expired() == 4
    assert spread(order.batch_id) == (400, 0, 0, 400, 0)


def test_whether_a_code_is_expired_never_waits_for_the_sweep(site, stopped_clock):
    claimant = make_claimant(site)
    make_code(site, uses=3, valid_until=stopped_clock.now.date())
    stopped_clock.advance(days=1)

    assert reason_of(redeem(claimant)) == "code_expired"
    expiring.sweep_expired()
    assert reason_of(redeem(claimant)) == "code_expired"


def test_a_code_extended_and_expired_again_is_swept_again(site, stopped_clock):
    batch = expired_batch(site, stopped_clock, count=1)
    for _ in range(3):
        assert expiring.sweep_expired() == 1
        assert spread(batch) == (500, 0, 0, 500, 0)
        switching.change_code(Code.objects.get(), actor_id="boss", valid_until=stopped_clock.now + SECOND)
        assert spread(batch) == (500, 500, 0, 0, 0)
        stopped_clock.advance(seconds=1)
    assert_sound()


@pytest.mark.parametrize("unissued", [3, 11])
def test_codes_that_must_wait_are_stepped_over_however_many_they_are(site, stopped_clock, monkeypatch, unissued):
    """They come first in the index, and are met once a run and not once a chunk."""
    monkeypatch.setattr(issuing, "CHUNK", unissued)
    yesterday = stopped_clock.now.date() - dt.timedelta(days=1)
    new = new_batch(site, count=unissued + 1, worth_cents=100, valid_until=yesterday)
    order, _ = issuing.order_batch(new)
    issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
    batch = expired_batch(site, stopped_clock, count=5)
    monkeypatch.setattr(expiring, "CHUNK", 2)

    with CaptureQueriesContext(connection) as asked:
        assert expiring.sweep_expired() == 5

    pages = [each["sql"] for each in asked.captured_queries if "codes_issueorder" in each["sql"]]
    assert len(pages) == 1 + 3 + 1
    assert spread(batch)[3] == 2_500
    IssueOrder.objects.update(lease_until=None)
    issuing.work_order(order.pk)
    assert expiring.sweep_expired() == unissued + 1
    assert_sound()


def test_a_chunk_is_a_fixed_number_of_statements_however_many_codes_and_batches_it_has(site, stopped_clock):
    counted = []
    for batches, codes in ((1, 2), (4, 10)):
        for _ in range(batches):
            make_batch(site, count=codes, valid_until=stopped_clock.now.date())
        stopped_clock.advance(days=1)
        with CaptureQueriesContext(connection) as asked:
            assert expiring.sweep_chunk() == batches * codes
        counted.append(len(asked))

    assert counted[0] == counted[1] <= 14


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
def test_what_is_due_is_found_through_the_index_of_what_is_not_swept(site, stopped_clock):
    make_batch(site, count=200, valid_until=stopped_clock.now.date())
    place = expiring.Place(stopped_clock.now, 1)
    with CaptureQueriesContext(connection) as asked:
        expiring.read_due(place, stopped_clock.now)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {asked.captured_queries[0]['sql']}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "Index Scan using code_to_expire" in plan
    assert "Index Cond: ((valid_until <=" in plan
    assert "ROW(valid_until, order_id) >" in plan
