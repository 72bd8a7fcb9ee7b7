"""System types: the kinds of outside systems that know venues, by the number they send. Their number stays; none is deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import venues
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.venues import EDIT
from accounts.models import SystemType


class NameForm(DeskForm):
    name = forms.CharField(max_length=100, strip=False, help_text="What people call systems of this kind.")


class NewTypeForm(NameForm):
    site = SiteField()
    number = forms.IntegerField(
        min_value=venues.LEAST_NUMBER,
        max_value=venues.LARGEST_NUMBER,
        help_text="As these systems send it in externalVenueSystemType; it stays.",
    )
    field_order = ("site", "number", "name")


class AddType(Deed):
    name, label, icon, variant = "create", "New system type", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewTypeForm

    def perform(self, request: HttpRequest, row: Any, form: NewTypeForm) -> HttpResponse:
        data = form.cleaned_data
        made = venues.add_system_type(data["site"], data["number"], data["name"], actor_id=actor_id(request))
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_systemtype_change", args=[made.pk]))


class RenameType(Deed):
    name, label, icon, submit = "rename", "Rename", "edit", "Save"
    permission = EDIT
    form_class = NameForm

    def initial(self, request: HttpRequest, row: SystemType) -> dict[str, Any]:
        return {"name": row.name}

    def perform(self, request: HttpRequest, row: SystemType, form: NameForm) -> str:
        venues.rename_system_type(row, form.cleaned_data["name"], actor_id=actor_id(request))
        return f"{row.number} is now called {form.cleaned_data['name']}."


@admin.register(SystemType)
class SystemTypeAdmin(DeskAdmin):
    list_deeds = (AddType,)
    deeds = (RenameType,)
    list_display = ("number", "name", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("number", "name", "site")
    change_form_outer_after_template = "admin/people/system_type.html"
