"""R4: every deed locks in one order, so that two of them never wait for each other in a circle."""

import datetime as dt
import threading
import time
from contextlib import contextmanager

import psycopg
import pytest
from django.db import connection, connections, transaction

from accounts import clock, locking
from accounts.callers import caller_for_browser
from codes import closing, expiring, issuing, mailing, ordering, resealing, reversing, switching
from codes.advice import accepting, draining, inbox, retrying
from codes.models import Attempt, Code, PendingAdvice, WorkItem
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes, validate_codes
from deploy.local.processes import wait_until
from ledger import moving
from ledger.models import LedgerAccount
from tests.advice import make_till, report_of
from tests.content import make_browser, make_item, make_offer
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site, new_batch
from tests.races.crowd import each_at_once
from tests.races.lock_watch import watch_locks

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks"),
]

BATCH, CODE, ACCOUNT, BUDGET = "codes_batch", "codes_code", "ledger_ledgeraccount", "accounts_failurebudget"
ORDER, TAG, WORK, MAIL = "codes_issueorder", "accounts_usertag", "codes_workitem", "codes_receiptmail"

LICENCE, ADVICE_WORK, ADVICE = "accounts_licence", "codes_pendingadvice", "codes_advice"

PLAIN, CAPPED, COOLING, TAGGING, WORKING = "PLAIN-1", "CAPPED-1", "COOLING-1", "TAGGING-1", "WORKING-1"
OFFERING, MATCHING, SESSION = "OFFERING-1", "MATCHING-1", "SESSION-1"


class Scene:
    """A site with one code of every kind, two claimants, and a client that redeems for them."""

    def __init__(self):
        self.site = make_site()
        self.anna, self.bert = make_claimant(self.site, balance=10_000), make_claimant(self.site)
        self.caller = caller_of(make_client(self.site, ("redeem", "reverse")))
        many = {"uses": 50, "uses_per_claimant": 50}
        make_code(self.site, PLAIN, **many)
        make_code(self.site, CAPPED, total_cap=50, **many)
        make_code(self.site, COOLING, cooldown_seconds=1, **many)
        make_code(self.site, TAGGING, worth_cents=0, parameters={"tags": ["welcome", "member", "early"]}, **many)
        for number in (1, 2, 3):
            make_offer(make_item(self.site, ProductId="1"), f"offer {number}")
        self.browser = make_browser(self.site)
        access, match = {"access_control": "offer 1"}, {"match": {"all": ["ProductId:1"]}}
        make_code(self.site, OFFERING, worth_cents=0, action="apply_offer", parameters=access, **many)
        make_code(self.site, MATCHING, worth_cents=0, action="apply_offer_match", parameters=access | match, **many)
        make_code(self.site, SESSION, worth_cents=0, action="session_license_match", parameters=access | match, **many)
        make_code(self.site, WORKING, worth_cents=0, action="fulfilment", parameters={"item": "A coffee"}, **many)

    def command(self, text, who=None):
        return RedeemCode(self.caller, text, (who or self.anna).claimant_id)

    def in_browser(self, text):
        return RedeemCode(caller_for_browser(self.browser, self.site), text, "", door="add", browser_id=self.browser.pk)

    def redeem(self, *commands):
        """Redeem a list, with each code for Anna if only texts are given; the IDs of what was redeemed."""
        outcomes = redeem_codes([self.command(each) if isinstance(each, str) else each for each in commands])
        assert [outcome.refusal for outcome in outcomes if outcome.refusal and outcome.code_shown] == []
        return [outcome.attempt.pk for outcome in outcomes if outcome.refusal is None]

    def reverse(self, attempt_id, *, give_use_back=True):
        reversing.reverse(reversing.ReverseRedemption(self.caller, attempt_id, "a mistake", give_use_back))

    def code(self, text):
        return Code.objects.get(pk=Attempt.objects.filter(code__isnull=False, pk__in=self.redeem(text)).get().code_id)


@pytest.fixture
def scene(committed_db):
    return Scene()


def locked_by(deed):
    """The tables that ``deed`` locks in their order; every lock must be in its place."""
    with watch_locks() as locks:
        deed()
    assert locks.mistakes() == []
    return locks.tables


def test_a_deed_that_locks_in_another_order_is_noticed(scene, settings):
    [attempt_id] = scene.redeem(PLAIN)
    attempt = Attempt.objects.get(pk=attempt_id)
    account = LedgerAccount.objects.get(owner=scene.anna)
    with watch_locks() as locks, transaction.atomic():
        locking.lock_ids(LedgerAccount, [account.pk])
        locking.lock_ids(Code, [attempt.code_id])
    assert locks.tables == [ACCOUNT, CODE]
    assert len(locks.mistakes()) == 1

    with watch_locks() as locks, transaction.atomic():
        for code in Code.objects.order_by("-pk")[:2]:
            locking.lock_ids(Code, [code.pk])
    assert len(locks.mistakes()) == 1

    with watch_locks() as locks, transaction.atomic():
        Code.objects.update(last_actor_id="somebody")
    assert len(locks.mistakes()) == 1

    # Without its locks the engine itself would take rows as it comes to write them.
    settings.DEFECTS = {"row_lock"}
    with watch_locks() as locks:
        scene.redeem(PLAIN)
    assert set(locks.tables) == {ACCOUNT, CODE}
    assert locks.mistakes()


