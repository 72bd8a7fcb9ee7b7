"""Filters of the desk's lists of codes and attempts: none of them asks the big tables what there is to choose from."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import site_ids_where, staff_of
from accounts.admin.when import WhenFilter
from codes.admin.words import REASONS
from codes.models import Batch, IssueOrder
from codes.redemption.rules import ORDER_BY_DOOR

NEWEST = 20


class BatchFilter(SimpleListFilter):
    """By batch: the newest ones are offered, and every batch's own page leads here with any."""

    title = "batch"
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        batches = Batch.objects.filter(site__in=site_ids_where(staff_of(request), "codes.view_batch")).order_by("-id")
        batches = batches.exclude(state=Batch.State.ARCHIVED)
        offered = dict(batches.values_list("id", "name")[:NEWEST])
        chosen = self.value()
        if chosen and chosen.isdecimal() and int(chosen) not in offered:
            every = Batch.objects.filter(site__in=site_ids_where(staff_of(request), "codes.view_batch"))
            offered.update(every.filter(pk=int(chosen)).values_list("id", "name"))
        return [(str(number), name) for number, name in offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(batch_id=int(chosen)) if chosen.isdecimal() and len(chosen) < 19 else queryset.none()


class BatchStateFilter(SimpleListFilter):
    """Deleted batches are shown to those who ask for them."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(state.value), str(state.label)) for state in Batch.State]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value():
            return queryset.filter(state=self.value())
        return queryset.exclude(state=Batch.State.ARCHIVED)

    def choices(self, changelist: Any) -> Iterator[Any]:
        for number, choice in enumerate(super().choices(changelist)):
            yield choice if number else {**choice, "display": "All but deleted ones"}


class CodeFilter(OfRowFilter):
    title, parameter_name, field = "code", "code", "code_id"


class IssueOrderFilter(OfRowFilter):
    """Codes by the order that made them; the walk asks it of the orders themselves."""

    title, parameter_name, field = "issue order", "order", "order_id"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value() or ""
        if queryset.model is IssueOrder and chosen.isdecimal() and len(chosen) < 19:
            return queryset.filter(pk=int(chosen))
        return queryset if queryset.model is IssueOrder else super().queryset(request, queryset)


class ClaimantFilter(OfRowFilter):
    title, parameter_name, field = "claimant", "claimant", "claimant_id"


class OwnerFilter(OfRowFilter):
    title, parameter_name, field = "owner", "owner", "owner_id"


class DecidedFilter(WhenFilter):
    field = "decided_at"


class ReasonFilter(SimpleListFilter):
    title = "reason"
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return sorted(REASONS.items(), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(reason=self.value()) if self.value() else queryset


class DoorFilter(SimpleListFilter):
    title = "door"
    parameter_name = "door"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(door, door) for door in ORDER_BY_DOOR]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(door=self.value()) if self.value() else queryset
