"""Suspended bookings: what waits for its date, and what became of the others; calling one off."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts import clock
from accounts.admin.deeds import Deed, ReasonForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import instant, link
from ledger import cash_accounts
from ledger.admin.money import money
from ledger.admin.transactions import whose
from ledger.models import SuspendedBooking

State = SuspendedBooking.State


class CancelBooking(Deed):
    name, label, submit = "cancel", "Cancel", "Cancel the booking"
    icon, variant = "event_busy", ActionVariant.DANGER
    permission = "ledger.grant_value"
    form_class = ReasonForm

    def offered(self, request: HttpRequest, row: SuspendedBooking) -> bool:
        return row.state == State.WAITING and row.due_at > clock.read()

    def explain(self, request: HttpRequest, row: SuspendedBooking) -> str:
        return f"{money(row.account.asset, row.amount)} will never count on {whose(row.account)}. The row stays."

    def perform(self, request: HttpRequest, row: SuspendedBooking, form: ReasonForm) -> str:
        try:
            cash_accounts.cancel(row, actor_id=actor_id(request), reason=form.cleaned_data["reason"])
        except cash_accounts.NotWaiting as error:
            raise ValidationError("It does not wait any more. Nothing was changed.") from error
        return "The booking was cancelled."


@admin.register(SuspendedBooking)
class SuspendedBookingAdmin(DeskAdmin):
    deeds = (CancelBooking,)
    list_display = ("due", "amount_shown", "type_shown", "account_shown", "state_shown", "comment", "site")
    list_filter = (SiteFilter, "state", "type")
    list_select_related = ("site", "account__asset", "account__owner")
    detail_select_related = (
        *("site", "account__asset", "account__owner", "account__site"),
        *("system_account__asset", "transaction"),
    )
    sieves = frozenset({"state__exact", "type__exact"})
    fields = (
        *("due", "amount_shown", "type_shown", "state_shown", "account_shown", "comment"),
        *("created", "actor_id", "ended", "refusal", "transaction_shown"),
    )
    readonly_fields = (
        *("due", "amount_shown", "type_shown", "state_shown", "account_shown"),
        *("created", "ended", "transaction_shown"),
    )

    @admin.display(description="counts from")
    def due(self, row: SuspendedBooking) -> str:
        return instant(row.due_at)

    @admin.display(description="amount")
    def amount_shown(self, row: SuspendedBooking) -> str:
        return money(row.account.asset, row.amount)

    @admin.display(description="type")
    def type_shown(self, row: SuspendedBooking) -> str:
        return row.get_type_display()

    @admin.display(description="account")
    def account_shown(self, row: SuspendedBooking) -> str | SafeString:
        return link(row.account, whose(row.account))

    @display(
        description="state",
        label={"Waiting": "info", "Posted": "success", "Refused by the account": "danger", "Cancelled": "warning"},
    )
    def state_shown(self, row: SuspendedBooking) -> str:
        return row.get_state_display()

    @admin.display(description="entered")
    def created(self, row: SuspendedBooking) -> str:
        return instant(row.created_at)

    @admin.display(description="ended")
    def ended(self, row: SuspendedBooking) -> str:
        return instant(row.ended_at)

    @admin.display(description="transaction")
    def transaction_shown(self, row: SuspendedBooking) -> str | SafeString:
        return link(row.transaction)
