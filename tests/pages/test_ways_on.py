"""Where a redemption leads: on this site, whatever the link wishes."""

import pytest

from redemption_site.pages.ways_on import on_site
from tests.pages.content import add, add_json, make_books, offer_code

IGNORED = [
    "",
    "welcome",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " /welcome",
    "/welcome\r\nSet-Cookie: a=b",
    "/\x00/evil.example",
    "/a\\..\\evil",
    "https://evil.example/",
    "http:/evil.example",
    "javascript:alert(1)",
    "data:text/html,hello",
    "?next=/",
    "#top",
    "\u2028//evil.example",
    "\ufeff/welcome",
    "/\u00a0/evil.example",
    "/" + "a" * 1_001,
    "/" + "ü" * 400,
]
FOLLOWED = {
    "/": "/",
    "/welcome": "/welcome",
    "/welcome?a=1&b=%2F%2Fevil.example#top": "/welcome?a=1&b=%2F%2Fevil.example#top",
    "/%2F/evil.example": "/%2F/evil.example",
    "/%5Cevil.example": "/%5Cevil.example",
    "/%09/evil.example": "/%09/evil.example",
    "/willkommen/grün": "/willkommen/gr%C3%BCn",
    "/@evil.example": "/@evil.example",
    "/a//b": "/a//b",
}


@pytest.mark.parametrize("wished", IGNORED)
def test_case_34_what_is_not_surely_of_this_site_is_ignored(wished):
    assert on_site(wished) is None


@pytest.mark.parametrize("wished", FOLLOWED)
def test_an_address_of_this_site_is_followed(wished):
    assert on_site(wished) == FOLLOWED[wished]


@pytest.mark.parametrize(
    "wished", ["//evil.example", "/\\evil.example", "/\t/evil.example", "https://evil.example", ""]
)
def test_case_34_the_standard_landing_page_is_taken_instead(wished, annas, stranger, demo_site):
    make_books(demo_site)
    offer_code(demo_site, "FIRST-0001")
    offer_code(demo_site, "SECOND-0001")

    assert add(annas, "FIRST-0001", wished)["Location"] == "/items/9udm"
    assert add_json(annas, "SECOND-0001", wished).json()["location"] == "/items/9udm"


def test_the_link_leads_where_it_says(annas, demo_site):
    make_books(demo_site)
    offer_code(demo_site, "FIRST-0001")
    offer_code(demo_site, "SECOND-0001")

    answer = add(annas, "FIRST-0001", "/welcome?to=you")

    assert (answer.status_code, answer["Location"]) == (303, "/welcome?to=you")
    assert add_json(annas, "SECOND-0001", "/welcome").json()["location"] == "/welcome"
