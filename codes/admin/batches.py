"""Batches: issuing one with its progress in sight, more of it, switching it, and where its value is."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from accounts import clock
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, sites_where, staff_of
from accounts.admin.wording import NOTHING, instant, validity
from accounts.models import Site
from codes import formats, jobs, uses
from codes.admin.batch_deeds import CancelIssuing, IssueCodes, IssueMore, SwitchBatchOff, SwitchBatchOn
from codes.admin.edit_deeds import ArchiveBatch, CapBatch, EditCodes
from codes.admin.export_deed import ExportBatch
from codes.admin.filters import BatchStateFilter
from codes.admin.hand_out_deed import HandOut
from codes.admin.import_deeds import ImportMore
from codes.admin.replenish_deed import Replenish, replenish_words
from codes.admin.words import gives, lasting
from codes.counting import count_states
from codes.models import Batch, Code, IssueOrder
from ledger import balances
from ledger.admin.money import money
from ledger.models import Asset

State = Batch.State
COLOURS = {State.ACTIVE.label: "success", State.ISSUING.label: "info", State.DISABLED.label: "danger"}
ORDERS_SHOWN = 20
EDITS_SHOWN = 10


@admin.register(Batch)
class BatchAdmin(DeskAdmin):
    list_deeds = (IssueCodes,)
    deeds = (
        IssueMore, ImportMore, ExportBatch, CancelIssuing, Replenish,
        SwitchBatchOff, SwitchBatchOn, EditCodes, CapBatch, ArchiveBatch, HandOut,
    )  # fmt: skip
    list_display = ("name", "site", "state_shown", "codes_shown", "gives", "valid", "created")
    list_filter = (SiteFilter, BatchStateFilter)
    list_select_related = ("site",)
    detail_select_related = ("site",)
    search_fields = ("name",)
    search_help_text = "Whole name of a batch"
    fields = ("name", "site", "state_shown", "total_cap", "replenish", "created", "created_by")
    readonly_fields = ("state_shown", "replenish", "created")
    change_form_outer_before_template = "admin/codes/batch_progress.html"
    change_form_outer_after_template = "admin/codes/batch_figures.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Batch]":
        return super().get_queryset(request).prefetch_related("orders__terms__asset")

    def get_search_results(self, request: HttpRequest, queryset: QuerySet[Any], search_term: str) -> tuple[Any, bool]:
        return (queryset.filter(name=search_term.strip()) if search_term.strip() else queryset), False

    def get_urls(self) -> list[URLPattern]:
        mine = [
            path("format-help/", self.admin_site.admin_view(self.format_help), name="codes_batch_format_help"),
            path("<int:object_id>/progress/", self.admin_site.admin_view(self.progress), name="codes_batch_progress"),
        ]
        return [*mine, *super().get_urls()]

    def progress(self, request: HttpRequest, object_id: int) -> JsonResponse:
        """How far issuing has come, as the page asks every second."""
        batch = self.get_queryset(request).filter(pk=object_id).first()
        if batch is None:
            raise Http404
        return JsonResponse(progress_of(newest_order(batch)))

    def format_help(self, request: HttpRequest) -> JsonResponse:
        """Whether codes of this look are hard enough to guess, while they are being described."""
        site = next(
            (s for s in sites_where(staff_of(request), "codes.issue_codes") if str(s.pk) == request.GET.get("site")),
            None,
        )
        if site is None:
            raise Http404
        count = request.GET.get("count", "")
        return JsonResponse(
            format_help(
                site,
                request.GET.get("format", ""),
                request.GET.get("pattern", "")[:100],
                min(int(count), 10_000_000) if count.isdecimal() and int(count) else 1,
            )
        )

    def detail_context(self, request: HttpRequest, row: Batch) -> dict[str, Any]:
        orders = sorted(row.orders.all(), key=lambda order: -order.pk)
        newest = orders[0] if orders else None
        return {
            "progress": progress_of(newest) if newest else None,
            "orders": [order_row(order) for order in orders[:ORDERS_SHOWN]],
            "figures": value_figures(row),
            **states(row),
            "edits": row.edits.order_by("-id")[:EDITS_SHOWN],
        }

    @display(description="state", label=COLOURS)
    def state_shown(self, row: Batch) -> str:
        return row.get_state_display()

    @admin.display(description="codes")
    def codes_shown(self, row: Batch) -> str:
        orders = list(row.orders.all())
        issued, wanted = (
            sum(o.issued for o in orders),
            sum(o.wanted for o in orders if o.state != IssueOrder.State.CANCELLED),
        )
        return f"{issued:,}" if issued == wanted else f"{issued:,} of {wanted:,}"

    @admin.display(description="gives")
    def gives(self, row: Batch) -> str:
        newest = newest_order(row)
        return gives(newest.terms) if newest else NOTHING

    @admin.display(description="valid")
    def valid(self, row: Batch) -> str:
        newest = newest_order(row)
        if newest is None:
            return NOTHING
        return validity(newest.terms.valid_from, newest.terms.valid_until, newest.terms.time_zone)

    @admin.display(description="replenished by")
    def replenish(self, row: Batch) -> str:
        return replenish_words(row)

    @admin.display(description="created")
    def created(self, row: Batch) -> str:
        return instant(row.created_at)


def newest_order(batch: Batch) -> IssueOrder | None:
    """The batch's last order, of those read with it."""
    return max(batch.orders.all(), key=lambda order: order.pk, default=None)


