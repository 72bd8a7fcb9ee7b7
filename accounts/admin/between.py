"""Filtering a list by days, from one to another, which an index by time bounds."""

import datetime as dt
from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib.admin import ListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

DAY = dt.timedelta(days=1)


class DaysFilter(ListFilter):
    """``?from=2026-11-01&until=2026-11-30``, both days included, in UTC; a day that does not read as one asks nothing."""

    template = "admin/days_filter.html"
    parameter_names = ("from", "until")
    field: ClassVar[str]

    def __init__(self, request: HttpRequest, params: Any, model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.request = request
        for name in self.parameter_names:
            if name in params:
                self.used_parameters[name] = params.pop(name)[-1]

    def expected_parameters(self) -> list[str | None]:
        return [*self.parameter_names]

    def has_output(self) -> bool:
        return True

    def day(self, name: str) -> dt.datetime | None:
        """Its midnight."""
        try:
            day = dt.date.fromisoformat(str(self.used_parameters.get(name, "")))
        except ValueError:
            return None
        return dt.datetime.combine(day, dt.time.min, dt.UTC)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self.day("from"), self.day("until")
        if first:
            queryset = queryset.filter(**{f"{self.field}__gte": first})
        if last and last.date() < dt.date.max:
            queryset = queryset.filter(**{f"{self.field}__lt": last + DAY})
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        """What the form of its template shows and carries along."""
        others = [(name, value) for name, value in self.request.GET.items() if name not in (*self.parameter_names, "p")]
        yield {
            "others": others,
            "first": f"{day:%Y-%m-%d}" if (day := self.day("from")) else "",
            "last": f"{day:%Y-%m-%d}" if (day := self.day("until")) else "",
            "without": changelist.get_query_string(remove=[*self.parameter_names, "p"]),
        }
