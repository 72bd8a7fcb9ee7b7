"""Content for tests: items with properties, collections, account sets, offers and licences."""

import itertools
import secrets
from collections.abc import Iterable
from typing import Any

from accounts import clock, licensing, offering
from accounts.granting import give_tags, tags_named
from accounts.models import (
    AccountSet,
    AccountSetRule,
    BrowserLogin,
    CollectionMember,
    Item,
    ItemProperty,
    ItemVisibility,
    Licence,
    Offer,
    Site,
    User,
)
from accounts.models.content import COLLECTION

numbers = itertools.count(1)


def make_item(site: Site, external_id: str = "", meta_type: str = "Book", **properties: str | list[str]) -> Item:
    """An item; each keyword is a property, a list one of several values: ``make_item(site, "b1", ProductId="09238443")``."""
    external_id = external_id or f"item-{next(numbers)}"
    item = Item.objects.create(
        site=site,
        external_id=external_id,
        meta_type=meta_type,
        title=f"Title of {external_id}",
        created_at=clock.read(),
    )
    for name, given in properties.items():
        set_property(item, name, given)
    return item


def set_property(item: Item, name: str, given: str | list[str]) -> None:
    values = [given] if isinstance(given, str) else given
    ItemProperty.objects.filter(item=item, name=name).delete()
    ItemProperty.objects.bulk_create(
        [
            ItemProperty(item=item, site_id=item.site_id, name=name, value=value, position=position)
            for position, value in enumerate(values)
        ]
    )


def make_collection(site: Site, external_id: str = "", members: Iterable[Item] = ()) -> Item:
    collection = make_item(site, external_id, COLLECTION)
    CollectionMember.objects.bulk_create([CollectionMember(collection=collection, item=item) for item in members])
    return collection


def make_account_set(
    site: Site, name: str = "", *, every: Iterable[str] = (), some: Iterable[str] = (), without: Iterable[str] = ()
) -> AccountSet:
    """A set by the tags its users must all wear, must wear one of, and must not wear."""
    account_set = AccountSet.objects.create(site=site, name=name or f"set {next(numbers)}")
    for kind, names in (("all", every), ("any", some), ("excluded", without)):
        for tag in tags_named(site.pk, names).values():
            AccountSetRule.objects.create(account_set=account_set, tag=tag, kind=kind)
    return account_set


def show_only_to(item: Item, *account_sets: AccountSet) -> None:
    ItemVisibility.objects.bulk_create([ItemVisibility(item=item, account_set=each) for each in account_sets])


def make_offer(item: Item, external_id: str = "", number: int | None = None, **terms: Any) -> Offer:
    """An offer of the item; for ever and for any number at a time unless ``terms`` say otherwise."""
    fresh = next(numbers)
    return Offer.objects.create(
        site=item.site,
        external_id=external_id or f"offer-{fresh}",
        number=number or 1_000_000 + fresh,
        name=f"Offer of {item}",
        item=item,
        created_at=clock.read(),
        **terms,
    )


def make_licence(
    item: Item, *, user: User | None = None, account_set: AccountSet | None = None, offer: Offer | None = None
) -> Licence:
    """A licence on the item, on the terms of ``offer`` or of a fresh one of the item."""
    offer = offer or make_offer(item)
    new = licensing.NewLicence(
        site_id=item.site_id,
        item_id=item.pk,
        on_offer=offering.on_offer(offer, offer.item, offer.pk),
        user_id=user.pk if user else None,
        account_set_id=account_set.pk if account_set else None,
    )
    return licensing.give_licences([new], clock.read())[0]


def make_browser(site: Site) -> BrowserLogin:
    """A browser that may hold session licences."""
    now = clock.read()
    return BrowserLogin.objects.create(
        site=site, token_digest=secrets.token_bytes(16), created_at=now, last_seen_at=now
    )


def wear(user: User, *names: str) -> None:
    """Put tags on the user."""
    assert user.site_id is not None
    give_tags([(user.pk, tag.pk) for tag in tags_named(user.site_id, names).values()], clock.read())
