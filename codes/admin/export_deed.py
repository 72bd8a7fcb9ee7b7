"""Exporting a batch's codes from the desk: the page asks for format, range and reason, and answers with the file."""

from django import forms
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from accounts.admin.deeds import DeskForm
from accounts.admin.scope import actor_id
from codes import exporting
from codes.admin.deed import CodesDeed
from codes.export_formats import FORMATS
from codes.models import Batch, Code, IssueOrder

SERIAL = {"inputmode": "numeric", "autocomplete": "off"}


class ExportForm(DeskForm):
    format = forms.ChoiceField(choices=[(name, each.label) for name, each in FORMATS.items()])
    state = forms.ChoiceField(choices=[("", "Any"), *Code.State.choices], required=False)
    from_serial = forms.IntegerField(
        required=False, min_value=1, label="From serial", widget=forms.NumberInput(attrs=SERIAL),
        help_text="Empty: from the first.",
    )  # fmt: skip
    to_serial = forms.IntegerField(
        required=False, min_value=1, label="To serial", widget=forms.NumberInput(attrs=SERIAL),
        help_text="Included. Empty: to the last.",
    )  # fmt: skip
    reason = forms.CharField(max_length=200, help_text="Kept in the audit, with your name and how many codes left.")


class ExportBatch(CodesDeed):
    name, label, icon = "export", "Export codes", "download"
    permission = "codes.export_codes"
    form_class = ExportForm
    answers_with_a_file = True

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return any(order.state == IssueOrder.State.DONE for order in row.orders.all())  # Read with the batch.

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return (
            "The file holds the codes as they can be redeemed: whoever has it can use them. "
            "If its last line says “incomplete”, export the rest by its serials."
        )

    def perform(self, request: HttpRequest, row: Batch, form: ExportForm) -> HttpResponseBase:
        asked = {name: form.cleaned_data[name] for name in ("format", "state", "from_serial", "to_serial", "reason")}
        export = exporting.export_codes(exporting.ExportCodes(row, actor_id=actor_id(request), door="desk", **asked))
        return StreamingHttpResponse(export, headers=export.headers)
