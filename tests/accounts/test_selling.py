"""Offers with their prices, account sets with their rules, and licences given and ended by hand."""

import datetime as dt
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import clock, giving, grouping, offering, pricing, selling
from accounts.access import Reader, find_licence
from accounts.account_sets import sets_of
from accounts.models import AccountSet, AuditRecord, Licence, Offer, OfferPrice, Tag
from accounts.selling import OfferFields, Price
from tests.content import make_account_set, make_item, make_licence, make_offer, wear
from tests.factories import make_claimant, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def book(site):
    return make_item(site, "9udm")


def refused(deed):
    """The fields that a deed complains about; nothing was written."""
    models = (Offer, OfferPrice, AccountSet, Tag, Licence, AuditRecord)
    before = [list(model.objects.order_by("pk").values()) for model in models]
    with pytest.raises(ValidationError) as error:
        deed()
    assert [list(model.objects.order_by("pk").values()) for model in models] == before
    return set(error.value.message_dict) if hasattr(error.value, "error_dict") else set(error.value.messages)


def audited(action):
    return AuditRecord.objects.get(action=action).detail


class TestOffers:
    def test_an_offer_is_made_with_terms_and_prices_and_codes_find_it(self, site, book):
        members = make_account_set(site, "Members", every=["m"])
        fields = OfferFields(
            name="For ever",
            concurrencies=2,
            excluded_views=["sourceDownload"],
            meta_type_restriction="Book",
            prices=[Price(2_000, "EUR"), Price(1_500, "EUR", members)],
        )
        offer = selling.create_offer(site, "2dfe", book, fields, number=118226, actor_id="staff")

        found = offering.find_offers(site.pk, ["2dfe", 118226])
        assert {each.offer_id for each in found.values()} == {offer.pk}
        assert found["2dfe"].terms == {
            "duration_days": None, "concurrencies": 2, "excluded_views": ["sourceDownload"], "meta_type_restriction": "Book"
        }  # fmt: skip
        assert audited("offer.create")["prices"] == [[2000, "EUR", ""], [1500, "EUR", "Members"]]
        assert selling.create_offer(site, "next", book, fields, actor_id="staff").number == 118227

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"name": ""}, "name"),
            ({"duration_days": 0}, "duration_days"),
            ({"duration_days": 36_601}, "duration_days"),
            ({"concurrencies": 0}, "concurrencies"),
            ({"concurrencies": 2**31}, "concurrencies"),
            ({"excluded_views": ["a b"]}, "excluded_views"),
            ({"meta_type_restriction": " "}, "meta_type_restriction"),
            ({"prices": [Price(-1, "EUR")]}, "prices"),
            ({"prices": [Price(10**15 + 1, "EUR")]}, "prices"),
            ({"prices": [Price(1, "euro")]}, "prices"),
            ({"prices": [Price(1, "EUR"), Price(2, "EUR")]}, "prices"),
        ],
    )
    def test_wrong_terms_make_and_change_nothing(self, site, book, changes, field):
        fields = OfferFields(**{"name": "N", **changes})
        offer = make_offer(book)

        assert refused(lambda: selling.create_offer(site, "new", book, fields, actor_id="staff")) == {field}
        assert refused(lambda: selling.change_offer(offer, fields, actor_id="staff")) == {field}

    def test_an_id_a_number_an_item_or_a_set_that_will_not_do_is_named(self, site, book):
        make_offer(book, "2dfe", 118226)
        fields, elsewhere = OfferFields(name="N"), make_item(make_site())
        stranger = make_account_set(elsewhere.site, every=["m"])

        def create(*given, fields=fields, **named):
            return refused(lambda: selling.create_offer(site, *given, fields, actor_id="staff", **named))

        assert create("2dfe", book) == {"external_id"}
        assert create("", book) == {"external_id"}
        assert create("new", book, number=118226) == {"number"}
        assert create("new", book, number=0) == {"number"}
        assert create("new", book, number=2**53) == {"number"}
        assert create("new", elsewhere) == {"item"}
        assert create("new", book, fields=OfferFields(name="N", prices=[Price(1, "EUR", stranger)])) == {"prices"}

    def test_a_change_touches_no_licence_that_was_given(self, site, book):
        offer = make_offer(book, duration_days=30)
        licence = make_licence(book, user=make_claimant(site), offer=offer)
        selling.change_offer(offer, OfferFields(name="Other", duration_days=5), actor_id="staff")
        licence.refresh_from_db()

        assert (licence.duration_days, licence.ends_at - licence.starts_at) == (30, dt.timedelta(days=30))
        assert audited("offer.change")["was"] == {"name": offer.name, "duration_days": 30}

    def test_an_archived_offer_gives_nothing_more_and_takes_nothing_away(self, site, book):
        offer, anna = make_offer(book, "2dfe"), make_claimant(site)
        licence = make_licence(book, user=anna, offer=offer)
        selling.archive_offer(offer, actor_id="staff", reason="sold out")

        assert offering.find_offers(site.pk, ["2dfe"]) == {}
        assert find_licence(Reader(site.pk, anna.pk), book, clock.read()) == licence
        assert audited("offer.archive")["reason"] == "sold out"
        assert refused(lambda: selling.archive_offer(offer, actor_id="staff", reason="again"))


