"""Failed look-ups are counted before they are answered, and who has spent theirs is refused until the window ends."""

from dataclasses import replace

import pytest

from accounts.models import FailureBudget
from codes.models import Attempt
from codes.redemption import engine, guessing
from tests.codes.redeeming import ask, attempt, reason_of, redeem
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stopped_clock")]


@pytest.fixture
def anna():
    return make_claimant(make_site(), balance=1_000)


@pytest.fixture
def till(anna):
    return make_client(anna.site)


def guess(who, times, claimant=None, code="NOPE-0001"):
    """The reasons heard for so many wrong codes."""
    return [reason_of(redeem(who, code, claimant)) for _ in range(times)]


def test_ten_wrong_codes_are_told_so_and_the_eleventh_is_too_many(anna):
    assert guess(anna, 10) == ["code_not_found"] * 10

    eleventh = redeem(anna, "NOPE-0001")

    assert reason_of(eleventh) == "too_many_attempts"
    assert eleventh.refusal.retry_after_seconds == 900
    assert not eleventh.kept
    assert Attempt.objects.count() == 10


def test_a_right_code_is_refused_as_well_until_the_window_ends(anna, stopped_clock):
    make_code(anna.site)
    guess(anna, 10)
    stopped_clock.advance(seconds=600)

    refused = redeem(anna)
    assert (reason_of(refused), refused.refusal.retry_after_seconds) == ("too_many_attempts", 300)
    stopped_clock.advance(seconds=299.5)
    assert redeem(anna).refusal.retry_after_seconds == 1

    stopped_clock.advance(seconds=0.5)
    assert reason_of(redeem(anna)) == "redeemed"


def test_a_window_begins_with_its_first_failure_and_does_not_slide(anna, stopped_clock):
    guess(anna, 9)
    stopped_clock.advance(seconds=899)
    assert guess(anna, 2) == ["code_not_found", "too_many_attempts"]
    stopped_clock.advance(seconds=1)

    assert guess(anna, 11) == ["code_not_found"] * 10 + ["too_many_attempts"]


def test_a_success_does_not_set_the_count_back(anna):
    make_code(anna.site)
    guess(anna, 9)

    assert reason_of(redeem(anna)) == "redeemed"
    assert guess(anna, 2) == ["code_not_found", "too_many_attempts"]


@pytest.mark.parametrize("typed", ["***", "ABC", "A" * 65, "NOPE-0001"])
def test_unreadable_and_unknown_codes_count(anna, typed):
    guess(anna, 10, code=typed)

    assert guess(anna, 1) == ["too_many_attempts"]


def test_a_typo_in_a_code_of_ours_counts(anna):
    make_batch(anna.site, count=1)
    assert guess(anna, 11, code="AAAA-BBBB-CCCC-DDDE") == ["code_format_invalid"] * 10 + ["too_many_attempts"]


def test_other_refusals_do_not_count(anna):
    make_code(anna.site, "OFF-0001", valid_until=None)
    redeem(anna, "OFF-0001")
    for typed in ("", " ", "A" * 101, "OFF-0001"):
        assert "too_many_attempts" not in guess(anna, 12, code=typed)
    assert "too_many_attempts" not in guess(anna, 12, code="OFF-0001", claimant=make_claimant(anna.site))

    assert not FailureBudget.objects.exists()


def test_an_answer_told_again_is_no_guess(anna):
    for _ in range(30):
        assert reason_of(redeem(anna, "NOPE-0001", idempotency_key="k1")) == "code_not_found"

    assert guess(anna, 10) == ["code_not_found"] * 9 + ["too_many_attempts"]


def test_who_has_spent_their_budget_still_hears_an_earlier_answer(anna):
    make_code(anna.site)
    redeem(anna, idempotency_key="k1")
    guess(anna, 10)

    assert redeem(anna, idempotency_key="k1").replayed


def test_validations_count_too_and_leave_no_attempt(anna):
    for _ in range(10):
        assert reason_of(engine.validate_codes([ask(anna, "NOPE-0001")])[0]) == "code_not_found"

    assert reason_of(engine.validate_codes([ask(anna, "NOPE-0001")])[0]) == "too_many_attempts"
    assert guess(anna, 1) == ["too_many_attempts"]
    assert not Attempt.objects.exists()


