"""What surrounds a request: addresses, methods, media types, hostile bodies, the database away, and what reaches the log."""

import gzip
import json
import logging

import pytest
from django.apps import apps
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from redemption_site import logs
from redemption_site.protocols.access_codes.views import Target, find_target
from tests.api.test_bodies import MALFORMED
from tests.api.test_outages import any_error, database_away
from tests.factories import make_site, make_staff
from tests.protocols.access_codes.conftest import TAGS, Publisher
from tests.protocols.access_codes.publishers import HOST, REDEMPTIONS, program, refusal, told

OBJECTS = (
    "code as",
    "channel as",
    "venue as",
    "reference as",
    "control character in",
    "line break",
    "direction override",
)
# Those of them that are no JSON, or no JSON that is taken: the others are wrong for what they say to another protocol.
NO_JSON = {
    name: body
    for name, body in MALFORMED.items()
    if name not in ("a list", "a text", "null", "a number") and not name.startswith(OBJECTS)
}


@pytest.mark.parametrize("body", [b"[", *NO_JSON.values()], ids=["case 10", *NO_JSON.keys()])
def test_case_10_a_body_that_is_not_json(publisher: Publisher, body: bytes):
    [code] = publisher.create()

    for method, path in (("POST", ""), ("PUT", "/test%20batch"), ("PUT", f"/test%20batch/{code}")):
        response = publisher.door.send(method, REDEMPTIONS + path, body)
        assert refusal(response) == (400, "Request body is not valid JSON")
    assert publisher.codes() == 1


@pytest.mark.parametrize("body", [b"[]", b'"x"', b"1", b"null", b"true", b'[{"action-type":"add-user-tag"}]'])
def test_case_10_a_body_that_is_no_object(publisher: Publisher, body: bytes):
    assert refusal(publisher.door.post(REDEMPTIONS, body)) == (400, "Request body must be a JSON object")


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("", 200),
        ("text/plain", 200),
        ("text/plain; charset=iso-8859-1", 200),
        ("text/html", 200),
        ("application/json; charset=latin-1", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/xml", 415),
        ("application/problem+json", 415),
        ("*/*", 415),
    ],
)
def test_media_types(publisher: Publisher, content_type: str, status: int):
    response = publisher.door.post(REDEMPTIONS, TAGS, content_type=content_type)

    assert response.status_code == status
    if status == 415:
        assert refusal(response) == (415, "Unsupported media type")
        assert publisher.codes() == 0


def test_a_text_that_is_not_utf_8_is_not_json(publisher: Publisher):
    body = '{"action-type":"add-user-tag","user-tags":["ü"]}'.encode("latin-1")
    response = publisher.door.post(REDEMPTIONS, body, content_type="text/plain; charset=iso-8859-1")
    assert refusal(response) == (400, "Request body is not valid JSON")


def test_compressed_and_large_bodies(publisher: Publisher):
    body = json.dumps(TAGS).encode()

    zipped = publisher.door.post(REDEMPTIONS, gzip.compress(body), headers={"Content-Encoding": "gzip"})
    large = publisher.door.post(REDEMPTIONS, body + b" " * (262_145 - len(body)))
    largest = publisher.door.post(REDEMPTIONS, body + b" " * (262_144 - len(body)))

    assert refusal(zipped) == (415, "Unsupported media type")
    assert refusal(large) == (413, "Request body is too large")
    assert largest.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_methods_of_the_list(publisher: Publisher, method: str):
    response = publisher.door.send(method, REDEMPTIONS, TAGS)

    assert refusal(response) == (405, "Method not allowed")
    assert response.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize("method", ["POST", "PATCH", "OPTIONS"])
def test_methods_of_batches_and_codes(publisher: Publisher, method: str):
    [code] = publisher.create()

    for path in ("/test%20batch", f"/test%20batch/{code}", "/nope"):
        response = publisher.door.send(method, REDEMPTIONS + path, TAGS)
        assert refusal(response) == (405, "Method not allowed")
        assert response.headers["Allow"] == "GET, HEAD, PUT, DELETE"
    assert publisher.codes() == 1


def test_head_has_no_body(publisher: Publisher):
    [code] = publisher.create()

    for path in ("", "/test%20batch", f"/test%20batch/{code}"):
        response = publisher.door.send("HEAD", REDEMPTIONS + path)
        assert (response.status_code, response.content) == (200, b"")
    assert publisher.door.send("HEAD", f"{REDEMPTIONS}/nope").status_code == 404


def test_a_trailing_slash_is_accepted_without_a_redirect(publisher: Publisher):
    response = publisher.door.post(f"{REDEMPTIONS}/", TAGS | {"batch": "b"})
    assert response.status_code == 200
    [code] = told(response)

    for path in ("/", "/b/", f"/b/{code}/"):
        assert publisher.door.get(REDEMPTIONS + path).status_code == 200
    assert publisher.door.send("PUT", f"{REDEMPTIONS}/b/{code}/", {"is-valid": False}).status_code == 200
    assert publisher.door.send("DELETE", f"{REDEMPTIONS}/b/").status_code == 200


