"""What a reader may open, and why, page by page."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock
from accounts.access import Reader, can_see, find_licence
from accounts.models import BrowserLogin, CollectionMember, Licence
from accounts.shelf import find_item, shelf
from tests.content import make_account_set, make_collection, make_item, make_licence, make_offer, show_only_to, wear
from tests.factories import make_claimant, make_site
from tests.plans import read_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def anna(site):
    return make_claimant(site)


def make_browser(site):
    now = clock.read()
    return BrowserLogin.objects.create(site=site, token_digest=bytes(16), created_at=now, last_seen_at=now)


def licence_of_browser(item, browser):
    licence = make_licence(item, user=make_claimant(item.site))
    Licence.objects.filter(pk=licence.pk).update(user=None, browser=browser)
    return licence


def on_shelf(reader, **page):
    return [entry.item.external_id for entry in shelf(reader, clock.read(), **page).entries]


def test_the_shelf_tells_the_holder_and_the_collection_of_each_item(site, anna):
    own, of_set, of_browser, member = (make_item(site, name) for name in ("own", "of-set", "of-browser", "member"))
    bundle = make_collection(site, "bundle", [member])
    members = make_account_set(site, "Members", every=["member"])
    browser = make_browser(site)
    wear(anna, "member")
    make_licence(own, user=anna)
    make_licence(of_set, account_set=members)
    licence_of_browser(of_browser, browser)
    make_licence(bundle, user=anna)

    entries = {e.item.external_id: e for e in shelf(Reader(site.pk, anna.pk, browser.pk), clock.read()).entries}

    assert {name: e.holder for name, e in entries.items()} == {
        "own": "user", "of-set": "account_set", "of-browser": "browser", "member": "user", "bundle": "user"
    }  # fmt: skip
    assert entries["of-set"].licence.account_set == members
    assert entries["of-set"].licence.offer.name
    assert entries["member"].through == bundle
    assert entries["bundle"].through is None
    assert on_shelf(Reader(site.pk, None, browser.pk)) == ["of-browser"]
    assert on_shelf(Reader(site.pk, make_claimant(site).pk)) == []
    assert on_shelf(Reader(site.pk)) == []


def test_what_does_not_count_now_is_not_on_the_shelf(site, anna):
    now, hour = clock.read(), dt.timedelta(hours=1)
    for name, change in {
        "ended": {"ended_at": now, "ended_by": "x"},
        "over": {"starts_at": now - 2 * hour, "ends_at": now - hour},
        "later": {"starts_at": now + hour},
        "restricted": {"meta_type_restriction": "PdfPage"},
    }.items():
        Licence.objects.filter(pk=make_licence(make_item(site, name), user=anna).pk).update(**change)
    hidden = make_item(site, "hidden")
    make_licence(hidden, user=anna)
    show_only_to(hidden, make_account_set(site, every=["staff"]))
    left = make_item(site, "left")
    bundle = make_collection(site, "bundle", [left])
    make_licence(bundle, user=anna)
    CollectionMember.objects.filter(item=left).delete()

    assert on_shelf(Reader(site.pk, anna.pk)) == ["bundle"]
    wear(anna, "staff")
    assert on_shelf(Reader(site.pk, anna.pk)) == ["hidden", "bundle"]


def test_a_restricted_licence_on_a_collection_lists_its_members_of_that_kind_alone(site, anna):
    book, page = make_item(site, "book"), make_item(site, "page", "PdfPage")
    bundle = make_collection(site, "bundle", [book, page])
    make_licence(bundle, user=anna, offer=make_offer(bundle, meta_type_restriction="Book"))

    assert on_shelf(Reader(site.pk, anna.pk)) == ["book"]
    assert find_licence(Reader(site.pk, anna.pk), page, clock.read()) is None


def test_an_excerpt_of_a_hidden_publication_is_not_shown(site, anna):
    book, page = make_item(site, "book"), make_item(site, "page", "PdfPage")
    page.part_of = book
    page.save()
    make_licence(page, user=anna)
    show_only_to(book, make_account_set(site, every=["staff"]))

    assert on_shelf(Reader(site.pk, anna.pk)) == []


def test_an_item_licensed_twice_stands_there_once_with_the_licence_that_lasts_longest(site, anna):
    book = make_item(site, "book")
    bundle = make_collection(site, "bundle", [book])
    make_licence(book, user=anna, offer=make_offer(book, duration_days=3))
    longest = make_licence(bundle, user=anna)
    make_licence(book, user=anna, offer=make_offer(book, duration_days=30))

    [entry, _] = shelf(Reader(site.pk, anna.pk), clock.read()).entries
    assert (entry.licence, entry.through) == (longest, bundle)
    assert find_licence(Reader(site.pk, anna.pk), book, clock.read()) == longest


def test_pages_follow_each_other_without_gaps_or_repeats_whatever_is_hidden(site, anna):
    books = [make_item(site) for _ in range(23)]
    bundle = make_collection(site, "", books[5:])
    other = make_collection(site, "", books[::2])
    for item in (*books[:8], bundle, other):
        make_licence(item, user=anna)
    staff = make_account_set(site, every=["staff"])
    for item in books[6:14]:
        show_only_to(item, staff)
    reader, now = Reader(site.pk, anna.pk), clock.read()

    seen, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page = shelf(reader, now, after=after, limit=4)
        seen += [entry.item.pk for entry in page.entries]
        after, pages = page.after, pages + 1

    assert seen == [item.pk for item in (*books[:6], *books[14:], bundle, other)]
    assert seen == [item.pk for item in (*books, bundle, other) if find_licence(reader, item, now)]
    assert pages == 5


def test_nothing_of_another_site_is_read_through_a_set_or_a_licence_that_lies(site, anna):
    """Rows that the database refuses to write; the readings do not rely on that."""
    elsewhere = make_item(make_site())

    assert find_licence(Reader(site.pk, anna.pk), elsewhere, clock.read()) is None
    assert not can_see(Reader(site.pk, anna.pk), elsewhere)
    assert find_item(site.pk, elsewhere.external_id) is None


def test_an_item_is_found_by_its_id_with_its_publication(site):
    book, page = make_item(site, "book"), make_item(site, "Page", "PdfPage")
    page.part_of = book
    page.save()

    with CaptureQueriesContext(connection) as asked:
        assert find_item(site.pk, "Page").part_of == book
    assert len(asked) == 1
    assert find_item(site.pk, "page") is None


def test_each_reading_is_one_statement_that_reads_no_big_table_whole(site, anna):
    book = make_item(site)
    bundle = make_collection(site, "", [book])
    make_licence(bundle, user=anna)
    make_licence(book, account_set=make_account_set(site, every=["member"]))
    wear(anna, "member")
    reader, now = Reader(site.pk, anna.pk, make_browser(site).pk), clock.read()
    for ask in (
        lambda: find_licence(reader, book, now).offer.name,
        lambda: can_see(reader, book),
        lambda: [(entry.item.title, entry.licence.item.title, entry.holder) for entry in shelf(reader, now).entries],
        lambda: find_item(site.pk, book.external_id),
    ):
        with CaptureQueriesContext(connection) as asked:
            assert ask()
        assert len(asked) == 1
        assert read_whole(ask) == []
    with CaptureQueriesContext(connection) as asked:
        assert find_licence(Reader(site.pk), book, now) is None
        assert shelf(Reader(site.pk), now).entries == []
    assert len(asked) == 0
