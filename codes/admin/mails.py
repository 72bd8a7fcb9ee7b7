"""Receipts by e-mail: which went out, which wait, and a second chance for those that were given up."""

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm
from accounts.admin.desk import DeskAdmin
from accounts.admin.scope import SiteFilter, actor_id
from accounts.admin.wording import instant, link
from codes import mailing
from codes.admin.deed import CodesDeed
from codes.models import ReceiptMail

State = ReceiptMail.State


class SendAgain(CodesDeed):
    name, label, icon, variant = "send-again", "Send again", "forward_to_inbox", ActionVariant.PRIMARY
    permission = "codes.retry_receiptmail"

    def offered(self, request: HttpRequest, row: ReceiptMail) -> bool:
        return row.state == State.PARKED

    def explain(self, request: HttpRequest, row: ReceiptMail) -> str:
        return "It is tried eight more times, beginning now."

    def perform(self, request: HttpRequest, row: ReceiptMail, form: DeskForm) -> str:
        if not mailing.send_again(row, actor_id=actor_id(request)):
            raise ValidationError("It is not given up any more.")
        return "The receipt will be sent again."


@admin.register(ReceiptMail)
class ReceiptMailAdmin(DeskAdmin):
    site_field = "attempt__site_id"
    deeds = (SendAgain,)
    ordering = ("-attempt_id",)
    list_display = ("receipt", "state_shown", "claimant", "tries", "due", "sent", "error")
    list_filter = (SiteFilter, "state")
    list_select_related = ("attempt__claimant",)
    list_defer = (
        "attempt__checks", "attempt__result", "attempt__given", "attempt__typed", "attempt__lookup", "attempt__fingerprint",
        "attempt__claimant__password",
    )  # fmt: skip
    detail_select_related = ("attempt__claimant", "attempt__site")
    fields = ("receipt", "state_shown", "claimant", "tries", "due", "sent", "error")
    readonly_fields = ("receipt", "state_shown", "claimant", "due", "sent")

    @admin.display(description="receipt")
    def receipt(self, row: ReceiptMail) -> str:
        return row.attempt.receipt_id or str(row.pk)

    @display(
        description="state", label={State.DUE.label: "info", State.SENT.label: "success", State.PARKED.label: "danger"}
    )
    def state_shown(self, row: ReceiptMail) -> str:
        return row.get_state_display()

    @admin.display(description="claimant")
    def claimant(self, row: ReceiptMail) -> str | SafeString:
        return link(row.attempt.claimant)

    @admin.display(description="due")
    def due(self, row: ReceiptMail) -> str:
        return instant(row.due_at)

    @admin.display(description="sent")
    def sent(self, row: ReceiptMail) -> str:
        return instant(row.sent_at)
