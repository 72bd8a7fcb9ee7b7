"""The checks about codes, and the command that asks them all: silent on what the platform did, loud on anything else."""

import re
from contextlib import suppress

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import clock
from accounts.callers import caller_for_browser
from accounts.invariants import listed
from codes import closing, expiring, hold_invariants, issuing, shop_rules, switching
from codes.advice import invariants as advice_invariants
from codes.assigning import AssignCode, assign
from codes.invariants import INVARIANTS
from codes.lookup import shown
from codes.models import Attempt, Batch, WorkItem
from codes.reversing import ReverseRedemption, reverse
from ledger import moving
from redemption_site.management.commands.check_invariants import snapshot
from tests.breaking import run, unguarded, violated
from tests.codes.editing import edit
from tests.codes.files import check, import_codes
from tests.codes.redeeming import redeem
from tests.content import make_browser, make_item, make_offer
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site
from tests.scenes import scene

BY_THE_DESK = {"actor_id": "desk"}


def build_world():
    """One site on which everything has happened that can happen to a code, and a second one for comparison."""
    make_code(make_site(), "ABC-E6W5F", worth_cents=700)
    site = make_site()
    ada, bob = make_claimant(site, balance=100), make_claimant(site)
    till = make_client(site, ["redeem", "reverse"])
    spent = moving.spend(ada.ledger_accounts.get(), 90, comment="", **BY_THE_DESK)

    make_code(site, "ABC-E6W5F", worth_cents=500)
    make_code(site, "MULTI-0001", uses=4, worth_cents=200, uses_per_claimant=2, total_cap=5)
    make_code(site, "COFFEE-0001", uses=4, worth_cents=0, action="fulfilment", parameters={"item": "A coffee"})
    make_code(site, "TAG-0001", uses=2, worth_cents=0)
    make_code(site, "BACK-0001", worth_cents=80, action="refund", parameters={"booking": str(spent.pk)})
    old = make_code(site, "OLD-0001", uses=3, worth_cents=300)
    late = make_code(site, "LATE-0001", uses=2, worth_cents=300)
    gone = make_code(site, "GONE-0001", uses=3, worth_cents=300)
    off = make_code(site, "OFF-0001", worth_cents=300)

    def use(who, text, key):
        outcome = redeem(till, text, who, idempotency_key=key)
        assert outcome.refusal is None, outcome.refusal
        return outcome.attempt

    use(ada, "ABC-E6W5F", "k1")
    used = [use(who, "MULTI-0001", f"m{number}") for number, who in enumerate((ada, ada, bob))]
    coffees = [use(who, "COFFEE-0001", who.claimant_id) for who in (ada, bob)]
    for who, text in ((ada, "TAG-0001"), (ada, "BACK-0001"), (ada, "LATE-0001")):
        use(who, text, text)
    given = give_content(site, till, ada)
    import_codes(site, "code,uses,value\nIMPORT-01,2,7.00\nIMPORT-02,,\n?,,\n", worth_cents=300)
    check(site, "WAITING-01\nWAITING-02\n?\n", worth_cents=300)
    late_back = [use(bob, text, text) for text in ("OLD-0001", "GONE-0001")]
    for who, text in ((ada, "NOPE-0001"), (bob, "ABC-E6W5F"), (ada, "TAG-0001"), (ada, "***")):
        assert redeem(till, text, who, idempotency_key=f"refused {text}").refusal

    for attempt, back in ((used[0], True), (used[1], False), (coffees[0], True), *((each, True) for each in given)):
        reverse(ReverseRedemption(caller_of(till), attempt.pk, "a mistake", give_use_back=back))
    use(ada, "MULTI-0001", "m3")
    closing.close_work_item(WorkItem.objects.get(attempt=coffees[1].pk), True, **BY_THE_DESK)

    for code in (old, late):
        switching.change_code(code, valid_until=clock.read(), **BY_THE_DESK)
    assert expiring.sweep_expired() == 2
    switching.change_code(late, valid_until=None, **BY_THE_DESK)
    switching.change_code(gone, max_uses=2, **BY_THE_DESK)
    switching.change_code(gone, max_uses=5, **BY_THE_DESK)
    switching.change_code(gone, state="deleted", **BY_THE_DESK)
    switching.switch_code(off, False, **BY_THE_DESK)
    for attempt in late_back:  # One code has expired and been swept meanwhile, the other was deleted.
        reverse(ReverseRedemption(caller_of(till), attempt.pk, "late", give_use_back=True))
    assert expiring.sweep_expired() == 1

    batch = make_batch(site, 4, worth_cents=100)
    order = issuing.order_more(batch, 3, caller_key="desk", **BY_THE_DESK)
    issuing.work_order(order.pk)
    cancelled = issuing.order_more(batch, 3, caller_key="desk", **BY_THE_DESK)
    assert issuing.cancel_order(cancelled, **BY_THE_DESK)
    issuing.work_order(cancelled.pk)
    issuing.order_more(batch, 3, caller_key="desk", **BY_THE_DESK)  # Waiting.
    for kind in ("disable", "delete"):
        edit(make_batch(site, 3, worth_cents=100), kind)
    hand_out(till, make_batch(site, 3, worth_cents=100), ada, bob)
    return site


