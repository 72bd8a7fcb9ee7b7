"""A batch that runs low gets more codes by itself: once, for as long as it lives, and never in a loop."""

import datetime as dt
import json
from dataclasses import replace

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import digests
from accounts.models import AuditRecord, Site
from codes import issuing, jobs, replenishing, switching
from codes.models import Batch, Code, IssueOrder
from tests.codes.redeeming import spread
from tests.factories import make_batch, make_claimant, make_site, new_batch
from tests.scenes import scene

pytestmark = pytest.mark.django_db

State = IssueOrder.State


def make_replenished():
    return make_batch(count=5, worth_cents=500, replenish_below=3, replenish_by=4)


replenished_scene = scene("replenished", make_replenished)


@pytest.fixture
def batch(replenished_scene, db):
    """Five codes, and four more whenever fewer than three are free."""
    return replenished_scene()


def use(batch, count):
    free = Code.objects.filter(batch=batch, redemptions=0).order_by("serial").values("pk")[:count]
    Code.objects.filter(pk__in=list(free.values_list("pk", flat=True))).update(redemptions=1, uses=1, state="used_up")


def work_all():
    for order_id in jobs.due(IssueOrder):
        issuing.work_order(order_id)


def orders(batch):
    return batch.orders.count()


def test_a_batch_that_is_not_low_is_left_alone(batch):
    use(batch, 2)

    assert replenishing.replenish_due() == 0
    assert orders(batch) == 1


def test_a_low_batch_gets_more_codes_on_its_terms_and_their_value(batch):
    use(batch, 3)

    assert replenishing.replenish_due() == 1
    work_all()

    order = batch.orders.latest("id")
    assert (order.state, order.wanted, order.issued, order.first_serial) == (State.DONE, 4, 4, 6)
    assert order.terms_id == batch.orders.earliest("id").terms_id
    assert spread(batch)[0] == 9 * 500
    assert AuditRecord.objects.filter(action="batch.order", object_id=str(batch.pk), actor_id="system").exists()
    assert replenishing.replenish_due() == 0


def test_it_orders_once_however_often_it_looks_while_the_order_is_open(batch):
    use(batch, 5)

    assert [replenishing.replenish_due() for _ in range(3)] == [1, 0, 0]
    issuing.issue_chunk(jobs.claim(IssueOrder, batch.orders.latest("id").pk))

    assert orders(batch) == 2


def test_one_who_looked_before_another_one_ordered_orders_nothing(batch, monkeypatch):
    use(batch, 5)
    judge = replenishing.is_low

    def somebody_is_faster(seen):
        monkeypatch.setattr(replenishing, "is_low", judge)
        assert replenishing.replenish_due() == 1
        work_all()
        return True

    monkeypatch.setattr(replenishing, "is_low", somebody_is_faster)

    assert replenishing.replenish_due() == 0
    assert orders(batch) == 2


def test_it_goes_on_until_enough_are_free():
    batch = make_batch(count=1, replenish_below=6, replenish_by=2)

    rounds = 0
    while replenishing.replenish_due():
        work_all()
        rounds += 1

    assert rounds == 3
    assert replenishing.count_free(batch, 100) == 7


@pytest.mark.parametrize(
    "change",
    [
        {"state": Code.State.DISABLED},
        {"state": Code.State.DELETED},
        {"redemptions": 1},
        {"valid_until": dt.datetime(2001, 1, 1, tzinfo=dt.UTC)},
        {"owner": "somebody"},
    ],
    ids=str,
)
def test_a_code_counts_as_free_only_if_anybody_could_be_given_it(batch, change):
    if "owner" in change:
        change = {"owner": make_claimant(batch.site)}
    assert replenishing.count_free(batch, 100) == 5
    Code.objects.filter(batch=batch, serial=2).update(**change)

    assert replenishing.count_free(batch, 100) == 4


def test_codes_of_an_order_that_is_not_done_are_not_free(batch):
    order = issuing.order_more(batch, 2, caller_key="client:1", actor_id="boss")
    with_codes = jobs.claim(IssueOrder, order.pk)
    IssueOrder.objects.filter(pk=order.pk).update(state=State.RUNNING)
    issuing.insert_codes(IssueOrder.objects.select_related("terms").get(pk=with_codes.pk), 2)

    assert Code.objects.filter(batch=batch).count() == 7
    assert replenishing.count_free(batch, 100) == 5


@pytest.mark.parametrize("state", [Batch.State.DISABLED, Batch.State.ARCHIVED, Batch.State.CANCELLED])
def test_a_batch_that_is_not_active_is_not_replenished(batch, state):
    use(batch, 5)
    Batch.objects.filter(pk=batch.pk).update(state=state)

    assert replenishing.replenish_due() == 0
    assert replenishing.replenish(batch.pk) is None
    assert orders(batch) == 1


def test_switched_on_again_it_goes_on(batch):
    use(batch, 5)
    switching.switch_batch(batch, False, actor_id="boss")
    assert replenishing.replenish_due() == 0

    switching.switch_batch(batch, True, actor_id="boss")

    assert replenishing.replenish_due() == 1


