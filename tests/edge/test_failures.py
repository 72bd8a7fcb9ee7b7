"""What the site answers when no view has an answer, and the policies that every answer carries."""

import pytest
from django.db import OperationalError
from django.test import Client

from redemption_site.edge import failures, health, hosts
from tests.factories import make_site
from tests.outages import WAYS_TO_BE_AWAY

pytestmark = pytest.mark.django_db
HOST = {"Host": "t.localhost"}


@pytest.fixture
def visitor() -> Client:
    make_site(domain="t.localhost")
    # As in production, where an error is answered and not raised.
    return Client(raise_request_exception=False, headers=HOST)


@pytest.mark.parametrize("error", WAYS_TO_BE_AWAY)
def test_a_page_whose_database_is_away_is_503_and_says_when_to_come_back(
    visitor: Client, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    def fail(*_: object):
        raise error("server closed the connection")

    monkeypatch.setattr(hosts.directory, "find", fail)

    response = visitor.get("/redeem")

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert b"Not available right now" in response.content
    assert b"closed the connection" not in response.content


def test_a_middleware_that_meets_it_is_503_too(visitor: Client, monkeypatch: pytest.MonkeyPatch):
    from django.contrib.sessions.middleware import SessionMiddleware

    def fail(*_: object):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(SessionMiddleware, "process_response", fail)

    assert visitor.get("/redeem").status_code == 503
    assert visitor.get("/api/nothing").json()["code"] == "service_unavailable"


def test_a_bug_is_500_and_tells_nothing(visitor: Client, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(health.schema, "lacks", fail)
    monkeypatch.setattr("codes.redemption.facts.lock", fail)

    page = visitor.get("/readyz")

    assert page.status_code == 500
    assert b"secret" not in page.content


def test_an_unknown_page_is_404(visitor: Client):
    response = visitor.get("/nothing")

    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/html")


def test_a_suspicious_request_is_400(visitor: Client):
    for path in ("/api/v1/redemptions", "/redeem"):
        assert failures.is_api(type("R", (), {"path_info": path})) is path.startswith("/api/")
        assert visitor.get(path, headers={"Host": "a b"}).status_code == 400


@pytest.mark.parametrize(
    ("path", "has", "has_not"),
    [
        ("/redeem", ["default-src 'none'", "script-src 'self'", "style-src 'self'"], ["unsafe"]),
        ("/api/v1/redemptions", ["default-src 'none'", "frame-ancestors 'none'"], ["unsafe", "script-src"]),
        ("/api/docs/", ["script-src 'self';", "style-src 'self' 'unsafe-inline'"], ["unsafe-eval"]),
        ("/admin/login/", ["script-src 'self' 'unsafe-eval'", "style-src 'self' 'unsafe-inline'"], ["http:", "*"]),
        ("/healthz", ["default-src 'none'"], ["unsafe"]),
    ],
)
def test_every_answer_has_the_policy_of_its_place(visitor: Client, path: str, has: list[str], has_not: list[str]):
    response = visitor.get(path)

    policy = response.headers["Content-Security-Policy"]
    assert all(part in policy for part in has), policy
    assert not any(part in policy for part in has_not), policy
    assert response.headers["X-Frame-Options"] == "DENY"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_under_v3_nothing_is_answered_with_a_page(visitor: Client):
    for path in ("/v3/redemptionAdvice", "/V3/REDEMPTIONADVICE", "/v3/nothing"):
        response = visitor.post(path, headers={"Host": "a b"})

        assert response.status_code == 400
        assert response.json() == {
            "error": "invalid_request",
            "error_description": "The Host header of this request is not a host name.",
        }
        assert (response.headers["Cache-Control"], response.headers["Pragma"]) == ("no-store", "no-cache")
    assert visitor.post("/v3/nothing").content == b""
    request = type("R", (), {"path_info": "/V3/x"})
    assert failures.bad_request(request, Exception()).headers["Content-Type"] == "application/json"
