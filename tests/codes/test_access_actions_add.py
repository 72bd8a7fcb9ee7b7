"""The door "add": every action, its own order of refusals, and session codes, which are for a browser."""

import datetime as dt
from dataclasses import replace
from itertools import combinations

import pytest

from accounts import access, clock
from accounts.access import Reader
from accounts.callers import caller_for_browser, caller_for_user
from accounts.models import BrowserLogin, Licence, Offer
from codes.models import Attempt, Batch, Code, ReceiptMail
from codes.redemption.engine import redeem_codes, validate_codes
from tests.codes.redeeming import ask, assert_sound, attempt, cash, holdings, reason_of, redeem
from tests.codes.test_access_actions import Shop, licensed
from tests.content import make_browser, make_item, make_offer, set_property
from tests.factories import make_claimant, make_code, make_site
from tests.scenes import scene

pytestmark = pytest.mark.django_db


class AddShop(Shop):
    """A shop with two browsers at its door; in either somebody may be signed in."""

    def __init__(self):
        super().__init__()
        self.browser, self.second = make_browser(self.site), make_browser(self.site)

    def session(self, text="ABC-E6W5F", **fields):
        return self.code(text, "session_license", **fields)

    def command(self, code="ABC-E6W5F", browser=None, user=None, **fields):
        browser = browser or self.browser
        caller = caller_for_user(user, self.site) if user else caller_for_browser(browser, self.site)
        return ask(caller, code, user or "", door="add", browser_id=browser.pk, **fields)

    def add(self, code="ABC-E6W5F", browser=None, user=None, **fields):
        return redeem_codes([self.command(code, browser, user, **fields)])[0]

    def opens(self, item, browser=None, user=None):
        reader = Reader(self.site.pk, user.pk if user else None, browser.pk if browser else None)
        return access.find_licence(reader, item, clock.read()) is not None


add_shop_scene = scene("add_shop", AddShop)


@pytest.fixture
def shop(add_shop_scene, db):
    return add_shop_scene()


