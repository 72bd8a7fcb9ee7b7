"""Topping up an identified person's money: the door's own order of rules, and that nothing else goes through it."""

import datetime as dt
from itertools import combinations

import pytest

from codes.models import Attempt, Batch, Code
from ledger import moving
from ledger.models import LedgerAccount, LedgerTransaction
from tests.codes.redeeming import assert_sound, cash, holdings, reason_of, redeem, spread
from tests.factories import make_account, make_asset, make_claimant, make_code, make_site, make_user

pytestmark = pytest.mark.django_db

# In the order of the contract, which tells the end of a code before that it is used.
ORDER = [
    *("claimant_inactive", "code_not_found", "not_entitled"),
    *("code_expired", "code_disabled", "code_used_up"),
    *("account_missing", "account_locked", "currency_mismatch", "insufficient_balance"),
]
IMPOSSIBLE = {("account_missing", each) for each in ORDER} | {("code_not_found", each) for each in ORDER}


def top_up(person, text="ABC-E6W5F", **fields):
    return redeem(person, text, door="prepaid", **fields)


class Offence:
    """A person and a code with everything right; each method makes one thing wrong that its name refuses."""

    def __init__(self, clock):
        self.now = clock.now
        self.person = make_claimant(balance=1_000)
        self.code = make_code(self.person.site, worth_cents=2_500)

    def change(self, **fields):
        Code.objects.filter(pk=self.code.pk).update(**fields)

    def change_account(self, **fields):
        LedgerAccount.objects.filter(owner=self.person).update(**fields)

    def claimant_inactive(self):
        self.person.is_active = False
        self.person.save()

    def code_not_found(self):
        Batch.objects.update(state=Batch.State.ARCHIVED)

    def not_entitled(self):
        self.change(owner=make_user(self.person.site))

    def code_expired(self):
        self.change(valid_until=self.now)

    def code_disabled(self):
        Batch.objects.update(state=Batch.State.DISABLED)

    def code_used_up(self):
        self.change(state=Code.State.USED_UP)

    def account_missing(self):
        self.person = make_user(self.person.site)

    def account_locked(self):
        self.change_account(state="closed")

    def currency_mismatch(self):
        self.person = make_claimant(self.person.site, asset=make_asset("USD"))

    def insufficient_balance(self):
        self.change_account(floor=3_501)


@pytest.fixture
def offence(stopped_clock):
    return Offence(stopped_clock)


def test_the_comment_is_what_the_holder_reads_and_the_money_is_there(offence):
    outcome = top_up(offence.person, comment="Gift card")

    assert reason_of(outcome) == "redeemed"
    assert cash(offence.person) == 3_500
    booking = LedgerTransaction.objects.get(pk=outcome.attempt.ledger_transaction_id)
    assert (booking.type, booking.comment) == ("credit", "Gift card")
    assert (outcome.attempt.door, outcome.attempt.actor_id) == ("prepaid", offence.person.claimant_id)
    assert_sound()


@pytest.mark.parametrize("reason", ORDER)
def test_with_one_thing_wrong_that_is_told_and_no_value_moves(offence, reason):
    getattr(offence, reason)()
    before = holdings(offence.person.site)

    assert reason_of(top_up(offence.person)) == reason

    assert holdings(offence.person.site) == before


@pytest.mark.parametrize(("first", "second"), [pair for pair in combinations(ORDER, 2) if pair not in IMPOSSIBLE])
def test_of_two_things_wrong_the_earlier_is_told(offence, first, second):
    # A person in another currency is another person: first of all, so that the rest is said of that one.
    for reason in sorted((first, second), key=lambda reason: reason not in ("account_missing", "currency_mismatch")):
        getattr(offence, reason)()

    assert reason_of(top_up(offence.person)) == first


def test_a_code_that_has_not_begun_is_told_before_it_is_used_up_and_after_it_is_off(offence):
    offence.change(valid_from=offence.now + dt.timedelta(seconds=1))
    assert reason_of(top_up(offence.person)) == "code_not_yet_valid"
    offence.code_used_up()
    assert reason_of(top_up(offence.person)) == "code_not_yet_valid"
    offence.code_disabled()
    assert reason_of(top_up(offence.person)) == "code_disabled"


