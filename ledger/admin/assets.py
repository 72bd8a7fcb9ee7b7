"""Assets: what accounts count. Superusers add them; what a booked number means is never changed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.desk import ConfigurationAdmin
from accounts.admin.scope import staff_of
from ledger.models import Asset


@admin.register(Asset)
class AssetAdmin(ConfigurationAdmin):
    ordering = ("code",)
    list_display = ("code", "name", "kind", "exponent")
    fields = ("code", "name", "kind", "exponent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Asset]:
        """Every asset: they belong to the platform, and naming one gives nothing away."""
        assert staff_of(request).has_perm("ledger.view_asset")
        return Asset.objects.order_by("code")

    def site_id_of(self, row: Any) -> int | None:
        return None

    def get_readonly_fields(self, request: HttpRequest, obj: Asset | None = None) -> tuple[str, ...]:
        return ("code", "kind", "exponent") if obj else ()
