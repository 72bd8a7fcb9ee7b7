"""Account sets: who is in them, by the tags they wear."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.enums import ActionVariant

from accounts import grouping
from accounts.admin.content_forms import LinesField
from accounts.admin.deeds import Deed, DeskForm, SiteField
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.models import AccountSet, AccountSetRule

Kind = AccountSetRule.Kind
NONE = "no tags"


class SetForm(DeskForm):
    name = forms.CharField(max_length=100)
    all = LinesField(required=False, rows=3, label="Must wear all of", help_text="Tags, one a line.")
    any = LinesField(
        required=False, rows=3, label="Must wear one of", help_text="Tags, one a line. Empty: this asks nothing."
    )
    excluded = LinesField(required=False, rows=3, label="Must wear none of", help_text="Tags, one a line.")


class NewSetForm(SetForm):
    site = SiteField()
    field_order = ("site", "name")


class CreateSet(Deed):
    name, label, icon, variant = "create", "New account set", "group_add", ActionVariant.PRIMARY
    permission = "accounts.edit_accountset"
    form_class = NewSetForm

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "Users are in it as long as their tags fulfil what it asks; nobody is put in by hand."

    def perform(self, request: HttpRequest, row: Any, form: NewSetForm) -> HttpResponse:
        data = form.cleaned_data
        made = grouping.create_account_set(data["site"], data["name"], data, actor_id=actor_id(request))
        self.model_admin.message_user(request, f"{made.name} was made.", "success")
        return HttpResponseRedirect(reverse("admin:accounts_accountset_change", args=[made.pk]))


class ChangeSet(Deed):
    name, label, icon = "edit", "Change", "edit"
    submit = "Save"
    permission = "accounts.edit_accountset"
    form_class = SetForm

    def explain(self, request: HttpRequest, row: AccountSet) -> str:
        return "Its licences, prices and what it may see count at once for whoever fulfils the new rules."

    def initial(self, request: HttpRequest, row: AccountSet) -> dict[str, Any]:
        return {"name": row.name, **{kind: "\n".join(tags) for kind, tags in grouping.rules_of(row).items()}}

    def perform(self, request: HttpRequest, row: AccountSet, form: SetForm) -> str:
        grouping.change_account_set(row, form.cleaned_data["name"], form.cleaned_data, actor_id=actor_id(request))
        return f"{form.cleaned_data['name']} was changed."


@admin.register(AccountSet)
class AccountSetAdmin(DeskAdmin):
    list_deeds = (CreateSet,)
    deeds = (ChangeSet,)
    list_display = ("name", "must", "one_of", "none_of", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    search_fields = ("name",)
    search_help_text = "Beginning of its name"
    fields = ("name", "site", "must", "one_of", "none_of")
    readonly_fields = ("must", "one_of", "none_of")
    change_form_outer_after_template = "admin/content/account_set.html"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("rules__tag")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        return (queryset.filter(name__startswith=term) if term else queryset), False

    @admin.display(description="all of")
    def must(self, row: AccountSet) -> str:
        return tags_of(row, Kind.ALL)

    @admin.display(description="one of")
    def one_of(self, row: AccountSet) -> str:
        return tags_of(row, Kind.ANY)

    @admin.display(description="none of")
    def none_of(self, row: AccountSet) -> str:
        return tags_of(row, Kind.EXCLUDED)


def tags_of(account_set: AccountSet, kind: str) -> str:
    """The tags of its rules of this kind, of those read with it."""
    return ", ".join(sorted(rule.tag.name for rule in account_set.rules.all() if rule.kind == kind)) or NONE
