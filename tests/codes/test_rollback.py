"""When a write fails nothing has changed: one failed attempt says why, and nobody else in the list suffers for it."""

import threading

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection, connections, transaction

from accounts import locking
from codes.actions.credit import Credit
from codes.actions.fulfilment import Fulfilment
from codes.models import Attempt, Batch, Code
from codes.redemption import engine, journal, statements, taking, writes
from codes.redemption.engine import redeem_codes
from tests.codes.provoking import interfere
from tests.codes.redeeming import ask, assert_sound, attempt, cash, holdings, reason_of, redeem
from tests.factories import make_account, make_claimant, make_code, make_user


@pytest.fixture
def anna(saver_scene, db):
    return saver_scene()


@pytest.fixture
def code(anna):
    return make_code(anna.site, worth_cents=500)


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


POSTGRESQL = connection.vendor == "postgresql"
STAGES = {
    "8 execute: the ledger": (engine, "post", "action_failed", 8),
    "8 execute: the action": (Credit, "perform", "action_failed", 8),
    "9 mark redeemed": (taking, "mark_used", "concurrent_change", 9),
    "9 mark redeemed: the code": (writes, "use_codes", "concurrent_change", 9),
    "10 log and receipt": (journal, "write", "audit_write_failed", 10),
    # PostgreSQL draws the number of a single redemption as it writes its attempt.
    **(
        {}
        if POSTGRESQL
        else {"10 log and receipt: numbers": (writes, "draw_receipt_numbers", "audit_write_failed", 10)}
    ),
    "10 log and receipt: mails": (writes, "insert_mails", "audit_write_failed", 10),
}
ERRORS = [RuntimeError("a bug"), OSError("disk full"), IntegrityError("a constraint"), DatabaseError("the database")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("stage", STAGES)
def test_a_step_that_fails_changes_nothing_and_leaves_one_failed_attempt(anna, code, monkeypatch, stage, error):
    target, name, reason, step = STAGES[stage]
    before = holdings(anna.site)
    with monkeypatch.context() as patched:
        patched.setattr(target, name, failing(error))
        outcome = redeem(anna, idempotency_key="k1")

    assert (reason_of(outcome), outcome.refusal.step, outcome.refusal.retryable) == (reason, step, True)
    assert holdings(anna.site) == before
    row = attempt(outcome)
    assert (row.reason, row.step, row.idempotency_key, row.receipt_number) == (reason, step, None, None)
    assert row.code_id == code.pk
    assert row.checks[-1]["step"] == step
    assert Attempt.objects.count() == 1
    assert reason_of(redeem(anna, idempotency_key="k1")) == "redeemed"
    assert cash(anna) == 1_500
    assert_sound()


def test_an_attempt_that_cannot_be_written_at_all_is_told_so_and_nothing_has_changed(anna, code, monkeypatch):
    before = holdings(anna.site)
    monkeypatch.setattr(writes, "insert_attempts", failing(DatabaseError("no space left on device")))

    outcome = redeem(anna)

    assert (reason_of(outcome), outcome.kept) == ("audit_write_failed", False)
    assert holdings(anna.site) == before
    assert not Attempt.objects.exists()


def test_a_refusal_that_cannot_be_recorded_is_told_as_that(anna, code, monkeypatch):
    monkeypatch.setattr(writes, "insert_attempts", failing(DatabaseError("no space left on device")))

    assert reason_of(redeem(anna, "NOPE-0001")) == "audit_write_failed"


def test_guards_that_let_through_another_number_are_an_alarm_and_it_is_judged_again(anna, code, monkeypatch, caplog):
    judged = interfere(monkeypatch, times=1)

    assert reason_of(redeem(anna)) == "redeemed"
    assert len(judged) == 2
    assert "guarded counts differ from the judgement" in caplog.messages
    assert cash(anna) == 1_500
    assert_sound()


def test_after_the_second_time_that_is_told_and_nothing_has_changed(anna, code, monkeypatch):
    judged = interfere(monkeypatch)

    assert reason_of(redeem(anna)) == "concurrent_change"
    assert len(judged) == 2
    assert cash(anna) == 1_000
    code.refresh_from_db()
    assert (code.uses, code.redemptions) == (0, 0)


def test_the_guard_on_a_capped_batch_refuses_what_the_judgement_let_through(anna, monkeypatch):
    make_code(anna.site, uses=5, total_cap=1)
    judge = engine.judge

    def judge_and_be_overtaken(case, facts):
        outcome = judge(case, facts)
        Batch.objects.update(uses_in_force=1)
        return outcome

    monkeypatch.setattr(engine, "judge", judge_and_be_overtaken)

    assert reason_of(redeem(anna)) == "concurrent_change"
    assert Batch.objects.get().uses_in_force == 0
    assert cash(anna) == 1_000


def test_one_that_fails_does_not_spoil_the_others_of_its_list(anna, monkeypatch):
    make_code(anna.site, "COFFEE-1", worth_cents=0, action="fulfilment", parameters={"item": "a coffee"})
    make_code(anna.site, "MANY-1", uses=9, uses_per_claimant=9, worth_cents=100)
    monkeypatch.setattr(Fulfilment, "perform", failing(RuntimeError("out of order")))
    commands = [
        ask(anna, "MANY-1"),
        ask(anna, "NOPE-0001"),
        ask(anna, "COFFEE-1"),
        ask(anna, "MANY-1"),
        ask(anna, "MANY-1"),
    ]

    outcomes = redeem_codes(commands)

    assert [reason_of(outcome) for outcome in outcomes] == [
        "redeemed",
        "code_not_found",
        "action_failed",
        "redeemed",
        "redeemed",
    ]
    assert [outcome.attempt.pk for outcome in outcomes] == [command.id for command in commands]
    assert cash(anna) == 1_300
    assert Attempt.objects.count() == 5
    assert_sound()


def state_error(state):
    """The database's own error with this SQLSTATE, as Django raises it."""
    cause = type("DriverError", (Exception,), {"sqlstate": state})()
    error = OperationalError("said the database")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_a_deadlock_or_serialization_failure_is_tried_again_inside(anna, code, monkeypatch, state):
    lock_codes, tries = statements.lock_codes_and_accounts, []

    def deadlock_twice(*asked):
        tries.append(1)
        if len(tries) <= 2:
            raise state_error(state)
        return lock_codes(*asked)

    monkeypatch.setattr(statements, "lock_codes_and_accounts", deadlock_twice)

    assert reason_of(redeem(anna)) == "redeemed"
    assert len(tries) == 3


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_one_that_never_ends_is_told_as_busy_after_five_tries(anna, code, monkeypatch, state):
    tries = []

    def deadlock(*asked):
        tries.append(1)
        raise state_error(state)

    monkeypatch.setattr(statements, "lock_codes_and_accounts", deadlock)
    outcome = redeem(anna)

    assert (reason_of(outcome), outcome.refusal.retry_after_seconds, len(tries)) == ("code_busy", 1, 5)


def test_an_account_opened_while_the_code_was_waited_for_is_found(anna, code, monkeypatch):
    ben, lock, tries = make_user(anna.site), statements.lock_codes_and_accounts, []

    def lock_late(*asked):
        tries.append(1)
        if len(tries) > 1:
            make_account(ben)  # The first round's is lost with its transaction.
        locked = lock(*asked)
        if len(tries) == 1:
            make_account(ben)
        return locked

    monkeypatch.setattr(statements, "lock_codes_and_accounts", lock_late)

    assert (reason_of(redeem(ben)), len(tries)) == ("redeemed", 2)


def test_a_lock_not_obtained_within_a_write_is_busy_too(anna, code, monkeypatch):
    monkeypatch.setattr(writes, "use_codes", failing(state_error("55P03")))

    assert reason_of(redeem(anna)) == "code_busy"


def test_a_statement_that_took_too_long_within_the_action_is_a_timeout(anna, code, monkeypatch):
    monkeypatch.setattr(engine, "post", failing(state_error("57014")))

    assert reason_of(redeem(anna)) == "action_timeout"
    assert cash(anna) == 1_000


def test_a_validation_that_fails_leaves_no_attempt(anna, code, monkeypatch):
    monkeypatch.setattr(statements, "lock_codes_and_accounts", failing(state_error("55P03")))

    outcome = engine.validate_codes([ask(anna)])[0]

    assert (reason_of(outcome), outcome.kept) == ("code_busy", False)
    assert not Attempt.objects.exists()


def test_a_code_that_somebody_holds_locked_is_busy(committed_db):
    """On the real locks: 2 s on PostgreSQL and 8 s on SQLite, made short here."""
    anna = make_claimant(balance=1_000)
    code = make_code(anna.site)
    locked, finished = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            locking.lock_ids(Code, [code.pk])
            locked.set()
            finished.wait(20)
        connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        locked.wait(20)
        command = ask(anna)
        with connection.cursor() as cursor:
            cursor.execute(
                "SET lock_timeout = '200ms'" if connection.vendor == "postgresql" else "PRAGMA busy_timeout = 200"
            )
        outcome = redeem_codes([command])[0]
    finally:
        finished.set()
        holder.join()

    assert (reason_of(outcome), outcome.refusal.step, outcome.refusal.retry_after_seconds) == ("code_busy", 7, 1)
    assert cash(anna) == 1_000
    assert reason_of(redeem(anna)) == "redeemed"
    assert cash(anna) == 1_500
