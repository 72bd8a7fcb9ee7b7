"""add_tags and fulfilment: what is given other than value, and taken back exactly as it was given."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Tag, UserTag
from codes import closing, reversing
from codes.actions.registry import ACTIONS
from codes.models import WorkItem
from codes.redemption.engine import redeem_codes
from tests.codes.redeeming import ask, assert_sound, reason_of, redeem
from tests.factories import caller_of, make_asset, make_claimant, make_client, make_code, make_site

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_claimant()


def tagging(site, text, *tags, **fields):
    return make_code(site, text, worth_cents=0, action="add_tags", parameters={"tags": list(tags)}, **fields)


def worn(user):
    return sorted(user.user_tags.values_list("tag__name", flat=True))


def reverse(outcome, **fields):
    till = caller_of(make_client(outcome.attempt.site))
    return reversing.reverse(reversing.ReverseRedemption(till, outcome.attempt.pk, "a mistake", **fields))[0]


class TestTags:
    def test_they_are_put_on_the_claimant_and_taken_off_again(self, anna):
        tagging(anna.site, "TAGS-1", "vip", "early")

        outcome = redeem(anna, "TAGS-1")
        assert worn(anna) == ["early", "vip"]
        assert outcome.attempt.result == {"tags": ["vip", "early"]}
        assert outcome.attempt.ledger_transaction_id is None

        reversal = reverse(outcome)
        assert worn(anna) == []
        assert reversal.ledger_transaction_id is None
        assert_sound()

    def test_only_those_are_taken_off_that_this_redemption_put_on(self, anna):
        tagging(anna.site, "TAGS-1", "vip", "early")
        tagging(anna.site, "TAGS-2", "vip", "gold")
        first, second = redeem(anna, "TAGS-1"), redeem(anna, "TAGS-2")
        assert second.attempt.result == {"tags": ["vip", "gold"]}

        reverse(second)
        assert worn(anna) == ["early", "vip"]
        reverse(first)
        assert worn(anna) == []

    def test_one_worn_before_stays(self, anna, stopped_clock):
        tag = Tag.objects.create(site=anna.site, name="vip")
        UserTag.objects.create(user=anna, tag=tag, created_at=stopped_clock.now)
        tagging(anna.site, "TAGS-1", "vip")

        outcome = redeem(anna, "TAGS-1")
        assert outcome.attempt.given == {"tags": []}
        reverse(outcome)

        assert worn(anna) == ["vip"]

    def test_one_taken_off_meanwhile_is_no_trouble(self, anna):
        tagging(anna.site, "TAGS-1", "vip")
        outcome = redeem(anna, "TAGS-1")
        UserTag.objects.all().delete()

        reverse(outcome)

        assert worn(anna) == []

    def test_in_a_list_the_first_to_give_one_is_the_one_that_takes_it_back(self, anna):
        tagging(anna.site, "TAGS-1", "vip", "early")
        tagging(anna.site, "TAGS-2", "vip", "gold")

        first, second = redeem_codes([ask(anna, "TAGS-1"), ask(anna, "TAGS-2")])

        assert worn(anna) == ["early", "gold", "vip"]
        assert (len(first.attempt.given["tags"]), len(second.attempt.given["tags"])) == (2, 1)
        reverse(second)
        assert worn(anna) == ["early", "vip"]

    def test_a_tag_that_is_gone_gives_none_of_them(self, anna):
        tagging(anna.site, "TAGS-1", "vip", "gone")
        Tag.objects.filter(name="gone").delete()

        assert reason_of(redeem(anna, "TAGS-1")) == "target_missing"
        assert worn(anna) == []

    def test_two_sites_have_tags_of_their_own(self, anna):
        ben = make_claimant(make_site())
        for user in (anna, ben):
            tagging(user.site, "TAGS-1", "vip")

        redeem_codes([ask(anna, "TAGS-1"), ask(ben, "TAGS-1")])

        assert Tag.objects.count() == 2
        assert anna.user_tags.get().tag.site == anna.site

    def test_they_are_trimmed_told_once_and_made_where_missing(self):
        site = make_site()

        assert ACTIONS["add_tags"].clean(site.pk, {"tags": [" vip ", "early", "vip"]}, None, 0) == {
            "tags": ["vip", "early"]
        }
        assert sorted(site.tags.values_list("name", flat=True)) == ["early", "vip"]

    @pytest.mark.parametrize(
        ("parameters", "asset", "field"),
        [
            ({}, None, "parameters"),
            ({"tags": []}, None, "parameters"),
            ({"tags": "vip"}, None, "parameters"),
            ({"tags": ["vip", ""]}, None, "parameters"),
            ({"tags": ["  "]}, None, "parameters"),
            ({"tags": [7]}, None, "parameters"),
            ({"tags": ["t" * 101]}, None, "parameters"),
            ({"tags": [f"tag {number}" for number in range(1_001)]}, None, "parameters"),
            ({"tags": ["vip"], "until": "tomorrow"}, None, "parameters"),
            ({"tags": ["vip"]}, "EUR", "value"),
        ],
    )
    def test_what_is_no_list_of_tags_is_refused(self, parameters, asset, field):
        site = make_site()
        with pytest.raises(ValidationError) as refused:
            ACTIONS["add_tags"].clean(site.pk, parameters, asset and make_asset(asset), 5 if asset else 0)

        assert list(refused.value.message_dict) == [field]
        assert not site.tags.exists()


class TestFulfilment:
    def coffee(self, site, **fields):
        return make_code(site, worth_cents=0, action="fulfilment", parameters={"item": " a coffee "}, **fields)

    def test_it_opens_a_work_item(self, anna, stopped_clock):
        self.coffee(anna.site)

        outcome = redeem(anna)

        assert outcome.attempt.result == {"item": "a coffee"}
        item = WorkItem.objects.get()
        assert (item.title, item.state, item.claimant, item.site) == ("a coffee", "open", anna, anna.site)
        assert (item.attempt_id, item.opened_at, item.closed_at) == (outcome.attempt.pk, stopped_clock.now, None)
        assert_sound()

    def test_each_of_a_list_opens_its_own(self, anna):
        self.coffee(anna.site, uses=3, uses_per_claimant=3)

        outcomes = redeem_codes([ask(anna) for _ in range(3)])

        assert {item.attempt_id for item in WorkItem.objects.all()} == {outcome.attempt.pk for outcome in outcomes}

    @pytest.mark.parametrize("closed", [None, True, False])
    def test_taken_back_its_work_item_is_cancelled_whatever_became_of_it(self, anna, closed):
        self.coffee(anna.site)
        outcome = redeem(anna)
        if closed is not None:
            closing.close_work_item(WorkItem.objects.get(), closed, actor_id="boss")

        reverse(outcome)

        assert WorkItem.objects.get().state == "cancelled"
        assert_sound()

    @pytest.mark.parametrize(
        ("parameters", "asset", "field"),
        [
            ({}, None, "parameters"),
            ({"item": ""}, None, "parameters"),
            ({"item": "  "}, None, "parameters"),
            ({"item": 7}, None, "parameters"),
            ({"item": "i" * 201}, None, "parameters"),
            ({"item": "a coffee", "size": "large"}, None, "parameters"),
            ({"item": "a coffee"}, "EUR", "value"),
        ],
    )
    def test_what_is_no_item_is_refused(self, parameters, asset, field):
        with pytest.raises(ValidationError) as refused:
            ACTIONS["fulfilment"].clean(make_site().pk, parameters, asset and make_asset(asset), 5 if asset else 0)

        assert list(refused.value.message_dict) == [field]


def test_every_action_says_what_it_is():
    assert list(ACTIONS) == [
        *("credit", "refund", "add_tags", "fulfilment"),
        *("apply_offer", "apply_offer_match", "session_license", "session_license_match"),
    ]
    for name, action in ACTIONS.items():
        assert action.name == name
        assert action.label
        assert action.moves_value == (name in ("credit", "refund"))
        assert action.for_browser == name.startswith("session_")
