"""Tokens travel in headers, bodies and paths, and members' addresses and numbers in paths: no line that anybody logs has one."""

import http.client
import logging
from contextlib import closing
from urllib.parse import quote

import pytest
from django.db import OperationalError

from deploy.local import programs
from deploy.local.processes import wait_until
from ledger import points
from redemption_site import logs
from tests.committed import CommittedDatabase
from tests.processes import Platform
from tests.protocols.loyalty.conftest import M1, Programme, make_programme
from tests.protocols.loyalty.tills import JSON, S1, TOKEN, USERS, Till, found
from tests.protocols.prepaid.test_no_codes_in_logs import lines  # noqa: F401 (a fixture)

ADDRESS, PHONE = "one@example.test", "+4915112345678"


def betrayed(text: str, secrets: list[str]) -> list[str]:
    """The secrets of which some spelling is in the text."""
    lower = text.lower()
    return [each for each in secrets for spelling in {each, quote(each, safe="")} if spelling.lower() in lower]


def everything(till: Till) -> list[str]:
    """Calls of all kinds, right and wrong; answers what must be in no line."""
    assert till.key is not None
    _, _, secret = till.key.key.partition(".")
    till.ask_token(client_secret=secret)
    till.ask_token(client_secret="a-wrong-secret")
    till.send("GET", f"{TOKEN}?client_secret={secret}")
    till.start(M1)
    till.start(ADDRESS, "by-mail", "EMAIL")
    till.start(PHONE, "by-phone", "PHONE_NUMBER")
    token = till.reserved("10")
    till.reduce(token, reservationAmount=9)
    till.redeem(token)
    till.redeem(token)
    till.cancel(token)
    for method, path in (
        ("GET", f"{USERS}/{S1}/reservations/{token}"),
        ("PUT", f"{USERS}/{S1}/reservations/{token}/"),
        ("PUT", f"{USERS}/{S1}/reservations/{token}/x"),
        ("PUT", f"{USERS}/{S1}/reservation/{token}"),
        ("PUT", f"{USERS}/{S1}/reservations/{token}?token={token}"),
        ("PUT", f"{USERS}/{S1}/%72eservations/{token}"),
        ("POST", f"{USERS}/{token}"),
        ("POST", f"{USERS}/{ADDRESS}"),
        ("POST", f"{USERS}/{ADDRESS}/session"),
        ("POST", f"{USERS}/a{ADDRESS}/void"),
    ):
        till.send(method, path, b"{}")
    return [token, till.token or "", secret, "a-wrong-secret", ADDRESS, PHONE]


def test_no_line_of_ours_or_django_s_has_one(programme: Programme, lines: list[str]):  # noqa: F811
    secrets = everything(programme.till)

    text = "\n".join(lines)
    assert len(lines) > 20
    assert f'"path":"/client/users/{S1}/reservations/[token]"' in text
    assert '"path":"/client/users/[member]/sessions"' in text
    assert f'"path":"/client/users/{S1}/adhoc-redemption"' in text
    assert betrayed(text, secrets) == []


@pytest.mark.parametrize("error", [KeyError, ValueError, OperationalError])
def test_no_line_of_an_error_has_one(
    till: Till,
    lines: list[str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
):
    token = till.reserved("10")

    def fail(command: points.RedeemPoints) -> None:
        try:
            raise RuntimeError(f"inner {command.token}")
        except RuntimeError as cause:
            raise error(f"{command.token} of {ADDRESS}") from cause

    monkeypatch.setattr(points, "redeem_points", fail)
    till.redeem(token)
    text = "\n".join(lines)
    assert error.__name__ in text
    assert betrayed(text, [token, ADDRESS]) == []


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        (f"/client/users/{S1}/reservations/T", f"/client/users/{S1}/reservations/[token]"),
        (f"/client/users/{S1}/reservations/", f"/client/users/{S1}/reservations/"),
        (f"/client/users/{S1}/void", f"/client/users/{S1}/void"),
        (f"/points/client/users/{S1}/reservations/T/", f"/points/client/users/{S1}/reservations/[token]"),
        ("/client/users/+49151/sessions", "/client/users/[member]/sessions"),
        ("/client/users/+49151", "/client/users/[redacted]"),
        ("/client/users/a/b/c\nd", "/client/users/[redacted]"),
        ("/Client//Users/a/sessions", "/Client//Users/[member]/sessions"),
        (f"Not Found: /client/users/{S1}/reservation/T", "Not Found: /client/users/[redacted]"),
        ("/client/users/", "/client/users/"),
    ],
)
def test_what_is_left_of_a_path(text: str, redacted: str):
    assert logs.redact_text(text) == redacted


def test_a_line_of_an_access_log():
    def line(**args: object) -> str:
        record = logging.LogRecord(
            "granian.access", logging.INFO, "", 0, "%(method)s %(path)s %(status)d", (args,), None
        )
        assert logs.RedactAccess().filter(record)
        return record.getMessage()

    path = f"/client/users/{S1}/%72eservations/T%2F1"
    assert line(method="PUT", path=path, status=200) == f"PUT /client/users/{S1}/reservations/[token] 200"


def test_the_server_s_access_log_has_none(
    committed_db: CommittedDatabase, platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    """With its access log turned on, which nothing here does."""
    programme = make_programme()
    programme.add(M1, 25_000, identifiers=[("email", ADDRESS)])
    web_command = programs.web_command
    monkeypatch.setattr(programs, "web_command", lambda *given: [*web_command(*given), "--access-log"])
    server = platform.web(1)
    headers = {"Authorization": f"Bearer {programme.till.token}", "Content-Type": JSON, "Host": "localhost"}

    def send(method: str, path: str, body: bytes) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()

    assert send("POST", f"{USERS}/{M1}/sessions", b'{"correlationId":"%s"}' % S1.encode())[0] == 200
    token = found(programme.till.reserve(reservationAmount="10"))["reservationToken"]
    paths = [f"{USERS}/{S1}/reservations/{token}", f"{USERS}/{S1}/%72eservations/{token}"]
    for path in paths:
        assert send("PUT", path, b'{"reservationAmount":5}')[0] == 200
    send("POST", f"{USERS}/{ADDRESS}/sessions", b"{}")

    assert wait_until(lambda: server.log.read_text().count('HTTP/1.1" ') >= 4, seconds=10), server.log.read_text()
    text = server.log.read_text()
    assert f'"PUT /client/users/{S1}/reservations/[token] HTTP/1.1" 200' in text
    assert betrayed(text, [token, ADDRESS, programme.till.token or ""]) == []