class TestPrices:
    def test_the_lowest_of_everybodys_and_their_sets_in_each_currency_in_one_statement(self, site, book):
        members, press = make_account_set(site, every=["m"]), make_account_set(site, every=["p"])
        prices = [
            Price(2_000, "EUR"), Price(1_500, "EUR", members), Price(2_500, "EUR", press), Price(900, "USD", press)
        ]  # fmt: skip
        offer = selling.create_offer(site, "o", book, OfferFields(name="N", prices=prices), actor_id="staff")
        anna = make_claimant(site)

        assert pricing.price_of(offer, None) == {"EUR": 2_000}
        assert pricing.price_of(offer, anna) == {"EUR": 2_000}
        wear(anna, "p")
        assert pricing.price_of(offer, anna) == {"EUR": 2_000, "USD": 900}
        wear(anna, "m")
        with CaptureQueriesContext(connection) as asked:
            assert pricing.price_of(offer, anna) == {"EUR": 1_500, "USD": 900}
        assert len(asked) == 1
        assert pricing.price_of(make_offer(book), anna) == {}

    def test_nobody_of_another_site_has_a_sets_price(self, site, book):
        members = make_account_set(site, every=["m"])
        prices = [Price(2_000, "EUR"), Price(1_500, "EUR", members)]
        offer = selling.create_offer(site, "o", book, OfferFields(name="N", prices=prices), actor_id="staff")
        stranger = make_claimant(make_site())
        wear(stranger, "m")

        assert pricing.price_of(offer, stranger) == {"EUR": 2_000}

    @pytest.mark.parametrize(
        ("text", "currency", "amount", "shown"),
        [("12.50", "EUR", 1250, "12.50 EUR"), ("1500", "JPY", 1500, "1,500 JPY"), ("0.125", "KWD", 125, "0.125 KWD")],
    )
    def test_amounts_are_written_and_read_with_the_currencys_places(self, text, currency, amount, shown):
        assert pricing.minor_units(text, currency) == amount
        assert pricing.written(amount, currency) == shown

    @pytest.mark.parametrize("text", ["", "x", "1.005", "NaN", "Infinity", "1e20"])
    def test_what_is_no_amount_is_refused_and_never_rounded(self, text):
        with pytest.raises(ValueError, match="No amount of EUR"):
            pricing.minor_units(text, "EUR")


