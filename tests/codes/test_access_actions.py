"""apply_offer and apply_offer_match: what a claimant may open afterwards, and what is refused without counting a use."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from accounts import access, clock, licensing
from accounts.access import Reader
from accounts.models import CollectionMember, Licence, Offer
from codes import reversing
from codes.actions import offers
from codes.actions.registry import ACTIONS
from codes.models import Code, ReceiptMail
from codes.redemption.engine import redeem_codes, validate_codes
from codes.refusals import AlreadyReversed
from tests.codes.redeeming import ask, assert_sound, attempt, holdings, reason_of, redeem
from tests.content import make_browser, make_collection, make_item, make_licence, make_offer, set_property
from tests.factories import caller_of, make_asset, make_claimant, make_client, make_code, make_site
from tests.scenes import scene

pytestmark = pytest.mark.django_db


class Shop:
    """The site of the contract's cases: three books, and an offer on a fourth."""

    def __init__(self):
        self.site = make_site(slug="9p2")
        self.reader, self.other = make_claimant(self.site), make_claimant(self.site)
        self.till = caller_of(make_client(self.site, ("redeem", "reverse")))
        self.sold = make_item(self.site, "9udm")
        self.b1 = make_item(self.site, "b1", ProductId="09238443")
        self.b2 = make_item(self.site, "b2", ProductId="09238443")
        self.b3 = make_item(self.site, "b3", ProductId="1", AdminTags="sample")
        self.offer = make_offer(self.sold, "2dfe", 118226, duration_days=30, concurrencies=2, excluded_views=["source"])

    def code(self, text="ABC-E6W5F", action="apply_offer", access_control="2dfe", match=None, **fields):
        parameters = {"access_control": access_control} | ({"match": match} if match else {})
        return make_code(self.site, text, worth_cents=0, action=action, parameters=parameters, **fields)

    def matching(self, text="ABC-E6W5F", **match):
        return self.code(text, "apply_offer_match", match=match, uses=2)

    def may_open(self, user, item):
        return access.find_licence(Reader(self.site.pk, user.pk), item, clock.read()) is not None

    def reverse(self, outcome, **fields):
        return reversing.reverse(reversing.ReverseRedemption(self.till, outcome.attempt.pk, "a mistake", **fields))[0]


book_shop_scene = scene("book_shop", Shop)


@pytest.fixture
def shop(book_shop_scene, db):
    return book_shop_scene()


def licensed(user):
    """The items on which the user holds licences, by external ID."""
    return sorted(user.licences.filter(ended_at=None).values_list("item__external_id", flat=True))


@pytest.mark.parametrize("access_control", ["2dfe", 118226])
def test_it_gives_what_the_offer_sells_on_its_terms(shop, stopped_clock, access_control):
    shop.code(access_control=access_control)

    outcome = redeem(shop.reader)

    assert outcome.attempt.result == {"licences": ["9udm"]}
    [licence] = Licence.objects.all()
    assert (licence.site, licence.user, licence.item, licence.offer) == (shop.site, shop.reader, shop.sold, shop.offer)
    assert (licence.account_set, licence.browser, licence.given_by) == (None, None, outcome.attempt.pk)
    assert (licence.starts_at, licence.ends_at) == (stopped_clock.now, stopped_clock.now + dt.timedelta(days=30))
    assert (licence.concurrencies, licence.excluded_views, licence.duration_days) == (2, ["source"], 30)
    assert attempt(outcome).action == "apply_offer"
    assert (Code.objects.get().state, Code.objects.get().uses) == ("used_up", 1)
    assert shop.may_open(shop.reader, shop.sold)
    assert not shop.may_open(shop.other, shop.sold)
    assert_sound()


def test_a_number_may_name_a_licence_whose_terms_are_taken(shop):
    licence = make_licence(shop.b1, user=shop.other, offer=make_offer(shop.b1, "short", duration_days=1))
    shop.code(access_control=licence.pk)

    redeem(shop.reader)

    [given] = shop.reader.licences.all()
    assert (given.item, given.duration_days, given.offer) == (shop.b1, 1, licence.offer)


