"""The work that advices are: claimed under a lease, counted before it is done, done once, put back, or parked with an alarm."""

import datetime as dt
import threading

import pytest
from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from codes import doorbell, tasks
from codes.advice import accepting, draining, inbox
from codes.models import Advice, AdviceTally, Attempt, Code, PendingAdvice
from codes.redemption import reporting, statements
from deploy.local.processes import wait_until
from ledger.refusals import AccountMissing
from tests.advice import make_till, report_of
from tests.codes.redeeming import assert_sound
from tests.factories import make_code, make_site

LEASE_SECONDS = inbox.LEASE.total_seconds()
REFUSE = "the database refuses this one"


@pytest.fixture
def till(db):
    return make_till(make_site())


def report(till, text="ABC-E6W5F", *, worth_cents=None):
    """Take in a report of a code, which is made if it is to have a worth; answers the advice's ID."""
    if worth_cents is not None:
        make_code(till.client.site, text, worth_cents=worth_cents)
    return accepting.accept(report_of(till.client, text))


def outcome(advice_id):
    return Advice.objects.get(pk=advice_id).outcome


def work_of(advice_id):
    return PendingAdvice.objects.get(pk=advice_id)


def untouched():
    """Whether nothing at all was judged."""
    return not (
        Attempt.objects.exists() or Advice.objects.exclude(outcome="").exists() or Code.objects.exclude(uses=0).exists()
    )


def break_for(monkeypatch, text, error):
    """From now on judging what this code is worth raises, in the middle of the engine."""
    judge = reporting.judge

    def judge_or_raise(case):
        if case.command.code == text:
            raise error
        return judge(case)

    monkeypatch.setattr(reporting, "judge", judge_or_raise)


def break_database(monkeypatch, error):
    """From now on no code can be locked; the returned function mends it."""
    lock, broken = statements.lock_codes_and_accounts, [error]

    def lock_or_raise(*wanted):
        if broken:
            raise error
        return lock(*wanted)

    monkeypatch.setattr(statements, "lock_codes_and_accounts", lock_or_raise)
    return broken.clear


class TestClaiming:
    def test_a_claim_counts_the_try_before_the_work(self, till, stopped_clock):
        ids = [report(till) for _ in range(3)]

        claims = inbox.claim(2)

        assert [each.advice_id for each in claims] == ids[:2]  # The oldest first.
        assert {(each.token, each.tries) for each in claims} == {(1, 1)}
        for work in PendingAdvice.objects.filter(pk__in=ids[:2]):
            assert (work.token, work.tries, work.leased) == (1, 1, True)
            assert work.due_at == stopped_clock.now + inbox.LEASE
        assert (work_of(ids[2]).tries, work_of(ids[2]).leased) == (0, False)

    def test_what_is_leased_nobody_else_gets_before_ten_seconds_are_over_and_then_alone(self, till, stopped_clock):
        ids = {report(till) for _ in range(3)}
        inbox.claim(10)

        stopped_clock.advance(seconds=LEASE_SECONDS - 0.001)
        assert (inbox.claim(10), inbox.is_due()) == ([], False)
        stopped_clock.advance(seconds=0.001)
        assert inbox.is_due()
        taken = [inbox.claim(10) for _ in range(4)]

        assert [len(claims) for claims in taken] == [1, 1, 1, 0]
        assert {each.advice_id for claims in taken for each in claims} == ids
        assert {(each.token, each.tries) for claims in taken for each in claims} == {(2, 2)}

    def test_the_lost_and_the_fresh_are_not_worked_in_one_list(self, till, stopped_clock):
        lost = report(till)
        inbox.claim(10)
        stopped_clock.advance(seconds=LEASE_SECONDS + 1)
        fresh = [report(till) for _ in range(2)]

        assert [each.advice_id for each in inbox.claim(10)] == [lost]
        assert [each.advice_id for each in inbox.claim(10)] == fresh

    def test_the_lost_are_judged_like_any_other(self, till, stopped_clock):
        ids = [report(till, f"CODE-{number}", worth_cents=500) for number in range(3)]
        inbox.claim(10)
        stopped_clock.advance(seconds=LEASE_SECONDS)

        assert draining.drain() == 3

        assert {outcome(each) for each in ids} == {"redeemed"}
        assert not PendingAdvice.objects.exists()
        assert_sound()


