"""Items, offers, account sets and licences on the desk: made, changed, found and refused from its pages."""

from typing import Any
from uuid import uuid4

import pytest

from accounts.admin import paging
from accounts.models import AccountSet, AuditRecord, Item, Licence, Offer
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.content import make_account_set, make_collection, make_item, make_licence, make_offer, show_only_to

pytestmark = pytest.mark.django_db
ITEM = {
    "external_id": "9udm",
    "title": "A book",
    "meta_type": "Book",
    "part_of": "",
    "properties": "",
    "visible_to": "",
}
OFFER = {
    "item": "9udm",
    "external_id": "2dfe",
    "number": "118226",
    "name": "For ever",
    "prices": "",
    "excluded_views": "",
}


def post(world: World, role: str, model: str, deed: str, form: dict[str, Any]) -> Any:
    sent = {"site": world.site.pk, "once": str(uuid4()), **form}
    return world.sign_in(role).post(list_of(f"accounts_{model}", deed), sent)


def shown(world: World, model: str, role: str = "support", **query: Any) -> str:
    answer = world.sign_in(role).get(list_of(f"accounts_{model}"), query)
    assert answer.status_code == 200
    return text_of(answer)


class TestItems:
    def test_an_item_is_made_changed_and_told(self, world: World):
        make_account_set(world.site, "Press", every=["press"])
        answer = post(
            world, "manager", "item", "create",
            {**ITEM, "properties": "ProductId: 09238443\nAdminTags: a\nAdminTags: b: c", "visible_to": "Press"},
        )  # fmt: skip
        item = Item.objects.get(external_id="9udm")

        assert answer["Location"] == page_of(item)
        page = text_of(world.sign_in("support").get(page_of(item)))
        assert "09238443" in page
        assert "b: c" in page
        assert "Press" in page
        assert "Nobody: no licence covers it now." in page
        form = text_of(world.sign_in("manager").get(page_of(item, "edit")))
        assert "AdminTags: b: c" in form
        world.sign_in("manager").post(page_of(item, "edit"), {**ITEM, "title": "New title"})
        item.refresh_from_db()
        assert item.title == "New title"
        assert not item.properties.exists()
        assert AuditRecord.objects.get(action="item.change").actor_id == world.staff["manager"].claimant_id

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"external_id": ""}, "This field is required"),
            ({"external_id": "shelf-of-shop"}, "has an item of this ID already"),
            ({"title": ""}, "This field is required"),
            ({"part_of": "nowhere"}, "has no item nowhere"),
            ({"properties": "no colon"}, "write a name, a colon and a value"),
            ({"visible_to": "nobody"}, "has no account set nobody"),
            ({"site": ""}, "This field is required"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_made(self, world: World, wrong: dict, said: str):
        before = Item.objects.count()
        page = text_of(post(world, "manager", "item", "create", {**ITEM, **wrong}))

        assert said in page
        assert Item.objects.count() == before

    def test_members_go_in_and_out_by_list(self, world: World):
        shelf = make_collection(world.site, "shelf")
        make_item(world.site, "a"), make_item(world.site, "b")
        manager = world.sign_in("manager")
        manager.post(page_of(shelf, "add_items"), {"external_ids": "a\n\nb\n"})
        assert "Title of a" in text_of(manager.get(page_of(shelf)))
        assert "has no item zzz" in text_of(
            manager.post(page_of(shelf, "remove_items"), {"external_ids": "a\nzzz"})
        )  # fmt: skip
        assert shelf.members.count() == 2
        manager.post(page_of(shelf, "remove_items"), {"external_ids": "a"})
        assert [each.item.external_id for each in shelf.members.all()] == ["b"]
        book = Item.objects.get(external_id="b")
        assert "shelf" in text_of(manager.get(page_of(book)))
        assert manager.get(page_of(book, "add_items")).status_code == 302

    def test_the_page_counts_who_may_open_it_also_through_collections(self, world: World):
        book = make_item(world.site, "counted")
        page = make_item(world.site, "page", "PdfPage")
        page.part_of = book
        page.save()
        make_licence(book, user=world.claimant)
        make_licence(make_collection(world.site, "", [book]), account_set=make_account_set(world.site, every=["x"]))
        ended = make_licence(book, user=world.claimant)
        Licence.objects.filter(pk=ended.pk).update(ended_at=ended.created_at, ended_by="x")

        for item in (book, page):
            context = world.sign_in("support").get(page_of(item)).context_data
            assert context["openers"] == [
                ("claimant licences", "1"),
                ("account set licences through a collection", "1"),
            ]

    def test_items_are_found_by_beginning_property_and_kind(self, world: World):
        for name, product in (("abc-1", "77"), ("abc-2", "78"), ("urn:x:1", "79")):
            make_item(world.site, name, ProductId=product)
        make_world("elsewhere")

        def found(**query: Any) -> set[str]:
            page = shown(world, "item", **query)
            names = ("abc-1", "abc-2", "urn:x:1", "shelf-of-shop", "shelf-of-elsewhere", "book-of-elsewhere")
            return {name for name in names if f"Title of {name}" in page}

        assert found(q="abc") == {"abc-1", "abc-2"}
        assert found(q="bc-1") == set()
        assert found(q="ProductId:78") == {"abc-2"}
        assert found(q="ProductId:7") == set()
        assert found(q="urn:x:1") == {"urn:x:1"}
        assert found(kind="SubjectCollection") == {"shelf-of-shop"}
        assert found(q="ProductId:09238443") == set()  # Both sites have one, whose name begins with "book".
        assert "book-of-shop" in shown(world, "item", q="ProductId:09238443")

    def test_lists_go_on_by_key(self, world: World, monkeypatch):
        for number in range(60):
            make_item(world.site, f"many-{number:02}")
        monkeypatch.setattr(paging, "COUNTED", 20)
        browser = world.sign_in("support")
        first = browser.get(list_of("accounts_item"), {"q": "many"})
        assert "more than 20 items" in text_of(first)
        second = browser.get(list_of("accounts_item") + first.context_data["cl"].paginator.older)
        assert [row.external_id for row in second.context_data["cl"].result_list] == [
            f"many-{number:02}" for number in range(9, -1, -1)
        ]


class TestOffers:
    def test_an_offer_is_made_changed_and_archived(self, world: World):
        make_item(world.site, "9udm"), make_account_set(world.site, "Club members", every=["m"])
        answer = post(
            world, "manager", "offer", "create", {**OFFER, "prices": "12.50 EUR\n9.90 eur Club members\n1500 JPY"}
        )
        offer = Offer.objects.get(external_id="2dfe")

        assert answer["Location"] == page_of(offer)
        page = text_of(world.sign_in("support").get(page_of(offer)))
        for text in ("12.50 EUR", "9.90 EUR", "1,500 JPY", "118226", "for ever"):
            assert text in page
        manager = world.sign_in("manager")
        form = manager.get(page_of(offer, "edit")).context_data["form"]
        assert form.initial["prices"] == "12.50 EUR\n9.90 EUR Club members\n1500 JPY"
        changed = {"name": "A month", "duration_days": "30", "prices": form.initial["prices"]}
        assert manager.post(page_of(offer, "edit"), changed).status_code == 302
        manager.post(page_of(offer, "archive"), {"reason": "sold out"})
        offer.refresh_from_db()
        assert (offer.name, offer.duration_days, offer.prices.count()) == ("A month", 30, 3)
        assert offer.archived_at is not None
        assert manager.get(page_of(offer, "edit")).status_code == 302

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"item": "nowhere"}, "has no item nowhere"),
            ({"external_id": "offer-of-shop"}, "has an offer of this ID already"),
            ({"number": "0"}, "greater than or equal to 1"),
            ({"prices": "12.505 EUR"}, "write it like 12.50 EUR"),
            ({"prices": "12.50"}, "write it like 12.50 EUR"),
            ({"prices": "12.50 EUR Nobody"}, "has no account set Nobody"),
            ({"prices": "1 EUR\n2 EUR"}, "Two prices in EUR"),
            ({"duration_days": "0"}, "greater than or equal to 1"),
            ({"excluded_views": "a b"}, "Names of letters"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_made(self, world: World, wrong: dict, said: str):
        make_item(world.site, "9udm")
        before = Offer.objects.count()

        assert said in text_of(post(world, "manager", "offer", "create", {**OFFER, **wrong}))
        assert Offer.objects.count() == before

    def test_offers_are_found_by_number_and_beginning(self, world: World):
        make_offer(make_item(world.site), "2dfe", 118226)

        for term in ("118226", "2d"):
            assert "2dfe" in shown(world, "offer", q=term)
        assert "2dfe" not in shown(world, "offer", q="11822")


class TestAccountSets:
    def test_a_set_is_made_and_changed(self, world: World):
        answer = post(
            world, "manager", "accountset", "create", {"name": "Gold", "all": "member\ngold", "excluded": "x"}
        )
        made = AccountSet.objects.get(name="Gold")

        assert answer["Location"] == page_of(made)
        assert "gold, member" in text_of(world.sign_in("support").get(page_of(made)))
        manager = world.sign_in("manager")
        assert manager.get(page_of(made, "edit")).context_data["form"].initial["all"] == "gold\nmember"
        manager.post(page_of(made, "edit"), {"name": "Silver", "any": "silver"})
        assert "Silver" in shown(world, "accountset", q="Sil")

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"all": ""}, "it would hold nobody"),
            ({"name": "members of shop"}, "of this name already"),
            ({"any": "m"}, "stands in one list only"),
        ],
    )
    def test_what_makes_no_sense_is_said(self, world: World, wrong: dict, said: str):
        before = AccountSet.objects.count()
        page = text_of(post(world, "manager", "accountset", "create", {"name": "New", "all": "m", **wrong}))

        assert said in page
        assert AccountSet.objects.count() == before


def test_an_item_for_sets_only_says_so_in_the_list(world: World):
    item = make_item(world.site, "limited")
    assert "everybody" in shown(world, "item", q="limited")
    show_only_to(item, make_account_set(world.site, every=["m"]))
    assert "account sets" in shown(world, "item", q="limited")