def test_a_receipt_goes_out_as_for_any_redemption(shop):
    shop.code()
    outcome = redeem(shop.till, "ABC-E6W5F", shop.reader)

    assert ReceiptMail.objects.get().attempt_id == outcome.attempt.pk


def test_what_matches_is_licensed_and_not_what_the_offer_sells(shop):
    shop.matching(all=["ProductId:09238443"])

    outcome = redeem(shop.reader)

    assert outcome.attempt.result == {"licences": ["b1", "b2"]}
    assert licensed(shop.reader) == ["b1", "b2"]
    assert set(shop.reader.licences.values_list("offer", "duration_days", "concurrencies")) == {(shop.offer.pk, 30, 2)}
    assert_sound()

    # Decided once: later changes of properties neither give nor take (case 21).
    set_property(shop.b1, "ProductId", "2")
    make_item(shop.site, "b4", ProductId="09238443")
    assert licensed(shop.reader) == ["b1", "b2"]
    assert redeem(shop.other).attempt.result == {"licences": ["b2", "b4"]}


def test_items_of_another_site_never_match(shop):
    make_item(make_site(), "b1", ProductId="09238443")
    shop.matching(all=["ProductId:09238443"])

    redeem(shop.reader)

    assert set(Licence.objects.values_list("item__site", flat=True)) == {shop.site.pk}


def test_nothing_matches_and_nothing_is_counted(shop):
    # Case 22: b3 is a sample, and the only one excluded.
    shop.matching(any=["sample"], excluded=["ProductId:1"])
    before = holdings(shop.site)

    assert reason_of(redeem(shop.reader)) == "no_matching_content"
    assert holdings(shop.site) == before

    make_item(shop.site, "b5", AdminTags="sample")
    assert redeem(shop.reader).attempt.result == {"licences": ["b5"]}


def test_as_many_as_may_be_match_and_one_more_is_refused(shop, monkeypatch):
    monkeypatch.setattr(offers, "MOST_ITEMS", 2)
    shop.matching("MATCH-1", all=["ProductId:09238443"])
    assert reason_of(redeem(shop.reader, "MATCH-1")) == "redeemed"
    make_item(shop.site, ProductId="09238443")
    before = holdings(shop.site)

    assert reason_of(redeem(shop.other, "MATCH-1")) == "too_many_matches"
    assert holdings(shop.site) == before


def test_a_licence_on_a_collection_covers_what_comes_into_it_later(shop):
    collection = make_collection(shop.site, "c1", [shop.b1])
    make_offer(collection, "all-of-it")
    shop.code(access_control="all-of-it")
    redeem(shop.reader)

    assert (shop.may_open(shop.reader, shop.b1), shop.may_open(shop.reader, shop.b2)) == (True, False)
    CollectionMember.objects.create(collection=collection, item=shop.b2)
    assert shop.may_open(shop.reader, shop.b2)


def test_an_offer_that_is_archived_gives_nothing_more(shop):
    shop.code(uses=2)
    redeem(shop.other)
    Offer.objects.update(archived_at=clock.read())
    before = holdings(shop.site)

    assert reason_of(redeem(shop.reader)) == "offer_gone"
    assert holdings(shop.site) == before
    assert shop.may_open(shop.other, shop.sold)


@pytest.mark.parametrize("give_use_back", [True, False])
def test_taken_back_it_takes_exactly_what_it_gave(shop, stopped_clock, give_use_back):
    shop.code("OFFER-1")
    shop.code("OFFER-2")
    shop.matching("MATCH-1", all=["ProductId:09238443"])
    bought = make_licence(shop.b1, user=shop.reader)
    first, second, third = (redeem(shop.reader, text) for text in ("OFFER-1", "OFFER-2", "MATCH-1"))
    assert licensed(shop.reader) == ["9udm", "9udm", "b1", "b1", "b2"]

    shop.reverse(first, give_use_back=give_use_back)
    assert licensed(shop.reader) == ["9udm", "b1", "b1", "b2"]
    assert shop.may_open(shop.reader, shop.sold)  # By the other redemption's licence.
    shop.reverse(third)
    assert licensed(shop.reader) == ["9udm", "b1"]
    assert Licence.objects.get(pk=bought.pk).ended_at is None
    shop.reverse(second)

    assert not shop.may_open(shop.reader, shop.sold)
    ended = Licence.objects.get(given_by=first.attempt.pk)
    assert (ended.ended_at, ended.ended_by) == (stopped_clock.now, shop.till.actor_id)
    code = Code.objects.get(attempts=first.attempt.pk)
    assert (code.state, code.uses) == (("active", 0) if give_use_back else ("used_up", 1))
    assert_sound()
    with pytest.raises(AlreadyReversed):
        shop.reverse(first)
    if give_use_back:
        assert reason_of(redeem(shop.other, "OFFER-1")) == "redeemed"
        assert_sound()


