"""The contract's acceptance cases 1 to 14, by their numbers: one member, as captured bytes through the URL."""

import pytest

from accounts import loyalty_settings, members
from accounts.models import LoyaltySession
from ledger.models import Spending
from tests.codes.conftest import NOON, StoppedClock
from tests.protocols.loyalty.conftest import M1, Programme, moved
from tests.protocols.loyalty.tills import S1, USERS, Till, error, found, told

S2 = "0b8f6c0e-7a6e-4c5a-8e0d-222222222222"
GONE = error("Could not find the reservation.")
NO_UNIT = error("Business Unit is mandatory and required to be non-empty")
NO_TOKEN = error("reservationToken is mandatory and required to be non-empty")
NOT_ELIGIBLE = error("Account is not eligible for redemption.")
DONE = b'{"transactionId":"%s","message":"Ad hoc redemption issued successfully."}'


def captured(till: Till, text: bytes):
    """Send a request as it was captured, with the till's own token in it."""
    head, _, body = text.replace(b"eyJ...", (till.token or "").encode()).partition(b"\n\n")
    request_line, *lines = head.decode().splitlines()
    method, path, _ = request_line.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    return Till(host=headers.pop("Host")).send(method, path, body, headers.pop("Content-Type", None), headers)


def assert_refused(response, expected: tuple[int, bytes], before: dict[str, object]) -> None:
    """The whole answer, and that no value moved."""
    assert told(response) == expected
    assert moved() == before


def test_case_1_a_session_for_m1(programme: Programme):
    response = captured(
        programme.till,
        b"""POST /client/users/6f1d2c1e-2c7b-4f7d-9a53-0d7b6f6a1001/sessions HTTP/1.1
Host: localhost
Authorization: Bearer eyJ...
Content-Type: application/json

{"correlationId": "0b8f6c0e-7a6e-4c5a-8e0d-111111111111"}""",
    )

    assert told(response) == (
        200,
        b'{"accountId":"6f1d2c1e-2c7b-4f7d-9a53-0d7b6f6a1001","loyaltyId":"6000000001",'
        b'"correlationId":"0b8f6c0e-7a6e-4c5a-8e0d-111111111111","channel":"APP","status":"ACTIVE",'
        b'"pointBalance":"25000","redeemableBalance":"25000","household":null}',
    )
    assert response.headers["Content-Type"] == "application/json"


def test_case_2_points_are_set_aside(programme: Programme, till: Till):
    response = captured(
        till,
        b"""POST /client/users/0b8f6c0e-7a6e-4c5a-8e0d-111111111111/reservations/ HTTP/1.1
Host: localhost
Authorization: Bearer eyJ...
Content-Type: application/json

{"reservationAmount":"20000"}""",
    )

    token = found(response)["reservationToken"]
    assert response.content == (
        b'{"reservationToken":"%s","reservationAmount":"20000","status":"RESERVED",'
        b'"reservationExpiry":"2026-11-21T12:15:00Z","sessionId":"0b8f6c0e-7a6e-4c5a-8e0d-111111111111","warnings":[]}'
        % token.encode()
    )
    assert (programme.balance(), programme.available(), programme.held()) == (25_000, 5_000, 20_000)
    again = found(till.start(M1))
    assert (again["pointBalance"], again["redeemableBalance"]) == ("25000", "5000")


def test_case_3_the_points_are_taken(programme: Programme, till: Till):
    token = till.reserved("20000")
    response = captured(
        till,
        b"""POST /client/users/0b8f6c0e-7a6e-4c5a-8e0d-111111111111/adhoc-redemption HTTP/1.1
Host: localhost
Authorization: Bearer eyJ...
Content-Type: application/json

{"businessUnit": "MAIN", "reservationToken": "%s", "externalReferenceId": "ORDER-77", "channel": "POS"}"""
        % token.encode(),
    )

    transaction_id = found(response)["transactionId"]
    assert response.content == DONE % transaction_id.encode()
    assert (programme.balance(), programme.available(), programme.held()) == (5_000, 5_000, 0)
    assert programme.spent() == [(M1, 20_000)]
    spending = Spending.objects.get(transaction_id=transaction_id)
    assert (spending.business_unit, spending.channel, spending.external_reference) == ("MAIN", "POS", "ORDER-77")
    assert (spending.correlation_id, spending.owner) == (S1, programme.member(M1).user)
    assert programme.member(M1).last_activity_at == NOON