class TestSessionCodes:
    def test_without_a_login_it_opens_content_in_this_browser_only(self, shop, stopped_clock):
        shop.session()

        outcome = shop.add()

        assert outcome.attempt.result == {"licences": ["9udm"]}
        row, code = attempt(outcome), Code.objects.get()
        assert (row.door, row.caller, row.actor_id) == (
            "add",
            f"browser:{shop.browser.pk}",
            f"browser:{shop.browser.pk}",
        )
        assert (row.claimant, row.claimant_given, row.claimant_use_number, row.client) == (None, "", None, None)
        assert (code.state, code.uses, code.max_uses, code.last_redeemed_at) == ("used_up", 1, 1, stopped_clock.now)
        [licence] = Licence.objects.all()
        assert (licence.user, licence.account_set, licence.browser) == (None, None, shop.browser)
        assert licence.ends_at == stopped_clock.now + dt.timedelta(days=30)
        assert shop.opens(shop.sold, shop.browser)
        assert not shop.opens(shop.sold, shop.second)
        assert not ReceiptMail.objects.exists()
        assert_sound()

    @pytest.mark.parametrize("caller", ["the user", "the browser"])
    def test_whoever_is_signed_in_their_account_is_not_changed(self, shop, caller):
        shop.session()
        command = shop.command(user=shop.reader)
        if caller == "the browser":
            command = replace(command, caller=caller_for_browser(shop.browser, shop.site))

        [outcome] = redeem_codes([command])

        assert reason_of(outcome) == "redeemed"
        assert (outcome.attempt.claimant_id, outcome.attempt.claimant_given) == (None, "")
        assert licensed(shop.reader) == []
        assert not shop.opens(shop.sold, user=shop.reader)
        assert shop.opens(shop.sold, shop.browser)
        assert not ReceiptMail.objects.exists()
        assert_sound()

    def test_everything_that_matches_is_opened(self, shop):
        shop.code("ABC-E6W5F", "session_license_match", match={"all": ["ProductId:09238443"]})

        assert shop.add().attempt.result == {"licences": ["b1", "b2"]}
        assert set(Licence.objects.values_list("browser", flat=True)) == {shop.browser.pk}

    def test_a_browser_that_holds_it_hears_its_receipt_and_nothing_is_counted(self, shop):
        shop.session(uses=2)
        first = shop.add()
        before = holdings(shop.site)

        for again in (shop.add(), shop.add(user=shop.reader)):
            assert reason_of(again) == "already_redeemed"
            assert again.refusal.receipt_number == first.attempt.receipt_number
            assert attempt(again).earlier_receipt == first.attempt.receipt_number
        assert holdings(shop.site) == before
        assert reason_of(shop.add(browser=shop.second)) == "redeemed"
        assert reason_of(shop.add()) == "already_redeemed"  # Though it is used up now.

    def test_so_does_one_that_holds_what_matched(self, shop):
        shop.code("ABC-E6W5F", "session_license_match", match={"all": ["ProductId:09238443"]}, uses=9)
        first = shop.add()
        set_property(shop.b1, "ProductId", "other")

        assert shop.add().refusal.receipt_number == first.attempt.receipt_number

    @pytest.mark.parametrize("how", ["it expired", "it was reversed"])
    def test_one_that_holds_it_no_longer_may_redeem_again(self, shop, stopped_clock, how):
        shop.session(uses=2)
        first = shop.add()
        if how == "it expired":
            stopped_clock.advance(days=30)
        else:
            shop.reverse(first)

        assert reason_of(shop.add()) == "redeemed"
        assert reason_of(shop.add()) == "already_redeemed"
        assert Code.objects.get().uses == 2

    def test_with_the_browser_login_its_licences_end(self, shop):
        shop.session()
        shop.add()
        BrowserLogin.objects.filter(pk=shop.browser.pk).delete()

        assert not Licence.objects.exists()
        assert_sound()

    @pytest.mark.parametrize("how", ["none", "ended", "another site's"])
    def test_a_browser_that_is_not_there_gets_nothing(self, shop, how):
        shop.session()
        command = shop.command()
        if how == "ended":
            BrowserLogin.objects.filter(pk=shop.browser.pk).delete()
        else:
            command = replace(command, browser_id=None if how == "none" else make_browser(make_site()).pk)
        before = holdings(shop.site)

        [outcome] = redeem_codes([command])

        assert reason_of(outcome) == "target_missing"
        assert holdings(shop.site) == before

    @pytest.mark.parametrize("give_use_back", [True, False])
    def test_reversing_shuts_the_browser(self, shop, give_use_back):
        shop.session("SESSION-1")
        shop.session("SESSION-2")
        first, second = shop.add("SESSION-1"), shop.add("SESSION-2")

        shop.reverse(first, give_use_back=give_use_back)
        assert shop.opens(shop.sold, shop.browser)  # By the other code's licence.
        shop.reverse(second)

        assert not shop.opens(shop.sold, shop.browser)
        assert Code.objects.get(attempts=first.attempt.pk).uses == (0 if give_use_back else 1)
        assert_sound()

    def test_reversed_after_the_browser_login_ended_there_is_nothing_to_take(self, shop):
        shop.session()
        outcome = shop.add()
        BrowserLogin.objects.filter(pk=shop.browser.pk).delete()

        shop.reverse(outcome, give_use_back=True)

        assert Code.objects.get().uses == 0
        assert_sound()

    def test_in_a_list_a_browser_gets_it_once(self, shop):
        shop.session(uses=3)

        outcomes = redeem_codes([shop.command(browser=each) for each in (shop.browser, shop.second, shop.browser)])

        assert [reason_of(each) for each in outcomes] == ["redeemed", "redeemed", "already_redeemed"]
        assert outcomes[2].refusal.receipt_number == outcomes[0].attempt.receipt_number
        assert Code.objects.get().uses == 2
        assert_sound()

    def test_a_key_is_replayed_to_the_browser_that_used_it_and_to_no_other(self, shop):
        shop.session(uses=3)
        first, again = (shop.add(idempotency_key="k1") for _ in range(2))
        other = shop.add(browser=shop.second, idempotency_key="k1")
        [moved] = redeem_codes([replace(shop.command(idempotency_key="k1"), browser_id=shop.second.pk)])

        assert (again.replayed, again.attempt.pk, other.replayed) == (True, first.attempt.pk, False)
        assert reason_of(moved) == "idempotency_mismatch"
        assert Licence.objects.count() == 2

    def test_bound_to_somebody_it_is_for_them_signed_in(self, shop):
        shop.session(owner=shop.reader)

        assert [reason_of(shop.add(user=user)) for user in (None, shop.other, shop.reader)] == [
            *("not_entitled", "not_entitled", "redeemed")
        ]

    def test_the_site_s_batch_cap_counts_them(self, shop):
        shop.session(uses=5, total_cap=1)

        assert [reason_of(shop.add(browser=each)) for each in (shop.browser, shop.second)] == [
            *("redeemed", "campaign_cap_reached")
        ]
        assert Batch.objects.get().uses_in_force == 1
        assert_sound()

    def test_a_validation_says_what_would_become_of_it(self, shop):
        shop.session(uses=2)
        before = holdings(shop.site)

        assert reason_of(validate_codes([shop.command()])[0]) == "redeemed"
        assert holdings(shop.site) == before


