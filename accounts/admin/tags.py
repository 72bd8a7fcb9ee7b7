"""Tags: words a site puts on its users. They are added, and never renamed, because terms of codes name them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.desk import ConfigurationAdmin
from accounts.admin.scope import SiteFilter, site_ids_where, staff_of
from accounts.models import Site, Tag


@admin.register(Tag)
class TagAdmin(ConfigurationAdmin):
    add_permission = "accounts.add_tag"
    list_display = ("name", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    fields = ("site", "name")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "site":
            kwargs["queryset"] = Site.objects.filter(pk__in=site_ids_where(staff_of(request), self.add_permission))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)
