"""Input made to harm, in every field, every part of a path and every header: refused at once, with nothing moved and never 5xx."""

import tracemalloc
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from tests.api.test_bodies import MALFORMED
from tests.protocols.advice.test_attacks import UNREADABLE_JSON
from tests.protocols.loyalty.conftest import Programme, moved
from tests.protocols.loyalty.test_acceptance import GONE, S2
from tests.protocols.loyalty.test_requests import NOT_JSON, WITH_BODY
from tests.protocols.loyalty.tills import S1, USERS, Till, compact, error, told
from tests.protocols.prepaid.test_attacks import NUMBERS, TEXTS

# What is unreadable to this protocol too: the others of the API's table are wrong for what they say there.
UNREADABLE = UNREADABLE_JSON | {
    name: body
    for name, body in MALFORMED.items()
    if not any(
        word in name for word in (" as ", "control character in", "line break", "direction override", "21 levels")
    )
}
TYPES: list[Any] = [5, -1, 0, 1.5, 1e300, True, False, [], ["x"], [[]], {}, {"a": "b"}, {"$ne": ""}, 10**17, [None]]
UNKNOWN = error("Session correlation ID does not exist--create it first")
NOBODY = error("Could not find the account.")


def texts() -> Iterator[str]:
    """The shared table, as far as it is text at all."""
    for raw in (*TEXTS, *NUMBERS):
        try:
            yield unquote_to_bytes(raw.replace(b"+", b" ")).decode()
        except UnicodeDecodeError:
            continue


HOSTILE: list[Any] = [*texts(), *TYPES, "\u202e", "\ufeff", "a\u2028b", "\U000e0001", "x" * 60_000]
HOLDS = {"reservationAmount": "10"}
FIELDS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "start": [
        ("correlationId", {}),
        ("channel", {"correlationId": S2}),
        ("externalAgentSessionId", {"correlationId": S2}),
    ],
    "reserve": [
        *((name, HOLDS) for name in ("businessUnit", "redeemerId", "redemptionId", "fulfillmentEmailKey")),
        ("fulfillmentEmailKey", {**HOLDS, "redemptionId": "DIRECT_DEPOSIT"}),
        ("catalogueItems", HOLDS),
        ("contributions", HOLDS),
        ("reservationAmount", {}),
    ],
    "reduce": [
        *((name, {"reservationAmount": 5}) for name in ("redeemerId", "redemptionId", "catalogueItems")),
        ("reservationAmount", {}),
    ],
    "redeem": [
        ("businessUnit", {"reservationToken": "x"}),
        ("reservationToken", {"businessUnit": "MAIN"}),
        *((name, {"businessUnit": "MAIN", "reservationToken": "x"}) for name in ("externalReferenceId", "channel")),
    ],
    "void": [
        ("originalTransactionId", {}),
        *((name, {"originalTransactionId": "x"}) for name in ("externalReferenceId", "channel")),
    ],
}
# What is none of these, and is taken all the same: what is merely odd is a text like another.
TAKEN = {
    *(
        ("start", "correlationId"),
        ("start", "channel"),
        ("reserve", "redemptionId"),
        ("reserve", "fulfillmentEmailKey"),
    ),
    *(("reserve", "reservationAmount"), ("reserve", "businessUnit"), ("reserve", "catalogueItems")),
}


@pytest.mark.parametrize("name", WITH_BODY)
def test_bodies_that_cannot_be_read(till: Till, name: str):
    method, path, _ = WITH_BODY[name]
    before = moved()
    for what, body in UNREADABLE.items():
        assert told(till.send(method, path, body)) == NOT_JSON, what
    assert len(UNREADABLE) > 50
    assert moved() == before


def test_none_of_them_takes_more_memory_than_a_call_may(till: Till):
    method, path, _ = WITH_BODY["redeem"]
    for what, body in UNREADABLE.items():
        tracemalloc.start()
        till.send(method, path, body)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8_000_000, what


@pytest.mark.parametrize(
    ("name", "field", "others"),
    [pytest.param(name, *each, id=f"{name}-{each[0]}-{len(each[1])}") for name in FIELDS for each in FIELDS[name]],
)
def test_every_field(programme: Programme, till: Till, name: str, field: str, others: dict[str, Any]):
    token = till.reserved("10")
    method, path, _ = WITH_BODY[name]
    path = path.replace("reservations/x", f"reservations/{token}")
    before = moved()
    for value in HOSTILE:
        if name == "reduce" and value in (5, []):
            continue  # What is said there may be said there.
        status, body = told(till.send(method, path, compact({**others, field: value})))
        assert status in ((200, 400) if (name, field) in TAKEN else (400,)), (value, status)
        if isinstance(value, str) and "\x00" in value:
            assert (status, body) == NOT_JSON
        if status == 400:
            assert body.startswith(b'{"statusCode":400,"errorMessage":"')
    after = moved()
    if name == "reserve":
        # Odd words may be said of a reservation; no point may be booked, and none be held that was not asked for.
        assert after["bookings"] == before["bookings"]
        assert programme.balance() == 25_000
        assert programme.held() >= 0
    else:
        assert after == before


