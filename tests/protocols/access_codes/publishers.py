"""Sending requests as a publisher's program does, byte for byte, and reading what comes back."""

import base64
import json
from typing import Any

from django.http.response import HttpResponseBase
from django.test import Client as Browser

from tests.api.doors import Door
from tests.factories import PASSWORD

REDEMPTIONS = "/admin-api/9p2/redemptions"
HOST = "9p2.localhost"


def basic(name: str, secret: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def program(name: str, secret: str = PASSWORD, host: str = HOST) -> Door:
    """A program with HTTP Basic."""
    return Door(host, basic(name, secret))


def told(response: HttpResponseBase) -> Any:
    """The JSON of an answer, streamed or not; its media type is the protocol's only one."""
    assert response.headers["Content-Type"] == "application/json"
    return json.loads(response.getvalue() if not response.streaming else b"".join(response.streaming_content))


def refusal(response: HttpResponseBase) -> tuple[int, str]:
    """Status and message of an error body, which has nothing else and says the response's own status."""
    body = told(response)
    assert list(body) == ["status", "message"]
    assert body["status"] == response.status_code
    return body["status"], body["message"]


def captured(door: Door, exchange: bytes) -> HttpResponseBase:
    """Send a request as it was captured: its request line, headers and body."""
    head, _, body = exchange.partition(b"\r\n\r\n")
    request_line, *lines = head.decode().split("\r\n")
    method, path, _ = request_line.split(" ")
    headers = dict(line.split(": ", 1) for line in lines if line)
    content_type = headers.pop("Content-Type", "")
    return Browser(enforce_csrf_checks=True).generic(
        method, path, body, headers={**headers, **door.headers}, HTTP_HOST=door.host, CONTENT_TYPE=content_type
    )
