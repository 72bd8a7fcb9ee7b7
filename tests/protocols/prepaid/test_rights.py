"""Who may: HTTP Basic of staff and clients, registration, rights, and the order of all that comes before the parameters."""

import datetime as dt
from itertools import combinations

import pytest

from accounts import client_keys
from accounts.models import Client, FailureBudget, PrepaidSettings
from redemption_site.protocols.prepaid.procedures.registry import ALL
from tests.codes.conftest import NOON
from tests.factories import PASSWORD, make_client, make_site, make_staff, make_user
from tests.people import ADDRESS
from tests.protocols.prepaid.conftest import Tenant, moved
from tests.protocols.prepaid.shops import ENGINE, Shop, basic, code_of, error, failure, success, told

RESTRICTED = [each for each in ALL if each.name.endswith("_Ad")]
OPEN = [each for each in ALL if not each.name.endswith("_Ad")]
UNAUTHENTICATED = error(401, "Authentication failed")


def as_client(tenant: Tenant, *scopes: str, **fields: object) -> Shop:
    key = make_client(tenant.site, scopes, **fields).key
    return tenant.shop.as_(*key.split("."))


def as_staff(tenant: Tenant, role: str) -> Shop:
    make_staff(tenant.site, role=role, email=f"{role}@example.test")
    return tenant.shop.as_(f"{role}@example.test")


def runs(shop: Shop, name: str) -> bool:
    """Whether the call comes as far as its parameters."""
    code = code_of(shop.call(name, "Foo=1"))
    assert code in (-500, -569)
    return code == -500


def test_everybody_runs_what_is_not_restricted(tenant: Tenant):
    for shop in (tenant.shop, as_client(tenant, "redeem"), as_staff(tenant, "support")):
        assert all(runs(shop, each.name) for each in OPEN)


def test_without_credentials_nothing_restricted_runs(tenant: Tenant):
    before = moved()
    for procedure in RESTRICTED:
        for name in (procedure.name, *procedure.aliases):
            for method in procedure.methods:
                assert told(tenant.shop.call(name, method=method)) == (200, failure(-569, name))
    assert moved() == before


READING = {each.name for each in RESTRICTED if each.scope == "read"}
BY_SCOPE = {
    "read": READING,
    "export": {"om_GetPrepaidCodes_Ad"},
    "cash": {"om_ModifyCustomerCashAcc_Ad", "om_PerformCashAccTransact_Ad"},
}


@pytest.mark.parametrize("scope", Client.Scope.values)
def test_what_a_client_of_each_scope_runs(tenant: Tenant, scope: str):
    shop = as_client(tenant, scope)
    assert {each.name for each in RESTRICTED if runs(shop, each.name)} == BY_SCOPE.get(scope, set())


@pytest.mark.parametrize(
    ("role", "names"),
    [
        ("support", READING),
        ("operator", READING),
        ("manager", READING | BY_SCOPE["export"] | BY_SCOPE["cash"]),
    ],
)
def test_what_staff_of_each_role_run(tenant: Tenant, role: str, names: set[str]):
    shop = as_staff(tenant, role)
    assert {each.name for each in RESTRICTED if runs(shop, each.name)} == names


def test_platform_staff_run_everything_everywhere(tenant: Tenant):
    make_staff(email="root@example.test", is_superuser=True)
    shop = tenant.shop.as_("root@example.test")
    assert all(runs(shop, each.name) for each in ALL)


def test_a_client_for_some_claimants_runs_nothing_that_reaches_all(tenant: Tenant):
    shop = as_client(tenant, "read", "cash", "export", acts_as=[tenant.person.user])
    assert not any(runs(shop, each.name) for each in RESTRICTED)
    assert all(runs(shop, each.name) for each in OPEN)


def test_who_belongs_to_another_tenant_is_not_registered(tenant: Tenant):
    other = make_site()
    make_staff(other, email="far@example.test")
    make_staff(email="idle@example.test")
    far = make_client(other, ["read"]).key.split(".")
    before = moved()

    for shop in (tenant.shop.as_("far@example.test"), tenant.shop.as_("idle@example.test"), tenant.shop.as_(*far)):
        for procedure in ALL:
            assert told(shop.call(procedure.name)) == (200, failure(-510, procedure.name))
    assert moved() == before


