"""Lists over tables of any size: pages by key instead of by offset, and counts that stop counting early.

A page costs the same wherever it lies: it continues after a row, whose key stands in the address (``?p=older.4711``).
"""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

COUNTED = 1_000  # Beyond that many rows a list says "more than": counting them all takes a second a million.


@dataclass(frozen=True)
class Pages:
    """What the list's foot shows; takes the place of Django's paginator."""

    text: str
    newer: str = ""
    older: str = ""
    template_name = "admin/keyset_pagination.html"
    num_pages = 1


class KeysetChangeList(ChangeList):
    """A list in one fixed order, newest first, whose neighbours are found by key."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        super().__init__(request, *args, **kwargs)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str]:
        """The model admin's own order and no other: only that one has an index."""
        return list(self.model_admin.get_ordering(request))

    def get_results(self, request: HttpRequest) -> None:
        direction, _, key = request.GET.get("p", "").partition(".")
        anchor = self._find_anchor(key) if direction in ("older", "newer") else None
        rows, more = self._read(anchor, backwards=anchor is not None and direction == "newer")
        if anchor and direction == "newer" and not more:
            anchor = None  # Back at the start: a whole first page instead of the rest above the last one.
            rows, more = self._read(None, backwards=False)
        newer = self._address("newer", rows[0]) if anchor and rows else ""
        older = self._address("older", rows[-1]) if rows and (more or (direction == "newer" and anchor)) else ""
        self.result_list = rows
        self.paginator = Pages(self._count_text(request, rows, bool(newer or older)), newer, older)
        # Equal, so that the header does not offer to show all of a list that has no end.
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False

    def _find_anchor(self, key: str) -> tuple[Any, ...] | None:
        names = [name.lstrip("-") for name in self.model_admin.get_ordering(self.request)]
        try:
            return self.root_queryset.order_by().filter(pk=key).values_list(*names).first()
        except (ValueError, ValidationError):
            return None  # Not a key at all: the first page.

    def _read(self, anchor: tuple[Any, ...] | None, *, backwards: bool) -> tuple[list[Model], bool]:
        """One page of rows, and whether there are more in the direction read."""
        queryset = self.queryset.defer(*self.model_admin.list_defer) if self.model_admin.list_defer else self.queryset
        if anchor:
            names = [name.lstrip("-") for name in self.model_admin.get_ordering(self.request)]
            queryset = queryset.filter(beyond(names, anchor, "gt" if backwards else "lt"))
        if backwards:
            queryset = queryset.reverse()
        rows = list(queryset[: self.list_per_page + 1])
        more = len(rows) > self.list_per_page
        rows = rows[: self.list_per_page]
        return (rows[::-1] if backwards else rows), more

    def _address(self, direction: str, row: Model) -> str:
        return str(self.get_query_string({"p": f"{direction}.{row.pk}"}))

    def _count_text(self, request: HttpRequest, rows: list[Model], several: bool) -> str:
        name, names = self.opts.verbose_name, self.opts.verbose_name_plural
        if not several:
            return f"{len(rows)} {name if len(rows) == 1 else names}"
        count = self.queryset.order_by().values("pk")[: COUNTED + 1].count()
        if count <= COUNTED:
            return f"{count:,} {names}"
        whole = not self.get_filters_params() and getattr(request.user, "is_superuser", False)
        estimate = estimated_rows(self.model) if whole else None
        return f"about {estimate:,} {names}" if estimate else f"more than {COUNTED:,} {names}"


def beyond(names: list[str], values: tuple[Any, ...], comparison: str) -> Q:
    """Rows after ``values`` in the order of ``names``, all of them running one way."""
    first, *rest = names
    strictly = Q(**{f"{first}__{comparison}": values[0]})
    if not rest:
        return strictly
    # The outer condition alone already bounds the index; the inner one settles ties.
    return Q(**{f"{first}__{comparison}e": values[0]}) & (strictly | beyond(rest, values[1:], comparison))


def estimated_rows(model: type[Model]) -> int | None:
    """How many rows the planner believes the table has; None where it has never looked, and on SQLite."""
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [model._meta.db_table])
        rows = cursor.fetchone()[0]
    return rows if rows > COUNTED else None  # -1 before the first ANALYZE; fewer than were just counted: stale.
