"""A claimant's points over the API: read with their lots; granted with a reason, once per key, by keys of the scope alone."""

import datetime as dt

import pytest

from accounts import clock
from accounts.models import AuditRecord
from ledger.models import LedgerAccount, Lot, PointsGrant
from ledger.points_accounts import points_account, read_points
from tests.api.conftest import Tenant
from tests.api.doors import signed_in, till
from tests.factories import make_asset, make_claimant, make_client, make_site
from tests.ledger.granted import grant

pytestmark = pytest.mark.django_db
PATH = "/api/v1/claimants/u-1001/points"
GIFT = {"amount": 500, "kind": "campaign", "reason": "spring"}


@pytest.fixture
def door(tenant: Tenant):
    make_asset("PTS")
    return till(make_client(tenant.site, ["read", "points"]).key)


def granting(door, key=None, path=PATH, **fields):
    return door.post(path, GIFT | fields, headers={"Idempotency-Key": key} if key else None)


def nothing_moved():
    return not PointsGrant.objects.exists() and not LedgerAccount.objects.filter(kind="points").exists()


def test_points_are_granted_and_told_with_their_lots(tenant: Tenant, door):
    until = "2999-01-01T00:00:00Z"
    answer = granting(door, comment="Welcome!", expires_at=until)

    body = answer.json()
    made = PointsGrant.objects.get()
    assert answer.status_code == 201
    assert body == {
        "transaction_id": str(made.transaction_id),
        "claimant_id": "u-1001",
        "asset": "PTS",
        "kind": "campaign",
        "amount": 500,
        "reason": "spring",
        "comment": "Welcome!",
        "expires_at": until,
        "actor_id": made.actor_id,
        "granted_at": body["granted_at"],
    }
    assert made.caller.startswith("client:")
    granting(door, amount=-120, kind="correction", reason="twice")
    lot = Lot.objects.get()
    assert door.get(PATH).json() == {
        "claimant_id": "u-1001",
        "asset": "PTS",
        "state": "open",
        "balance": 380,
        "held": 0,
        "available": 380,
        "lots": [{"lot_id": lot.pk, "remaining": 380, "held": 0, "expires_at": until}],
    }
    assert AuditRecord.objects.filter(action="points.grant").count() == 2


def test_a_key_grants_once_and_answers_the_same_byte_for_byte(tenant: Tenant, door):
    first, again = granting(door, "k-1"), granting(door, "k-1")

    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert (first.get("Idempotent-Replayed"), again["Idempotent-Replayed"]) == (None, "true")
    assert granting(door, "k-1", amount=501).status_code == 422
    assert granting(door, "k-1", path="/api/v1/claimants/u-2002/points").status_code == 422
    assert read_points(points_account(tenant.claimants["u-1001"])).balance == 500


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        *(({"amount": amount}, "amount") for amount in (0, -1, "5", 5.0, True, None, 10**12 + 1, 10**30)),
        *(({"kind": kind}, "kind") for kind in ("present", "", None, 1)),
        *(({"reason": reason}, "reason") for reason in ("", "  ", None, "x" * 201, "a\x00b", 7)),
        *(({"expires_at": at}, "expires_at") for at in ("2999-01-01", "soon", 7, "2999-01-01T00:00:00")),
        ({"amount": -5, "kind": "correction", "expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
        ({"comment": "x" * 201}, "comment"),
        ({"balance": 1}, "balance"),
    ],
)
def test_what_cannot_be_granted_moves_nothing_and_opens_no_account(tenant: Tenant, door, fields, field):
    answer = granting(door, **fields)

    assert answer.status_code == 400, answer.content
    # What no door of ours reads is refused before any field is looked at.
    assert [each["field"] for each in answer.json().get("errors", [])] in ([], [field])
    assert nothing_moved()


def test_an_end_that_has_passed_is_refused(tenant: Tenant, door):
    answer = granting(door, expires_at=(clock.read() - dt.timedelta(seconds=1)).isoformat())

    assert answer.status_code == 400
    assert not PointsGrant.objects.exists()


def test_a_reason_is_never_left_out(tenant: Tenant, door):
    assert door.post(PATH, {"amount": 5, "kind": "campaign"}).status_code == 400
    assert nothing_moved()


def test_what_the_account_does_not_permit_is_a_conflict(tenant: Tenant, door):
    granting(door, amount=10)
    assert granting(door, amount=-11, kind="correction").json()["code"] == "insufficient_balance"
    LedgerAccount.objects.filter(kind="points").update(state="closed")
    closed = granting(door)

    assert (closed.status_code, closed.json()["code"]) == (409, "account_locked")
    assert PointsGrant.objects.count() == 1


def test_a_site_without_a_programme_says_so(tenant: Tenant):
    answer = granting(till(make_client(tenant.site, ["points"]).key))

    assert answer.status_code == 400
    assert "PTS" in answer.json()["errors"][0]["message"]
    assert nothing_moved()


def test_only_keys_of_the_scope_grant_and_only_for_whom_they_act(tenant: Tenant, door):
    for scopes in (["redeem"], ["read"], ["cash", "manage"]):
        assert granting(till(make_client(tenant.site, scopes).key)).status_code == 403
    assert granting(signed_in(tenant.claimants["u-1001"])).status_code == 403
    limited = till(make_client(tenant.site, ["points"], acts_as=[tenant.claimants["u-2002"]]).key)
    assert granting(limited).status_code == 403
    assert limited.get(PATH).status_code == 403
    assert nothing_moved()


def test_who_is_unknown_has_none_or_is_of_another_site_is_not_found(tenant: Tenant, door):
    make_claimant(make_site(slug="acme"), claimant_id="u-7777")
    for claimant_id in ("u-7777", "nobody", "%00"):
        assert granting(door, path=f"/api/v1/claimants/{claimant_id}/points").status_code == 404
        assert door.get(f"/api/v1/claimants/{claimant_id}/points").status_code == 404
    assert door.get(PATH).status_code == 404
    assert nothing_moved()


def test_what_has_expired_is_gone_from_the_reading(tenant: Tenant, door, monkeypatch):
    granting(door)
    account = points_account(tenant.claimants["u-1001"])
    grant(account, 30, 5)
    later = clock.read() + dt.timedelta(days=5)
    monkeypatch.setattr(clock, "read", lambda *_: later)

    body = door.get(PATH).json()

    assert (body["balance"], body["lots"]) == (500, [])
