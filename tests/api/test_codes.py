"""Codes over HTTP: known by batch and serial, never by their characters; and changing what one allows."""

import pytest

from accounts.models import AuditRecord
from codes.models import Code
from codes.switching import switch_batch
from tests.api.conftest import Tenant
from tests.api.doors import Door
from tests.factories import make_batch, make_claimant, make_site

CODES = "/api/v1/codes"


def change(door: Door, code: Code, body: object):
    return door.send("PATCH", f"{CODES}/{code.pk}", body)


def errors(response) -> dict[str, str]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_a_code_is_told_by_batch_and_serial(tenant: Tenant, program: Door):
    code = tenant.code("OWN-0001")

    response = program.get(f"{CODES}/{code.pk}")

    assert response.json() == {
        "id": code.pk,
        "batch_id": code.batch_id,
        "batch": code.batch.name,
        "serial": 1,
        "state": "active",
        "uses": 0,
        "max_uses": 1,
        "valid_from": None,
        "valid_until": None,
        "owner": "u-2002",
        "action": "credit",
        "asset": "EUR",
        "value": "25.00",
        "last_redeemed_at": None,
        "last_actor_id": None,
    }
    assert b"OWN" not in response.content


def test_a_used_code_tells_when_and_by_whom(tenant: Tenant, program: Door, anna: Door):
    redeemed_at = anna.redeem().json()["receipt"]["redeemed_at"]

    body = program.get(f"{CODES}/{tenant.code().pk}").json()

    assert (body["state"], body["uses"], body["last_redeemed_at"], body["last_actor_id"]) == (
        "used_up",
        1,
        redeemed_at,
        "u-1001",
    )


def test_codes_are_filtered(tenant: Tenant, program: Door):
    def ids(query: str) -> list[int]:
        response = program.get(f"{CODES}?{query}")
        assert response.status_code == 200, response.content
        return [row["id"] for row in response.json()["results"]]

    everything = [code.pk for code in Code.objects.filter(site=tenant.site).order_by("-id")]
    assert ids("") == everything
    assert ids("state=disabled") == [tenant.code("OFF-0001").pk]
    assert ids("owner=u-2002") == [tenant.code("OWN-0001").pk]
    assert ids(f"batch={tenant.code().batch_id}&serial=1") == [tenant.code().pk]
    assert ids("serial=2") == []
    assert ids("code=abc+e6w5f") == [tenant.code().pk]
    assert ids("code=ABC-E6W5F&state=disabled") == []
    assert ids("code=NOPE-0001") == []
    assert ids("code=***") == []


