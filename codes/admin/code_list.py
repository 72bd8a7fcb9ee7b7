"""The desk's list of codes, of any number: walked by their orders, which know how many codes each has."""

import re
from typing import Any

from django.db.models import QuerySet, Sum
from django.http import HttpRequest

from accounts.admin.paging import KeysetChangeList, Read
from accounts.admin.scope import SiteFilter, site_ids_where, staff_of
from codes.admin.filters import BatchFilter, IssueOrderFilter, OwnerFilter
from codes.models import Code, IssueOrder
from codes.walking import LOOKED_THROUGH, walk

PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})", re.ASCII)


class CodeChangeList(KeysetChangeList):
    """``?p=older.12-345``: behind serial 345 of order 12. An owner's codes have an index of their own."""

    def _key(self, row: Code) -> str:
        return f"{row.order_id}-{row.serial}"

    def _find_anchor(self, key: str) -> tuple[Any, ...] | None:
        place = PLACE.fullmatch(key)
        return (int(place[1]), int(place[2])) if place else None

    def _read(self, anchor: tuple[Any, ...] | None, *, backwards: bool) -> Read:
        if self._chosen(OwnerFilter):
            return super()._read(anchor, backwards=backwards)
        codes = self.queryset.defer(*self.model_admin.list_defer)
        page = walk(
            codes, self._orders(), self.list_per_page, place=anchor, backwards=backwards, filtered=self._filtered()
        )
        return Read(page.rows, page.more, "{}-{}".format(*page.stopped) if page.stopped else "")

    def _orders(self) -> "QuerySet[IssueOrder]":
        """The orders that the reader's sites and the chosen site and batch leave."""
        user, orders = staff_of(self.request), IssueOrder.objects.filter(state=IssueOrder.State.DONE)
        if not user.is_superuser:
            orders = orders.filter(site_id__in=site_ids_where(user, "codes.view_code"))
        for spec in self.filter_specs:
            if isinstance(spec, SiteFilter | BatchFilter | IssueOrderFilter):
                orders = spec.queryset(self.request, orders)
        return orders

    def _chosen(self, kind: Any) -> bool:
        return any(isinstance(spec, kind) and spec.value() for spec in self.filter_specs)

    def _filtered(self) -> bool:
        return "state__exact" in self.request.GET

    def _count_text(self, request: HttpRequest, read: Read, several: bool) -> str:
        """Without a filter the orders know exactly how many there are."""
        if not several or self._chosen(OwnerFilter):
            return super()._count_text(request, read, several)
        shown = f"{len(read.rows)} {self.opts.verbose_name if len(read.rows) == 1 else self.opts.verbose_name_plural}"
        if read.stopped:
            return f"{shown} found among {LOOKED_THROUGH:,} that were looked through"
        if self._filtered():
            return f"{shown} on this page"
        return f"{self._orders().aggregate(count=Sum('wanted'))['count'] or 0:,} {self.opts.verbose_name_plural}"
