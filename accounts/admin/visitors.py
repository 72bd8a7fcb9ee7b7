"""Visitors of shops: which person each is and was, and how to have one forget."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.enums import ActionVariant

from accounts import clock, visiting
from accounts.admin.deeds import Deed, ReasonForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.persons import SHOWN, SWITCH
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import instant
from accounts.models import Visitor


class ForgetPerson(Deed):
    name, label, icon, variant = "forget", "Forget the person", "link_off", ActionVariant.DANGER
    permission = SWITCH
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Visitor) -> bool:
        return row.persons.filter(until=None).exists() or row.identifications.exists()

    def explain(self, request: HttpRequest, row: Visitor) -> str:
        return "The visitor is nobody any more, until somebody's values are said again."

    def perform(self, request: HttpRequest, row: Visitor, form: ReasonForm) -> str:
        visiting.forget_person(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return f"{row} is nobody now."


@admin.register(Visitor)
class VisitorAdmin(DeskAdmin):
    deeds = (ForgetPerson,)
    list_display = ("unique_id", "language", "currency_code", "created", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    search_fields = ("unique_id",)
    search_help_text = "Whole UniqueID"
    fields = ("unique_id", "site", "language", "currency_code", "country", "created")
    readonly_fields = ("created",)
    change_form_outer_after_template = "admin/people/visitor.html"

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> tuple["QuerySet[Any]", bool]:
        term = search_term.strip()
        return (queryset.filter(unique_id=term) if term else queryset), False

    def detail_context(self, request: HttpRequest, row: Visitor) -> dict[str, Any]:
        lasting = row.identifications.filter(used_at__gt=clock.read() - visiting.STORED_FOR)
        return {
            "links": [
                (each.person, instant(each.since), instant(each.until) if each.until else "")
                for each in row.persons.select_related("person__user").order_by("-pk")[:SHOWN]
            ],
            "identifications": [
                (each.person_type, each.person, instant(each.used_at), instant(each.used_at + visiting.STORED_FOR))
                for each in lasting.select_related("person_type", "person__user").order_by("-used_at")[:SHOWN]
            ],
        }

    @admin.display(description="created")
    def created(self, row: Visitor) -> str:
        return instant(row.created_at)
