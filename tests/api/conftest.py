"""The setup of the flow's acceptance cases: tenant T with its instruments and claimants (redemption flow, section 8)."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from accounts.models import Site, User
from codes.models import Code
from codes.switching import switch_code
from ledger.balances import balance
from ledger.models import LedgerAccount, LedgerTransaction
from redemption_site.edge.authentication import remembered
from tests.api.doors import Door, signed_in, till
from tests.factories import make_claimant, make_client, make_code, make_site, make_user, today
from tests.scenes import scene

ALL_SCOPES = ("redeem", "reverse", "read", "issue", "manage", "export", "assign")


@dataclass(frozen=True)
class Tenant:
    """Tenant T."""

    site: Site
    codes: dict[str, Code]
    claimants: dict[str, User]

    def code(self, text: str = "ABC-E6W5F") -> Code:
        return Code.objects.get(pk=self.codes[text].pk)

    def account(self, claimant_id: str = "u-1001") -> LedgerAccount:
        return LedgerAccount.objects.get(owner=self.claimants[claimant_id], kind="cash")

    def balance(self, claimant_id: str = "u-1001") -> int:
        """In cents."""
        return balance(self.account(claimant_id))

    def credits(self) -> int:
        """How many credits have been booked."""
        return LedgerTransaction.objects.filter(site=self.site, type="credit").count()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Keys verified in one test are strangers in the next."""
    remembered.clear()
    yield
    remembered.clear()


def make_tenant() -> Tenant:
    """The tenant with the claimants and the instruments of the acceptance cases."""
    site, day = make_site(slug="t", domain="t.localhost"), dt.timedelta(days=1)
    claimants = {
        "u-1001": make_claimant(site, claimant_id="u-1001"),
        "u-2002": make_claimant(site, claimant_id="u-2002"),
        "u-3003": make_user(site, claimant_id="u-3003", is_active=False),
    }
    codes = {
        "ABC-E6W5F": make_code(site, "ABC-E6W5F", worth_cents=2500),
        "OLD-0001": make_code(site, "OLD-0001", worth_cents=2500, valid_until=today() - day),
        "OFF-0001": make_code(site, "OFF-0001", worth_cents=2500),
        "SOON-0001": make_code(site, "SOON-0001", worth_cents=2500, valid_from=today() + day),
        "MULTI-0001": make_code(site, "MULTI-0001", uses=3, worth_cents=100),
        "OWN-0001": make_code(site, "OWN-0001", worth_cents=2500, owner=claimants["u-2002"]),
    }
    switch_code(codes["OFF-0001"], False, actor_id="system")
    return Tenant(site, codes, claimants)


tenant_scene = scene("tenant", make_tenant)


@pytest.fixture
def tenant(tenant_scene: Callable[[], Tenant], db: None) -> Tenant:
    """The tenant with the claimants and the instruments of the acceptance cases."""
    return tenant_scene()


@pytest.fixture
def anna(tenant: Tenant) -> Door:
    """The browser in which u-1001 is signed in."""
    return signed_in(tenant.claimants["u-1001"])


@pytest.fixture
def bert(tenant: Tenant) -> Door:
    """The browser in which u-2002 is signed in."""
    return signed_in(tenant.claimants["u-2002"])


@pytest.fixture
def program(tenant: Tenant) -> Door:
    """A program of tenant T with every scope."""
    return till(make_client(tenant.site, ALL_SCOPES).key)
