"""Orders of codes over HTTP: how far, how fast and how long still; more codes into a living batch; calling one off."""

import pytest

from accounts.models import AuditRecord
from codes import issuing, jobs
from codes.models import Batch, Code, IssueOrder
from codes.switching import switch_batch
from ledger.balances import batch_value
from tests.api.conftest import Tenant
from tests.api.doors import Door, till
from tests.codes.conftest import StoppedClock, stopped_clock
from tests.factories import make_batch, make_client

__all__ = ["stopped_clock"]

NEW = {"name": "Easter", "count": 10, "action": "fulfilment", "parameters": {"item": "An egg"}}


def errors(response) -> dict[str, str]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def more(door: Door, batch: Batch, count: object = 4, key: str | None = None):
    headers = {"Idempotency-Key": key} if key else None
    return door.post(f"/api/v1/batches/{batch.pk}/codes", {"count": count}, headers=headers)


def test_an_order_has_an_address_of_its_own(tenant: Tenant, program: Door):
    accepted = program.post("/api/v1/batches", NEW)

    address = f"/api/v1/orders/{accepted.json()['order_id']}"
    assert accepted.headers["Link"] == f'<{address}>; rel="monitor"'
    order = program.get(address).json()
    assert order["batch_id"] == accepted.json()["batch_id"]
    assert (order["state"], order["wanted"], order["issued"]) == ("queued", 10, 0)
    assert order == {"batch_id": order["batch_id"], **program.get(accepted.headers["Location"]).json()["orders"][0]}
    assert program.get("/api/v1/orders/0").status_code == 404
    assert program.get(f"/api/v1/orders/{'9' * 400}").status_code == 404


def test_it_tells_how_fast_and_how_long_still(
    tenant: Tenant, program: Door, monkeypatch: pytest.MonkeyPatch, stopped_clock: StoppedClock
):
    monkeypatch.setattr(issuing, "CHUNK", 4)
    address = f"/api/v1/orders/{program.post('/api/v1/batches', NEW).json()['order_id']}"

    def told() -> tuple[str, int, float, int | None]:
        order = program.get(address).json()
        return order["state"], order["issued"], order["rate_per_second"], order["seconds_left"]

    assert told() == ("queued", 0, 0.0, None)
    order = jobs.claim(IssueOrder, int(address.rsplit("/", 1)[1]))
    stopped_clock.advance(seconds=2)
    assert told() == ("running", 0, 0.0, None)
    order = issuing.step(order)
    assert told() == ("running", 4, 2.0, 3)
    stopped_clock.advance(seconds=2)
    order = issuing.step(order)
    assert told() == ("running", 8, 2.0, 1)
    issuing.step(order)
    stopped_clock.advance(seconds=60)
    assert told() == ("done", 10, 2.5, 0)