class TestAccountSets:
    def test_a_set_is_made_with_tags_that_were_not_there_and_holds_who_wears_them(self, site):
        anna = make_claimant(site)
        wear(anna, "member", "gold")
        rules = {"all": ["member"], "any": ["gold", "silver"], "excluded": ["blocked"]}
        made = grouping.create_account_set(site, "Gold", rules, actor_id="staff")

        assert grouping.rules_of(made) == {"all": ["member"], "any": ["gold", "silver"], "excluded": ["blocked"]}
        assert list(sets_of(site.pk, anna.pk)) == [made]
        grouping.change_account_set(made, "Silver", {"any": ["silver"]}, actor_id="staff")
        assert list(sets_of(site.pk, anna.pk)) == []
        assert audited("accountset.change")["was"]["name"] == "Gold"
        assert audited("accountset.create")["any"] == ["gold", "silver"]

    @pytest.mark.parametrize(
        ("name", "rules"),
        [
            ("", {"all": ["m"]}),
            ("taken", {"all": ["m"]}),
            ("new", {}),
            ("new", {"excluded": ["m"]}),
            ("new", {"all": ["m"], "excluded": ["m"]}),
            ("new", {"all": [""]}),
            ("new", {"all": ["x" * 101]}),
            ("new", {"any": [str(n) for n in range(201)]}),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, site, name, rules):
        make_account_set(site, "taken", every=["m"])
        other = make_account_set(site, "other", every=["m"])

        assert refused(lambda: grouping.create_account_set(site, name, rules, actor_id="staff"))
        assert refused(lambda: grouping.change_account_set(other, name, rules, actor_id="staff"))
        assert grouping.rules_of(AccountSet.objects.get(name="other"))["all"] == ["m"]


class TestByHand:
    def test_a_licence_is_given_to_a_user_or_a_set_once_and_opens(self, site, book):
        anna, once = make_claimant(site), uuid4()
        offer = make_offer(book, duration_days=30)
        given = giving.give_by_hand(offer, anna, actor_id="staff", reason="Sorry", form_key=once)
        again = giving.give_by_hand(offer, anna, actor_id="staff", reason="Sorry", form_key=once)

        assert again == given
        ben = make_claimant(site)
        assert refused(lambda: giving.give_by_hand(offer, ben, actor_id="staff", reason="x", form_key=once))
        assert Licence.objects.count() == 1
        assert given.ends_at - given.starts_at == dt.timedelta(days=30)
        assert find_licence(Reader(site.pk, anna.pk), book, clock.read()) == given
        assert audited("licence.give") == {
            "reason": "Sorry", "offer": offer.external_id, "item": "9udm", "claimant_id": anna.claimant_id
        }  # fmt: skip
        members, other = make_account_set(site, every=["m"]), make_item(site)
        giving.give_by_hand(offer, members, item=other, actor_id="staff", reason="x", form_key=uuid4())
        wear(anna, "m")
        assert find_licence(Reader(site.pk, anna.pk), other, clock.read()).account_set == members

    def test_nothing_is_given_from_an_archived_offer_or_across_sites(self, site, book):
        anna, stranger = make_claimant(site), make_claimant(make_site())
        offer = make_offer(book)

        def give(*given, **named):
            return refused(lambda: giving.give_by_hand(*given, actor_id="staff", reason="x", form_key=uuid4(), **named))

        assert give(offer, stranger)
        assert give(offer, make_account_set(stranger.site, every=["m"]))
        assert give(offer, anna, item=make_item(stranger.site))
        selling.archive_offer(offer, actor_id="staff", reason="x")
        assert give(offer, anna)

    def test_an_ended_licence_opens_nothing_and_ends_once(self, site, book):
        anna = make_claimant(site)
        licence = make_licence(book, user=anna)
        giving.end_licence(licence, actor_id="staff", reason="Refunded")
        licence.refresh_from_db()

        assert find_licence(Reader(site.pk, anna.pk), book, clock.read()) is None
        assert licence.ended_by == "staff"
        assert audited("licence.end")["reason"] == "Refunded"
        assert refused(lambda: giving.end_licence(licence, actor_id="staff", reason="again"))