def test_what_was_taken_back_by_hand_before_keeps_its_moment(shop, stopped_clock):
    shop.code()
    outcome = redeem(shop.reader)
    by_hand = stopped_clock.now
    licensing.take_licences_of(outcome.attempt.pk, "boss", by_hand)
    stopped_clock.advance(hours=1)

    shop.reverse(outcome)

    assert Licence.objects.values_list("ended_at", "ended_by").get() == (by_hand, "boss")


def test_the_same_key_hears_the_same_answer_and_gives_nothing_twice(shop):
    shop.code(uses=3, uses_per_claimant=3)

    first, again = (redeem(shop.reader, idempotency_key="k1") for _ in range(2))

    assert (again.replayed, again.attempt.pk, again.attempt.result) == (True, first.attempt.pk, first.attempt.result)
    assert Licence.objects.count() == 1
    assert Code.objects.get().uses == 1


def test_a_refused_match_is_remembered_under_its_key(shop):
    shop.matching(all=["ProductId:none"])
    redeem(shop.reader, idempotency_key="k1")
    make_item(shop.site, ProductId="none")

    assert (reason_of(redeem(shop.reader, idempotency_key="k1")), licensed(shop.reader)) == ("no_matching_content", [])
    assert reason_of(redeem(shop.reader, idempotency_key="k2")) == "redeemed"


def test_a_validation_tells_it_and_gives_nothing(shop):
    shop.matching(all=["ProductId:09238443"])
    before = holdings(shop.site)

    assert reason_of(validate_codes([ask(shop.reader)])[0]) == "redeemed"
    assert holdings(shop.site) == before


def test_a_list_gives_each_its_own(shop):
    elsewhere = Shop.__new__(Shop)
    elsewhere.site = make_site()
    stranger = make_claimant(elsewhere.site)
    make_offer(make_item(elsewhere.site, "theirs"), "2dfe")
    elsewhere.code()
    shop.code(uses=2)
    shop.code("OFFER-2", access_control=118226)
    shop.matching("MATCH-1", any=["ProductId:1", "ProductId:09238443"])

    outcomes = redeem_codes(
        [ask(shop.reader), ask(shop.reader, "MATCH-1"), ask(stranger), ask(shop.other, "OFFER-2"), ask(shop.reader)]
    )

    assert [reason_of(each) for each in outcomes] == [*["redeemed"] * 4, "already_redeemed"]
    assert licensed(shop.reader) == ["9udm", "b1", "b2", "b3"]
    assert (licensed(shop.other), licensed(stranger)) == (["9udm"], ["theirs"])
    assert outcomes[4].refusal.receipt_number == outcomes[0].attempt.receipt_number
    assert_sound()


@pytest.mark.parametrize("action", ["session_license", "session_license_match"])
@pytest.mark.parametrize("door", ["api", "page"])
def test_a_session_code_has_no_browser_to_go_to_by_other_doors(shop, action, door):
    shop.code(action=action, match={"all": ["sample"]} if action.endswith("match") else None)
    before = holdings(shop.site)

    outcome = redeem(shop.reader, door=door, browser_id=make_browser(shop.site).pk)

    assert reason_of(outcome) == "target_missing"
    assert outcome.attempt.claimant_id == shop.reader.pk
    assert holdings(shop.site) == before


ACCESS = ["apply_offer", "apply_offer_match", "session_license", "session_license_match"]
MATCH = {"match": {"all": ["sample"]}}