def test_case_4_the_same_token_again(programme: Programme, till: Till):
    token = till.reserved("20000")
    till.redeemed(token)
    before = moved()

    assert_refused(till.redeem(token), GONE, before)
    assert_refused(till.redeem(token, externalReferenceId="ORDER-77"), GONE, before)
    assert programme.balance() == 5_000


@pytest.mark.parametrize("unit", [b"", b'"businessUnit":null,', b'"businessUnit":"",', b'"businessUnit":"  ",'])
def test_case_5_no_business_unit(till: Till, unit: bytes):
    token = till.reserved("20000")
    before = moved()

    response = till.post(f"{S1}/adhoc-redemption", b'{%s"reservationToken":"%s"}' % (unit, token.encode()))
    assert_refused(response, NO_UNIT, before)


@pytest.mark.parametrize(
    ("unit", "body"),
    [
        (
            b'"main"',
            b'{"statusCode":400,"errorMessage":"Business Unit main is not a valid business unit","errorCode":"INVALID_REQUEST"}',
        ),
        (
            b'"MAIN "',
            b'{"statusCode":400,"errorMessage":"Business Unit MAIN  is not a valid business unit","errorCode":"INVALID_REQUEST"}',
        ),
        (
            b"5",
            b'{"statusCode":400,"errorMessage":"Business Unit 5 is not a valid business unit","errorCode":"INVALID_REQUEST"}',
        ),
    ],
)
def test_case_6_another_business_unit(till: Till, unit: bytes, body: bytes):
    token = till.reserved("20000")
    before = moved()

    sent = b'{"businessUnit":%s,"reservationToken":"%s"}' % (unit, token.encode())
    assert_refused(till.post(f"{S1}/adhoc-redemption", sent), (400, body), before)


@pytest.mark.parametrize(
    "token", [b"", b',"reservationToken":""', b',"reservationToken":null', b',"reservationToken":" "']
)
def test_case_7_no_token(till: Till, token: bytes):
    till.reserved("20000")
    before = moved()

    assert_refused(till.post(f"{S1}/adhoc-redemption", b'{"businessUnit":"MAIN"%s}' % token), NO_TOKEN, before)


def test_case_8_neither(till: Till):
    before = moved()
    assert_refused(till.post(f"{S1}/adhoc-redemption", b"{}"), NO_UNIT, before)


@pytest.mark.parametrize("token", ["nonsense", 5, ["x"], {"a": 1}, True, "x" * 10_000, "\u202e", "'", "nonsense "])
def test_case_9_a_token_that_is_none(till: Till, token: object):
    till.reserved("20000")
    before = moved()
    assert_refused(till.redeem(token), GONE, before)


def test_case_10_a_token_that_is_too_old(programme: Programme, till: Till, stopped_clock: StoppedClock):
    """No task runs in this test."""
    token = till.reserved("20000")
    stopped_clock.advance(minutes=15, seconds=1)
    before = moved()

    assert_refused(till.redeem(token), GONE, before)
    assert (programme.balance(), programme.available(), programme.held()) == (25_000, 25_000, 0)
    assert found(till.start(M1))["redeemableBalance"] == "25000"
    till.redeemed(till.reserved("25000"))
    assert programme.balance() == 0


def test_case_10_the_last_moment_of_a_token(programme: Programme, till: Till, stopped_clock: StoppedClock):
    one, other = till.reserved("20000"), till.reserved("1")
    stopped_clock.advance(minutes=14, seconds=59)
    till.redeemed(one)
    stopped_clock.advance(seconds=1)
    assert told(till.redeem(other)) == GONE
    assert programme.balance() == 5_000


