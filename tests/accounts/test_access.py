"""Who may open what, and through which licence."""

import datetime as dt

import pytest

from accounts import clock
from accounts.access import Reader, find_licence
from accounts.models import CollectionMember, UserTag
from tests.content import make_account_set, make_collection, make_item, make_licence, make_offer, show_only_to, wear
from tests.factories import make_claimant, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def anna(site):
    return make_claimant(site)


def licence_of(user, item):
    return find_licence(Reader(item.site_id, user.pk if user else None), item, clock.read())


def test_a_licence_opens_its_item_for_its_holder_alone(site, anna):
    book, other = make_item(site), make_item(site)
    licence = make_licence(book, user=anna)

    assert licence_of(anna, book) == licence
    assert licence_of(anna, other) is None
    assert licence_of(make_claimant(site), book) is None
    assert licence_of(None, book) is None


def test_a_licence_on_a_publication_covers_its_parts_and_not_the_other_way_round(site, anna):
    book = make_item(site)
    page = make_item(site, meta_type="PdfPage")
    page.part_of = book
    page.save()

    licence = make_licence(book, user=anna)
    ben = make_claimant(site)
    make_licence(page, user=ben)

    assert licence_of(anna, page) == licence
    assert licence_of(ben, page) is not None
    assert licence_of(ben, book) is None


def test_a_licence_on_a_collection_follows_the_collection(site, anna):
    book = make_item(site)
    shelf = make_collection(site)
    licence = make_licence(shelf, user=anna)
    assert licence_of(anna, book) is None

    member = CollectionMember.objects.create(collection=shelf, item=book)
    assert licence_of(anna, book) == licence

    member.delete()
    assert licence_of(anna, book) is None


def test_an_account_set_follows_the_tags(site, anna):
    book = make_item(site)
    make_licence(book, account_set=make_account_set(site, every=["member"], some=["a", "b"], without=["blocked"]))
    assert licence_of(anna, book) is None

    wear(anna, "member")
    assert licence_of(anna, book) is None
    wear(anna, "b")
    assert licence_of(anna, book) is not None
    wear(anna, "blocked")
    assert licence_of(anna, book) is None
    UserTag.objects.filter(user=anna, tag__name="blocked").delete()
    assert licence_of(anna, book) is not None


def test_a_set_without_rules_holds_nobody(site, anna):
    book = make_item(site)
    make_licence(book, account_set=make_account_set(site, without=["blocked"]))

    assert licence_of(anna, book) is None


def test_a_licence_ends_with_its_duration(site, anna):
    book = make_item(site)
    licence = make_licence(book, user=anna, offer=make_offer(book, duration_days=30))
    reader = Reader(site.pk, anna.pk)

    assert find_licence(reader, book, licence.ends_at - dt.timedelta(microseconds=1)) == licence
    assert find_licence(reader, book, licence.ends_at) is None


def test_an_item_for_sets_only_stays_shut_to_others_who_have_a_licence(site, anna):
    book = make_item(site)
    make_licence(book, user=anna)
    show_only_to(book, make_account_set(site, every=["member"]))
    assert licence_of(anna, book) is None

    wear(anna, "member")
    assert licence_of(anna, book) is not None


def test_of_several_licences_the_one_that_lasts_longest_is_told(site, anna):
    book = make_item(site)
    make_licence(book, user=anna, offer=make_offer(book, duration_days=5))
    longest = make_licence(book, user=anna)
    make_licence(book, user=anna, offer=make_offer(book, duration_days=50))

    assert licence_of(anna, book) == longest


def test_of_two_that_end_the_later_one_is_told(site, anna):
    book = make_item(site)
    make_licence(book, user=anna, offer=make_offer(book, duration_days=5))
    later = make_licence(book, user=anna, offer=make_offer(book, duration_days=50))

    assert licence_of(anna, book) == later
    assert later.ends_at - later.starts_at == dt.timedelta(days=50)
