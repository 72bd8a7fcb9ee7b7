"""Sending requests as a program or a browser would, and reading what comes back."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client as Browser

from accounts.models import User

REDEMPTIONS = "/api/v1/redemptions"
VALIDATIONS = "/api/v1/validations"
TOKEN = "t" * 32


class Door:
    """One caller of the API: everything goes through the URL, byte for byte."""

    def __init__(self, host: str, headers: dict[str, str], browser: Browser | None = None) -> None:
        self.host = host
        self.headers = headers
        self.browser = browser or Browser(enforce_csrf_checks=True)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str | None = "application/json",
        headers: dict[str, str] | None = None,
    ) -> HttpResponse:
        """Send ``body`` as it is if it is bytes, else as JSON."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.browser.generic(
            method,
            path,
            data,
            headers={**self.headers, **(headers or {})},
            HTTP_HOST=self.host,
            # The test client itself gives an empty body no type.
            CONTENT_TYPE=content_type or "",
        )

    def get(self, path: str, **options: Any) -> HttpResponse:
        return self.send("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> HttpResponse:
        return self.send("POST", path, body, **options)

    def redeem(
        self, code: str = "ABC-E6W5F", claimant_id: str = "u-1001", *, key: str | None = None, **fields: Any
    ) -> HttpResponse:
        body = {"code": code, "claimant_id": claimant_id, **fields}
        return self.post(REDEMPTIONS, body, headers={"Idempotency-Key": key} if key is not None else None)


def till(key: str, host: str = "t.localhost") -> Door:
    """A program with an API key."""
    return Door(host, {"Authorization": f"Bearer {key}"})


def signed_in(user: User, host: str = "t.localhost") -> Door:
    """A browser in which ``user`` has signed in, and whose pages send the CSRF token."""
    browser = Browser(enforce_csrf_checks=True)
    browser.force_login(user)
    browser.cookies["csrftoken"] = TOKEN
    return Door(host, {"X-CSRFToken": TOKEN}, browser)


def stranger(host: str = "t.localhost") -> Door:
    """Somebody without credentials."""
    return Door(host, {})
