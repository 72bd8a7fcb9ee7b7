"""Calling the loyalty protocol as a till does, byte for byte."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from django.http import HttpResponse
from django.test import Client as Browser

from accounts.client_keys import NewKey

USERS = "/client/users"
TOKEN = "/oauth/token"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
S1 = "0b8f6c0e-7a6e-4c5a-8e0d-111111111111"


def error(message: str, code: str = "INVALID_REQUEST", status: int = 400) -> tuple[int, bytes]:
    """Status and whole body of an error."""
    body = {"statusCode": status, "errorMessage": message, "errorCode": code}
    return status, json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def told(response: HttpResponse) -> tuple[int, bytes]:
    return response.status_code, response.content


def found(response: HttpResponse) -> dict[str, Any]:
    """The body of a success."""
    assert response.status_code == 200, response.content
    body = json.loads(response.content)
    assert isinstance(body, dict)
    return body


def compact(fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass
class Till:
    """A program with a client's prefix and secret, and the token it got for them; it has no cookies."""

    key: NewKey | None = None
    token: str | None = None
    host: str = "localhost"
    browser: Browser = field(default_factory=lambda: Browser(enforce_csrf_checks=True))

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str | None = JSON,
        headers: Mapping[str, str] | None = None,
        **environ: Any,
    ) -> HttpResponse:
        known = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        extra = {"HTTP_HOST": self.host, "CONTENT_TYPE": content_type or "", **environ}
        response = self.browser.generic(method, path, body, headers={**known, **(headers or {})}, **extra)
        assert response.headers["Content-Type"] == JSON
        assert response.headers["Cache-Control"] == "no-store"
        assert not response.cookies
        return response

    def post(self, path: str, fields: Any = None, **more: Any) -> HttpResponse:
        """``fields`` as compact JSON, or bytes as they are."""
        return self.send("POST", f"{USERS}/{path}", fields if isinstance(fields, bytes) else compact(fields), **more)

    def ask_token(self, **fields: str) -> HttpResponse:
        """The contract's token call, with its fields changed."""
        assert self.key is not None
        prefix, _, secret = self.key.key.partition(".")
        given = {"grant_type": "client_credentials", "client_id": prefix, "client_secret": secret, **fields}
        return replace(self, token=None).send("POST", TOKEN, urlencode(given).encode(), FORM)

    def signed_in(self) -> "Till":
        """Itself, with a fresh token."""
        self.token = found(self.ask_token())["access_token"]
        return self

    def start(self, who: str, session: str = S1, by: str | None = None, **fields: Any) -> HttpResponse:
        headers = {} if by is None else {"X-Identifier-Type": by}
        return self.post(f"{quote(who, safe='')}/sessions", {"correlationId": session, **fields}, headers=headers)

    def reserve(self, session: str = S1, **fields: Any) -> HttpResponse:
        return self.post(f"{quote(session, safe='')}/reservations/", fields)

    def reserved(self, amount: object, session: str = S1, **fields: Any) -> str:
        """The token of a reservation that is made."""
        return str(found(self.reserve(session, reservationAmount=amount, **fields))["reservationToken"])

    def reduce(self, token: str, session: str = S1, **fields: Any) -> HttpResponse:
        path = f"{USERS}/{quote(session, safe='')}/reservations/{quote(token, safe='')}"
        return self.send("PUT", path, compact(fields))

    def cancel(self, token: str, session: str = S1) -> HttpResponse:
        path = f"{USERS}/{quote(session, safe='')}/reservations/{quote(token, safe='')}"
        return self.send("DELETE", path, content_type=None)

    def redeem(self, token: object, session: str = S1, *without: str, **changed: Any) -> HttpResponse:
        """The contract's "redeem", some fields left out, others changed or added."""
        fields = {"businessUnit": "MAIN", "reservationToken": token, **changed}
        given = {name: value for name, value in fields.items() if name not in without}
        return self.post(f"{quote(session, safe='')}/adhoc-redemption", given)

    def redeemed(self, token: str, session: str = S1, **changed: Any) -> str:
        """The ID of a redemption that is made."""
        return str(found(self.redeem(token, session, **changed))["transactionId"])

    def void(self, transaction_id: object, session: str = S1, **fields: Any) -> HttpResponse:
        given = {"originalTransactionId": transaction_id, **fields}
        return self.post(f"{quote(session, safe='')}/void", given)

    def end(self, session: str = S1) -> HttpResponse:
        return self.send("DELETE", f"{USERS}/{quote(session, safe='')}/sessions", content_type=None)


def unused(till: Till) -> Till:
    """The same till with a browser that has sent nothing yet: one that has holds the whole platform, and is no thing to copy."""
    return replace(till, browser=Till().browser)
