"""The contract's acceptance cases 15 to 24, 28, 35 and 36, by their numbers: households, as captured bytes through the URL."""

import pytest

from accounts import members
from accounts.models import Member
from ledger.models import LedgerTransaction, Spending
from tests.codes.conftest import NOON, StoppedClock
from tests.protocols.loyalty.conftest import M1, Programme, moved
from tests.protocols.loyalty.test_acceptance import GONE, S2, assert_refused
from tests.protocols.loyalty.tills import S1, Till, error, found, told

IDS = ("A", "B", "C")


def balances(programme: Programme, ids: tuple[str, ...] = IDS) -> list[int]:
    return [programme.balance(each) for each in ids]


def available(programme: Programme, ids: tuple[str, ...] = IDS) -> list[int]:
    return [programme.available(each) for each in ids]


def active(programme: Programme, ids: tuple[str, ...] = IDS) -> list[bool]:
    """Whether each has been active at this noon."""
    return [programme.member(each).last_activity_at == NOON for each in ids]


def household(programme: Programme, **points: int) -> Till:
    """A household "L" with these members, and the till with a session of the first."""
    programme.add_household("L", "proportional", points)
    programme.till.start(next(iter(points)))
    return programme.till


@pytest.fixture
def of_a(programme: Programme) -> Till:
    """The till with a session of A."""
    programme.till.start("A")
    return programme.till


@pytest.fixture
def of_d(programme: Programme) -> Till:
    programme.till.start("D")
    return programme.till


def test_case_15_everybody_gives_in_proportion(programme: Programme, of_a: Till):
    assert found(of_a.start("A"))["household"] == {
        "householdId": "H",
        "role": "PRIMARY",
        "redeemableBalance": "6000000",
    }
    token = of_a.reserved("3000000")
    assert available(programme) == [1_500_000, 1_000_000, 500_000]
    transaction_id = of_a.redeemed(token)

    assert balances(programme) == [1_500_000, 1_000_000, 500_000]
    assert programme.spent() == [("A", 1_500_000), ("B", 1_000_000), ("C", 500_000)]
    assert str(Spending.objects.get().transaction_id) == transaction_id
    assert active(programme) == [True, True, True]


def test_case_16_who_has_nothing_gives_nothing(programme: Programme):
    till = household(programme, P=3_000_000, Q=0, R=1_000_000)
    till.redeemed(till.reserved(900_000))

    assert programme.spent() == [("P", 675_000), ("R", 225_000)]
    assert active(programme, ("P", "Q", "R")) == [True, False, True]
    assert programme.member("Q").last_activity_at is None


def test_case_17_ties_go_by_account_id(programme: Programme):
    till = household(programme, R=100, P=100, Q=100)
    till.redeemed(till.reserved("100"))
    assert balances(programme, ("P", "Q", "R")) == [66, 67, 67]


def test_case_18_one_point(programme: Programme):
    till = household(programme, P=500, Q=300, R=200)
    till.redeemed(till.reserved("1"))

    assert programme.spent() == [("P", 1)]
    assert active(programme, ("P", "Q", "R")) == [True, False, False]


def test_case_19_more_than_all_have(of_a: Till):
    before = moved()
    assert_refused(of_a.reserve(reservationAmount="6000001"), error("Account does not have enough points"), before)


def test_case_20_the_request_says_who_gives_what(programme: Programme, of_d: Till):
    response = of_d.post(f"{S1}/reservations/", b'{"reservationAmount":"1000","contributions":{"D":700,"E":300,"F":0}}')
    of_d.redeemed(found(response)["reservationToken"])

    assert programme.spent() == [("D", 700), ("E", 300)]
    assert active(programme, ("D", "E", "F")) == [True, True, False]


def test_case_20_without_contributions_it_is_in_proportion(programme: Programme, of_d: Till):
    of_d.redeemed(of_d.reserved(10))
    assert programme.spent() == [("D", 7), ("E", 3)]


@pytest.mark.parametrize("contributions", [{"D": 699, "E": 300}, {"D": 700, "E": 301}, {}, {"F": 0}, {"D": 10**17}])
def test_case_21_contributions_that_add_up_to_something_else(of_d: Till, contributions: dict[str, int]):
    before = moved()
    response = of_d.reserve(reservationAmount="1000", contributions=contributions)
    assert_refused(response, error("Contributions do not match the reservation amount"), before)


@pytest.mark.parametrize(
    ("contributions", "told_of"),
    [
        ({"D": 701, "E": 299}, "Contributor D does not have enough points"),
        ({"D": 700, "E": 299, "F": 1}, "Contributor F does not have enough points"),
        ({"X": 1000}, "Contributor X is not valid"),
        ({"D": 700, "X": 300}, "Contributor X is not valid"),
        ({M1: 1000}, f"Contributor {M1} is not valid"),
        ({"A": 1000}, "Contributor A is not valid"),
        ({"d": 1000}, "Contributor d is not valid"),
        ({"": 1000}, "Contributor  is not valid"),
        ({"D": -1}, "Contributor D is not valid"),
        ({"D": "700"}, "Contributor D is not valid"),
        ({"D": 700.0}, "Contributor D is not valid"),
        ({"D": True}, "Contributor D is not valid"),
        ({"D": None}, "Contributor D is not valid"),
    ],
)
def test_case_22_a_contributor_who_cannot(of_d: Till, contributions: dict[str, object], told_of: str):
    before = moved()
    assert_refused(of_d.reserve(reservationAmount="1000", contributions=contributions), error(told_of), before)


