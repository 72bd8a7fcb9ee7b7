"""Taking a redemption back over HTTP."""

import re

import pytest

from codes.models import Reversal
from ledger import moving
from ledger.models import LedgerTransaction
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, Door


def reverse(door: Door, transaction_id: str, body: object = None, *, key: str | None = None):
    headers = {"Idempotency-Key": key} if key is not None else None
    return door.post(f"{REDEMPTIONS}/{transaction_id}/reversal", body or {"reason": "a mistake"}, headers=headers)


def redeemed(door: Door, *arguments: str) -> str:
    return door.redeem(*arguments).json()["transaction_id"]


def assert_problem(response, status: int, code: str) -> dict:
    body = response.json()
    assert response.headers["Content-Type"] == "application/problem+json"
    assert (response.status_code, body["status"], body["code"]) == (status, status, code), body
    return body


def test_the_money_goes_back_and_the_use_stays_used(tenant: Tenant, program: Door):
    transaction_id = redeemed(program)

    response = reverse(program, transaction_id)

    reversal = Reversal.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "reversal_id": str(reversal.id),
        "transaction_id": transaction_id,
        "reason": "a mistake",
        "give_use_back": False,
        "actor_id": reversal.actor_id,
        "reversed_at": f"{reversal.decided_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert tenant.balance() == 0
    assert tenant.code().state == "used_up"
    assert program.redeem().json()["reason"] == "code_used_up"
    assert program.get(f"{REDEMPTIONS}/{transaction_id}").json()["reversal"] == response.json()


def test_the_use_is_given_back_if_the_reversal_says_so(tenant: Tenant, program: Door):
    response = reverse(program, redeemed(program), {"reason": "a mistake", "give_use_back": True})

    assert response.json()["give_use_back"] is True
    assert program.redeem(claimant_id="u-2002").status_code == 201


def test_once_is_enough(tenant: Tenant, program: Door):
    transaction_id = redeemed(program)
    reverse(program, transaction_id)

    body = assert_problem(reverse(program, transaction_id), 409, "already_reversed")

    assert body["detail"] == "This redemption has already been reversed."
    assert LedgerTransaction.objects.filter(type="reversal").count() == 1


def test_the_same_key_hears_the_same_answer(tenant: Tenant, program: Door):
    transaction_id = redeemed(program)

    first, second = (reverse(program, transaction_id, key="r1") for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert Reversal.objects.count() == 1


def test_the_same_key_for_something_else_is_a_mismatch(tenant: Tenant, program: Door):
    transaction_id = redeemed(program)
    reverse(program, transaction_id, key="r1")

    assert_problem(reverse(program, transaction_id, {"reason": "another"}, key="r1"), 422, "idempotency_mismatch")


def test_money_that_has_been_spent_stays(tenant: Tenant, program: Door):
    transaction_id = redeemed(program)
    moving.spend(tenant.account(), 1, comment="spent", actor_id="system")

    assert_problem(reverse(program, transaction_id), 409, "insufficient_balance")

    assert tenant.balance() == 2499
    assert not Reversal.objects.exists()


def test_only_redemptions_are_reversed(tenant: Tenant, program: Door):
    refused = redeemed(program, "OLD-0001")

    assert_problem(reverse(program, refused), 404, "redemption_not_found")
    assert_problem(reverse(program, "00000000-0000-0000-0000-000000000007"), 404, "redemption_not_found")


BAD = {
    "no reason": ({}, "reason"),
    "an empty reason": ({"reason": ""}, "reason"),
    "a blank reason": ({"reason": "  "}, "reason"),
    "a long reason": ({"reason": "r" * 201}, "reason"),
    "a number": ({"reason": 7}, "reason"),
    "null": ({"reason": None}, "reason"),
    "a control character": ({"reason": "a\x1bb"}, "reason"),
    "a word for a truth": ({"reason": "r", "give_use_back": "yes"}, "give_use_back"),
    "a number for a truth": ({"reason": "r", "give_use_back": 1}, "give_use_back"),
    "null for a truth": ({"reason": "r", "give_use_back": None}, "give_use_back"),
    "an unknown field": ({"reason": "r", "amount": "5.00"}, "amount"),
    "another's site": ({"reason": "r", "site": 2}, "site"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_a_body_that_says_something_else_names_the_field(tenant: Tenant, program: Door, body: dict, field: str):
    response = program.post(f"{REDEMPTIONS}/{redeemed(program)}/reversal", body)

    assert [error["field"] for error in assert_problem(response, 400, "invalid")["errors"]] == [field]
    assert not Reversal.objects.exists()


def test_a_body_that_cannot_be_read(tenant: Tenant, program: Door):
    path = f"{REDEMPTIONS}/{redeemed(program)}/reversal"

    assert_problem(program.post(path, b"{"), 400, "request_malformed")
    assert_problem(program.post(path, b"[]"), 400, "request_malformed")
    assert_problem(program.post(path, b"reason=x", content_type="application/x-www-form-urlencoded"), 415, MEDIA)
    assert_problem(program.post(path, {"reason": "r"}, headers={"Idempotency-Key": "a b"}), 400, "request_malformed")


MEDIA = "unsupported_media_type"


def test_the_longest_reason_fits(tenant: Tenant, program: Door):
    response = reverse(program, redeemed(program), {"reason": "ä" * 200})

    assert response.status_code == 201
    assert re.fullmatch("ä{200}", response.json()["reason"])
