"""Reversing a redemption: at most once, value and all, with the use given back or not."""

import datetime as dt
from dataclasses import replace

import pytest

from codes import expiring, reversing, switching
from codes.models import Attempt, Code, Reversal
from codes.refusals import AlreadyReversed, CodeBusy, IdempotencyMismatch, RedemptionNotFound
from ledger import moving
from ledger.models import LedgerAccount, LedgerTransaction
from ledger.refusals import AccountLocked, InsufficientBalance
from tests.codes.redeeming import assert_sound, cash, holdings, reason_of, redeem, spread, unknown_id
from tests.codes.test_rollback import state_error
from tests.factories import caller_of, make_claimant, make_client, make_code, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_claimant()


@pytest.fixture
def till(anna):
    return caller_of(make_client(anna.site, scopes=["redeem", "reverse"]))


@pytest.fixture
def code(anna):
    return make_code(anna.site)


def command(till, outcome, **fields):
    return reversing.ReverseRedemption(till, outcome.attempt.pk, fields.pop("reason", "a mistake"), **fields)


def reverse(till, outcome, **fields):
    return reversing.reverse(command(till, outcome, **fields))


def fresh(code):
    return Code.objects.get(pk=code.pk)


def test_without_the_use_the_value_is_voided_and_the_code_stays_used_up(anna, till, code, stopped_clock):
    outcome = redeem(anna)

    reversal, replayed = reverse(till, outcome)

    assert not replayed
    assert (reversal.reason, reversal.give_use_back) == ("a mistake", False)
    assert (reversal.caller, reversal.actor_id, reversal.decided_at) == (till.key, till.actor_id, stopped_clock.now)
    booking = reversal.ledger_transaction
    assert (booking.type, booking.reverses_id) == ("reversal", outcome.attempt.ledger_transaction_id)
    assert cash(anna) == 0
    assert spread(code.batch) == (500, 0, 0, 0, 500)
    assert (fresh(code).state, fresh(code).uses, fresh(code).redemptions) == (Code.State.USED_UP, 1, 1)
    assert reason_of(redeem(anna)) == "code_used_up"
    assert_sound()


def test_with_the_use_the_value_is_outstanding_again_and_the_code_active(anna, till, code):
    reverse(till, redeem(anna), give_use_back=True)

    assert spread(code.batch) == (500, 500, 0, 0, 0)
    assert (fresh(code).state, fresh(code).uses, fresh(code).redemptions) == (Code.State.ACTIVE, 0, 1)
    again = redeem(anna)
    assert (reason_of(again), again.attempt.use_number) == ("redeemed", 2)
    assert cash(anna) == 500
    assert_sound()


def test_the_redemption_itself_stays_as_it_was(anna, till, code):
    outcome = redeem(anna)
    before = Attempt.objects.filter(pk=outcome.attempt.pk).values().get()

    reverse(till, outcome, give_use_back=True)

    assert Attempt.objects.filter(pk=outcome.attempt.pk).values().get() == before


@pytest.mark.parametrize("give_use_back", [True, False])
def test_it_is_done_once(anna, till, code, give_use_back):
    outcome = redeem(anna)
    reverse(till, outcome)
    before = holdings(anna.site)

    with pytest.raises(AlreadyReversed):
        reverse(till, outcome, give_use_back=give_use_back)

    assert holdings(anna.site) == before


def test_money_that_has_been_spent_is_not_taken_back_and_nothing_changes(anna, till, code):
    outcome = redeem(anna)
    moving.spend(LedgerAccount.objects.get(owner=anna), 1, comment="a sweet", actor_id="system")
    before = holdings(anna.site)

    with pytest.raises(InsufficientBalance):
        reverse(till, outcome, give_use_back=True)

    assert holdings(anna.site) == before
    assert not Reversal.objects.exists()
    moving.grant(LedgerAccount.objects.get(owner=anna), 1, comment="found it", actor_id="system")
    assert reverse(till, outcome)[0].pk
    assert_sound()


