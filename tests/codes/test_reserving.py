"""Setting codes, cash and points aside: all of it or nothing, and nothing is taken."""

import pytest
from django.core.exceptions import ValidationError

from accounts import budgets, clock
from accounts.budgets import Budget
from codes import reservation_keys, reservations, switching
from codes.models import Attempt, CodeHold, ReservationKey
from codes.refusals import IdempotencyMismatch
from codes.reserving import NotHeld
from ledger import moving
from ledger.models import AccountHold, LedgerAccount, Reservation, Transfer
from tests.codes.redeeming import assert_sound, reason_of, redeem
from tests.codes.reserved import left, not_held, place, standing
from tests.factories import (
    caller_of,
    make_account,
    make_asset,
    make_claimant,
    make_client,
    make_code,
    make_hold,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    anna = make_claimant(balance=1_000)
    make_account(anna, make_asset("PTS"), balance=70)
    return anna


@pytest.fixture
def till(anna):
    return caller_of(make_client(anna.site))


def nothing_is_held(*codes):
    assert [left(code)[1] for code in codes] == [0] * len(codes)
    assert not LedgerAccount.objects.filter(held__gt=0).exists()
    assert not Reservation.objects.exists()
    assert not CodeHold.objects.exists()
    assert not AccountHold.objects.exists()
    assert not ReservationKey.objects.exists()
    assert_sound()


class TestPlacing:
    def test_codes_cash_and_points_are_held_and_nothing_is_taken(self, anna, till):
        code = make_code(anna.site, uses=2)
        transfers = Transfer.objects.count()

        placed = place(till, anna, "ABC-E6W5F", cash="2.50", points="70")

        reservation = Reservation.objects.get()
        assert (reservation.pk, reservation.caller, reservation.owner, reservation.kind) == (
            placed.reservation_id, till.key, anna, "native",
        )  # fmt: skip
        assert (reservation.expires_at - reservation.created_at).total_seconds() == 300
        assert (left(code), standing(anna), standing(anna, "points")) == ((0, 1), (1_000, 250), (70, 70))
        assert (Transfer.objects.count(), Attempt.objects.count()) == (transfers, 0)
        assert placed.token.encode() not in bytes(reservation.token_digest)
        assert_sound()

    def test_what_is_held_is_nobody_elses(self, anna, till):
        make_code(anna.site)
        place(till, anna, "ABC-E6W5F", cash="8.00")

        assert reason_of(redeem(till, claimant=make_claimant(anna.site))) == "code_reserved"
        assert not_held(till, anna, "ABC-E6W5F") == ("code_reserved", 0)
        assert not_held(till, anna, cash="2.01") == ("insufficient_balance", None)
        assert place(till, anna, cash="2.00")

    def test_its_token_redeems_the_code_at_the_engine_too(self, anna, till):
        code = make_code(anna.site)
        placed = place(till, anna, "ABC-E6W5F")

        assert reason_of(redeem(till, claimant=anna, reservation_token=placed.token)) == "redeemed"
        assert (left(code), Reservation.objects.get().ended_as) == ((1, 0), "consumed")
        assert_sound()

    def test_a_code_of_several_uses_is_held_as_often(self, anna, till):
        code = make_code(anna.site, uses=3)
        people = [make_claimant(anna.site) for _ in range(3)]

        for who in people:
            place(till, who, "ABC-E6W5F")

        assert left(code) == (0, 3)
        assert not_held(till, anna, "ABC-E6W5F") == ("code_reserved", 0)
        assert_sound()

    def test_an_expired_hold_makes_room_though_no_task_ran(self, anna, till, stopped_clock):
        code = make_code(anna.site)
        place(till, make_claimant(anna.site), "ABC-E6W5F", seconds=60)
        stopped_clock.advance(seconds=60)

        place(till, anna, "ABC-E6W5F", cash="10.00")

        assert left(code) == (0, 1)
        assert sorted(CodeHold.objects.values_list("ended_as", flat=True)) == ["", "expired"]
        assert_sound()

    def test_an_amount_whose_hold_has_expired_can_be_held_again(self, anna, till, stopped_clock):
        place(till, anna, cash="10.00")
        stopped_clock.advance(seconds=300)

        place(till, anna, cash="10.00")

        assert standing(anna) == (1_000, 1_000)
        assert_sound()

    def test_its_end_is_the_clocks_not_a_tasks(self, anna, till, stopped_clock):
        place(till, anna, cash="10.00", seconds=10)
        reservation = Reservation.objects.get()
        assert reservations.state_of(reservation, stopped_clock.advance(seconds=10, microseconds=-1)) == "open"
        assert reservations.state_of(reservation, stopped_clock.advance(microseconds=1)) == "expired"

    def test_what_a_code_will_credit_cannot_be_held(self, anna, till):
        code = make_code(anna.site, worth_cents=500)

        assert not_held(till, anna, "ABC-E6W5F", cash="10.01") == ("insufficient_balance", None)
        nothing_is_held(code)


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"state": "disabled"}, "code_disabled"),
            ({"state": "deleted"}, "code_not_found"),
            ({"valid_until": "now"}, "code_expired"),
        ],
    )
    def test_the_engines_own_rules_judge_each_code(self, anna, till, change, reason):
        first, second = make_code(anna.site, "ONE-0001"), make_code(anna.site, "TWO-0002")
        change = {name: clock.read() if value == "now" else value for name, value in change.items()}
        switching.change_code(second, actor_id="system", **change)

        assert not_held(till, anna, "ONE-0001", "TWO-0002", cash="1.00", key="k1") == (reason, 1)
        nothing_is_held(first, second)

    @pytest.mark.parametrize(
        ("text", "fields", "reason"),
        [
            ("NOPE-0001", {}, "code_not_found"),
            ("***", {}, "code_format_invalid"),
            ("CAP-0001", {"total_cap": 1}, "campaign_cap_reached"),
            ("VENUE-001", {"venues": ["till 1"]}, "venue_not_allowed"),
            ("USD-00001", {"worth_cents": 0, "action": "credit", "asset_code": "USD", "value": 1}, "currency_mismatch"),
        ],
    )
    def test_a_refused_code_leaves_nothing_held(self, anna, till, text, fields, reason):
        make_asset("USD")
        if fields:
            make_code(anna.site, text, uses=2, **fields)
        if reason == "campaign_cap_reached":
            redeem(till, text, make_claimant(anna.site))

        assert not_held(till, anna, text) == (reason, 0)
        nothing_is_held()

    def test_two_codes_of_a_batch_with_room_for_one_are_not_held(self, anna, till):
        from codes import lookup
        from tests.factories import make_batch

        batch = make_batch(anna.site, count=2, total_cap=1)
        texts = [lookup.shown(code) for code in batch.codes.order_by("serial")]

        assert not_held(till, anna, *texts) == ("campaign_cap_reached", 1)
        nothing_is_held(*batch.codes.all())

    def test_who_has_not_the_amount_or_no_such_account(self, anna, till):
        code = make_code(anna.site, worth_cents=0)

        assert not_held(till, anna, "ABC-E6W5F", cash="10.01") == ("insufficient_balance", None)
        assert not_held(till, anna, "ABC-E6W5F", points="71") == ("insufficient_balance", None)
        assert not_held(till, make_claimant(anna.site), points="1") == ("account_missing", None)
        nothing_is_held(code)

    @pytest.mark.parametrize("state", ["closed", "credit_only"])
    def test_an_account_that_may_not_be_debited(self, anna, till, state):
        LedgerAccount.objects.filter(owner=anna, kind="cash").update(state=state)

        assert not_held(till, anna, cash="1.00") == ("account_locked", None)
        nothing_is_held()

    def test_people(self, anna, till):
        inactive = make_user(anna.site, is_active=False)
        stranger = make_claimant(balance=500)

        assert not_held(till, "nobody", cash="1.00") == ("claimant_unknown", None)
        assert not_held(till, inactive, cash="1.00") == ("claimant_inactive", None)
        assert not_held(till, stranger, cash="1.00") == ("claimant_unknown", None)
        assert not_held(caller_of(make_claimant(anna.site)), anna, cash="1.00") == ("caller_not_allowed", None)
        nothing_is_held()

    def test_a_code_of_another_site_is_unknown(self, anna, till):
        code = make_code(make_claimant().site)

        assert not_held(till, anna, "ABC-E6W5F") == ("code_not_found", 0)
        nothing_is_held(code)

    @pytest.mark.parametrize(
        ("codes", "amounts", "seconds"),
        [
            ((), {}, 300),
            (("ABC-E6W5F", " abc e6w5f "), {}, 300),
            (tuple(f"CODE-{number:04}" for number in range(21)), {}, 300),
            ((), {"cash": "1.00"}, 0),
            ((), {"cash": "1.00"}, 901),
            ((), {"cash": "0"}, 300),
            ((), {"cash": "0.001"}, 300),
            ((), {"points": "1.5"}, 300),
        ],
    )
    def test_what_makes_no_sense(self, anna, till, codes, amounts, seconds):
        make_code(anna.site)

        with pytest.raises(ValidationError):
            place(till, anna, *codes, seconds=seconds, **amounts)
        nothing_is_held()

    def test_guesses_are_counted_as_redemptions_count_them(self, anna, till):
        for number in range(10):
            assert not_held(till, anna, f"NOPE-{number:04}") == ("code_not_found", 0)
        make_code(anna.site)

        assert not_held(till, anna, "ABC-E6W5F") == ("too_many_attempts", 0)
        budget = Budget("guess claimant", f"{till.key}|{anna.claimant_id}", 0)
        assert budgets.read([budget], clock.read())[budget.scope][0] == 10


