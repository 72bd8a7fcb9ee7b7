"""Reservations, owners, venues, caps, cool-downs, and the very instants at which validity begins and ends."""

import datetime as dt

import pytest

from accounts import clock
from codes import lookup, reversing
from codes.models import Batch, Code, CodeHold
from codes.redemption.engine import redeem_codes, validate_codes
from tests.codes.redeeming import ask, assert_sound, cash, reason_of, redeem
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_hold, make_user

pytestmark = pytest.mark.django_db

TICK = dt.timedelta(microseconds=1)


@pytest.fixture
def anna():
    return make_claimant(balance=1_000)


@pytest.fixture
def till(anna):
    return make_client(anna.site, scopes=["redeem", "reverse"])


def hold(code, owner, token="annas token"):
    return make_hold(code, token=token, owner=owner)


def ended(held):
    """How the hold has ended, and its reservation."""
    held = CodeHold.objects.select_related("reservation").get(pk=held.pk)
    return held.ended_as, held.reservation.ended_as


def held_of(code):
    return Code.objects.get(pk=code.pk).held


class TestAHeldCode:
    def test_it_is_reserved_for_everybody_but_the_tokens_bearer(self, anna):
        held = hold(make_code(anna.site), anna)

        assert reason_of(redeem(anna)) == "code_reserved"
        assert reason_of(redeem(anna, reservation_token="another")) == "code_reserved"
        assert reason_of(redeem(anna, reservation_token="")) == "code_reserved"
        assert (cash(anna), ended(held)) == (1_000, ("", ""))
        redeemed = redeem(anna, reservation_token="annas token")
        assert reason_of(redeemed) == "redeemed"
        assert ended(held) == ("consumed", "consumed")
        assert CodeHold.objects.get().attempt_id == redeemed.attempt.pk
        assert held_of(held.code) == 0
        assert_sound()

    def test_its_token_is_worth_nothing_for_another_claimant(self, anna, till):
        held = hold(make_code(anna.site), anna)
        ben = make_claimant(anna.site)

        assert reason_of(redeem(till, claimant=ben, reservation_token="annas token")) == "code_reserved"
        assert (cash(ben), ended(held)) == (0, ("", ""))
        assert reason_of(redeem(till, claimant=anna, reservation_token="annas token")) == "redeemed"

    def test_a_hold_keeps_one_use_and_no_more_from_others(self, anna):
        code = make_code(anna.site, uses=3)
        ben, cleo, dora = (make_claimant(anna.site) for _ in range(3))
        hold(code, anna)
        hold(code, ben, "bens token")

        assert reason_of(redeem(cleo)) == "redeemed"
        assert reason_of(redeem(dora)) == "code_reserved"
        assert reason_of(redeem(ben, reservation_token="bens token")) == "redeemed"
        assert reason_of(redeem(anna, reservation_token="annas token")) == "redeemed"
        assert reason_of(redeem(dora)) == "code_used_up"
        assert_sound()

    def test_its_token_takes_one_use_and_is_worth_nothing_then(self, anna):
        code = make_code(anna.site, uses=2, uses_per_claimant=2)
        held = hold(code, anna)
        hold(code, make_claimant(anna.site), "bens token")

        assert reason_of(redeem(anna, reservation_token="annas token")) == "redeemed"
        assert reason_of(redeem(anna, reservation_token="annas token")) == "code_reserved"
        assert (ended(held), cash(anna)) == (("consumed", "consumed"), 1_500)

    def test_a_reservation_of_two_codes_is_consumed_with_the_second(self, anna):
        held = hold(make_code(anna.site, "ONE-0001"), anna)
        other = CodeHold.objects.create(
            reservation=held.reservation, code=make_code(anna.site, "TWO-0002"), expires_at=held.expires_at
        )

        assert reason_of(redeem(anna, "ONE-0001", reservation_token="annas token")) == "redeemed"
        assert (ended(held), ended(other)) == (("consumed", ""), ("", ""))
        assert reason_of(redeem(anna, "TWO-0002", reservation_token="annas token")) == "redeemed"
        assert (ended(held), ended(other)) == (("consumed", "consumed"), ("consumed", "consumed"))

    def test_one_that_is_not_used_by_who_needs_none_stays(self, anna, till):
        held = hold(make_code(anna.site, uses=2), anna)

        assert reason_of(redeem(till, claimant=make_claimant(anna.site))) == "redeemed"

        assert (ended(held), held_of(held.code)) == (("", ""), 1)

    def test_after_its_time_it_counts_as_absent_though_no_task_ran(self, anna, stopped_clock):
        held = hold(make_code(anna.site), anna)
        ben = make_claimant(anna.site)
        stopped_clock.advance(seconds=300, microseconds=-1)
        assert reason_of(redeem(ben)) == "code_reserved"

        stopped_clock.advance(microseconds=1)

        assert reason_of(redeem(ben)) == "redeemed"
        assert (ended(held)[0], held_of(held.code)) == ("expired", 0)
        assert_sound()

    def test_its_own_token_opens_nothing_after_its_time(self, anna, stopped_clock):
        code = make_code(anna.site)
        hold(code, anna)
        stopped_clock.advance(seconds=300)
        hold_of_ben = hold_again(code, make_claimant(anna.site))

        assert reason_of(redeem(anna, reservation_token="annas token")) == "code_reserved"
        assert ended(hold_of_ben) == ("", "")

    @pytest.mark.parametrize("ended_as", ["released", "expired"])
    def test_one_that_has_ended_is_absent(self, anna, ended_as, stopped_clock):
        held = hold(make_code(anna.site), make_claimant(anna.site))
        if ended_as == "expired":
            stopped_clock.advance(seconds=300)
        CodeHold.objects.filter(pk=held.pk).update(ended_as=ended_as, ended_at=clock.read())

        assert reason_of(redeem(anna)) == "redeemed"

    def test_in_a_list_it_concerns_its_own_code_alone(self, anna):
        hold(make_code(anna.site, "HELD-1"), anna)
        make_code(anna.site, "FREE-1")

        outcomes = redeem_codes(
            [ask(anna, "HELD-1"), ask(anna, "FREE-1"), ask(anna, "HELD-1", reservation_token="annas token")]
        )

        assert [reason_of(outcome) for outcome in outcomes] == ["code_reserved", "redeemed", "redeemed"]

    def test_in_a_list_a_token_takes_the_use_once(self, anna):
        code = make_code(anna.site, uses=3, uses_per_claimant=3)
        hold(code, anna)
        hold(code, make_claimant(anna.site), "bens token")

        outcomes = redeem_codes([ask(anna, reservation_token="annas token") for _ in range(3)])

        assert [reason_of(outcome) for outcome in outcomes] == ["redeemed", "redeemed", "code_reserved"]
        assert_sound()

    def test_judging_alone_ends_no_hold(self, anna):
        held = hold(make_code(anna.site), anna)

        [outcome] = validate_codes([ask(anna, reservation_token="annas token")])

        assert (reason_of(outcome), ended(held)) == ("redeemed", ("", ""))


