"""Characteristics of articles, by their numbers, which stay. 25 is the one that makes vouchers of articles."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from codes import articles
from codes.admin.articles import EDIT
from codes.admin.deed import CodesDeed
from codes.models import ArticleCharacteristic


class NameForm(DeskForm):
    name = forms.CharField(max_length=100, strip=False)


class NewCharacteristicForm(NameForm):
    site = SiteField()
    number = forms.IntegerField(
        min_value=1, max_value=articles.MOST_CHARACTERISTIC, help_text="How programs name it; it stays."
    )
    field_order = ("site", "number", "name")


class AddCharacteristic(CodesDeed):
    name, label, icon, variant = "create", "New characteristic", "add", ActionVariant.PRIMARY
    permission = EDIT
    form_class = NewCharacteristicForm

    def perform(self, request: HttpRequest, row: Any, form: NewCharacteristicForm) -> HttpResponse:
        data = form.cleaned_data
        made = articles.add_characteristic(data["site"], data["number"], data["name"], actor_id=actor_id(request))
        self.model_admin.message_user(request, f"{made} was added.", "success")
        return HttpResponseRedirect(reverse("admin:codes_articlecharacteristic_change", args=[made.pk]))


class RenameCharacteristic(CodesDeed):
    name, label, icon, submit = "rename", "Rename", "edit", "Save"
    permission = EDIT
    form_class = NameForm

    def initial(self, request: HttpRequest, row: ArticleCharacteristic) -> dict[str, Any]:
        return {"name": row.name}

    def perform(self, request: HttpRequest, row: ArticleCharacteristic, form: NameForm) -> str:
        articles.rename_characteristic(row, form.cleaned_data["name"], actor_id=actor_id(request))
        return f"{row.number} is now called {form.cleaned_data['name']}."


@admin.register(ArticleCharacteristic)
class ArticleCharacteristicAdmin(DeskAdmin):
    list_deeds = (AddCharacteristic,)
    deeds = (RenameCharacteristic,)
    list_display = ("number", "name", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    fields = ("number", "name", "site")
