"""The demonstration's content: a small publisher's shelf, with the item and the offer that the access codes' examples name."""

from typing import Any
from uuid import uuid4

from accounts import clock, content, giving, grouping, selling
from accounts.content import ItemFields
from accounts.models import AccountSet, Item, Licence, Offer, Site
from accounts.selling import OfferFields, Price
from redemption_site.demo.people import ACTOR, People

MEMBERS = "Members"  # Codes of the demonstration give the tag.
MEMBERS_TAG = "member"
COLLECTION = "winter-reading"
OFFER, OFFER_NUMBER, OFFER_ITEM = "2dfe", 118226, "9udm"
ITEMS: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        OFFER_ITEM,
        {
            "title": "The Coffee Atlas",
            "properties": {"ProductId": ["09238400"], "Author": ["Ada Mokka"], "AdminTags": ["coffee", "maps"]},
        },
    ),
    (
        "b1",
        {
            "title": "Roasting at Home",
            "properties": {"ProductId": ["09238443"], "Author": ["Ben Sample"], "AdminTags": ["coffee"]},
        },
    ),
    (
        "b2",
        {
            "title": "Roasting at Home, the Workbook",
            "properties": {"ProductId": ["09238443"], "Author": ["Ben Sample"], "AdminTags": ["coffee", "exercises"]},
        },
    ),
    (
        "b3",
        {"title": "A Taste of Tea", "properties": {"ProductId": ["1"], "AdminTags": ["sample"]}},
    ),
    (
        "9udm-1",
        {"title": "The Coffee Atlas: Ethiopia", "meta_type": "PageRange", "part_of": OFFER_ITEM},
    ),
    (COLLECTION, {"title": "Winter reading", "meta_type": "SubjectCollection"}),
)
IN_COLLECTION = ("b1", "b3")


def load_content(people: People) -> None:
    """Make whatever is missing: items, a collection, an account set, offers, and one licence."""
    site = people.site
    for external_id, fields in ITEMS:
        if not Item.objects.filter(site=site, external_id=external_id).exists():
            item = content.create_item(site, external_id, ItemFields(**fields), actor_id=ACTOR)
            if external_id == COLLECTION:
                content.add_members(item, IN_COLLECTION, actor_id=ACTOR)
    members = AccountSet.objects.filter(site=site, name=MEMBERS).first()
    if members is None:
        members = grouping.create_account_set(site, MEMBERS, {"all": [MEMBERS_TAG]}, actor_id=ACTOR)
    load_offer(
        site,
        OFFER,
        OFFER_ITEM,
        OfferFields(
            name="The Coffee Atlas, for ever",
            concurrencies=2,
            excluded_views=["sourceDownload"],
            meta_type_restriction="",
            prices=[Price(2_900, "EUR"), Price(1_900, "EUR", members)],
        ),
        OFFER_NUMBER,
    )
    month = OfferFields(name="Winter reading, 30 days", duration_days=30, prices=[Price(990, "EUR")])
    reading = load_offer(site, "winter-30", COLLECTION, month)
    if not Licence.objects.filter(account_set=members, ended_at=None, ends_at__gt=clock.read()).exists():
        giving.give_by_hand(reading, members, actor_id=ACTOR, reason="Members read it this winter", form_key=uuid4())


def load_offer(site: Site, external_id: str, item: str, fields: OfferFields, number: int | None = None) -> Offer:
    offer = Offer.objects.filter(site=site, external_id=external_id).first()
    if offer is not None:
        return offer
    sold = Item.objects.get(site=site, external_id=item)
    return selling.create_offer(site, external_id, sold, fields, number=number, actor_id=ACTOR)
