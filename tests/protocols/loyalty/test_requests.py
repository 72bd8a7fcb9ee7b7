"""What surrounds a call: addresses, methods, slashes, media types, sizes, the ID of the request, and the database away."""

import gzip
import io
from contextlib import AbstractContextManager

import pytest
from django.db import OperationalError, connection
from django.test import override_settings

from redemption_site.edge import failures
from tests.architecture.test_settings import load
from tests.outages import WAYS_TO_BE_AWAY
from tests.protocols.advice.test_attacks import HOSTILE_TYPES, NeverRead
from tests.protocols.advice.tills import database_away
from tests.protocols.loyalty.conftest import M1, Programme, moved
from tests.protocols.loyalty.test_acceptance import S2, calls
from tests.protocols.loyalty.tills import FORM, JSON, S1, TOKEN, USERS, Till, error, found, told

NOT_ALLOWED = error("Method not allowed", status=405)
NOTHING_HERE = error("There is nothing at this address", status=404)
WRONG_TYPE = error("Content type is not supported", status=415)
TOO_LARGE = error("Request body is too large", status=413)
NOT_JSON = error("Request body is not valid JSON")
UNAVAILABLE = error("Service unavailable", "SERVICE_UNAVAILABLE", 503)
BUSY = error("Service is busy", "SERVICE_UNAVAILABLE", 503)
UNKNOWN = error("Session correlation ID does not exist--create it first")

METHODS = {
    f"{USERS}/x/sessions": ("POST", "DELETE"),
    f"{USERS}/x/reservations": ("POST",),
    f"{USERS}/x/reservations/y": ("PUT", "DELETE"),
    f"{USERS}/x/adhoc-redemption": ("POST",),
    f"{USERS}/x/void": ("POST",),
}
OTHER_TYPES = [
    *("", None, "text/plain", FORM, "application/xml", "multipart/form-data; boundary=x"),
    "application/json; charset=latin-1",
]
START = {"start": ("POST", f"{USERS}/{M1}/sessions", b'{"correlationId":"%s"}' % S1.encode())}
WITH_BODY = {name: call for name, call in (START | calls(S1)).items() if call[2]}


@pytest.mark.parametrize("path", METHODS)
@pytest.mark.parametrize("slash", ["", "/"])
def test_methods(bare: Programme, path: str, slash: str):
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"):
        response = bare.till.send(method, path + slash, b"{}")
        if method in METHODS[path]:
            assert response.status_code == 400
            continue
        expected = (405, b"") if method == "HEAD" else NOT_ALLOWED
        assert told(response) == expected
        assert response.headers["Allow"] == ", ".join(METHODS[path])
        assert told(Till().send(method, path + slash)) == expected  # Whoever asks.


@pytest.mark.parametrize(
    "path",
    [
        *("/client/", "/client/users", "/client/users/", "/client/users/x", "/client/users/x/", "/client/x", "/oauth/"),
        *("/oauth/tokens", "/client/users/x/sessions/y", "/client/users/x/void/y", "/client/users/x/reservations/y/z"),
        *("/client/users/x/sessions//", "/client/users/x/adhoc-redemptions", "/client/users/x/Sessions", "/client/%00"),
        *("/client/users/x/reservations//", "/client/users/x/sessions%0A", "/oauth/token%0A", "/client/users/%FF"),
    ],
)
def test_addresses_that_there_are_not(db: None, path: str):
    for method in ("GET", "POST", "DELETE", "OPTIONS"):
        assert told(Till().send(method, path, b"{}")) == NOTHING_HERE


def test_with_a_slash_and_without(programme: Programme):
    till = programme.till
    for slash in ("", "/"):
        session = f"s{slash}"
        who = session.replace("/", "%2F")
        start = {"correlationId": session}
        assert till.post(f"{M1}/sessions{slash}", start).status_code == 200
        token = found(till.post(f"{who}/reservations{slash}", {"reservationAmount": "10"}))["reservationToken"]
        path = f"{USERS}/{who}/reservations/{token}{slash}"
        assert found(till.send("PUT", path, b'{"reservationAmount":9}'))["reservationAmount"] == "9"
        body = {"businessUnit": "MAIN", "reservationToken": token}
        transaction_id = found(till.post(f"{who}/adhoc-redemption{slash}", body))["transactionId"]
        assert till.post(f"{who}/void{slash}", {"originalTransactionId": transaction_id}).status_code == 200
        token = found(till.post(f"{who}/reservations{slash}", {"reservationAmount": "10"}))["reservationToken"]
        assert till.send("DELETE", f"{USERS}/{who}/reservations/{token}{slash}").status_code == 200
        assert till.send("DELETE", f"{USERS}/{who}/sessions{slash}").status_code == 200
    assert programme.available() == 25_000


