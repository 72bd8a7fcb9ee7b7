"""A till's words → a Report. What the contract judges later is only noted here: such a report is taken all the same."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest

from accounts.models import Client
from codes.advice.accepting import Report
from codes.refusals import RequestMalformed, UnsupportedMediaType
from redemption_site.edge import parsing
from redemption_site.edge.xml import parse_xml
from redemption_site.protocols.advice import answers, dates
from redemption_site.protocols.advice.answers import JSON, Refused
from redemption_site.protocols.advice.dates import NotReadable

LARGEST_BODY = 65_536
MOST_ELEMENTS = 1_000
LONGEST_TEXT = 255
LONGEST_VENUE_ID = 100
LONGEST_TYPE = 50
ROOT = "redemptionAdvice"
WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,9}", re.ASCII)
LEAST, MOST = -(2**31), 2**31 - 1


def read_form(request: HttpRequest) -> str:
    """The form of the body, JSON or XML, in UTF-8. Raises UnsupportedMediaType."""
    form = answers.FORMS.get(request.content_type or "")
    if form is None:
        raise UnsupportedMediaType
    parsing.refuse_charset(request.content_params or {})
    return form


def read_report(form: str, body: bytes, till: Client) -> Report:
    """What the till says. Raises RequestMalformed on a body that cannot be read, and Refused on a venue that cannot be."""
    fields = read_json(body) if form == JSON else read_xml(body)
    venue = read_venue(fields)
    problems = []
    text, happened_at, offset_minutes = fields.get("redemptionText"), None, None
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT:
        problems.append("invalid_text")
    try:
        happened_at = read_instant(fields.get("redemptionDate"))
    except NotReadable:
        problems.append("invalid_date")
    try:
        offset_minutes = read_offset(fields.get("redemptionAdviceTimezoneOffset"))
    except NotReadable:
        problems.append("invalid_offset")
    if happened_at and not has_local_time(happened_at, offset_minutes or 0):
        happened_at = None
        problems.append("invalid_date")
    redemption_type = fields.get("redemptionType")
    return Report(
        site_id=till.site_id,
        client_id=till.pk,
        media="json" if form == JSON else "xml",
        raw=body,
        # One that is too long is kept in the body alone: a part of it could be a code.
        text=text if isinstance(text, str) and len(text) <= LONGEST_TEXT else None,
        venue=venue,
        redemption_type=redemption_type[:LONGEST_TYPE] if isinstance(redemption_type, str) else "",
        happened_at=happened_at,
        offset_minutes=offset_minutes,
        problem=min(problems, key=PROBLEMS.index, default=""),
    )


PROBLEMS = ("invalid_text", "invalid_date", "invalid_offset")  # The first of them is the outcome.


def read_json(body: bytes) -> Mapping[str, Any]:
    """Raises RequestMalformed on anything but one object."""
    found = parsing.parse_json(body)
    if not isinstance(found, dict):
        raise RequestMalformed
    return found


def read_xml(body: bytes) -> Mapping[str, Any]:
    """The same fields out of XML, where every value is a text, and an empty element is a missing field.

    The first letter of a name may be upper or lower case; of elements that come twice the first counts. Raises RequestMalformed.
    """
    root = parse_xml(body, most_elements=MOST_ELEMENTS)
    if lower_first(root.name) != ROOT:
        raise RequestMalformed
    fields: dict[str, Any] = {}
    for element in root.children:
        # What holds elements is no text; an object of JSON is what comes nearest to it.
        value: Any = {} if element.children else element.text or None
        fields.setdefault(lower_first(element.name), value)
    return fields


def lower_first(name: str) -> str:
    return name[:1].lower() + name[1:]


def read_venue(fields: Mapping[str, Any]) -> tuple[int, str] | None:
    """System type and external ID, where an ID is given; the system type is judged first. Raises Refused."""
    venue_id = fields.get("externalVenueId")
    if venue_id is None or venue_id == "":
        return None
    system_type = read_system_type(fields.get("externalVenueSystemType"))
    if isinstance(venue_id, int) and not isinstance(venue_id, bool):
        venue_id = str(venue_id)
    if not isinstance(venue_id, str) or len(venue_id) > LONGEST_VENUE_ID:
        raise Refused(answers.VENUE_INVALID)
    return system_type, venue_id


def read_system_type(value: Any) -> int:
    """A whole number of 32 bits, as a number or as its digits. Raises Refused."""
    if value is None:
        raise Refused(answers.SYSTEM_TYPE_MISSING)
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not LEAST <= value <= MOST:
        raise Refused(answers.SYSTEM_TYPE_INVALID)
    return value


def read_instant(value: Any) -> dt.datetime | None:
    """None where none is given. Raises NotReadable."""
    if value is None:
        return None
    return dates.read_instant(value if isinstance(value, str) else "")


def read_offset(value: Any) -> int | None:
    """Minutes; None where none is given. Raises NotReadable."""
    if value is None:
        return None
    return dates.read_offset(value if isinstance(value, str) else "")


def has_local_time(instant: dt.datetime, offset_minutes: int) -> bool:
    """Whether the calendar, which ends with the year 9999, has the local time of the instant."""
    try:
        instant + dt.timedelta(minutes=offset_minutes)
    except OverflowError:
        return False
    return True
