"""Writing items and collections: all of it or nothing, audited, and only what makes sense."""

import pytest
from django.core.exceptions import ValidationError

from accounts import auditing, content
from accounts.content import ItemFields
from accounts.models import AuditRecord, CollectionMember, Item, ItemProperty, ItemVisibility
from tests.content import make_account_set, make_collection, make_item, make_licence
from tests.factories import make_claimant, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


def last_audit(action):
    row = AuditRecord.objects.filter(action=action).latest("id")
    assert bytes(row.mac) == auditing.mac(row)
    return row


def errors(deed):
    """What a deed refuses with, by field; and that it wrote nothing."""
    before = snapshot()
    with pytest.raises(ValidationError) as refused:
        deed()
    assert snapshot() == before
    return refused.value.message_dict if hasattr(refused.value, "error_dict") else refused.value.messages


def snapshot():
    return [
        *(
            list(model.objects.order_by("pk").values())
            for model in (Item, ItemProperty, ItemVisibility, CollectionMember)
        ),
        AuditRecord.objects.count(),
    ]


def test_an_item_is_made_with_its_properties_and_visibility(site):
    members, book = make_account_set(site, "Members", every=["m"]), make_item(site, "book")
    fields = ItemFields(
        title="Page 7",
        meta_type="PdfPage",
        part_of="book",
        properties={"ProductId": ["1"], "AdminTags": ["b", "a", "b"]},
        visible_to=[members],
    )
    page = content.create_item(site, "page-7", fields, actor_id="staff")

    assert (page.external_id, page.part_of, page.meta_type) == ("page-7", book, "PdfPage")
    assert content.properties_of(page) == {"AdminTags": ["b", "a"], "ProductId": ["1"]}
    assert [each.account_set for each in page.visibilities.all()] == [members]
    row = last_audit("item.create")
    assert (row.actor_id, row.site, row.object_id, row.detail["external_id"]) == ("staff", site, str(page.pk), "page-7")


def test_a_change_replaces_properties_and_visibility_and_says_what_was(site):
    book = make_item(site, "book", ProductId="1", AdminTags=["x", "y"])
    licence = make_licence(book, user=make_claimant(site))
    content.change_item(book, ItemFields(title="New", properties={"AdminTags": ["y"]}), actor_id="staff")
    book.refresh_from_db()

    assert (book.title, book.external_id, content.properties_of(book)) == ("New", "book", {"AdminTags": ["y"]})
    detail = last_audit("item.change").detail
    assert detail["changed"] == ["title", "properties"]
    assert detail["was"]["properties"] == {"AdminTags": ["x", "y"], "ProductId": ["1"]}
    licence.refresh_from_db()
    assert licence.item == book


@pytest.mark.parametrize(
    ("external_id", "fields", "field"),
    [
        ("", {}, "external_id"),
        (" x", {}, "external_id"),
        ("a\nb", {}, "external_id"),
        ("x" * 101, {}, "external_id"),
        ("taken", {}, "external_id"),
        ("new", {"title": ""}, "title"),
        ("new", {"title": "x" * 301}, "title"),
        ("new", {"meta_type": "a:b"}, "meta_type"),
        ("new", {"part_of": "nowhere"}, "part_of"),
        ("new", {"part_of": "elsewhere"}, "part_of"),
        ("new", {"part_of": "shelf"}, "part_of"),
        ("new", {"part_of": "page"}, "part_of"),
        ("new", {"part_of": "taken", "meta_type": "SubjectCollection"}, "part_of"),
        ("new", {"properties": {"a:b": ["1"]}}, "properties"),
        ("new", {"properties": {"": ["1"]}}, "properties"),
        ("new", {"properties": {"a": [""]}}, "properties"),
        ("new", {"properties": {"a": ["x" * 501]}}, "properties"),
        ("new", {"properties": {"a": [str(n) for n in range(501)]}}, "properties"),
    ],
)
def test_what_is_wrong_with_a_new_item_is_said_and_nothing_is_made(site, external_id, fields, field):
    book = make_item(site, "taken")
    page = make_item(site, "page", "PdfPage")
    page.part_of = book
    page.save()
    make_collection(site, "shelf")
    make_item(make_site(), "elsewhere")

    found = errors(
        lambda: content.create_item(site, external_id, ItemFields(**{"title": "T", **fields}), actor_id="staff")
    )
    assert set(found) == {field}


