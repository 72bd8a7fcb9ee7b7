"""Edits of whole batches over HTTP: said beforehand, ordered once, followed, cancelled; batches switched, capped and deleted."""

from typing import Any

import pytest

from codes import editing
from codes.models import Batch, BatchEdit, Code
from tests.api.conftest import ALL_SCOPES, Tenant
from tests.api.doors import Door, till
from tests.codes.redeeming import assert_sound, holdings, spread
from tests.factories import make_batch, make_client, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(tenant: Tenant) -> Batch:
    return make_batch(tenant.site, count=4, uses=2, name="four")


def order(door: Door, batch: Batch, kind: str, key: str | None = None, **fields: Any) -> Any:
    headers = {"Idempotency-Key": key} if key is not None else None
    return door.post(f"/api/v1/batches/{batch.pk}/edits", {"kind": kind, "reason": "a test", **fields}, headers=headers)


def errors(response: Any) -> dict[str, str]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_what_it_would_do_is_said_and_nothing_is_done(tenant: Tenant, program: Door, batch: Batch):
    before = holdings(tenant.site)

    response = order(program, batch, "uses", max_uses=1, dry_run=True)

    assert response.status_code == 200
    assert response.json() == {
        "codes": 4,
        "looked_at": 4,
        "exact": True,
        "touched": 4,
        "handed_out": 0,
        "used": 0,
        "passed_over": {},
        "moved": [{"asset": "EUR", "type": "voiding", "amount": "20.00"}],
    }
    assert holdings(tenant.site) == before
    assert not BatchEdit.objects.exists()


def test_an_edit_is_accepted_and_its_progress_can_be_read(program: Door, batch: Batch):
    response = order(program, batch, "extend", valid_until="2031-01-01T00:00:00Z")

    edit = BatchEdit.objects.get()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/v1/edits/{edit.pk}"
    assert (response.json()["edit_id"], response.json()["foreseen"]["touched"]) == (edit.pk, 4)
    before = program.get(response.headers["Location"]).json()
    assert (before["state"], before["serial"], before["touched"]) == ("queued", 0, 0)
    editing.work_edit(edit.pk)
    after = program.get(response.headers["Location"]).json()
    assert (after["state"], after["serial"], after["touched"], after["passed_over"]) == ("done", 4, 4, {})
    assert (after["valid_until"], after["reason"], after["moved"]) == ("2031-01-01T00:00:00Z", "a test", [])
    assert Code.objects.filter(batch=batch, valid_until=None).count() == 0