def test_case_11_by_telephone_number(programme: Programme, till: Till):
    members.set_identifiers(programme.member(M1), [("phone_number", "+4915112345678")], actor_id="system")
    token = till.reserved("20000")
    before = moved()

    response = till.start("+4915112345678", S2, "PHONE_NUMBER")
    assert told(response) == (
        200,
        b'{"accountId":"%s","loyaltyId":"6000000001","correlationId":"%s","channel":"APP","status":"ACTIVE",'
        b'"pointBalance":"25000","redeemableBalance":"0","household":null}' % (M1.encode(), S2.encode()),
    )
    assert_refused(till.reserve(S2, reservationAmount="100"), NOT_ELIGIBLE, before)
    assert_refused(till.redeem(token, S2), NOT_ELIGIBLE, before)
    assert_refused(till.reduce(token, S2, reservationAmount=5), NOT_ELIGIBLE, before)


def test_case_11_of_a_household(programme: Programme):
    members.set_identifiers(programme.member("A"), [("phone_number", "0151")], actor_id="system")
    body = found(programme.till.start("0151", S1, "PHONE_NUMBER"))
    assert body["household"] == {"householdId": "H", "role": "PRIMARY", "redeemableBalance": "0"}


def test_case_12_the_feature_is_off(programme: Programme, till: Till):
    token = till.reserved("20000")
    loyalty_settings.switch_feature(programme.site, False, actor_id="system", reason="pause")
    before = moved()

    off = error("Ad Hoc Redemption feature is not enabled.")
    assert_refused(till.redeem(token), off, before)
    assert_refused(till.cancel(token), error("Adhoc Redemption feature is not enabled"), before)
    assert_refused(till.reserve(reservationAmount="1"), off, before)
    assert_refused(till.reduce(token, reservationAmount=1), off, before)
    assert_refused(till.void("x"), off, before)


def test_case_13_the_account_was_closed(programme: Programme, till: Till):
    token = till.reserved("20000")
    members.close(programme.member(M1), actor_id="system", reason="asked for it")
    before = moved()

    assert_refused(till.redeem(token), error("Could not find the account."), before)
    assert_refused(till.reserve(reservationAmount="1"), NOT_ELIGIBLE, before)
    assert told(till.start(M1, S2)) == error("Could not find the account.")


def calls(session: str) -> dict[str, tuple[str, str, bytes]]:
    """Every call in a session: method, path and a body."""
    return {
        "reserve": ("POST", f"{USERS}/{session}/reservations/", b'{"reservationAmount":"1"}'),
        "reduce": ("PUT", f"{USERS}/{session}/reservations/x", b'{"reservationAmount":1}'),
        "cancel": ("DELETE", f"{USERS}/{session}/reservations/x", b""),
        "redeem": ("POST", f"{USERS}/{session}/adhoc-redemption", b'{"businessUnit":"MAIN","reservationToken":"x"}'),
        "void": ("POST", f"{USERS}/{session}/void", b'{"originalTransactionId":"x"}'),
        "end": ("DELETE", f"{USERS}/{session}/sessions", b""),
    }


@pytest.mark.parametrize("name", calls(S1))
def test_case_14_no_such_session_and_one_that_ended(till: Till, name: str):
    till.start(M1, S2)
    assert told(till.end(S2)) == (200, b'{"sessionId":"%s","status":"CLOSED"}' % S2.encode())
    before = moved()

    for session, expected in (
        ("nobodys", error("Session correlation ID does not exist--create it first")),
        (S1.upper(), error("Session correlation ID does not exist--create it first")),
        (S2, error("Session Closed")),
    ):
        method, path, body = calls(session)[name]
        assert_refused(till.send(method, path, body), expected, before)


def test_case_14_a_session_of_which_nothing_was_heard_for_24_hours(till: Till, stopped_clock: StoppedClock):
    stopped_clock.advance(hours=23, minutes=59)
    till.signed_in()
    assert told(till.redeem("nonsense")) == GONE  # A call that is refused is heard.
    stopped_clock.advance(hours=23, minutes=59, seconds=59)
    till.signed_in()
    assert told(till.redeem("nonsense")) == GONE
    stopped_clock.advance(hours=24)
    till.signed_in()
    assert told(till.redeem("nonsense")) == error("Session Closed")
    assert LoyaltySession.objects.count() == 1


def test_case_14_its_reservations_stay(programme: Programme, till: Till):
    token = till.reserved("20000")
    till.end()
    till.start(M1, S2)
    assert programme.available() == 5_000
    till.redeemed(token, S2)
    assert programme.balance() == 5_000
