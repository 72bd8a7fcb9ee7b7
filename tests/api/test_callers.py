"""Who may ask: API keys and browser logins, their scopes, and the site they belong to."""

import datetime as dt
import uuid
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from django.http import HttpResponse

from accounts import client_keys, clock, remembering
from accounts.models import Client
from codes.models import Attempt
from redemption_site.edge import authentication
from tests.api.conftest import ALL_SCOPES, Tenant
from tests.api.doors import REDEMPTIONS, VALIDATIONS, Door, signed_in, stranger, till
from tests.factories import make_batch, make_claimant, make_client, make_code, make_site, make_staff

PROBLEM = "application/problem+json"
NOBODY = uuid.UUID(int=7)
# Method, path, body and the scope that the route asks for.
ROUTES = [
    ("POST", REDEMPTIONS, {"code": "ABC-E6W5F", "claimant_id": "u-1001"}, "redeem"),
    ("GET", REDEMPTIONS, None, "read"),
    ("POST", VALIDATIONS, {"code": "ABC-E6W5F", "claimant_id": "u-1001"}, "redeem"),
    ("GET", f"{REDEMPTIONS}/{NOBODY}", None, None),
    ("POST", f"{REDEMPTIONS}/{NOBODY}/reversal", {"reason": "why"}, "reverse"),
    ("GET", "/api/v1/batches", None, "read"),
    (
        "POST",
        "/api/v1/batches",
        {"name": "B", "count": 1, "action": "fulfilment", "parameters": {"item": "A coffee"}},
        "issue",
    ),
    ("GET", "/api/v1/batches/1", None, "read"),
    ("PATCH", "/api/v1/batches/1", {"state": "disabled"}, "manage"),
    ("DELETE", "/api/v1/batches/1?reason=why", None, "manage"),
    ("POST", "/api/v1/batches/1/edits", {"kind": "disable", "reason": "why"}, "manage"),
    ("GET", "/api/v1/edits/1", None, "read"),
    ("POST", "/api/v1/edits/1/cancellation", {}, "manage"),
    ("POST", "/api/v1/batches/999999/codes", {"count": 1}, "issue"),
    ("GET", "/api/v1/orders/999999", None, "read"),
    ("POST", "/api/v1/orders/999999/cancellation", {}, "issue"),
    ("POST", "/api/v1/batches/999999/assignments", {"claimant_id": "u-1001"}, "assign"),
    ("GET", "/api/v1/claimants/u-1001/codes", None, "assign"),
    ("GET", "/api/v1/claimants/u-1001/account", None, "read"),
    ("GET", "/api/v1/codes", None, "read"),
    ("GET", "/api/v1/codes/1", None, "read"),
    ("PATCH", "/api/v1/codes/1", {"state": "disabled"}, "manage"),
]
BY_NAME = [f"{method} {path.replace(str(NOBODY), 'id')}" for method, path, _, _ in ROUTES]
each_route = pytest.mark.parametrize(("method", "path", "body", "scope"), ROUTES, ids=BY_NAME)


def speaks_flow(path: str) -> bool:
    return path in (REDEMPTIONS, VALIDATIONS)


def reason_of(response: HttpResponse, path: str) -> str:
    """The stable word of a failure, whose form depends on the route alone."""
    if speaks_flow(path):
        assert response.headers["Content-Type"] == "application/json"
        return response.json()["reason"]
    assert response.headers["Content-Type"] == PROBLEM
    body = response.json()
    assert body["status"] == response.status_code
    assert {"type", "title", "status", "code", "detail"} <= set(body)
    return body["code"]


@each_route
@pytest.mark.parametrize("slash", ["", "/"])
def test_without_credentials_every_route_says_401(tenant: Tenant, method, path, body, scope, slash):
    response = stranger().send(method, path + slash, body)

    assert (response.status_code, reason_of(response, path)) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


BAD_CREDENTIALS = {
    "empty": "",
    "no scheme": "rk000000000000.secret",
    "basic": "Basic cms6c2VjcmV0",
    "bearer without a key": "Bearer",
    "bearer with a space": "Bearer  ",
    "no secret": "Bearer rk000000000000.",
    "unknown prefix": "Bearer rk000000000000." + "a" * 43,
    "not ASCII": "Bearer rk000000000000.ключключключключключключ",
    "NUL": "Bearer rk00\x00000000000." + "a" * 43,
    "very long": "Bearer " + "a" * 5_000,
    "two keys": "Bearer rk000000000000.aaaaaaaaaaaaaaaaaaaaaaa, Bearer x",
}


