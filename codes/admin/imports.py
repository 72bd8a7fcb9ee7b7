"""Imports: each file that was sent, what its check found, and what became of it."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from unfold.decorators import display

from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter
from accounts.admin.wording import NOTHING, instant, link
from codes import import_problems
from codes.admin.import_deeds import ConfirmImport, DiscardImport, ImportCodes
from codes.admin.import_words import (
    CONFIRMED,
    WAITING,
    counted,
    counts_of,
    progress_of,
    state_said,
    worth_said,
)
from codes.import_reading import Layout
from codes.models import CodeImport

COLOURS = {WAITING: "info", CONFIRMED: "success", CodeImport.State.FAILED.label: "danger", "Discarded": "warning"}
PROBLEMS_SHOWN = 50


@admin.register(CodeImport)
class CodeImportAdmin(DeskAdmin):
    never_read = ("fingerprint",)
    list_deeds = (ImportCodes,)
    deeds = (ConfirmImport, DiscardImport)
    list_display = ("file", "state_shown", "rows_shown", "batch_shown", "received", "actor_id", "site")
    list_filter = (SiteFilter, "state")
    list_select_related = ("site", "batch", "order__batch")
    list_defer = ("ordered", "layout")
    detail_select_related = ("site", "batch", "order__batch")
    fields = (
        "file",
        "state_shown",
        "batch_shown",
        "layout_shown",
        "actor_id",
        "received",
        "checked",
        "confirmed",
        "site",
    )
    readonly_fields = ("file", "state_shown", "batch_shown", "layout_shown", "received", "checked", "confirmed")
    change_form_outer_before_template = "admin/codes/import_check.html"
    change_form_outer_after_template = "admin/codes/import_problems.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        mine = [
            path("<int:object_id>/progress/", wrap(self.progress), name="codes_codeimport_progress"),
            path("<int:object_id>/problems/", wrap(self.problems), name="codes_codeimport_problems"),
        ]
        return [*mine, *super().get_urls()]

    def progress(self, request: HttpRequest, object_id: int) -> JsonResponse:
        """How far the check has come, as the page asks every second."""
        return JsonResponse(progress_of(self.found(request, object_id)))

    def problems(self, request: HttpRequest, object_id: int) -> HttpResponseBase:
        """All rows that are not imported, to be downloaded."""
        source = self.found(request, object_id)
        response = StreamingHttpResponse(import_problems.as_csv(source), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="import-{source.pk}-problems.csv"'
        response["Cache-Control"] = "no-store"
        return response

    def found(self, request: HttpRequest, object_id: int) -> CodeImport:
        source = self.get_queryset(request).filter(pk=object_id).first() if self.has_view_permission(request) else None
        if source is None:
            raise Http404
        return source

    def detail_context(self, request: HttpRequest, row: CodeImport) -> dict[str, Any]:
        problems = import_problems.problems(row, most=PROBLEMS_SHOWN)
        return {
            "progress": progress_of(row),
            "counts": counts_of(row),
            "good": counted(row.good, "code"),
            "worth": worth_said(row),
            "problems": problems,
            "more_problems": row.rows - row.good > len(problems),
            "waiting": row.state == CodeImport.State.DONE and row.confirmed_at is None,
        }

    @admin.display(description="file")
    def file(self, row: CodeImport) -> str:
        return str(row)

    @display(description="state", label=COLOURS)
    def state_shown(self, row: CodeImport) -> str:
        return state_said(row)

    @admin.display(description="good rows")
    def rows_shown(self, row: CodeImport) -> str:
        return f"{row.good:,} of {row.rows:,}"

    @admin.display(description="batch")
    def batch_shown(self, row: CodeImport) -> str | SafeString:
        order = getattr(row, "order", None)
        return link(order.batch if order else row.batch)

    @admin.display(description="read as")
    def layout_shown(self, row: CodeImport) -> str:
        return Layout.of_json(row.layout).said() if row.layout else ""

    @admin.display(description="received")
    def received(self, row: CodeImport) -> str:
        return instant(row.created_at)

    @admin.display(description="checked")
    def checked(self, row: CodeImport) -> str:
        return instant(row.finished_at) if row.finished_at else NOTHING

    @admin.display(description="confirmed")
    def confirmed(self, row: CodeImport) -> str:
        return instant(row.confirmed_at)
