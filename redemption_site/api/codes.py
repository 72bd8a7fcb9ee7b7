"""/api/v1/codes: codes by batch and serial, never by their characters; and changing what one code allows."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import budgets, clock
from accounts.callers import Caller
from accounts.models import User
from accounts.refusals import TooManyAttempts
from codes import uses
from codes.lookup import find_code
from codes.models import Code, IssueOrder
from codes.redemption.guessing import budgets_of_caller
from codes.switching import change_code
from codes.walking import walk
from redemption_site.api import documented
from redemption_site.api.amounts import amount
from redemption_site.api.bodies import CodeChange
from redemption_site.api.filters import CodeFilters
from redemption_site.api.paging import BY_ORDER, encoded, page_size, read_cursor, read_page, write_cursor
from redemption_site.api.problems import Invalid, NotFound
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response

FEW = frozenset({"code", "owner", "serial"})


class CodesView(APIView):
    """The codes of the site."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "read"}

    @documented.LIST_CODES
    def get(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        rows = CodeFilters.applied(request, codes_of(caller))
        typed = request.query_params.get("code")
        if typed:
            found_code = search(caller, typed)
            rows = rows.filter(pk=found_code.pk) if found_code else rows.none()
        found, next_cursor = list_page(request, rows, caller)
        return json_response({"results": [code_body(code) for code in found], "next_cursor": next_cursor})


class CodeView(APIView):
    """One code."""

    http_method_names = ["get", "head", "patch"]
    scopes: ClassVar = {"GET": "read", "PATCH": "manage"}

    @documented.GET_CODE
    def get(self, request: Request, code_id: int) -> HttpResponse:
        return json_response(code_body(one(caller_of(request), code_id)))

    @documented.CHANGE_CODE
    def patch(self, request: Request, code_id: int) -> HttpResponse:
        caller = caller_of(request)
        code = one(caller, code_id)
        given = CodeChange(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        changes: dict[str, Any] = dict(given.validated_data)
        if changes.get("owner") is not None:
            changes["owner"] = claimant(caller, changes["owner"])
        if "max_uses" in changes:
            changes["max_uses"] = uses.stored(changes["max_uses"])
        change_code(code, actor_id=caller.actor_id, **changes)
        return json_response(code_body(one(caller, code_id)))


def list_page(request: Request, rows: "QuerySet[Code]", caller: Caller) -> tuple[list[Code], str | None]:
    """One page, newest first, and the cursor of the next. Raises Invalid.

    Of one spelling, owner or serial there are few; all others are walked by their orders.
    """
    given = request.query_params
    if FEW.intersection(given):
        return read_page(rows.filter(batch__site_id=caller.site_id), request, BY_ORDER)
    size, cursor = page_size(request), given.get("cursor")
    place = None if cursor is None else tuple(read_cursor(cursor, BY_ORDER))
    orders = IssueOrder.objects.filter(site_id=caller.site_id)
    if "batch" in given:
        orders = orders.filter(batch_id=int(given["batch"]))
    page = walk(rows, orders, size, place=place, filtered="state" in given)
    if page.stopped:
        return page.rows, encoded(page.stopped)
    return page.rows, write_cursor(page.rows[-1], BY_ORDER) if page.more else None


def codes_of(caller: Caller) -> "QuerySet[Code]":
    """The site's codes that were issued to the end."""
    known = Code.objects.filter(site_id=caller.site_id, order__state=IssueOrder.State.DONE)
    return known.select_related("terms__asset", "owner", "batch")


def one(caller: Caller, code_id: int) -> Code:
    code = codes_of(caller).filter(pk=code_id).first()
    if code is None:
        raise NotFound
    return code


def claimant(caller: Caller, claimant_id: str) -> User:
    found = User.objects.filter(site_id=caller.site_id, claimant_id=claimant_id).first()
    if found is None:
        raise Invalid([("owner", "This claimant is not known.")])
    return found


def search(caller: Caller, typed: str) -> Code | None:
    """The code of this spelling. Raises TooManyAttempts.

    A miss counts like a failed redemption, or this search would be a door for guessing.
    """
    counted = budgets_of_caller(caller)
    wait = budgets.seconds_until_free(counted)
    found = None if wait else find_code(caller.site_id, typed)
    if not wait and found is None:
        wait = budgets.count_failure(counted, clock.read())
    if wait:
        raise TooManyAttempts(retry_after_seconds=wait)
    return found


def code_body(code: Code) -> dict[str, Any]:
    asset = code.terms.asset
    return {
        "id": code.pk,
        "batch_id": code.batch_id,
        "batch": code.batch.name,
        "serial": code.serial,
        "state": code.state,
        "uses": code.uses,
        "max_uses": uses.limit(code.max_uses),
        "valid_from": code.valid_from,
        "valid_until": code.valid_until,
        "owner": code.owner.claimant_id if code.owner else None,
        "action": code.terms.action,
        "asset": asset.code if asset else None,
        "value": amount(asset, code.terms.value) if asset else None,
        "last_redeemed_at": code.last_redeemed_at,
        "last_actor_id": code.last_actor_id or None,
    }