class TestTokens:
    @pytest.mark.parametrize("finished", [False, True], ids=["at it", "done"])
    def test_a_worker_whose_lease_passed_to_another_writes_nothing(self, till, stopped_clock, finished):
        advice_id = report(till, worth_cents=500)
        stale = inbox.claim(10)
        stopped_clock.advance(seconds=LEASE_SECONDS)
        mine = inbox.claim(10)
        if finished:
            draining.work(mine)

        before = Attempt.objects.count(), AdviceTally.objects.count(), outcome(advice_id)
        draining.work(stale)
        inbox.put_back(stale, "late")
        inbox.part(stale, "late")
        assert (Attempt.objects.count(), AdviceTally.objects.count(), outcome(advice_id)) == before

        draining.work(mine)
        assert outcome(advice_id) == "redeemed"
        assert Code.objects.get().uses == Attempt.objects.count() == 1
        assert_sound()

    def test_a_worker_that_lost_some_of_its_list_does_the_rest(self, till, stopped_clock):
        ids = [report(till, f"CODE-{number}", worth_cents=500) for number in range(3)]
        first = inbox.claim(10)
        stopped_clock.advance(seconds=LEASE_SECONDS)
        [taken] = inbox.claim(10)

        draining.work(first)

        assert outcome(taken.advice_id) == ""
        assert {outcome(each) for each in ids if each != taken.advice_id} == {"redeemed"}
        draining.work([taken])
        assert {outcome(each) for each in ids} == {"redeemed"}
        assert_sound()

    def test_what_was_put_back_is_in_nobodys_hands(self, till):
        report(till, worth_cents=500)
        claims = inbox.claim(10)
        inbox.put_back(claims, "code_busy")

        draining.work(claims)
        inbox.part(claims, "again")

        assert untouched()
        assert PendingAdvice.objects.get().error == "code_busy"


class TestTrying:
    def test_one_that_raises_every_time_is_parked_with_an_alarm_and_spoils_no_other(
        self, till, stopped_clock, monkeypatch, caplog
    ):
        bad = report(till, "BAD-0", worth_cents=500)
        break_for(monkeypatch, "BAD-0", KeyError("a bug"))

        runs = 0
        while outcome(bad) == "":
            good = report(till, f"GOOD-{runs}", worth_cents=500)
            draining.drain()
            assert outcome(good) == "redeemed"  # In the same run.
            stopped_clock.advance(seconds=inbox.LONGEST_PAUSE_SECONDS * 2)
            runs += 1
            assert runs <= inbox.MOST_TRIES

        parked = work_of(bad)
        assert (outcome(bad), parked.tries, parked.leased) == ("failed", 8, False)
        assert parked.parked_at is not None
        assert any("advice parked" in each.getMessage() and str(bad) in each.getMessage() for each in caplog.records)
        assert not Attempt.objects.filter(pk=bad).exists()
        assert AdviceTally.objects.get(outcome="failed").count == 1
        assert draining.drain() == 0  # Until staff look at it.
        assert not inbox.is_due()

    def test_one_that_kills_its_worker_every_time_is_parked_too(self, till, stopped_clock, caplog):
        killer = report(till, worth_cents=500)
        for tries in range(1, inbox.MOST_TRIES + 1):
            [claim] = inbox.claim(10)
            assert claim.tries == tries
            stopped_clock.advance(seconds=LEASE_SECONDS)
        other = report(till)

        assert [each.advice_id for each in inbox.claim(10)] == [other]

        assert (outcome(killer), outcome(other)) == ("failed", "")
        assert work_of(killer).error == "Every try ended without an answer."
        assert "advice parked" in caplog.text
        assert Code.objects.get().uses == 0

    def test_one_that_cannot_even_be_read_spoils_no_other(self, till, stopped_clock):
        bad, good = report(till, "BAD-0", worth_cents=500), report(till, "GOOD-0", worth_cents=500)
        Advice.objects.filter(pk=bad).update(text=b"damaged")

        draining.drain()

        assert (outcome(bad), outcome(good)) == ("", "redeemed")
        for _ in range(inbox.MOST_TRIES):
            stopped_clock.advance(seconds=inbox.LONGEST_PAUSE_SECONDS * 2)
            draining.drain()
        assert outcome(bad) == "failed"

    def test_a_list_that_the_database_refuses_is_halved_until_one_is_left(self, till):
        ids = [report(till, f"CODE-{number}", worth_cents=500) for number in range(9)]
        refuse_attempt(ids[4])

        draining.drain()

        assert {outcome(each) for each in ids if each != ids[4]} == {"redeemed"}
        bad = work_of(ids[4])
        assert (outcome(ids[4]), bad.tries, bad.leased, bad.error) == ("", 1, False, "audit_write_failed")
        assert Attempt.objects.count() == 8
        assert_sound()

    def test_what_no_report_can_meet_is_parked_at_once_with_its_attempt(self, till, monkeypatch, caplog):
        bad, good = report(till, "BAD-0", worth_cents=500), report(till, "GOOD-0", worth_cents=500)
        break_for(monkeypatch, "BAD-0", AccountMissing())

        draining.drain()

        advice = Advice.objects.get(pk=bad)
        assert (advice.outcome, advice.attempt_id, outcome(good)) == ("failed", bad, "redeemed")
        assert work_of(bad).parked_at is not None
        assert work_of(bad).error == "account_missing"
        assert "advice parked" in caplog.text
        assert_sound()