def test_a_job_that_is_undone_tells_no_pace(tenant: Tenant, program: Door, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(issuing, "CHUNK", 4)
    address = f"/api/v1/orders/{program.post('/api/v1/batches', NEW).json()['order_id']}"
    issuing.issue_chunk(jobs.claim(IssueOrder, int(address.rsplit("/", 1)[1])))

    cancelled = program.post(f"{address}/cancellation", {})

    assert (cancelled.status_code, cancelled.headers["Location"]) == (202, address)
    order = cancelled.json()
    assert (order["state"], order["issued"], order["rate_per_second"], order["seconds_left"]) == (
        "cancelling", 4, 0.0, None,
    )  # fmt: skip


class TestMoreCodes:
    def test_they_join_on_the_terms_of_the_last_order_and_book_their_value(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 3, worth_cents=500)

        accepted = more(program, batch)

        order = batch.orders.latest("id")
        assert (accepted.status_code, accepted.headers["Location"]) == (202, f"/api/v1/orders/{order.pk}")
        assert accepted.json() == {
            "batch_id": batch.pk,
            "order_id": order.pk,
            "wanted": 4,
            "issued": 0,
            "state": "queued",
            "created_at": f"{order.created_at:%Y-%m-%dT%H:%M:%SZ}",
        }
        issuing.work_order(order.pk)
        assert batch.codes.count() == 7
        assert batch_value(batch.pk)[0].issued == 3_500

    def test_the_same_key_orders_once(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 1)
        first = more(program, batch, key="m1")
        issuing.work_order(first.json()["order_id"])
        second = more(program, batch, key="m1")

        assert first.content == second.content
        assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
        assert batch.orders.count() == 2
        other = more(program, batch, count=5, key="m1")
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_mismatch")

    def test_a_batch_of_drawn_and_given_codes_draws_on(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 1)
        given = issuing.issue_supplied(issuing.NewBatch(**{**NEW, "site_id": tenant.site.pk, "name": "given", "caller_key": "x", "actor_id": "x"}), ["GIVEN-1"])  # fmt: skip  # noqa: E501
        IssueOrder.objects.create(
            **{
                field.name: getattr(given.orders.get(), field.name)
                for field in IssueOrder._meta.concrete_fields
                if field.name not in ("id", "batch")
            },
            batch=batch,
        )

        assert more(program, batch).status_code == 202
        assert batch.orders.latest("id").terms.format == "ours"

    @pytest.mark.parametrize("count", [0, -1, 10_000_001, "4", 4.0, True, None])
    def test_how_many_is_a_whole_number_in_bounds(self, tenant: Tenant, program: Door, count: object):
        batch = make_batch(tenant.site, 1)

        assert set(errors(more(program, batch, count))) == {"count"}
        assert batch.orders.count() == 1

    def test_a_batch_that_takes_none_says_so(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 1)
        for state in (Batch.State.ISSUING, Batch.State.ARCHIVED, Batch.State.CANCELLED):
            Batch.objects.filter(pk=batch.pk).update(state=state)
            assert set(errors(more(program, batch))) == {"batch"}
        assert set(errors(more(program, tenant.code().batch))) == {"format"}
        assert batch.orders.count() == 1

    def test_a_batch_that_is_switched_off_may_grow(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 1)
        switch_batch(batch, False, actor_id="boss")

        assert more(program, batch).status_code == 202

    def test_unknown_fields_and_batches(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 1)

        body = {"count": 1, "serial": 7}
        assert set(errors(program.post(f"/api/v1/batches/{batch.pk}/codes", body))) == {"serial"}
        assert program.post("/api/v1/batches/999999/codes", {"count": 1}).status_code == 404


class TestCallingOff:
    def test_it_leaves_no_code_and_says_why_in_the_audit(self, tenant: Tenant, program: Door):
        order_id = program.post("/api/v1/batches", NEW).json()["order_id"]

        for _ in range(2):  # Whoever asks twice hears the same, and the audit has it once.
            answer = program.post(f"/api/v1/orders/{order_id}/cancellation", {"reason": "wrong egg"})
            assert (answer.status_code, answer.json()["state"]) == (202, "cancelling")
        issuing.work_order(order_id)

        assert program.get(f"/api/v1/orders/{order_id}").json()["state"] == "cancelled"
        assert program.post(f"/api/v1/orders/{order_id}/cancellation", {}).json()["state"] == "cancelled"
        assert not Code.objects.filter(order=order_id).exists()
        assert AuditRecord.objects.get(action="batch.cancel").detail == {"reason": "wrong egg"}

    def test_too_late_changes_nothing(self, tenant: Tenant, program: Door):
        batch = make_batch(tenant.site, 3)

        answer = program.post(f"/api/v1/orders/{batch.orders.get().pk}/cancellation", {})

        assert (answer.status_code, answer.json()["code"]) == (409, "order_done")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert batch.codes.count() == 3
        assert not AuditRecord.objects.filter(action="batch.cancel").exists()

    @pytest.mark.parametrize("body", [{"reason": 7}, {"reason": "x" * 201}, {"why": "x"}])
    def test_a_body_that_says_something_else(self, tenant: Tenant, program: Door, body: dict):
        order_id = program.post("/api/v1/batches", NEW).json()["order_id"]

        assert errors(program.post(f"/api/v1/orders/{order_id}/cancellation", body))
        assert IssueOrder.objects.get(pk=order_id).state == "queued"

    def test_who_may_only_read_calls_nothing_off(self, tenant: Tenant, program: Door):
        order_id = program.post("/api/v1/batches", NEW).json()["order_id"]
        reader = till(make_client(tenant.site, ["read"]).key)

        assert reader.post(f"/api/v1/orders/{order_id}/cancellation", {}).status_code == 403
        assert IssueOrder.objects.get(pk=order_id).state == "queued"


class TestReplenishing:
    def test_a_batch_may_replenish_itself(self, tenant: Tenant, program: Door):
        accepted = program.post("/api/v1/batches", {**NEW, "replenish_below": 5, "replenish_by": 20})

        batch = program.get(accepted.headers["Location"]).json()
        assert (batch["replenish_below"], batch["replenish_by"], batch["replenish_error"]) == (5, 20, None)
        listed = program.get("/api/v1/batches?name=Easter").json()["results"][0]
        assert listed["replenish_by"] == 20

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"replenish_below": 5}, "replenish_by"),
            ({"replenish_by": 5}, "replenish_below"),
            ({"replenish_below": 0, "replenish_by": 5}, "replenish_below"),
            ({"replenish_below": 5, "replenish_by": 10_000_001}, "replenish_by"),
            ({"replenish_below": "5", "replenish_by": 5}, "replenish_below"),
            ({"replenish_below": 5, "replenish_by": 1.5}, "replenish_by"),
            ({"replenish_below": True, "replenish_by": 5}, "replenish_below"),
            ({"replenish_error": "x"}, "replenish_error"),
        ],
    )
    def test_both_or_none_within_bounds(self, tenant: Tenant, program: Door, fields: dict, field: str):
        batches = Batch.objects.count()

        assert set(errors(program.post("/api/v1/batches", {**NEW, **fields}))) == {field}
        assert Batch.objects.count() == batches
