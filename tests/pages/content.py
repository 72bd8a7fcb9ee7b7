"""What the contract's acceptance cases stand on: the books, the offer 2dfe, and codes of every action.

Source: access codes, section 9.
"""

from typing import Any

from django.test import Client

from accounts.models import Item, Licence, Offer, Site, Tag, User
from codes.models import Attempt, Code
from tests.content import make_item, make_offer
from tests.factories import make_code

CODE = "5416ab331fee496e"
JSON = {"Accept": "application/json"}


def make_books(site: Site) -> Offer:
    """9udm, which the offer 2dfe sells; b1 and b2 with a ProductId, b3 with another and a tag."""
    book = make_item(site, "9udm")
    make_item(site, "b1", ProductId="09238443")
    make_item(site, "b2", ProductId="09238443")
    make_item(site, "b3", ProductId="1", AdminTags="sample")
    return make_offer(book, "2dfe", 118226)


def tag_code(site: Site, text: str = CODE, **fields: Any) -> Code:
    return make_code(
        site, text, action="add_tags", parameters={"tags": ["member", "institution"]}, worth_cents=0, **fields
    )


def offer_code(site: Site, text: str = CODE, *, session: bool = False, **fields: Any) -> Code:
    parameters = {"access_control": "2dfe"}
    action = "session_license" if session else "apply_offer"
    return make_code(site, text, action=action, parameters=parameters, worth_cents=0, **fields)


def match_code(
    site: Site, match: dict[str, list[str]], text: str = CODE, *, session: bool = False, **fields: Any
) -> Code:
    parameters = {"access_control": "2dfe", "match": match}
    action = "session_license_match" if session else "apply_offer_match"
    return make_code(site, text, action=action, parameters=parameters, worth_cents=0, **fields)


def add(browser: Client, code: str = CODE, success_url: str = "", **more: str):
    """Send the form, as a browser does."""
    return browser.post("/add", {"redemptionCode": code, "successUrl": success_url, **more})


def add_json(browser: Client, code: str = CODE, success_url: str = ""):
    """Send the form, as a program does."""
    return browser.post("/add", {"redemptionCode": code, "successUrl": success_url}, headers=JSON)


def tags_of(user: User) -> set[str]:
    return set(Tag.objects.filter(user_tags__user=user).values_list("name", flat=True))


def licensed_to(user: User) -> set[str]:
    return set(Licence.objects.filter(user=user, ended_at=None).values_list("item__external_id", flat=True))


def redeemed_users(code: Code) -> list[str]:
    done = Attempt.objects.filter(code=code, outcome="redeemed").order_by("receipt_number")
    return [attempt.claimant.email for attempt in done if attempt.claimant]


def opens(browser: Client, item: Item | str) -> bool:
    external_id = item if isinstance(item, str) else item.external_id
    return "You can read this" in browser.get(f"/items/{external_id}").content.decode()