def progress_of(order: IssueOrder | None) -> dict[str, Any]:
    """An order's progress for the bar: whole percent, and 100 only when it is done."""
    if order is None:
        return {"percent": 0, "text": "Nothing was ordered.", "pace": "", "finished": True, "state": ""}
    states = IssueOrder.State
    finished = order.state in (states.DONE, states.CANCELLED, states.FAILED)
    percent = order.issued * 100 // order.wanted
    if order.state != states.DONE:
        percent = min(percent, 99)
    text = f"{order.issued:,} of {order.wanted:,} codes issued"
    if order.state == states.QUEUED:
        text = f"Waiting for a worker to issue {order.wanted:,} codes"
    elif order.state == states.CANCELLING:
        text = f"Being cancelled: {order.issued:,} codes are still to be removed"
    elif order.state == states.CANCELLED:
        text = f"Cancelled: none of the {order.wanted:,} codes exists"
    elif order.state == states.FAILED:
        text = f"Failed after {order.issued:,} of {order.wanted:,} codes: {order.error}"
    return {
        "percent": percent,
        "text": text,
        "pace": pace_words(order),
        "finished": finished,
        "state": str(order.state),
    }


def pace_words(order: IssueOrder) -> str:
    """How fast an order goes and how long it still takes; nothing where that is not known."""
    if order.state != IssueOrder.State.RUNNING:
        return ""
    rate, seconds_left = jobs.pace(order, clock.read())
    return f"{rate:,.0f} a second, {lasting(seconds_left)} left" if seconds_left is not None else ""


def order_row(order: IssueOrder) -> dict[str, Any]:
    terms = order.terms
    return {
        "order": order,
        "state": order.get_state_display(),
        "gives": gives(terms),
        "uses": f"{uses.in_words(terms.uses)} ({terms.uses_per_claimant:,} per claimant)",
        "valid": validity(terms.valid_from, terms.valid_until, terms.time_zone),
        "format": terms.pattern
        or (formats.FORMATS[terms.format].label if terms.format in formats.FORMATS else terms.format),
        "venues": ", ".join(terms.venues[:10]) + (" …" if len(terms.venues) > 10 else ""),
        "cooldown": terms.cooldown_seconds,
        "created": instant(order.created_at),
        "finished": instant(order.finished_at),
    }


def value_figures(batch: Batch) -> list[dict[str, str]] | None:
    """Where the batch's value is, an asset a row; None where summing outlasts the time a statement may take."""
    try:
        values = balances.batch_value(batch.pk)
    except OperationalError:
        return None
    assets = Asset.objects.in_bulk([value.asset_id for value in values]) if values else {}
    names = ("issued", "outstanding", "redeemed", "expired", "voided")
    return [{name: money(assets[value.asset_id], getattr(value, name)) for name in names} for value in values]


def states(batch: Batch) -> dict[str, Any]:
    """How many of the batch's known codes are in each state, and whether that is an estimate."""
    found = count_states(batch)
    about = "about " if found.estimated else ""
    shown = [(label, f"{about}{found.counts[state]:,}") for state, label in Code.State.choices if found.counts[state]]
    return {"states": shown, "estimated": found.estimated}


def format_help(site: Site, name: str, pattern: str, count: int) -> dict[str, Any]:
    """How a code would look and whether it could be guessed."""
    try:
        formats.check(name, pattern if name == "pattern" else "", count, site.guesses_per_year)
    except ValidationError as error:
        return {"fits": False, "text": " ".join(error.messages)}
    form = formats.FORMATS[name]
    example = form.draw(1, pattern)[0]
    return {
        "fits": True,
        "text": f"For example {example}. {form.bits_of(pattern)} bits of chance: enough for {count:,} codes.",
    }
