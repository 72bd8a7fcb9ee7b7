"""Match specifications and their terms (access codes, section 6)."""

import pytest

from accounts.matching import InvalidTerm, Term, matching_items, read_term
from tests.content import make_collection, make_item
from tests.factories import make_site

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("sample", Term("Book", "AdminTags", "sample")),
        ("ProductId:09238443", Term("Book", "ProductId", "09238443")),
        ("MetaType:PdfPage", Term("PdfPage", "", "")),
        ("SubjectCollection:AdminTags:x", Term("SubjectCollection", "AdminTags", "x")),
        ("Book:Link:http://a.example", Term("Book", "Link", "http://a.example")),
    ],
)
def test_a_term_is_read(text, term):
    assert read_term(text) == term


@pytest.mark.parametrize(
    "text", ["", ":", "a:", ":a", "a::b", "::a", "MetaType:", "Book:pageFullText:x", "pageFullText:x"]
)
def test_a_malformed_term_is_refused(text):
    with pytest.raises(InvalidTerm):
        read_term(text)


def test_all_any_and_excluded_select_together():
    site = make_site()
    b1, b2 = (make_item(site, name, ProductId="09238443") for name in ("b1", "b2"))
    b3 = make_item(site, "b3", ProductId="1", AdminTags=["sample", "new"])
    shelf = make_collection(site, "c1", [b1])
    make_item(make_site(), "b1", ProductId="09238443")

    def found(**specification):
        return matching_items(site.pk, specification, 1_000)

    assert found(all=["ProductId:09238443"]) == [b1.pk, b2.pk]
    assert found(all=["ProductId:9238443"]) == []
    assert found(any=["sample", "ProductId:09238443"]) == [b1.pk, b2.pk, b3.pk]
    assert found(any=["sample"], excluded=["ProductId:1"]) == []
    assert found(all=["sample", "new"]) == [b3.pk]
    assert found(all=["MetaType:SubjectCollection"]) == [shelf.pk]
    assert found(all=["NoSuch:Property:x"]) == []


def test_no_more_are_told_than_one_over_the_most():
    site = make_site()
    for _ in range(4):
        make_item(site, AdminTags="x")

    assert len(matching_items(site.pk, {"any": ["x"]}, 2)) == 3