class TestWhoseBudget:
    def test_a_login_has_one_whomever_it_asks_for(self, anna):
        others = [make_claimant(anna.site) for _ in range(2)]
        reasons = [guess(anna, 4, claimant)[-1] for claimant in (None, *others)]

        assert reasons == ["code_not_found", "code_not_found", "too_many_attempts"]

    def test_a_client_has_one_for_each_claimant(self, anna, till):
        ben = make_claimant(anna.site)

        assert guess(till, 11, anna)[-2:] == ["code_not_found", "too_many_attempts"]
        assert guess(till, 11, ben)[-2:] == ["code_not_found", "too_many_attempts"]
        assert guess(till, 11, "nobody")[-2:] == ["code_not_found", "too_many_attempts"]
        assert guess(till, 1, make_claimant(anna.site)) == ["code_not_found"]

    def test_white_space_makes_no_other_claimant(self, anna, till):
        guess(till, 10, anna.claimant_id)

        assert guess(till, 1, f" {anna.claimant_id}\t") == ["too_many_attempts"]

    def test_what_a_client_guesses_does_not_lock_the_claimants_own_login(self, anna, till):
        make_code(anna.site)
        guess(till, 11, anna)

        assert reason_of(redeem(anna)) == "redeemed"

    def test_what_one_client_guesses_does_not_lock_another(self, anna, till):
        guess(till, 11, anna)

        assert guess(make_client(anna.site), 1, anna) == ["code_not_found"]

    def test_a_stranger_cannot_be_locked_out_by_who_may_not_act_for_them(self, anna):
        ben = make_claimant(anna.site)
        kiosk = make_client(anna.site, acts_as=[anna])
        make_code(anna.site, uses=2)

        assert guess(kiosk, 20, ben) == ["code_not_found"] * 20
        # Not even for the kiosk itself, should it be allowed to act for them one day.
        kiosk.client.acts_as.add(ben)
        assert reason_of(redeem(kiosk, claimant=ben)) == "redeemed"

    def test_a_clients_total_is_its_sites_to_set(self, anna, till):
        anna.site.guesses_per_client = 3
        anna.site.save()
        claimants = [make_claimant(anna.site) for _ in range(4)]

        assert [guess(till, 1, claimant)[0] for claimant in claimants] == ["code_not_found"] * 3 + ["too_many_attempts"]
        assert guess(make_client(anna.site), 1, anna) == ["code_not_found"]

    def test_a_network_has_one_for_all_its_callers(self, anna):
        anna.site.guesses_per_network = 4
        anna.site.save()
        home = [
            replace(caller_of(make_claimant(anna.site)), network="192.0.2.7", guesses_per_network=4) for _ in range(3)
        ]
        away = replace(home[2], network="192.0.2.8")

        assert guess(home[0], 2, "nobody") + guess(home[1], 2, "nobody") == ["code_not_found"] * 4
        assert guess(home[2], 1, "nobody") == ["too_many_attempts"]
        assert guess(away, 1, "nobody") == ["code_not_found"]

    def test_the_site_has_one_for_all_together(self, anna):
        callers = [replace(caller_of(make_claimant(anna.site)), guesses_in_total=5) for _ in range(3)]
        elsewhere = make_claimant(make_site())

        assert [guess(caller, 2, "nobody")[-1] for caller in callers] == [
            "code_not_found",
            "code_not_found",
            "too_many_attempts",
        ]
        assert guess(elsewhere, 1) == ["code_not_found"]

    def test_a_claimant_of_another_site_with_the_same_id_is_another(self, anna, till):
        twin = make_claimant(make_site(), claimant_id=anna.claimant_id)
        guess(till, 10, anna)

        assert guess(make_client(twin.site), 1, twin) == ["code_not_found"]


class TestInAList:
    def test_each_failure_is_seen_by_the_commands_after_it(self, anna):
        make_code(anna.site)
        outcomes = engine.redeem_codes([ask(anna, "NOPE-0001") for _ in range(12)] + [ask(anna)])

        assert [reason_of(outcome) for outcome in outcomes] == ["code_not_found"] * 10 + ["too_many_attempts"] * 3
        assert Attempt.objects.count() == 10

    def test_a_list_ends_where_the_budget_does_whatever_others_took_meanwhile(self, anna, monkeypatch):
        """As when another list counts its failures between this one's judgement and its write."""
        write, others = guessing.Guesses.write, []

        def others_were_faster(guesses):
            if not others:
                others.append(1)
                engine.budgets.count_failures(dict.fromkeys(guesses.taken, 8), guesses.now)
            return write(guesses)

        monkeypatch.setattr(engine, "budgets", guessing.budgets, raising=False)
        with monkeypatch.context() as patched:
            patched.setattr(guessing.Guesses, "write", others_were_faster)
            outcomes = engine.redeem_codes([ask(anna, "NOPE-0001") for _ in range(4)])

        # The others' failures stood in the transaction that was given up here; in truth they were committed.
        assert [reason_of(outcome) for outcome in outcomes] == ["code_not_found"] * 4
        assert FailureBudget.objects.get(scope=scope_of(anna)).failures == 4

    def test_the_last_one_to_count_is_refused_if_others_took_the_room(self, anna, monkeypatch):
        write = guessing.Guesses.write

        def others_were_faster(guesses):
            guessing.budgets.count_failures(dict.fromkeys(guesses.taken, 10), guesses.now)
            return write(guesses)

        monkeypatch.setattr(guessing.Guesses, "write", others_were_faster)
        outcome = redeem(anna, "NOPE-0001")

        assert (reason_of(outcome), outcome.kept) == ("too_many_attempts", False)
        assert outcome.refusal.retry_after_seconds == 900
        assert not Attempt.objects.exists()


def scope_of(user):
    return guessing.Budget("guess login", f"user:{user.pk}", 10).scope


def test_a_code_that_belongs_to_somebody_else_is_no_wrong_code(anna):
    make_code(anna.site, owner=make_claimant(anna.site))

    assert guess(anna, 12, code="ABC-E6W5F") == ["not_entitled"] * 12


def test_a_refusal_for_too_many_attempts_judges_nothing(anna):
    guess(anna, 10)

    outcome = redeem(anna, "NOPE-0001")

    assert outcome.attempt.checks == []
    assert not Attempt.objects.filter(pk=outcome.attempt.pk).exists()
    with pytest.raises(Attempt.DoesNotExist):
        attempt(outcome)
