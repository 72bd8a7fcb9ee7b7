"""Filtering a list by time, in steps that an index bounds."""

import datetime as dt
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import clock

SPANS = {
    "hour": ("Last hour", 1),
    "day": ("Last 24 hours", 24),
    "week": ("Last 7 days", 7 * 24),
    "month": ("Last 30 days", 30 * 24),
}


class WhenFilter(SimpleListFilter):
    title = "time"
    parameter_name = "when"
    field: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, label) for name, (label, _) in SPANS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in SPANS:
            return queryset
        hours = SPANS[str(self.value())][1]
        return queryset.filter(**{f"{self.field}__gte": clock.read() - dt.timedelta(hours=hours)})