history_scene = scene("history", build_world)


@pytest.fixture
def world(history_scene, db):
    """One site on which everything has happened that can happen to a code, and a second one for comparison."""
    return history_scene()


def hand_out(till, batch, ada, bob):
    """A code to each, of which one is redeemed."""
    told = [assign(AssignCode(caller_of(till), batch.pk, who.claimant_id, "k1"))[0] for who in (ada,)]
    told.append(assign(AssignCode(caller_of(till), batch.pk, bob.claimant_id))[0])
    assert redeem(till, shown(told[0].code), ada).refusal is None


def give_content(site, till, ada):
    """Redeem a code of each kind that licenses, twice; what the second ones gave is to be reversed."""
    items = [make_item(site, f"b{number}", ProductId="1") for number in (1, 2)]
    make_offer(items[0], "2dfe")
    browser = make_browser(site)
    given = []
    for name in ("apply_offer", "apply_offer_match", "session_license", "session_license_match"):
        parameters = {"access_control": "2dfe"} | ({"match": {"all": ["ProductId:1"]}} if "match" in name else {})
        for number in (1, 2):
            text = f"{name.replace('_', '-')}-{number}"
            make_code(site, text, worth_cents=0, action=name, parameters=parameters)
            if name.startswith("session"):
                asked = redeem(caller_for_browser(browser, site), text, "", door="add", browser_id=browser.pk)
            else:
                asked = redeem(till, text, ada)
            assert asked.refusal is None, asked.refusal
        given.append(asked.attempt)
    return given


def test_nothing_is_found_where_nothing_is_wrong(world):
    assert violated(tuple(listed())) == {}
    assert Attempt.objects.filter(outcome="redeemed").count() == 21


USED = "WHERE id = (SELECT MIN(id) FROM codes_code WHERE uses > 0)"
REDEEMED = "(SELECT id FROM codes_attempt WHERE outcome = 'redeemed' AND action = 'credit' ORDER BY id LIMIT 1)"
REFUSED = "(SELECT id FROM codes_attempt WHERE outcome = 'refused' ORDER BY id LIMIT 1)"
REVERSED = "(SELECT attempt_id FROM codes_reversal WHERE ledger_transaction_id IS NOT NULL ORDER BY id LIMIT 1)"
LICENCE = "(SELECT MAX(id) FROM accounts_licence)"
TAGGED_TWICE = """'{"tags": [7, 7]}'"""
OTHER_SITE = "(SELECT MIN(id) FROM accounts_site)"
ISSUED = (
    "(SELECT x.id FROM ledger_ledgertransaction x JOIN ledger_transfer t ON t.transaction_id = x.id "
    "JOIN codes_attempt a ON a.batch_id = t.batch_number WHERE x.type = 'activation' ORDER BY t.id LIMIT 1)"
)
SWEPT = "(SELECT id FROM ledger_ledgertransaction WHERE type = 'expiry' ORDER BY id LIMIT 1)"

