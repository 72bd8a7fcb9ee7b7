"""/items/<id>: the reader's part only for who may open it, a way to get it for who may see it, and nothing for all others."""

import pytest
from django.utils.html import escape

from redemption_site.pages import items
from tests.content import make_account_set, make_collection, make_item, make_licence, make_offer, show_only_to, wear
from tests.factories import PASSWORD, make_claimant, make_site
from tests.pages.conftest import browser_of
from tests.pages.content import opens


@pytest.fixture
def book(demo_site):
    return make_item(demo_site, "b1")


def page(browser, external_id="b1") -> str:
    response = browser.get(f"/items/{external_id}")
    assert response.status_code == 200
    return response.content.decode()


def test_who_has_a_licence_reads_and_is_told_why(annas, anna, book):
    make_licence(book, user=anna)

    text = page(annas)

    assert "You can read this" in text
    assert 'id="reader"' in text
    assert "Through your own licence" in text
    assert "For ever" in text
    assert "You cannot read this yet" not in text


@pytest.mark.parametrize("who", ["stranger", "annas"])
def test_who_has_none_is_told_how_to_get_it(who, request, book):
    browser = request.getfixturevalue(who)

    text = page(browser)

    assert "You cannot read this yet" in text
    assert "Title of b1" in text
    assert 'id="reader"' not in text
    assert 'name="successUrl" value="/items/b1"' in text
    assert ("/sign-in?next=%2Fitems%2Fb1" in text) == (who == "stranger")


def test_its_sign_in_leads_back_to_it(stranger, anna, book):
    form = {"email": anna.email, "password": PASSWORD, "next": "/items/b1"}

    assert stranger.post("/sign-in", form)["Location"] == "/items/b1"


def test_the_terms_are_told(annas, anna, book):
    offer = make_offer(book, duration_days=7, concurrencies=2, excluded_views=["sourceDownload"])
    licence = make_licence(book, user=anna, offer=offer)

    text = page(annas)

    assert f"Until {licence.ends_at.day} " in text
    assert "For 2 readers at a time." in text
    assert "sourceDownload" in text


def test_a_hidden_item_is_404_for_who_may_not_see_it_even_with_a_licence(stranger, annas, anna, demo_site, book):
    show_only_to(book, make_account_set(demo_site, every=["insider"]))
    make_licence(book, user=anna)
    nowhere = annas.get("/items/nothing")

    for browser in (stranger, annas):
        response = browser.get("/items/b1")
        assert response.status_code == nowhere.status_code == 404
        assert "Title of b1" not in response.content.decode()
    wear(anna, "insider")
    assert opens(annas, book)


def test_a_part_of_a_hidden_publication_is_hidden(annas, anna, demo_site, book):
    part = make_item(demo_site, "p1", "PdfPage")
    type(part).objects.filter(pk=part.pk).update(part_of=book)
    show_only_to(book, make_account_set(demo_site, every=["insider"]))

    assert annas.get("/items/p1").status_code == 404


def test_a_collection_does_not_list_what_its_reader_would_not_find(annas, anna, demo_site, book):
    part, hidden = make_item(demo_site, "p1", "PdfPage"), make_item(demo_site, "h1")
    type(part).objects.filter(pk=part.pk).update(part_of=hidden)
    insiders = make_account_set(demo_site, every=["insider"])
    show_only_to(hidden, insiders)
    make_collection(demo_site, "c1", [part, hidden, book])

    assert [each for each in ("p1", "h1", "b1") if f"/items/{each}" in page(annas, "c1")] == ["b1"]
    wear(anna, "insider")
    assert [each for each in ("p1", "h1", "b1") if f"/items/{each}" in page(annas, "c1")] == ["p1", "h1", "b1"]


def test_another_sites_item_does_not_exist(annas, demo_site):
    make_item(make_site(slug="acme"), "theirs")

    assert annas.get("/items/theirs").status_code == 404


def test_a_publication_shows_its_parts_and_a_licence_on_it_opens_them(annas, anna, demo_site, book):
    part, hidden = make_item(demo_site, "p1", "PageRange"), make_item(demo_site, "p2", "PdfPage")
    type(part).objects.filter(pk__in=[part.pk, hidden.pk]).update(part_of=book)
    show_only_to(hidden, make_account_set(demo_site, every=["insider"]))
    make_licence(book, user=anna)

    text = page(annas)

    assert 'href="/items/p1"' in text
    assert "Excerpt" in text
    assert "/items/p2" not in text
    inner = page(annas, "p1")
    assert "You can read this" in inner
    assert 'href="/items/b1"' in inner
    assert "It is part of “Title of b1”." in inner


def test_case_23_a_collection_opens_what_is_in_it_at_the_moment(annas, anna, demo_site, book):
    shelf = make_collection(demo_site, "c1")
    make_licence(shelf, user=anna)
    assert "In this collection" not in page(annas, "c1")
    assert not opens(annas, book)

    member = shelf.members.create(item=book)
    assert 'href="/items/b1"' in page(annas, "c1")
    assert opens(annas, book)
    member.delete()
    assert not opens(annas, book)


def test_a_large_collection_goes_page_by_page(annas, demo_site, monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr(items, "PARTS_A_PAGE", 3)
    make_collection(demo_site, "c1", [make_item(demo_site, f"m{number}") for number in range(7)])

    with django_assert_max_num_queries(12):
        first = page(annas, "c1")
    assert [f"m{number}" for number in range(7) if f"/items/m{number}" in first] == ["m0", "m1", "m2"]
    second = page(annas, "c1" + first.split('rel="next" href="')[1].split('"')[0])
    assert [f"m{number}" for number in range(7) if f"/items/m{number}" in second] == ["m3", "m4", "m5"]


@pytest.mark.parametrize(
    ("external_id", "address"),
    [
        ("a/b", "/items/a/b"),
        ("a/", "/items/a/"),
        ("ü ?#%&", "/items/%C3%BC%20%3F%23%25%26"),
        ("ſ", "/items/%C5%BF"),
        ("<b>", "/items/%3Cb%3E"),
    ],
)
def test_an_id_may_be_anything_and_is_compared_exactly(external_id, address, annas, demo_site):
    make_item(demo_site, external_id)

    text = page(annas, address.removeprefix("/items/"))
    assert f"<h1>Title of {escape(external_id)}</h1>" in text


@pytest.mark.parametrize("address", ["/items/B1", "/items/b", "/items/b1%20", "/items/b1//", "/items/%C5%BF1"])
def test_an_almost_equal_id_is_another(address, annas, book):
    make_item(book.site, "s1")

    assert annas.get(address).status_code == 404
    assert annas.get("/items/b1/").status_code == 200


@pytest.mark.parametrize("address", ["/items/", "/items/%00", "/items/%ED%A0%80", "/items/" + "x" * 5_000, "/items/.."])
def test_an_odd_address_is_no_error_of_ours(address, annas, demo_site):
    assert annas.get(address).status_code == 404


def test_a_title_is_text(annas, demo_site):
    item = make_item(demo_site, "x1")
    item.title = "<script>alert(1)</script>"
    item.save()

    assert "<script" not in page(annas, "x1")


def test_an_item_cannot_be_posted_to(annas, book):
    assert annas.post("/items/b1").status_code == 405


def test_a_claimant_of_another_site_reads_nothing_here(demo_site, book):
    acme = make_site(slug="acme")
    theirs = make_claimant(acme, claimant_id="u-1001")
    make_licence(make_item(acme, "b1"), user=theirs)

    assert not opens(browser_of(theirs), book)
    assert opens(browser_of(theirs, host="acme.localhost"), "b1")
