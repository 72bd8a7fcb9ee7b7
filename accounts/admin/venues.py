"""Venues: added, changed, closed and opened again; never deleted, because terms of codes and what was reported name them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import venues
from accounts.admin.deeds import Deed, DeskForm, ReasonForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import SiteFilter, actor_id, site_ids_where, staff_of
from accounts.admin.wording import NOTHING, link
from accounts.models import SystemType, Venue

EDIT = "accounts.edit_venue"


class SystemTypeField(forms.ModelChoiceField):
    """One of the system types that the member of staff may give a venue; the site is named where there are several."""

    def __init__(self) -> None:
        super().__init__(
            queryset=SystemType.objects.none(),
            required=False,
            label="System type",
            empty_label="None: it does not report",
        )
        self.several = False

    def label_from_instance(self, row: SystemType) -> str:
        return f"{row} · {row.site}" if self.several else str(row)


class VenueForm(DeskForm):
    name = forms.CharField(max_length=100, strip=False)
    system_type = SystemTypeField()
    external_id = forms.CharField(
        max_length=100,
        required=False,
        strip=False,
        label="External ID",
        help_text="What that system calls it. Compared exactly: 0921 is not 921.",
    )
    sections = {"Known to an outside system": ("system_type", "external_id")}

    def offer_types(self, site_ids: list[int]) -> None:
        field = self.fields["system_type"]
        assert isinstance(field, SystemTypeField)
        field.several = len(site_ids) > 1
        field.queryset = (
            SystemType.objects.filter(site__in=site_ids).select_related("site").order_by("site__name", "number")
        )


class NewVenueForm(VenueForm):
    site = SiteField()
    venue_id = forms.CharField(
        max_length=100, strip=False, label="ID", help_text="How terms of codes and programs name it; it stays."
    )
    field_order = ("site", "venue_id", "name")


class AddVenue(Deed):
    name, label, icon, variant = "create", "New venue", "add_business", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewVenueForm

    def form(self, request: HttpRequest, row: Any) -> DeskForm:
        form = super().form(request, row)
        assert isinstance(form, VenueForm)
        form.offer_types(site_ids_where(staff_of(request), EDIT))
        return form

    def perform(self, request: HttpRequest, row: Any, form: NewVenueForm) -> HttpResponse:
        data = form.cleaned_data
        made = venues.add_venue(
            data["site"],
            data["venue_id"],
            data["name"],
            data["system_type"],
            data["external_id"],
            actor_id=actor_id(request),
        )
        self.model_admin.message_user(request, f"{made.name} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_venue_change", args=[made.pk]))


class ChangeVenue(Deed):
    name, label, icon, submit = "edit", "Change", "edit", "Save"
    permission = EDIT
    form_class = VenueForm

    def explain(self, request: HttpRequest, row: Venue) -> str:
        return "Reports reach it under its new external ID at once, and under the old one no more. Earlier ones stay its own."

    def initial(self, request: HttpRequest, row: Venue) -> dict[str, Any]:
        return {"name": row.name, "system_type": row.system_type_id, "external_id": row.external_id}

    def form(self, request: HttpRequest, row: Venue) -> DeskForm:
        form = super().form(request, row)
        assert isinstance(form, VenueForm)
        form.offer_types([row.site_id])
        return form

    def perform(self, request: HttpRequest, row: Venue, form: VenueForm) -> str:
        data = form.cleaned_data
        venues.change_venue(row, data["name"], data["system_type"], data["external_id"], actor_id=actor_id(request))
        return f"{data['name']} was changed."


class CloseVenue(Deed):
    name, label, icon, variant = "close", "Close", "door_front", ActionVariant.DANGER
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Venue) -> bool:
        return row.is_open

    def explain(self, request: HttpRequest, row: Venue) -> str:
        return "Reports that name it are refused until it is opened again. Those that were taken in are judged all the same."

    def perform(self, request: HttpRequest, row: Venue, form: ReasonForm) -> str:
        if not venues.close_venue(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("It has been closed meanwhile.")
        return f"{row.name} is closed."


class OpenVenue(Deed):
    name, label, icon, variant = "open", "Open again", "door_open", ActionVariant.PRIMARY
    permission = EDIT
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Venue) -> bool:
        return not row.is_open

    def perform(self, request: HttpRequest, row: Venue, form: ReasonForm) -> str:
        if not venues.open_venue(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"]):
            raise ValidationError("It has been opened meanwhile.")
        return f"{row.name} is open."


class SystemTypeFilter(OfRowFilter):
    title, parameter_name, field = "system type", "system_type", "system_type_id"


@admin.register(Venue)
class VenueAdmin(DeskAdmin):
    list_deeds = (AddVenue,)
    deeds = (ChangeVenue, CloseVenue, OpenVenue)
    list_display = ("name", "venue_id", "system", "external_id", "state", "site")
    list_filter = (SiteFilter, "is_open", SystemTypeFilter)
    list_select_related = ("site", "system_type")
    detail_select_related = ("site", "system_type")
    search_fields = ("name",)
    search_help_text = "Beginning of its name, its whole ID, or its whole external ID"
    fields = ("name", "venue_id", "site", "state", "system", "external_id")
    readonly_fields = ("state", "system")
    change_form_outer_after_template = "admin/people/venue.html"

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        return queryset.filter(Q(name__istartswith=term) | Q(venue_id=term) | Q(external_id=term)), False

    @display(description="state", label={"open": "success", "closed": "danger"})
    def state(self, row: Venue) -> str:
        return "open" if row.is_open else "closed"

    @admin.display(description="system type")
    def system(self, row: Venue) -> str | SafeString:
        return link(row.system_type) if row.system_type else NOTHING
