"""Parameters on the way in: of the query and of an urlencoded body, which count alike. Source: prepaid engine, section 3."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from django.http import HttpRequest

from codes.refusals import UnsupportedMediaType
from redemption_site.edge.forms import URLENCODED
from redemption_site.edge.parsing import LARGEST_BODY, MOST_MEMBERS, read_body, refuse_charset

EMPTY = '""'  # How an empty string is written; nothing at all is NULL.


@dataclass(frozen=True, slots=True)
class Given:
    """What came, by name; None is NULL. Not ``readable``: a name came twice, or something is no UTF-8."""

    values: Mapping[str, str | None] = field(default_factory=dict)
    readable: bool = True


UNREADABLE = Given(readable=False)


def read_given(request: HttpRequest) -> Given:
    """The parameters of a single call. Raises RequestTooLarge, UnsupportedMediaType, RequestMalformed."""
    body = read_body(request, LARGEST_BODY)
    if body:
        if request.content_type != URLENCODED:
            raise UnsupportedMediaType
        refuse_charset(request.content_params or {})
    try:
        return collect([*pieces_of(query_of(request)), *pieces_of(body)])
    except UnicodeError:
        return UNREADABLE


def query_of(request: HttpRequest) -> bytes:
    """The query as it was sent: a server hands bytes on as if they were Latin-1."""
    query: str = request.META.get("QUERY_STRING", "")
    return query.encode("latin-1")


def pieces_of(text: bytes) -> list[tuple[str, str | None]]:
    """Names and values. Raises UnicodeError on bytes that are not UTF-8, and on too many."""
    pieces = [piece for piece in text.split(b"&", MOST_MEMBERS + 1) if piece]
    if len(pieces) > MOST_MEMBERS:
        raise UnicodeError("more parameters than any procedure has")
    found = []
    for piece in pieces:
        name, _, value = piece.partition(b"=")
        found.append((decoded(name), value_of(decoded(value))))
    return found


def decoded(piece: bytes) -> str:
    return unquote_to_bytes(piece.replace(b"+", b" ")).decode()


def value_of(text: str) -> str | None:
    """Nothing is NULL, two double quotes are the empty string, and everything else is itself."""
    return None if not text else "" if text == EMPTY else text


def collect(pairs: Iterable[tuple[str, str | None]]) -> Given:
    """Parameters by name; unreadable where a name comes twice."""
    values: dict[str, str | None] = {}
    for name, value in pairs:
        if name in values:
            return UNREADABLE
        values[name] = value
    return Given(values)