class TestAccountCodes:
    def test_every_action_is_carried_out_for_whoever_is_signed_in(self, shop):
        make_code(shop.site, "MONEY-1", worth_cents=500)
        make_code(shop.site, "TAGS-1", worth_cents=0, parameters={"tags": ["member", "institution"]})
        make_code(shop.site, "WORK-1", worth_cents=0, action="fulfilment", parameters={"item": "A coffee"})
        shop.code("OFFER-1")
        shop.code("MATCH-1", "apply_offer_match", match={"all": ["sample"]})

        outcomes = [shop.add(text, user=shop.reader) for text in ("MONEY-1", "TAGS-1", "WORK-1", "OFFER-1", "MATCH-1")]

        assert [reason_of(each) for each in outcomes] == ["redeemed"] * 5
        assert cash(shop.reader) == 500
        assert sorted(shop.reader.user_tags.values_list("tag__name", flat=True)) == ["institution", "member"]
        assert licensed(shop.reader) == ["9udm", "b3"]
        assert not Licence.objects.exclude(browser=None).exists()
        assert set(Attempt.objects.values_list("door", "claimant")) == {("add", shop.reader.pk)}
        assert_sound()

    @pytest.mark.parametrize("text", ["MONEY-1", "TAGS-1", "OFFER-1"])
    def test_without_a_login_they_ask_for_one_and_nothing_is_counted(self, shop, text):
        make_code(shop.site, "MONEY-1", worth_cents=500)
        make_code(shop.site, "TAGS-1", worth_cents=0, parameters={"tags": ["member"]})
        shop.code("OFFER-1")
        before = holdings(shop.site)

        outcome = shop.add(text)

        assert (reason_of(outcome), outcome.attempt.step) == ("sign_in_needed", 5)
        assert holdings(shop.site) == before

    def test_two_uses_are_for_two_people(self, shop):
        """Cases 16 and 17."""
        make_code(shop.site, uses=2, worth_cents=0, parameters={"tags": ["member"]})

        outcomes = [shop.add(user=user) for user in (shop.reader, shop.reader, shop.other, make_claimant(shop.site))]

        assert [reason_of(each) for each in outcomes] == ["redeemed", "already_redeemed", "redeemed", "code_used_up"]
        redeemed = Attempt.objects.filter(outcome="redeemed").order_by("use_number")
        assert [each.claimant for each in redeemed] == [shop.reader, shop.other]

    def test_tags_stay_when_the_code_is_switched_off_or_deleted(self, shop):
        """Case 31."""
        make_code(shop.site, worth_cents=0, uses=2, parameters={"tags": ["member"]})
        shop.add(user=shop.reader)
        Code.objects.update(state="deleted")

        assert reason_of(shop.add(user=shop.other)) == "code_not_found"
        assert list(shop.reader.user_tags.values_list("tag__name", flat=True)) == ["member"]


class TestUsedUpAndDisabled:
    """Cases 24, 26 and 27: what is-valid and the uses left make of a code."""

    @pytest.mark.parametrize(
        ("state", "uses_left", "reason"),
        [
            ("used_up", 0, "code_used_up"),
            ("active", 0, "code_used_up"),
            ("disabled", 0, "code_used_up"),
            ("disabled", 1, "code_disabled"),
            ("active", 1, "redeemed"),
        ],
    )
    def test_no_uses_left_goes_before_disabled(self, shop, state, uses_left, reason):
        make_code(shop.site, uses=2, worth_cents=0, parameters={"tags": ["member"]})
        shop.add(user=shop.reader)
        Code.objects.update(state=state, max_uses=1 + uses_left)
        before = holdings(shop.site)

        assert reason_of(shop.add(user=shop.other)) == reason
        if reason != "redeemed":
            assert holdings(shop.site) == before

    def test_expired_leaves_the_state_alone(self, shop):
        """Case 28."""
        make_code(shop.site, worth_cents=0)
        Code.objects.update(valid_until=clock.read() - dt.timedelta(days=1))

        assert reason_of(shop.add(user=shop.reader)) == "code_expired"
        assert Code.objects.get().state == "active"


