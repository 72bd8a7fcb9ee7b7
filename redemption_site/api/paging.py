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
LOOKED_THROUGH = 50_000  # Rows that one page reads at most where no index answers a filter.
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

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]

    def down_to(self, values: tuple[Any, ...]) -> Q:
        """The rows from the newest to the one with these values, included."""
        condition = Q(**{f"{self.names[-1]}__gte": values[-1]})
        for name, value in reversed(list(zip(self.names[:-1], values[:-1], strict=True))):
            condition = Q(**{f"{name}__gte": value}) & (Q(**{f"{name}__gt": value}) | condition)
        return condition

    def after(self, values: list[Any]) -> Q:
        """The rows that come after the one with these values."""
        names = self.names
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


BY_ORDER = Keyset((("order_id", whole_number), ("serial", whole_number)))
BY_ID = Keyset((("id", whole_number),))
BY_DECISION = Keyset((("decided_at", instant), ("id", UUID)))


def read_page(
    rows: "QuerySet[M]", request: Request, keyset: Keyset, scope: "QuerySet[M] | None" = None
) -> tuple[list[M], str | None]:
    """One page of ``rows`` and the cursor of the next; None on the last. Raises Invalid.

    ``scope``, where there is one, are the rows that an index finds, of which ``rows`` leave out some that none does: then so
    many of them are looked through, and a page may hold fewer rows than asked, or none, and still have a next one.
    """
    size, cursor, end = page_size(request), request.query_params.get("cursor"), None
    onwards = Q() if cursor is None else keyset.after(read_cursor(cursor, keyset))
    rows = rows.filter(onwards).order_by(*keyset.ordering)
    if scope is not None:
        keys = scope.filter(onwards).select_related(None).order_by(*keyset.ordering).values_list(*keyset.names)
        end = next(iter(keys[LOOKED_THROUGH - 1 : LOOKED_THROUGH]), None)
        if end:
            rows = rows.filter(keyset.down_to(end))
    found = list(rows[: size + 1])
    if len(found) > size:
        return found[:size], write_cursor(found[size - 1], keyset)
    return found, encoded(end) if end else None


def page_size(request: Request) -> int:
    given = request.query_params.get("page_size")
    if given is None:
        return PAGE_SIZE
    if not NUMBER.fullmatch(given) or int(given) > LARGEST_PAGE:
        raise Invalid([("page_size", f"A whole number from 1 to {LARGEST_PAGE}.")])
    return int(given)


def write_cursor(row: Model, keyset: Keyset) -> str:
    """Where the next page begins. It tells nothing but the order's own columns, which the row showed."""
    return encoded(tuple(getattr(row, name) for name in keyset.names))


def encoded(values: tuple[Any, ...]) -> str:
    plain = [round(value.timestamp() * 1_000_000) if isinstance(value, dt.datetime) else value for value in values]
    return base64.urlsafe_b64encode(orjson.dumps(plain)).decode().rstrip("=")


def read_cursor(cursor: str, keyset: Keyset) -> list[Any]:
    try:
        values = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        return [read(value) for (_, read), value in zip(keyset.columns, values, strict=True)]
    except (ValueError, TypeError, AttributeError, OverflowError, OSError, binascii.Error) as error:
        raise Invalid([("cursor", "Not a cursor of this list.")]) from error
