"""/api/v1/imports: codes made elsewhere, sent as a file, checked, and imported once they are confirmed."""

import re
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.callers import Caller
from codes import import_problems, importing
from codes.models import Batch, CodeImport, IssueOrder
from redemption_site.api import documented_imports as documented
from redemption_site.api.batches import FIELD_NAMES, new_batch
from redemption_site.api.bodies import ImportBody
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.problems import Conflict, Invalid, NotFound, of_django
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import LARGEST_BODY, parse_json, read_body, read_json_object
from redemption_site.edge.rendering import json_response
from redemption_site.edge.uploads import Part, read_upload

PARTS = frozenset({"file", "batch", "batch_id"})
NUMBER = re.compile(r"[0-9]{1,18}")


class ImportsView(APIView):
    """Send a file to be checked."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "issue"}

    @documented.CHECK_FILE
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        parts = read_upload(request._request)
        given = ImportBody(data=read_wish(parts))
        given.is_valid(raise_exception=True)
        try:
            source, replayed = importing.receive_import(new_import(given.validated_data, parts["file"], caller, key))
        except ValidationError as error:
            raise in_api_words(error) from error
        headers = {"Location": f"/api/v1/imports/{source.pk}", **(REPLAYED if replayed else {})}
        return json_response(accepted_body(source), 202, headers)


class ImportView(APIView):
    """How far a check has come and what it found; discarding the import."""

    http_method_names = ["get", "head", "delete"]
    scopes: ClassVar = {"GET": "issue", "DELETE": "issue"}

    @documented.GET_IMPORT
    def get(self, request: Request, import_id: int) -> HttpResponse:
        return json_response(import_body(find(request, import_id)))

    @documented.DISCARD_IMPORT
    def delete(self, request: Request, import_id: int) -> HttpResponse:
        source = find(request, import_id)
        discarded = importing.discard_import(source, actor_id=caller_of(request).actor_id)
        source.refresh_from_db()
        if not discarded and source.state not in (CodeImport.State.CANCELLING, CodeImport.State.CANCELLED):
            raise Conflict("already_confirmed", "This import was confirmed: its codes are ordered.")
        return json_response(import_body(source), 202)


class ImportProblemsView(APIView):
    """Every row that is not imported, and why."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "issue"}

    @documented.GET_PROBLEMS
    def get(self, request: Request, import_id: int) -> HttpResponseBase:
        source = find(request, import_id)
        response = StreamingHttpResponse(import_problems.as_csv(source), content_type="text/csv; charset=utf-8")
        response.headers["Cache-Control"] = "no-store"
        response.headers["Content-Disposition"] = f'attachment; filename="import-{source.pk}-problems.csv"'
        return response


class ImportConfirmationView(APIView):
    """Have the good rows imported."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "issue"}

    @documented.CONFIRM_IMPORT
    def post(self, request: Request, import_id: int) -> HttpResponse:
        read_nothing(request)
        source, caller = find(request, import_id), caller_of(request)
        try:
            order = importing.confirm_import(source.pk, caller_key=caller.key, actor_id=caller.actor_id)
        except ValidationError as error:
            if "state" in error.message_dict or "file" in error.message_dict:
                raise Conflict("not_importable", " ".join(error.messages)) from error
            raise in_api_words(error) from error
        location = {"Location": f"/api/v1/batches/{order.batch_id}"}
        return json_response({"import_id": source.pk, "batch_id": order.batch_id, "order_id": order.pk}, 202, location)


def find(request: Request, import_id: int) -> CodeImport:
    """The import, of the caller's site. Raises NotFound."""
    rows = CodeImport.objects.filter(site_id=caller_of(request).site_id, pk=import_id)
    source = rows.defer("ordered").select_related("order").first()
    if source is None:
        raise NotFound
    return source


def read_wish(parts: dict[str, Part]) -> dict[str, Any]:
    """What the parts beside the file say. Raises Invalid, RequestMalformed."""
    wrong = [(name, "There is no such field.") for name in parts if name not in PARTS]
    if "file" not in parts or parts["file"].file_name is None:
        wrong.append(("file", "A file is wanted here."))
    if ("batch" in parts) == ("batch_id" in parts):
        wrong.append(("batch", "Say either the batch to be, or the batch_id of one that exists."))
    if wrong:
        raise Invalid(wrong)
    if "batch" in parts:
        return {"batch": parse_json(parts["batch"].text().encode()[: LARGEST_BODY + 1])}
    text = parts["batch_id"].text().strip()
    return {"batch_id": int(text) if NUMBER.fullmatch(text) else text}


def read_nothing(request: Request) -> None:
    """A body may say {} or nothing. Raises RequestMalformed, UnsupportedMediaType, Invalid."""
    if read_body(request._request, LARGEST_BODY):
        given = read_json_object(request._request)
        if given:
            raise Invalid([(name, "There is no such field.") for name in given])


def new_import(given: dict[str, Any], file: Part, caller: Caller, key: str | None) -> importing.NewImport:
    """The file and the wish in the deed's words. Raises Invalid on a batch that the caller's site does not have."""
    batch = None
    if "batch_id" in given:
        batch = Batch.objects.filter(site_id=caller.site_id, pk=given["batch_id"]).first()
        if batch is None:
            raise Invalid([("batch_id", "There is no such batch.")])
    return importing.NewImport(
        site_id=caller.site_id,
        caller_key=caller.key,
        actor_id=caller.actor_id,
        file=file.content,
        file_name=file.file_name or "",
        new=None if batch else new_batch({**given["batch"], "count": 1, "format": "ours"}, caller, None),
        batch=batch,
        idempotency_key=key,
    )


def in_api_words(error: ValidationError) -> Invalid:
    """The deed's complaints under the names that the client used."""
    own = {"file": "file", "batch": "batch_id"}
    return Invalid(
        [
            (own.get(row["field"]) or f"batch.{FIELD_NAMES.get(row['field'], row['field'])}", row["message"])
            for row in of_django(error)
        ]
    )


def accepted_body(source: CodeImport) -> dict[str, Any]:
    """An import as it was received, so that a replay says the same however far it has come since."""
    return {
        "id": source.pk,
        "state": CodeImport.State.QUEUED.value,
        "size": source.size,
        "created_at": source.created_at,
    }


def import_body(source: CodeImport) -> dict[str, Any]:
    order: IssueOrder | None = getattr(source, "order", None)
    layout = source.layout
    return {
        "id": source.pk,
        "state": source.state,
        "file_name": source.file_name or None,
        "size": source.size,
        "read": source.read,
        "layout": {name: layout[name] for name in ("encoding", "separator", "heading", "columns")},
        **{name: getattr(source, name) for name in ("rows", "good", "bad", "known", "repeated")},
        "error": source.error or None,
        "batch_id": order.batch_id if order else source.batch_id,
        "order_id": order.pk if order else None,
        "created_at": source.created_at,
        "finished_at": source.finished_at,
        "confirmed_at": source.confirmed_at,
    }
