"""Keyset paging: a page begins after the last row of the one before; new rows shift nothing, deep pages are cheap."""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import orjson
from django.db.models import Model, Q, QuerySet
from rest_framework.request import Request

from redemption_site.api.problems import Invalid

PAGE_SIZE = 50
LARGEST_PAGE = 200
PARAMETERS = frozenset({"cursor", "page_size"})
M = TypeVar("M", bound=Model)
NUMBER = re.compile(r"[1-9][0-9]{0,2}")


@dataclass(frozen=True)
class Keyset:
    """The columns that order a list, newest first, each with how its value is read back from a cursor."""

    columns: tuple[tuple[str, Callable[[Any], Any]], ...]

    @property
    def ordering(self) -> list[str]:
        return [f"-{name}" for name, _ in self.columns]

    def after(self, values: list[Any]) -> Q:
        """The rows that come after the one with these values."""
        names = [name for name, _ in self.columns]
        condition = Q(**{f"{names[-1]}__lt": values[-1]})
        for name, value in reversed(list(zip(names[:-1], values[:-1], strict=True))):
            # The first half lets the index begin at the right place; the second leaves out what was shown already.
            condition = Q(**{f"{name}__lte": value}) & (Q(**{f"{name}__lt": value}) | condition)
        return condition


def whole_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError("not a number of ours")
    return value


def instant(value: Any) -> dt.datetime:
    return dt.datetime.fromtimestamp(whole_number(value) // 1_000_000, dt.UTC).replace(microsecond=value % 1_000_000)


BY_ID = Keyset((("id", whole_number),))
BY_DECISION = Keyset((("decided_at", instant), ("id", UUID)))


def read_page(rows: "QuerySet[M]", request: Request, keyset: Keyset) -> tuple[list[M], str | None]:
    """One page of ``rows`` and the cursor of the next; None on the last. Raises Invalid."""
    size = page_size(request)
    rows = rows.order_by(*keyset.ordering)
    cursor = request.query_params.get("cursor")
    if cursor is not None:
        rows = rows.filter(keyset.after(read_cursor(cursor, keyset)))
    found = list(rows[: size + 1])
    more = len(found) > size
    return found[:size], write_cursor(found[size - 1], keyset) if more else None


def page_size(request: Request) -> int:
    given = request.query_params.get("page_size")
    if given is None:
        return PAGE_SIZE
    if not NUMBER.fullmatch(given) or int(given) > LARGEST_PAGE:
        raise Invalid([("page_size", f"A whole number from 1 to {LARGEST_PAGE}.")])
    return int(given)


def write_cursor(row: Model, keyset: Keyset) -> str:
    """Where the next page begins. It tells nothing but the order's own columns, which the row showed."""
    values = [getattr(row, name) for name, _ in keyset.columns]
    plain = [round(value.timestamp() * 1_000_000) if isinstance(value, dt.datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def read_cursor(cursor: str, keyset: Keyset) -> list[Any]:
    try:
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        return [read(value) for (_, read), value in zip(keyset.columns, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, binascii.Error) as error:
        raise Invalid([("cursor", "Not a cursor of this list.")]) from error
