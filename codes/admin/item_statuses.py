"""Item statuses: where the items of orders stand. Number and category stay; none is deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from codes import item_statuses
from codes.admin.articles import EDIT
from codes.admin.deed import CodesDeed
from codes.models import ItemStatus

COLOURS = {
    ItemStatus.Category.ORDERED: "info",
    ItemStatus.Category.IN_WORK: "warning",
    ItemStatus.Category.DONE: "success",
    ItemStatus.Category.GENERATE_CODES: "success",
    ItemStatus.Category.CANCELLED: "danger",
}


class NameForm(DeskForm):
    name = forms.CharField(max_length=100, strip=False, help_text="What staff and programs read.")


class NewStatusForm(NameForm):
    site = SiteField()
    number = forms.IntegerField(
        min_value=1, max_value=item_statuses.MOST_NUMBER, help_text="How programs name it; it stays."
    )
    category = forms.TypedChoiceField(
        coerce=int,
        choices=[(each.value, f"{each.value} {each.label}") for each in ItemStatus.Category],
        help_text="What entering it does; it stays.",
    )
    field_order = ("site", "number", "name", "category")


class AddStatus(CodesDeed):
    name, label, icon, variant = "create", "New status", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewStatusForm

    def perform(self, request: HttpRequest, row: Any, form: NewStatusForm) -> HttpResponse:
        data = form.cleaned_data
        made = item_statuses.add_status(
            data["site"], data["number"], data["name"], data["category"], actor_id=actor_id(request)
        )
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:codes_itemstatus_change", args=[made.pk]))


class RenameStatus(CodesDeed):
    name, label, icon, submit = "rename", "Rename", "edit", "Save"
    permission = EDIT
    form_class = NameForm

    def initial(self, request: HttpRequest, row: ItemStatus) -> dict[str, Any]:
        return {"name": row.name}

    def perform(self, request: HttpRequest, row: ItemStatus, form: NameForm) -> str:
        item_statuses.rename_status(row, form.cleaned_data["name"], actor_id=actor_id(request))
        return f"Status {row.number} is now called {form.cleaned_data['name']}."


@admin.register(ItemStatus)
class ItemStatusAdmin(DeskAdmin):
    list_deeds = (AddStatus,)
    deeds = (RenameStatus,)
    list_display = ("number", "name", "category_shown", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("number", "name", "category_shown", "site")
    readonly_fields = ("category_shown",)
    change_form_outer_after_template = "admin/codes/item_status.html"

    @display(description="category")
    def category_shown(self, row: ItemStatus) -> str:
        return f"{row.category} {row.get_category_display()}"
