"""The contract's acceptance cases 25 to 34 and 37 to 39, by their numbers, as captured bytes through the URL."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, InternalError, connection

from accounts import loyalty_settings
from ledger.models import Reservation, Spending
from tests.codes.conftest import StoppedClock
from tests.protocols.loyalty.conftest import M1, Programme, moved
from tests.protocols.loyalty.test_acceptance import GONE, S2, assert_refused
from tests.protocols.loyalty.tills import S1, USERS, Till, error, found, told
from tests.races.moments import around_statements

NO_NUMBER = error("reservationAmount is not a valid number of points")
NEITHER = error("reservationAmount or catalogueItems must be provided")
LARGER = error("Reservation amount cannot be increased")


@pytest.mark.parametrize("amount", [20_001, 10**12])
def test_case_25_a_larger_amount(till: Till, amount: int):
    token = till.reserved("20000")
    before = moved()
    assert_refused(till.reduce(token, reservationAmount=amount), LARGER, before)


def test_case_25_after_a_reduction_its_amount_is_the_limit(till: Till):
    token = till.reserved("20000")
    found(till.reduce(token, reservationAmount=10_000))
    before = moved()
    assert_refused(till.reduce(token, reservationAmount=10_001), LARGER, before)
    assert found(till.reduce(token, reservationAmount=10_000))["reservationAmount"] == "10000"
    assert moved() == before


def test_case_26_the_difference_comes_back(programme: Programme, till: Till):
    token = till.reserved("25000")
    assert programme.available() == 0
    assert found(till.reduce(token, reservationAmount=20_000))["reservationAmount"] == "20000"
    assert (programme.balance(), programme.available()) == (25_000, 5_000)


def test_case_27_all_of_it_comes_back(programme: Programme, till: Till):
    token = till.reserved("20000")
    response = till.send("DELETE", f"{USERS}/{S1}/reservations/{token}", content_type=None)

    assert told(response) == (
        200,
        b'{"status":"CANCELLED","reservationToken":"%s","sessionId":"%s"}' % (token.encode(), S1.encode()),
    )
    assert (programme.balance(), programme.available(), programme.held()) == (25_000, 25_000, 0)
    before = moved()
    assert_refused(till.redeem(token), GONE, before)
    assert_refused(till.cancel(token), GONE, before)
    assert_refused(till.reduce(token, reservationAmount=1), GONE, before)


def test_case_27_what_was_redeemed_is_not_cancelled(till: Till):
    token = till.reserved("20000")
    till.redeemed(token)
    before = moved()
    assert_refused(till.cancel(token), GONE, before)
    assert_refused(till.reduce(token, reservationAmount=1), GONE, before)


def test_case_29_what_the_items_cost(programme: Programme, till: Till):
    response = till.post(f"{S1}/reservations/", b'{"catalogueItems":[{"id":"MUG","quantity":3}]}')
    assert found(response)["reservationAmount"] == "1500"
    assert programme.available() == 23_500


@pytest.mark.parametrize(
    ("items", "amount"),
    [
        ([{"productCode": "MUG"}], "500"),
        ([{"id": "MUG", "quantity": None}, {"id": "MUG", "quantity": 2}], "1500"),
        ([{"id": "MUG", "productCode": "X"}], "500"),
        ([{"id": "MUG", "quantity": 1, "colour": "red"}], "500"),
    ],
)
def test_case_29_in_other_words(till: Till, items: list[dict[str, object]], amount: str):
    assert found(till.reserve(catalogueItems=items))["reservationAmount"] == amount


def test_case_29_an_amount_counts_before_the_items(till: Till):
    body = found(till.reserve(reservationAmount="7", catalogueItems=[{"id": "MUG", "quantity": 3}]))
    assert body["reservationAmount"] == "7"
    assert Reservation.objects.get().details["catalogueItems"] == [{"id": "MUG", "quantity": 3}]


def test_what_is_said_of_a_reservation_is_recorded(programme: Programme, till: Till):
    till.reserved(
        "7",
        businessUnit="WEST",
        redemptionId="STATEMENT_CREDIT",
        redeemerId="6000000001",
        fulfillmentEmailKey="HOME",
        colour="red",
    )
    reservation = Reservation.objects.get()
    assert reservation.details == {
        "businessUnit": "WEST",
        "redemptionId": "STATEMENT_CREDIT",
        "redeemerId": "6000000001",
        "fulfillmentEmailKey": "HOME",
    }
    assert till.key is not None
    assert (reservation.caller, reservation.owner) == (f"client:{till.key.client.pk}", programme.member(M1).user)
    # The unit of the redemption is its own.
    before = moved()
    response = till.reserve(reservationAmount="7", businessUnit="EAST")
    assert_refused(response, error("Business Unit EAST is not a valid business unit"), before)
    assert till.reserve(reservationAmount="7", businessUnit=" ").status_code == 200


@pytest.mark.parametrize(
    "amount",
    [
        *(
            "0",
            "-5",
            "1.5",
            "abc",
            "",
            " ",
            "+5",
            "1_000",
            "1e3",
            "٣",
            "１",
            "²",
            " 5",
            "5 ",
            "5\n",
            "0x10",
            "1000000000001",
        ),
        *(0, -5, 1.5, 5.0, 1e3, True, False, [], [5], {}, {"a": 1}, 10**12 + 1, 10**17, "1" * 5_000, "NaN", "1,000"),
    ],
)
def test_case_30_no_number_of_points(till: Till, amount: object):
    before = moved()
    assert_refused(till.reserve(reservationAmount=amount), NO_NUMBER, before)


@pytest.mark.parametrize("amount", ["333", "0", 0, -1, 1.5, True, "abc", "", [], 10**12 + 1])
def test_case_30_no_number_to_reduce_to(till: Till, amount: object):
    """Here even the text of a number is none."""
    token = till.reserved("1000")
    before = moved()
    assert_refused(till.reduce(token, reservationAmount=amount), NO_NUMBER, before)


@pytest.mark.parametrize("fields", [{}, {"reservationAmount": None}, {"catalogueItems": []}, {"catalogueItems": None}])
def test_case_30_neither_amount_nor_items(till: Till, fields: dict[str, object]):
    token = till.reserved("1000")
    before = moved()
    assert_refused(till.reserve(**fields), NEITHER, before)
    assert_refused(till.reduce(token, **fields), NEITHER, before)


@pytest.mark.parametrize("redemption", ["STATEMENT_CREDIT", "DIRECT_DEPOSIT"])
def test_case_31_where_an_address_is_needed(till: Till, redemption: str):
    before = moved()
    for missing in ({}, {"fulfillmentEmailKey": None}, {"fulfillmentEmailKey": " "}):
        response = till.reserve(reservationAmount="1", redemptionId=redemption, **missing)
        assert_refused(response, error("fulfillmentEmailKey must be provided"), before)
    for wrong in ("home", "HOME ", "one@example.test", 5, ["HOME"], "x" * 5_000):
        response = till.reserve(reservationAmount="1", redemptionId=redemption, fulfillmentEmailKey=wrong)
        assert_refused(response, error("fulfillmentEmailKey is not valid"), before)
    response = till.reserve(reservationAmount="1", redemptionId=redemption, fulfillmentEmailKey="HOME")
    assert found(response)["warnings"] == []


@pytest.mark.parametrize("other", [{}, {"redemptionId": "MUGS"}, {"redemptionId": "statement_credit"}])
@pytest.mark.parametrize("key", ["HOME", "x", "", 5])
def test_case_31_a_key_that_nobody_needs(till: Till, other: dict[str, str], key: object):
    body = found(till.reserve(reservationAmount="1", fulfillmentEmailKey=key, **other))
    assert body["warnings"] == ["fulfillmentEmailKey is not used with this redemptionId"]


def test_case_32_twenty_redemptions_one_after_another(programme: Programme, till: Till):
    token = till.reserved("5000")
    answers = [told(till.redeem(token)) for _ in range(20)]

    assert [status for status, _ in answers] == [200] + [400] * 19
    assert set(answers[1:]) == {GONE}
    assert programme.spent() == [(M1, 5_000)]
    assert programme.balance() == 20_000


def test_case_33_twenty_reservations_one_after_another(programme: Programme, till: Till):
    answers = [told(till.reserve(reservationAmount="5000")) for _ in range(20)]

    assert [status for status, _ in answers] == [200] * 5 + [400] * 15
    assert set(answers[5:]) == {error("Account does not have enough points")}
    assert (programme.balance(), programme.held(), programme.available()) == (25_000, 25_000, 0)


def test_case_34_no_token_and_no_body(till: Till):
    before = moved()
    stranger = Till()
    assert_refused(
        stranger.post(f"{S1}/adhoc-redemption", b"{"),
        (401, b'{"statusCode":401,"errorMessage":"Access token is missing or invalid","errorCode":"UNAUTHORIZED"}'),
        before,
    )
    assert_refused(
        till.post(f"{S1}/adhoc-redemption", b"{"),
        (400, b'{"statusCode":400,"errorMessage":"Request body is not valid JSON","errorCode":"INVALID_REQUEST"}'),
        before,
    )


def test_case_37_a_redemption_that_is_too_old(programme: Programme, till: Till, stopped_clock: StoppedClock):
    old = till.redeemed(till.reserved("20000"))
    stopped_clock.advance(days=1)
    till.signed_in().start(M1, S2)
    young = till.redeemed(till.reserved("5000", S2), S2)
    stopped_clock.advance(days=30)
    till.signed_in().start(M1, "third")
    before = moved()

    assert_refused(till.void(old, "third"), error("Transaction is older than 30 days."), before)
    found(till.void(young, "third"))
    assert programme.balance() == 5_000


def test_case_37_the_site_s_own_period(programme: Programme, till: Till, stopped_clock: StoppedClock):
    settings = loyalty_settings.settings_of(programme.site)
    settings.adjustment_days = 3
    settings.save()
    transaction_id = till.redeemed(till.reserved("20000"))
    stopped_clock.advance(days=3, seconds=1)
    till.signed_in().start(M1, S2)
    before = moved()
    assert_refused(till.void(transaction_id, S2), error("Transaction is older than 3 days."), before)


@pytest.mark.parametrize("failure", [DatabaseError, IntegrityError, InternalError, RuntimeError])
def test_case_38_an_error_of_the_database(programme: Programme, till: Till, failure: type[Exception]):
    token = till.reserved("20000")
    before = moved()

    def fail(sql: str, go: Callable[[], Any]) -> Any:
        if "INSERT" in sql and "ledger_transfer" in sql:
            raise failure("no room for 'secret'")
        return go()

    with around_statements(fail):
        response = till.redeem(token)
    assert_refused(
        response,
        (500, b'{"statusCode":500,"errorMessage":"Internal server error","errorCode":"INTERNAL_ERROR"}'),
        before,
    )
    till.redeemed(token)
    assert programme.balance() == 5_000


def test_case_38_at_each_statement_of_its_transaction(programme: Programme, till: Till):
    token = till.reserved("20000")
    before = moved()
    failed_at, outside = 0, len(connection.savepoint_ids)
    for number in range(1, 100):
        left = number

        def fail(sql: str, go: Callable[[], Any]) -> Any:
            nonlocal left
            if len(connection.savepoint_ids) == outside:
                return go()  # Before or behind the redemption's transaction; the test's own would break.
            left -= 1
            if left == 0:
                raise DatabaseError(sql)
            return go()

        with around_statements(fail):
            response = till.redeem(token)
        if left > 0:
            break  # It had fewer statements, and went through.
        failed_at = number
        assert told(response) == error("Internal server error", "INTERNAL_ERROR", 500), number
        assert moved() == before, number
    assert response.status_code == 200
    assert failed_at > 5
    assert programme.balance() == 5_000


@pytest.mark.parametrize("channel", [{}, {"channel": None}, {"channel": ""}, {"channel": "  "}])
@pytest.mark.parametrize(
    ("started", "recorded"), [({}, "APP"), ({"channel": "WEBSITE"}, "WEBSITE"), ({"channel": "Kiosk 7"}, "Kiosk 7")]
)
def test_case_39_the_session_s_channel(
    programme: Programme, channel: dict[str, object], started: dict[str, str], recorded: str
):
    till = programme.till
    till.start(M1, **started)
    till.redeemed(till.reserved("1"), **channel)
    assert Spending.objects.get().channel == recorded