class TestItStopsAndSaysWhy:
    def why(self, batch):
        batch.refresh_from_db()
        return batch.replenish_error

    def stopped(self, batch, caplog):
        assert [replenishing.replenish_due() for _ in range(2)] == [0, 0]
        assert AuditRecord.objects.filter(action="batch.replenish_stop", object_id=str(batch.pk)).count() == 1
        assert caplog.messages.count("replenishing stopped") == 1
        return self.why(batch)

    def test_when_there_would_be_so_many_that_one_could_be_guessed(self, caplog):
        site = make_site()
        batch = make_batch(site, 1, replenish_below=5, replenish_by=4, format="hex")
        Site.objects.filter(pk=site.pk).update(guesses_per_year=10**15)

        assert "could be guessed" in self.stopped(batch, caplog)
        assert orders(batch) == 1

    def test_when_the_order_would_be_worth_more_than_can_be_booked(self, batch, caplog, monkeypatch):
        use(batch, 5)
        monkeypatch.setattr("codes.terms.LARGEST_TOTAL", 1_999)

        assert "worth more than can be booked" in self.stopped(batch, caplog)

    def test_when_more_codes_would_have_expired_already(self, stopped_clock, caplog):
        batch = make_batch(count=1, replenish_below=1, replenish_by=4, valid_until=stopped_clock.now.date())
        stopped_clock.advance(days=2)

        assert "expired" in self.stopped(batch, caplog)

    def test_when_an_order_has_failed(self, batch, caplog):
        use(batch, 5)
        replenishing.replenish_due()
        batch.orders.filter(state=State.QUEUED).update(state=State.FAILED)

        assert "failed" in self.stopped(batch, caplog)
        assert orders(batch) == 2

    def test_when_an_order_is_cancelled(self, batch, caplog):
        use(batch, 5)
        replenishing.replenish_due()
        issuing.cancel_order(batch.orders.latest("id"), actor_id="boss")
        work_all()

        assert "cancelled" in self.stopped(batch, caplog)
        assert orders(batch) == 2

    def test_set_anew_it_begins_anew(self, batch):
        use(batch, 5)
        replenishing.replenish_due()
        issuing.cancel_order(batch.orders.latest("id"), actor_id="boss")
        work_all()

        replenishing.set_replenishing(batch, 3, 4, actor_id="boss")

        assert replenishing.replenish_due() == 1


class TestSetting:
    def test_it_is_set_changed_and_taken_away_with_an_audit(self):
        batch = make_batch(count=1)

        replenishing.set_replenishing(batch, 10, 20, actor_id="boss", reason="spring")
        batch.refresh_from_db()
        assert (batch.replenish_below, batch.replenish_by) == (10, 20)
        replenishing.set_replenishing(batch, None, None, actor_id="boss")
        batch.refresh_from_db()
        assert (batch.replenish_below, batch.replenish_by) == (None, None)
        details = AuditRecord.objects.filter(action="batch.replenish").order_by("id").values_list("detail", flat=True)
        assert [detail["after"] for detail in details] == [[10, 20], [None, None]]

    @pytest.mark.parametrize(
        ("below", "by", "fields"),
        [
            (None, 5, {"replenish_below"}),
            (5, None, {"replenish_by"}),
            (0, 5, {"replenish_below"}),
            (5, 0, {"replenish_by"}),
            (10_000_001, 10_000_001, {"replenish_below", "replenish_by"}),
            (-1, 5, {"replenish_below"}),
        ],
    )
    def test_what_cannot_be_is_named_and_changes_nothing(self, batch, below, by, fields):
        with pytest.raises(ValidationError) as refused:
            replenishing.set_replenishing(batch, below, by, actor_id="boss")
        assert set(refused.value.message_dict) == fields
        with pytest.raises(ValidationError) as refused:
            make_batch(make_site(), 1, replenish_below=below, replenish_by=by)
        assert set(refused.value.message_dict) == fields

        batch.refresh_from_db()
        assert (batch.replenish_below, batch.replenish_by) == (3, 4)

    def test_more_than_can_be_booked_is_refused_at_once(self):
        with pytest.raises(ValidationError) as refused:
            make_batch(count=1, worth_cents=10**12, replenish_below=1, replenish_by=1_001)
        assert set(refused.value.message_dict) == {"replenish_by"}
        batch = make_batch(count=1, worth_cents=10**12)
        with pytest.raises(ValidationError) as refused:
            replenishing.set_replenishing(batch, 1, 1_001, actor_id="boss")
        assert set(refused.value.message_dict) == {"replenish_by"}

    def test_codes_that_were_given_cannot_be_drawn(self):
        batch = issuing.issue_supplied(new_batch(make_site()), ["SUPPLIED-1"])

        with pytest.raises(ValidationError) as refused:
            replenishing.set_replenishing(batch, 1, 1, actor_id="boss")

        assert set(refused.value.message_dict) == {"replenish_by"}

    def test_a_batch_that_lives_no_more_is_not_set(self, batch):
        Batch.objects.filter(pk=batch.pk).update(state=Batch.State.ARCHIVED)

        with pytest.raises(ValidationError):
            replenishing.set_replenishing(batch, 1, 1, actor_id="boss")


def test_an_order_asked_for_before_there_was_replenishing_keeps_its_fingerprint():
    plain = new_batch(make_site(), name="b", count=1)

    later = ("replenish", "idempotency", "supplied")
    said = {name: value for name, value in vars(plain).items() if not name.startswith(later)}
    assert plain.fingerprint() == digests.keyed("order_batch", json.dumps(said, sort_keys=True, default=str))
    assert plain.fingerprint() != replace(plain, replenish_below=1, replenish_by=1).fingerprint()


def test_a_full_pool_is_counted_no_further_than_it_must(batch):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert replenishing.count_free(batch, 3) == 3

    [count] = [query["sql"] for query in queries if "codes_code" in query["sql"]]
    assert "LIMIT 3" in count
    assert "DESC" in count


def test_nothing_is_asked_of_codes_where_no_batch_replenishes_itself():
    make_batch(count=1)

    with CaptureQueriesContext(connection) as queries:
        replenishing.replenish_due()

    assert len(queries) == 1
