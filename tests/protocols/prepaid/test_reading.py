"""How parameters are written in a query and in an urlencoded body, and what of a request is refused before a procedure runs."""

import io

import pytest
from django.db import OperationalError

from redemption_site.protocols.prepaid.calling import Call
from redemption_site.protocols.prepaid.procedures import om_redeem_prepaid_code_pu
from redemption_site.protocols.prepaid.reading import Given, collect, pieces_of
from tests.outages import WAYS_TO_BE_AWAY
from tests.protocols.advice.tills import database_away
from tests.protocols.prepaid.conftest import Tenant, call, moved
from tests.protocols.prepaid.shops import ENGINE, FORM, REDEEM, Shop, encoded, error, failure, success, told

TOO_LARGE = error(413, "The request body is too large")
NOT_VALID = error(400, "The request body is not valid")
WRONG_TYPE = error(415, "The content type is not supported")


def read(text: str) -> dict[str, str | None]:
    given = collect(pieces_of(text.encode()))
    assert given.readable
    return dict(given.values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("A", {"A": None}),
        ("A=", {"A": None}),
        ('A=""', {"A": ""}),
        ("A=%22%22", {"A": ""}),
        ('A="x"', {"A": '"x"'}),
        ('A="', {"A": '"'}),
        ('A=""""', {"A": '""""'}),
        ("A=+", {"A": " "}),
        ("A=a+b%2Bc", {"A": "a b+c"}),
        ("A=1=2", {"A": "1=2"}),
        ("A=1&&B=2&", {"A": "1", "B": "2"}),
        ("A=1;B=2", {"A": "1;B=2"}),
        ("%41=1", {"A": "1"}),
        ("a=1&A=2", {"a": "1", "A": "2"}),
        ("=1", {"": "1"}),
        ("A=%C2%B6", {"A": "¶"}),
        ("A=¶", {"A": "¶"}),
        ("A=%zz%", {"A": "%zz%"}),
    ],
)
def test_what_is_written_how(text: str, expected: dict[str, str | None]):
    assert read(text) == expected


@pytest.mark.parametrize("text", ["A=1&A=1", "A&A", "A=1&%41=2", "&".join(["A=1", "B=2"] * 2)])
def test_a_name_twice_cannot_be_read(text: str):
    assert collect(pieces_of(text.encode())) == Given(readable=False)


@pytest.mark.parametrize(
    "text", [b"A=%FF", b"A=\xff", b"%C0%AE=1", b"A=%ED%A0%80", b"A=%C2", b"&".join([b"A"] * 1_001)]
)
def test_what_is_no_utf_8_or_too_much_cannot_be_read(text: bytes):
    with pytest.raises(UnicodeError):
        pieces_of(text)


@pytest.mark.parametrize(
    "extra", ["Foo=%FF", "PersonTypeID=1&%50ersonTypeID=1", "&".join(f"A{n}" for n in range(1_001))]
)
def test_a_query_that_cannot_be_read_is_told_as_parameters(tenant: Tenant, extra: str):
    before = moved()
    response = tenant.shop.call(parameters=f"{encoded(call())}&{extra}")

    assert told(response) == (200, failure(-500))
    assert moved() == before


def test_raw_utf_8_in_a_query_is_read(tenant: Tenant):
    query = encoded(call()).replace("%C2%B6", "¶").encode().decode("latin-1")
    response = tenant.shop.send("POST", f"{ENGINE}{REDEEM}", QUERY_STRING=query)

    assert told(response) == (200, success())


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", None, FORM + "x"]
)
def test_another_body_is_not_supported(tenant: Tenant, content_type: str | None):
    before = moved()
    response = tenant.shop.post("x=1", query=encoded(call()), form=content_type)

    assert told(response) == WRONG_TYPE
    assert moved() == before


@pytest.mark.parametrize("charset", ["iso-8859-1", "utf-16", "x"])
def test_another_alphabet_is_not_supported(tenant: Tenant, charset: str):
    assert told(tenant.shop.post(call(), form=f"{FORM}; charset={charset}")) == WRONG_TYPE


@pytest.mark.parametrize("content_type", ["application/json", None, FORM])
def test_without_a_body_its_type_plays_no_part(tenant: Tenant, content_type: str | None):
    assert told(tenant.shop.post("", query=encoded(call()), form=content_type)) == (200, success())


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "x"])
def test_no_body_is_unpacked(tenant: Tenant, coding: str):
    assert told(tenant.shop.post(call(), headers={"Content-Encoding": coding})) == WRONG_TYPE


def test_a_body_of_a_mebibyte_is_read_and_not_a_byte_more(tenant: Tenant):
    body = encoded(call())
    assert told(tenant.shop.post(body + "&" * (1_048_577 - len(body)))) == TOO_LARGE
    assert told(tenant.shop.post(body + "&" * (1_048_576 - len(body)))) == (200, failure(-500))
    assert told(tenant.shop.execute(b" " * 1_048_577)) == TOO_LARGE


