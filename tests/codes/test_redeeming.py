"""A redemption that succeeds: what it changes, what it tells, and what it leaves behind."""

import pytest

from codes.lookup import shown
from codes.models import Attempt, Batch, Code, ReceiptMail
from codes.redemption import journal
from codes.redemption.engine import redeem_code, redeem_codes
from codes.refusals import CodeUsedUp
from ledger.models import LedgerTransaction
from tests.codes.redeeming import ask, assert_sound, attempt, cash, reason_of, redeem, spread
from tests.factories import make_batch, make_claimant, make_client, make_code, make_site, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_claimant(balance=1_000)


@pytest.fixture
def code(anna):
    return make_code(anna.site, "ABC-E6W5F", worth_cents=2_500)


def test_the_claimant_gets_the_value_and_the_code_is_used_up(anna, code, stopped_clock):
    outcome = redeem(anna, channel="WEB", reference="order 7", venue_id="till 1")

    assert cash(anna) == 3_500
    assert spread(code.batch) == (2_500, 0, 2_500, 0, 0)
    code.refresh_from_db()
    assert (code.state, code.uses, code.redemptions) == (Code.State.USED_UP, 1, 1)
    assert (code.last_redeemed_at, code.last_actor_id) == (stopped_clock.now, anna.claimant_id)
    assert outcome.code_shown == "ABC-E6W5F"
    assert_sound()


def test_the_attempt_is_audit_record_and_receipt(anna, code, stopped_clock):
    outcome = redeem(anna, " abc e6w5f", channel="WEB", reference="order 7", venue_id="till 1", idempotency_key="k1")

    row = attempt(outcome)
    assert (row.outcome, row.reason, row.step, row.door) == ("redeemed", "", 10, "api")
    assert (row.code_id, row.batch_id, row.claimant_id, row.site_id) == (code.pk, code.batch_id, anna.pk, anna.site_id)
    assert (row.caller, row.actor_id, row.client_id) == (f"user:{anna.pk}", anna.claimant_id, None)
    assert (row.channel, row.reference, row.venue_id) == ("WEB", "order 7", "till 1")
    assert (row.claimant_given, row.idempotency_key) == (anna.claimant_id, "k1")
    assert (row.use_number, row.claimant_use_number, row.uses_left) == (1, 1, 0)
    assert row.decided_at == stopped_clock.now
    assert row.action == "credit"
    assert row.result == {"amount": "25.00", "currency": "EUR", "balance_after": "35.00"}
    booking = row.ledger_transaction
    assert (booking.type, booking.reference, booking.booked_at) == ("credit", "order 7", stopped_clock.now)
    assert booking.comment == f"Code {code}"
    assert Attempt.objects.count() == 1


def test_a_client_is_the_actor_of_what_it_redeems_for_a_claimant(anna, code):
    till = make_client(anna.site)

    row = attempt(redeem(till, claimant=anna))

    assert (row.actor_id, row.client, row.claimant) == (till.client.prefix, till.client, anna)
    code.refresh_from_db()
    assert code.last_actor_id == till.client.prefix


def test_claimant_ids_are_trimmed_and_otherwise_compared_exactly(anna, code):
    till = make_client(anna.site)

    assert reason_of(redeem(till, claimant=anna.claimant_id.upper())) == "claimant_unknown"
    outcome = redeem(till, claimant=f" \t{anna.claimant_id}\u00a0")

    assert reason_of(outcome) == "redeemed"
    assert outcome.attempt.claimant_given == anna.claimant_id


