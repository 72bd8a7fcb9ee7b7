"""Every answer byte for byte, which of several faults is told, and in which form."""

import base64
import re

import pytest
from django.db import OperationalError
from django.test import override_settings

from accounts import client_keys
from accounts.models import Client, TillKey, Venue
from codes.advice import accepting
from codes.advice.accepting import Report
from tests.factories import make_client
from tests.outages import WAYS_TO_BE_AWAY
from tests.protocols.advice.conftest import Merchant, recorded
from tests.protocols.advice.tills import (
    BODIES,
    HEADER,
    JSON,
    PATH,
    SEED_KEY,
    XML,
    Till,
    as_json,
    as_xml,
    database_away,
    encoded,
    seed,
)

NOT_AUTHENTICATED = "The authorization grant type is not supported by the authorization server."
NO_HTTPS = "HTTPS is required."
WRONG_TYPE = "The content type is not supported."
TOO_LARGE = "The request body is too large."
UNREADABLE = "The request body could not be read."
TYPE_MISSING = "externalVenueSystemType is required when externalVenueId is provided."
TYPE_INVALID = "externalVenueSystemType is not valid."
VENUE_INVALID = "externalVenueId is not valid."
FAILED = "The request could not be processed."

both_forms = pytest.mark.parametrize("form", [JSON, XML])


def error_body(form: str, sentence: str, error: str = "invalid_request") -> bytes:
    if form == JSON:
        return b'{"error":"%s","error_description":"%s"}' % (error.encode(), sentence.encode())
    return (
        b'<?xml version="1.0" encoding="utf-8"?>\n<response><error>%s</error><error_description>%s</error_description></response>'
        % (error.encode(), sentence.encode())
    )


def assert_refused(response, sentence: str, form: str = JSON, status: int = 400, error: str = "invalid_request"):
    body = error_body(form, sentence, error)
    assert (response.status_code, response.content) == (status, body)
    assert_headers(response, {"Content-Type": form, "Content-Length": str(len(body))})


def assert_headers(response, expected: dict[str, str]):
    """The contract's own headers exactly; no cookie, no language, nothing that lets anybody keep the answer."""
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Pragma"] == "no-cache"
    for name in ("Content-Type", "Content-Length", "Allow", "Retry-After", "WWW-Authenticate", "Set-Cookie", "Vary"):
        assert response.headers.get(name) == expected.get(name), name
    assert "Content-Language" not in response.headers
    assert not response.cookies


@both_forms
def test_a_report_is_taken_with_202_and_nothing_else(shop: Merchant, form: str):
    response = shop.till.report(form)

    assert (response.status_code, response.content) == (202, b"")
    assert_headers(response, {"Content-Type": form, "Content-Length": "0"})
    assert recorded() == 1


def test_text_xml_is_answered_as_application_xml(shop: Merchant):
    response = shop.till.send(as_xml(seed()), "text/xml; charset=utf-8", headers={"Accept": "application/json"})

    assert response.status_code == 202
    assert response.headers["Content-Type"] == XML


FAULTS = {
    "no credentials": (lambda till, form: Till(None).report(form), NOT_AUTHENTICATED),
    "no system type": (lambda till, form: till.report(form, "externalVenueSystemType"), TYPE_MISSING),
    "a wrong one": (lambda till, form: till.report(form, externalVenueSystemType="ten"), TYPE_INVALID),
    "an unknown venue": (lambda till, form: till.report(form, externalVenueId="999"), VENUE_INVALID),
    "a venue of another system": (lambda till, form: till.report(form, externalVenueSystemType=11), VENUE_INVALID),
    "a body that is cut": (lambda till, form: till.send(BODIES[form](seed())[:-5], form), UNREADABLE),
    "no body": (lambda till, form: till.send(b"", form), UNREADABLE),
    "too large": (lambda till, form: till.send(b" " * 65_537, form), TOO_LARGE),
    "another charset": (lambda till, form: till.send(b"", f"{form}; charset=latin-1"), WRONG_TYPE),
}


@both_forms
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_every_refusal_in_both_forms_leaves_nothing(shop: Merchant, fault, form: str):
    ask, sentence = fault

    assert_refused(ask(shop.till, form), sentence, form)
    assert recorded() == 0


