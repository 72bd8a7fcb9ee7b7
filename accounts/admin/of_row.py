"""Filtering a list by a row of another table, as that row's page asks for."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest


class OfRowFilter(SimpleListFilter):
    """Reached from another row's page only: shown while it is chosen, so that it can be taken off."""

    field: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        chosen = self.value()
        return [(chosen, f"{self.title} {chosen}")] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        return (
            queryset.filter(**{self.field: int(chosen)}) if chosen.isdecimal() and len(chosen) < 19 else queryset.none()
        )