def hold_again(code, owner):
    """Held by another once the first hold has expired, which whoever holds it anew ends."""
    CodeHold.objects.filter(code=code, ended_as="").update(ended_as="expired", ended_at=clock.read())
    return make_hold(code, token="bens token", owner=owner)


class TestAnOwner:
    def test_alone_may_redeem_the_code(self, anna, till):
        make_code(anna.site, owner=anna)
        ben = make_claimant(anna.site)

        assert reason_of(redeem(ben)) == "not_entitled"
        assert reason_of(redeem(till, claimant=ben)) == "not_entitled"
        assert reason_of(redeem(till, claimant=anna)) == "redeemed"


class TestVenues:
    @pytest.mark.parametrize(("venue", "reason"), [("till 1", "redeemed"), ("Till 1", "venue_not_allowed")])
    def test_they_are_compared_exactly(self, anna, venue, reason):
        make_code(anna.site, venues=["till 1", "till 2"])

        assert reason_of(redeem(anna, venue_id=venue)) == reason

    def test_without_one_a_code_tied_to_some_is_refused(self, anna):
        make_code(anna.site, venues=["till 1"])

        assert reason_of(redeem(anna)) == "venue_not_allowed"

    def test_a_code_tied_to_none_counts_everywhere(self, anna):
        make_code(anna.site)

        assert reason_of(redeem(anna, venue_id="on the moon")) == "redeemed"