# What somebody might change past every deed, and a part of the name of the check that must notice.
EXAMPLES = (
    # I4: where the value is.
    (f"UPDATE ledger_transfer SET amount = amount + 1 WHERE transaction_id = {ISSUED}", "outstanding value is that"),
    (f"UPDATE ledger_transfer SET amount = amount + 1 WHERE transaction_id = {ISSUED}", "less what was taken out"),
    (f"DELETE FROM ledger_transfer WHERE transaction_id = {ISSUED}", "none of these is less than nothing"),
    (f"DELETE FROM ledger_transfer WHERE transaction_id = {SWEPT}", "outstanding value is that"),
    ("UPDATE codes_code SET value_expired_at = NULL", "outstanding value is that"),
    ("UPDATE codes_code SET max_uses = max_uses + 1", "outstanding value is that"),
    ("UPDATE codes_code SET max_uses = max_uses + 9 WHERE state <> 'deleted'", "less what was taken out"),
    ("UPDATE codes_terms SET value = value + 1 WHERE asset_id IS NOT NULL", "redeemed value is that"),
    (f"DELETE FROM codes_reversal WHERE attempt_id = {REVERSED}", "redeemed value is that"),
    ("UPDATE ledger_transfer SET batch_number = NULL WHERE batch_number IS NOT NULL", "transfers of its own batch"),
    ("UPDATE ledger_transfer SET batch_number = batch_number + 1", "transfers of its own batch"),
    # I6: how often.
    (f"UPDATE codes_code SET uses = uses + 1 {USED}", "counters are its redemptions"),
    (f"UPDATE codes_code SET max_uses = 0 {USED}", "counters are its redemptions"),
    (f"UPDATE codes_code SET redemptions = redemptions + 1 {USED}", "counters are its redemptions"),
    (f"DELETE FROM codes_attempt WHERE id = {REDEEMED}", "counters are its redemptions"),
    (f"UPDATE codes_attempt SET use_number = use_number + 1 WHERE id = {REDEEMED}", "counters are its redemptions"),
    ("UPDATE codes_reversal SET give_use_back = NOT give_use_back", "counters are its redemptions"),
    ("UPDATE codes_attempt SET use_number = 1 WHERE use_number = 2", "have one number"),
    ("UPDATE codes_attempt SET claimant_use_number = 1 WHERE claimant_use_number = 2", "numbered without a gap, and"),
    ("UPDATE codes_attempt SET claimant_use_number = 3 WHERE claimant_use_number = 2", "numbered without a gap, and"),
    ("UPDATE codes_attempt SET claimant_use_number = NULL WHERE claimant_use_number = 1", "without a gap, and"),
    ("UPDATE codes_terms SET uses_per_claimant = 0", "those in force are within the cap"),
    ("UPDATE codes_batch SET uses_in_force = uses_in_force - 1 WHERE total_cap IS NOT NULL", "a capped batch counts"),
    ("UPDATE codes_batch SET total_cap = 1 WHERE total_cap IS NOT NULL", "a capped batch counts"),
    # I7: a redemption if and only if its effect.
    (f"UPDATE codes_attempt SET ledger_transaction_id = NULL WHERE id = {REDEEMED}", "has a ledger transaction"),
    (f"UPDATE codes_attempt SET ledger_transaction_id = NULL WHERE id = {REDEEMED}", "but by one redemption"),
    (f"DELETE FROM codes_attempt WHERE id = {REDEEMED}", "but by one redemption"),
    ("UPDATE codes_attempt SET outcome = 'refused' WHERE action = 'credit'", "has a ledger transaction"),
    (f"UPDATE ledger_transfer SET amount = amount + 1 WHERE transaction_id <> {ISSUED}", "the worth of one use"),
    ("UPDATE ledger_ledgertransaction SET type = 'refund' WHERE type = 'credit'", "the worth of one use"),
    ("UPDATE ledger_ledgertransaction SET booked_at = '2001-01-01 00:00:00'", "the worth of one use"),
    (
        "UPDATE ledger_ledgeraccount SET owner_id = (SELECT MIN(id) FROM accounts_user) WHERE owner_id IS NOT NULL",
        "the worth of one use",
    ),
    (
        "INSERT INTO ledger_transfer (transaction_id, debit_account_id, credit_account_id, amount, booked_at) "
        "SELECT transaction_id, debit_account_id, credit_account_id, 1, booked_at FROM ledger_transfer "
        "WHERE transaction_id = (SELECT ledger_transaction_id FROM codes_attempt "
        f"WHERE id = {REDEEMED})",
        "the worth of one use",
    ),
    ("UPDATE ledger_ledgertransaction SET type = 'credit' WHERE type = 'reversal'", "but by one redemption"),
    ("UPDATE codes_reversal SET ledger_transaction_id = NULL", "reverses its ledger transaction"),
    ("UPDATE ledger_ledgertransaction SET reverses_id = NULL", "reverses its ledger transaction"),
    (
        f"UPDATE codes_reversal SET attempt_id = {REFUSED} WHERE attempt_id = {REVERSED}",
        "a reversal is of a redemption",
    ),
    ("DELETE FROM codes_workitem WHERE state = 'done'", "one work item"),
    ("UPDATE codes_workitem SET state = 'open' WHERE state = 'cancelled'", "one work item"),
    ("UPDATE codes_attempt SET action = 'add_tags' WHERE action = 'fulfilment'", "one work item"),
    ("UPDATE accounts_licence SET site_id = site_id - 1", "a licence that a redemption gave"),
    ("UPDATE accounts_licence SET starts_at = '2001-01-01 00:00:00'", "a licence that a redemption gave"),
    (
        "UPDATE accounts_licence SET user_id = (SELECT MAX(id) FROM accounts_user) WHERE user_id IS NOT NULL",
        "a licence that a redemption gave",
    ),
    (
        "UPDATE codes_attempt SET action = 'add_tags' WHERE substr(action, 1, 7) = 'session'",
        "a licence that a redemption gave",
    ),
    (
        "UPDATE codes_attempt SET claimant_id = NULL WHERE substr(action, 1, 5) = 'apply'",
        "a licence that a redemption gave",
    ),
    (f"UPDATE accounts_licence SET given_by = {REFUSED} WHERE id = {LICENCE}", "a licence that a redemption gave"),
    ("UPDATE accounts_licence SET ended_at = NULL", "no licence lives"),
    (f"DELETE FROM accounts_licence WHERE id = {LICENCE}", "as many licences as its receipt tells"),
    ("DELETE FROM accounts_licence WHERE user_id IS NOT NULL", "as many licences as its receipt tells"),
    (
        """UPDATE codes_attempt SET result = '{"licences": []}' WHERE action = 'session_license'""",
        "as many licences as its receipt tells",
    ),
    (
        f"UPDATE codes_attempt SET given = {TAGGED_TWICE} WHERE action = 'add_tags'",
        "recorded each tag that it gave once",
    ),
    (f"UPDATE accounts_tag SET site_id = {OTHER_SITE}", "none of another site"),
    (f"UPDATE codes_code SET last_redeemed_at = NULL {USED}", "when it was last redeemed"),
    ("UPDATE codes_code SET last_redeemed_at = '2001-01-01 00:00:00'", "when it was last redeemed"),
    # I8: states and times.
    ("UPDATE codes_code SET valid_from = '2101-01-01 00:00:00'", "within its validity"),
    ("UPDATE codes_code SET valid_until = '2001-01-01 00:00:00'", "within its validity"),
    ("UPDATE codes_issueorder SET state = 'running' WHERE state = 'done'", "only a code of an order that is done"),
    ("UPDATE codes_code SET state = 'used_up' WHERE state = 'active'", "a used-up code has no use left"),
    ("UPDATE codes_code SET state = 'active' WHERE state = 'used_up'", "a used-up code has no use left"),
    ("UPDATE codes_issueorder SET state = 'done' WHERE state = 'queued'", "has exactly the codes"),
    ("UPDATE codes_issueorder SET issued = 0 WHERE state = 'done'", "has exactly the codes"),
    ("UPDATE codes_issueorder SET state = 'cancelled' WHERE state = 'done'", "has exactly the codes"),
    ("UPDATE codes_code SET serial = serial + 10000000", "has exactly the codes"),
    ("DELETE FROM codes_code WHERE redemptions = 0", "has exactly the codes"),
    ("UPDATE codes_batch SET state = 'issuing'", "a batch that can be or was redeemed"),
    (
        "UPDATE codes_code SET state = 'active' WHERE batch_id = (SELECT batch_id FROM codes_batchedit WHERE kind = 'delete')",
        "no code that is not deleted",
    ),
    ("DELETE FROM codes_batchedit WHERE kind = 'delete'", "a batch is deleted if and only if"),
    ("UPDATE codes_batch SET state = 'active' WHERE state = 'archived'", "a batch is deleted if and only if"),
    ("UPDATE codes_batchedit SET touched = 1", "an edit has touched or passed over every code"),
    ("UPDATE codes_codeimport SET good = good + 1, rows = rows + 1", "has the rows that it counted"),
    ("UPDATE codes_codeimport SET bad = bad + 1, rows = rows + 1", "has the rows that it counted"),
    ("DELETE FROM codes_importrow WHERE problem = ''", "has the rows that it counted"),
    ("UPDATE codes_importrow SET problem = ''", "has the rows that it counted"),
    # I8, I25: what publishers change and move.
    ("UPDATE codes_code SET terms_id = (SELECT MAX(terms_id) FROM codes_code)", "a code has the terms of its order"),
    ("UPDATE codes_issueorder SET moved = 1 WHERE state = 'done'", "in the batches that they were moved to"),
    ("UPDATE codes_issueorder SET emptied_at = created_at", "an order that was emptied"),
    ("UPDATE codes_attempt SET batch_id = (SELECT MAX(id) FROM codes_batch)", "an attempt is of its code's batch"),
    # I6: what was handed out.
    ("UPDATE codes_code SET owner_id = NULL WHERE owner_id IS NOT NULL", "is its claimant's own"),
    ("UPDATE codes_assignment SET claimant_id = (SELECT MIN(id) FROM accounts_user)", "is its claimant's own"),
    (f"UPDATE codes_assignment SET site_id = {OTHER_SITE}", "is its claimant's own"),
    ("UPDATE codes_assignment SET batch_id = (SELECT MIN(id) FROM codes_batch)", "unless it was moved"),
    (
        "UPDATE codes_assignment SET code_id = (SELECT MIN(code_id) FROM codes_assignment)",
        "no code is handed out twice",
    ),
    # I9, I14, I25: keys, and sites apart.
    (
        "UPDATE codes_code SET lookup_odd = (SELECT lookup_odd FROM codes_code ORDER BY id LIMIT 1)",
        "share a canonical form",
    ),
    ("UPDATE codes_attempt SET idempotency_key = 'k1' WHERE idempotency_key IS NOT NULL", "one attempt per caller"),
    ("UPDATE codes_attempt SET fingerprint = NULL", "a kept key has its fingerprint"),
    (f"UPDATE codes_batch SET site_id = {OTHER_SITE} WHERE id = (SELECT MAX(id) FROM codes_batch)", "are of one site"),
    (f"UPDATE codes_code SET site_id = {OTHER_SITE}", "are of one site"),
    ("UPDATE codes_code SET owner_id = (SELECT MAX(id) FROM accounts_user)", "are of one site"),
    (f"UPDATE codes_attempt SET site_id = {OTHER_SITE}", "touches nothing of another site"),
    (f"UPDATE codes_workitem SET site_id = {OTHER_SITE}", "touches nothing of another site"),
)