@pytest.mark.parametrize(
    "fields",
    [
        {"worth_cents": 0, "action": "add_tags", "parameters": {"tags": ["vip"]}},
        {"worth_cents": 0, "action": "fulfilment", "parameters": {"item": "a cup"}},
        {"worth_cents": 0, "action": "credit", "asset_code": "PTS", "value": 30},
    ],
)
def test_a_code_of_anything_but_money_is_unknown(fields):
    make_asset("PTS")
    person = make_claimant(balance=1_000)
    code = make_code(person.site, **fields)
    before = holdings(person.site)

    outcome = top_up(person)

    assert reason_of(outcome) == "code_not_found"
    assert outcome.attempt.checks[-1]["check"] == "tops_up_money"
    code.refresh_from_db()
    assert (code.uses, code.state) == (0, "active")
    assert holdings(person.site) == before
    assert reason_of(redeem(person)) != "code_not_found"


def test_a_balance_far_below_its_floor_takes_what_lifts_it_to_the_floor():
    person = make_claimant(make_site(), balance=0)
    account = LedgerAccount.objects.get(owner=person)
    LedgerAccount.objects.filter(pk=account.pk).update(floor=-5_000)
    moving.spend(account, 5_000, comment="a loan", actor_id="staff")
    LedgerAccount.objects.filter(pk=account.pk).update(floor=-2_000)
    for text, cents in (("TOO-LITTLE", 1_000), ("STILL-TOO-LITTLE", 2_500), ("ENOUGH-NOW", 3_000)):
        make_code(person.site, text, worth_cents=cents)

    assert reason_of(top_up(person, "TOO-LITTLE")) == "insufficient_balance"
    assert reason_of(top_up(person, "STILL-TOO-LITTLE")) == "insufficient_balance"
    assert cash(person) == -5_000
    assert reason_of(top_up(person, "ENOUGH-NOW")) == "redeemed"
    assert cash(person) == -2_000


def test_an_account_that_may_only_be_credited_is_topped_up(offence):
    offence.change_account(state="credit_only")

    assert reason_of(top_up(offence.person)) == "redeemed"


def test_ten_unknown_codes_of_one_person_are_enough():
    person = make_claimant()
    other = make_claimant(person.site)
    code = make_code(person.site, worth_cents=2_500)

    reasons = [reason_of(top_up(person, f"NOPE-{number:04}")) for number in range(11)]

    assert reasons == ["code_not_found"] * 10 + ["too_many_attempts"]
    assert reason_of(top_up(person)) == "too_many_attempts"
    assert Attempt.objects.count() == 10
    assert spread(code.batch) == (2_500, 2_500, 0, 0, 0)
    assert reason_of(top_up(other)) == "redeemed"


def test_the_same_comment_is_part_of_what_a_key_stands_for():
    person = make_claimant()
    make_code(person.site)
    make_account(make_user(person.site), make_asset())

    first = top_up(person, comment="one", idempotency_key="k")

    assert reason_of(top_up(person, comment="one", idempotency_key="k")) == "redeemed"
    assert reason_of(top_up(person, comment="two", idempotency_key="k")) == "idempotency_mismatch"
    assert first.attempt.receipt_number is not None
    assert cash(person) == 500


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        ("Gift card ABC-E6W5F", "Gift card …"),
        ("abce6w5f, thank you", "…, thank you"),
        ("A B C\u2013E6W5F twice: ABCE6W5F", "… twice: …"),
        ("Gift card", "Gift card"),
        ("ABC-E6W5", "ABC-E6W5"),
    ],
)
def test_a_comment_is_kept_without_the_code(comment, kept):
    person = make_claimant()
    make_code(person.site)

    outcome = top_up(person, comment=comment)

    assert LedgerTransaction.objects.get(pk=outcome.attempt.ledger_transaction_id).comment == kept


def test_look_alikes_in_a_comment_are_the_code_too():
    person = make_claimant()
    make_code(person.site, "10L-O0I-1X")

    outcome = top_up(person, "10L-O0I-1X", comment="1OI-0O1-LX!")

    assert LedgerTransaction.objects.get(pk=outcome.attempt.ledger_transaction_id).comment == "…!"
