"""Filters of the stream of advices."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.between import DaysFilter
from accounts.admin.scope import site_ids_where, staff_of
from accounts.models import Venue
from codes.admin.advice_words import PARKED, WAITING
from codes.models import Advice

OFFERED_VENUES = 30
RECENT = 500  # Advices whose types are offered beside the usual ones.
USUAL_TYPES = ("NFC", "QR", "BARCODE", "MANUAL", "ONLINE")  # Redemption advice, section 4.
# Those that an index finds; of the others there are so many that the stream itself does.
RARE = frozenset(Advice.Outcome.values) - {Advice.Outcome.REDEEMED, Advice.Outcome.RECORDED} | {"waiting", "parked"}


class OutcomeFilter(SimpleListFilter):
    title = "outcome"
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", WAITING), ("parked", PARKED), *((str(o.value), str(o.label)) for o in Advice.Outcome)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if chosen == "waiting":
            return queryset.filter(outcome="", pending__parked_at__isnull=True)
        if chosen == "parked":
            return queryset.filter(outcome=Advice.Outcome.FAILED, pending__parked_at__isnull=False)
        return queryset.filter(outcome=chosen) if chosen in Advice.Outcome.values else queryset


class VenueFilter(SimpleListFilter):
    """The first venues by name; every venue's own page leads here with any."""

    title = "venue"
    parameter_name = "venue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        venues = Venue.objects.filter(site__in=site_ids_where(staff_of(request), "codes.view_advice"))
        offered = dict(venues.order_by("name", "id").values_list("id", "name")[:OFFERED_VENUES])
        chosen = self.value()
        if chosen and chosen.isdecimal() and len(chosen) < 19 and int(chosen) not in offered:
            offered.update(venues.filter(pk=int(chosen)).values_list("id", "name"))
        return [(str(number), name) for number, name in offered.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        return queryset.filter(venue_id=int(chosen)) if chosen.isdecimal() and len(chosen) < 19 else queryset.none()


class TypeFilter(SimpleListFilter):
    """By type without regard to case: the usual ones, and those that were sent of late."""

    title = "type"
    parameter_name = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        sites = site_ids_where(staff_of(request), "codes.view_advice")
        # By site where there is one, by the key otherwise: each has its index.
        recent = Advice.objects.filter(site__in=sites).order_by("-id")
        if len(sites) == 1:
            recent = Advice.objects.filter(site=sites[0]).order_by("-received_at", "-id")
        sent = {each.upper() for each in recent.values_list("redemption_type", flat=True)[:RECENT] if each}
        chosen = (self.value() or "").upper()
        more = sorted((sent | ({chosen} if chosen else set())) - set(USUAL_TYPES))
        return [(name, name) for name in (*USUAL_TYPES, *more)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(redemption_type__iexact=self.value()) if self.value() else queryset


class ReceivedFilter(DaysFilter):
    title, field = "day of receipt", "received_at"