def test_what_was_changed_past_the_deeds_is_named(world):
    unnoticed = []
    with unguarded():
        for statement, name in EXAMPLES:
            # SQLite cannot take a uniqueness off that is in the table's own definition: there nothing gets past it.
            cannot = "assignment SET code_id" in statement and connection.vendor == "sqlite"
            with suppress(*[IntegrityError] * cannot), transaction.atomic():
                assert run(statement) > 0, statement
                found = violated(INVARIANTS)
                transaction.set_rollback(True)
                if not any(name in each for each in found):
                    unnoticed.append((statement, name, list(found)))

    assert unnoticed == []


def test_every_check_about_codes_has_been_seen_to_fail():
    """A check that no example breaks would prove nothing. Those about advices, orders and holds have examples of their own."""
    others = (*advice_invariants.INVARIANTS, *shop_rules.INVARIANTS, *hold_invariants.INVARIANTS)
    ours = [each for each in INVARIANTS if each not in others]
    assert [each.name for each in ours if not any(part in each.name for _, part in EXAMPLES)] == []


class TestCommand:
    def test_it_tells_what_holds_and_how_much_that_is(self, world, capsys):
        call_command("check_invariants")

        lines = capsys.readouterr().out.splitlines()
        count = len(list(listed()))
        assert [line.split()[0] for line in lines[:-1]] == ["ok"] * count
        assert lines[-1] == f"All {count} invariants hold."

    def test_it_stops_at_the_first_violation_and_names_the_rows(self, world, capsys, monkeypatch):
        # Here every trigger is missing, which is told first: only what comes after that is looked at.
        later = [each for each in listed() if each.name != "every trigger that keeps the books is there"]
        monkeypatch.setattr("accounts.invariants.listed", lambda: iter(later))
        with unguarded():
            run("UPDATE ledger_ledgeraccount SET balance = balance + 1 WHERE owner_id IS NOT NULL")
            with pytest.raises(CommandError, match="I2 does not hold: a stored balance is the sum"):
                call_command("check_invariants")

        lines = capsys.readouterr().out.splitlines()
        assert lines[-3] == "VIOLATED  I2   a stored balance is the sum of its account's transfers"
        assert all(re.search(r"id=\d+  balance=\d+  transfers=\d+", line) for line in lines[-2:])
        assert not any("invariants hold" in line for line in lines)

    def test_it_shows_the_first_rows_and_says_that_there_are_more(self, world, capsys):
        with unguarded(), pytest.raises(CommandError, match="I3 does not hold"):
            call_command("check_invariants")

        lines = capsys.readouterr().out.splitlines()
        assert len([line for line in lines if line.startswith("          trigger=")]) == 5
        assert lines[-1] == "          and more"