@both_forms
@pytest.mark.parametrize(
    ("content_type", "accept", "expected"),
    [
        (JSON, None, JSON),
        (XML, None, XML),
        ("text/xml", None, XML),
        ("text/plain", None, JSON),
        (None, None, JSON),
        (JSON, "application/xml", XML),
        (JSON, "text/xml", XML),
        (JSON, "TEXT/XML; q=0.5", XML),
        (XML, "application/json", JSON),
        (XML, "text/html", JSON),
        (XML, "*/*", JSON),
        (XML, "", JSON),
        (XML, "text/html, application/json;q=0.1, application/xml", JSON),
        (JSON, "text/html, text/xml;q=0.1, application/json", XML),
    ],
)
def test_the_form_of_an_error(shop: Merchant, form: str, content_type: str | None, accept: str | None, expected: str):
    headers = {} if accept is None else {"Accept": accept}

    response = Till(None).send(BODIES[form](seed()), content_type, headers=headers)

    assert_refused(response, NOT_AUTHENTICATED, expected)


def test_of_several_faults_the_first_is_told(shop: Merchant):
    body = {"externalVenueId": {}, "externalVenueSystemType": None, "redemptionText": 5}
    asked = {"method": "PUT", "body": b"[" * 70_000, "key": "!!!", "content_type": "text/plain", "secure": False}
    with override_settings(HTTPS=True):
        for mended, told in (
            ({}, NO_HTTPS),
            ({"secure": True}, 405),
            ({"method": "POST"}, NOT_AUTHENTICATED),
            ({"key": SEED_KEY}, WRONG_TYPE),
            ({"content_type": JSON}, TOO_LARGE),
            ({"body": b"[" * 60_000}, UNREADABLE),
            ({"body": as_json(body)}, TYPE_MISSING),
            ({"body": as_json({**body, "externalVenueSystemType": 1.5})}, TYPE_INVALID),
            ({"body": as_json({**body, "externalVenueSystemType": 10})}, VENUE_INVALID),
            ({"body": as_json({**body, "externalVenueSystemType": 10, "externalVenueId": "921"})}, 202),
        ):
            asked.update(mended)
            response = Till(asked["key"]).send(
                asked["body"],
                asked["content_type"],
                method=asked["method"],
                **{"wsgi.url_scheme": "https" if asked["secure"] else "http"},
            )
            if isinstance(told, str):
                assert_refused(response, told)
            else:
                assert response.status_code == told
    assert recorded() == 1


