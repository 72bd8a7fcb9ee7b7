"""/bookshelf: what a reader may open and why."""

import datetime as dt

import pytest

from accounts import clock
from accounts.models import Licence
from redemption_site.pages import bookshelf
from tests.content import (
    make_account_set,
    make_collection,
    make_item,
    make_licence,
    make_offer,
    show_only_to,
    wear,
)
from tests.factories import make_claimant, make_site
from tests.pages.conftest import browser_of
from tests.pages.content import add, make_books, match_code, offer_code


def shelf(browser, address="/bookshelf") -> str:
    response = browser.get(address)
    assert response.status_code == 200
    return response.content.decode()


def titles(text: str) -> list[str]:
    return [part.split("</span>")[0] for part in text.split('<span class="what">')[1:]]


def test_it_tells_what_is_the_readers_own_and_for_how_long(annas, anna, demo_site):
    book, rented = make_item(demo_site, "b1"), make_item(demo_site, "b2")
    make_licence(book, user=anna)
    licence = make_licence(rented, user=anna, offer=make_offer(rented, duration_days=30))
    make_licence(make_item(demo_site, "b3"), user=make_claimant(demo_site, claimant_id="u-2002"))

    text = shelf(annas)

    assert sorted(titles(text)) == ["Title of b1", "Title of b2"]
    assert "Book · Through your own licence" in text
    assert "For ever" in text
    assert f"Until {licence.ends_at.day} " in text
    assert 'href="/items/b1"' in text


def test_it_tells_what_is_a_groups(annas, anna, demo_site):
    school = make_account_set(demo_site, "The <School>", every=["pupil"])
    make_licence(make_item(demo_site, "b1"), account_set=school)
    assert titles(shelf(annas)) == []

    wear(anna, "pupil")

    assert titles(shelf(annas)) == ["Title of b1"]
    assert "Through your group “The &lt;School&gt;”" in shelf(annas)


def test_it_tells_what_is_this_browsers_and_until_when(stranger, demo_site):
    make_books(demo_site)
    offer_code(demo_site, session=True)
    add(stranger)

    text = shelf(stranger)

    assert titles(text) == ["Title of 9udm"]
    assert "In this browser only" in text
    assert "Until 30 minutes after your last visit" in text
    assert "Sign in" in text
    assert titles(shelf(browser_of())) == []


def test_a_browsers_licence_that_ends_by_its_offer_says_so(stranger, demo_site):
    offer = make_books(demo_site)
    type(offer).objects.update(duration_days=1)
    offer_code(demo_site, session=True)
    add(stranger)

    assert "Until 30 minutes after your last visit, and no longer than" in shelf(stranger)


def test_it_shows_the_persons_and_the_browsers_together(annas, anna, demo_site):
    make_books(demo_site)
    make_licence(make_item(demo_site, "own"), user=anna)
    match_code(demo_site, {"all": ["ProductId:09238443"]}, session=True)
    add(annas)

    assert sorted(titles(shelf(annas))) == ["Title of b1", "Title of b2", "Title of own"]


def test_an_item_stands_there_once_with_the_licence_that_lasts_longest(annas, anna, demo_site):
    book = make_item(demo_site, "b1")
    make_licence(book, user=anna, offer=make_offer(book, duration_days=3))
    make_licence(book, user=anna)
    make_licence(book, user=anna, offer=make_offer(book, duration_days=7))

    assert titles(shelf(annas)) == ["Title of b1"]
    assert "For ever" in shelf(annas)


def test_a_licence_of_ones_own_is_told_rather_than_the_browsers(annas, demo_site):
    make_books(demo_site)
    offer_code(demo_site, session=True)
    offer_code(demo_site, "OWN-0001")
    add(annas)
    add(annas, "OWN-0001")

    for address in ("/bookshelf", "/items/9udm"):
        assert "Through your own licence" in shelf(annas, address)
        assert "In this browser only" not in shelf(annas, address)


@pytest.mark.parametrize(
    "over",
    [
        {"ends_at": dt.timedelta(seconds=1)},
        {"ended_at": dt.timedelta(seconds=1)},
    ],
)
def test_what_is_over_is_not_there(over, annas, anna, demo_site, settings):
    make_licence(make_item(demo_site, "b1"), user=anna)
    [(name, after)] = over.items()
    Licence.objects.update(**{name: clock.read() + after})

    settings.CLOCK_OFFSET_SECONDS = 2

    assert titles(shelf(annas)) == []


def test_hidden_items_and_other_sites_are_not_there(annas, anna, demo_site):
    hidden = make_item(demo_site, "hidden")
    show_only_to(hidden, make_account_set(demo_site, every=["insider"]))
    make_licence(hidden, user=anna)
    acme = make_site(slug="acme")
    make_licence(make_item(acme, "theirs"), user=make_claimant(acme, claimant_id="u-1001"))

    assert titles(shelf(annas)) == []
    wear(anna, "insider")
    assert titles(shelf(annas)) == ["Title of hidden"]


def test_a_licensed_collection_is_there(annas, anna, demo_site):
    make_licence(make_collection(demo_site, "all-of-it", [make_item(demo_site, "b1")]), user=anna)

    assert "Title of all-of-it" in titles(shelf(annas))


def test_an_empty_one_says_how_to_fill_it(stranger, annas, demo_site):
    assert "Nothing is open in this browser." in shelf(stranger)
    assert "Nothing is on your bookshelf yet." in shelf(annas)
    for browser in (stranger, annas):
        assert 'href="/add"' in shelf(browser)


def test_a_long_one_goes_page_by_page_and_shows_each_item_once(annas, anna, demo_site, monkeypatch):
    monkeypatch.setattr(bookshelf, "ITEMS_A_PAGE", 3)
    for number in range(7):
        make_licence(make_item(demo_site, f"b{number}"), user=anna)

    seen, address = [], "/bookshelf"
    while address:
        text = shelf(annas, address)
        assert len(titles(text)) <= 3
        seen += titles(text)
        address = "/bookshelf" + text.split('rel="next" href="')[1].split('"')[0] if 'rel="next"' in text else ""

    assert sorted(seen) == [f"Title of b{number}" for number in range(7)]
    assert len(seen) == 7


@pytest.mark.parametrize("after", ["", "x", "-1", "9" * 30, "١", "1.5", "\x00"])
def test_a_page_that_nobody_was_led_to_is_no_error(after, annas, demo_site):
    assert annas.get("/bookshelf", {"after": after}).status_code == 200


def test_its_cost_does_not_grow_with_it(annas, anna, demo_site, django_assert_max_num_queries):
    for number in range(40):
        make_licence(make_item(demo_site, f"b{number}"), user=anna)

    with django_assert_max_num_queries(8):
        assert len(titles(shelf(annas))) == 40


def test_the_way_there_is_in_the_navigation(stranger, annas, demo_site):
    def navigation(browser):
        return browser.get("/redeem").content.decode().split("<nav")[1].split("</nav>")[0]

    assert 'href="/bookshelf"' in navigation(annas)
    assert 'href="/bookshelf"' not in navigation(stranger)
    make_books(demo_site)
    offer_code(demo_site, session=True)
    add(stranger)
    assert 'href="/bookshelf"' in navigation(stranger)
    assert 'aria-current="page"' in shelf(stranger).split("<nav")[1].split("</nav>")[0]
