"""The setup of the contract's acceptance cases: person P with an account of 10.0000 EUR, and the codes C1 to C4."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from accounts.identifying import remembered_persons
from accounts.models import Person, PersonType, Site, Visitor, VisitorPerson
from codes.models import Code
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from redemption_site.edge.basic import remembered_pairs
from tests.codes.conftest import NOON, StoppedClock, clock_stopped, stopped_clock  # noqa: F401 (a fixture)
from tests.factories import make_account, make_asset, make_code
from tests.people import BOTH, make_person, make_person_type, make_shop
from tests.protocols.prepaid.shops import Shop
from tests.scenes import scene

C1 = "ABCD-EFGH-JKLM-NPQR"
C2, C3, C4 = "C2EX-PIRE-DDDD-DDD2", "C3US-EDUS-EDUS-ED33", "C4US-DUSD-USDU-SD44"


@dataclass(frozen=True)
class Tenant:
    """The tenant with its people, and the shop that calls for them."""

    site: Site
    kind: PersonType
    person: Person
    shop: Shop

    def account(self, person: Person | None = None) -> LedgerAccount:
        return LedgerAccount.objects.get(owner=(person or self.person).user, kind="cash")

    def balance(self, person: Person | None = None) -> int:
        """Minor units."""
        return self.account(person).balance or 0

    def set_account(self, **fields: Any) -> None:
        LedgerAccount.objects.filter(owner=self.person.user).update(**fields)

    def code(self, text: str = C1) -> Code:
        return self.codes[text]

    @property
    def codes(self) -> dict[str, Code]:
        return {each.batch.name: each for each in Code.objects.select_related("batch").filter(site=self.site)}

    def redeem(self, *without: str, **changed: object) -> Any:
        """The contract's "Call", changed."""
        return self.shop.call(parameters=call(*without, **changed))

    def make_code(self, text: str, cents: int = 2_500, **fields: Any) -> Code:
        return make_code(self.site, text, worth_cents=cents, name=text, **fields)

    def make_other(self, email: str = "other@example.test", balance: int | None = 0) -> Person:
        """One more person of the type, with the same password value."""
        person = make_person(self.kind, {7: email, 8: "5f4dcc3b"})
        if balance is not None:
            make_account(person.user, balance=balance)
        return person


def call(*without: str, **changed: object) -> dict[str, object]:
    """The parameters of the contract's "Call", some left out, others changed or added."""
    parameters: dict[str, object] = {
        "PrepaidCode": C1,
        "PersonIdentificationValues": BOTH,
        "PersonTypeID": 1,
        "UniqueID": "visitor-0001",
        "TransactionComment": "Gift card",
        **changed,
    }
    return {name: given for name, given in parameters.items() if name not in without}


def moved() -> dict[str, object]:
    """All that must be the same after a refusal: accounts, bookings, and what is left of every code."""
    return {
        "accounts": list(LedgerAccount.objects.order_by("pk").values_list("pk", "balance", "state", "floor")),
        "bookings": (LedgerTransaction.objects.count(), Transfer.objects.count()),
        "codes": list(Code.objects.order_by("pk").values_list("pk", "state", "uses", "redemptions")),
    }


def people() -> dict[str, int]:
    return {"visitors": Visitor.objects.count(), "links": VisitorPerson.objects.count()}


def forget_everybody() -> None:
    for each in (remembered_pairs, remembered_persons):
        each.clear()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Who was verified in one test is a stranger in the next."""
    forget_everybody()
    yield
    forget_everybody()


def make_bare() -> Tenant:
    """Person P with the account, and no codes."""
    forget_everybody()
    with clock_stopped():
        site, kind, person = make_shop(slug="shop")
        make_person_type(site, 2)
        make_account(person.user, balance=1_000)
    return Tenant(site, kind, person, Shop())


def make_tenant() -> Tenant:
    """With the codes of every case: C1 good, C2 expired, C3 used, C4 in USD."""
    tenant = make_bare()
    with clock_stopped():
        make_asset("USD")
        tenant.make_code(C1)
        tenant.make_code(C2, valid_until=(NOON - dt.timedelta(days=2)).date())
        tenant.make_code(C3)
        tenant.make_code(C4, cents=0, action="credit", asset_code="USD", value=500)
        spend(tenant, C3)
    # A shop that has called nothing yet: one that has holds the whole platform, and is no thing to copy.
    return replace(tenant, shop=Shop())


prepaid_bare_scene = scene("prepaid_bare", make_bare)
prepaid_codes_scene = scene("prepaid_codes", make_tenant)


@pytest.fixture
def bare(prepaid_bare_scene: Callable[[], Tenant], db: None, stopped_clock: StoppedClock) -> Tenant:  # noqa: F811
    """Person P with the account, and no codes."""
    return prepaid_bare_scene()


@pytest.fixture
def tenant(prepaid_codes_scene: Callable[[], Tenant], db: None, stopped_clock: StoppedClock) -> Tenant:  # noqa: F811
    """With the codes of every case: C1 good, C2 expired, C3 used, C4 in USD."""
    return prepaid_codes_scene()


def spend(tenant: Tenant, text: str) -> None:
    """Use a code up by somebody else, so that P's account is as it was."""
    other = tenant.make_other("spender@example.test")
    values = "spender@example.test¶5f4dcc3b"
    assert (
        b"<ReturnCode>0<"
        in tenant.redeem(
            PrepaidCode=text,
            PersonIdentificationValues=values,
            UniqueID=f"spender-{other.pk}",
            TransactionComment="spent",
        ).content
    )
