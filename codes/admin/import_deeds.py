"""What may be done about imports: sending a file, confirming what the check found, discarding it."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.safestring import mark_safe
from unfold.enums import ActionVariant

from accounts.admin.deeds import DeskForm
from accounts.admin.scope import actor_id, caller_key, sites_where, staff_of
from codes import importing
from codes.admin.deed import CodesDeed
from codes.admin.import_form import ImportForm, ImportMoreForm
from codes.admin.import_words import counted, worth_said
from codes.models import Batch, CodeImport

State = CodeImport.State
TOO_LARGE = "The file is larger than 32 MiB. Send it in parts."


class SendFile(CodesDeed):
    """A page with a file to choose; one that is too large is refused before the rest of the form is looked at."""

    permission = "codes.issue_codes"

    def page(self, request: HttpRequest, row: Any = None) -> HttpResponseBase:
        sent = request.POST if request.method == "POST" else None  # Looked at, so that the file has been read.
        if sent is None or not getattr(request, "upload_too_large", False) or not self.allowed(request, row):
            return super().page(request, row)
        form = self.form(request, row)
        form.full_clean()
        form.errors.clear()
        form.add_error("file", TOO_LARGE)
        response = self.render(request, row, {"form": form, "explain": self.explain(request, row)})
        response.status_code = 413
        return response

    def render(self, request: HttpRequest, row: Any, context: dict[str, Any], template: str = "") -> Any:
        encoded = {"form_attributes": mark_safe('enctype="multipart/form-data"'), **context}
        return super().render(request, row, encoded, template)

    def receive(self, request: HttpRequest, form: Any, site_id: int, **wish: Any) -> HttpResponse:
        file = form.cleaned_data["file"]
        source, _ = importing.receive_import(
            importing.NewImport(
                site_id=site_id,
                caller_key=caller_key(request),
                actor_id=actor_id(request),
                file=file.read(),
                file_name=file.name or "",
                idempotency_key=form.key,
                **wish,
            )
        )
        return HttpResponseRedirect(reverse("admin:codes_codeimport_change", args=[source.pk]))


class ImportCodes(SendFile):
    name, label, icon, variant = "upload", "Import codes", "upload_file", ActionVariant.PRIMARY
    form_class = ImportForm
    scripts = ("codes/issue.js",)

    def initial(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        sites = sites_where(staff_of(request), self.permission)
        return {"time_zone": sites[0].time_zone, "site": sites[0]} if sites else {}

    def explain(self, request: HttpRequest, row: Any) -> str:
        return "Codes made elsewhere. The file is only checked at first; nothing becomes a code before you confirm."

    def perform(self, request: HttpRequest, row: Any, form: ImportForm) -> HttpResponse:
        new = form.new_batch(caller_key(request), actor_id(request))
        try:
            return self.receive(request, form, new.site_id, new=new)
        except ValidationError as error:
            raise form.at_its_field(error) from error


class ImportMore(SendFile):
    name, label, icon = "import-more", "Import more", "upload_file"
    form_class = ImportMoreForm

    def offered(self, request: HttpRequest, row: Batch) -> bool:
        return row.state in (Batch.State.ACTIVE, Batch.State.DISABLED)

    def explain(self, request: HttpRequest, row: Batch) -> str:
        return f"More codes made elsewhere, into “{row}”, on the terms of its last order. You confirm after the check."

    def perform(self, request: HttpRequest, row: Batch, form: ImportMoreForm) -> HttpResponse:
        return self.receive(request, form, row.site_id, batch=row)


class ConfirmImport(CodesDeed):
    name, label, icon, variant = "confirm", "Confirm", "check", ActionVariant.PRIMARY
    permission = "codes.issue_codes"

    def offered(self, request: HttpRequest, row: CodeImport) -> bool:
        return row.state == State.DONE and row.confirmed_at is None and row.good > 0

    def explain(self, request: HttpRequest, row: CodeImport) -> str:
        into = row.ordered.get("name") or row.batch
        left_out = f" Left out: {counted(row.rows - row.good, 'row')}." if row.rows > row.good else ""
        return f"{counted(row.good, 'code')}{worth_said(row)} will go into “{into}”.{left_out}"

    def perform(self, request: HttpRequest, row: CodeImport, form: DeskForm) -> HttpResponse:
        order = importing.confirm_import(row.pk, caller_key=caller_key(request), actor_id=actor_id(request))
        return HttpResponseRedirect(reverse("admin:codes_batch_change", args=[order.batch_id]))


class DiscardImport(CodesDeed):
    name, label, icon, variant = "discard", "Discard", "delete", ActionVariant.DANGER
    permission = "codes.issue_codes"

    def offered(self, request: HttpRequest, row: CodeImport) -> bool:
        return row.confirmed_at is None and row.state not in (State.CANCELLING, State.CANCELLED)

    def explain(self, request: HttpRequest, row: CodeImport) -> str:
        return "The file and all that was read from it are removed. No code comes of it."

    def perform(self, request: HttpRequest, row: CodeImport, form: DeskForm) -> str:
        if not importing.discard_import(row, actor_id=actor_id(request)):
            raise ValidationError("Too late: it has been confirmed.")
        return f"“{row}” is being discarded."
