"""Reserving, reducing, cancelling and redeeming points: what the contract's cases say, by the deeds alone."""

import pytest

from accounts.models import Household, Member
from ledger import points, points_refusals
from ledger.models import AccountHold, LedgerAccount, Reservation, Spending, Transfer
from ledger.refusals import ReservationGone
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import refuse
from tests.ledger.membership import (
    CALLER,
    account_of,
    assert_sound,
    available,
    make_household,
    make_member,
    moved,
    redeem,
    reserve,
    standing,
)

pytestmark = pytest.mark.django_db
MILLION = 10**6


@pytest.fixture
def member(db):
    """M1, who has 25,000 points and no household."""
    return make_member(make_site(), "M1", 25_000)


@pytest.fixture
def family(db):
    """A household that gives in proportion: 3, 2 and 1 million."""
    return make_household({"A": 3 * MILLION, "B": 2 * MILLION, "C": MILLION})


@pytest.fixture
def askers(db):
    """A household whose requests say who gives what: 700, 300 and nothing."""
    return make_household({"D": 700, "E": 300, "F": 0}, "request_defined")


def given_in(spending) -> dict[int, int]:
    """Owner → points taken, of one redemption."""
    transfers = Transfer.objects.filter(transaction=spending.transaction_id)
    return dict(transfers.values_list("debit_account__owner", "amount"))


def refused(kind, deed, *args, **kwargs):
    """The deed refuses, and no value has moved."""
    before = moved()
    with pytest.raises(kind) as caught:
        deed(*args, **kwargs)
    assert moved() == before
    return caught.value


class TestReserving:
    def test_points_are_set_aside_and_stay_in_the_balance(self, member):
        reserved = points.reserve_points(
            points.ReservePoints(member, CALLER, 20_000, seconds=60, details={"redemptionId": "R-1"})
        )

        assert standing(member) == (25_000, 20_000, 5_000)
        row = Reservation.objects.get(pk=reserved.reservation_id)
        assert (row.kind, row.owner_id, row.caller, row.ended_as) == ("points", member.user_id, CALLER, "")
        assert (row.expires_at - row.created_at).total_seconds() == 60
        assert row.expires_at == reserved.expires_at
        assert row.details == {"redemptionId": "R-1"}
        assert reserved.token.encode() not in bytes(row.token_digest)
        assert_sound()

    def test_several_reservations_hold_together_what_there_is_and_no_more(self, member):
        for _ in range(5):
            reserve(member, 5_000)

        refused(points_refusals.NotEnoughPoints, reserve, member, 1)
        assert standing(member) == (25_000, 25_000, 0)
        assert_sound()

    def test_a_household_gives_in_proportion_to_what_each_has_available(self):
        """The contract's example with holds: A has 1,000 of which 400 are held, B has 900."""
        members = make_household({"A": 1_000, "B": 900})
        members["A"].household = None
        Member.objects.filter(pk=members["A"].pk).update(household=None, role="")
        reserve(members["A"], 400)
        Member.objects.filter(pk=members["A"].pk).update(household=members["B"].household, role="primary")
        assert available(members) == {"A": 600, "B": 900}

        reserve(members["B"], 1_000)

        assert available(members) == {"A": 200, "B": 300}
        assert standing(members["A"]) == (1_000, 800, 200)

    def test_more_than_all_have_together_holds_nothing(self, family):
        refused(points_refusals.NotEnoughPoints, reserve, family["A"], 6 * MILLION + 1)
        reserve(family["A"], 6 * MILLION)
        assert available(family) == {"A": 0, "B": 0, "C": 0}

    def test_only_active_members_with_an_open_account_of_the_programmes_points_contribute(self):
        members = make_household({"A": 100, "B": 100, "C": None, "D": 100, "E": 10})
        Member.objects.filter(pk=members["B"].pk).update(status="suspended")
        LedgerAccount.objects.filter(pk=account_of(members["D"]).pk).update(state="credit_only")
        make_account(make_user(members["A"].site), make_asset("PTS"), balance=100)  # Somebody who is no member.

        refused(points_refusals.NotEnoughPoints, reserve, members["A"], 111)
        reserve(members["C"], 110)

        held = dict(AccountHold.objects.values_list("account__owner", "amount"))
        assert held == {members["A"].user_id: 100, members["E"].user_id: 10}

    @pytest.mark.parametrize("floor", [-500, 90])
    def test_points_have_no_minimum_so_that_none_are_lent_and_all_can_expire(self, member, floor):
        refuse(LedgerAccount.objects.filter(pk=account_of(member).pk).update, floor=floor, match="no_minimum")

        refused(points_refusals.NotEnoughPoints, reserve, member, 25_001)
        assert standing(member) == (25_000, 0, 25_000)

    @pytest.mark.parametrize("status", ["suspended", "closed"])
    def test_a_member_who_is_not_active_reserves_nothing(self, member, status):
        Member.objects.filter(pk=member.pk).update(status=status)

        refused(points_refusals.MemberNotEligible, reserve, member, 1)

    def test_the_household_is_read_under_its_lock_whatever_the_caller_knew(self, family, member):
        family["A"].household_id = None
        reserve(family["A"], 6 * MILLION)
        assert available(family) == {"A": 0, "B": 0, "C": 0}

        other = Household.objects.exclude(pk=family["B"].household_id).first() or Household.objects.create(
            site=member.site, created_at=member.created_at
        )
        member.household = other  # They left it before.
        reserve(member, 25_000)
        assert standing(member) == (25_000, 25_000, 0)

    @pytest.mark.parametrize("amount", [0, -1, 10**12 + 1])
    def test_an_amount_out_of_bounds_is_the_callers_mistake(self, member, amount):
        refused(ValueError, reserve, member, amount)