class TestWaiting:
    def test_a_busy_code_is_tried_again_after_longer_and_longer_pauses_and_leaves_no_attempt(
        self, till, stopped_clock, monkeypatch
    ):
        advice_id = report(till, worth_cents=500)
        mend = break_database(monkeypatch, OperationalError("database is locked"))
        pauses = []
        for tries in range(1, inbox.MOST_TRIES):
            assert draining.drain() == 1
            work = work_of(advice_id)
            assert (work.tries, work.leased, work.error) == (tries, False, "code_busy")
            pauses.append((work.due_at - stopped_clock.now).total_seconds())
            assert draining.drain() == 0
            stopped_clock.now = work.due_at
        assert all(0.75 * 2**number <= pause <= 1.25 * 2**number for number, pause in enumerate(pauses))
        assert untouched()

        mend()
        draining.drain()
        assert outcome(advice_id) == "redeemed"
        assert_sound()

    def test_no_pause_is_longer_than_five_minutes_by_much(self):
        assert inbox.pause(40) <= dt.timedelta(seconds=1.25 * inbox.LONGEST_PAUSE_SECONDS)

    def test_a_busy_code_keeps_no_other_of_the_list_waiting(self, till, monkeypatch):
        busy, free = report(till, "BUSY-0", worth_cents=500), report(till, "FREE-0", worth_cents=500)
        break_for(monkeypatch, "BUSY-0", OperationalError("database is locked"))

        draining.drain()

        assert (outcome(busy), outcome(free)) == ("", "redeemed")
        assert work_of(busy).error == "code_busy"
        assert not Attempt.objects.filter(pk=busy).exists()

    @pytest.mark.parametrize("error", [OperationalError("server closed the connection"), InterfaceError("closed")])
    def test_a_database_that_goes_away_costs_nothing_but_time(self, till, stopped_clock, monkeypatch, error):
        ids = [report(till, f"CODE-{number}", worth_cents=500) for number in range(3)]
        mend = break_database(monkeypatch, error)

        assert draining.drain() == 3  # Put back together, and to be judged together.

        assert untouched()
        assert set(PendingAdvice.objects.values_list("tries", "leased")) == {(1, False)}
        mend()
        stopped_clock.advance(seconds=2)
        assert draining.drain() == 3
        assert {outcome(each) for each in ids} == {"redeemed"}
        assert_sound()

    @pytest.mark.parametrize("survives", [True, False], ids=["its worker lives on", "its worker is lost"])
    def test_a_database_that_stays_away_leaves_all_to_its_worker_or_to_the_end_of_the_lease(
        self, till, stopped_clock, monkeypatch, survives
    ):
        ids = [report(till, f"CODE-{number}", worth_cents=500) for number in range(3)]
        away = OperationalError("server closed the connection")
        mend = break_database(monkeypatch, away)
        with monkeypatch.context() as patched:
            patched.setattr(inbox, "still_held", lambda claims: (_ for _ in ()).throw(away))
            for _ in range(2):
                with pytest.raises(OperationalError):
                    draining.drain()
        assert untouched()
        assert set(PendingAdvice.objects.values_list("tries", "leased")) == {(1, True)}

        mend()
        if not survives:
            draining.unreturned.claims = []
        assert draining.drain() == 0
        stopped_clock.advance(seconds=2 if survives else LEASE_SECONDS)
        judged = inbox.claim(10)
        assert len(judged) == (
            3 if survives else 1
        )  # Together, for none of them is to blame; or alone, for one may be.
        draining.work(judged)
        draining.drain()
        assert {outcome(each) for each in ids} == {"redeemed"}
        assert_sound()

    def test_an_error_of_the_database_that_is_about_one_row_is_not_taken_for_its_absence(
        self, till, stopped_clock, monkeypatch
    ):
        bad, good = report(till, "BAD-0", worth_cents=500), report(till, "GOOD-0", worth_cents=500)
        break_for(monkeypatch, "BAD-0", DatabaseError("no such value"))
        draining.drain()
        assert (outcome(bad), outcome(good)) == ("", "redeemed")


