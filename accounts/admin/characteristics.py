"""Characteristics: what persons have properties of. Their number and kind stay; none is deleted, for person types name them."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import person_types
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.models import Characteristic

EDIT = "accounts.edit_persontype"


class NameForm(DeskForm):
    name = forms.CharField(max_length=100, help_text="What people call it.")


class NewCharacteristicForm(NameForm):
    site = SiteField()
    number = forms.IntegerField(
        min_value=1, max_value=person_types.LARGEST_NUMBER, help_text="As shops know the characteristic; it stays."
    )
    kind = forms.ChoiceField(choices=Characteristic.Kind.choices, help_text="It stays.")
    field_order = ("site", "number", "name", "kind")


class AddCharacteristic(Deed):
    name, label, icon, variant = "create", "New characteristic", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewCharacteristicForm

    def perform(self, request: HttpRequest, row: Any, form: NewCharacteristicForm) -> HttpResponse:
        data = form.cleaned_data
        made = person_types.add_characteristic(
            data["site"], data["number"], data["name"], data["kind"], actor_id=actor_id(request)
        )
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_characteristic_change", args=[made.pk]))


class RenameCharacteristic(Deed):
    name, label, icon, submit = "rename", "Rename", "edit", "Save"
    permission = EDIT
    form_class = NameForm

    def initial(self, request: HttpRequest, row: Characteristic) -> dict[str, Any]:
        return {"name": row.name}

    def perform(self, request: HttpRequest, row: Characteristic, form: NameForm) -> str:
        person_types.rename_characteristic(row, form.cleaned_data["name"], actor_id=actor_id(request))
        return f"{row.number} is now called {form.cleaned_data['name']}."


@admin.register(Characteristic)
class CharacteristicAdmin(DeskAdmin):
    list_deeds = (AddCharacteristic,)
    deeds = (RenameCharacteristic,)
    list_display = ("number", "name", "shown_kind", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("number", "name", "shown_kind", "site")
    readonly_fields = ("shown_kind",)

    @display(description="kind", label={"secret": "warning", "email": "info"})
    def shown_kind(self, row: Characteristic) -> tuple[str, str]:
        return row.kind, row.get_kind_display().partition(":")[0]