class TestContributions:
    def test_the_request_says_who_gives_how_much(self, askers):
        token = reserve(askers["D"], 1_000, {"D": 700, "E": 300, "F": 0})
        spending = redeem(askers["D"], token)

        assert given_in(spending) == {askers["D"].user_id: 700, askers["E"].user_id: 300}
        assert not Transfer.objects.filter(debit_account__owner=askers["F"].user).exists()
        assert_sound()

    def test_without_contributions_they_give_in_proportion(self, askers):
        spending = redeem(askers["F"], reserve(askers["F"], 100))

        assert given_in(spending) == {askers["D"].user_id: 70, askers["E"].user_id: 30}

    def test_where_nobody_may_say_so_contributions_are_not_allowed(self, family, member):
        refused(points_refusals.ContributionsNotAllowed, reserve, family["A"], 10, {"A": 10})
        refused(points_refusals.ContributionsNotAllowed, reserve, member, 10, {"M1": 10})

    @pytest.mark.parametrize(
        ("contributions", "who"),
        [
            ({"X": 1_000}, "X"),
            ({"D": 700, "E": -1}, "E"),
            ({"D": True}, "D"),
            ({"D": 1.0}, "D"),
            ({"D": "700"}, "D"),
            ({"D": None}, "D"),
            ({"G": 1_000}, "G"),
        ],
    )
    def test_a_contributor_who_is_none_is_named(self, askers, contributions, who):
        """Unknown, suspended, of another household, or with points that are no whole number."""
        make_member(askers["D"].site, "G", 1_000, household=askers["D"].household, role="member", status="suspended")
        make_household({"X": 5_000}, "request_defined", askers["D"].site)

        refusal = refused(points_refusals.ContributorInvalid, reserve, askers["D"], 1_000, contributions)
        assert refusal.account_id == who

    @pytest.mark.parametrize("contributions", [{}, {"D": 999}, {"D": 700, "E": 301}, {"D": 0}])
    def test_contributions_add_up_to_the_amount(self, askers, contributions):
        refused(points_refusals.ContributionsDiffer, reserve, askers["D"], 1_000, contributions)

    @pytest.mark.parametrize(("contributions", "who"), [({"D": 701, "E": 299}, "D"), ({"D": 699, "F": 301}, "F")])
    def test_nobody_gives_more_than_they_have_available(self, askers, contributions, who):
        refusal = refused(points_refusals.ContributorShort, reserve, askers["D"], 1_000, contributions)
        assert refusal.account_id == who

    def test_what_is_held_already_is_not_available_to_contributions(self, askers):
        reserve(askers["D"], 700, {"D": 700})

        refused(points_refusals.ContributorShort, reserve, askers["E"], 1, {"D": 1})


class TestReducing:
    def test_the_difference_is_available_again_and_the_end_stays(self, member):
        token = reserve(member, 25_000)
        before = Reservation.objects.get()
        reduced = points.reduce_points(member, token, 20_000)

        assert standing(member) == (25_000, 20_000, 5_000)
        assert (reduced.token, reduced.amount, reduced.expires_at) == (token, 20_000, before.expires_at)
        assert AccountHold.objects.get().original_amount == 25_000
        assert_sound()

    def test_a_household_gets_back_in_the_proportions_it_gave(self, askers):
        token = reserve(askers["D"], 1_000, {"D": 700, "E": 300})

        points.reduce_points(askers["D"], token, 333)
        assert available(askers) == {"D": 467, "E": 200, "F": 0}
        spending = redeem(askers["D"], token)

        assert given_in(spending) == {askers["D"].user_id: 233, askers["E"].user_id: 100}
        assert available(askers) == {"D": 467, "E": 200, "F": 0}
        assert_sound()

    def test_whose_share_shrinks_to_nothing_is_released_and_gives_nothing(self, family):
        token = reserve(family["B"], 6)
        points.reduce_points(family["B"], token, 1)

        assert list(AccountHold.objects.order_by("account").values_list("amount", "ended_as")) == [
            (1, ""),
            (2, "released"),
            (1, "released"),
        ]
        assert given_in(redeem(family["B"], token)) == {family["A"].user_id: 1}
        assert_sound()

    def test_equal_shares_go_by_the_members_account_ids(self):
        members = make_household({"C": 1, "B": 1, "A": 1})
        token = reserve(members["C"], 3)
        points.reduce_points(members["C"], token, 2)

        assert available(members) == {"A": 0, "B": 0, "C": 1}

    def test_it_never_grows(self, member):
        token = reserve(member, 100)

        refused(points_refusals.AmountIncreased, points.reduce_points, member, token, 101)
        points.reduce_points(member, token, 50)
        refused(points_refusals.AmountIncreased, points.reduce_points, member, token, 51)

    def test_the_present_amount_changes_nothing(self, member):
        token = reserve(member, 100)
        before = moved()

        assert points.reduce_points(member, token, 100).amount == 100
        assert moved() == before