@pytest.mark.parametrize("state", ["closed", "credit_only"])
def test_an_account_that_gives_nothing_keeps_it(anna, till, code, state):
    outcome = redeem(anna)
    LedgerAccount.objects.filter(owner=anna).update(state=state)

    with pytest.raises(AccountLocked):
        reverse(till, outcome)

    assert not Reversal.objects.exists()
    assert cash(anna) == 500


def test_what_is_no_redemption_of_the_site_is_not_found(anna, till, code):
    refused = redeem(anna, "NOPE-0001")
    outcome = redeem(anna)
    stranger = caller_of(make_client(make_site()))

    for who, attempt_id in ((till, refused.attempt.pk), (till, unknown_id()), (stranger, outcome.attempt.pk)):
        with pytest.raises(RedemptionNotFound):
            reversing.reverse(reversing.ReverseRedemption(who, attempt_id, "a mistake"))
    assert not Reversal.objects.exists()


class TestAnIdempotencyKey:
    def test_the_same_request_is_the_same_reversal(self, anna, till, code):
        outcome = redeem(anna)
        first, again = (reverse(till, outcome, idempotency_key="k1") for _ in range(2))

        assert (first[1], again[1]) == (False, True)
        assert first[0].pk == again[0].pk
        assert LedgerTransaction.objects.filter(type="reversal").count() == 1

    @pytest.mark.parametrize("other", [{"reason": "another"}, {"give_use_back": True}])
    def test_another_request_under_it_is_a_mismatch(self, anna, till, code, other):
        outcome = redeem(anna)
        reverse(till, outcome, idempotency_key="k1")

        with pytest.raises(IdempotencyMismatch):
            reverse(till, outcome, idempotency_key="k1", **other)

    def test_another_redemption_under_it_is_a_mismatch_and_is_not_reversed(self, anna, till, code):
        make_code(anna.site, "TWO-0002")
        one, two = redeem(anna), redeem(anna, "TWO-0002")
        reverse(till, one, idempotency_key="k1")

        with pytest.raises(IdempotencyMismatch):
            reverse(till, two, idempotency_key="k1")

        assert Reversal.objects.get().attempt_id == one.attempt.pk

    def test_it_is_the_callers_own(self, anna, till, code):
        outcome = redeem(anna)
        reverse(till, outcome, idempotency_key="k1")

        with pytest.raises(AlreadyReversed):
            reverse(replace(till, key="client:999"), outcome, idempotency_key="k1")

    def test_taken_at_the_same_moment_for_another_redemption_it_is_a_mismatch(self, anna, till, code, monkeypatch):
        make_code(anna.site, "TWO-0002")
        one, two = redeem(anna), redeem(anna, "TWO-0002")
        reverse(till, one, idempotency_key="k1")
        monkeypatch.setattr(reversing, "find_earlier", lambda command: None)

        with pytest.raises(IdempotencyMismatch):
            reverse(till, two, idempotency_key="k1")
        assert cash(anna) == 500


class TestACodeWithSeveralUses:
    def test_each_redemption_is_reversed_for_itself(self, anna, till):
        code = make_code(anna.site, uses=3)
        ben = make_claimant(anna.site)
        annas, bens = redeem(anna), redeem(ben)

        reverse(till, annas, give_use_back=True)
        assert (cash(anna), cash(ben), fresh(code).uses) == (0, 500, 1)
        reverse(till, bens)

        assert spread(code.batch) == (1_500, 1_000, 0, 0, 500)
        assert_sound()

    def test_a_capped_batch_gets_its_use_back(self, anna, till):
        code = make_code(anna.site, uses=2, total_cap=2)
        reverse(till, redeem(anna), give_use_back=True)

        code.batch.refresh_from_db()
        assert code.batch.uses_in_force == 0
        reverse(till, redeem(make_claimant(anna.site)))
        code.batch.refresh_from_db()
        assert code.batch.uses_in_force == 1
        assert_sound()