def test_the_checks_tell_what_was_looked_at_in_order(anna, stopped_clock):
    make_code(anna.site, "FULL-1", uses=3, cooldown_seconds=60, total_cap=5, venues=["till 1"])

    row = attempt(redeem(anna, "FULL-1", venue_id="till 1"))

    assert [(check["step"], check["check"], check["passed"]) for check in row.checks] == [
        (2, "code_given", True),
        (2, "claimant_given", True),
        (2, "lengths", True),
        (2, "readable", True),
        (2, "check_symbol", True),
        (3, "code_found", True),
        (4, "switched_on", True),
        (4, "started", True),
        (4, "not_expired", True),
        (4, "uses_left", True),
        (4, "not_reserved", True),
        (5, "claimant_known", True),
        (5, "claimant_active", True),
        (5, "caller_may_act", True),
        (5, "entitled", True),
        (6, "claimant_cap", True),
        (6, "batch_cap", True),
        (6, "venue", True),
        (6, "cooldown", True),
    ]
    seen = {check["check"]: check["seen"] for check in row.checks}
    assert seen["uses_left"] == {"uses": 0, "max_uses": 3}
    assert seen["claimant_cap"] == {"uses": 0, "cap": 1}
    assert seen["batch_cap"] == {"uses": 0, "cap": 5}
    assert seen["venue"] == {"venue": "till 1"}
    assert seen["cooldown"] == {"last": None, "seconds": 60}
    assert seen["switched_on"] == {"code": "active", "batch": "active"}


def test_the_checks_of_a_refusal_end_with_the_one_that_failed_and_its_values(anna, code, stopped_clock):
    Code.objects.filter(pk=code.pk).update(valid_until=stopped_clock.now)

    row = attempt(redeem(anna))

    assert row.checks[-1] == {
        "step": 4,
        "check": "not_expired",
        "passed": False,
        "seen": {"valid_until": "2026-11-21T12:00:00+00:00", "now": "2026-11-21T12:00:00+00:00"},
    }
    assert all(check["passed"] for check in row.checks[:-1])


def test_no_check_tells_a_code_or_what_was_typed(anna):
    for typed in ("NOPE-0001", "***", "TYPED-" * 20, ""):
        row = attempt(redeem(anna, typed))
        assert "nope" not in str(row.checks).lower()
        assert "typed" not in str(row.checks).lower()


def test_receipts_are_numbered_upwards(anna):
    make_code(anna.site, "MANY-1", uses=9, uses_per_claimant=9)

    numbers = [redeem(anna, "MANY-1").attempt.receipt_number for _ in range(4)]
    together = redeem_codes([ask(anna, "MANY-1") for _ in range(4)])
    numbers += [outcome.attempt.receipt_number for outcome in together]

    assert numbers == sorted(set(numbers))
    assert [attempt(outcome).receipt_number for outcome in together] == numbers[4:]
    assert attempt(together[0]).receipt_id == f"R-{numbers[4]:09d}"


def test_a_receipt_mail_is_due_for_whoever_has_an_address(anna, code):
    make_code(anna.site, "MANY-1", uses=9)
    silent = make_claimant(anna.site, email="")
    outcome = redeem(anna)
    redeem(silent, "MANY-1")
    redeem(anna, "NOPE-0001")

    mail = ReceiptMail.objects.get()
    assert (mail.attempt_id, mail.state, mail.tries) == (outcome.attempt.pk, ReceiptMail.State.DUE, 0)


def test_one_command_answers_or_raises_with_its_outcome(anna, code):
    assert redeem_code(ask(anna)).attempt.receipt_number

    with pytest.raises(CodeUsedUp) as refused:
        redeem_code(ask(anna))

    assert refused.value.outcome.attempt.reason == "code_used_up"
    assert refused.value.receipt_number == Attempt.objects.get(outcome="redeemed").receipt_number


