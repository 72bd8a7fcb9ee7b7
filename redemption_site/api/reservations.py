"""/api/v1/reservations: setting codes, cash and points aside, and then taking them together or giving them back."""

import datetime as dt
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts import clock
from accounts.callers import Caller
from accounts.refusals import Refusal
from codes import confirming, lookup, releasing, reservations, reserving
from codes.models import CodeHold
from ledger.models import AccountHold, Reservation
from redemption_site.api import reservation_schema
from redemption_site.api.amounts import amount
from redemption_site.api.flow import REPLAYED
from redemption_site.api.idempotency import idempotency_key
from redemption_site.api.problems import NotFound, refused
from redemption_site.edge.answers import answer_to
from redemption_site.edge.authentication import caller_of
from redemption_site.edge.parsing import read_json_object
from redemption_site.edge.rendering import json_response

CONSUMED = Reservation.Ending.CONSUMED


class ReservationsView(APIView):
    """Make a reservation."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "redeem"}

    @reservation_schema.PLACE
    def post(self, request: Request) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = reservation_schema.ReservationBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        said = given.validated_data
        places = [place for place, hold in enumerate(said["holds"]) if "code" in hold]
        command = reserving.PlaceReservation(
            caller=caller,
            claimant_id=said["claimant_id"],
            codes=tuple(said["holds"][place]["code"] for place in places),
            amounts={hold["kind"]: hold["amount"] for hold in said["holds"] if "kind" in hold},
            seconds=said["seconds"],
            idempotency_key=key,
        )
        try:
            placed = reserving.place(command)
        except reserving.NotHeld as error:
            return refused_hold(error.refusal, None if error.place is None else places[error.place])
        path = f"/api/v1/reservations/{placed.reservation_id}"
        headers = {"Location": path, **(REPLAYED if placed.replayed else {})}
        return json_response(placed_body(found(caller, placed.reservation_id), placed.token), 201, headers)


class ReservationView(APIView):
    """One reservation."""

    http_method_names = ["get", "head"]
    scopes: ClassVar = {"GET": "redeem"}

    @reservation_schema.GET
    def get(self, request: Request, reservation_id: UUID) -> HttpResponse:
        return json_response(reservation_body(found(caller_of(request), reservation_id), clock.read()))


class ConfirmationView(APIView):
    """Take what a reservation holds."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "redeem"}

    @reservation_schema.CONFIRM
    def post(self, request: Request, reservation_id: UUID) -> HttpResponse:
        caller = caller_of(request)
        key = idempotency_key(request._request)
        given = reservation_schema.ConfirmationBody(data=read_json_object(request._request))
        given.is_valid(raise_exception=True)
        reservation = found(caller, reservation_id)
        command = confirming.ConfirmReservation(
            caller=caller,
            reservation=reservation,
            token=given.validated_data["token"],
            amounts=given.validated_data.get("amounts", {}),
            reference=given.validated_data.get("reference", ""),
            idempotency_key=key,
        )
        try:
            replayed = confirming.confirm(command)
        except confirming.NotConfirmed as error:
            held = [hold.pk for hold in reservation.code_holds.all()]
            return refused_hold(error.refusal, held.index(error.hold_id))
        body = reservation_body(found(caller, reservation_id), clock.read())
        return json_response(body, 200, REPLAYED if replayed else None)


class ReleaseView(APIView):
    """Give back what a reservation holds."""

    http_method_names = ["post"]
    scopes: ClassVar = {"POST": "redeem"}

    @reservation_schema.RELEASE
    def post(self, request: Request, reservation_id: UUID) -> HttpResponse:
        caller = caller_of(request)
        reservation_schema.ReleaseBody(data=read_json_object(request._request)).is_valid(raise_exception=True)
        releasing.release(found(caller, reservation_id))
        return json_response(reservation_body(found(caller, reservation_id), clock.read()))


def found(caller: Caller, reservation_id: UUID) -> Reservation:
    """The caller's own reservation. Raises NotFound."""
    reservation = reservations.of_caller(caller, reservation_id)
    if reservation is None:
        raise NotFound
    return reservation


def refused_hold(refusal: Refusal, place: int | None) -> HttpResponse:
    """A refusal, with the hold that it is of, if it is of one code."""
    if place is None:
        return refused(refusal)
    return refused(refusal, [{"field": f"holds.{place}", "message": str(answer_to(refusal).message)}])


def placed_body(reservation: Reservation, token: str) -> dict[str, Any]:
    """As it was made, whatever has become of it since, so that a replay says the same."""
    return {
        "id": reservation.pk,
        "token": token,
        "claimant_id": reservation.owner.claimant_id if reservation.owner else "",
        "created_at": reservation.created_at,
        "expires_at": reservation.expires_at,
        "holds": [
            *({"code": lookup.shown(hold.code)} for hold in reservation.code_holds.all()),
            *(held_body(hold) for hold in reservation.account_holds.all()),
        ],
    }


def held_body(hold: AccountHold) -> dict[str, Any]:
    asset = hold.account.asset
    return {"kind": hold.account.kind, "asset": asset.code, "amount": amount(asset, hold.original_amount)}


def reservation_body(reservation: Reservation, now: dt.datetime) -> dict[str, Any]:
    state = reservations.state_of(reservation, now)
    return {
        "id": reservation.pk,
        "claimant_id": reservation.owner.claimant_id if reservation.owner else "",
        "state": state,
        "created_at": reservation.created_at,
        "expires_at": reservation.expires_at,
        "ended_at": reservation.ended_at,
        "holds": [
            *(code_body(hold, state) for hold in reservation.code_holds.all()),
            *(amount_body(hold, state) for hold in reservation.account_holds.all()),
        ],
    }


def code_body(hold: CodeHold, state: str) -> dict[str, Any]:
    return {
        "code": lookup.shown(hold.code),
        "state": hold.ended_as or state,
        "transaction_id": hold.attempt_id,
        "receipt_id": hold.attempt.receipt_id if hold.attempt else None,
    }


def amount_body(hold: AccountHold, state: str) -> dict[str, Any]:
    consumed = hold.ended_as == CONSUMED
    return {
        **held_body(hold),
        "state": hold.ended_as or state,
        "taken": amount(hold.account.asset, hold.amount) if consumed else None,
        "transaction_id": hold.spent_by_id if consumed else None,
    }