@pytest.mark.parametrize("part", ["id", "productCode", "quantity"])
def test_every_field_of_an_item(till: Till, part: str):
    before = moved()
    for value in HOSTILE:
        if part == "quantity" and value == 5:
            continue
        item = {"id": "MUG", "quantity": 1, part: value}
        if part == "productCode":
            del item["id"]
        status, body = told(till.reserve(catalogueItems=[item]))
        assert status == 400, value
        assert b"is not valid" in body, value
    assert moved() == before


def test_every_name_and_amount_of_a_contributor(programme: Programme):
    programme.till.start("D")
    before = moved()
    for value in HOSTILE:
        if isinstance(value, str):
            status, body = told(programme.till.reserve(reservationAmount="10", contributions={value: 10}))
            assert (status, body.startswith(b'{"statusCode":400,"errorMessage":"Contributor ')) == (400, True) or (
                (status, body) == NOT_JSON
            )
        if value not in (0, 5, 10**17):
            answer = told(programme.till.reserve(reservationAmount="10", contributions={"D": value}))
            assert answer in (error("Contributor D is not valid"), NOT_JSON), value
    assert moved() == before


def test_amounts_too_large_to_count(till: Till):
    before = moved()
    many = [{"id": "MUG", "quantity": 10_000}] * 300
    assert told(till.reserve(catalogueItems=many)) == error("Account does not have enough points")
    assert told(till.reserve(reservationAmount=str(10**12))) == error("Account does not have enough points")
    assert moved() == before


@pytest.mark.parametrize(
    "raw", [*TEXTS, *NUMBERS, b"..%2F..", b"%2e%2e", b"a%2Fb", b"%E2%80%A8", b"x" * 5_000, b";a=b"]
)
def test_every_part_of_a_path(till: Till, raw: bytes):
    token = till.reserved("10")
    before = moved()
    part = raw.decode().replace("+", "%20")
    for method, path, body, expected in (
        ("POST", f"{USERS}/{part}/adhoc-redemption", b'{"businessUnit":"MAIN"}', (UNKNOWN,)),
        ("POST", f"{USERS}/{part}/reservations", b"{}", (UNKNOWN,)),
        ("PUT", f"{USERS}/{part}/reservations/{token}", b"{}", (UNKNOWN,)),
        ("DELETE", f"{USERS}/{part}/reservations/{token}", b"", (UNKNOWN,)),
        ("POST", f"{USERS}/{part}/void", b"{}", (UNKNOWN,)),
        ("DELETE", f"{USERS}/{part}/sessions", b"", (UNKNOWN,)),
        (
            "POST",
            f"{USERS}/{part}/sessions",
            b'{"correlationId":"x"}',
            (NOBODY, error("identifier is too long")),
        ),
        # A path of a slash more is another address.
        (
            "DELETE",
            f"{USERS}/{S1}/reservations/{part}",
            b"",
            (GONE, UNKNOWN, error("There is nothing at this address", status=404)),
        ),
        (
            "PUT",
            f"{USERS}/{S1}/reservations/{part}",
            b'{"reservationAmount":1}',
            (GONE, UNKNOWN, error("There is nothing at this address", status=404)),
        ),
    ):
        assert told(till.send(method, path, body)) in expected, path
    assert moved() == before


@pytest.mark.parametrize(
    "name", ["X-Identifier-Type", "Authorization", "Accept", "X-Request-Id", "Idempotency-Key", "X-Forwarded-For"]
)
def test_every_header(till: Till, name: str):
    before = moved()
    for value in (
        "",
        "\x00",
        "a\r\nb: c",
        "é",
        "\u202e",
        "x" * 8_000,
        "," * 2_000,
        "Bearer \x00",
        "../..",
        "%00",
        "'--",
    ):
        status, _ = told(send_with(till, name, value))
        assert status in {"X-Identifier-Type": (400,), "Authorization": (401,)}.get(name, (200,)), value
    assert moved() == before


def send_with(till: Till, name: str, value: str) -> Any:
    method, path, body = WITH_BODY["start"]
    return till.send(method, path, body, headers={name: value})


def test_names_made_to_confuse(till: Till):
    """What only looks like a field is none, and what is none is ignored."""
    token = till.reserved("10")
    before = moved()
    for name in ("BusinessUnit", "businessUnit ", "business\u200bUnit", "BUSINESSUNIT", "__class__", "'"):
        answer = told(till.redeem(token, S1, "businessUnit", **{name: "MAIN"}))
        assert answer == error("Business Unit is mandatory and required to be non-empty")
    assert moved() == before
    extra = {"amount": 5, "account": "A", "site": 1, "balance": 9, "transactionId": "x", "caller": "client:1", "id": 7}
    assert till.redeem(token, **extra).status_code == 200


def test_what_is_echoed_is_echoed_as_text(till: Till):
    token = till.reserved("10")
    for unit, shown in (
        ('<script>"&\\', '<script>"&\\'),
        ("{businessUnit}", "{businessUnit}"),
        ("{0}%s", "{0}%s"),
        ({"a": ["ü", None]}, '{"a": ["ü", null]}'),
        (True, "true"),
        (1.5, "1.5"),
    ):
        assert told(till.redeem(token, businessUnit=unit)) == error(
            f"Business Unit {shown} is not a valid business unit"
        )
