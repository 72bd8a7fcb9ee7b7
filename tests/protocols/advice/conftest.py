"""The setup of the contract's acceptance cases: merchants M and N with their tills, venues and codes."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from accounts.models import Site, Venue
from codes.advice import accepting
from codes.advice.accepting import Report
from codes.models import Advice, Code
from redemption_site.protocols.advice.views import remembered_tills
from tests.advice import make_venue
from tests.factories import make_code, make_site
from tests.protocols.advice.tills import Till, encoded, register
from tests.scenes import scene


@dataclass(frozen=True)
class Merchant:
    """Merchant M with its till, and the till of merchant N."""

    site: Site
    other: Site
    venue: Venue
    till: Till
    others_till: Till
    codes: dict[str, Code]

    def code(self, text: str = "ABC-E6W5F") -> Code:
        return Code.objects.get(pk=self.codes[text].pk)

    def used(self, text: str = "ABC-E6W5F") -> int:
        """How often the code has been redeemed."""
        return self.code(text).redemptions


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Tills verified in one test are strangers in the next."""
    remembered_tills.clear()
    yield
    remembered_tills.clear()


def make_shop() -> Merchant:
    """Without any codes, which an answer does not depend on."""
    site, other = make_site(slug="m"), make_site(slug="n")
    register(site)
    register(other, "pos.client.7", "s3cret")
    return Merchant(site, other, make_venue(site), Till(), Till(encoded("pos.client.7", "s3cret")), {})


def make_merchant() -> Merchant:
    """With a code on the terms of every case."""
    merchant = make_shop()
    merchant.codes.update(
        {
            "ABC-E6W5F": make_code(merchant.site),
            "ABC-OLD01": make_code(merchant.site, "ABC-OLD01", valid_until=dt.date(2015, 1, 18)),
            "ABC-VEN01": make_code(merchant.site, "ABC-VEN01", venues=["500"]),
        }
    )
    return merchant


advice_shop_scene = scene("advice_shop", make_shop)
advice_merchant_scene = scene("advice_merchant", make_merchant)


@pytest.fixture
def merchant(advice_merchant_scene: Callable[[], Merchant], db: None) -> Merchant:
    """With a code on the terms of every case."""
    return advice_merchant_scene()


@pytest.fixture
def shop(advice_shop_scene: Callable[[], Merchant], db: None) -> Merchant:
    """The same without any codes, which an answer does not depend on."""
    return advice_shop_scene()


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[Report]:
    """What reached the deed that keeps reports, and was kept."""
    kept: list[Report] = []
    accept = accepting.accept

    def keep(report: Report) -> object:
        advice_id = accept(report)
        kept.append(report)
        return advice_id

    monkeypatch.setattr(accepting, "accept", keep)
    return kept


def recorded() -> int:
    return Advice.objects.count()