def test_redeeming_locks_batches_if_they_are_counted_over_then_codes_then_accounts(scene):
    assert locked_by(lambda: scene.redeem(PLAIN)) == [CODE, ACCOUNT]
    assert locked_by(lambda: validate_codes([scene.command(PLAIN)])) == [CODE, ACCOUNT]
    # What a code's kind is shows only under its lock: then everything is given up, and begun again with the batch.
    assert set(locked_by(lambda: scene.redeem(CAPPED))) == {CODE, BATCH, ACCOUNT}
    assert set(locked_by(lambda: scene.redeem(COOLING))) == {CODE, BATCH, ACCOUNT}


def test_no_account_is_locked_before_the_last_code_of_a_list_is(scene):
    first, last = sorted((scene.code(PLAIN), scene.code(TAGGING)), key=lambda code: code.pk)
    waiting = threading.Thread(target=lambda: (scene.redeem(PLAIN, TAGGING), connections.close_all()))
    with another_connection() as holder, another_connection() as looker:
        holder.execute("SELECT id FROM codes_code WHERE id = %s FOR NO KEY UPDATE", [last.pk])
        waiting.start()
        assert wait_until(lambda: not can_lock(looker, CODE, first.pk), seconds=10)
        account = LedgerAccount.objects.get(owner=scene.anna)

        assert can_lock(looker, ACCOUNT, account.pk)
        holder.rollback()
    waiting.join(20)
    assert not waiting.is_alive()


@contextmanager
def another_connection():
    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"], port=where["PORT"], user=where["USER"], password=where["PASSWORD"], dbname=where["NAME"]
    ) as other:
        yield other


def can_lock(other, table, key):
    """Whether the row is free for ``other``, which does not keep it."""
    found = other.execute(f"SELECT id FROM {table} WHERE id = %s FOR NO KEY UPDATE SKIP LOCKED", [key]).fetchall()
    other.rollback()
    return bool(found)


def test_a_list_of_everything_locks_in_the_same_order(scene):
    scene.redeem("NOBODY-HAS-THIS", TAGGING)
    commands = [
        scene.command(text, who)
        for who in (scene.bert, scene.anna)
        for text in (WORKING, MATCHING, TAGGING, "NOR-THIS", COOLING, OFFERING, CAPPED, PLAIN)
    ]
    commands.append(scene.in_browser(SESSION))
    tables = locked_by(lambda: scene.redeem(*commands))
    assert set(tables) == {BATCH, CODE, ACCOUNT, BUDGET}


def test_a_session_code_locks_its_row_alone(scene):
    assert locked_by(lambda: scene.redeem(scene.in_browser(SESSION))) == [CODE]
    assert locked_by(lambda: redeem_codes([scene.in_browser(SESSION)])) == [CODE]  # Which this browser holds.


def test_a_wrong_code_locks_nothing_but_budgets(scene):
    scene.redeem("NOBODY-HAS-THIS")
    assert locked_by(lambda: scene.redeem("NOR-THIS")) == [BUDGET]


def test_reversing_locks_as_redeeming_does(scene):
    plain, capped, tagging, working, offering, matching = scene.redeem(
        PLAIN, CAPPED, TAGGING, WORKING, OFFERING, MATCHING
    )
    [session] = scene.redeem(scene.in_browser(SESSION))
    assert locked_by(lambda: scene.reverse(plain, give_use_back=False)) == [CODE, ACCOUNT]
    assert locked_by(lambda: scene.reverse(capped)) == [BATCH, CODE, ACCOUNT]
    assert locked_by(lambda: scene.reverse(tagging)) == [CODE, TAG]
    assert locked_by(lambda: scene.reverse(working)) == [CODE, WORK]
    for licensed in (offering, matching, session):
        assert locked_by(lambda attempt_id=licensed: scene.reverse(attempt_id)) == [CODE, LICENCE]


def test_changing_and_switching_lock_one_row(scene):
    code = scene.code(CAPPED)
    assert locked_by(lambda: switching.switch_code(code, False, actor_id="staff")) == [CODE]
    assert locked_by(lambda: switching.change_code(code, actor_id="staff", max_uses=40, state="active")) == [CODE]
    assert locked_by(lambda: switching.switch_batch(code.batch, False, actor_id="staff")) == [BATCH]
    assert locked_by(lambda: switching.change_code(code, actor_id="staff", state="deleted")) == [CODE]


