"""Holds that have expired count as absent from that instant on: judged when used, whether the sweep ran or never does."""

import pytest

from ledger import points
from ledger.expiring_holds import sweep_reservations
from ledger.models import AccountHold, Reservation
from ledger.refusals import ReservationGone
from tests.factories import make_site
from tests.ledger.membership import (
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


@pytest.fixture
def member(stopped_clock):
    return make_member(make_site(), "M1", 1_000)


@pytest.fixture
def family(stopped_clock):
    return make_household({"A": 600, "B": 400})


def test_a_token_is_good_until_the_very_instant(member, stopped_clock):
    first, second = reserve(member, 300, seconds=900), reserve(member, 700, seconds=900)
    stopped_clock.advance(seconds=900)
    stopped_clock.advance(microseconds=-1)
    redeem(member, first)
    assert standing(member) == (700, 700, 0)

    stopped_clock.advance(microseconds=1)
    before = moved()
    for deed in (redeem, points.cancel_points):
        with pytest.raises(ReservationGone):
            deed(member, second)
    with pytest.raises(ReservationGone):
        points.reduce_points(member, second, 1)
    assert moved() == before
    assert standing(member) == (700, 0, 700)


def test_what_was_held_can_be_reserved_again_though_no_task_ran(family, stopped_clock):
    reserve(family["A"], 1_000)
    stopped_clock.advance(minutes=15, seconds=1)

    assert available(family) == {"A": 600, "B": 400}
    assert points.household_balance(family["A"].household_id) == points.PointsBalance(1_000, 0, 1_000)
    token = reserve(family["B"], 1_000)
    assert list(AccountHold.objects.order_by("id").values_list("ended_as", flat=True)) == ["expired"] * 2 + [""] * 2
    redeem(family["B"], token)
    assert standing(family["A"]) == (0, 0, 0)
    assert_sound()


def test_a_redemption_releases_what_else_has_expired_and_not_what_has_not(member, stopped_clock):
    reserve(member, 100, seconds=60)
    late, later = reserve(member, 200, seconds=900), reserve(member, 300, seconds=900)
    stopped_clock.advance(seconds=60)

    redeem(member, late)

    assert standing(member) == (800, 300, 500)
    assert account_of(member).held == 300
    redeem(member, later)
    assert_sound()


def test_a_void_releases_it_too(member, stopped_clock):
    spending = redeem(member, reserve(member, 400))
    reserve(member, 600)
    stopped_clock.advance(hours=1)
    points.void_spending(member, str(spending.transaction_id), caller="client:1", adjustment_days=30)

    assert (account_of(member).held, standing(member)) == (0, (1_000, 0, 1_000))
    assert_sound()


def test_the_sweep_tidies_and_changes_no_reading(family, stopped_clock):
    reserve(family["A"], 500, seconds=60)
    kept = reserve(family["A"], 100, seconds=900)
    assert sweep_reservations() == 0
    stopped_clock.advance(seconds=60)
    before = available(family)

    assert sweep_reservations() == 1
    assert sweep_reservations() == 0

    assert available(family) == before
    assert sorted(Reservation.objects.values_list("ended_as", flat=True)) == ["", "expired"]
    assert AccountHold.objects.filter(ended_as="expired").count() == 2
    assert account_of(family["A"]).held == 60
    redeem(family["A"], kept)
    assert_sound()


def test_the_sweep_ends_a_reservation_whose_holds_somebody_released_before(member, stopped_clock):
    reserve(member, 500)
    stopped_clock.advance(hours=1)
    reserve(member, 1_000)
    assert Reservation.objects.filter(ended_as="").count() == 2

    assert sweep_reservations() == 1
    assert Reservation.objects.get(ended_as="expired").ended_at == stopped_clock.read()
    assert_sound()
