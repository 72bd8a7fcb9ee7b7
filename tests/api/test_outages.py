"""The database away: 503 in the form of the route, never a 500; and what a redemption costs while it is there."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from codes.models import Attempt
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_code
from tests.api.conftest import ALL_SCOPES, Tenant
from tests.api.doors import REDEMPTIONS, VALIDATIONS, Door, signed_in, till
from tests.factories import caller_of, make_client, make_code
from tests.outages import WAYS_TO_BE_AWAY, IdleTooLong

UNAVAILABLE = "Redemption is not available right now. Nothing was changed."


@contextmanager
def database_away(error: type[Exception]) -> Iterator[None]:
    """Whatever is asked of the database fails, until the block ends."""

    def fail(*_: object):
        raise error("server closed the connection unexpectedly")

    with mock.patch.object(type(connections["default"]), "_cursor", fail):
        yield


any_error = pytest.mark.parametrize("error", WAYS_TO_BE_AWAY)


def doors(tenant: Tenant) -> dict[str, Door]:
    remembered, unknown = (till(make_client(tenant.site, ALL_SCOPES).key) for _ in range(2))
    remembered.get("/api/v1/batches")
    return {"a key just verified": remembered, "a key": unknown, "a login": signed_in(tenant.claimants["u-1001"])}


@any_error
def test_every_route_says_503_in_its_own_form(tenant: Tenant, error: type[Exception]):
    body = {"code": "ABC-E6W5F", "claimant_id": "u-1001"}
    for door in doors(tenant).values():
        with database_away(error):
            flow = [door.post(path, body) for path in (REDEMPTIONS, VALIDATIONS)]
            other = door.get(f"{REDEMPTIONS}/00000000-0000-0000-0000-000000000007")

        for response in flow:
            told = response.json()
            assert (response.status_code, told["reason"], told["message"]) == (503, "service_unavailable", UNAVAILABLE)
            assert (told["retryable"], told["next_steps"]) == (True, ["try_again"])
        assert (other.status_code, other.json()["code"]) == (503, "service_unavailable")
        assert other.headers["Content-Type"] == "application/problem+json"
        assert all(int(response.headers["Retry-After"]) >= 1 for response in (*flow, other))


@any_error
def test_what_could_not_be_read_cannot_be_noted_either(tenant: Tenant, error: type[Exception]):
    door = doors(tenant)["a key just verified"]

    with database_away(error):
        assert door.post(REDEMPTIONS, b"{").status_code == 503


def test_one_that_goes_away_within_a_redemption_is_503_and_nothing_has_moved(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: object, **__: object):
        raise IdleTooLong("terminating connection due to idle-in-transaction timeout")

    monkeypatch.setattr("codes.redemption.engine.post", fail)

    response = till(make_client(tenant.site).key).redeem()

    assert (response.status_code, response.json()["reason"]) == (503, "service_unavailable")
    assert (tenant.code().uses, tenant.balance()) == (0, 0)
    assert not Attempt.objects.exists()


def test_the_edge_adds_no_statement_to_a_redemption(tenant: Tenant):
    new = make_client(tenant.site)
    door, caller = till(new.key), caller_of(new)
    make_code(tenant.site, "WARM-0001")
    make_code(tenant.site, "FRESH-0001")
    door.redeem("WARM-0001")

    with CaptureQueriesContext(connection) as in_process:
        redeem_code(RedeemCode(caller, "FRESH-0001", "u-1001", idempotency_key="k"))
    with CaptureQueriesContext(connection) as over_http:
        assert door.redeem(key="k2").status_code == 201

    assert len(over_http) == len(in_process)


def test_a_bug_is_500_in_the_form_of_the_route_and_tells_nothing(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object):
        raise RuntimeError("secret detail")

    door = till(make_client(tenant.site, ALL_SCOPES).key)
    door.browser.raise_request_exception = False
    monkeypatch.setattr("codes.redemption.facts.lock", fail)
    monkeypatch.setattr("redemption_site.api.batches.batch_body", fail)

    redeeming, listing = door.redeem(), door.get("/api/v1/batches")

    assert (redeeming.status_code, redeeming.json()["reason"]) == (500, "internal_error")
    assert (listing.status_code, listing.json()["code"]) == (500, "internal_error")
    for response in (redeeming, listing):
        assert b"secret" not in response.content