class TestCoolDown:
    def test_it_is_over_at_its_very_last_instant(self, anna, stopped_clock):
        make_code(anna.site, uses=3, uses_per_claimant=3, cooldown_seconds=60)
        redeem(anna)
        stopped_clock.advance(seconds=60, microseconds=-1)
        assert reason_of(redeem(anna)) == "cooldown_active"

        stopped_clock.advance(microseconds=1)

        assert reason_of(redeem(anna)) == "redeemed"
        assert reason_of(redeem(anna)) == "cooldown_active"

    def test_it_is_for_each_claimant_and_over_all_codes_of_the_batch(self, anna):
        batch = make_batch(anna.site, count=2, uses=2, cooldown_seconds=60)
        one, two = (lookup.shown(code) for code in batch.codes.order_by("serial"))

        assert reason_of(redeem(anna, one)) == "redeemed"
        assert reason_of(redeem(anna, two)) == "cooldown_active"
        assert reason_of(redeem(make_claimant(anna.site), two)) == "redeemed"

    def test_a_refusal_does_not_start_it(self, anna):
        make_code(anna.site, uses=3, cooldown_seconds=60, venues=["till 1"])
        redeem(anna)

        assert reason_of(redeem(anna, venue_id="till 1")) == "redeemed"

    def test_another_batch_does_not_start_it(self, anna):
        make_code(anna.site, "ONE-0001", uses=3, cooldown_seconds=60)
        make_code(anna.site, "TWO-0002", uses=3, cooldown_seconds=60)

        assert [reason_of(redeem(anna, text)) for text in ("ONE-0001", "TWO-0002")] == ["redeemed", "redeemed"]


class TestCaps:
    def give_back(self, till, outcome, give_use_back=True):
        reversing.reverse(
            reversing.ReverseRedemption(caller_of(till), outcome.attempt.pk, "a mistake", give_use_back=give_use_back)
        )

    def test_a_batchs_cap_counts_over_all_its_codes(self, anna):
        batch = make_batch(anna.site, count=3, total_cap=2)
        texts = [lookup.shown(code) for code in batch.codes.order_by("serial")]

        reasons = [reason_of(redeem(make_claimant(anna.site), text)) for text in texts]

        assert reasons == ["redeemed", "redeemed", "campaign_cap_reached"]
        assert Batch.objects.get(pk=batch.pk).uses_in_force == 2
        assert Code.objects.filter(uses=1).count() == 2
        assert_sound()

    def test_a_use_given_back_makes_room_under_the_batchs_cap(self, anna, till):
        make_code(anna.site, uses=5, total_cap=1)
        first = redeem(anna)
        ben = make_claimant(anna.site)
        assert reason_of(redeem(ben)) == "campaign_cap_reached"

        self.give_back(till, first)

        assert reason_of(redeem(ben)) == "redeemed"
        assert Batch.objects.get().uses_in_force == 1
        assert_sound()

    def test_a_reversal_that_keeps_the_use_makes_none(self, anna, till):
        make_code(anna.site, uses=5, total_cap=1)
        self.give_back(till, redeem(anna), give_use_back=False)

        assert reason_of(redeem(make_claimant(anna.site))) == "campaign_cap_reached"
        assert_sound()

    def test_a_claimants_cap_counts_uses_in_force(self, anna, till):
        make_code(anna.site, uses=9, uses_per_claimant=2)
        first, second = redeem(anna), redeem(anna)
        assert reason_of(redeem(anna)) == "claimant_cap_reached"

        self.give_back(till, first)
        third = redeem(anna)
        assert reason_of(third) == "redeemed"
        assert reason_of(redeem(anna)) == "claimant_cap_reached"
        self.give_back(till, second, give_use_back=False)

        assert reason_of(redeem(anna)) == "claimant_cap_reached"
        assert (third.attempt.use_number, third.attempt.claimant_use_number) == (3, 3)
        assert_sound()

    def test_a_claimant_with_one_use_may_use_it_again_when_it_was_given_back(self, anna, till):
        make_code(anna.site, uses=3)
        self.give_back(till, redeem(anna))

        again = redeem(anna)

        assert (reason_of(again), again.attempt.claimant_use_number, again.attempt.uses_left) == ("redeemed", 2, 2)
        assert cash(anna) == 1_500

    def test_claimants_do_not_share_a_cap(self, anna):
        make_code(anna.site, uses=3)

        assert [reason_of(redeem(who)) for who in (anna, make_claimant(anna.site), anna)] == [
            "redeemed",
            "redeemed",
            "already_redeemed",
        ]


