"""The setup of the contract's acceptance cases: business units, the member M1, the households H and K, a mug, and a till."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from accounts import access_tokens, households, loyalty_settings, members
from accounts.models import Household, Member, Site
from ledger import points
from ledger.models import AccountHold, LedgerAccount, LedgerTransaction, Reservation, Spending, Transfer
from redemption_site.edge.basic import remembered_pairs
from tests.codes.conftest import StoppedClock, clock_stopped, stopped_clock  # noqa: F401 (a fixture)
from tests.factories import make_account, make_asset, make_client, make_site, make_user
from tests.protocols.loyalty.tills import Till, unused
from tests.scenes import scene

M1 = "6f1d2c1e-2c7b-4f7d-9a53-0d7b6f6a1001"
BY_EVERYTHING = [
    *("ACCOUNT_ID", "LOYALTY_ID", "EXTERNAL_ID", "EMAIL", "PARTNER_LINK_ID", "PHONE_NUMBER", "EXTERNAL_AGENT_ID"),
]


@dataclass(frozen=True)
class Programme:
    """A site's loyalty programme, and a till of it that has a token."""

    site: Site
    till: Till

    def member(self, account_id: str) -> Member:
        return Member.objects.get(site=self.site, account_id=account_id)

    def account(self, account_id: str) -> LedgerAccount:
        return LedgerAccount.objects.get(owner=self.member(account_id).user, kind="points")

    def balance(self, account_id: str = M1) -> int:
        """As it is stored."""
        return self.account(account_id).balance or 0

    def available(self, account_id: str = M1) -> int:
        """As it is told: with what has come due."""
        return points.balances_of(self.member(account_id)).available

    def held(self, account_id: str = M1) -> int:
        return points.balances_of(self.member(account_id)).held

    def add(self, account_id: str, balance: int = 0, household: Household | None = None, **fields: Any) -> Member:
        """A member of the programme with ``balance`` points, in the household."""
        member = members.create_member(make_user(self.site), account_id=account_id, actor_id="system", **fields)
        make_account(member.user, make_asset("PTS"), balance=balance)
        if household is not None:
            role = "member" if household.members.exists() else "primary"
            households.join(member, household, role, actor_id="system")
        return member

    def add_household(self, household_id: str, mode: str, balances: dict[str, int]) -> Household:
        household = households.create_household(self.site, household_id, mode, actor_id="system")
        for account_id, balance in balances.items():
            self.add(account_id, balance, household)
        return household

    def till_of_another(self, **fields: Any) -> Till:
        """Another client of the same site."""
        return make_till(self.site, **fields)

    def spent(self) -> list[tuple[str, int]]:
        """What each redemption took, from the transfers: account IDs and points, in the order of the transfers."""
        return [
            (transfer.debit_account.owner.member.account_id, transfer.amount)
            for transfer in Transfer.objects.filter(transaction__spending__isnull=False).order_by("pk")
        ]


def make_till(site: Site, scopes: tuple[str, ...] = ("points",), types: list[str] | None = None, **fields: Any) -> Till:
    key = make_client(site, scopes, **fields)
    key.client.identifier_types = BY_EVERYTHING if types is None else types
    key.client.save()
    return Till(key).signed_in()


def make_programme(site: Site | None = None) -> Programme:
    """With the feature switched on, the business units and the mug, and no members."""
    site = site or make_site()
    make_asset("PTS")
    loyalty_settings.write_settings(
        site,
        voids_enabled=True,
        points_code="PTS",
        reservation_seconds=900,
        adjustment_days=30,
        session_hours=24,
        default_identifier_type="ACCOUNT_ID",
        default_channel="APP",
        actor_id="system",
    )
    loyalty_settings.switch_feature(site, True, actor_id="system", reason="begins")
    for name in ("MAIN", "WEST"):
        loyalty_settings.add_business_unit(site, name, actor_id="system")
    loyalty_settings.add_item(site, "MUG", "A mug", 500, actor_id="system")
    return Programme(site, make_till(site))


def moved() -> dict[str, object]:
    """All that must be the same after a refusal: accounts, bookings, and what is held."""
    return {
        "accounts": list(LedgerAccount.objects.order_by("pk").values_list("pk", "balance", "held", "state", "floor")),
        "bookings": (LedgerTransaction.objects.count(), Transfer.objects.count(), Spending.objects.count()),
        "holds": list(AccountHold.objects.order_by("pk").values_list("pk", "amount", "ended_as")),
        "reservations": list(Reservation.objects.order_by("pk").values_list("pk", "ended_as", "transaction")),
        "active": list(Member.objects.order_by("pk").values_list("pk", "last_activity_at", "status")),
    }


def forget_everybody() -> None:
    for each in (remembered_pairs, access_tokens.remembered):
        each.clear()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Who was verified in one test is a stranger in the next."""
    forget_everybody()
    yield
    forget_everybody()


def make_bare() -> Programme:
    """The programme without members."""
    forget_everybody()
    with clock_stopped():
        programme = make_programme(make_site(slug="loyal"))
    return replace(programme, till=unused(programme.till))


def make_peopled() -> Programme:
    """With M1, the households H and K, and nobody in a session."""
    programme = make_bare()
    with clock_stopped():
        programme.add(M1, 25_000, loyalty_id="6000000001", emails={"HOME": "one@example.test"})
        programme.add_household("H", "proportional", {"A": 3_000_000, "B": 2_000_000, "C": 1_000_000})
        programme.add_household("K", "request_defined", {"D": 700, "E": 300, "F": 0})
    return programme


loyalty_bare_scene = scene("loyalty_bare", make_bare)
loyalty_programme_scene = scene("loyalty_programme", make_peopled)


@pytest.fixture
def bare(loyalty_bare_scene: Callable[[], Programme], db: None, stopped_clock: StoppedClock) -> Programme:  # noqa: F811
    """The programme without members."""
    return loyalty_bare_scene()


@pytest.fixture
def programme(loyalty_programme_scene: Callable[[], Programme], db: None, stopped_clock: StoppedClock) -> Programme:  # noqa: F811
    """With M1, the households H and K, and nobody in a session."""
    return loyalty_programme_scene()


@pytest.fixture
def till(programme: Programme) -> Till:
    """The programme's till, with a session of M1."""
    assert programme.till.start(M1).status_code == 200
    return programme.till
