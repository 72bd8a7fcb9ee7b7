"""What the database itself refuses about content and licences, and the checks that name it where the guards were off."""

import pytest
from django.db import DatabaseError, transaction

from accounts import invariants
from accounts.clock import read
from accounts.content_rules import RULES
from accounts.models import (
    AccountSetRule,
    BrowserLogin,
    CollectionMember,
    Item,
    ItemProperty,
    ItemVisibility,
    Licence,
    Offer,
    OfferPrice,
    Tag,
)
from tests.breaking import run, unguarded, violated, without_guards
from tests.content import make_account_set, make_collection, make_item, make_licence, make_offer, show_only_to
from tests.factories import make_claimant, make_site
from tests.scenes import scene

pytestmark = pytest.mark.django_db


class Side:
    """One of everything on a site."""

    def __init__(self):
        self.site = make_site()
        self.user = make_claimant(self.site)
        self.book = make_item(self.site, ProductId="1")
        self.page = make_item(self.site, meta_type="PdfPage")
        Item.objects.filter(pk=self.page.pk).update(part_of=self.book)
        self.collection = make_collection(self.site, "", [self.book])
        self.set = make_account_set(self.site, every=["member"])
        self.offer = make_offer(self.book)
        self.price = OfferPrice.objects.create(offer=self.offer, account_set=self.set, amount=1, currency="EUR")
        now = read()
        self.browser = BrowserLogin.objects.create(
            site=self.site, token_digest=bytes([self.site.pk % 256]) * 16, created_at=now, last_seen_at=now
        )
        self.licence = make_licence(self.book, user=self.user, offer=self.offer)
        show_only_to(self.book, self.set)


def two_sides():
    return Side(), Side()


content_rules_scene = scene("content_rules", two_sides)
content_rules_unguarded_scene = scene("content_rules_unguarded", without_guards(two_sides))


@pytest.fixture
def sides(content_rules_scene, db):
    return content_rules_scene()


@pytest.fixture
def unguarded_sides(content_rules_unguarded_scene, db):
    """Here and there, where all guards are off already."""
    return content_rules_unguarded_scene()


def licence(**fields):
    """An unsaved licence of ``here`` with some of it from ``there``."""
    now = read()
    return Licence(**{"starts_at": now, "created_at": now, **fields})


WRONG = {
    "a licence of another site's user": lambda h, t: licence(site=h.site, user=t.user, item=h.book).save(),
    "a licence of another site's set": lambda h, t: licence(site=h.site, account_set=t.set, item=h.book).save(),
    "a licence of another site's browser": lambda h, t: licence(site=h.site, browser=t.browser, item=h.book).save(),
    "a licence on another site's item": lambda h, t: licence(site=h.site, user=h.user, item=t.book).save(),
    "a licence from another site's offer": lambda h, t: licence(
        site=h.site, user=h.user, item=h.book, offer=t.offer
    ).save(),
    "a licence among good ones": lambda h, t: Licence.objects.bulk_create(
        [licence(site=h.site, user=h.user, item=item) for item in (h.book, t.book, h.page)]
    ),
    "a licence moved to another user": lambda h, t: Licence.objects.filter(pk=h.licence.pk).update(user=t.user),
    "a licence moved to another item": lambda h, t: Licence.objects.filter(pk=h.licence.pk).update(item=t.book),
    "a part of another site's book": lambda h, t: Item.objects.filter(pk=h.page.pk).update(part_of=t.book),
    "a part of a part": lambda h, t: make_part(h, h.page),
    "a part of a collection": lambda h, t: make_part(h, h.collection),
    "a part that has parts": lambda h, t: Item.objects.filter(pk=h.book.pk).update(part_of=make_item(h.site)),
    "a collection with parts": lambda h, t: Item.objects.filter(pk=h.book.pk).update(meta_type="SubjectCollection"),
    "a property of another site": lambda h, t: ItemProperty.objects.create(
        item=h.book, site=t.site, name="a", value="b"
    ),
    "a member of another site": lambda h, t: CollectionMember.objects.create(collection=h.collection, item=t.book),
    "a member of a book": lambda h, t: CollectionMember.objects.create(collection=h.book, item=h.page),
    "shown to another site's set": lambda h, t: ItemVisibility.objects.create(item=h.book, account_set=t.set),
    "an offer of another site's item": lambda h, t: Offer.objects.filter(pk=h.offer.pk).update(item=t.book),
    "a price for another site's set": lambda h, t: OfferPrice.objects.create(
        offer=h.offer, account_set=t.set, amount=1, currency="USD"
    ),
    "a rule about another site's tag": lambda h, t: AccountSetRule.objects.create(
        account_set=h.set, tag=Tag.objects.get(site=t.site), kind="all"
    ),
}


def make_part(side, publication):
    return Item.objects.create(
        site=side.site, external_id="new", title="x", part_of=publication, created_at=side.book.created_at
    )


@pytest.mark.parametrize("name", WRONG)
def test_the_database_refuses(here, there, name):
    before = Licence.objects.count()
    with pytest.raises(DatabaseError), transaction.atomic():
        WRONG[name](here, there)

    assert Licence.objects.count() == before
    assert violated(invariants.INVARIANTS) == {}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_written_without_the_guards_is_named(unguarded_sides, name):
    with unguarded():
        WRONG[name](*unguarded_sides)
        found = violated([each for each in invariants.INVARIANTS if each.number == "I25"])

    assert found


def test_right_rows_are_taken_in_any_number(here, there):
    for side in (here, there):
        Licence.objects.bulk_create(
            [
                licence(site=side.site, item=side.collection, **holder)
                for holder in ({"user": side.user}, {"account_set": side.set}, {"browser": side.browser})
            ]
        )
        Licence.objects.filter(pk=side.licence.pk).update(user=make_claimant(side.site), ended_at=read(), ended_by="x")
    with unguarded():
        found = violated([each for each in invariants.INVARIANTS if each.number == "I25"])
        assert run("DELETE FROM accounts_collectionmember") == 2

    assert found == {}
    assert {rule.table for rule in RULES} >= {"accounts_licence", "accounts_collectionmember"}
