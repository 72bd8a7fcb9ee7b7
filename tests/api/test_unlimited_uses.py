"""Codes without a limit of uses over HTTP: null in, null out; with value refused at the field."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import MULTIPART_CONTENT, encode_multipart

from codes import importing, issuing
from codes.models import Batch, Code, CodeImport, Terms
from codes.models.terms import UNLIMITED_USES
from tests.api.conftest import Tenant
from tests.api.doors import Door
from tests.factories import make_batch

WORD = {
    "name": "Burgers",
    "code": "BURGER",
    "uses": None,
    "action": "fulfilment",
    "parameters": {"item": "A burger"},
}


def errors(answer) -> dict[str, str]:
    assert answer.status_code == 400, answer.content
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


def test_a_word_without_a_limit_is_issued_at_once_and_told_as_such(program: Door, tenant: Tenant, anna: Door):
    answer = program.post("/api/v1/batches", WORD)

    assert answer.status_code == 202
    batch_id = answer.json()["batch_id"]
    batch = program.get(f"/api/v1/batches/{batch_id}").json()
    assert (batch["state"], batch["orders"][0]["terms"]["uses"]) == ("active", None)
    assert (batch["orders"][0]["terms"]["format"], batch["codes"]["active"]) == ("supplied", 1)
    [code] = program.get(f"/api/v1/codes?batch={batch_id}").json()["results"]
    assert code["max_uses"] is None
    told = anna.redeem("burger", "u-1001").json()
    assert told["receipt"]["uses_left"] is None
    again = program.get(f"/api/v1/redemptions/{told['transaction_id']}").json()
    assert again["receipt"]["uses_left"] is None
    assert b"2147483647" not in program.get(f"/api/v1/redemptions?batch={batch_id}").content
    assert program.redeem("Burger", "u-2002").status_code == 201


def test_its_key_is_its_own(program: Door, tenant: Tenant):
    first, again = (program.post("/api/v1/batches", WORD, headers={"Idempotency-Key": "w1"}) for _ in range(2))
    other = program.post("/api/v1/batches", {**WORD, "code": "FRIES"}, headers={"Idempotency-Key": "w1"})

    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")
    assert Batch.objects.filter(name="Burgers").count() == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"action": "credit", "parameters": {}, "asset": "EUR", "value": "5.00"}, "uses"),
        ({"uses": 0}, "uses"),
        ({"uses": UNLIMITED_USES}, "uses"),
        ({"uses": "unlimited"}, "uses"),
        ({"code": "?"}, "code"),
        ({"code": "ABC-E6W5F"}, "code"),
        ({"code": None}, "code"),
        ({"code": ""}, "code"),
        ({"code": "x" * 101}, "code"),
        ({"count": 1}, "count"),
        ({"format": "ours"}, "format"),
        ({"pattern": "####"}, "pattern"),
        ({"replenish_below": 1, "replenish_by": 1}, "replenish_below"),
        ({"name": "ABC"}, None),
    ],
)
def test_what_cannot_be_is_refused_at_its_field(program: Door, tenant: Tenant, fields: dict, field: str | None):
    before = Batch.objects.count(), Terms.objects.count(), Code.objects.count()
    if field is None:
        program.post("/api/v1/batches", {**WORD, "name": "ABC", "code": "OTHER"})
        before = tuple(each + 1 for each in before)
        field = "name"

    assert field in errors(program.post("/api/v1/batches", {**WORD, **fields}))
    assert (Batch.objects.count(), Terms.objects.count(), Code.objects.count()) == before


def test_neither_count_nor_code_is_refused(program: Door, tenant: Tenant):
    body = {name: value for name, value in WORD.items() if name != "code"}

    assert errors(program.post("/api/v1/batches", body)) == {"count": "This field is required."}


def test_drawn_codes_may_be_without_a_limit_too(program: Door, tenant: Tenant):
    body = {**{name: value for name, value in WORD.items() if name != "code"}, "count": 2}
    order = program.post("/api/v1/batches", body).json()["order_id"]
    issuing.work_order(order)

    assert program.get(f"/api/v1/orders/{order}").json()["terms"]["uses"] is None
    assert set(Code.objects.filter(order=order).values_list("max_uses", flat=True)) == {UNLIMITED_USES}


def test_a_code_changes_to_no_limit_and_back_and_one_with_value_does_not(program: Door, tenant: Tenant):
    program.post("/api/v1/batches", {**WORD, "uses": 3})
    code = Code.objects.latest("id")
    address = f"/api/v1/codes/{code.pk}"

    assert program.send("PATCH", address, {"max_uses": None}).json()["max_uses"] is None
    assert program.send("PATCH", address, {"max_uses": 5}).json()["max_uses"] == 5
    worth = tenant.code()
    assert "max_uses" in errors(program.send("PATCH", f"/api/v1/codes/{worth.pk}", {"max_uses": None}))
    worth.refresh_from_db()
    assert worth.max_uses == 1


def test_an_edit_may_take_the_limit_off(program: Door, tenant: Tenant):
    batch = make_batch(tenant.site, 2, worth_cents=0)
    body = {"kind": "uses", "max_uses": None, "reason": "why"}

    told = program.post(f"/api/v1/batches/{batch.pk}/edits", {**body, "dry_run": True}).json()
    assert told["touched"] == 2
    edit = program.post(f"/api/v1/batches/{batch.pk}/edits", body).json()["edit_id"]
    assert program.get(f"/api/v1/edits/{edit}").json()["max_uses"] is None
    worth = make_batch(tenant.site, 2, worth_cents=100)
    assert "max_uses" in errors(program.post(f"/api/v1/batches/{worth.pk}/edits", body))


def test_an_import_may_be_without_a_limit(program: Door, tenant: Tenant):
    wish = {name: value for name, value in WORD.items() if name != "code"}
    parts = {"file": SimpleUploadedFile("codes.csv", b"code\nBURGER\n"), "batch": json.dumps(wish)}
    body = encode_multipart("BoUnDaRyStRiNg", parts)

    answer = program.post("/api/v1/imports", body, content_type=MULTIPART_CONTENT)
    assert answer.status_code == 202, answer.content
    source = CodeImport.objects.get()
    importing.work_import(source)
    order = program.post(f"/api/v1/imports/{source.pk}/confirmation", {}).json()["order_id"]
    issuing.work_order(order)
    assert Code.objects.get(order=order).max_uses == UNLIMITED_USES
