"""One ID per request and one line per request, with nothing in it that could be a code or a secret."""

import json
import logging
import re

import pytest
import structlog
from django.test import Client

from tests.factories import make_client, make_code, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the log, as it is written."""
    written: list[str] = []
    handlers = [*logging.getLogger().handlers, *logging.getLogger("redemption_site.requests").handlers]
    # pytest has handlers there as well, of classes of its own.
    for handler in (each for each in handlers if type(each) is logging.StreamHandler):
        monkeypatch.setattr(handler, "emit", lambda record, via=handler: written.append(via.format(record)))
    return written


def events(lines: list[str]) -> list[dict]:
    return [event for event in map(json.loads, lines) if event["event"] == "request"]


def test_each_request_has_an_id_of_its_own():
    first, second = (Client().get("/healthz").headers["X-Request-ID"] for _ in range(2))

    assert first != second
    assert re.fullmatch("[0-9a-f]{32}", first)


def test_a_sane_id_is_kept():
    assert (
        Client().get("/healthz", headers={"X-Request-ID": "till-7.2026_01"}).headers["X-Request-ID"] == "till-7.2026_01"
    )


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 65, "line\nbreak", "with space", "ABC-E6W5F<script>", "ключ-ключ"]
)
def test_an_id_that_could_do_harm_is_replaced(given: str):
    assert re.fullmatch(
        "[0-9a-f]{32}", Client().get("/healthz", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    )


def test_one_line_tells_method_path_status_and_time(lines: list[str]):
    response = Client().get("/api/v1/codes?code=ABC-E6W5F")

    (event,) = events(lines)
    assert event["request_id"] == response.headers["X-Request-ID"]
    assert (event["method"], event["path"], event["status"]) == ("GET", "/api/v1/codes", 401)
    assert event["milliseconds"] >= 0
    assert len(lines) == 1


def test_other_lines_of_the_request_carry_its_id(lines: list[str]):
    response = Client().get("/api/docs/nothing")
    structlog.get_logger("tests").warning("something else")

    assert json.loads(lines[-1])["request_id"] == response.headers["X-Request-ID"]


def test_no_code_no_key_and_no_body_is_in_any_line(lines: list[str]):
    site = make_site(domain="t.localhost")
    make_code(site, "ABC-E6W5F")
    new = make_client(site, ["redeem", "read"])
    headers = {"Host": "t.localhost", "Authorization": f"Bearer {new.key}", "Idempotency-Key": "marker-of-a-key"}

    client = Client()
    client.post("/api/v1/redemptions", {"code": "ABC-E6W5F", "claimant_id": "u-1"}, "application/json", headers=headers)
    client.get("/api/v1/codes?code=ABC-E6W5F", headers=headers)
    client.get("/redeem/ABC-E6W5F", headers=headers)
    client.get("/nothing/at/all?code=ABC-E6W5F", headers=headers)

    assert len(events(lines)) == 4
    everything = "\n".join(lines)
    for secret in ("E6W5F", new.key.partition(".")[2], "marker-of-a-key"):
        assert secret not in everything


@pytest.mark.parametrize(
    "address",
    [
        "/add?redemptionCode=ABC-E6W5F&successUrl=/welcome",
        "/add/?successUrl=/welcome&redemptionCode=ABC-E6W5F",
        "/add/ABC-E6W5F",
        "/add%3FredemptionCode=ABC-E6W5F",  # A link that a mail program has mangled.
        "/add&redemptionCode=ABC-E6W5F",
        "/nothing/redemptionCode=ABC-E6W5F&successUrl=/welcome",
    ],
)
@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_the_code_of_a_link_to_add_is_in_no_line(method: str, address: str, lines: list[str]):
    make_site(domain="t.localhost")

    getattr(Client(), method)(address, {} if method == "post" else None, headers={"Host": "t.localhost"})

    assert len(events(lines)) == 1
    assert "E6W5F" not in "\n".join(lines)


def test_what_supervisors_ask_every_second_is_not_written(lines: list[str]):
    Client().get("/healthz")
    Client().get("/readyz")

    assert lines == []
