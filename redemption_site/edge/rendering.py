"""JSON on the way out."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

# Instants as the flow writes them: whole seconds, in UTC, with a Z.
OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
JSON = "application/json"
PROBLEM = "application/problem+json"


def dumps(body: Any) -> bytes:
    return orjson.dumps(body, option=OPTIONS)


def json_response(
    body: Any, status: int = 200, headers: Mapping[str, str] | None = None, content_type: str = JSON
) -> HttpResponse:
    """An answer that no cache may keep: it was for this caller, at this moment."""
    response = HttpResponse(dumps(body), content_type=content_type, status=status)
    response.headers["Cache-Control"] = "no-store"
    # Django would write a second line for every refusal; ours has been written already by edge/request_log.py.
    response._has_been_logged = True  # type: ignore[attr-defined]
    for name, value in (headers or {}).items():
        response.headers[name] = value
    return response


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """A failure of our own API in RFC 9457's form. ``code`` is stable and for programs, ``detail`` for people."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if errors:
        body["errors"] = errors
    return json_response(body, status, headers, PROBLEM)


class JSONRenderer(BaseRenderer):
    """REST framework's own answers, should one ever slip past ``json_response``."""

    media_type = JSON
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return b"" if data is None else dumps(data)


class OneRepresentation(BaseContentNegotiation):
    """Every answer has one form, whatever Accept or ``?format=`` says: a till that asks oddly must not be turned away."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        return parsers[0]

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type
