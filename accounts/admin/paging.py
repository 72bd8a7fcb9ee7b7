"""Lists over tables of any size: pages by key instead of by offset, and counts that stop counting early.

A page costs the same wherever it lies: it continues after a row, whose key stands in the address (``?p=older.4711``). What no
index answers (``DeskAdmin.get_sieves``) is looked for in so many rows at a time: such a page may hold few rows or none, and goes
on behind the last row that was looked through.
"""

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

LOOKED_THROUGH = 50_000  # Rows that one page of such a list reads at most.
COUNTED = 1_000  # Beyond that many rows a list says "more than": counting them all takes a second a million.


@dataclass(frozen=True)
class Pages:
    """What the list's foot shows; takes the place of Django's paginator."""

    text: str
    newer: str = ""
    older: str = ""
    template_name = "admin/keyset_pagination.html"
    num_pages = 1


@dataclass(frozen=True)
class Read:
    """Rows newest first, whether there are more in the direction read, and the key where reading stopped before a page was full."""

    rows: list[Any]
    more: bool
    stopped: str = ""


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
        backwards = anchor is not None and direction == "newer"
        read = self._read(anchor, backwards=backwards)
        if backwards and not read.more:
            # Back at the start: a whole first page instead of the rest above the last one.
            anchor, backwards, read = None, False, self._read(None, backwards=False)
        older = newer = ""
        if anchor:
            newer = self._address("newer", read.stopped if backwards and read.stopped else self._edge(read, 0, key))
        if read.more or backwards:
            older = self._address(
                "older", self._edge(read, -1, key) if backwards else read.stopped or self._edge(read, -1, key)
            )
        self.result_list = read.rows
        self.paginator = Pages(self._count_text(request, read, bool(newer or older)), newer, older)
        # Equal, so that the header does not offer to show all of a list that has no end.
        self.result_count = self.full_result_count = len(read.rows)
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False

    def _edge(self, read: Read, place: int, otherwise: str) -> str:
        """The key of the first or last row of the page; where it has none, of where one came from."""
        return self._key(read.rows[place]) if read.rows else otherwise

    def _key(self, row: Any) -> str:
        return str(row.pk)

    def _names(self) -> list[str]:
        return [name.lstrip("-") for name in self.model_admin.get_ordering(self.request)]

    def _find_anchor(self, key: str) -> tuple[Any, ...] | None:
        try:
            return self.root_queryset.order_by().filter(pk=key).values_list(*self._names()).first()
        except (ValueError, ValidationError):
            return None  # Not a key at all: the first page.

    def _read(self, anchor: tuple[Any, ...] | None, *, backwards: bool) -> Read:
        """One page of rows."""
        names, queryset = self._names(), self.queryset
        if self.model_admin.list_defer:
            queryset = queryset.defer(*self.model_admin.list_defer)
        onwards = beyond(names, anchor, "gt" if backwards else "lt") if anchor else Q()
        end = self._end_of_looking(onwards, backwards=backwards)
        if end:
            # Together with ``onwards`` a range of an index that begins with what the other filters ask.
            queryset = queryset.filter(Q(pk=end[-1]) | beyond(names, end[:-1], "lt" if backwards else "gt"))
            queryset = queryset.filter(**{f"{names[0]}__{'lte' if backwards else 'gte'}": end[0]})
        queryset = queryset.filter(onwards)
        rows = list((queryset.reverse() if backwards else queryset)[: self.list_per_page + 1])
        full = len(rows) > self.list_per_page
        rows = rows[: self.list_per_page]
        return Read(rows[::-1] if backwards else rows, full or bool(end), str(end[-1]) if end and not full else "")

    def _end_of_looking(self, onwards: Q, *, backwards: bool) -> tuple[Any, ...] | None:
        """Ordering columns and key of the last row to be looked through; None if all the rest is, or each row fits anyway."""
        sieves = self.model_admin.get_sieves(self.request)
        if not sieves.intersection(self.request.GET):
            return None
        scope = self.root_queryset
        for spec in self.filter_specs:
            if not sieves.intersection(spec.expected_parameters()):
                filtered = spec.queryset(self.request, scope)
                scope = scope if filtered is None else filtered
        scope = (
            scope.filter(onwards)
            .select_related(None)
            .prefetch_related(None)
            .order_by(*self.get_ordering(self.request, scope))
        )
        keys = (scope.reverse() if backwards else scope).values_list(*self._names(), "pk")
        return next(iter(keys[LOOKED_THROUGH - 1 : LOOKED_THROUGH]), None)

    def _address(self, direction: str, key: str) -> str:
        return str(self.get_query_string({"p": f"{direction}.{key}"}))

    def _count_text(self, request: HttpRequest, read: Read, several: bool) -> str:
        name, names = self.opts.verbose_name, self.opts.verbose_name_plural
        shown = f"{len(read.rows)} {name if len(read.rows) == 1 else names}"
        if not several:
            return shown
        if read.stopped:
            return f"{shown} found among {LOOKED_THROUGH:,} that were looked through"
        if self.model_admin.get_sieves(request).intersection(request.GET):
            return f"{shown} on this page"
        count = self.queryset.values("pk")[: COUNTED + 1].count()
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
