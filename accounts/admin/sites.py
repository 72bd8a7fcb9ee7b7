"""Sites and who works on them: set up by platform superusers."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget

from accounts import beginnings, clock
from accounts.admin.desk import ConfigurationAdmin
from accounts.admin.scope import SiteFilter
from accounts.models import Membership, Site, User


class SiteForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        choices=[(name, name) for name in sorted(available_timezones())],
        initial="UTC",
        widget=UnfoldAdminSelectWidget,
        help_text=Site._meta.get_field("time_zone").help_text,
    )

    class Meta:
        model = Site
        fields = (
            "slug",
            "name",
            "domain",
            "language",
            "time_zone",
            "default_asset_code",
            "guesses_per_client",
            "guesses_per_network",
            "guesses_in_total",
            "guesses_per_year",
        )

    def clean_slug(self) -> str:
        slug = self.cleaned_data["slug"]
        if slug == "redemptions":
            raise forms.ValidationError("This name is kept: an address of the platform would be ambiguous.")
        return slug

    def clean_domain(self) -> str:
        domain = self.cleaned_data["domain"].strip().lower()
        if "/" in domain or ":" in domain:
            raise forms.ValidationError("Write the host name alone, without https:// and without a port.")
        return domain


@admin.register(Site)
class SiteAdmin(ConfigurationAdmin):
    site_field = "id"
    form = SiteForm
    list_display = ("name", "slug", "domain", "time_zone", "default_asset_code")
    fieldsets = (
        (None, {"fields": ("name", "slug", "domain")}),
        ("Defaults", {"fields": ("language", "time_zone", "default_asset_code")}),
        (
            "Limits of failed look-ups",
            {"fields": ("guesses_per_client", "guesses_per_network", "guesses_in_total", "guesses_per_year")},
        ),
    )

    def save_model(self, request: HttpRequest, obj: Site, form: Any, change: bool) -> None:
        if not change:
            obj.created_at = clock.read()
        super().save_model(request, obj, form, change)
        if not change:
            beginnings.begin(obj)


@admin.register(Membership)
class MembershipAdmin(ConfigurationAdmin):
    may_delete = True
    ordering = ("site__name", "id")
    list_display = ("user", "site", "role")
    list_filter = (SiteFilter, "role")
    list_select_related = ("user", "site")

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.filter(is_staff=True).order_by("email")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def audit_detail(self, row: Membership) -> dict[str, Any]:
        return {"user": row.user.claimant_id, "role": row.role}
