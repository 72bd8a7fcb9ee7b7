"""Codes and money that are held, under 64 callers: a use is never taken twice, nor is a hold."""

from collections import Counter
from itertools import cycle, islice

import pytest

from accounts.refusals import Refusal
from codes import releasing
from codes.confirming import NotConfirmed
from codes.models import Attempt, Code, CodeHold
from codes.redemption.engine import redeem_codes
from codes.reserving import NotHeld
from ledger.models import LedgerTransaction, Reservation
from tests.codes.redeeming import ask, reason_of
from tests.codes.reserved import confirm, ending, place, standing
from tests.factories import caller_of, make_client
from tests.races.arena import CROWD
from tests.races.callers import at_once

pytestmark = pytest.mark.races

WORTH, HELD = 500, 100


def told(deed) -> str:
    try:
        answer = deed()
    except (NotHeld, NotConfirmed) as error:
        return error.refusal.reason
    except Refusal as refusal:
        return refusal.reason
    return answer if isinstance(answer, str) else "done"


@pytest.fixture
def till(guarded, unguarded):
    """Who reserves in an arena, made once."""

    def of(arena):
        if not hasattr(arena, "reserver"):
            arena.reserver = caller_of(make_client(arena.site, ("redeem",)))
        return arena.reserver

    return of


def test_64_callers_hold_one_code_that_has_5_uses(unguarded, guarded, till):
    def race(arena):
        code, text = arena.code(uses=5, uses_per_claimant=5)
        deeds = [lambda who=who: place(till(arena), who, text) for who in arena.claimants]
        heard = Counter(at_once(arena, deeds, told))
        return Code.objects.get(pk=code.pk), heard

    with unguarded:
        code, heard = race(unguarded)
        assert heard["done"] > 5

    with guarded:
        for _ in range(2):
            code, heard = race(guarded)
            assert heard == {"done": 5, "code_reserved": CROWD - 5}
            assert (code.uses, code.held) == (0, 5)


def test_64_callers_confirm_release_and_redeem_what_one_token_holds(unguarded, guarded, till):
    def race(arena):
        who = arena.claimant(balance=1_000)
        code, text = arena.code(uses=3, uses_per_claimant=3)
        placed = place(till(arena), who, text, cash="1.00")
        reservation = Reservation.objects.get(pk=placed.reservation_id)

        def redeem():
            return reason_of(redeem_codes([ask(till(arena), text, who, reservation_token=placed.token)])[0])

        ways = {
            "confirm": lambda: confirm(till(arena), placed),
            "release": lambda: releasing.release(reservation),
            "redeem": redeem,
            # Beside them, others who want the uses that nobody holds.
            "other": lambda: reason_of(redeem_codes([ask(till(arena), text, arena.claimants[0])])[0]),
        }
        names = list(islice(cycle(ways), CROWD))
        outcomes = at_once(arena, [ways[name] for name in names], told)
        heard = Counter(zip(names, outcomes, strict=True))
        return who, Code.objects.get(pk=code.pk), placed, heard

    with unguarded:
        who, code, placed, heard = race(unguarded)
        taken = Attempt.objects.filter(code=code, outcome="redeemed").count()
        spent = heard["confirm", "done"]
        assert taken > 3 or spent > 1

    with guarded:
        for _ in range(2):
            who, code, placed, heard = race(guarded)
            redemptions = Attempt.objects.filter(code=code, outcome="redeemed")
            own = redemptions.filter(claimant=who).count()
            # The token's own use is taken once at most; released, it is there for everybody, and for its owner too.
            assert code.uses == redemptions.count() <= 3
            assert code.held == 0
            assert heard["confirm", "done"] <= 1
            # Who redeemed with the token has left the confirmation the money alone.
            assert own - heard["redeem", "redeemed"] in {0, heard["confirm", "done"]}
            assert CodeHold.objects.filter(reservation=placed.reservation_id).count() == 1
            assert CodeHold.objects.filter(reservation=placed.reservation_id, ended_as="").count() == 0
            confirmed = heard["confirm", "done"]
            assert ending(placed) == ("consumed" if confirmed else "released")
            assert standing(who) == (1_000 + WORTH * own - HELD * confirmed, 0)
            booked = LedgerTransaction.objects.filter(type="spend", reservation=placed.reservation_id)
            assert booked.count() == confirmed
