"""Bodies on the way in: their size and coding judged before a byte is parsed, and JSON read strictly.

Whatever is refused here is refused as the flow's step 1.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.http import HttpRequest, UnreadablePostError
from rest_framework.parsers import BaseParser

from codes.refusals import RequestMalformed, RequestTooLarge, UnsupportedMediaType

JSON = "application/json"
LARGEST_BODY = 1_048_576
DEEPEST = 20
MOST_MEMBERS = 1_000
LONGEST_NUMBER = 18
UTF_8 = frozenset({"utf-8", "utf8", "us-ascii"})


def read_body(request: HttpRequest, limit: int) -> bytes:
    """The whole body, of at most ``limit`` bytes and uncompressed.

    Raises UnsupportedMediaType, RequestTooLarge, RequestMalformed; a body that says it is too large is never read.
    """
    coding = request.META.get("HTTP_CONTENT_ENCODING", "")
    if coding and coding.strip().lower() != "identity":
        raise UnsupportedMediaType
    length = request.META.get("CONTENT_LENGTH") or ""
    if length:
        # Not int(): it would accept signs, underscores and foreign digits.
        if not (length.isascii() and length.isdigit()):
            raise RequestMalformed
        if len(length) > 12 or int(length) > limit:
            raise RequestTooLarge
    try:
        body = request.body if length or hasattr(request, "_body") else read_chunks(request, limit)
    except UnreadablePostError as error:
        raise RequestMalformed from error
    if len(body) > limit:
        raise RequestTooLarge
    if length and len(body) != int(length):
        raise RequestMalformed
    return body


def read_chunks(request: HttpRequest, limit: int) -> bytes:
    """A body of unannounced length; empty where there is none, or the server cannot tell where it ends."""
    body = b""
    if request.META.get("wsgi.input_terminated"):
        stream: IO[bytes] = request.META["wsgi.input"]
        body = stream.read(limit + 1) or b""
    request._body = body
    return body


def is_json(request: HttpRequest) -> bool:
    """Whether the body says that it is JSON. Raises UnsupportedMediaType on JSON in another alphabet than UTF-8."""
    if request.content_type != JSON:
        return False
    refuse_charset(request.content_params or {})
    return True


def refuse_charset(parameters: Mapping[str, str]) -> None:
    if parameters.get("charset", "utf-8").lower() not in UTF_8:
        raise UnsupportedMediaType


def read_json_object(request: HttpRequest, limit: int = LARGEST_BODY) -> dict[str, Any]:
    """The JSON object in the body. Raises UnsupportedMediaType, RequestTooLarge, RequestMalformed."""
    if not is_json(request):
        raise UnsupportedMediaType
    found = parse_json(read_body(request, limit))
    if not isinstance(found, dict):
        raise RequestMalformed
    return found


def parse_json(body: bytes) -> Any:
    """What the JSON text says. Raises RequestMalformed.

    Refused: more than 20 levels, more than 1,000 members, a name twice in one object, NaN and Infinity, numbers of more
    than 18 digits, anything but valid UTF-8, lone surrogates, and NUL.
    """
    try:
        text = body.decode()
        refuse_excess(body)
        found = DECODER.decode(text)
        if b"\\u" in body:
            # Only an escape can bring in what UTF-8 and the decoder do not let through.
            refuse_unstorable(found)
    except (UnicodeError, ValueError) as error:
        raise RequestMalformed from error
    return found


# A string may be unclosed at the end of a hostile body: the closing quote is optional, so that scanning stays linear.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]\s*+[\]}]|[\[\]{},]', re.DOTALL)


def refuse_excess(body: bytes) -> None:
    """Raise RequestMalformed on too many levels or members, before anything is built from them."""
    openings, commas = body.count(b"{") + body.count(b"["), body.count(b",")
    if openings <= DEEPEST and openings + commas <= MOST_MEMBERS:
        return
    depth = members = 0
    for token in TOKEN.finditer(body):
        first = token.group()[:1]
        if first in b"[{" and token.end() - token.start() == 1:
            depth += 1
            members += 1
        elif first in b"]}":
            depth -= 1
        elif first == b",":
            members += 1
        elif first in b"[{" and depth == DEEPEST:
            raise RequestMalformed
        if depth > DEEPEST or members > MOST_MEMBERS:
            raise RequestMalformed


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name twice")
    return found


def short_integer(digits: str) -> int:
    if len(digits.lstrip("-")) > LONGEST_NUMBER:
        raise ValueError("a number of too many digits")
    return int(digits)


def short_fraction(text: str) -> float:
    number = float(text)
    if sum(character.isdigit() for character in text) > LONGEST_NUMBER or not math.isfinite(number):
        raise ValueError("a number of too many digits")
    return number


def no_constant(name: str) -> NoReturn:
    raise ValueError("not a number")


DECODER = json.JSONDecoder(
    object_pairs_hook=once_each, parse_int=short_integer, parse_float=short_fraction, parse_constant=no_constant
)


def refuse_unstorable(found: Any) -> None:
    """Raise ValueError on a string, name or value, that no database column could hold."""
    if isinstance(found, str):
        found.encode()  # UnicodeEncodeError on a lone surrogate.
        if "\x00" in found:
            raise ValueError("NUL")
    elif isinstance(found, list):
        for item in found:
            refuse_unstorable(item)
    elif isinstance(found, dict):
        for name, value in found.items():
            refuse_unstorable(name)
            refuse_unstorable(value)


# Control characters, line separators, and what changes the direction of the text around it.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def is_plain(text: str) -> bool:
    """Whether the text can be shown and stored as it is: no control characters, nothing that turns its direction."""
    return text.isprintable() or not UNPRINTABLE.search(text)


class StrictJSONParser(BaseParser):
    """REST framework's door to ``read_json_object``; it also tells the schema which media type is taken."""

    media_type = JSON

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        assert parser_context is not None
        return read_json_object(parser_context["request"]._request)
