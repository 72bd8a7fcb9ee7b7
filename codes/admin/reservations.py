"""Reservations: what is set aside and for whom, what became of it; giving one back before its time."""

import datetime as dt
from typing import Any

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import clock
from accounts.admin.deeds import ReasonForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.of_row import OfRowFilter
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.when import WhenFilter
from accounts.admin.wording import NOTHING, instant, link
from codes import releasing
from codes.admin.codes import name_of
from codes.admin.deed import CodesDeed
from codes.models import CodeHold
from codes.reservations import OPEN, state_of
from ledger.admin.money import money
from ledger.models import AccountHold, Reservation

Ending = Reservation.Ending
STATES = {OPEN: "Open", **{str(each.value): str(each.label) for each in Ending}}
COLOURS = {OPEN: "info", Ending.CONSUMED: "success", Ending.RELEASED: "warning", Ending.EXPIRED: "warning"}


class ReleaseReservation(CodesDeed):
    name, label, submit = "release", "Release", "Release the reservation"
    icon, variant = "lock_open", ActionVariant.DANGER
    permission = "codes.release_reservation"
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: Reservation) -> bool:
        return state_of(row, clock.read()) == OPEN

    def explain(self, request: HttpRequest, row: Reservation) -> str:
        return "What it holds is free again at once, and its token is worth nothing. What was redeemed with it stays redeemed."

    def perform(self, request: HttpRequest, row: Reservation, form: ReasonForm) -> str:
        releasing.release_by_staff(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        return "The reservation was released."


class StateFilter(SimpleListFilter):
    """By the clock: one whose time is over is expired, whether anybody has tidied or not."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen, now = self.value(), clock.read()
        if chosen == OPEN:
            return queryset.filter(ended_as="", expires_at__gt=now)
        if chosen == Ending.EXPIRED:
            return queryset.filter(Q(ended_as=Ending.EXPIRED) | Q(ended_as="", expires_at__lte=now))
        return queryset.filter(ended_as=chosen) if chosen in STATES else queryset


class MadeFilter(WhenFilter):
    title, field = "made", "created_at"


class OwnerFilter(OfRowFilter):
    title, parameter_name, field = "claimant", "owner", "owner_id"


@admin.register(Reservation)
class ReservationAdmin(DeskAdmin):
    deeds = (ReleaseReservation,)
    ordering = ("-created_at", "-id")
    never_read = ("token_digest",)
    list_display = ("made", "state_shown", "what", "owner_shown", "until", "site")
    list_filter = (SiteFilter, StateFilter, MadeFilter, OwnerFilter)
    sieves = frozenset({"state", "owner"})
    list_select_related = ("site", "owner")
    list_defer = ("owner__password",)
    detail_select_related = ("site", "owner")
    fields = (
        "id",
        "kind_shown",
        "state_shown",
        "owner_shown",
        "caller",
        "made",
        "until",
        "ended",
        "transaction_shown",
        "site",
    )
    readonly_fields = ("id", "kind_shown", "state_shown", "owner_shown", "made", "until", "ended", "transaction_shown")
    change_form_outer_after_template = "admin/codes/reservation.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Reservation]":
        held = ("code_holds__code__batch", "account_holds__account__asset", "account_holds__account__owner")
        return super().get_queryset(request).prefetch_related(*held)

    def detail_context(self, request: HttpRequest, row: Reservation) -> dict[str, Any]:
        state = state_of(row, clock.read())
        return {
            "codes": [code_row(hold, state) for hold in row.code_holds.all()],
            "amounts": [amount_row(hold, state) for hold in row.account_holds.all()],
        }

    @admin.display(description="made")
    def made(self, row: Reservation) -> str:
        return instant(row.created_at)

    @display(description="state", label={label: COLOURS[key] for key, label in STATES.items()})
    def state_shown(self, row: Reservation) -> str:
        return STATES[state_of(row, clock.read())]

    @admin.display(description="holds")
    def what(self, row: Reservation) -> str:
        codes = len(row.code_holds.all())
        said = [f"{codes} code{'' if codes == 1 else 's'}"] if codes else []
        sums: dict[Any, int] = {}
        for hold in row.account_holds.all():
            asset = hold.account.asset
            sums[asset] = sums.get(asset, 0) + hold.original_amount
        return " + ".join([*said, *(money(asset, total) for asset, total in sums.items())]) or NOTHING

    @admin.display(description="kind")
    def kind_shown(self, row: Reservation) -> str:
        return row.get_kind_display()

    @admin.display(description="claimant")
    def owner_shown(self, row: Reservation) -> str | SafeString:
        return link(row.owner)

    @admin.display(description="until")
    def until(self, row: Reservation) -> str:
        return instant(row.expires_at)

    @admin.display(description="ended")
    def ended(self, row: Reservation) -> str:
        return instant(row.ended_at)

    @admin.display(description="transaction")
    def transaction_shown(self, row: Reservation) -> str | SafeString:
        return link(row.transaction)


def ending(hold: CodeHold | AccountHold, state: str) -> tuple[str, str, str]:
    """In words, in colour, and when."""
    told = hold.ended_as or state
    ended_at: dt.datetime | None = hold.ended_at
    return STATES[told], COLOURS[told], instant(ended_at)


def code_row(hold: CodeHold, state: str) -> dict[str, Any]:
    said, colour, when = ending(hold, state)
    return {
        "code": link(hold.code, name_of(hold.code)),
        "state": said,
        "colour": colour,
        "when": when,
        "redemption": link(hold.attempt),
    }


def amount_row(hold: AccountHold, state: str) -> dict[str, Any]:
    said, colour, when = ending(hold, state)
    asset = hold.account.asset
    return {
        "account": link(hold.account, hold.account.owner or hold.account),
        "held": money(asset, hold.original_amount),
        "now": money(asset, hold.amount),
        "state": said,
        "colour": colour,
        "when": when,
    }