class TestCancelling:
    def test_all_of_it_is_available_again_and_the_token_is_gone(self, family):
        token = reserve(family["A"], 3 * MILLION)
        points.cancel_points(family["A"], token)

        assert available(family) == {"A": 3 * MILLION, "B": 2 * MILLION, "C": MILLION}
        assert set(AccountHold.objects.values_list("ended_as", flat=True)) == {"released"}
        for deed in (redeem, points.cancel_points):
            refused(ReservationGone, deed, family["A"], token)
        refused(ReservationGone, points.reduce_points, family["A"], token, 1)
        assert_sound()


class TestRedeeming:
    def test_points_leave_in_one_transaction_and_it_is_told(self, member):
        spending = redeem(
            member, reserve(member, 20_000), channel="APP", external_reference="ORDER-77", correlation_id="c-1"
        )

        assert standing(member) == (5_000, 0, 5_000)
        stored = Spending.objects.get(pk=spending.transaction_id)
        assert (stored.business_unit, stored.channel, stored.external_reference) == ("MAIN", "APP", "ORDER-77")
        assert (stored.caller, stored.correlation_id, stored.owner_id) == (CALLER, "c-1", member.user_id)
        assert (stored.transaction.type, stored.transaction.reference) == ("spend", "ORDER-77")
        member.refresh_from_db()
        assert member.last_activity_at == stored.transaction.booked_at
        assert_sound()

    def test_a_household_redeems_in_one_transaction_with_a_transfer_each(self, family):
        spending = redeem(family["A"], reserve(family["A"], 3 * MILLION))

        assert given_in(spending) == {
            family["A"].user_id: 1_500_000,
            family["B"].user_id: MILLION,
            family["C"].user_id: 500_000,
        }
        assert spending.household_id == family["A"].household_id
        dates = set(Member.objects.values_list("last_activity_at", flat=True))
        assert dates == {spending.transaction.booked_at}
        assert_sound()

    @pytest.mark.parametrize(
        ("holdings", "amount", "gave"),
        [
            ({"A": 3 * MILLION, "B": 0, "C": MILLION}, 900_000, {"A": 675_000, "C": 225_000}),
            ({"A": 100, "B": 100, "C": 100}, 100, {"A": 34, "B": 33, "C": 33}),
            ({"A": 500, "B": 300, "C": 200}, 1, {"A": 1}),
        ],
    )
    def test_who_gives_nothing_has_no_transaction_and_no_activity(self, holdings, amount, gave):
        members = make_household(holdings)
        spending = redeem(members["B"], reserve(members["B"], amount))

        assert given_in(spending) == {members[name].user_id: share for name, share in gave.items()}
        active = Member.objects.filter(last_activity_at__isnull=False).values_list("account_id", flat=True)
        assert set(active) == set(gave)
        assert_sound()

    def test_a_token_is_used_once(self, member):
        token = reserve(member, 100)
        redeem(member, token, external_reference="X")

        refused(ReservationGone, redeem, member, token, external_reference="X")
        refused(ReservationGone, points.cancel_points, member, token)

    def test_nobody_elses_token_is_usable(self, family, member):
        token = reserve(family["A"], 100)

        for stranger in (family["B"], member):
            refused(ReservationGone, redeem, stranger, token)
            refused(ReservationGone, points.cancel_points, stranger, token)
            refused(ReservationGone, points.reduce_points, stranger, token, 1)
        refused(ReservationGone, redeem, family["A"], token, caller="client:2")
        refused(ReservationGone, points.cancel_points, family["A"], token, caller="client:2")
        for wrong in ("nonsense", "", token[:-1], token + "=", "\x00", "\ud800"):
            refused(ReservationGone, redeem, family["A"], wrong)
        redeem(family["A"], token)

    def test_shares_are_those_of_when_it_was_made_whoever_is_active_since(self, family):
        token = reserve(family["A"], 3 * MILLION)
        Member.objects.filter(pk=family["B"].pk).update(status="suspended")
        Member.objects.filter(pk=family["C"].pk).update(household=None, role="")
        LedgerAccount.objects.filter(pk=account_of(family["C"]).pk).update(state="closed")

        assert given_in(redeem(family["A"], token)) == {
            family["A"].user_id: 1_500_000,
            family["B"].user_id: MILLION,
            family["C"].user_id: 500_000,
        }
        assert_sound()
