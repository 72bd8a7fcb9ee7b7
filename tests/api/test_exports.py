"""Exports over the API: a scope of its own, a stream of rows, the audit, and nothing of another site."""

import csv
import io
import json

import pytest

from accounts.models import AuditRecord, Client
from codes.models import Code
from tests.api.conftest import ALL_SCOPES, Tenant
from tests.api.doors import Door, till
from tests.factories import make_batch, make_client, make_site

pytestmark = pytest.mark.django_db


def path(batch_id: int, **query: object) -> str:
    asked = "&".join(f"{name}={value}" for name, value in {"reason": "print", **query}.items() if value is not None)
    return f"/api/v1/batches/{batch_id}/export?{asked}"


def body(response) -> bytes:
    """Read to its end, which closes the export. Closing the answer too would take the test's connection away."""
    return b"".join(response.streaming_content)


def test_the_codes_of_a_batch_as_csv(program: Door, tenant: Tenant):
    code = tenant.code()

    response = program.get(path(code.batch_id))

    assert response.status_code == 200
    assert response.streaming
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    name = f"batch-{code.batch_id}-codes-1-1.csv"
    assert response.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    heading, row = csv.reader(io.StringIO(body(response).decode(), newline=""))
    assert row[heading.index("code")] == "ABC-E6W5F"


def test_json_lines_filtered_by_state_and_range(program: Door, tenant: Tenant):
    batch = make_batch(tenant.site, count=5)
    Code.objects.filter(batch=batch, serial=3).update(state="disabled")

    response = program.get(path(batch.pk, format="jsonl", state="active", from_serial=2, to_serial=4))

    assert response.headers["Content-Type"] == "application/jsonl"
    assert [json.loads(line)["serial"] for line in body(response).splitlines()] == [2, 4]
    assert b"serial" not in body(program.get(path(batch.pk, after=4))), "Without the heading."


def test_who_why_and_how_many_is_audited(program: Door, tenant: Tenant):
    batch = make_batch(tenant.site, count=5)

    body(program.get(path(batch.pk)))

    begun, ended = AuditRecord.objects.filter(action__startswith="batch.export").order_by("id")
    assert begun.actor_id == ended.actor_id == Client.objects.get().prefix
    assert (begun.detail["reason"], begun.detail["door"], ended.detail["rows"]) == ("print", "api", 5)


@pytest.mark.parametrize("scope", sorted({*ALL_SCOPES} - {"export"}))
def test_no_other_scope_exports(tenant: Tenant, scope: str):
    response = till(make_client(tenant.site, [scope]).key).get(path(tenant.code().batch_id))

    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
    assert not AuditRecord.objects.filter(action="batch.export").exists()


def test_the_scope_opens_nothing_else(tenant: Tenant):
    exporter = till(make_client(tenant.site, ["export"]).key)

    assert exporter.get("/api/v1/codes").status_code == 403
    assert exporter.get(f"/api/v1/batches/{tenant.code().batch_id}").status_code == 403


def test_a_browser_login_exports_nothing(anna: Door, tenant: Tenant):
    assert anna.get(path(tenant.code().batch_id)).status_code == 403


def test_another_sites_batch_is_not_found(program: Door):
    other = make_batch(make_site(), count=1)

    assert program.get(path(other.pk)).status_code == 404
    assert program.get(path(999_999_999)).status_code == 404


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"reason": None}, "reason"), ({"reason": ""}, "reason"), ({"reason": "%20"}, "reason"), ({"format": "xml"}, "format"),
        ({"state": "expired"}, "state"), ({"from_serial": "x"}, "from_serial"), ({"from_serial": 0}, "from_serial"),
        ({"from_serial": 9, "to_serial": 8}, "to_serial"), ({"page_size": 5}, "page_size"), ({"colour": "red"}, "colour"),
        ({"reason": "a%00b"}, "reason"), ({"reason": "x" * 201}, "reason"),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_said_by_its_field(program: Door, tenant: Tenant, query: dict, field: str):
    response = program.get(path(tenant.code().batch_id, **query))

    assert response.status_code == 400
    assert {error["field"] for error in response.json()["errors"]} == {field}
    assert not AuditRecord.objects.filter(action="batch.export").exists()


def test_a_head_leaves_no_trace_of_an_export_that_never_was(program: Door, tenant: Tenant):
    assert program.send("HEAD", path(tenant.code().batch_id)).status_code == 405
    assert not AuditRecord.objects.filter(action="batch.export").exists()