# As the contract has them, section 7. Each makes one thing wrong with a code that two may use.
ORDER = [
    *("sign_in_needed", "code_used_up", "code_disabled", "code_not_yet_valid", "code_expired"),
    *("claimant_inactive", "not_entitled", "already_redeemed", "offer_gone"),
]


def spoil(shop, reason):
    now = clock.read()
    if reason == "code_used_up":
        Code.objects.update(max_uses=1)
    elif reason == "code_disabled":
        Batch.objects.update(state=Batch.State.DISABLED)
    elif reason == "code_not_yet_valid":
        Code.objects.update(valid_from=now + dt.timedelta(days=1))
    elif reason == "code_expired":
        Code.objects.update(valid_until=now)
    elif reason == "claimant_inactive":
        shop.reader.is_active = False
        shop.reader.save()
    elif reason == "not_entitled":
        Code.objects.update(owner=shop.other)
    elif reason == "offer_gone":
        Offer.objects.update(archived_at=now)


@pytest.mark.parametrize(
    ("first", "second"),
    [pair for pair in combinations(ORDER, 2) if pair != ("code_not_yet_valid", "code_expired")],
)
def test_of_two_things_wrong_the_earlier_is_told(shop, stopped_clock, first, second):
    shop.code(uses=2)
    shop.add(user=shop.reader if "already_redeemed" in (first, second) else shop.other)
    for reason in (first, second):
        spoil(shop, reason)

    assert reason_of(shop.add(user=None if first == "sign_in_needed" else shop.reader)) == first


@pytest.mark.parametrize(
    "reason", ["code_used_up", "code_disabled", "code_not_yet_valid", "code_expired", "offer_gone"]
)
def test_a_browser_that_holds_it_hears_so_before_anything_else(shop, stopped_clock, reason):
    shop.session(uses=2)
    shop.add()
    spoil(shop, reason)

    assert reason_of(shop.add()) == "already_redeemed"
    assert reason_of(shop.add(browser=shop.second)) == reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "missing_code"),
        (" \n", "missing_code"),
        ("*" * 101, "field_too_long"),
        ("***", "code_format_invalid"),
        ("NOPE-0001", "code_not_found"),
    ],
)
@pytest.mark.parametrize("signed_in", [True, False])
def test_a_code_that_is_none_is_told_before_the_login_is_asked_for(shop, code, reason, signed_in):
    assert reason_of(shop.add(code, user=shop.reader if signed_in else None)) == reason


def test_another_site_s_session_code_is_unknown(shop):
    theirs = AddShop.__new__(AddShop)
    theirs.site = make_site()
    make_offer(make_item(theirs.site), "2dfe")
    theirs.session("THEIRS-1")

    assert reason_of(shop.add("THEIRS-1")) == "code_not_found"


class TestGuessing:
    def test_a_browser_guesses_ten_times_and_is_then_refused_for_all(self, shop):
        shop.session()
        assert [reason_of(shop.add(f"NOPE-00{n}")) for n in range(10, 20)] == ["code_not_found"] * 10
        before = [holdings(shop.site), Attempt.objects.count()]

        refused = shop.add()

        assert (reason_of(refused), refused.kept) == ("too_many_attempts", False)
        assert 0 < refused.refusal.retry_after_seconds <= 900
        assert [holdings(shop.site), Attempt.objects.count()] == before
        assert reason_of(shop.add(browser=shop.second)) == "redeemed"

    def test_the_window_ends(self, shop, stopped_clock):
        shop.session()
        for number in range(10, 20):
            shop.add(f"NOPE-00{number}")
        stopped_clock.advance(minutes=15)

        assert reason_of(shop.add()) == "redeemed"

    @pytest.mark.parametrize("budget", ["guesses_per_network", "guesses_in_total"])
    def test_browsers_of_a_network_and_of_a_site_share_a_budget(self, shop, budget):
        shop.session()
        setattr(shop.site, budget, 3)
        callers = [caller_for_browser(make_browser(shop.site), shop.site, "10.0.0.1") for _ in range(4)]
        for caller in callers[:3]:
            assert reason_of(redeem(caller, "NOPE-0001", "", door="add")) == "code_not_found"

        assert reason_of(redeem(callers[3], "ABC-E6W5F", "", door="add")) == "too_many_attempts"

    def test_ten_of_a_list_are_as_ten_one_by_one(self, shop):
        outcomes = redeem_codes([shop.command(f"NOPE-00{n}") for n in range(10, 22)])

        assert [reason_of(each) for each in outcomes] == ["code_not_found"] * 10 + ["too_many_attempts"] * 2