class TestKeys:
    def test_the_same_key_makes_one_reservation_and_tells_the_same(self, anna, till):
        code = make_code(anna.site, uses=3)

        first = place(till, anna, "ABC-E6W5F", cash="1.00", key="k1")
        again = place(till, anna, "ABC-E6W5F", cash="1.00", key="k1")

        assert (again.reservation_id, again.token, again.replayed) == (first.reservation_id, first.token, True)
        assert (left(code), standing(anna)) == ((0, 1), (1_000, 100))

    def test_another_request_with_it_is_refused(self, anna, till):
        code = make_code(anna.site, uses=3)
        place(till, anna, "ABC-E6W5F", key="k1")

        for again in ({"codes": ("ABC-E6W5F",), "cash": "1.00"}, {"codes": ("ABC-E6W5F",), "seconds": 301}):
            with pytest.raises(NotHeld) as error:
                place(till, anna, *again.pop("codes"), key="k1", **again)
            assert isinstance(error.value.refusal, IdempotencyMismatch)
        assert (left(code), standing(anna)) == ((0, 1), (1_000, 0))

    def test_another_callers_key_is_another(self, anna, till):
        make_code(anna.site, uses=3)
        first = place(till, anna, "ABC-E6W5F", key="k1")
        second = place(caller_of(make_client(anna.site, name="kiosk")), anna, "ABC-E6W5F", key="k1")

        assert first.reservation_id != second.reservation_id

    def test_a_refusal_leaves_the_key_free(self, anna, till):
        assert not_held(till, anna, cash="20.00", key="k1") == ("insufficient_balance", None)
        account = LedgerAccount.objects.get(owner=anna, kind="cash")
        moving.grant(account, 5_000, comment="", actor_id="system")

        assert not place(till, anna, cash="20.00", key="k1").replayed

    def test_the_token_comes_of_the_id_and_of_a_secret(self, anna, till, settings):
        placed = place(till, anna, cash="1.00")
        assert reservation_keys.token_of(placed.reservation_id) == placed.token
        assert len(placed.token) == 43

        settings.PEPPER = b"another pepper, which is as long as one has to be"
        assert reservation_keys.token_of(placed.reservation_id) != placed.token


def test_a_hold_of_somebody_elses_making_is_as_good(anna, till):
    code = make_code(anna.site, uses=2)
    make_hold(code, token="x")

    place(till, anna, "ABC-E6W5F")

    assert left(code) == (0, 2)