def test_one_key_is_one_edit_and_hears_one_answer(program: Door, batch: Batch):
    first = order(program, batch, "disable", key="k")
    editing.work_edit(first.json()["edit_id"])

    again = order(program, batch, "disable", key="k")

    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert order(program, batch, "enable", key="k").status_code == 422
    assert BatchEdit.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "paint"}, "kind"),
        ({"kind": "uses"}, "max_uses"),
        ({"kind": "uses", "max_uses": 0}, "max_uses"),
        ({"kind": "uses", "max_uses": "3"}, "max_uses"),
        ({"kind": "extend"}, "valid_until"),
        ({"kind": "extend", "valid_until": "tomorrow"}, "valid_until"),
        ({"kind": "disable", "max_uses": 3}, "max_uses"),
        ({"kind": "disable", "reason": ""}, "reason"),
        ({"kind": "disable", "reason": "x" * 201}, "reason"),
        ({"kind": "disable", "dry_run": 1}, "dry_run"),
        ({"kind": "disable", "colour": "red"}, "colour"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_makes_no_sense_is_refused_at_its_field(
    tenant: Tenant, program: Door, batch: Batch, body: dict[str, Any], field: str, dry_run: bool
):
    before = holdings(tenant.site)
    assert list(errors(order(program, batch, **{"dry_run": dry_run, **body}))) == [field]
    assert holdings(tenant.site) == before
    assert not BatchEdit.objects.exists()


def test_a_second_edit_beside_the_first_is_refused(program: Door, batch: Batch):
    order(program, batch, "disable")
    assert "under way" in errors(order(program, batch, "enable"))["batch"]


def test_cancelled_it_goes_no_further(program: Door, batch: Batch, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(editing, "CHUNK", 2)
    where = order(program, batch, "disable").headers["Location"]
    edit = BatchEdit.objects.get()
    editing.edit_chunk(editing.jobs.claim(BatchEdit, edit.pk))

    response = program.post(f"{where}/cancellation", {"reason": "the wrong batch"})

    assert (response.status_code, response.json()["state"]) == (202, "cancelling")
    editing.work_edit(edit.pk)
    assert program.get(where).json()["touched"] == 2
    assert "ended" in errors(program.post(f"{where}/cancellation", {}))["state"]


def test_deleting_a_batch_is_an_edit(tenant: Tenant, program: Door, batch: Batch):
    response = program.send("DELETE", f"/api/v1/batches/{batch.pk}?reason=misprint")

    assert (response.status_code, response.json()["kind"]) == (202, "delete")
    editing.work_edit(response.json()["edit_id"])
    assert spread(batch) == (4_000, 0, 0, 0, 4_000)
    assert program.get(f"/api/v1/batches/{batch.pk}").json()["state"] == "archived"
    assert BatchEdit.objects.get().reason == "misprint"
    listed = {row["id"] for row in program.get("/api/v1/batches").json()["results"]}
    assert batch.pk not in listed
    archived = program.get("/api/v1/batches?state=archived").json()["results"]
    assert [row["id"] for row in archived] == [batch.pk]
    assert_sound()


@pytest.mark.parametrize(
    "query", ["", "?reason=", "?reason=a&reason=b", "?why=x", f"?reason={'x' * 201}", "?reason=%00"]
)
def test_a_batch_is_not_deleted_without_a_reason(program: Door, batch: Batch, query: str):
    assert errors(program.send("DELETE", f"/api/v1/batches/{batch.pk}{query}"))
    assert Batch.objects.get(pk=batch.pk).state == "active"


def test_a_batch_is_switched_and_capped_at_once(program: Door, batch: Batch):
    body = {"state": "disabled", "total_cap": 3, "reason": "pause"}
    response = program.send("PATCH", f"/api/v1/batches/{batch.pk}", body)

    assert response.status_code == 200
    assert (response.json()["state"], response.json()["total_cap"]) == ("disabled", 3)
    assert program.send("PATCH", f"/api/v1/batches/{batch.pk}", {"total_cap": None}).json()["total_cap"] is None


@pytest.mark.parametrize(
    "body", [{"state": "archived"}, {"state": "issuing"}, {"total_cap": 0}, {"name": "other"}, {"total_cap": True}]
)
def test_nothing_else_of_it_is_changed(program: Door, batch: Batch, body: dict[str, Any]):
    assert list(errors(program.send("PATCH", f"/api/v1/batches/{batch.pk}", body))) == list(body)
    assert Batch.objects.get(pk=batch.pk).state == "active"


def test_another_sites_batch_and_edit_do_not_exist(program: Door, batch: Batch):
    elsewhere = make_site(slug="elsewhere", domain="elsewhere.localhost")
    stranger = till(make_client(elsewhere, ALL_SCOPES).key, "elsewhere.localhost")
    order(program, batch, "disable")
    edit = BatchEdit.objects.get()

    for answer in (
        order(stranger, batch, "enable"),
        order(stranger, batch, "enable", dry_run=True),
        stranger.get(f"/api/v1/edits/{edit.pk}"),
        stranger.post(f"/api/v1/edits/{edit.pk}/cancellation", {}),
        stranger.send("PATCH", f"/api/v1/batches/{batch.pk}", {"state": "disabled"}),
        stranger.send("DELETE", f"/api/v1/batches/{batch.pk}?reason=x"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert BatchEdit.objects.get().state == "queued"
