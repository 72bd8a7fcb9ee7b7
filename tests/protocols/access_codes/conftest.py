"""The setup of the contract's acceptance cases: site 9p2 with its offer, books, readers and administrator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.http.response import HttpResponseBase

from accounts.callers import caller_for_browser
from accounts.models import BrowserLogin, Item, Site, User, UserTag
from codes.models import Code
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes
from redemption_site.edge.authentication import remembered
from redemption_site.edge.basic import remembered_pairs
from tests.api.doors import Door
from tests.content import make_browser, make_item, make_offer
from tests.factories import caller_of, make_site, make_staff, make_user
from tests.protocols.access_codes.publishers import HOST, REDEMPTIONS, program, told
from tests.scenes import scene

MATCH = {
    "action_type": "apply-offer-match",
    "access_control_id": "2dfe",
    "match_specification": {"all": ["ProductId:09238443"]},
}
TAGS = {"action-type": "add-user-tag", "user-tags": ["member", "institution"]}


@dataclass
class Publisher:
    """Site 9p2, and its administrator's program."""

    site: Site
    admin: User
    door: Door
    reader: User
    other: User
    items: dict[str, Item]
    browsers: list[BrowserLogin] = field(default_factory=list)

    def create(self, **fields: Any) -> list[str]:
        """Codes that add tags, unless the fields (``_`` for ``-``) say otherwise."""
        given = {name.replace("_", "-"): value for name, value in fields.items()}
        response = self.door.post(
            REDEMPTIONS, {"batch": "test batch", **({} if "action-type" in given else TAGS), **given}
        )
        assert response.status_code == 200, response.content
        return told(response)

    def put(self, path: str, body: Any) -> HttpResponseBase:
        return self.door.send("PUT", f"{REDEMPTIONS}/{path}", body)

    def get(self, path: str = "") -> Any:
        response = self.door.get(f"{REDEMPTIONS}{path}")
        assert response.status_code == 200, response.content
        return told(response)

    def record(self, code: str, batch: str = "test%20batch") -> dict[str, Any]:
        return self.get(f"/{batch}/{code}")

    def redeem(self, code: str, who: User | BrowserLogin | None = None) -> str:
        """What becomes of it at /add: "redeemed", or the refusal's reason."""
        who = who or self.reader
        if isinstance(who, BrowserLogin):
            command = RedeemCode(caller_for_browser(who, self.site), code, "", door="add", browser_id=who.pk)
        else:
            command = RedeemCode(caller_of(who), code, who.claimant_id, door="add")
        refusal = redeem_codes([command])[0].refusal
        return "redeemed" if refusal is None else refusal.reason

    def tags(self, who: User) -> set[str]:
        return set(UserTag.objects.filter(user=who).values_list("tag__name", flat=True))

    def browser(self) -> BrowserLogin:
        return make_browser(self.site)

    def codes(self) -> int:
        """How many codes the platform has, deleted ones too."""
        return Code.objects.count()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Credentials verified in one test are strangers in the next."""
    remembered.clear()
    remembered_pairs.clear()
    yield
    remembered.clear()
    remembered_pairs.clear()


def make_publisher() -> Publisher:
    site = make_site(slug="9p2", domain=HOST)
    items = {
        "9udm": make_item(site, "9udm"),
        "b1": make_item(site, "b1", ProductId="09238443"),
        "b2": make_item(site, "b2", ProductId="09238443"),
        "b3": make_item(site, "b3", ProductId="1", AdminTags="sample"),
    }
    make_offer(items["9udm"], "2dfe", 118226)
    admin = make_staff(site, email="admin@example.test")
    reader, other = (make_user(site, email=f"{name}@example.test") for name in ("reader", "other"))
    return Publisher(site, admin, program("admin@example.test"), reader, other, items)


access_publisher_scene = scene("access_publisher", make_publisher)


@pytest.fixture
def publisher(access_publisher_scene: Callable[[], Publisher], db: None) -> Publisher:
    return access_publisher_scene()


@pytest.fixture
def changed(publisher: Publisher) -> Any:
    """Change the one code of the batch, and answer its record."""

    def change(code: str, **fields: Any) -> dict[str, Any]:
        response = publisher.put(
            f"test%20batch/{code}", {name.replace("_", "-"): value for name, value in fields.items()}
        )
        assert response.status_code == 200, response.content
        return told(response)

    return change
