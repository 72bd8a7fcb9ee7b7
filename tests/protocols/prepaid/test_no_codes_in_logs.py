"""Codes and identification values travel in query strings and bodies: no line that anybody logs has one."""

import logging
import socket

import pytest
from django.db import OperationalError

from deploy.local import programs
from deploy.local.processes import wait_until
from redemption_site.protocols.prepaid.procedures import om_redeem_prepaid_code_pu
from tests.committed import CommittedDatabase
from tests.factories import make_account, make_code
from tests.people import ADDRESS, PASSWORD_VALUE, make_shop
from tests.processes import Platform
from tests.protocols.prepaid.conftest import C1, C2, C3, Tenant, call
from tests.protocols.prepaid.shops import ENGINE, REDEEM, document, encoded

SECRETS = [C1, C2, C3, "NOPE-0000", PASSWORD_VALUE, ADDRESS, "a-wrong-secret", "visitor-0001"]


def betrayed(text: str) -> list[str]:
    """The secrets of which some spelling is in the text."""
    lower = text.lower()
    return [
        each
        for each in SECRETS
        for spelling in {each, each.replace("-", ""), encoded({"": each})[1:]}
        if spelling.lower() in lower
    ]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the log, as it is written, of every level."""
    written: list[str] = []
    handlers = [*logging.getLogger().handlers, *logging.getLogger("redemption_site.requests").handlers]
    for handler in (each for each in handlers if type(each) is logging.StreamHandler):
        monkeypatch.setattr(handler, "emit", lambda record, via=handler: written.append(via.format(record)))
    for name in (None, "django", "django.request", "django.server", "redemption_site.requests"):
        monkeypatch.setattr(logging.getLogger(name), "level", logging.DEBUG)
    # Django's own logger of statements would have their parameters; nobody turns it on outside a debugging session.
    monkeypatch.setattr(logging.getLogger("django.db.backends"), "disabled", True)
    return written


def everything(tenant: Tenant) -> None:
    """Calls of all kinds, right and wrong."""
    shop = tenant.shop
    for text in (C1, C1, C2, C3, "NOPE-0000"):
        tenant.redeem(PrepaidCode=text)
    tenant.redeem(PersonIdentificationValues=f"{ADDRESS}¶a-wrong-secret")
    tenant.redeem("PersonTypeID")
    tenant.redeem(Foo=1)
    shop.post(call())
    shop.post(call(), form="application/json")
    shop.call(parameters=call(), method="GET")
    shop.call("om_Nothing_Pu", call())
    shop.send("POST", f"/other/engine/{REDEEM}?{encoded(call())}")
    shop.as_(ADDRESS, PASSWORD_VALUE).call(parameters=call())
    shop.execute(document([(REDEEM, call())], [(REDEEM, call(PrepaidCode="NOPE-0000"))]))
    shop.execute(document([(REDEEM, call())])[:-5])
    shop.call("om_GetPrepaidCodes_Ad", {"PrepaidCode": C1})


def test_no_line_of_ours_or_django_s_has_one(tenant: Tenant, lines: list[str]):
    everything(tenant)

    assert len(lines) > 25
    assert any("procedure om_RedeemPrepaidCode_Pu returned -1301 after" in line for line in lines)
    assert betrayed("\n".join(lines)) == []


@pytest.mark.parametrize("error", [KeyError, ValueError, OperationalError])
def test_no_line_of_an_error_has_one(
    tenant: Tenant, lines: list[str], monkeypatch: pytest.MonkeyPatch, error: type[Exception]
):
    def fail(given) -> None:
        try:
            raise RuntimeError(f"inner {given['PrepaidCode']}")
        except RuntimeError as cause:
            raise error(f"{given['PrepaidCode']} of {given['PersonIdentificationValues']}") from cause

    monkeypatch.setattr(om_redeem_prepaid_code_pu, "identify", fail)
    tenant.shop.browser.raise_request_exception = False
    tenant.redeem()
    tenant.shop.execute(document([("mi_GetUnits", {}), (REDEEM, call())]))

    heap = "\n".join(lines)
    assert error.__name__ in heap
    assert betrayed(heap) == []


def test_an_error_of_a_middleware_has_none(tenant: Tenant, lines: list[str], monkeypatch: pytest.MonkeyPatch):
    from django.contrib.sessions.middleware import SessionMiddleware

    def fail(*_: object) -> None:
        raise RuntimeError(C1)

    monkeypatch.setattr(SessionMiddleware, "process_response", fail)
    tenant.shop.browser.raise_request_exception = False
    tenant.redeem()

    assert "A bug: RuntimeError" in "\n".join(lines)
    assert betrayed("\n".join(lines)) == []


def test_the_server_s_access_log_has_none(
    committed_db: CommittedDatabase, platform: Platform, monkeypatch: pytest.MonkeyPatch
):
    """With its access log turned on, which nothing here does, and with the raw bytes of a query as some clients send them."""
    site, _, person = make_shop(slug="shop", domain="127.0.0.1")
    make_account(person.user)
    make_code(site, C1)
    web_command = programs.web_command
    monkeypatch.setattr(programs, "web_command", lambda *given: [*web_command(*given), "--access-log"])
    server = platform.web(1)

    answers = []
    for query in (encoded(call()), encoded(call(PrepaidCode="NOPE-0000")).replace("%C2%B6", "¶")):
        head = f"POST {ENGINE}{REDEEM}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(f"{head}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
            answers.append(b"".join(iter(lambda c=connection: c.recv(65_536), b"")))

    assert b"<ReturnCode>0<" in answers[0], answers[0]
    assert b"<ReturnCode>-1301<" in answers[1], answers[1]
    # The server writes a line once its answer has been read.
    assert wait_until(lambda: server.log.read_text().count(f"POST {ENGINE}{REDEEM} HTTP/1.1") == 2, seconds=10)
    text = server.log.read_text()
    assert betrayed(text) == []