def test_codes_are_paged_by_id(tenant: Tenant, program: Door):
    batch = make_batch(tenant.site, 7)

    seen, cursor, pages = [], "", 0
    while cursor is not None:
        page = program.get(f"{CODES}?batch={batch.pk}&page_size=3{cursor and f'&cursor={cursor}'}").json()
        seen += [row["serial"] for row in page["results"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert (sorted(seen), pages) == (list(range(1, 8)), 3)


def test_a_page_costs_two_queries(tenant: Tenant, program: Door, django_assert_num_queries):
    program.get(CODES)

    with django_assert_num_queries(2):  # The orders, and their codes.
        program.get(CODES)


def test_searching_by_code_is_no_door_for_guessing(tenant: Tenant, program: Door):
    tenant.site.guesses_per_client = 3
    tenant.site.save()

    misses = [program.get(f"{CODES}?code=NOPE-000{number}").status_code for number in range(4)]
    found = program.get(f"{CODES}?code=ABC-E6W5F")

    assert misses == [200, 200, 200, 429]
    assert (found.status_code, found.json()["code"]) == (429, "too_many_attempts")
    assert int(found.headers["Retry-After"]) > 0


def test_a_code_whose_order_is_not_done_is_unknown(tenant: Tenant, program: Door):
    from codes.issuing import issue_chunk, order_batch
    from codes.models import IssueOrder
    from tests.factories import new_batch

    order, _ = order_batch(new_batch(tenant.site, count=2, worth_cents=1, name="Half"))
    IssueOrder.objects.filter(pk=order.pk).update(state="running")
    order.refresh_from_db()
    assert issue_chunk(order).state == "done"
    code = Code.objects.filter(batch=order.batch_id).first()
    assert program.get(f"{CODES}/{code.pk}").status_code == 200
    IssueOrder.objects.filter(pk=order.pk).update(state="running")

    assert program.get(f"{CODES}/{code.pk}").status_code == 404
    assert program.get(f"{CODES}?batch={order.batch_id}").json()["results"] == []


def test_what_is_left_out_stays(tenant: Tenant, program: Door):
    before = program.get(f"{CODES}/{tenant.code().pk}").json()

    response = change(program, tenant.code(), {})

    assert (response.status_code, response.json()) == (200, before)


def test_switching_off_and_on(tenant: Tenant, program: Door):
    code = tenant.code()

    changed = change(program, code, {"state": "disabled", "reason": "lost"})
    assert changed.json()["state"] == "disabled"
    assert program.redeem().json()["reason"] == "code_disabled"
    assert change(program, code, {"state": "active"}).json()["state"] == "active"
    assert program.redeem().status_code == 201
    audited = AuditRecord.objects.filter(action="code.change", object_id=str(code.pk)).order_by("id")
    assert audited[0].detail["reason"] == "lost"
    assert audited[0].request_id == changed.headers["X-Request-ID"]


def test_validity_uses_and_owner(tenant: Tenant, program: Door):
    body = {
        "valid_from": "2026-01-01T00:00:00+01:00",
        "valid_until": "2199-01-01T00:00:00Z",
        "max_uses": 3,
        "owner": "u-2002",
    }

    told = change(program, tenant.code(), body).json()

    assert (told["valid_from"], told["valid_until"], told["max_uses"], told["owner"]) == (
        "2025-12-31T23:00:00Z",
        "2199-01-01T00:00:00Z",
        3,
        "u-2002",
    )
    assert program.redeem().json()["reason"] == "not_entitled"
    again = change(program, tenant.code(), {"valid_from": None, "valid_until": None, "owner": None}).json()
    assert (again["valid_from"], again["valid_until"], again["owner"]) == (None, None, None)
    assert program.redeem().json()["receipt"]["uses_left"] == 2


BAD = {
    "an unknown state": ({"state": "lost"}, "state"),
    "a state that only using gives": ({"state": "used_up"}, "state"),
    "a state as a number": ({"state": 1}, "state"),
    "null": ({"state": None}, "state"),
    "a day": ({"valid_until": "2199-01-01"}, "valid_until"),
    "no offset": ({"valid_until": "2199-01-01T00:00:00"}, "valid_until"),
    "an instant as a number": ({"valid_until": 7226582400}, "valid_until"),
    "an end before the start": (
        {"valid_from": "2199-01-01T00:00:00Z", "valid_until": "2198-01-01T00:00:00Z"},
        "valid_until",
    ),
    "no uses": ({"max_uses": 0}, "max_uses"),
    "uses as a text": ({"max_uses": "2"}, "max_uses"),
    "too many uses": ({"max_uses": 1_000_001}, "max_uses"),
    "an unknown owner": ({"owner": "u-9999"}, "owner"),
    "an owner in other letters": ({"owner": "U-2002"}, "owner"),
    "an owner elsewhere": ({"owner": "u-8008"}, "owner"),
    "an owner as a number": ({"owner": 2002}, "owner"),
    "uses that were not": ({"uses": 0}, "uses"),
    "another batch": ({"batch_id": 1}, "batch_id"),
    "the code itself": ({"code": "ABC-E6W5F"}, "code"),
    "its value": ({"value": "100.00"}, "value"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_a_change_that_cannot_be_is_named_and_changes_nothing(tenant: Tenant, program: Door, body: dict, field: str):
    make_claimant(make_site(domain="elsewhere.localhost"), claimant_id="u-8008")
    before = program.get(f"{CODES}/{tenant.code().pk}").json()

    assert set(errors(change(program, tenant.code(), body))) == {field}

    assert program.get(f"{CODES}/{tenant.code().pk}").json() == before


def test_a_deleted_code_never_changes_again(tenant: Tenant, program: Door):
    assert change(program, tenant.code(), {"state": "deleted"}).json()["state"] == "deleted"

    assert "state" in errors(change(program, tenant.code(), {"state": "active"}))
    assert program.redeem().json()["reason"] == "code_not_found"


def test_uses_that_were_used_cannot_be_taken(tenant: Tenant, program: Door):
    program.redeem("MULTI-0001")
    program.redeem("MULTI-0001", "u-2002")

    assert "max_uses" in errors(change(program, tenant.code("MULTI-0001"), {"max_uses": 1}))
    assert change(program, tenant.code("MULTI-0001"), {"max_uses": 2}).json()["state"] == "used_up"


def test_a_batch_switched_off_is_not_the_codes_own_state(tenant: Tenant, program: Door):
    switch_batch(tenant.code().batch, False, actor_id="system")

    assert program.get(f"{CODES}/{tenant.code().pk}").json()["state"] == "active"
    assert program.redeem().json()["reason"] == "code_disabled"
