"""Forms on the way in, urlencoded or multipart, as text and nothing but text.

Written here because Django's own parser replaces bytes that are not UTF-8 and keeps files; both are refused here.
"""

from urllib.parse import parse_qsl

from django.http import HttpRequest
from django.utils.http import parse_header_parameters

from accounts.refusals import Refusal
from codes.refusals import RequestMalformed
from redemption_site.edge.parsing import LARGEST_BODY, MOST_MEMBERS, UTF_8, read_body, refuse_charset

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
TRANSFERS = frozenset({"", "7bit", "8bit", "binary"})


def is_form(request: HttpRequest) -> bool:
    """Whether the body says that it is a form. Raises UnsupportedMediaType on one in another alphabet than UTF-8."""
    if request.content_type not in (URLENCODED, MULTIPART):
        return False
    refuse_charset(request.content_params or {})
    return True


def read_form(request: HttpRequest, limit: int) -> dict[str, str]:
    """The form's fields. Raises RequestTooLarge; RequestMalformed on a file, a name twice, bytes that are not UTF-8."""
    body = read_body(request, limit)
    try:
        if request.content_type == URLENCODED:
            pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_MEMBERS)
        else:
            pairs = parse_multipart(body, (request.content_params or {}).get("boundary", ""))
    except ValueError as error:
        raise RequestMalformed from error
    found = dict(pairs)
    if len(found) != len(pairs) or any("\x00" in text for pair in pairs for text in pair):
        raise RequestMalformed
    return found


def find_field(request: HttpRequest, name: str) -> str | None:
    """One field of a form; None where the body is no form or cannot be read."""
    try:
        return read_form(request, LARGEST_BODY).get(name) if is_form(request) else None
    except Refusal:
        return None


def parse_multipart(body: bytes, boundary: str) -> list[tuple[str, str]]:
    """The (name, text) of each part. Raises ValueError on a part that is a file or no text, and on a body cut short."""
    if not 1 <= len(boundary) <= 70 or not boundary.isascii():
        raise ValueError("no boundary")
    _, *parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode())
    if not parts or not parts[-1].startswith(b"--") or len(parts) > MOST_MEMBERS:
        raise ValueError("no end, or too many parts")
    return [parse_part(part) for part in parts[:-1]]


def parse_part(part: bytes) -> tuple[str, str]:
    # Between boundary and line end only padding may stand.
    padding, line_end, rest = part.partition(b"\r\n")
    head, blank_line, content = rest.partition(b"\r\n\r\n")
    if padding.strip(b" \t") or not line_end or not blank_line:
        raise ValueError("a part without headers")
    headers = {}
    for line in head.decode().split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    kind, names = parse_header_parameters(headers.get("content-disposition", ""))
    media_type, parameters = parse_header_parameters(headers.get("content-type", "text/plain"))
    if kind != "form-data" or "name" not in names or "filename" in names:
        raise ValueError("a file, or no form field")
    if media_type != "text/plain" or parameters.get("charset", "utf-8").lower() not in UTF_8:
        raise ValueError("no text")
    if headers.get("content-transfer-encoding", "").lower() not in TRANSFERS:
        raise ValueError("encoded text")
    return names["name"], content.decode()
