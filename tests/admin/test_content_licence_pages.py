"""Licences on the desk: given and ended by hand, found, and refused."""

from typing import Any
from uuid import uuid4

import pytest

from accounts.models import AuditRecord, Licence, Offer
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.content import make_item, make_licence, make_offer, wear
from tests.factories import make_claimant

pytestmark = pytest.mark.django_db


def post(world: World, role: str, model: str, deed: str, form: dict[str, Any]) -> Any:
    sent = {"site": world.site.pk, "once": str(uuid4()), **form}
    return world.sign_in(role).post(list_of(f"accounts_{model}", deed), sent)


class TestLicences:
    def give(self, world: World, role: str = "operator", **form: Any) -> Any:
        asked = {"offer": "2dfe", "claimant": world.claimant.claimant_id, "reason": "Sorry", **form}
        return post(world, role, "licence", "give", asked)

    @pytest.fixture
    def offer(self, world: World) -> Offer:
        return make_offer(make_item(world.site, "9udm"), "2dfe", 118226, duration_days=30)

    def test_an_operator_gives_one_once_and_ends_it(self, world: World, offer: Offer):
        once = str(uuid4())
        answer = self.give(world, once=once)
        self.give(world, once=once)
        licence = Licence.objects.get(offer=offer)

        assert answer["Location"] == page_of(licence)
        assert (licence.user, licence.item) == (world.claimant, offer.item)
        operator = world.sign_in("operator")
        assert "staff; the audit knows who" in text_of(operator.get(page_of(licence)))
        operator.post(page_of(licence, "end"), {"reason": "Refunded"})
        licence.refresh_from_db()
        assert licence.ended_by == world.staff["operator"].claimant_id
        assert operator.get(page_of(licence, "end")).status_code == 302
        assert [row.action for row in AuditRecord.objects.filter(object_type="licence").order_by("id")] == [
            "licence.give",
            "licence.end",
        ]

    def test_it_may_go_to_a_set_and_on_another_item(self, world: World, offer: Offer):
        self.give(world, claimant="", account_set="members of shop", item="book-of-shop", offer="118226")

        licence = Licence.objects.get(offer=offer)
        assert (licence.account_set.name, licence.item.external_id) == ("members of shop", "book-of-shop")

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"offer": "none"}, "has no offer none"),
            ({"claimant": "nobody"}, "has no claimant nobody"),
            ({"claimant": ""}, "Name a claimant or an account set"),
            ({"account_set": "members of shop"}, "and not both"),
            ({"claimant": "", "account_set": "nobody"}, "has no account set nobody"),
            ({"item": "nowhere"}, "has no item nowhere"),
            ({"reason": ""}, "This field is required"),
            ({"claimant": "", "account_set": "members of elsewhere"}, "has no account set"),
            ({"offer": "offer-of-elsewhere"}, "has no offer"),
            ({"item": "book-of-elsewhere"}, "has no item"),
        ],
    )
    def test_what_is_wrong_is_said_and_nothing_is_given(self, world: World, offer: Offer, wrong: dict, said: str):
        make_world("elsewhere")
        before = Licence.objects.count()

        assert said in text_of(self.give(world, **wrong))
        assert Licence.objects.count() == before

    def test_support_looks_and_touches_nothing(self, world: World, offer: Offer):
        before = Licence.objects.count()
        licence = world.rows["accounts_licence"]

        assert self.give(world, role="support").status_code == 403
        assert world.sign_in("support").post(page_of(licence, "end"), {"reason": "x"}).status_code == 403
        assert Licence.objects.count() == before
        licence.refresh_from_db()
        assert licence.ended_at is None

    def test_licences_are_found_by_number_claimant_and_item(self, world: World):
        licence, other = (
            world.rows["accounts_licence"],
            make_licence(make_item(world.site), user=make_claimant(world.site)),
        )
        browser = world.sign_in("support")

        def found(term: str) -> list[int]:
            rows = browser.get(list_of("accounts_licence"), {"q": term}).context_data["cl"].result_list
            return [row.pk for row in rows]

        for term in (str(licence.pk), world.claimant.claimant_id, world.claimant.email.upper(), "shelf-of-shop"):
            assert found(term) == [licence.pk], term
        assert found("nobody") == found("9" * 30) == []
        assert other.pk not in found(world.claimant.claimant_id)

    def test_a_users_page_shows_their_licences_sets_and_tags(self, world: World):
        wear(world.claimant, "member")
        page = text_of(world.sign_in("operator").get(page_of(world.claimant)))

        assert "Title of shelf-of-shop" in page
        assert "members of shop" in page
        assert "Give a licence" in page
        assert "Give a licence" not in text_of(world.sign_in("support").get(page_of(world.claimant)))

    def test_a_page_that_leads_to_giving_fills_in_what_it_knows(self, world: World):
        form = (
            world.sign_in("operator").get(list_of("accounts_licence", "give"), {"claimant": "u-7"}).context_data["form"]
        )

        assert form.initial["claimant"] == "u-7"
