"""The tasks and the doorbell: further doors to the deeds, which need neither of them."""

import pytest
from celery import current_app

from accounts.models import Heartbeat
from codes import doorbell, expiring, issuing, jobs, mailing, replenishing, resealing, tasks
from codes.models import Code, IssueOrder
from tests.factories import make_site, new_batch

State = IssueOrder.State


class Broker:
    """Stands for Celery's client: remembers what was sent, or fails as a broker that is away."""

    def __init__(self, failing=None):
        self.sent, self.failing = [], failing

    def send_task(self, name, args, **options):
        if self.failing:
            raise self.failing
        self.sent.append((name, tuple(args), options))


@pytest.fixture
def broker(monkeypatch):
    stand_in = Broker()
    monkeypatch.setattr(doorbell, "current_app", stand_in)
    return stand_in


@pytest.mark.django_db
class TestTheDoorbell:
    def test_an_order_rings_once_it_is_committed_and_carries_only_its_id(
        self, broker, django_capture_on_commit_callbacks
    ):
        with django_capture_on_commit_callbacks(execute=True):
            order, _ = issuing.order_batch(new_batch(make_site(), count=2))
            assert broker.sent == []

        assert broker.sent == [("codes.work_job", ("issue", order.pk), {"retry": False, "ignore_result": True})]

    @pytest.mark.parametrize(
        "failing", [ConnectionError("away"), TimeoutError(), OSError(111, "refused"), ValueError()]
    )
    def test_nobody_hearing_it_harms_nothing(self, broker, caplog, django_capture_on_commit_callbacks, failing):
        broker.failing = failing

        with django_capture_on_commit_callbacks(execute=True):
            order, replayed = issuing.order_batch(new_batch(make_site(), count=2))

        assert not replayed
        assert "doorbell not heard" in caplog.messages
        assert jobs.due(IssueOrder) == [order.pk]
        assert issuing.work_order(order.pk).state == State.DONE

    def test_an_order_that_is_refused_rings_nobody(self, broker, django_capture_on_commit_callbacks):
        with django_capture_on_commit_callbacks(execute=True) as rung, pytest.raises(Exception, match="name"):
            issuing.order_batch(new_batch(make_site(), count=2, name="n" * 101))

        assert rung == []


@pytest.mark.django_db
class TestTheTasks:
    def test_every_task_in_the_schedule_exists(self, settings):
        named = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

        assert named | {"codes.work_job"} <= set(current_app.tasks)

    def test_an_order_is_worked_and_a_second_message_does_nothing(self):
        order, _ = issuing.order_batch(new_batch(make_site(), count=3))

        tasks.work_job("issue", order.pk)
        tasks.work_job("issue", order.pk)

        order.refresh_from_db()
        assert (order.state, Code.objects.count()) == (State.DONE, 3)

    def test_an_order_works_for_less_time_than_its_task_may_take(self, settings):
        assert tasks.SECONDS_PER_JOB < settings.CELERY_TASK_SOFT_TIME_LIMIT
        assert jobs.LEASE.total_seconds() > settings.CELERY_TASK_TIME_LIMIT

    def test_what_was_never_rung_is_found(self):
        orders = [issuing.order_batch(new_batch(make_site(), count=2))[0] for _ in range(2)]

        for _ in range(3):
            tasks.work_due_jobs()

        assert {IssueOrder.objects.get(pk=order.pk).state for order in orders} == {State.DONE}

    @pytest.mark.parametrize(
        ("task", "module", "deed"),
        [
            (tasks.sweep_expired, expiring, "sweep_expired"),
            (tasks.reseal, resealing, "reseal"),
            (tasks.send_receipts, mailing, "send_due_mails"),
            (tasks.replenish, replenishing, "replenish_due"),
        ],
    )
    def test_each_calls_its_deed_and_returns_nothing(self, monkeypatch, task, module, deed):
        called = []
        monkeypatch.setattr(module, deed, lambda *words, **named: called.append(1) or 7)

        assert task() is None
        assert called == [1]

    def test_a_worker_that_consumes_beats(self):
        tasks.heartbeat()

        assert Heartbeat.objects.get().process == "worker"
