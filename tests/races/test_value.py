"""Many bookings, one account or one booking: no value is made, lost, or given twice."""

import pytest

from accounts.models import UserTag
from codes.models import Attempt
from ledger import moving
from ledger.models import LedgerAccount
from tests.races.arena import CROWD
from tests.races.crowd import done, words

pytestmark = pytest.mark.races


def cash(user):
    return LedgerAccount.objects.get(owner=user, kind="cash")


def test_64_codes_credit_one_account_and_its_balance_is_their_sum(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant()
        _, texts = arena.codes(CROWD, worth_cents=125)
        answers = arena.all_at_once([arena.redeem(text, claimant) for text in texts])
        told = sorted(answer.body["receipt"]["result"]["balance_after"] for answer in done(answers))
        return arena.balance(claimant), answers, told

    with unguarded:
        _, _, told = race(unguarded)
        # The database adds up by itself; it is the receipts that tell two claimants of one and the same balance.
        assert len(set(told)) < len(told)

    with guarded:
        balance, answers, told = race(guarded)
        assert words(answers) == {"redeemed": CROWD}
        assert balance == CROWD * 125
        assert told == sorted(f"{count * 125 / 100:.2f}" for count in range(1, CROWD + 1))


def test_64_codes_refund_one_booking_and_it_is_refunded_once(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant(balance=1_000)
        booking = moving.spend(cash(claimant), 500, comment="bought", actor_id="system")
        _, texts = arena.codes(CROWD, action="refund", parameters={"booking": str(booking.pk)})
        answers = arena.all_at_once([arena.redeem(text, claimant) for text in texts])
        return arena.balance(claimant), answers

    with unguarded:
        balance, answers = race(unguarded)
        assert len(done(answers)) > 1
        assert balance > 1_000

    with guarded:
        balance, answers = race(guarded)
        assert words(answers) == {"redeemed": 1, "target_missing": CROWD - 1}
        assert balance == 1_000


def test_two_redemptions_are_reversed_and_what_is_left_of_their_money_is_taken_once(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant()
        _, texts = arena.codes(2)
        redeemed = done(arena.all_at_once([arena.redeem(text, claimant) for text in texts]))
        moving.spend(cash(claimant), 500, comment="bought", actor_id="system")
        answers = arena.all_at_once([arena.reverse(answer.transaction_id) for answer in redeemed] * (CROWD // 2))
        return arena.balance(claimant), answers

    with unguarded:
        balance, answers = race(unguarded)
        assert len(done(answers)) > 1
        assert balance < 0

    with guarded:
        balance, answers = race(guarded)
        assert len(done(answers)) == 1
        assert set(words(answers)) == {"done", "already_reversed", "insufficient_balance"}
        assert balance == 0


def test_64_codes_give_one_claimant_the_same_tag_and_one_of_them_gave_it(unguarded, guarded):
    def race(arena):
        claimant = arena.claimant()
        _, texts = arena.codes(CROWD, worth_cents=0, parameters={"tags": ["welcome"]}, action="add_tags")
        answers = arena.all_at_once([arena.redeem(text, claimant) for text in texts])
        given = [a.given["tags"] for a in Attempt.objects.filter(claimant=claimant, outcome="redeemed")]
        return UserTag.objects.filter(user=claimant).count(), answers, [tags for tags in given if tags]

    with unguarded:
        worn, _, given = race(unguarded)
        assert worn == len(given) > 1

    with guarded:
        worn, answers, given = race(guarded)
        assert words(answers) == {"redeemed": CROWD}
        # Only one redemption may take it back again when it is reversed.
        assert worn == len(given) == 1
