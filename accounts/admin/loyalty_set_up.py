"""Business units and the catalogue of the loyalty programme: what calls may name."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import loyalty_settings
from accounts.admin.deeds import Deed, DeskForm, ReasonForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.loyalty_settings import LONGEST_ITEM_ID, LONGEST_NAME
from accounts.models import BusinessUnit, CatalogueItem
from accounts.models.loyalty import MOST_POINTS

EDIT = "accounts.edit_loyaltysettings"


class NewUnitForm(DeskForm):
    site = SiteField()
    name = forms.CharField(
        max_length=LONGEST_NAME, strip=False, help_text="Exactly as calls send it in businessUnit: MAIN is not main."
    )


class AddUnit(Deed):
    name, label, icon, variant = "create", "New business unit", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewUnitForm

    def perform(self, request: HttpRequest, row: Any, form: NewUnitForm) -> str:
        data = form.cleaned_data
        made = loyalty_settings.add_business_unit(data["site"], data["name"], actor_id=actor_id(request))
        return f"{made} was added: redemptions may name it."


class RemoveUnit(Deed):
    name, label, icon, variant = "remove", "Remove", "delete", ActionVariant.DANGER
    permission = EDIT
    form_class = ReasonForm

    def explain(self, request: HttpRequest, row: BusinessUnit) -> str:
        return "Calls that name it are refused from now on. Redemptions that named it keep the name."

    def perform(self, request: HttpRequest, row: BusinessUnit, form: ReasonForm) -> HttpResponse:
        loyalty_settings.remove_business_unit(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        self.model_admin.message_user(request, f"{row} was removed.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_businessunit_changelist"))


@admin.register(BusinessUnit)
class BusinessUnitAdmin(DeskAdmin):
    list_deeds = (AddUnit,)
    deeds = (RemoveUnit,)
    list_display = ("name", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("name", "site")


class ItemForm(DeskForm):
    name = forms.CharField(max_length=LONGEST_NAME, strip=False)
    points = forms.IntegerField(min_value=1, max_value=MOST_POINTS, help_text="For one of it.")


class NewItemForm(ItemForm):
    site = SiteField()
    item_id = forms.CharField(
        max_length=LONGEST_ITEM_ID, strip=False, label="Item ID", help_text="As calls name it; it stays."
    )
    field_order = ("site", "item_id", "name", "points")


class ChangedItemForm(ItemForm):
    is_active = forms.BooleanField(
        required=False, label="Can be redeemed", help_text="Otherwise calls that name it are refused."
    )


class AddItem(Deed):
    name, label, icon, variant = "create", "New catalogue item", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewItemForm

    def perform(self, request: HttpRequest, row: Any, form: NewItemForm) -> HttpResponse:
        data = form.cleaned_data
        made = loyalty_settings.add_item(
            data["site"], data["item_id"], data["name"], data["points"], actor_id=actor_id(request)
        )
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_catalogueitem_change", args=[made.pk]))


class ChangeItem(Deed):
    name, label, icon, submit = "edit", "Change", "edit", "Save"
    permission = EDIT
    form_class = ChangedItemForm

    def explain(self, request: HttpRequest, row: CatalogueItem) -> str:
        return "Reservations that were made keep their points."

    def initial(self, request: HttpRequest, row: CatalogueItem) -> dict[str, Any]:
        return {"name": row.name, "points": row.points, "is_active": row.is_active}

    def perform(self, request: HttpRequest, row: CatalogueItem, form: ChangedItemForm) -> str:
        data = form.cleaned_data
        loyalty_settings.change_item(row, data["name"], data["points"], data["is_active"], actor_id=actor_id(request))
        return f"{row.item_id} was changed."


@admin.register(CatalogueItem)
class CatalogueItemAdmin(DeskAdmin):
    list_deeds = (AddItem,)
    deeds = (ChangeItem,)
    list_display = ("number", "name", "price", "state", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("number", "name", "price", "state", "site")
    readonly_fields = ("number", "price", "state")

    @admin.display(description="item ID")
    def number(self, row: CatalogueItem) -> str:
        return row.item_id

    @admin.display(description="points")
    def price(self, row: CatalogueItem) -> str:
        return f"{row.points:,}"

    @display(description="state", label={"on": "success", "switched off": "danger"})
    def state(self, row: CatalogueItem) -> str:
        return "on" if row.is_active else "switched off"
