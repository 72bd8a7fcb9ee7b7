"""Everything this protocol ever answers, written once: it says nothing of the report itself, only whether it was taken.

Nothing here is 401, 403, 413, 415 or 429, which the contract does not know.
"""

from dataclasses import dataclass

import orjson
from django.http import HttpRequest, HttpResponse

from accounts import refusals as people
from accounts.refusals import Refusal
from codes import refusals as codes
from redemption_site.edge.xml import Element, write_xml

JSON, XML = "application/json", "application/xml"
# The form that each media type asks for.
FORMS = {JSON: JSON, XML: XML, "text/xml": XML}


@dataclass(frozen=True, slots=True)
class No:
    """A refusal in both forms, ready to be sent."""

    status: int
    bodies: dict[str, bytes]


def no(sentence: str, status: int = 400, error: str = "invalid_request") -> No:
    told = {"error": error, "error_description": sentence}
    as_xml = write_xml(Element("response", children=[Element(name, text) for name, text in told.items()]))
    return No(status, {JSON: orjson.dumps(told), XML: as_xml})


NOT_SECURE = no("HTTPS is required.")
# The contract's own example, whatever it was that failed: 401 is not among the contract's answers.
NOT_AUTHENTICATED = no("The authorization grant type is not supported by the authorization server.")
WRONG_CONTENT_TYPE = no("The content type is not supported.")
TOO_LARGE = no("The request body is too large.")
UNREADABLE = no("The request body could not be read.")
SYSTEM_TYPE_MISSING = no("externalVenueSystemType is required when externalVenueId is provided.")
SYSTEM_TYPE_INVALID = no("externalVenueSystemType is not valid.")
VENUE_INVALID = no("externalVenueId is not valid.")
FAILED = no("The request could not be processed.", 500, "server_error")

ANSWERS: dict[type[Refusal], No] = {
    people.Unauthenticated: NOT_AUTHENTICATED,
    codes.UnsupportedMediaType: WRONG_CONTENT_TYPE,
    codes.RequestTooLarge: TOO_LARGE,
    codes.RequestMalformed: UNREADABLE,
}
REFUSALS = tuple(ANSWERS)


class Refused(Exception):
    """The report is not taken, and this is said."""

    def __init__(self, no: No) -> None:
        super().__init__(no)
        self.no = no


def accepted(form: str) -> HttpResponse:
    return finished(HttpResponse(status=202, content_type=form))


def refused(no: No, request: HttpRequest) -> HttpResponse:
    form = wanted_form(request)
    return finished(HttpResponse(no.bodies[form], status=no.status, content_type=form))


def empty(status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    response = finished(HttpResponse(status=status, headers=headers))
    del response.headers["Content-Type"]  # Of nothing.
    return response


def finished(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"
    # Django would write a second line for every refusal; edge/request_log.py writes ours.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response


def wanted_form(request: HttpRequest) -> str:
    """JSON or XML for an error: the first of them in ``Accept``, without which the form of the request; else JSON."""
    accept = request.META.get("HTTP_ACCEPT")
    if accept is None:
        return FORMS.get(request.content_type or "", JSON)
    for media_range in accept.split(","):
        form = FORMS.get(media_range.partition(";")[0].strip().lower())
        if form:
            return form
    return JSON