@pytest.mark.parametrize("header", BAD_CREDENTIALS.values(), ids=BAD_CREDENTIALS.keys())
def test_garbage_in_the_header_is_401_even_with_a_login(tenant: Tenant, anna: Door, header: str):
    anna.headers["Authorization"] = header

    assert anna.redeem().status_code == 401
    assert not Attempt.objects.exists()


def test_a_right_prefix_with_a_wrong_secret(tenant: Tenant):
    key = make_client(tenant.site).key

    assert till(key[:-1] + ("A" if key[-1] != "A" else "B")).redeem().status_code == 401
    assert till(key).redeem().status_code == 201


def test_the_scheme_is_read_in_any_case(tenant: Tenant):
    assert Door("t.localhost", {"Authorization": f"bEARER {make_client(tenant.site).key}"}).redeem().status_code == 201


def test_an_expired_key_is_dead(tenant: Tenant):
    hour = dt.timedelta(hours=1)

    assert till(make_client(tenant.site, expires_at=clock.read() - hour).key).redeem().status_code == 401
    assert till(make_client(tenant.site, expires_at=clock.read() + hour).key).redeem().status_code == 201


def test_a_revoked_key_is_dead_within_five_seconds(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    seconds = [100.0]
    monkeypatch.setattr(remembering, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    new = make_client(tenant.site)
    assert till(new.key).redeem().status_code == 201
    client_keys.revoke(new.client, actor_id="system")

    seconds[0] = 105.0

    assert till(new.key).redeem().status_code == 401


def test_a_verified_key_is_remembered_and_costs_no_query(tenant: Tenant, django_assert_num_queries: Callable):
    new = make_client(tenant.site)
    door = till(new.key)
    assert door.redeem().status_code == 201
    Client.objects.filter(pk=new.client.pk).update(scopes=[])

    with django_assert_num_queries(0):
        assert door.post(VALIDATIONS, b"", content_type="text/plain").status_code == 415


def test_no_more_keys_are_remembered_than_there_is_room_for(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remembering.Remembered, "MOST", 2)
    keys = [make_client(tenant.site, ["read"]).key for _ in range(3)]

    for key in keys:
        assert till(key).get("/api/v1/batches").status_code == 200

    assert len(authentication.remembered.found) == 2


@each_route
def test_every_route_asks_for_its_scope(tenant: Tenant, method, path, body, scope):
    others = [each for each in ALL_SCOPES if each != scope]

    response = till(make_client(tenant.site, others).key).send(method, path, body)

    if scope is None:
        assert response.status_code == 404
    else:
        expected = "caller_not_allowed" if speaks_flow(path) else "scope_missing"
        assert (response.status_code, reason_of(response, path)) == (403, expected)
    assert not Attempt.objects.exists()


@each_route
def test_with_its_scope_every_route_lets_in(tenant: Tenant, method, path, body, scope):
    key = make_client(tenant.site, [scope] if scope else ["redeem"]).key

    assert till(key).send(method, path, body).status_code in (200, 201, 202, 404)


@each_route
def test_a_browser_login_redeems_and_nothing_else(tenant: Tenant, anna: Door, method, path, body, scope):
    response = anna.send(method, path, body)

    assert response.status_code in ({"redeem": (200, 201), None: (404,)}.get(scope, (403,)))


def test_a_browser_login_without_its_csrf_token_is_unauthenticated(tenant: Tenant, anna: Door):
    del anna.headers["X-CSRFToken"]

    response = anna.redeem()

    assert (response.status_code, response.json()["reason"]) == (401, "unauthenticated")
    assert not Attempt.objects.exists()


def test_a_browser_login_may_read_without_the_token(tenant: Tenant, anna: Door):
    attempt_id = anna.redeem().json()["transaction_id"]
    del anna.headers["X-CSRFToken"]

    assert anna.get(f"{REDEMPTIONS}/{attempt_id}").status_code == 200


def test_a_browser_login_counts_on_its_own_site_only(tenant: Tenant):
    make_site(slug="other", domain="other.localhost")
    door = signed_in(tenant.claimants["u-1001"], host="other.localhost")

    assert door.redeem().status_code == 401


def test_staff_redeem_nothing_for_themselves(tenant: Tenant):
    assert signed_in(make_staff(tenant.site)).redeem().status_code == 401


def test_a_login_switched_off_is_no_login(tenant: Tenant, anna: Door):
    tenant.claimants["u-1001"].is_active = False
    tenant.claimants["u-1001"].save()

    assert anna.redeem().status_code == 401


def test_the_actor_is_the_keys_public_prefix(tenant: Tenant):
    new = make_client(tenant.site)

    receipt = till(new.key).redeem().json()["receipt"]

    assert (receipt["claimant_id"], receipt["actor_id"]) == ("u-1001", new.client.prefix)


def test_a_key_acts_for_anyone_of_its_site_or_for_those_it_is_limited_to(tenant: Tenant):
    limited = make_client(tenant.site, acts_as=[tenant.claimants["u-2002"]])

    assert till(limited.key).redeem("MULTI-0001").json()["reason"] == "caller_not_allowed"
    assert till(limited.key).redeem("MULTI-0001", "u-2002").status_code == 201
    assert till(make_client(tenant.site).key).redeem("MULTI-0001").status_code == 201


@pytest.fixture
def elsewhere(tenant: Tenant) -> dict[str, str]:
    """Paths of another site's objects, each of which a program of tenant T asks for."""
    site = make_site(slug="elsewhere", domain="elsewhere.localhost")
    make_claimant(site, claimant_id="u-1001")
    batch, code = make_batch(site, name="Theirs"), make_code(site, "THEIR-0001")
    redeemed = till(make_client(site, ALL_SCOPES).key, "elsewhere.localhost").redeem("THEIR-0001")
    return {
        "attempt": f"{REDEMPTIONS}/{redeemed.json()['transaction_id']}",
        "batch": f"/api/v1/batches/{batch.pk}",
        "code": f"/api/v1/codes/{code.pk}",
        "order": f"/api/v1/orders/{batch.orders.get().pk}",
        "batch_id": str(batch.pk),
    }


def test_nothing_of_another_site_is_seen_or_changed(tenant: Tenant, program: Door, elsewhere: dict[str, str]):
    absent = {
        "attempt": f"{REDEMPTIONS}/{NOBODY}",
        "batch": "/api/v1/batches/999999",
        "code": "/api/v1/codes/999999",
        "order": "/api/v1/orders/999999",
    }
    for name, nothing in absent.items():
        theirs, unknown = program.get(elsewhere[name]), program.get(nothing)
        # Unknown and another's are one answer (I23).
        assert (theirs.status_code, theirs.content) == (unknown.status_code, unknown.content)
        assert theirs.status_code == 404
    assert program.post(f"{elsewhere['order']}/cancellation", {}).status_code == 404
    assert program.post(f"{elsewhere['batch']}/codes", {"count": 1}).status_code == 404
    assert program.send("PATCH", elsewhere["code"], {"state": "deleted"}).status_code == 404
    reversal = program.post(f"{elsewhere['attempt']}/reversal", {"reason": "mine now"})
    assert (reversal.status_code, reversal.json()["code"]) == (404, "redemption_not_found")
    assert program.redeem("THEIR-0001").json()["reason"] == "code_not_found"
    assert program.get(f"/api/v1/codes?batch={elsewhere['batch_id']}").json()["results"] == []
    assert program.get("/api/v1/codes?code=THEIR-0001").json()["results"] == []
    assert program.get("/api/v1/batches?name=Theirs").json()["results"] == []
    ours = program.get(REDEMPTIONS).json()["results"]
    assert [row["reason"] for row in ours] == ["code_not_found"]


def test_a_key_works_on_any_host_because_its_site_is_its_own(tenant: Tenant, elsewhere: dict[str, str]):
    new = make_client(tenant.site)

    assert till(new.key, "elsewhere.localhost").redeem().status_code == 201
    assert Attempt.objects.get(actor_id=new.client.prefix).site == tenant.site


def test_an_attempt_is_seen_by_its_caller_its_claimant_and_readers_alone(tenant: Tenant, anna: Door, bert: Door):
    asker, another = till(make_client(tenant.site).key), till(make_client(tenant.site).key)
    reader = till(make_client(tenant.site, ["read"]).key)
    path = f"{REDEMPTIONS}/{asker.redeem().json()['transaction_id']}"

    statuses = [door.get(path).status_code for door in (asker, anna, reader, another, bert)]

    assert statuses == [200, 200, 200, 404, 404]