class TestACodeThatHasMovedOn:
    """The books follow the code, whatever has become of it since."""

    def expire(self, code, stopped_clock):
        switching.change_code(code, actor_id="boss", valid_until=stopped_clock.now + dt.timedelta(seconds=1))
        stopped_clock.advance(seconds=1)
        assert expiring.sweep_expired() == 1

    def test_a_disabled_code_stays_disabled(self, anna, till):
        code = make_code(anna.site, uses=2)
        outcome = redeem(anna)
        switching.switch_code(code, False, actor_id="boss")

        reverse(till, outcome, give_use_back=True)

        assert (fresh(code).state, fresh(code).uses) == (Code.State.DISABLED, 0)
        assert spread(code.batch) == (1_000, 1_000, 0, 0, 0)
        assert_sound()

    @pytest.mark.parametrize("uses", [1, 2, 5])
    def test_an_expired_code_is_swept_again_with_the_use_it_was_given_back(self, anna, till, stopped_clock, uses):
        code = make_code(anna.site, uses=uses)
        outcome = redeem(anna)
        self.expire(code, stopped_clock)
        assert spread(code.batch) == (500 * uses, 0, 500, 500 * (uses - 1), 0)

        reverse(till, outcome, give_use_back=True)
        assert spread(code.batch) == (500 * uses, 500 * uses, 0, 0, 0)
        assert_sound()

        assert expiring.sweep_expired() == 1
        assert spread(code.batch) == (500 * uses, 0, 0, 500 * uses, 0)
        assert fresh(code).state == Code.State.ACTIVE
        assert_sound()

    def test_an_expired_code_without_the_use_is_left_as_it_is(self, anna, till, stopped_clock):
        code = make_code(anna.site, uses=2)
        outcome = redeem(anna)
        self.expire(code, stopped_clock)

        reverse(till, outcome)

        assert spread(code.batch) == (1_000, 0, 0, 500, 500)
        assert expiring.sweep_expired() == 0
        assert_sound()

    @pytest.mark.parametrize("give_use_back", [True, False])
    def test_the_value_of_a_deleted_code_is_voided(self, anna, till, give_use_back):
        code = make_code(anna.site, uses=2)
        outcome = redeem(anna)
        switching.change_code(code, actor_id="boss", state="deleted")

        reverse(till, outcome, give_use_back=give_use_back)

        assert spread(code.batch) == (1_000, 0, 0, 0, 1_000)
        assert fresh(code).state == Code.State.DELETED
        assert_sound()

    def test_a_code_with_fewer_uses_since_is_active_again(self, anna, till):
        code = make_code(anna.site, uses=2)
        outcome = redeem(anna)
        switching.change_code(code, actor_id="boss", max_uses=1)
        assert fresh(code).state == Code.State.USED_UP

        reverse(till, outcome, give_use_back=True)

        assert fresh(code).state == Code.State.ACTIVE
        assert spread(code.batch) == (1_000, 500, 0, 0, 500)
        assert_sound()

    def test_without_value_nothing_is_booked(self, anna, till, stopped_clock):
        code = make_code(anna.site, worth_cents=0, uses=2)
        outcome = redeem(anna)
        self.expire(code, stopped_clock)

        reverse(till, outcome, give_use_back=True)

        assert not LedgerTransaction.objects.exists()
        assert fresh(code).uses == 0


def test_a_reason_longer_than_a_column_is_cut(anna, till, code):
    reversal, _ = reverse(till, redeem(anna), reason="r" * 300)

    reversal.refresh_from_db()
    assert reversal.reason == "r" * 200


def test_a_locked_code_is_busy(anna, till, code, monkeypatch):
    outcome = redeem(anna)

    def locked(*_):
        raise state_error("55P03")

    monkeypatch.setattr(reversing, "lock_code", locked)
    with pytest.raises(CodeBusy) as refused:
        reverse(till, outcome)
    assert refused.value.retry_after_seconds == 1
