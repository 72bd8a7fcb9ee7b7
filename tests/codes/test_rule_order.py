"""Which refusal wins where several fit: the order of rules is part of every contract."""

import datetime as dt
from itertools import combinations

import pytest
from django.db.models import F

from codes.models import Batch, Code
from ledger.models import LedgerAccount
from tests.codes.conftest import NOON, at_noon
from tests.codes.redeeming import reason_of, redeem
from tests.factories import make_claimant, make_client, make_code, make_hold
from tests.scenes import scene

pytestmark = pytest.mark.django_db

# In the order of the native door. Two of a line's kind that shut each other out are left out below.
ORDER = [
    *("code_disabled", "code_not_yet_valid", "code_expired", "code_used_up", "code_reserved"),
    *("claimant_inactive", "caller_not_allowed", "not_entitled"),
    *("already_redeemed", "campaign_cap_reached", "venue_not_allowed", "cooldown_active", "account_locked"),
]


class Offence:
    """A code, a claimant and a till with everything right; each method makes one thing wrong that its name refuses."""

    now = NOON

    def __init__(self):
        self.claimant = make_claimant()
        self.site = self.claimant.site
        self.other = make_claimant(self.site)
        self.till = make_client(self.site, acts_as=[self.claimant, self.other])
        self.code = make_code(self.site, uses=9, cooldown_seconds=60, total_cap=1_000, venues=["till 1"])

    def change(self, **fields):
        Code.objects.filter(pk=self.code.pk).update(**fields)

    def code_disabled(self):
        Batch.objects.update(state=Batch.State.DISABLED)

    def code_not_yet_valid(self):
        self.change(valid_from=self.now + dt.timedelta(seconds=1))

    def code_expired(self):
        self.change(valid_until=self.now)

    def code_used_up(self):
        redeem(self.till, claimant=self.other, venue_id="till 1")
        self.change(state=Code.State.USED_UP)

    def code_reserved(self):
        code = Code.objects.get(pk=self.code.pk)
        for number in range(code.max_uses - code.uses):
            make_hold(code, token=f"token {number}")

    def claimant_inactive(self):
        self.claimant.is_active = False
        self.claimant.save()

    def caller_not_allowed(self):
        self.till.client.acts_as.set([self.other])

    def not_entitled(self):
        self.change(owner=self.other)

    def already_redeemed(self):
        redeem(self.till, claimant=self.claimant, venue_id="till 1")

    def campaign_cap_reached(self):
        redeem(self.till, claimant=self.other, venue_id="till 1")
        Batch.objects.update(total_cap=F("uses_in_force"))

    def venue_not_allowed(self):
        self.venue = "till 2"

    def cooldown_active(self):
        again = make_code(self.site, "OTHER-1", worth_cents=500)
        Code.objects.filter(pk=again.pk).update(batch=self.code.batch, order=self.code.order, serial=2)
        redeem(self.till, "OTHER-1", self.claimant)

    def account_locked(self):
        LedgerAccount.objects.filter(owner=self.claimant).update(state="closed")

    venue = "till 1"


offence_scene = scene("offence", at_noon(Offence))


@pytest.fixture
def offence(offence_scene, stopped_clock, db):
    return offence_scene()


def test_with_everything_right_it_is_redeemed(offence):
    assert reason_of(redeem(offence.till, claimant=offence.claimant, venue_id="till 1")) == "redeemed"


@pytest.mark.parametrize("reason", ORDER)
def test_with_one_thing_wrong_that_is_told(offence, stopped_clock, reason):
    getattr(offence, reason)()
    if reason == "already_redeemed":
        stopped_clock.advance(seconds=60)

    assert reason_of(redeem(offence.till, claimant=offence.claimant, venue_id=offence.venue)) == reason


# A code that ends before it starts cannot be stored, and a claimant is never told two things about one redemption.
IMPOSSIBLE = {("code_not_yet_valid", "code_expired")}
BY_ORDER_OF_DOING = ["already_redeemed", "cooldown_active", "campaign_cap_reached", "code_used_up"]


@pytest.mark.parametrize(("first", "second"), [pair for pair in combinations(ORDER, 2) if pair not in IMPOSSIBLE])
def test_of_two_things_wrong_the_earlier_is_told(offence, first, second):
    # What needs a redemption to come about is done while one still succeeds.
    for reason in sorted((first, second), key=lambda reason: reason not in BY_ORDER_OF_DOING):
        getattr(offence, reason)()

    assert reason_of(redeem(offence.till, claimant=offence.claimant, venue_id=offence.venue)) == first


@pytest.mark.parametrize(
    ("code", "claimant", "fields", "reason"),
    [
        ("", "", {"channel": "c" * 31}, "missing_code"),
        (" \n", "u-1", {}, "missing_code"),
        ("***", "", {"channel": "c" * 31}, "missing_claimant"),
        ("***", "u-1", {"channel": "c" * 31}, "field_too_long"),
        ("*" * 101, "u-1", {}, "field_too_long"),
        ("ABCD" + " " * 97, "u-1", {}, "field_too_long"),
        ("NOPE-0001", "u" * 101, {}, "field_too_long"),
        ("NOPE-0001", "u-1", {"venue_id": "v" * 101}, "field_too_long"),
        ("NOPE-0001", "u-1", {"reference": "r" * 101}, "field_too_long"),
        ("***", "u-1", {}, "code_format_invalid"),
        ("NOPE-0001", "nobody", {}, "code_not_found"),
        ("\u200b\u200b", "u-1", {}, "code_format_invalid"),
    ],
)
def test_the_reading_comes_first_and_in_its_own_order(offence, code, claimant, fields, reason):
    assert reason_of(redeem(offence.till, code, claimant, **fields)) == reason


@pytest.mark.parametrize(
    "fields",
    [{"channel": "c" * 30}, {"venue_id": "till 1"}, {"reference": "r" * 100}, {"reference": ""}, {"channel": "ä" * 30}],
)
def test_fields_as_long_as_they_may_be_are_taken(offence, fields):
    outcome = redeem(offence.till, "ABC-E6W5F" + " " * 91, offence.claimant, **{"venue_id": "till 1", **fields})

    assert reason_of(outcome) == "redeemed"
    for name, value in fields.items():
        assert getattr(outcome.attempt, name) == value


def test_a_status_is_told_even_to_somebody_who_may_not_redeem(offence):
    offence.code_expired()

    assert reason_of(redeem(offence.till, claimant="nobody")) == "code_expired"
