"""What a call's body says, field by field: strictly, and without asking the database. Source: ad hoc redemption, sections 4 to 9.

Texts are compared as they were sent, never trimmed. Null counts as absent, and where a field must not be empty so does white space.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from redemption_site.edge import parsing
from redemption_site.protocols.loyalty import errors
from redemption_site.protocols.loyalty.answers import shown
from redemption_site.protocols.loyalty.errors import Refused

Body = dict[str, Any]

LARGEST_BODY = 65_536
LONGEST_IDENTIFIER = 255
LONGEST_CORRELATION_ID = 100
LONGEST_CHANNEL = 30
LONGEST_REFERENCE = 100
LONGEST_REDEMPTION_ID = 100
MOST_POINTS = 10**12
MOST_OF_AN_ITEM = 10_000
DIGITS = re.compile(r"[0-9]{1,13}", re.ASCII)
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
NOT_A_NUMBER = -1  # Of points that are none: nobody can give so many.


def read_body(request: HttpRequest) -> Body:
    """The JSON object. Raises the edge's refusals: the content type is judged first, then size, then content."""
    return parsing.read_json_object(request, LARGEST_BODY)


def is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def read_text(body: Body, field: str, longest: int) -> str:
    """A text that can be shown and stored; empty where it is absent. Raises Refused."""
    value = body.get(field)
    if value is None:
        return ""
    if not isinstance(value, str) or not parsing.is_plain(value):
        raise Refused(errors.NOT_VALID, field=field)
    if len(value) > longest:
        raise Refused(errors.TOO_LONG, field=field)
    return value


@dataclass(frozen=True, slots=True)
class NewSession:
    """What a client says of the session it starts; without a channel it is the site's default."""

    correlation_id: str
    channel: str | None
    agent_session: str


def read_session(body: Body) -> NewSession:
    """Raises Refused."""
    if is_empty(body.get("correlationId")):
        raise Refused(errors.CORRELATION_ID_MISSING)
    correlation_id = read_text(body, "correlationId", LONGEST_CORRELATION_ID)
    channel = None
    if "channel" in body:
        if is_empty(body["channel"]):
            raise Refused(errors.CHANNEL_EMPTY)
        channel = read_text(body, "channel", LONGEST_CHANNEL)
    agent_session = body.get("externalAgentSessionId")
    if agent_session is not None and not is_guid(agent_session):
        raise Refused(errors.NOT_VALID, field="externalAgentSessionId")
    return NewSession(correlation_id, channel, agent_session or "")


def is_guid(value: Any) -> bool:
    return isinstance(value, str) and GUID.fullmatch(value) is not None


def read_identifier_type(request: HttpRequest, default: str) -> str:
    """The type as it is written in the contract. Raises Refused on what is no type at all."""
    given: str | None = request.META.get("HTTP_X_IDENTIFIER_TYPE")
    if given is None:
        return default
    # Upper case turns some foreign letters into ASCII ones.
    if not given.isascii():
        raise Refused(errors.IDENTIFIER_TYPE_INVALID)
    return given.strip().upper()


def read_amount(value: Any, *, digits: bool = True) -> int:
    """A number of points, as a JSON integer or, where ``digits`` may be sent, as their text. Raises Refused."""
    if digits and isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value)
    if not is_whole(value, 1, MOST_POINTS):
        raise Refused(errors.AMOUNT_INVALID)
    return int(value)


def is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it was asked for. An ID that is no text is kept as it would be shown: there is no such item."""

    id: str
    is_text: bool
    quantity: int | None  # None: not a valid one, which is told after an item that there is not.


def read_items(body: Body) -> list[Item]:
    """Raises Refused on what is no list of objects."""
    given = body.get("catalogueItems")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise Refused(errors.NOT_VALID, field="catalogueItems")
    return [read_item(each) for each in given]


def read_item(given: Body) -> Item:
    named = given.get("id")
    if named is None:
        named = given.get("productCode")
    quantity = given.get("quantity")
    if quantity is None:
        quantity = 1
    return Item(shown(named), isinstance(named, str), quantity if is_whole(quantity, 1, MOST_OF_AN_ITEM) else None)


def read_contributions(body: Body) -> dict[str, int] | None:
    """Points by account ID, in the order in which they were sent. Points that are no whole number are told by the deed, which
    knows the contributors: here they become NOT_A_NUMBER. Raises Refused on what is no object.
    """
    given = body.get("contributions")
    if given is None:
        return None
    if not isinstance(given, dict):
        raise Refused(errors.NOT_VALID, field="contributions")
    return {account: points if is_whole(points, 0, 10**18) else NOT_A_NUMBER for account, points in given.items()}


@dataclass(frozen=True, slots=True)
class Said:
    """What is recorded with a redemption or a void."""

    external_reference: str
    channel: str  # Empty: the session's.


def read_said(body: Body) -> Said:
    """Raises Refused."""
    reference = read_text(body, "externalReferenceId", LONGEST_REFERENCE)
    channel = "" if is_empty(body.get("channel")) else read_text(body, "channel", LONGEST_CHANNEL)
    return Said(reference, channel)
