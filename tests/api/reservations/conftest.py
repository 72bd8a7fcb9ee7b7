"""Tenant T with something to reserve: money and points of u-1001, and a till that may hold them."""

from collections.abc import Callable

import pytest

from ledger import moving
from tests.api.conftest import Tenant, make_tenant
from tests.api.doors import Door, till
from tests.factories import make_account, make_asset, make_client
from tests.scenes import scene


def make_shop() -> tuple[Tenant, str]:
    """The tenant, on the account of u-1001 10.00 EUR and 70 points, and the key of a till."""
    tenant = make_tenant()
    moving.grant(tenant.account(), 1_000, comment="", actor_id="system")
    make_account(tenant.claimants["u-1001"], make_asset("PTS"), balance=70)
    return tenant, make_client(tenant.site).key


shop_scene = scene("shop", make_shop)


@pytest.fixture
def tenant(shop_scene: Callable[[], tuple[Tenant, str]], db: None) -> Tenant:
    """The tenant, whose u-1001 has 10.00 EUR and 70 points."""
    return shop_scene()[0]


@pytest.fixture
def shop(shop_scene: Callable[[], tuple[Tenant, str]], db: None) -> Door:
    """A till of the tenant."""
    return till(shop_scene()[1])
