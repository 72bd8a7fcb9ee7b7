"""Reservations of codes under a crowd: one use is held once, one reservation is taken once, and every lock comes in its order."""

from collections import Counter

import pytest
from django.db import connection

from accounts.refusals import Refusal
from codes import releasing
from codes.confirming import NotConfirmed
from codes.models import Attempt, Code, CodeHold
from codes.redemption.engine import redeem_codes
from codes.reserving import NotHeld
from ledger.models import LedgerAccount, LedgerTransaction, Reservation
from tests.codes.redeeming import ask, assert_sound, reason_of
from tests.codes.reserved import confirm, ending, left, place, standing
from tests.factories import caller_of, make_claimant, make_client, make_code
from tests.races.lock_watch import watch_locks

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks"),
]

CODE, RESERVATION, ACCOUNT = "codes_code", "ledger_reservation", "ledger_ledgeraccount"
HOLD, SHARE = "codes_hold", "ledger_accounthold"


@pytest.fixture
def anna(committed_db):
    return make_claimant(balance=10_000)


@pytest.fixture
def till(anna):
    return caller_of(make_client(anna.site))


def told(outcome):
    """What became of a deed, in a word."""
    match outcome:
        case NotHeld() | NotConfirmed():
            return outcome.refusal.reason
        case Refusal():
            return outcome.reason
        case Exception():
            raise outcome
    return "done"


def locked_by(deed):
    with watch_locks() as locks:
        deed()
    assert locks.mistakes() == []
    return locks.tables


def test_codes_then_reservations_then_accounts(anna, till):
    for number in range(6):
        make_code(anna.site, f"CODE-{number:04}")
    texts = ("CODE-0003", "CODE-0001", "CODE-0002")

    assert locked_by(lambda: place(till, anna, *texts, cash="1.00")) == [CODE, ACCOUNT]
    first = Reservation.objects.get()
    assert locked_by(lambda: releasing.release(first)) == [CODE, RESERVATION, ACCOUNT, SHARE, HOLD]
    placed = place(till, anna, *texts, cash="1.00")
    assert locked_by(lambda: confirm(till, placed)) == [CODE, RESERVATION, ACCOUNT, SHARE, HOLD]
    placed = place(till, anna, cash="1.00")
    assert locked_by(lambda: confirm(till, placed)) == [RESERVATION, ACCOUNT, SHARE]
    placed = place(till, anna, "CODE-0004", "CODE-0005")
    asked = [ask(till, "CODE-0004", anna, reservation_token=placed.token)]
    assert locked_by(lambda: redeem_codes(asked)) == [CODE, RESERVATION, ACCOUNT, HOLD]


def test_the_sweep_locks_codes(anna, till, settings):
    make_code(anna.site, uses=3)
    for who in (anna, make_claimant(anna.site)):
        place(till, who, "ABC-E6W5F")
    settings.CLOCK_OFFSET_SECONDS = 301

    assert locked_by(releasing.sweep_expired) == [CODE, HOLD]
    assert set(CodeHold.objects.values_list("ended_as", flat=True)) == {"expired"}


def test_of_16_who_hold_the_last_uses_as_many_do_as_there_are(committed_db, anna, till):
    code = make_code(anna.site, uses=5)
    people = [make_claimant(anna.site) for _ in range(16)]

    outcomes = committed_db.together(*(lambda who=who: place(till, who, "ABC-E6W5F") for who in people))

    assert Counter(map(told, outcomes)) == {"done": 5, "code_reserved": 11}
    assert left(code) == (0, 5)
    assert_sound()


def test_of_16_who_confirm_one_reservation_one_does(committed_db, anna, till):
    code = make_code(anna.site, uses=16, uses_per_claimant=16, worth_cents=500)
    placed = place(till, anna, "ABC-E6W5F", cash="1.00")

    outcomes = committed_db.together(*(lambda: confirm(till, placed) for _ in range(16)))

    assert Counter(map(told, outcomes)) == {"done": 1, "reservation_gone": 15}
    assert (left(code), standing(anna)) == ((1, 0), (10_000 + 500 - 100, 0))
    assert LedgerTransaction.objects.filter(type="spend").count() == 1
    assert_sound()


def test_of_16_who_confirm_with_one_key_all_hear_that_it_was_done(committed_db, anna, till):
    make_code(anna.site)
    placed = place(till, anna, "ABC-E6W5F", cash="1.00")

    outcomes = committed_db.together(*(lambda: confirm(till, placed, key="k1") for _ in range(16)))

    assert Counter(outcomes) == {False: 1, True: 15}
    assert standing(anna)[0] == 10_000 + 500 - 100


def test_of_16_with_one_key_one_makes_the_reservation_and_all_hear_of_it(committed_db, anna, till):
    code = make_code(anna.site, uses=16)

    outcomes = committed_db.together(
        *(lambda: place(till, anna, "ABC-E6W5F", cash="1.00", key="k1") for _ in range(16))
    )

    assert len({(each.reservation_id, each.token) for each in outcomes}) == 1
    assert Counter(each.replayed for each in outcomes) == {False: 1, True: 15}
    assert (left(code), standing(anna)) == ((0, 1), (10_000, 100))
    assert_sound()


def test_confirming_releasing_and_redeeming_with_the_token_at_once_is_one_of_them(committed_db, anna, till):
    for number in range(8):
        text = f"CODE-{number:04}"
        code = make_code(anna.site, text, worth_cents=500)
        before = standing(anna)[0]
        placed = place(till, anna, text, cash="1.00")
        reservation = Reservation.objects.get(pk=placed.reservation_id)

        outcomes = committed_db.together(
            lambda placed=placed: confirm(till, placed),
            lambda reservation=reservation: releasing.release(reservation),
            lambda placed=placed, text=text: reason_of(
                redeem_codes([ask(till, text, anna, reservation_token=placed.token)])[0]
            ),
        )

        confirmed = told(outcomes[0]) == "done"
        redeemed = outcomes[2] == "redeemed"
        assert left(code) == (1 if confirmed or redeemed else 0, 0)
        gained = (500 if confirmed or redeemed else 0) - (100 if confirmed else 0)
        assert standing(anna) == (before + gained, 0)
        assert ending(placed) == ("consumed" if confirmed else "released")
        assert_sound()
    assert Attempt.objects.filter(outcome="redeemed").count() == Code.objects.filter(uses=1).count()
    assert not LedgerAccount.objects.filter(held__gt=0).exists()