def test_case_22_a_member_who_is_not_active_is_no_contributor(programme: Programme, of_d: Till):
    members.suspend(programme.member("E"), actor_id="system", reason="lost the card")
    before = moved()
    response = of_d.reserve(reservationAmount="1000", contributions={"D": 700, "E": 300})
    assert_refused(response, error("Contributor E is not valid"), before)


@pytest.mark.parametrize("who", ["A", M1])
def test_case_23_contributions_where_there_are_none(programme: Programme, who: str):
    programme.till.start(who)
    before = moved()
    for contributions in ({who: 1}, {}, {"X": "y"}):
        response = programme.till.reserve(reservationAmount="1", contributions=contributions)
        assert_refused(response, error("Contributions are not allowed for this account"), before)
    assert programme.till.reserve(reservationAmount="1", contributions=None).status_code == 200


def test_case_24_less_than_was_reserved(programme: Programme, of_d: Till):
    token = of_d.reserved("1000", contributions={"D": 700, "E": 300, "F": 0})
    response = of_d.send("PUT", f"/client/users/{S1}/reservations/{token}", b'{"reservationAmount":333}')

    assert told(response) == (
        200,
        b'{"reservationToken":"%s","reservationAmount":"333","status":"RESERVED",'
        b'"reservationExpiry":"2026-11-21T12:15:00Z","sessionId":"%s","warnings":[]}' % (token.encode(), S1.encode()),
    )
    assert available(programme, ("D", "E", "F")) == [467, 200, 0]
    of_d.redeemed(token)
    assert programme.spent() == [("D", 233), ("E", 100)]
    assert available(programme, ("D", "E", "F")) == [467, 200, 0]


def test_case_28_a_token_of_another_of_the_household(programme: Programme, of_a: Till):
    token = of_a.reserved("30")
    of_a.start("B", S2)
    before = moved()

    assert_refused(of_a.redeem(token, S2), GONE, before)
    assert_refused(of_a.cancel(token, S2), GONE, before)
    assert_refused(of_a.reduce(token, S2, reservationAmount=1), GONE, before)
    assert programme.available("A") == 2_999_985


def test_case_35_a_card_that_is_suspended_in_between(programme: Programme, of_a: Till):
    token = of_a.reserved("3000000")
    members.suspend(programme.member("B"), actor_id="system", reason="lost")
    of_a.redeemed(token)

    assert balances(programme) == [1_500_000, 1_000_000, 500_000]
    assert programme.member("B").status == Member.Status.SUSPENDED


def test_case_35_the_account_s_own_card(programme: Programme, of_a: Till):
    token = of_a.reserved("3000000")
    members.suspend(programme.member("A"), actor_id="system", reason="lost")
    of_a.redeemed(token)
    assert balances(programme) == [1_500_000, 1_000_000, 500_000]
    assert told(of_a.reserve(reservationAmount="1")) == error("Account is not eligible for redemption.")


def test_case_36_everybody_gets_back_what_they_gave(programme: Programme, of_a: Till, stopped_clock: StoppedClock):
    transaction_id = of_a.redeemed(of_a.reserved("3000000"))
    of_a.start(M1, S2)
    before = moved()
    other = error("Original transaction belongs to another member")
    assert_refused(of_a.void(transaction_id, S2), other, before)
    for missing in ({}, {"originalTransactionId": None}, {"originalTransactionId": " "}):
        assert_refused(
            of_a.post(f"{S1}/void", missing),
            (
                400,
                b'{"statusCode":400,"errorMessage":"originalTransactionId is mandatory and required to be non-empty.",'
                b'"errorCode":"MISSING_REQUIRED_FIELDS_ERROR"}',
            ),
            before,
        )
    stopped_clock.advance(days=0, minutes=30)

    response = of_a.void(transaction_id, externalReferenceId="BACK-1")
    void_id = found(response)["transactionId"]
    assert response.content == b'{"transactionId":"%s","message":"Transaction voided successfully."}' % void_id.encode()
    assert void_id != transaction_id
    assert balances(programme) == [3_000_000, 2_000_000, 1_000_000]
    assert available(programme) == [3_000_000, 2_000_000, 1_000_000]
    void = LedgerTransaction.objects.get(pk=void_id)
    assert (void.type, str(void.reverses_id)) == ("void", transaction_id)
    assert active(programme) == [True, True, True]  # As of the redemption: not set back, and not set anew.

    after = moved()
    assert_refused(of_a.void(transaction_id), error("Original transaction was already voided"), after)
    assert_refused(of_a.void(transaction_id, S2), other, after)
    assert_refused(of_a.void(void_id), error("Void transaction not allowed"), after)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_case_36_by_the_transaction_of_one_contributor(programme: Programme, of_a: Till, number: int):
    transaction_id = of_a.redeemed(of_a.reserved("3000000"))
    found(of_a.void(f"{transaction_id}-{number}"))
    assert balances(programme) == [3_000_000, 2_000_000, 1_000_000]


@pytest.mark.parametrize("suffix", ["-0", "-4", "-01", "-", "-1-1", " ", "x", "-٣", "-1\n"])
def test_case_36_by_what_is_the_transaction_of_none(of_a: Till, suffix: str):
    transaction_id = of_a.redeemed(of_a.reserved("3000000"))
    before = moved()
    response = of_a.void(f"{transaction_id}{suffix}")
    assert_refused(response, error("Could not find the original transaction."), before)


def test_case_36_by_another_of_the_household(programme: Programme, of_a: Till):
    transaction_id = of_a.redeemed(of_a.reserved("3000000"))
    of_a.start("B", S2)
    before = moved()
    for name in (transaction_id, f"{transaction_id}-2"):
        assert_refused(of_a.void(name, S2), error("Original transaction belongs to another member"), before)
