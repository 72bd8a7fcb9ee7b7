"""Calling procedures as a shop does, byte for byte; every answer is held against the schemas."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpResponse
from django.test import Client as Browser
from lxml import etree

from redemption_site.protocols.prepaid.return_codes import MEANINGS
from tests.factories import PASSWORD

REDEEM = "om_RedeemPrepaidCode_Pu"
ENGINE = "/default/engine/"
SCHEMAS = Path(settings.BASE_DIR) / "redemption_site" / "protocols" / "prepaid" / "schemas"
FORM = "application/x-www-form-urlencoded"
XML = "application/xml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
NOTHING = "  <OutputParameters/>\n  <ResultSets/>\n  <Messages/>\n"


@cache
def schema(name: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMAS / f"{name}.xsd"))


def assert_valid(content: bytes) -> None:
    """Against the schema of the answer's root."""
    assert content.startswith(DECLARATION.encode())
    document = etree.fromstring(content)
    schema("EngineExecute" if document.tag == "ListOfBatches" else "EngineProcedure").assertValid(document)


def success(name: str = REDEEM) -> bytes:
    """The whole body of an answer that has nothing to tell."""
    return f'{DECLARATION}<EngineProcedure Name="{name}">\n  <ReturnCode>0</ReturnCode>\n{NOTHING}</EngineProcedure>\n'.encode()


def failure(code: int, name: str = REDEEM) -> bytes:
    """The whole body of an answer that tells a negative code."""
    described = f"  <ReturnCode>{code}</ReturnCode>\n  <Description>{MEANINGS[code].description}</Description>\n"
    return f'{DECLARATION}<EngineProcedure Name="{name}">\n{described}{NOTHING}</EngineProcedure>\n'.encode()


def error(status: int, message: str) -> tuple[int, bytes]:
    """Status and whole body of an HTTP error."""
    body = f"<EngineError><Status>{status}</Status><Message>{message}</Message></EngineError>\n"
    return status, (DECLARATION + body).encode()


def told(response: HttpResponse) -> tuple[int, bytes]:
    return response.status_code, response.content


def code_of(response: HttpResponse) -> int:
    """The return code of a single call."""
    assert response.status_code == 200
    return int(etree.fromstring(response.content).findtext("ReturnCode"))


def outputs(response: HttpResponse) -> dict[str, str | None]:
    return {each.get("Name"): value(each) for each in etree.fromstring(response.content).iter("Parameter")}


def rows(response: HttpResponse) -> list[dict[str, str | None]]:
    """The rows of the only result set of a call that succeeded; NULL is None."""
    assert code_of(response) == 0
    [found] = etree.fromstring(response.content).iter("ResultSet")
    return [{column.get("Name"): value(column) for column in row} for row in found]


def messages(response: HttpResponse) -> list[str]:
    return [each.text or "" for each in etree.fromstring(response.content).iter("Message")]


def value(element: Any) -> str | None:
    return None if element.get("IsNull") else element.text or ""


def encoded(parameters: Mapping[str, object]) -> str:
    """As a query or a body; None is NULL. What is bytes is sent as it is."""
    pieces = []
    for name, given in parameters.items():
        text = given.decode() if isinstance(given, bytes) else quote_plus("" if given is None else str(given))
        pieces.append(f"{quote_plus(name)}={text}")
    return "&".join(pieces)


def document(*batches: Any, numbers: Any = None) -> bytes:
    """A request of engine/execute: each batch a list of (procedure, parameters)."""
    parts = []
    for number, batch in zip(numbers or range(len(batches)), batches, strict=True):
        inside = "".join(map(procedure, batch))
        parts.append(f'  <Batch No="{number}">\n{inside}  </Batch>\n')
    return f"{DECLARATION}<ListOfBatches>\n{''.join(parts)}</ListOfBatches>\n".encode()


def procedure(called: tuple[str, Mapping[str, object]]) -> str:
    name, given = called
    parameters = "".join(
        f'        <Parameter Name="{escape(key)}"/>\n'
        if each is None
        else f'        <Parameter Name="{escape(key)}">{escape(str(each))}</Parameter>\n'
        for key, each in given.items()
    )
    return f'    <Procedure Name="{name}">\n      <Parameters>\n{parameters}      </Parameters>\n    </Procedure>\n'


def basic(name: str, secret: str = PASSWORD) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()


@dataclass(frozen=True)
class Shop:
    """A shop's server, without cookies; ``login`` is its Authorization header, if it has one."""

    host: str = "shop.localhost"
    login: str | None = None
    browser: Browser = field(default_factory=lambda: Browser(enforce_csrf_checks=True))

    def as_(self, name: str, secret: str = PASSWORD) -> "Shop":
        return replace(self, login=basic(name, secret))

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        **environ: Any,
    ) -> HttpResponse:
        known = {} if self.login is None else {"Authorization": self.login}
        extra = {"HTTP_HOST": self.host, "CONTENT_TYPE": content_type or "", **environ}
        response = self.browser.generic(method, path, body, headers={**known, **(headers or {})}, **extra)
        if response.content:
            assert response.headers["Content-Type"] == "application/xml; charset=utf-8"
            assert response.headers["Cache-Control"] == "no-store"
            assert not response.cookies
            assert_valid(response.content)
        return response

    def call(
        self, name: str = REDEEM, parameters: Mapping[str, object] | str = "", method: str = "POST"
    ) -> HttpResponse:
        """A single call with its parameters in the query."""
        query = parameters if isinstance(parameters, str) else encoded(parameters)
        return self.send(method, f"{ENGINE}{name}?{query}")

    def post(
        self, body: str | Mapping[str, object], name: str = REDEEM, query: str = "", **fields: Any
    ) -> HttpResponse:
        """A single call with its parameters in the body."""
        text = body if isinstance(body, str) else encoded(body)
        return self.send("POST", f"{ENGINE}{name}?{query}", text.encode("latin-1"), fields.pop("form", FORM), **fields)

    def execute(self, body: bytes, content_type: str | None = XML, **fields: Any) -> HttpResponse:
        return self.send("POST", f"{ENGINE}execute", body, content_type, **fields)
