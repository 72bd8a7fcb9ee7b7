"""How the access codes protocol says no: ``{"status": …, "message": …}``, the status being the response's own."""

from collections.abc import Mapping

from django.core.exceptions import ValidationError
from django.http import HttpResponse

from accounts import refusals as people
from accounts.refusals import Refusal
from codes import refusals as codes
from codes.content_issuing import BatchNameTaken, CodeTaken
from redemption_site.edge.rendering import json_response

CHALLENGE = 'Basic realm="admin-api"'


class Refused(Exception):
    """The request is answered with this status and message."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.status, self.message, self.headers = status, message, headers or {}


NO_SUCH_SITE = (404, "No such site")
NOT_AUTHORIZED = (403, "Not authorized for this site")
NO_SUCH_BATCH = (404, "No such batch")
NO_SUCH_CODE = (404, "No such code")
NOTHING_HERE = (404, "Not found")
NOT_ALLOWED = (405, "Method not allowed")
NOT_AN_OBJECT = (400, "Request body must be a JSON object")

# What can be refused beyond the contents of a request.
ANSWERS: dict[type[Refusal], tuple[int, str]] = {
    people.Unauthenticated: (401, "Authentication required"),
    people.TooManyAttempts: (429, "Too many attempts"),
    people.ServiceUnavailable: (503, "Service unavailable"),
    codes.UnsupportedMediaType: (415, "Unsupported media type"),
    codes.RequestTooLarge: (413, "Request body is too large"),
    codes.RequestMalformed: (400, "Request body is not valid JSON"),
    codes.CodeFormatInvalid: (400, "access-code is not valid"),
    codes.CodeBusy: (409, "Try again"),
}
RETRY_AFTER_SECONDS = {people.TooManyAttempts: 900, people.ServiceUnavailable: 5, codes.CodeBusy: 1}
INTERNAL = (500, "Internal server error")


def answer(status: int, message: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return json_response({"status": status, "message": message}, status, headers)


def answer_to(refusal: Refusal) -> HttpResponse:
    """Raises KeyError on a refusal that cannot come from issuing, reading, changing or deleting: a bug."""
    headers = {}
    default = RETRY_AFTER_SECONDS.get(type(refusal))
    if default is not None:
        headers["Retry-After"] = str(max(1, refusal.retry_after_seconds or default))
    if isinstance(refusal, people.Unauthenticated):
        headers["WWW-Authenticate"] = CHALLENGE
    return answer(*ANSWERS[type(refusal)], headers)


def answer_to_deed(error: ValidationError) -> HttpResponse:
    """What a deed refuses because of how things stand, and not because of the request's words."""
    if isinstance(error, CodeTaken):
        return answer(409, "access-code already exists")
    if isinstance(error, BatchNameTaken):
        return answer(409, "batch was deleted and its name cannot be used again")
    if "valid_until" in error.message_dict:
        return answer(400, "expiration-date must be later than the first moment of validity")
    return answer(409, " ".join(error.messages))