def refuse_attempt(attempt_id):
    """From now on the database refuses the attempt of this ID, whoever writes it."""
    stored = attempt_id.hex if connection.vendor == "sqlite" else str(attempt_id)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                    $$ BEGIN RAISE EXCEPTION '{REFUSE}' USING ERRCODE = 'check_violation'; END $$;
                    CREATE TRIGGER refuse BEFORE INSERT ON codes_attempt FOR EACH ROW
                    WHEN (NEW.id = '{stored}') EXECUTE FUNCTION refuse()"""
            )
        else:
            cursor.execute(
                f"""CREATE TRIGGER refuse BEFORE INSERT ON codes_attempt WHEN NEW.id = '{stored}'
                    BEGIN SELECT RAISE(ABORT, '{REFUSE}'); END"""
            )


class TestBesideEachOther:
    def test_no_two_claims_at_the_same_moment_share_a_row(self, committed_db):
        till = make_till(make_site())
        ids = [report(till) for _ in range(40)]

        taken = committed_db.together(*[lambda: inbox.claim(5)] * 8)

        claimed = [each.advice_id for claims in taken for each in claims]
        assert len(claimed) == len(set(claimed))
        claimed += [each.advice_id for each in inbox.claim(100)]  # Whoever skipped a locked row may have got fewer.
        assert sorted(claimed) == sorted(ids)

    def test_drains_at_the_same_moment_judge_each_once(self, committed_db):
        till = make_till(make_site())
        ids = [report(till, f"CODE-{number}", worth_cents=500) for number in range(10)]
        ids += [report(till, f"CODE-{number}") for number in range(10)]

        committed_db.together(*[draining.drain] * 4)
        draining.drain()

        outcomes = sorted(outcome(each) for each in ids)
        assert outcomes == ["already_used"] * 10 + ["redeemed"] * 10
        assert set(Code.objects.values_list("uses", flat=True)) == {1}
        assert_sound()

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks")
    def test_a_slow_worker_at_work_past_its_lease_keeps_nobody_waiting_for_the_rest(self, committed_db, settings):
        till = make_till(make_site())
        report(till, "SLOW-0", worth_cents=500)
        at_work, go_on = threading.Event(), threading.Event()
        [claim] = inbox.claim(10)
        settings.CLOCK_OFFSET_SECONDS = LEASE_SECONDS + 1

        def work_slowly():
            judge, patched = reporting.judge, pytest.MonkeyPatch()

            def judge_slowly(case):
                if case.command.code == "SLOW-0":
                    at_work.set()
                    assert go_on.wait(20)
                return judge(case)

            patched.setattr(reporting, "judge", judge_slowly)
            draining.work([claim])
            patched.undo()

        def come_in_between():
            assert at_work.wait(20)
            try:
                other = report(till, "OTHER-0", worth_cents=500)
                draining.drain()
                return outcome(other), Advice.objects.get(outcome="").pk == claim.advice_id
            finally:
                go_on.set()

        _, between = committed_db.together(work_slowly, come_in_between)
        assert between == ("redeemed", True)
        assert outcome(claim.advice_id) == "redeemed"
        assert_sound()


class TestDoors:
    def test_the_task_judges_what_is_due(self, till):
        advice_id = report(till, worth_cents=500)
        tasks.drain_advices()
        assert outcome(advice_id) == "redeemed"

    def test_a_task_that_ran_out_of_time_rings_for_the_next(
        self, till, monkeypatch, django_capture_on_commit_callbacks
    ):
        rung = []
        monkeypatch.setattr(doorbell, "_ring_now", lambda *told: rung.append(told))
        monkeypatch.setattr(tasks, "SECONDS_PER_DRAIN", 0.001)
        monkeypatch.setattr(draining, "LIST", 1)
        monkeypatch.setattr(draining, "LIST_ON_SQLITE", 1, raising=False)
        for _ in range(3):
            report(till)
        rung.clear()

        for _ in range(3):
            with django_capture_on_commit_callbacks(execute=True):
                tasks.drain_advices()

        assert not PendingAdvice.objects.exists()
        assert rung.count((accepting.TASK, ())) >= 2

    def test_the_due_poller_judges_without_any_broker(self, committed_db, monkeypatch):
        till = make_till(make_site())
        monkeypatch.setattr("signal.signal", lambda *_: None)
        advice_id = report(till, worth_cents=500)
        call_command("run_due", "--once")
        assert outcome(advice_id) == "redeemed"


class TestTheDoorbell:
    """Heard by a thread of its own, so that nobody who reports waits for the broker."""

    @pytest.fixture
    def ringers(self, monkeypatch):
        monkeypatch.setattr(doorbell, "_ringers", {})
        monkeypatch.setattr(doorbell.Ringer, "PAUSE_AFTER_SILENCE_SECONDS", 0.05)

    def test_many_rings_are_few(self, ringers, monkeypatch):
        sent = []
        monkeypatch.setattr(doorbell, "_ring_now", lambda *told: sent.append(told) or True)
        monkeypatch.setattr(doorbell.Ringer, "PAUSE_SECONDS", 30)  # None but the first in this test.

        for _ in range(1_000):
            doorbell.ring_soon("a task")

        assert wait_until(lambda: sent, seconds=10)
        assert sent == [("a task", ())]

    def test_a_ring_during_the_pause_is_not_lost(self, ringers, monkeypatch):
        sent = []
        monkeypatch.setattr(doorbell, "_ring_now", lambda *told: sent.append(told) or True)
        doorbell.ring_soon("a task")
        assert wait_until(lambda: len(sent) == 1, seconds=10)
        doorbell.ring_soon("a task")
        assert wait_until(lambda: len(sent) == 2, seconds=10)

    def test_a_broker_that_is_away_or_never_answers_costs_the_caller_nothing(self, ringers, monkeypatch, till):
        asked, answer = threading.Event(), threading.Event()

        class Away:
            def send_task(self, *_, **__):
                asked.set()
                answer.wait(20)
                raise ConnectionError("away")

        monkeypatch.setattr(doorbell, "current_app", Away())
        advice_id = report(till, worth_cents=500)

        assert asked.wait(
            10
        )  # It was asked by somebody else: this thread has gone on, and the broker not answered yet.
        assert work_of(advice_id).due_at is not None
        report(till)
        answer.set()
        draining.drain()
        assert outcome(advice_id) == "redeemed"
        asked.clear()
        doorbell.ring_soon(accepting.TASK)
        assert asked.wait(10)  # It is asked again.
