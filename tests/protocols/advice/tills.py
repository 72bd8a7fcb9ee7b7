"""Reporting as a till does, byte for byte."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock
from xml.sax.saxutils import escape

from django.db import connections
from django.http import HttpResponse
from django.test import Client as Browser

from accounts import prepared, till_keys
from accounts.models import Client, Site
from tests.factories import make_client

PATH = "/v3/redemptionAdvice"
HEADER = "x-vmob-authorization"
SEED_KEY = "dm1vYi53aW5kb3dzLjE6"  # Base64 of "vmob.windows.1:".
SEED: dict[str, Any] = {
    "redemptionText": "ABC-E6W5F",
    "externalVenueId": "921",
    "externalVenueSystemType": 10,
    "redemptionType": "NFC",
    "redemptionDate": "2015-01-20T10:21:47Z",
    "redemptionAdviceTimezoneOffset": "-10:30",
}
JSON, XML = "application/json", "application/xml"


def seed(*without: str, **changed: Any) -> dict[str, Any]:
    """The contract's example without some fields, and with others changed or added."""
    return {name: value for name, value in {**SEED, **changed}.items() if name not in without}


def as_json(fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def as_xml(fields: Mapping[str, Any]) -> bytes:
    """The same report as XML; None and "" are empty elements."""
    inside = "".join(
        f"  <{name}>{escape(str(value if value is not None else ''))}</{name}>\n" for name, value in fields.items()
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<redemptionAdvice>\n{inside}</redemptionAdvice>\n'.encode()


BODIES = {JSON: as_json, XML: as_xml}


def encoded(name: str, secret: str = "") -> str:
    return base64.b64encode(f"{name}:{secret}".encode()).decode()


@dataclass
class Till:
    """A till that reports, byte for byte and without a session."""

    key: str | None = SEED_KEY
    host: str = "localhost"
    browser: Browser = field(default_factory=lambda: Browser(enforce_csrf_checks=True))

    def send(
        self,
        body: bytes,
        content_type: str | None = JSON,
        *,
        method: str = "POST",
        path: str = PATH,
        headers: Mapping[str, str] | None = None,
        **environ: Any,
    ) -> HttpResponse:
        known = {} if self.key is None else {HEADER: self.key}
        extra = {"HTTP_HOST": self.host, "CONTENT_TYPE": content_type or "", **environ}
        return self.browser.generic(method, path, body, headers={**known, **(headers or {})}, **extra)

    def report(self, form: str = JSON, *without: str, **changed: Any) -> HttpResponse:
        """Send the contract's example, changed."""
        return self.send(BODIES[form](seed(*without, **changed)), form)


def register(site: Site, name: str = "vmob.windows.1", secret: str = "") -> Client:
    """A client of the site that may advise, and signs with that pair."""
    client = make_client(site, ["advise"], name=name).client
    till_keys.add_pair(client, name, secret, "system")
    return client


@contextmanager
def database_away(error: type[Exception]) -> Iterator[None]:
    """Whatever is asked of the database fails, by Django's cursors and by our prepared ones, until the block ends."""

    def fail(*_: object) -> None:
        raise error("server closed the connection unexpectedly")

    with (
        mock.patch.object(type(connections["default"]), "_cursor", fail),
        mock.patch.object(prepared.HotCursor, "execute", fail),
    ):
        yield