@pytest.mark.parametrize("name", WITH_BODY)
def test_other_media_types(till: Till, name: str):
    method, path, body = WITH_BODY[name]
    before = moved()
    for content_type in (*OTHER_TYPES, *HOSTILE_TYPES):
        assert told(till.send(method, path, body, content_type)) == WRONG_TYPE, content_type
    assert moved() == before


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; Charset=UTF-8", 'application/json; charset="utf-8"']
)
def test_json_by_other_names(till: Till, content_type: str):
    assert till.send(*START["start"], content_type).status_code == 200


@pytest.mark.parametrize("name", WITH_BODY)
def test_sizes_and_codings(till: Till, name: str):
    method, path, body = WITH_BODY[name]
    known = told(till.send(method, path, body + b" " * (65_536 - len(body))))
    assert known[0] in (200, 400)
    assert known != NOT_JSON
    before = moved()
    assert told(till.send(method, path, body + b" " * (65_537 - len(body)))) == TOO_LARGE
    announced = {"CONTENT_LENGTH": "99999999999", "wsgi.input": NeverRead()}
    assert told(till.send(method, path, **announced)) == TOO_LARGE
    for coding in ("gzip", "deflate", "br", "x"):
        packed = till.send(method, path, gzip.compress(body), headers={"Content-Encoding": coding})
        assert told(packed) == WRONG_TYPE
    for length in ("x", "-1", "+5", "1_0", str(len(body) + 1), ""):
        environ = {"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(body)}
        assert told(till.send(method, path, **environ)) == NOT_JSON
    assert moved() == before


def test_the_body_of_a_stranger_is_never_read(bare: Programme):
    for method, path, _ in WITH_BODY.values():
        answer = told(Till().send(method, path, **{"CONTENT_LENGTH": "100", "wsgi.input": NeverRead()}))
        assert answer == error("Access token is missing or invalid", "UNAUTHORIZED", 401)


def test_calls_without_a_body_read_none(till: Till):
    token = till.reserved("5")
    for path in (f"{USERS}/{S1}/reservations/{token}", f"{USERS}/{S1}/sessions"):
        environ = {"CONTENT_LENGTH": "999999999", "wsgi.input": NeverRead()}
        assert till.send("DELETE", path, content_type="x/y", **environ).status_code == 200


@pytest.mark.parametrize("asked", ["till-7.2026_01", S1])
def test_the_id_of_a_request_comes_back(till: Till, asked: str):
    for response in (
        till.send(*START["start"], headers={"X-Request-Id": asked}),
        till.send("GET", f"{USERS}/x/void", headers={"X-Request-Id": asked}),
        Till().send(*START["start"], headers={"X-Request-Id": asked}),
        Till().send("POST", TOKEN, headers={"X-Request-Id": asked}),
        Till().send("POST", "/client/nothing", headers={"X-Request-Id": asked}),
    ):
        assert response.headers["X-Request-Id"] == asked


@pytest.mark.parametrize("asked", ["", "short", "a b c d e f", "x" * 65, "<script>alert(1)", "é" * 10])
def test_one_that_could_do_harm_is_replaced(till: Till, asked: str):
    response = till.send(*START["start"], headers={"X-Request-Id": asked})
    assert response.status_code == 200
    assert response.headers["X-Request-Id"] != asked


def away(error: type[Exception]) -> AbstractContextManager[None]:
    return database_away(error)


@pytest.mark.parametrize("error_type", WAYS_TO_BE_AWAY)
@pytest.mark.parametrize("remembered", [True, False])
def test_the_database_is_away(till: Till, error_type: type[Exception], remembered: bool):
    from accounts import access_tokens

    before = moved()
    if not remembered:
        access_tokens.remembered.clear()
    with away(error_type):
        answers = [till.send(*call) for call in (START | calls(S1)).values()]
        answers.append(Till(till.key).send("POST", TOKEN, form(till), FORM))
    for response in answers:
        assert told(response) == UNAVAILABLE
        assert response.headers["Retry-After"] == "5"
    assert moved() == before


def form(till: Till) -> bytes:
    assert till.key is not None
    prefix, _, secret = till.key.key.partition(".")
    return f"grant_type=client_credentials&client_id={prefix}&client_secret={secret}".encode()


def locked_out(*_: object, **__: object) -> None:
    class NotAvailable(Exception):
        sqlstate = "55P03"

    raise OperationalError("canceling statement due to lock timeout") from NotAvailable()


def deadlocked(*_: object, **__: object) -> None:
    class Deadlock(Exception):
        sqlstate = "40P01"

    raise OperationalError("deadlock detected") from Deadlock()


def sqlite_locked(*_: object, **__: object) -> None:
    raise OperationalError("database is locked")


@pytest.mark.parametrize("fail", [locked_out, deadlocked, sqlite_locked])
def test_a_lock_that_was_not_obtained(till: Till, monkeypatch: pytest.MonkeyPatch, fail):
    from ledger import points

    token = till.reserved("5")
    transaction_id = till.redeemed(till.reserved("5"))
    before = moved()
    for deed in ("reserve_points", "reduce_points", "cancel_points", "redeem_points", "void_spending"):
        monkeypatch.setattr(points, deed, fail)
    for response in (
        till.reserve(reservationAmount="5"),
        till.reduce(token, reservationAmount=1),
        till.cancel(token),
        till.redeem(token),
        till.void(transaction_id),
    ):
        assert told(response) == BUSY
        assert response.headers["Retry-After"] == "1"
    assert moved() == before


def test_a_bug_is_told_as_one_and_nothing_of_it(till: Till, monkeypatch: pytest.MonkeyPatch):
    from ledger import points

    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(points, "balances_of", fail)
    assert told(till.start(M1)) == error("Internal server error", "INTERNAL_ERROR", 500)


def test_what_no_view_answers_is_told_in_the_same_form(till: Till, monkeypatch: pytest.MonkeyPatch):
    from django.contrib.sessions.middleware import SessionMiddleware

    till.browser.raise_request_exception = False
    assert told(Till(host="a b").start(M1)) == error("The Host header of this request is not a host name.")
    for raised, expected in (
        (RuntimeError("secret"), error("Internal server error", "INTERNAL_ERROR", 500)),
        (OperationalError("secret"), UNAVAILABLE),
    ):

        def fail(*_: object, raised: Exception = raised) -> None:
            raise raised

        monkeypatch.setattr(SessionMiddleware, "process_response", fail)
        assert told(till.start(M1)) == expected


def test_every_answer_has_a_policy_that_allows_nothing(till: Till):
    for path in (f"{USERS}/x/void", TOKEN, "/client/x"):
        policy = till.send("POST", path).headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "script-src" not in policy


def test_no_answer_depends_on_a_language(till: Till):
    response = till.send(
        "DELETE", f"{USERS}/nobodys/sessions", headers={"Accept-Language": "de", "Accept": "text/html"}
    )
    assert told(response) == UNKNOWN


def test_a_prefix_may_stand_before_the_addresses(bare: Programme):
    with override_settings(ROOT_URLCONF="tests.protocols.loyalty.prefixed", LOYALTY_PLACES=("/points/v1/client/",)):
        assert told(bare.till.send("DELETE", f"/points/v1{USERS}/x/sessions")) == UNKNOWN
        assert failures.is_loyalty(type("R", (), {"path_info": "/points/v1/client/x"}))  # type: ignore[arg-type]
    assert told(bare.till.send("DELETE", f"{USERS}/{S2}/sessions")) == UNKNOWN


@pytest.mark.parametrize(
    ("given", "places"),
    [
        ("", ("/client/", "/oauth/")),
        ("points", ("/points/client/", "/points/oauth/")),
        ("/points//v1/", ("/points/v1/client/", "/points/v1/oauth/")),
    ],
)
def test_the_prefix_is_a_setting(given: str, places: tuple[str, str]):
    assert load("s.LOYALTY_PLACES", LOYALTY_PREFIX=given).stdout.strip() == str(places)


@pytest.mark.parametrize("name", ["redeem", "reserve"])
def test_a_call_asks_a_bounded_number_of_statements(till: Till, name: str, django_assert_max_num_queries):
    token = till.reserved("5")
    with django_assert_max_num_queries(30):
        found(till.redeem(token) if name == "redeem" else till.reserve(reservationAmount="5"))
    assert not connection.needs_rollback
    assert JSON in till.start(M1).headers["Content-Type"]