def test_an_item_is_shown_to_no_set_of_another_site(site):
    stranger = make_account_set(make_site(), every=["m"])
    fields = ItemFields(title="T", visible_to=[stranger])

    assert "visible_to" in errors(lambda: content.create_item(site, "new", fields, actor_id="staff"))
    book = make_item(site, "book", ProductId="1")
    assert "visible_to" in errors(lambda: content.change_item(book, fields, actor_id="staff"))


def test_collections_stay_collections_and_parts_have_no_parts(site):
    book, shelf, other = make_item(site, "book"), make_collection(site, "shelf"), make_item(site, "other")
    page = make_item(site, "page", "PdfPage")
    page.part_of = book
    page.save()

    def change(item, **fields):
        return errors(lambda: content.change_item(item, ItemFields(**{"title": "T", **fields}), actor_id="staff"))

    assert "meta_type" in change(shelf, meta_type="Book")
    assert "meta_type" in change(other, meta_type="SubjectCollection")
    assert "part_of" in change(book, part_of="other")
    assert "part_of" in change(book, part_of="book")
    assert "part_of" in change(other, part_of="page", meta_type="PdfPage")


def test_members_are_added_and_removed_by_list_and_counted(site):
    shelf = make_collection(site, "shelf", [make_item(site, "a")])
    make_item(site, "b"), make_item(site, "c")

    assert content.add_members(shelf, ["a", "b", "c", "b"], actor_id="staff") == 2
    assert last_audit("item.add_members").detail == {"external_id": "shelf", "items": 2}
    assert content.add_members(shelf, ["a"], actor_id="staff") == 0
    assert content.remove_members(shelf, ["b", "a"], actor_id="staff") == 2
    assert content.remove_members(shelf, ["a"], actor_id="staff") == 0
    assert last_audit("item.remove_members").object_id == str(shelf.pk)
    assert list(shelf.members.values_list("item__external_id", flat=True)) == ["c"]


def test_one_wrong_name_in_a_list_adds_and_removes_nothing(site):
    shelf, book = make_collection(site, "shelf"), make_item(site, "book")
    make_collection(site, "other shelf"), make_item(make_site(), "elsewhere")
    content.add_members(shelf, ["book"], actor_id="staff")

    for deed in (content.add_members, content.remove_members):
        for wrong in (["book", "nowhere"], ["book", "elsewhere"], [], ["x" * 101]):
            assert "external_ids" in errors(lambda: deed(shelf, wrong, actor_id="staff"))  # noqa: B023
        assert errors(lambda: deed(book, ["book"], actor_id="staff")) == ["Only a collection has items in it."]  # noqa: B023
    assert "holds no collections" in str(errors(lambda: content.add_members(shelf, ["other shelf"], actor_id="staff")))


def test_too_many_at_once_are_refused_and_thousands_are_not(site, monkeypatch):
    shelf = make_collection(site, "shelf")
    now = shelf.created_at
    Item.objects.bulk_create(
        Item(site=site, external_id=f"m{number}", title="M", created_at=now) for number in range(6_000)
    )
    assert content.add_members(shelf, [f"m{number}" for number in range(6_000)], actor_id="staff") == 6_000
    monkeypatch.setattr(content, "MOST_MEMBERS", 3)
    assert "external_ids" in errors(lambda: content.remove_members(shelf, ["m1", "m2", "m3", "m4"], actor_id="staff"))
