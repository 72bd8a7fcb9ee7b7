"""/api/v1/batches/{id}/edits and /api/v1/edits/{id}: one change to all codes of a batch, worked off in the background."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import clock
from accounts.callers import Caller
from codes import jobs, uses
from codes.editing import cancel_edit, order_edit
from codes.foreseeing import NewEdit, foresee
from codes.models import Batch, BatchEdit
from ledger.models import Asset
from redemption_site.api import bodies, edit_schema
from redemption_site.api.amounts import amount
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.problems import Invalid, NotFound
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import is_plain, read_json_object
from redemption_site.edge.rendering import json_response


class BatchEditsView(APIView):
    """Order an edit of a batch, or ask what it would do."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "manage"}

    @edit_schema.ORDER_EDIT
    def post(self, request: Request, batch_id: int) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        batch = batch_of(caller, batch_id)
        given = edit_schema.EditBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        wanted: dict[str, Any] = dict(given.validated_data)
        dry_run = wanted.pop("dry_run")
        if "max_uses" in wanted:
            wanted["max_uses"] = uses.stored(wanted["max_uses"])
        if dry_run:
            return json_response(foreseen_body(foresee(batch, NewEdit(**wanted))))
        return ordered(batch, NewEdit(**wanted), caller, key)


class EditView(APIView):
    """One edit of a batch."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @edit_schema.GET_EDIT
    def get(self, request: Request, edit_id: int) -> HttpResponse:
        return json_response(edit_body(edit_of(caller_of(request), edit_id)))


class EditCancellationView(APIView):
    """Have an edit go no further."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "manage"}

    @edit_schema.CANCEL_EDIT
    def post(self, request: Request, edit_id: int) -> HttpResponse:
        caller = caller_of(request)
        edit = edit_of(caller, edit_id)
        given = bodies.CancellationBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        if not cancel_edit(edit, actor_id=caller.actor_id, reason=given.validated_data.get("reason", "")):
            raise Invalid([("state", "This edit has ended, or is being cancelled already.")])
        return json_response(edit_body(edit_of(caller, edit_id)), 202)


def delete(request: Request, batch_id: int) -> HttpResponse:
    """DELETE /batches/{id}: an edit of the kind delete, whose reason stands in the query."""
    caller = caller_of(request)
    key = idempotency_key(request._request)
    batch = batch_of(caller, batch_id)
    unknown = [(name, "There is no such parameter.") for name in request.query_params if name != "reason"]
    reasons = request.query_params.getlist("reason")
    if unknown or len(reasons) > 1 or not is_plain("".join(reasons)):
        raise Invalid(unknown or [("reason", "Say why, once, without control characters.")])
    return ordered(batch, NewEdit(kind=BatchEdit.Kind.DELETE, reason="".join(reasons)), caller, key)


def ordered(batch: Batch, new: NewEdit, caller: Caller, key: str | None) -> HttpResponse:
    edit, replayed = order_edit(batch, new, caller_key=caller.key, actor_id=caller.actor_id, idempotency_key=key)
    headers = {"Location": f"/api/v1/edits/{edit.pk}", **(REPLAYED if replayed else {})}
    return json_response(accepted_body(edit), 202, headers)


def batch_of(caller: Caller, batch_id: int) -> Batch:
    batch = Batch.objects.filter(site_id=caller.site_id, pk=batch_id).first()
    if batch is None:
        raise NotFound
    return batch


def edit_of(caller: Caller, edit_id: int) -> BatchEdit:
    edit = BatchEdit.objects.filter(site_id=caller.site_id, pk=edit_id).first()
    if edit is None:
        raise NotFound
    return edit


def accepted_body(edit: BatchEdit) -> dict[str, Any]:
    """An edit as it was ordered, so that a replay says the same however far it has come since."""
    return {
        "edit_id": edit.pk,
        "batch_id": edit.batch_id,
        "kind": edit.kind,
        "state": BatchEdit.State.QUEUED.value,
        "last_serial": edit.last_serial,
        "foreseen": foreseen_body(edit.foreseen),
        "created_at": edit.created_at,
    }


def edit_body(edit: BatchEdit) -> dict[str, Any]:
    _, seconds_left = jobs.pace(edit, clock.read())
    parameters: dict[str, Any] = {
        name: parse_datetime(value) if isinstance(value, str) else value
        for name, value in edit.parameters.items()
        if name != "was"
    }
    if "max_uses" in parameters:
        parameters["max_uses"] = uses.limit(parameters["max_uses"])
    return {
        **accepted_body(edit),
        **parameters,
        "state": edit.state,
        "reason": edit.reason,
        "actor_id": edit.actor_id,
        "serial": edit.serial,
        "touched": edit.touched,
        "passed_over": edit.reasons,
        "moved": moved_body(edit.moved),
        "seconds_left": None if edit.ended else seconds_left,
        "error": edit.error or None,
        "started_at": edit.started_at,
        "finished_at": edit.finished_at,
    }


def foreseen_body(foreseen: dict[str, Any]) -> dict[str, Any]:
    """In an order of its own, for a replay is byte for byte the first answer and the database keeps none."""
    names = ("codes", "looked_at", "exact", "touched", "handed_out", "used")
    return {
        **{name: foreseen[name] for name in names},
        "passed_over": dict(sorted(foreseen["passed_over"].items())),
        "moved": moved_body(foreseen["moved"]),
    }


def moved_body(moved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assets = {asset.code: asset for asset in Asset.objects.filter(code__in={each["asset"] for each in moved})}
    return [
        {"asset": each["asset"], "type": each["type"], "amount": amount(assets[each["asset"]], each["amount"])}
        for each in moved
    ]
