"""Nothing of another client, another member or another site is ever usable, nor told apart from what does not exist."""

from collections.abc import Callable

import pytest

from accounts import members
from tests.protocols.loyalty.conftest import M1, Programme, make_programme, moved
from tests.protocols.loyalty.test_acceptance import GONE, calls
from tests.protocols.loyalty.tills import S1, Till, error, found, told

UNKNOWN = error("Session correlation ID does not exist--create it first")
FORBIDDEN = error("Access to this resource is not allowed", "FORBIDDEN", 403)
NO_ORIGINAL = error("Could not find the original transaction.")
OF_ANOTHER = error("Original transaction belongs to another member")

USES: dict[str, Callable[[Till, str, str], object]] = {
    "redeem": lambda till, token, session: till.redeem(token, session),
    "reduce": lambda till, token, session: till.reduce(token, session, reservationAmount=1),
    "cancel": lambda till, token, session: till.cancel(token, session),
}


@pytest.fixture
def stranger(programme: Programme) -> Till:
    """A till of another site, with a session of a member of the same IDs."""
    other = make_programme()
    other.add(M1, 25_000, loyalty_id="6000000001")
    other.till.start(M1, "far")
    return other.till


@pytest.mark.parametrize("use", USES)
def test_a_token_is_good_in_a_session_of_its_member_by_its_client_alone(programme: Programme, stranger: Till, use: str):
    """Every bearer × every session, but the right ones."""
    till, second = programme.till, programme.till_of_another()
    for who, session in (("A", "a"), ("B", "b"), (M1, "m")):
        till.start(who, session)
        second.start(who, f"second-{session}")
    till.start("A", "a2")
    tokens = {
        "a": till.reserved("60", "a"),
        "m": till.reserved("70", "m"),
        "second-a": second.reserved("80", "second-a"),
        "far": stranger.reserved("90", "far"),
    }
    before = moved()
    for owner, token in tokens.items():
        for bearer, session in (
            *((till, each) for each in ("a", "a2", "b", "m")),
            *((second, f"second-{each}") for each in ("a", "b", "m")),
            (stranger, "far"),
        ):
            if session == owner or (owner, session) == ("a", "a2"):
                continue
            assert told(USES[use](bearer, token, session)) == GONE, (owner, session)
    assert moved() == before
    assert told(USES[use](till, tokens["a"], "a2"))[0] == 200


@pytest.mark.parametrize("name", calls(S1))
def test_a_session_is_its_client_s_alone(programme: Programme, stranger: Till, name: str):
    programme.till.start(M1)
    before = moved()
    method, path, body = calls(S1)[name]
    assert told(programme.till_of_another().send(method, path, body)) == FORBIDDEN
    assert told(stranger.send(method, path, body)) == UNKNOWN
    method, path, body = calls("far")[name]
    assert told(programme.till.send(method, path, body)) == UNKNOWN
    assert moved() == before


def test_another_client_s_call_keeps_no_session_alive(programme: Programme):
    from accounts.models import LoyaltySession

    programme.till.start(M1)
    called = LoyaltySession.objects.get().last_call_at
    programme.till_of_another().end(S1)
    session = LoyaltySession.objects.get()
    assert (session.last_call_at, session.closed_at) == (called, None)


def test_a_void_is_its_member_s_alone(programme: Programme, stranger: Till):
    till = programme.till
    for who, session in (("A", "a"), ("B", "b"), (M1, "m")):
        till.start(who, session)
    original = till.redeemed(till.reserved("60", "a"), "a")
    far = stranger.redeemed(stranger.reserved("60", "far"), "far")
    before = moved()
    for name in (original, f"{original}-1", f"{original}-2", f"{original}-3"):
        for session in ("b", "m"):
            assert told(till.void(name, session)) == OF_ANOTHER
        assert told(stranger.void(name, "far")) == NO_ORIGINAL
    for name in (far, f"{far}-1"):
        assert told(till.void(name, "m")) == NO_ORIGINAL
    assert moved() == before
    # Whoever redeemed may have it voided by any of the site's programs.
    second = programme.till_of_another()
    second.start("A", "second-a")
    found(second.void(original, "second-a"))


def test_names_of_another_site_are_nobody_s(programme: Programme, stranger: Till):
    other = programme.__class__(stranger.key.client.site, stranger)
    other.add("Z", 5, loyalty_id="7000000001")
    programme.till.start(M1)
    before = moved()
    for redeemer in ("Z", "7000000001"):
        answer = told(programme.till.reserve(reservationAmount="1", redeemerId=redeemer))
        assert answer == error("redeemerId is not valid")
    assert moved() == before


@pytest.mark.parametrize(
    ("who", "redeemer", "good"),
    [
        (M1, M1, True),
        (M1, "6000000001", True),
        (M1, "A", False),
        ("A", "B", True),
        ("A", "A", True),
        ("A", "D", False),
        ("A", M1, False),
        ("A", "a", False),
        ("A", "", False),
        ("A", 5, False),
        ("A", ["A"], False),
        ("A", "x" * 5_000, False),
    ],
)
def test_a_redeemer_is_of_the_account_or_its_household(programme: Programme, who: str, redeemer: object, good: bool):
    programme.till.start(who)
    answer = told(programme.till.reserve(reservationAmount="1", redeemerId=redeemer))
    assert answer[0] == 200 if good else answer == error("redeemerId is not valid")


def test_business_units_and_items_are_the_site_s_own(programme: Programme, stranger: Till):
    from accounts import loyalty_settings

    site = stranger.key.client.site
    loyalty_settings.add_business_unit(site, "FAR", actor_id="system")
    loyalty_settings.add_item(site, "CUP", "A cup", 1, actor_id="system")
    programme.till.start(M1)
    token = programme.till.reserved("5")
    before = moved()
    assert told(programme.till.redeem(token, businessUnit="FAR")) == error(
        "Business Unit FAR is not a valid business unit"
    )
    assert told(programme.till.reserve(catalogueItems=[{"id": "CUP"}])) == error("Catalogue item CUP is not valid")
    assert moved() == before


def test_an_item_that_is_switched_off(programme: Programme):
    from accounts import loyalty_settings

    [mug] = loyalty_settings.find_items(programme.site, ["MUG"]).values()
    loyalty_settings.change_item(mug, mug.name, mug.points, False, actor_id="system")
    programme.till.start(M1)
    assert told(programme.till.reserve(catalogueItems=[{"id": "MUG"}])) == error("Catalogue item MUG is not valid")


def test_who_left_the_household_has_their_own_points_alone(programme: Programme):
    from accounts import households

    programme.till.start("A")
    token = programme.till.reserved("6000000")
    households.leave(programme.member("C"), actor_id="system", reason="moved out")
    programme.till.redeemed(token)
    assert programme.balance("C") == 0
    programme.till.start("C", "c")
    assert told(programme.till.reserve("c", reservationAmount="1")) == error("Account does not have enough points")


def test_a_suspended_member_reserves_nothing(programme: Programme):
    programme.till.start(M1)
    members.suspend(programme.member(M1), actor_id="system", reason="lost")
    before = moved()
    answer = told(programme.till.reserve(reservationAmount="1"))
    assert answer == error("Account is not eligible for redemption.")
    assert moved() == before