@pytest.mark.parametrize("length", ["x", "-1", "+5", "1_0", "9"])
def test_a_length_that_is_none_or_another(tenant: Tenant, length: str):
    before = moved()
    body = io.BytesIO(encoded(call()).encode())
    response = tenant.shop.send(
        "POST", ENGINE + REDEEM, content_type=FORM, CONTENT_LENGTH=length, **{"wsgi.input": body}
    )

    # A server hands on as many bytes as were announced: what is cut is another request.
    assert told(response) in (NOT_VALID, (200, failure(-500)))
    assert moved() == before


class NeverRead:
    def read(self, *_: object) -> bytes:
        raise AssertionError("read")

    readline = read


def test_the_body_of_a_stranger_is_never_read(tenant: Tenant):
    stranger = tenant.shop.as_("nobody@example.test")
    for path in (REDEEM, "execute"):
        response = stranger.send(
            "POST", ENGINE + path, content_type=FORM, CONTENT_LENGTH="9", **{"wsgi.input": NeverRead()}
        )
        assert told(response) == error(401, "Authentication failed")
    response = tenant.shop.send("POST", ENGINE + REDEEM, CONTENT_LENGTH="1048577", **{"wsgi.input": NeverRead()})
    assert told(response) == TOO_LARGE


@pytest.mark.parametrize("away", WAYS_TO_BE_AWAY)
def test_a_database_that_is_away(tenant: Tenant, away: type[Exception]):
    before = moved()
    shop = tenant.shop
    shop.call()
    with database_away(away):
        for response in (shop.call(parameters=call()), shop.execute(b"<ListOfBatches/>"), shop.as_("a@b.c").call()):
            if response.content.endswith(b"<ListOfBatches/>\n"):
                continue  # Nothing was asked of the database.
            assert told(response) == error(503, "Service unavailable")
            assert response.headers["Retry-After"] == "5"
    assert moved() == before


def test_a_bug_is_an_unsolvable_problem_and_tells_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog):
    def fail(call: Call) -> None:
        raise KeyError(call["PrepaidCode"])

    monkeypatch.setattr(om_redeem_prepaid_code_pu, "identify", fail)
    tenant.shop.browser.raise_request_exception = False

    assert told(tenant.redeem()) == (200, failure(-504))
    assert "KeyError" in caplog.text
    assert "ABCD" not in caplog.text


def test_a_bug_before_a_procedure_is_an_error(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise KeyError("ABCD-EFGH-JKLM-NPQR")

    monkeypatch.setattr("redemption_site.protocols.prepaid.views.read_given", fail)
    tenant.shop.browser.raise_request_exception = False

    assert told(tenant.redeem()) == error(500, "Internal error")


class TestTheEdge:
    """What is answered when no view does, in the protocol's own form too."""

    def test_a_host_that_is_no_name(self, tenant: Tenant):
        for host in ("a b", "x_y!", "evil.example"):
            response = Shop(host).call(parameters=call())
            assert response.status_code == 400
            assert b"<EngineError><Status>400</Status><Message>Th" in response.content

    def test_a_host_that_is_nobody_s(self, tenant: Tenant):
        from tests.factories import make_site

        make_site()
        response = Shop("nobody.localhost").call(parameters=call())
        assert told(response) == error(404, "Unknown access data")

    def test_another_host_is_another_tenant(self, tenant: Tenant):
        from tests.factories import make_site

        make_site(slug="other")
        before = moved()
        assert told(Shop("other.localhost").call(parameters=call())) == (200, failure(-550))
        assert moved() == before

    def test_a_middleware_that_fails(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
        from django.contrib.sessions.middleware import SessionMiddleware

        def fail(*_: object) -> None:
            raise RuntimeError("ABCD-EFGH-JKLM-NPQR")

        tenant.shop.browser.raise_request_exception = False
        with monkeypatch.context() as broken:
            broken.setattr(SessionMiddleware, "process_response", fail)
            assert told(tenant.redeem()) == error(500, "Internal error")

        def away(*_: object) -> None:
            raise OperationalError("server closed the connection")

        monkeypatch.setattr(SessionMiddleware, "process_response", away)
        assert told(tenant.redeem()) == error(503, "Service unavailable")

    def test_a_request_that_django_finds_suspicious(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
        from django.core.exceptions import SuspiciousOperation
        from django.middleware.common import CommonMiddleware

        def suspect(*_: object) -> None:
            raise SuspiciousOperation("odd")

        monkeypatch.setattr(CommonMiddleware, "process_request", suspect)
        assert told(tenant.redeem()) == error(400, "The request could not be read")

    def test_a_long_address(self, tenant: Tenant):
        assert told(tenant.shop.send("POST", ENGINE + "x" * 60_000)) == error(404, "Unknown procedure")
        assert told(tenant.shop.call(parameters=call(TransactionComment="x" * 60_000))) == (200, failure(-500))
