"""The audit: who did what, written in the same commit as the deed, and read-only for ever."""

import json

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter
from accounts.admin.wording import instant
from accounts.models import AuditRecord


@admin.register(AuditRecord)
class AuditRecordAdmin(DeskAdmin):
    list_display = ("when", "action", "object", "actor_id", "site")
    list_filter = (SiteFilter,)
    list_select_related = ("site",)
    list_defer = ("detail",)
    never_read = ("mac",)
    fields = ("when", "action", "object", "actor_id", "site", "what", "request_id")
    readonly_fields = ("when", "object", "what")

    @admin.display(description="when")
    def when(self, row: AuditRecord) -> str:
        return instant(row.recorded_at)

    @admin.display(description="object")
    def object(self, row: AuditRecord) -> str:
        return f"{row.object_type} {row.object_id}"

    @admin.display(description="detail")
    def what(self, row: AuditRecord) -> str | SafeString:
        return format_html(
            '<pre class="desk-pre">{}</pre>', json.dumps(row.detail, indent=2, ensure_ascii=False, sort_keys=True)
        )