@pytest.mark.parametrize("action", ACCESS)
@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({}, "Give the ID or the number"),
        ({"access_control": None}, "Give the ID or the number"),
        ({"access_control": True}, "Give the ID or the number"),
        ({"access_control": 1.0}, "Give the ID or the number"),
        ({"access_control": ["2dfe"]}, "Give the ID or the number"),
        ({"access_control": "118226"}, "No such offer: 118226"),
        ({"access_control": "2DFE"}, "No such offer: 2DFE"),
        ({"access_control": ""}, "No such offer: "),
        ({"access_control": "x" * 101}, "No such offer: "),
        ({"access_control": 118227}, "No such offer: 118227"),
        ({"access_control": -1}, "No such offer: -1"),
        ({"access_control": 2**63}, f"No such offer: {2**63}"),
        ({"access_control": "theirs"}, "No such offer: theirs"),
        ({"access_control": "archived"}, "No such offer: archived"),
        ({"access_control": "2dfe", "until": "tomorrow"}, "Unknown parameter: until"),
    ],
)
def test_what_names_no_offer_of_the_site_is_refused(shop, action, parameters, said):
    make_offer(make_item(make_site()), "theirs")
    Offer.objects.filter(pk=make_offer(shop.b1, "archived").pk).update(archived_at=clock.read())
    given = {**parameters, **(MATCH if action.endswith("match") else {})}

    with pytest.raises(ValidationError) as refused:
        ACTIONS[action].clean(shop.site.pk, given, None, 0)

    assert list(refused.value.message_dict) == ["parameters"]
    assert refused.value.message_dict["parameters"][0].startswith(said)


@pytest.mark.parametrize("action", ["apply_offer_match", "session_license_match"])
@pytest.mark.parametrize(
    ("match", "said"),
    [
        (None, "Say what is to match"),
        ({}, "Say what is to match"),
        (["sample"], "Say what is to match"),
        ({"all": ["a"], "exclude": ["b"]}, "Say what is to match"),
        ({"all": "sample"}, "Give all, any and excluded as lists"),
        ({"all": [1]}, "Give all, any and excluded as lists"),
        ({"all": ["a"], "any": None}, "Give all, any and excluded as lists"),
        ({"excluded": ["a"]}, "Give at least one search term in all or any"),
        ({"all": [], "any": []}, "Give at least one search term in all or any"),
        ({"all": ["a::b"]}, "Invalid search term: a::b"),
        ({"all": ["a"], "excluded": [""]}, "Invalid search term: "),
        ({"any": ["Book:pageFullText:word"]}, "Invalid search term: Book:pageFullText:word"),
        ({"any": ["x" * 1_001]}, "Invalid search term: xxx"),
        ({"any": [f"tag {number}" for number in range(60)], "all": ["a"] * 41}, "Give up to 100 search terms"),
    ],
)
def test_what_is_no_specification_is_refused(shop, action, match, said):
    with pytest.raises(ValidationError) as refused:
        ACTIONS[action].clean(shop.site.pk, {"access_control": "2dfe", "match": match}, None, 0)

    assert refused.value.message_dict["parameters"][0].startswith(said)


@pytest.mark.parametrize("action", ACCESS)
def test_they_give_no_value(shop, action):
    given = {"access_control": "2dfe", **(MATCH if action.endswith("match") else {})}
    with pytest.raises(ValidationError) as refused:
        ACTIONS[action].clean(shop.site.pk, given, make_asset(), 5)

    assert list(refused.value.message_dict) == ["value"]


def test_only_the_parts_that_say_something_are_kept(shop):
    given = {"access_control": 118226, "match": {"excluded": [], "any": ["b", "a"], "all": ["ProductId:x:y"]}}

    kept = ACTIONS["apply_offer_match"].clean(shop.site.pk, given, None, 0)

    assert kept == {"access_control": 118226, "match": {"all": ["ProductId:x:y"], "any": ["b", "a"]}}


def test_as_many_terms_as_may_be_are_searched(shop):
    shop.matching(any=[f"ProductId:{number}" for number in range(100)])

    assert redeem(shop.reader).attempt.result == {"licences": ["b3"]}