def test_a_path_is_found_in_one_statement_and_a_name_that_fits_all_of_it_wins(publisher: Publisher):
    def find(rest: str) -> tuple[Target, int]:
        with CaptureQueriesContext(connection) as made:
            return find_target(publisher.site, rest), len(made)

    [code] = publisher.create(batch="a/b")
    publisher.create(batch="a")
    for rest, name in (("a", "a"), ("a/", "a"), ("a/b", "a/b"), ("a/b/", "a/b")):
        target, statements = find(rest)
        assert (target.batch and target.batch.name, target.code, statements) == (name, None, 1), rest
    for rest in (f"a/b/{code}", f"a/b/{code}/"):
        target, statements = find(rest)
        assert (target.batch and target.batch.name, target.code and target.code.serial, statements) == ("a/b", 1, 2)
    publisher.create(batch=f"a/b/{code}")
    assert find(f"a/b/{code}/")[0].code is None


def test_what_is_at_no_address_is_told_in_the_protocols_form(publisher: Publisher):
    for path in ("/admin-api/", "/admin-api/9p2", "/admin-api/9p2/", "/admin-api/9p2/licenses", "/admin-api/a/b/c/d"):
        assert refusal(publisher.door.get(path)) == (404, "Not found"), path


def test_the_answers_are_for_nobody_else(publisher: Publisher):
    publisher.create()

    for path in ("", "/test%20batch", "/nope"):
        response = publisher.door.get(REDEMPTIONS + path)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


class TestWithoutASite:
    def test_the_only_site_of_the_caller_is_meant(self, publisher: Publisher):
        [code] = publisher.create(batch="test batch")

        records = told(publisher.door.get("/admin-api/redemptions/test%20batch"))

        assert [record["access-code"] for record in records] == [code]
        assert publisher.door.get("/admin-api/redemptions/").status_code == 200
        assert len(told(publisher.door.post("/admin-api/redemptions", TAGS))) == 1
        assert told(publisher.door.get("/admin-api/redemptions"))[0]["url"].startswith("/admin-api/9p2/redemptions/")

    def test_of_several_sites_or_none_there_is_no_such_site(self, publisher: Publisher):
        make_staff(publisher.site, make_site(), email="both@example.test")
        make_staff(email="none@example.test")
        make_staff(publisher.site, role="support", email="support@example.test")

        for name in ("both", "none", "support"):
            response = program(f"{name}@example.test").get("/admin-api/redemptions")
            assert refusal(response) == (404, "No such site")


@any_error
def test_the_database_away(publisher: Publisher, error: type[Exception]):
    [code] = publisher.create()
    strange = program("somebody@example.test")

    for door in (publisher.door, strange):
        for method, path in (
            ("GET", ""),
            ("POST", ""),
            ("GET", "/test%20batch"),
            ("PUT", f"/b/{code}"),
            ("DELETE", "/b"),
        ):
            with database_away(error):
                response = door.send(method, REDEMPTIONS + path, TAGS)
            assert refusal(response) == (503, "Service unavailable")
            assert int(response.headers["Retry-After"]) >= 1


def test_a_lock_that_is_not_obtained(publisher: Publisher, monkeypatch: pytest.MonkeyPatch):
    [code] = publisher.create()

    def busy(*_: object, **__: object):
        raise OperationalError("database is locked")

    monkeypatch.setattr("accounts.locking.lock_rows", busy)
    for method, path in (("POST", ""), ("PUT", f"/test%20batch/{code}"), ("DELETE", "/test%20batch")):
        response = publisher.door.send(method, REDEMPTIONS + path, {**TAGS, "batch": "test batch"})
        assert refusal(response) == (409, "Try again")
        assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize(
    "path",
    ["/admin-api/9p2/redemptions/a b/c d/5416ab331fee496e", "/admin-api/redemptions/x\ny/5416ab331fee496e"],
)
def test_no_code_of_an_address_reaches_the_log(publisher: Publisher, path: str, caplog: pytest.LogCaptureFixture):
    assert "5416ab331fee496e" not in logs.redact_text(f"Not Found: {path}")
    with caplog.at_level(logging.INFO):
        publisher.door.get(path.replace(" ", "%20").replace("\n", "%0A"))

    assert "redemptions/[code]" in caplog.text
    assert "5416ab331fee496e" not in caplog.text


def test_no_code_that_is_made_rests_readable_or_reaches_the_log(publisher: Publisher, caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO):
        codes = publisher.create(number_of_codes=3)
        publisher.get("/test%20batch")
        publisher.put(f"test%20batch/{codes[0]}", {"batch": "other"})
        publisher.door.send("DELETE", f"{REDEMPTIONS}/other/{codes[0]}")

    stored = "".join(repr(list(model._base_manager.values())) for model in apps.get_models())
    assert publisher.admin.email in stored
    assert not any(code in stored or code in caplog.text for code in codes)


def test_a_long_path_and_an_odd_host(publisher: Publisher):
    assert refusal(publisher.door.get(f"{REDEMPTIONS}/{'x' * 5000}")) == (404, "No such batch")
    assert publisher.door.host == HOST