class TestInstants:
    """Half-open: usable while valid_from <= now < valid_until."""

    @pytest.mark.parametrize(
        ("moved", "reason"),
        [
            (-TICK, "code_not_yet_valid"),
            (dt.timedelta(0), "redeemed"),
            (dt.timedelta(hours=1) - TICK, "redeemed"),
            (dt.timedelta(hours=1), "code_expired"),
            (dt.timedelta(hours=1) + TICK, "code_expired"),
        ],
    )
    def test_the_first_instant_counts_and_the_end_does_not(self, anna, stopped_clock, moved, reason):
        code = make_code(anna.site)
        start = stopped_clock.now
        Code.objects.filter(pk=code.pk).update(valid_from=start, valid_until=start + dt.timedelta(hours=1))

        stopped_clock.now = start + moved

        assert reason_of(redeem(anna)) == reason

    @pytest.mark.parametrize(
        ("zone", "last_day", "end"),
        [
            ("UTC", "2026-12-31", "2027-01-01T00:00"),
            ("Europe/Berlin", "2026-03-29", "2026-03-29T22:00"),
            ("Europe/Berlin", "2026-10-25", "2026-10-25T23:00"),
            ("America/Santiago", "2026-09-05", "2026-09-06T04:00"),
            ("Pacific/Kiritimati", "2026-11-21", "2026-11-21T10:00"),
            ("Pacific/Midway", "2026-11-21", "2026-11-22T11:00"),
            ("Pacific/Marquesas", "2026-11-21", "2026-11-22T09:30"),
            ("UTC", "2028-02-29", "2028-03-01T00:00"),
        ],
    )
    def test_the_last_day_counts_to_its_end_in_its_own_time_zone(self, anna, stopped_clock, zone, last_day, end):
        make_code(anna.site, uses=2, valid_until=dt.date.fromisoformat(last_day), time_zone=zone)
        stopped_clock.now = dt.datetime.fromisoformat(end).replace(tzinfo=dt.UTC) - TICK
        assert reason_of(redeem(anna)) == "redeemed"

        stopped_clock.advance(microseconds=1)

        assert reason_of(redeem(make_claimant(anna.site))) == "code_expired"

    @pytest.mark.parametrize(
        ("zone", "start"), [("Europe/Berlin", "2026-03-28T23:00"), ("Asia/Kathmandu", "2026-03-28T18:15")]
    )
    def test_the_first_day_counts_from_its_start_in_its_own_time_zone(self, anna, stopped_clock, zone, start):
        make_code(anna.site, valid_from=dt.date(2026, 3, 29), time_zone=zone)
        stopped_clock.now = dt.datetime.fromisoformat(start).replace(tzinfo=dt.UTC) - TICK
        assert reason_of(redeem(anna)) == "code_not_yet_valid"

        stopped_clock.advance(microseconds=1)

        assert reason_of(redeem(anna)) == "redeemed"

    def test_the_databases_clock_decides_and_it_is_read_after_the_locks(self, anna, settings, monkeypatch):
        from codes.redemption import statements

        make_code(anna.site, valid_until=clock.read().date())
        order = []
        lock = statements.lock_codes_and_accounts
        monkeypatch.setattr(statements, "lock_codes_and_accounts", lambda *words: order.append("locks") or lock(*words))
        read = clock.read
        monkeypatch.setattr(clock, "read", lambda *told: order.append("clock") or read(*told))
        settings.CLOCK_OFFSET_SECONDS = 2 * 86_400
        command = ask(anna)
        order.clear()

        assert reason_of(redeem_codes([command])[0]) == "code_expired"
        assert order == ["locks", "clock"]


def test_somebody_of_another_site_is_unknown(anna, till):
    make_code(anna.site)

    assert reason_of(redeem(till, claimant=make_user())) == "claimant_unknown"