def test_a_proxy_that_is_counted_may_say_that_it_was_secure(shop: Merchant):
    forwarded = {"X-Forwarded-Proto": "https"}
    with override_settings(HTTPS=True):
        assert_refused(shop.till.send(as_json(seed()), headers=forwarded), NO_HTTPS)
        with override_settings(SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
            assert shop.till.send(as_json(seed()), headers=forwarded).status_code == 202


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"])
def test_other_methods_are_405_without_a_body(shop: Merchant, method: str):
    response = Till(None).send(b"", None, method=method)

    assert (response.status_code, response.content) == (405, b"")
    assert_headers(response, {"Allow": "POST", "Content-Length": "0"})


@pytest.mark.parametrize(
    "path", ["/v3/redemptionAdvice/", "/V3/REDEMPTIONADVICE", "/v3/redemptionadvice/", "/v3/RedemptionAdvice?x=1"]
)
def test_the_path_in_any_case_with_and_without_a_slash(shop: Merchant, path: str):
    response = shop.till.send(as_json(seed()), path=path)

    assert response.status_code == 202
    assert_headers(response, {"Content-Type": JSON, "Content-Length": "0"})


@pytest.mark.parametrize(
    "path",
    [
        "/v3/",
        "/V3/x",
        "/v3/redemptionAdvice/x",
        "/v3/redemptionAdvice//",
        "/v3/redemptionAdvice%0A",
        "/v3/redemptıonAdvice",
    ],
)
def test_other_addresses_are_404_without_a_page(shop: Merchant, path: str):
    response = shop.till.send(as_json(seed()), path=path)

    assert (response.status_code, response.content) == (404, b"")
    assert_headers(response, {"Content-Length": "0"})


@pytest.mark.parametrize("path", ["/v3/redemptionAdvice", "/V3/redemptionAdvice"])
def test_an_answer_allows_nothing_and_needs_no_csrf_token_or_session(
    shop: Merchant, path: str, django_assert_num_queries
):
    till = Till()
    till.send(as_json(seed()), path=path)
    till.browser.cookies["sessionid"] = "anything"
    with django_assert_num_queries(0):
        response = till.send(b"", path=path)

    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


# Who may report.

BAD_KEYS = {
    "none": None,
    "empty": "",
    "nothing in Base64": "!!!",
    "nobody": encoded("nobody"),
    "a wrong secret": encoded("pos.client.7", "wrong"),
    "no secret where there is one": encoded("pos.client.7"),
    "a secret where there is none": encoded("vmob.windows.1", "x"),
    "no colon": base64.b64encode(b"vmob.windows.1").decode(),
    "not UTF-8": base64.b64encode(b"\xff\xfe:").decode(),
    "NUL": base64.b64encode(b"vmob.windows.1\x00:").decode(),
    "with a scheme": f"Basic {SEED_KEY}",
    "twice": f"{SEED_KEY},{SEED_KEY}",
    "another alphabet": "vmob_windows-1",
    "not ASCII": "ключ",
    "very long": "QUJD" * 20_000,
}


@both_forms
@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_whoever_is_not_known_is_told_the_same(shop: Merchant, key: str | None, form: str):
    assert_refused(Till(key).report(form), NOT_AUTHENTICATED, form)
    assert recorded() == 0


def test_keys_of_ours_may_report_with_their_scope_only(shop: Merchant):
    new = make_client(shop.site, ["advise"])
    prefix, secret = new.key.split(".")
    for key in (new.key, encoded(prefix, secret)):
        assert Till(key).report().status_code == 202
    for scopes in (["redeem", "manage"], []):
        without = make_client(shop.site, scopes).key
        for key in (without, encoded(*without.split("."))):
            assert_refused(Till(key).report(), NOT_AUTHENTICATED)


def test_no_other_header_and_no_login_helps(shop: Merchant):
    key = make_client(shop.site, ["advise"]).key
    for headers in (
        {"Authorization": f"Bearer {key}"},
        {"Authorization": f"Basic {SEED_KEY}"},
        {"Cookie": f"sessionid={'x' * 32}"},
    ):
        assert_refused(Till(None).send(as_json(seed()), headers=headers), NOT_AUTHENTICATED)


def test_a_till_known_a_moment_ago_costs_no_look_and_is_dead_after_five_seconds(
    shop: Merchant, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries
):
    from accounts import remembering

    moment = [1000.0]
    monkeypatch.setattr(remembering.time, "monotonic", lambda: moment[0])
    assert shop.till.report().status_code == 202
    client = TillKey.objects.get(name="vmob.windows.1").client
    client_keys.revoke(client, actor_id="staff")
    moment[0] += 4.9
    with django_assert_num_queries(0):
        assert_refused(shop.till.send(b"{"), UNREADABLE)

    moment[0] += 0.1
    assert_refused(shop.till.send(b"{"), NOT_AUTHENTICATED)
    Client.objects.filter(pk=client.pk).update(revoked_at=None)
    assert shop.till.report().status_code == 202, "what was wrong is not remembered"


# What is wrong on our side.


@both_forms
@pytest.mark.parametrize("error", WAYS_TO_BE_AWAY)
@pytest.mark.parametrize("known", [True, False])
def test_while_the_database_is_away_it_is_500_in_the_tills_form(
    shop: Merchant, error: type[Exception], form: str, known: bool
):
    if known:
        shop.till.report()

    with database_away(error):
        response = shop.till.report(form)

    assert_refused(response, FAILED, form, 500, "server_error")
    assert recorded() == (1 if known else 0)


@both_forms
def test_a_bug_is_500_tells_nothing_and_is_reported(shop: Merchant, monkeypatch: pytest.MonkeyPatch, form: str, caplog):
    def fail(_: Report):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(accepting, "accept", fail)
    shop.till.browser.raise_request_exception = False

    assert_refused(shop.till.report(form), FAILED, form, 500, "server_error")
    assert any(record.levelname == "ERROR" and record.exc_info for record in caplog.records)
    assert not re.search(SEED_KEY, caplog.text)


def test_what_fails_before_the_protocol_speaks_is_answered_in_its_words_too(
    shop: Merchant, monkeypatch: pytest.MonkeyPatch
):
    from django.contrib.sessions.middleware import SessionMiddleware

    till = Till()
    till.browser.raise_request_exception = False
    for error in (OperationalError("gone"), RuntimeError("a bug")):

        def fail(*_: object, error: Exception = error):
            raise error

        monkeypatch.setattr(SessionMiddleware, "process_response", fail)
        for path in (PATH, "/V3/REDEMPTIONADVICE"):
            response = till.send(as_json(seed()), path=path)
            assert (response.status_code, response.content) == (500, error_body(JSON, FAILED, "server_error"))
            assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")


def test_a_closed_venue_reports_nothing(shop: Merchant):
    Venue.objects.update(is_open=False)

    assert_refused(shop.till.report(), VENUE_INVALID)
    assert recorded() == 0


def test_nothing_a_till_signs_with_or_sends_is_in_any_log_line(shop: Merchant, capsys, caplog):
    for key in (SEED_KEY, encoded("nobody", "s3cret")):
        Till(key).report()
    Till(SEED_KEY).send(b'{"redemptionText":"ABC-E6W5F"')

    told = caplog.text + "".join(capsys.readouterr())
    for secret in (SEED_KEY, "s3cret", encoded("nobody", "s3cret"), "ABC-E6W5F", HEADER):
        assert secret not in told
