"""What is written: the bodies of successes and of errors. Source: ad hoc redemption, sections 3 to 5, 8 and 9."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from redemption_site.edge.rendering import json_response
from redemption_site.protocols.loyalty.errors import Refused

REDEEMED = "Ad hoc redemption issued successfully."
VOIDED = "Transaction voided successfully."
KEY_NOT_USED = "fulfillmentEmailKey is not used with this redemptionId"


def refused(refusal: Refused) -> HttpResponse:
    return json_response(refusal.body, refusal.error.status, refusal.headers)


def shown(value: Any) -> str:
    """A value in a text: as it was sent, and as JSON where it is no text."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def token(text: str, seconds: int) -> HttpResponse:
    body = {"access_token": text, "token_type": "Bearer", "expires_in": seconds}
    return json_response(body, headers={"Pragma": "no-cache"})


def no_token(error: str, status: int, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """An error of the token call, in OAuth's own words. Source: RFC 6749, section 5.2."""
    return json_response({"error": error}, status, {"Pragma": "no-cache", **(headers or {})})


def session_ended(correlation_id: str) -> HttpResponse:
    return json_response({"sessionId": correlation_id, "status": "CLOSED"})


def reserved(
    token: str, amount: int, expires_at: dt.datetime, correlation_id: str, warnings: list[str]
) -> HttpResponse:
    """Of a reservation that is made or reduced. Amounts are strings of digits."""
    return json_response(
        {
            "reservationToken": token,
            "reservationAmount": str(amount),
            "status": "RESERVED",
            "reservationExpiry": expires_at,
            "sessionId": correlation_id,
            "warnings": warnings,
        }
    )


def cancelled(token: str, correlation_id: str) -> HttpResponse:
    return json_response({"status": "CANCELLED", "reservationToken": token, "sessionId": correlation_id})


def done(transaction_id: str, message: str) -> HttpResponse:
    return json_response({"transactionId": transaction_id, "message": message})
