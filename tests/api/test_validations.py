"""Judging without redeeming: the same judgement, every check, nothing changed (issue: point 7)."""

import pytest

from codes.models import Attempt
from codes.redemption import facts
from tests.api.conftest import Tenant
from tests.api.doors import VALIDATIONS, Door, till
from tests.factories import make_client


def validate(door: Door, code: str = "ABC-E6W5F", claimant_id: str = "u-1001", **fields: str):
    return door.post(VALIDATIONS, {"code": code, "claimant_id": claimant_id, **fields})


def test_a_valid_code_is_valid_as_often_as_it_is_asked_and_nothing_changes(tenant: Tenant, program: Door):
    first, second = validate(program), validate(program)

    assert (first.status_code, first.json()["status"]) == (200, "valid")
    assert set(first.json()) == {"status", "checks"}
    assert [check["check"] for check in first.json()["checks"]] == [check["check"] for check in second.json()["checks"]]
    assert all(check["passed"] for check in first.json()["checks"])
    assert first.headers["Cache-Control"] == "no-store"
    assert not Attempt.objects.exists()
    assert (tenant.code().uses, tenant.balance()) == (0, 0)
    assert program.redeem().status_code == 201


@pytest.mark.parametrize(
    ("code", "reason", "step", "check"),
    [
        ("***", "code_format_invalid", 2, "readable"),
        ("NOPE-0001", "code_not_found", 3, "code_found"),
        ("OLD-0001", "code_expired", 4, "not_expired"),
        ("OFF-0001", "code_disabled", 4, "switched_on"),
        ("SOON-0001", "code_not_yet_valid", 4, "started"),
        ("OWN-0001", "not_entitled", 5, "entitled"),
    ],
)
def test_an_invalid_code_says_why_and_shows_each_check(
    tenant: Tenant, program: Door, code: str, reason: str, step: int, check: str
):
    body = validate(program, code).json()

    redeemed = program.redeem(code).json()
    assert (body["status"], body["reason"], body["step"]) == ("invalid", reason, step)
    same = ("reason", "message", "step", "step_name", "retryable", "next_steps")
    assert {name: body[name] for name in same} == {name: redeemed[name] for name in same}
    assert "transaction_id" not in body
    *passed, last = body["checks"]
    assert all(each["passed"] for each in passed)
    assert (last["check"], last["passed"]) == (check, False)


def test_values_seen_are_for_readers_alone(tenant: Tenant, program: Door, anna: Door):
    redeemer = till(make_client(tenant.site, ["redeem"]).key)

    assert all("seen" in check for check in validate(program).json()["checks"])
    for door in (redeemer, anna):
        assert all(set(check) == {"step", "step_name", "check", "passed"} for check in validate(door).json()["checks"])


def test_a_form_is_judged_too(tenant: Tenant, program: Door):
    response = program.post(
        VALIDATIONS, b"code=ABC-E6W5F&claimant_id=u-1001", content_type="application/x-www-form-urlencoded"
    )

    assert response.json()["status"] == "valid"


def test_guesses_count_as_they_do_when_redeeming(tenant: Tenant, anna: Door):
    for _ in range(10):
        assert validate(anna, "NOPE-0001").status_code == 200

    validating, redeeming = validate(anna), anna.redeem()

    for response in (validating, redeeming):
        assert (response.status_code, response.json()["reason"]) == (429, "too_many_attempts")
        assert int(response.headers["Retry-After"]) > 0
    assert "checks" not in validating.json()


def test_a_database_that_is_away_is_503(tenant: Tenant, program: Door, monkeypatch: pytest.MonkeyPatch):
    from django.db import OperationalError

    def fail(*_):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(facts, "lock", fail)

    response = validate(program)

    assert (response.status_code, response.json()["reason"]) == (503, "service_unavailable")
    assert response.headers["Retry-After"]


def test_missing_and_long_fields_are_judgements(tenant: Tenant, program: Door):
    assert program.post(VALIDATIONS, {"claimant_id": "u-1001"}).json()["reason"] == "missing_code"
    assert program.post(VALIDATIONS, {"code": "ABC-E6W5F"}).json()["reason"] == "missing_claimant"
    assert validate(program, channel="C" * 31).json()["reason"] == "field_too_long"