def test_no_commands_are_no_outcomes(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert redeem_codes([]) == []


def test_an_attempt_can_be_read_again_as_it_was_answered(anna, code):
    redeemed, refused = redeem(anna), redeem(anna)

    found = journal.find_attempt(anna.site_id, redeemed.attempt.pk)
    assert (found.code_shown, found.refusal, found.attempt.uses_left) == ("ABC-E6W5F", None, 0)
    found = journal.find_attempt(anna.site_id, refused.attempt.pk)
    assert found.refusal == refused.refusal
    assert found.code_shown is None
    assert journal.find_attempt(make_site().pk, redeemed.attempt.pk) is None


class TestWhoHearsAReceipt:
    """The claimant or the actor of that redemption, and nobody else."""

    def test_of_a_used_up_code_its_claimant_does(self, anna, code):
        ben = make_claimant(anna.site)
        first = redeem(anna)

        assert redeem(anna).refusal.receipt_number == first.attempt.receipt_number
        assert redeem(ben).refusal.receipt_number is None

    def test_of_a_used_up_code_its_actor_does_whoever_they_ask_for(self, anna, code):
        till, other = make_client(anna.site), make_client(anna.site)
        ben = make_claimant(anna.site)
        first = redeem(till, claimant=anna)

        assert redeem(till, claimant=ben).refusal.receipt_number == first.attempt.receipt_number
        assert redeem(other, claimant=ben).refusal.receipt_number is None
        assert redeem(other, claimant=anna).refusal.receipt_number == first.attempt.receipt_number

    def test_a_client_that_may_not_act_for_the_claimant_does_not(self, anna, code):
        ben = make_claimant(anna.site)
        kiosk = make_client(anna.site, acts_as=[ben])
        redeem(anna)

        assert redeem(kiosk, claimant=anna).refusal.receipt_number is None

    def test_of_a_code_with_several_uses_each_claimant_hears_their_own(self, anna):
        make_code(anna.site, "MANY-1", uses=2)
        ben, cleo = make_claimant(anna.site), make_claimant(anna.site)
        annas, bens = redeem(anna, "MANY-1"), redeem(ben, "MANY-1")

        assert reason_of(redeem(anna, "MANY-1")) == "code_used_up"
        assert redeem(anna, "MANY-1").refusal.receipt_number == annas.attempt.receipt_number
        assert redeem(ben, "MANY-1").refusal.receipt_number == bens.attempt.receipt_number
        assert redeem(cleo, "MANY-1").refusal.receipt_number is None

    def test_of_an_already_redeemed_code_the_claimant_does(self, anna):
        make_code(anna.site, "MANY-1", uses=3)
        first = redeem(anna, "MANY-1")

        refused = redeem(anna, "MANY-1")

        assert reason_of(refused) == "already_redeemed"
        assert refused.refusal.receipt_number == attempt(refused).earlier_receipt == first.attempt.receipt_number


def test_a_list_tells_receipts_that_were_drawn_within_it(anna, code):
    outcomes = redeem_codes([ask(anna), ask(anna), ask(anna, "NOPE-0001")])

    assert [reason_of(outcome) for outcome in outcomes] == ["redeemed", "code_used_up", "code_not_found"]
    assert outcomes[1].refusal.receipt_number == outcomes[0].attempt.receipt_number
    assert attempt(outcomes[1]).earlier_receipt == attempt(outcomes[0]).receipt_number


def test_a_list_over_several_sites_keeps_them_apart():
    one, two = make_claimant(claimant_id="u-1"), make_claimant(claimant_id="u-1")
    make_code(one.site, "SAME-1", worth_cents=100)
    make_code(two.site, "SAME-1", worth_cents=900)
    make_code(one.site, "ONLY-1", worth_cents=100)

    outcomes = redeem_codes([ask(one, "SAME-1"), ask(two, "SAME-1"), ask(two, "ONLY-1")])

    assert [reason_of(outcome) for outcome in outcomes] == ["redeemed", "redeemed", "code_not_found"]
    assert (cash(one), cash(two)) == (100, 900)
    assert_sound()


def test_a_person_without_an_account_is_given_none(code, anna):
    stranger = make_user(anna.site)

    assert reason_of(redeem(stranger)) == "account_missing"
    assert not stranger.ledger_accounts.exists()


def test_a_batch_that_was_switched_off_takes_its_codes_with_it(anna):
    batch = make_batch(anna.site, count=1)
    Batch.objects.update(state=Batch.State.DISABLED)

    assert reason_of(redeem(anna, shown(batch.codes.get()))) == "code_disabled"
    assert not LedgerTransaction.objects.filter(type="credit").exists()
