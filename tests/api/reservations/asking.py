"""How the tests ask for reservations over HTTP, and what they look at afterwards."""

from typing import Any

from tests.api.conftest import Tenant
from tests.api.doors import Door

RESERVATIONS = "/api/v1/reservations"


def place(door: Door, *holds: dict[str, Any], key: str | None = None, **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else None
    return door.post(RESERVATIONS, {"claimant_id": "u-1001", "holds": list(holds), **fields}, headers=headers)


def confirm(door: Door, placed: Any, key: str | None = None, **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else None
    told = placed.json()
    return door.post(f"{RESERVATIONS}/{told['id']}/confirm", {"token": told["token"], **fields}, headers=headers)


def release(door: Door, placed: Any) -> Any:
    return door.post(f"{RESERVATIONS}/{placed.json()['id']}/release", {})


def get(door: Door, placed: Any) -> Any:
    return door.get(f"{RESERVATIONS}/{placed.json()['id']}")


def code(text: str = "ABC-E6W5F") -> dict[str, Any]:
    return {"code": text}


def amount(amount: Any, kind: str = "cash") -> dict[str, Any]:
    return {"kind": kind, "amount": amount}


def told(answer: Any) -> tuple[int, str]:
    """Status and code of a problem."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status_code, answer.json()["code"]


def errors(answer: Any) -> set[str]:
    return {each["field"] for each in answer.json()["errors"]}


def held(tenant: Tenant) -> int:
    return tenant.account().held
