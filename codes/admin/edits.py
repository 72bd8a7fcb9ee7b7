"""Edits of whole batches: every one there ever was, how far it has come, and what it moved."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import URLPattern, path

from accounts import clock
from accounts.admin.scope import SiteFilter
from codes import jobs
from codes.admin.edit_deeds import CancelEdit
from codes.admin.edit_words import asked, foreseen_rows, moved_rows, passed_over_rows
from codes.admin.job_admin import JobAdmin
from codes.models import BatchEdit

State = BatchEdit.State


@admin.register(BatchEdit)
class BatchEditAdmin(JobAdmin):
    deeds = (CancelEdit,)
    list_display = ("ordered", "batch_shown", "asked", "state_shown", "touched_shown", "actor_id", "finished", "site")
    list_filter = (SiteFilter, "kind", "state")
    list_select_related = ("site", "batch")
    detail_select_related = ("site", "batch")
    fields = (
        "batch",
        "asked",
        "reason",
        "state_shown",
        "touched_shown",
        "last_serial",
        "actor_id",
        "ordered",
        "started",
        "finished",
        "error",
        "site",
    )
    readonly_fields = ("asked", "state_shown", "touched_shown", "ordered", "started", "finished")
    change_form_outer_before_template = "admin/codes/edit_progress.html"
    change_form_outer_after_template = "admin/codes/edit_figures.html"

    def get_urls(self) -> list[URLPattern]:
        mine = path(
            "<int:object_id>/progress/", self.admin_site.admin_view(self.progress), name="codes_batchedit_progress"
        )
        return [mine, *super().get_urls()]

    def progress(self, request: HttpRequest, object_id: int) -> JsonResponse:
        """How far it has come, as the page asks every second."""
        edit = self.get_queryset(request).filter(pk=object_id).first()
        if edit is None:
            raise Http404
        return JsonResponse(progress_of(edit, clock.read()))

    def detail_context(self, request: HttpRequest, row: BatchEdit) -> dict[str, Any]:
        return {
            "progress": progress_of(row, clock.read()),
            "foreseen": foreseen_rows(row.foreseen) if row.foreseen else [],
            "moved": moved_rows(row.moved),
            "passed_over": passed_over_rows(row.reasons),
        }

    @admin.display(description="what")
    def asked(self, row: BatchEdit) -> str:
        return asked(row.kind, row.parameters, row.site.time_zone)

    @admin.display(description="codes changed")
    def touched_shown(self, row: BatchEdit) -> str:
        return f"{row.touched:,}"


def progress_of(edit: BatchEdit, now: dt.datetime) -> dict[str, Any]:
    """An edit's progress for the bar: whole percent, and 100 only when it is done."""
    done, of = edit.progress
    percent = 100 if edit.state == State.DONE else min(done * 100 // max(of, 1), 99)
    rate, left = jobs.pace(edit, now)
    text = f"{edit.touched:,} codes changed, {edit.passed_over:,} passed over"
    if edit.state == State.QUEUED and not done:
        text = "Waiting for a worker"
    elif edit.state in (State.QUEUED, State.RUNNING) and left is not None:
        text = f"{text} · {rate:,.0f} a second · {time_left(left)}"
    elif edit.state == State.CANCELLING:
        text = f"Being cancelled: {text}"
    elif edit.state == State.CANCELLED:
        text = f"Cancelled: {text}, and these stay as they are now"
    elif edit.state == State.FAILED:
        text = f"Failed: {text}. {edit.error}"
    return {"percent": percent, "text": text, "finished": edit.ended, "state": str(edit.state)}


def time_left(seconds: int) -> str:
    """About how long it will take, in the largest unit that says something."""
    if seconds < 60:
        return "less than a minute left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 120 else f"about {round(minutes / 60)} h left"