def test_advices_are_judged_under_the_lock_of_their_work_which_is_taken_first(scene):
    till = make_till(scene.site)

    def report(*texts):
        return [accepting.accept(report_of(till.client, text)) for text in texts]

    report("NOBODY-HAS-THIS")
    assert locked_by(draining.drain) == [ADVICE_WORK, ADVICE]
    report(PLAIN, WORKING, TAGGING, PLAIN)
    assert locked_by(draining.drain) == [ADVICE_WORK, CODE, ADVICE]
    report(COOLING, "NOBODY-HAS-THIS", CAPPED, PLAIN)
    tables = locked_by(draining.drain)
    assert (tables[0], set(tables)) == (ADVICE_WORK, {ADVICE_WORK, BATCH, CODE, ADVICE})

    parked = report(PLAIN, PLAIN)
    for give_back in (inbox.put_back, inbox.part):
        claims = inbox.claim(5)
        assert locked_by(lambda give_back=give_back, claims=claims: give_back(claims, "busy")) == [ADVICE_WORK]
        PendingAdvice.objects.update(due_at=clock.read(), leased=False, tries=7)
    claims = inbox.claim(5)
    assert locked_by(lambda: inbox.put_back(claims, "busy")) == [ADVICE_WORK, ADVICE]
    assert locked_by(lambda: retrying.discard(parked[:1], actor_id="staff", reason="")) == [ADVICE_WORK]
    assert locked_by(lambda: retrying.retry(parked, actor_id="staff", reason="")) == [ADVICE_WORK, ADVICE]


def test_sweeping_locks_codes(scene):
    make_batch(scene.site, 20)
    Code.objects.update(valid_until=clock.read() - dt.timedelta(seconds=1))
    assert locked_by(expiring.sweep_expired) == [CODE]


def test_issuing_locks_the_order_and_at_its_end_the_batch(scene):
    batch = make_batch(scene.site, 5)
    more = ordering.order_more(batch, 5, caller_key="system", actor_id="system")
    assert locked_by(lambda: ordering.order_more(batch, 5, caller_key="system", actor_id="system")) == [BATCH]
    assert locked_by(lambda: issuing.work_order(more.pk)) == [ORDER, BATCH]

    unwanted, _ = ordering.order_batch(new_batch(scene.site, count=5, worth_cents=500))
    assert locked_by(lambda: issuing.cancel_order(unwanted, actor_id="staff")) == [ORDER]
    assert locked_by(lambda: issuing.work_order(unwanted.pk)) == [ORDER, BATCH]


def test_the_deeds_beside_them_lock_what_is_theirs(scene):
    account = LedgerAccount.objects.get(owner=scene.anna)
    assert locked_by(lambda: moving.grant(account, 5, comment="", actor_id="staff")) == [ACCOUNT]
    assert locked_by(lambda: moving.spend(account, 5, comment="", actor_id="staff")) == [ACCOUNT]
    scene.redeem(WORKING)
    item = WorkItem.objects.get()
    assert locked_by(lambda: closing.close_work_item(item, True, actor_id="staff")) == [WORK]
    assert locked_by(mailing.send_due_mails) == [MAIL]
    locked_by(resealing.reseal)


def test_somebody_who_locks_the_other_way_round_makes_a_deadlock_and_no_client_hears_of_it(guarded):
    """The retry of R6: nothing on the platform breaks the order, so a stranger has to."""
    with guarded:
        code, text = guarded.code()
        claimant = guarded.claimant()
        account = LedgerAccount.objects.get(owner=claimant)

        def lock_account_then_code(line):
            with connection.cursor() as cursor:
                # The redemption is to find the circle, and to be the one that is broken off.
                cursor.execute("SET deadlock_timeout = '20s'")
                with transaction.atomic():
                    locking.lock_ids(LedgerAccount, [account.pk])
                    assert wait_until(lambda: somebody_waits(cursor), seconds=10, pause_seconds=0.005)
                    locking.lock_ids(Code, [code.pk])
                return deadlocks_so_far(cursor)

        def redeem(line):
            time.sleep(0.1)
            return line.ask(guarded.redeem(text, claimant))

        with connection.cursor() as cursor:
            before = deadlocks_so_far(cursor)
        _, answer = each_at_once(guarded.web.port, [lock_account_then_code, redeem])
        assert answer.word == "redeemed"
        with connection.cursor() as cursor:
            assert wait_until(lambda: deadlocks_so_far(cursor) == before + 1, seconds=10)


def somebody_waits(cursor):
    cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
    return cursor.fetchone() is not None


def deadlocks_so_far(cursor):
    cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    return cursor.fetchone()[0]