def test_in_a_transaction_of_its_own_it_sees_one_snapshot_and_cannot_write(committed_db, capsys):
    site = build_world()
    call_command("check_invariants")
    assert "invariants hold" in capsys.readouterr().out

    with snapshot():
        before = Batch.objects.count()
        committed_db.together(lambda: make_code(site, "AFTERWARDS-1"))
        assert Batch.objects.count() == before
    assert Batch.objects.count() == before + 1

    def write():
        with snapshot():
            Batch.objects.update(created_by="x")

    with pytest.raises(DatabaseError, match=r"(?i)read-?only"):
        write()
    make_code(site, "AND-ON-IT-GOES")  # The connection can write again.


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no such limits")
def test_the_limits_for_those_whom_somebody_waits_for_are_lifted_and_come_back(committed_db):
    def shown(setting):
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {setting}")
            return cursor.fetchone()[0]

    with snapshot():
        assert shown("transaction_isolation") == "repeatable read"
        assert (shown("statement_timeout"), shown("idle_in_transaction_session_timeout")) == ("0", "0")
    assert "0" not in (shown("statement_timeout"), shown("idle_in_transaction_session_timeout"))
    with transaction.atomic():
        for fails in (False, True):
            with suppress(DatabaseError), snapshot():
                assert (shown("statement_timeout"), shown("idle_in_transaction_session_timeout")) == ("0", "0")
                if fails:
                    shown("nothing of this name")
            # And in a caller's transaction, which goes on.
            assert "0" not in (shown("statement_timeout"), shown("idle_in_transaction_session_timeout"))


def test_the_guards_that_a_test_takes_off_are_back_afterwards(world):
    with unguarded():
        run("UPDATE codes_code SET uses = 1000000")

    with pytest.raises(IntegrityError):
        run("UPDATE codes_code SET uses = 1000000")
