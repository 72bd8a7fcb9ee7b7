"""Confirming: codes are redeemed and amounts spent as one, whole or not at all, once; and giving reservations back."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditRecord
from codes import releasing, switching
from codes.confirming import NotConfirmed
from codes.models import Attempt, Code, CodeHold
from codes.refusals import IdempotencyMismatch
from codes.reversing import ReverseRedemption, reverse
from ledger import expiring_holds
from ledger.models import LedgerAccount, LedgerTransaction, Reservation, Spending
from ledger.refusals import ReservationGone
from tests.codes.editing import edit
from tests.codes.redeeming import assert_sound, reason_of, redeem
from tests.codes.reserved import amount_endings, code_endings, confirm, ending, left, place, standing
from tests.factories import caller_of, make_account, make_asset, make_claimant, make_client, make_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    anna = make_claimant(balance=1_000)
    make_account(anna, make_asset("PTS"), balance=70)
    return anna


@pytest.fixture
def till(anna):
    return caller_of(make_client(anna.site, ["redeem", "reverse"]))


def booked(site):
    return LedgerTransaction.objects.filter(site=site).count()


class TestConfirming:
    def test_everything_is_taken_at_once(self, anna, till):
        code, other = make_code(anna.site, "ONE-0001", uses=2), make_code(anna.site, "TWO-0002", worth_cents=0)
        placed = place(till, anna, "ONE-0001", "TWO-0002", cash="2.50", points="70")

        assert confirm(till, placed, reference="bill 7") is False

        assert (left(code), left(other)) == ((1, 0), (1, 0))
        assert (standing(anna), standing(anna, "points")) == ((1_000 + 500 - 250, 0), (0, 0))
        assert (ending(placed), code_endings(placed)) == ("consumed", ["consumed", "consumed"])
        attempts = Attempt.objects.filter(outcome="redeemed")
        assert {each.reference for each in attempts} == {"bill 7"}
        assert set(attempts) == {hold.attempt for hold in CodeHold.objects.all()}
        spending = Spending.objects.get()
        assert (spending.owner, spending.external_reference, spending.caller) == (anna, "bill 7", till.key)
        assert spending.transaction == Reservation.objects.get().transaction
        assert sorted(spending.transaction.transfers.values_list("amount", flat=True)) == [70, 250]
        assert_sound()

    def test_less_may_be_taken_and_the_rest_is_given_back(self, anna, till):
        placed = place(till, anna, cash="2.50", points="70")

        confirm(till, placed, cash="1.25")

        assert (standing(anna), standing(anna, "points")) == ((875, 0), (0, 0))
        assert amount_endings(placed) == [("cash", 125, "consumed"), ("points", 70, "consumed")]
        assert_sound()

    @pytest.mark.parametrize("amounts", [{"cash": "2.51"}, {"cash": "0"}, {"cash": "0.001"}, {"points": "1"}])
    def test_never_more_and_never_what_is_not_held(self, anna, till, amounts):
        placed = place(till, anna, cash="2.50")
        before = booked(anna.site)

        with pytest.raises(ValidationError):
            confirm(till, placed, **amounts)

        assert (standing(anna), booked(anna.site), ending(placed)) == ((1_000, 250), before, "")

    def test_codes_alone_and_amounts_alone(self, anna, till):
        make_code(anna.site)
        for placed in (place(till, anna, "ABC-E6W5F"), place(till, anna, cash="10.00")):
            confirm(till, placed)
            assert ending(placed) == "consumed"
        assert standing(anna) == (500, 0)
        assert Spending.objects.count() == 1
        assert_sound()

    def test_one_code_refused_and_nothing_is_taken(self, anna, till):
        code, other = make_code(anna.site, "ONE-0001"), make_code(anna.site, "TWO-0002")
        placed = place(till, anna, "ONE-0001", "TWO-0002", cash="1.00")
        switching.switch_code(other, False, actor_id="staff")
        before = booked(anna.site)

        with pytest.raises(NotConfirmed) as error:
            confirm(till, placed, key="k1")

        assert (error.value.refusal.reason, error.value.hold_id) == ("code_disabled", other.holds.get().pk)
        assert (left(code), left(other), standing(anna)) == ((0, 1), (0, 1), (1_000, 100))
        assert (booked(anna.site), ending(placed), code_endings(placed)) == (before, "", ["", ""])
        attempt = Attempt.objects.get()
        assert (attempt.outcome, attempt.reason, attempt.code) == ("refused", "code_disabled", other)
        assert_sound()
        switching.switch_code(other, True, actor_id="staff")
        assert confirm(till, placed, key="k1") is False  # The key is still free.
        assert standing(anna) == (1_900, 0)

    def test_what_is_held_is_taken_from_an_account_that_was_closed_since(self, anna, till):
        placed = place(till, anna, cash="1.00")
        LedgerAccount.objects.filter(owner=anna).update(state="closed")

        confirm(till, placed)

        assert standing(anna) == (900, 0)

    def test_a_code_credited_to_an_account_that_was_closed_since_is_not(self, anna, till):
        code = make_code(anna.site)
        placed = place(till, anna, "ABC-E6W5F", cash="1.00")
        LedgerAccount.objects.filter(owner=anna).update(state="closed")

        with pytest.raises(NotConfirmed) as error:
            confirm(till, placed)

        assert error.value.refusal.reason == "account_locked"
        assert (left(code), standing(anna), ending(placed)) == ((0, 1), (1_000, 100), "")

    def test_a_code_that_the_token_has_redeemed_already_is_left_out(self, anna, till):
        code, other = make_code(anna.site, "ONE-0001", uses=5, uses_per_claimant=5), make_code(anna.site, "TWO-0002")
        placed = place(till, anna, "ONE-0001", "TWO-0002", cash="1.00")
        redeem(till, "ONE-0001", anna, reservation_token=placed.token)

        confirm(till, placed)

        assert (left(code), left(other), standing(anna)) == ((1, 0), (1, 0), (1_900, 0))
        assert_sound()

    def test_a_redemption_it_made_can_be_reversed(self, anna, till):
        make_code(anna.site)
        placed = place(till, anna, "ABC-E6W5F")
        confirm(till, placed)

        reverse(ReverseRedemption(till, CodeHold.objects.get().attempt_id, "a mistake", give_use_back=True))

        assert standing(anna) == (1_000, 0)
        assert_sound()


class TestGone:
    def refused(self, anna, till, placed, **words):
        before = booked(anna.site), standing(anna), Attempt.objects.count()
        with pytest.raises(ReservationGone):
            confirm(till, placed, **words)
        assert (booked(anna.site), standing(anna), Attempt.objects.count()) == before
        assert_sound()

    def test_twice(self, anna, till):
        make_code(anna.site, uses=3, uses_per_claimant=3)
        placed = place(till, anna, "ABC-E6W5F", cash="1.00")
        confirm(till, placed, key="k1")

        self.refused(anna, till, placed)
        self.refused(anna, till, placed, key="k2")
        assert confirm(till, placed, key="k1") is True
        assert standing(anna) == (1_400, 0)
        with pytest.raises(IdempotencyMismatch):
            confirm(till, placed, key="k1", cash="0.50")

    def test_another_token(self, anna, till):
        placed = place(till, anna, cash="1.00")

        self.refused(anna, till, placed, token="x")
        self.refused(anna, till, placed, token=place(till, anna, cash="1.00").token)

    def test_expired_whether_or_not_anybody_tidied(self, anna, till, stopped_clock):
        code = make_code(anna.site)
        placed, untidied = place(till, anna, "ABC-E6W5F", cash="1.00"), place(till, anna, cash="1.00")
        stopped_clock.advance(seconds=300)
        self.refused_expired(anna, till, untidied)

        assert (releasing.sweep_expired(), expiring_holds.sweep_reservations()) == (1, 2)
        self.refused_expired(anna, till, placed)
        assert (left(code), standing(anna), ending(placed)) == ((0, 0), (1_000, 0), "expired")
        assert_sound()

    def refused_expired(self, anna, till, placed):
        before = booked(anna.site)
        with pytest.raises(ReservationGone):
            confirm(till, placed)
        assert booked(anna.site) == before

    def test_just_before_its_end_it_is_there(self, anna, till, stopped_clock):
        make_code(anna.site)
        placed = place(till, anna, "ABC-E6W5F", cash="1.00")
        stopped_clock.advance(seconds=300, microseconds=-1)

        confirm(till, placed)

        assert standing(anna) == (1_400, 0)

    def test_released(self, anna, till):
        placed = place(till, anna, cash="1.00")
        releasing.release(Reservation.objects.get())

        self.refused(anna, till, placed)


class TestReleasing:
    def test_everything_is_given_back(self, anna, till):
        code = make_code(anna.site)
        placed = place(till, anna, "ABC-E6W5F", cash="2.50", points="70")

        releasing.release(Reservation.objects.get())
        releasing.release(Reservation.objects.get())  # Once more changes nothing.

        assert (left(code), standing(anna), standing(anna, "points")) == ((0, 0), (1_000, 0), (70, 0))
        assert (ending(placed), code_endings(placed)) == ("released", ["released"])
        assert reason_of(redeem(till, claimant=make_claimant(anna.site))) == "redeemed"
        assert_sound()

    def test_codes_alone(self, anna, till):
        code = make_code(anna.site)
        placed = place(till, anna, "ABC-E6W5F")

        releasing.release(Reservation.objects.get())

        assert (left(code), ending(placed)) == ((0, 0), "released")

    def test_not_what_was_used_or_has_expired(self, anna, till, stopped_clock):
        used, late = place(till, anna, cash="1.00"), place(till, anna, cash="1.00")
        confirm(till, used)
        stopped_clock.advance(seconds=300)

        for placed in (used, late):
            with pytest.raises(ReservationGone):
                releasing.release(Reservation.objects.get(pk=placed.reservation_id))
        assert [ending(used), ending(late)] == ["consumed", ""]

    def test_what_the_token_has_redeemed_stays_redeemed(self, anna, till):
        make_code(anna.site, "ONE-0001")
        make_code(anna.site, "TWO-0002")
        placed = place(till, anna, "ONE-0001", "TWO-0002")
        redeem(till, "ONE-0001", anna, reservation_token=placed.token)

        releasing.release(Reservation.objects.get())

        assert (ending(placed), sorted(code_endings(placed))) == ("released", ["consumed", "released"])
        assert standing(anna) == (1_500, 0)
        assert_sound()

    def test_staff_say_why(self, anna, till):
        code = make_code(anna.site)
        place(till, anna, "ABC-E6W5F", cash="2.50")
        reservation = Reservation.objects.get()

        releasing.release_by_staff(reservation, actor_id="u-boss", reason="The till is broken")

        record = AuditRecord.objects.get(action="reservation.release")
        assert (record.actor_id, record.object_id, record.site) == ("u-boss", str(reservation.pk), anna.site)
        assert record.detail == {"reason": "The till is broken", "codes": 1, "amounts": 1}
        assert (left(code), standing(anna)) == ((0, 0), (1_000, 0))
        with pytest.raises(ReservationGone):
            releasing.release_by_staff(reservation, actor_id="u-boss", reason="again")
        assert AuditRecord.objects.filter(action="reservation.release").count() == 1


class TestSweeping:
    def test_it_ends_what_has_expired_and_nothing_else(self, anna, till, stopped_clock):
        code = make_code(anna.site, uses=3)
        short, long = place(till, anna, "ABC-E6W5F", seconds=10), place(till, anna, "ABC-E6W5F", seconds=20)
        assert releasing.sweep_expired() == 0
        stopped_clock.advance(seconds=10)

        assert [releasing.sweep_expired(), releasing.sweep_expired()] == [1, 0]

        assert (code_endings(short), code_endings(long), left(code)) == (["expired"], [""], (0, 1))
        assert_sound()


class TestFewerUses:
    """What staff say of a code goes before what somebody has set aside."""

    def fewer_by_change(self, code):
        switching.change_code(code, actor_id="staff", max_uses=2)

    def fewer_by_edit(self, code):
        edit(code.batch, "uses", max_uses=2)

    @pytest.mark.parametrize("how", ["fewer_by_change", "fewer_by_edit"])
    def test_holds_that_have_no_room_any_more_end(self, anna, till, how):
        code = make_code(anna.site, uses=3)
        holds = [place(till, make_claimant(anna.site), "ABC-E6W5F") for _ in range(3)]

        getattr(self, how)(code)

        assert (left(code), Code.objects.get(pk=code.pk).max_uses) == ((0, 0), 2)
        assert [code_endings(each) for each in holds] == [["released"]] * 3
        with pytest.raises(ReservationGone):
            confirm(till, holds[0])
        assert_sound()

    def test_where_there_is_room_they_stay(self, anna, till):
        code = make_code(anna.site, uses=3)
        placed = place(till, anna, "ABC-E6W5F")

        self.fewer_by_change(code)

        assert (left(code), code_endings(placed)) == ((0, 1), [""])
        confirm(till, placed)
        assert_sound()