@pytest.mark.parametrize(
    "header",
    [
        *(
            "",
            "Basic",
            "Basic !!!",
            "Bearer x",
            "Digest username=x",
            basic("", "x"),
            basic("a", ""),
            "Basic " + "x" * 5_000,
        ),
        *(basic("boss@example.test", "wrong"), basic("nobody@example.test"), basic("rk0123456789ab", "x" * 43)),
        basic(ADDRESS, "5f4dcc3b"),
    ],
    ids=lambda header: header[:20],
)
def test_credentials_that_are_wrong(tenant: Tenant, header: str):
    make_staff(tenant.site, email="boss@example.test")
    before = moved()
    for name in ("om_GetPrepaidCodes_Ad", "mi_GetUnits", "execute"):
        response = tenant.shop.send("POST", ENGINE + name, headers={"Authorization": header})
        assert told(response) == UNAUTHENTICATED
        assert response.headers["WWW-Authenticate"] == 'Basic realm="engine"'
    assert moved() == before


def test_a_claimant_s_login_is_none_here(tenant: Tenant):
    user = make_user(tenant.site, email="anna@example.test")
    assert told(tenant.shop.as_(user.email, PASSWORD).call()) == UNAUTHENTICATED


def test_a_client_that_was_revoked_and_staff_who_were_switched_off(tenant: Tenant):
    new = make_client(tenant.site, ["read"])
    client_keys.revoke(new.client, actor_id="boss")
    make_staff(tenant.site, email="gone@example.test", is_active=False)
    for shop in (tenant.shop.as_(*new.key.split(".")), tenant.shop.as_("gone@example.test")):
        assert told(shop.call("mi_GetUnits")) == UNAUTHENTICATED


def test_guessing_ends_and_says_for_how_long(tenant: Tenant):
    make_staff(tenant.site, email="boss@example.test")
    shop = tenant.shop.as_("boss@example.test", "wrong")
    assert [told(shop.call("mi_GetUnits")) for _ in range(10)] == [UNAUTHENTICATED] * 10

    response = tenant.shop.as_("boss@example.test").call("mi_GetUnits")
    assert told(response) == UNAUTHENTICATED
    assert 0 < int(response.headers["Retry-After"]) <= 900
    assert FailureBudget.objects.exists()
    assert told(tenant.redeem()) == (200, success())


# In the contract's order; each makes its own fault.
CHECKS = [-567, -599, -510, -569, -500]


@pytest.mark.parametrize(("first", "second"), list(combinations(CHECKS, 2)))
def test_of_two_faults_the_earlier_is_told(tenant: Tenant, first: int, second: int):
    faults = {first, second}
    settings = PrepaidSettings.objects.filter(site=tenant.site)
    if -567 in faults:
        settings.update(maintenance=True)
    if -599 in faults:
        settings.update(licence_until=NOON - dt.timedelta(days=1))
    member_of = make_site() if -510 in faults else tenant.site
    make_staff(member_of, role="support" if -569 in faults else "manager", email="boss@example.test")
    query = "Foo=1" if -500 in faults else "FilterByUseState=0"

    response = tenant.shop.as_("boss@example.test").call("om_GetPrepaidCodes_Ad", query)

    assert told(response) == (200, failure(first, "om_GetPrepaidCodes_Ad"))


def test_addresses_and_methods_come_before_credentials(tenant: Tenant):
    stranger = tenant.shop.as_("nobody@example.test")
    assert told(stranger.call("om_Nothing_Pu")) == error(404, "Unknown procedure")
    assert told(stranger.call(method="GET")) == error(405, "Method not allowed")


def test_the_order_behind_the_parameters(tenant: Tenant):
    """A tenant's rule, the default visitor, settings, the person type's, the separator, identification, the code."""
    from accounts.models import PersonType

    default = {"UniqueID": "defaultUniqueID", "PersonIdentificationValues": "x", "PrepaidCode": "NOPE"}
    new = {**default, "UniqueID": "visitor-new"}
    kind = PersonType.objects.filter(pk=tenant.kind.pk)
    settings = PrepaidSettings.objects.filter(site=tenant.site)

    kind.update(may_redeem=False)
    assert code_of(tenant.redeem(**default)) == -566
    kind.update(may_redeem=True, identified_by=[])
    settings.update(default_currency_code="")
    assert code_of(tenant.redeem(**default)) == -602
    assert code_of(tenant.redeem(**new)) == -550
    settings.update(default_currency_code="EUR")
    assert code_of(tenant.redeem(**new)) == -621
    kind.update(identified_by=[7, 8])
    assert code_of(tenant.redeem(**new)) == -502
    assert code_of(tenant.redeem(**{**new, "PersonIdentificationValues": f"{ADDRESS}¶x"})) == -660
