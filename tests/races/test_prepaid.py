"""The prepaid engine through real web servers: a code tops up one person once, whoever else wants it and whatever is killed."""

import http.client
import re
from collections import Counter
from urllib.parse import urlencode

import pytest

from accounts.models import Visitor, VisitorPerson
from codes.advice.draining import drain
from codes.models import Advice, Attempt, Code
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from tests.advice import make_venue
from tests.people import EMAIL, PASSWORD_VALUE, SECRET, make_person, make_person_type, make_settings
from tests.protocols.advice.tills import as_json, encoded, register, seed
from tests.races.arena import CROWD, HOST, violations
from tests.races.bursts import burst_with_a_kill, late_server, until_answered
from tests.races.crowd import each_at_once
from tests.races.test_adding import add, by_api, signed_in
from tests.races.test_advice_door import report

pytestmark = pytest.mark.races

PATH = "/default/engine/om_RedeemPrepaidCode_Pu"
WORTH = 500  # Of an arena's code.
READERS = 23  # The races' own person type; others on the arenas' site have theirs.


class TopUp:
    """One call of one person's shop, as often as it is sent."""

    def __init__(self, text: str, number: int, unique_id: str | None = None) -> None:
        self.query = urlencode(
            {
                "PrepaidCode": text,
                "PersonIdentificationValues": f"racer-{number}@example.test¶{PASSWORD_VALUE}",
                "PersonTypeID": READERS,
                "UniqueID": unique_id or f"racer-{number}",
                "TransactionComment": "Gift card",
            }
        )

    def __call__(self, line) -> int | None:
        """The return code; None if the connection broke before the answer was whole."""
        try:
            line.connection.request("POST", f"{PATH}?{self.query}", headers={"Host": HOST})
            response = line.connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            line.close()
            return None
        assert response.status == 200, body
        return int(re.findall(rb"<ReturnCode>(-?\d+)</ReturnCode>", body)[0])


@pytest.fixture
def people(guarded, unguarded):
    """Every claimant of an arena as a person of one type, made once."""

    def of(arena):
        if not hasattr(arena, "people"):
            make_settings(arena.site)
            kind = make_person_type(arena.site, READERS)
            arena.people = [
                make_person(kind, {EMAIL: f"racer-{number}@example.test", SECRET: PASSWORD_VALUE}, claimant)
                for number, claimant in enumerate(arena.claimants)
            ]
        return arena.people

    return of


def booked(code: Code) -> int:
    """Minor units of the code that are on people's accounts."""
    legs = Transfer.objects.filter(batch_number=code.batch_id, credit_account__owner__isnull=False)
    return sum(legs.values_list("amount", flat=True))


def total(arena) -> int:
    return sum(LedgerAccount.objects.filter(owner__in=arena.claimants).values_list("balance", flat=True))


def test_case_23_64_people_call_with_one_code(unguarded, guarded, people):
    def race(arena):
        people(arena)
        code, text = arena.code()
        before = total(arena)
        heard = Counter(each_at_once(arena.web.port, [TopUp(text, number) for number in range(CROWD)]))
        code.refresh_from_db()
        return code, heard, total(arena) - before

    with unguarded:
        _, heard, gained = race(unguarded)
        assert heard[0] > 1
        assert gained > WORTH

    with guarded:
        code, heard, gained = race(guarded)
        assert heard[0] == 1
        assert set(heard) <= {0, -1303, -504}
        assert gained == booked(code) == WORTH
        assert (code.uses, code.redemptions, code.state) == (1, 1, "used_up")
        [redemption] = Attempt.objects.filter(code=code, outcome="redeemed")
        booking = LedgerTransaction.objects.get(pk=redemption.ledger_transaction_id)
        assert (booking.type, booking.comment, redemption.door) == ("credit", "Gift card", "prepaid")


def test_one_code_at_four_doors_at_once_is_redeemed_at_one(unguarded, guarded, people):
    """16 clients each: this protocol, the platform's own API, the page of a link, and tills whose reports are judged meanwhile."""
    each = CROWD // 4

    def race(arena):
        people(arena)
        make_venue(arena.site, "prepaid race")
        name = f"till of the prepaid race {arena.guarded}"
        register(arena.site, name)
        code, text = arena.code()
        body, key = as_json(seed("externalVenueId", "externalVenueSystemType", redemptionText=text)), encoded(name)
        users = arena.claimants
        deeds = [TopUp(text, number) for number in range(each)]
        deeds += [by_api(arena, text, user) for user in users[each : 2 * each]]
        deeds += [add(text, signed_in(user)) for user in users[2 * each : 3 * each]]
        deeds += [lambda line: (report(line, body, key=key)[0], drain())[0] for _ in range(each)]
        heard = each_at_once(arena.web.port, deeds)
        drain()
        code.refresh_from_db()
        topped_up = [answer == 0 for answer in heard[:each]]
        done = [status in (200, 201) for status, _, _ in heard[each : 3 * each]]
        assert heard[3 * each :] == [202] * each
        return code, sum(topped_up) + sum(done)

    with unguarded:
        code, wins = race(unguarded)
        assert wins + Advice.objects.filter(attempt__code=code, outcome="redeemed").count() > 1

    with guarded:
        code, wins = race(guarded)
        reported = Advice.objects.filter(attempt__code=code, outcome="redeemed").count()
        assert wins + reported == 1
        assert (code.uses, code.redemptions) == (1, 1)
        assert Attempt.objects.filter(code=code, outcome="redeemed").count() == 1
        assert booked(code) == WORTH * wins


def test_64_calls_of_one_person_under_one_unique_id_top_up_once_and_make_one_visitor(guarded, people):
    with guarded:
        [person, *_] = people(guarded)
        _, text = guarded.code()
        before = guarded.balance(person.user)

        heard = Counter(each_at_once(guarded.web.port, [TopUp(text, 0, "one for all") for _ in range(CROWD)]))

        assert heard[0] == 1
        assert set(heard) <= {0, -1303, -504}
        assert guarded.balance(person.user) - before == WORTH
        visitor = Visitor.objects.get(site=guarded.site, unique_id="one for all")
        assert VisitorPerson.objects.get(visitor=visitor, until=None).person == person


def test_a_web_process_is_killed_between_booking_and_answer_and_a_repeat_finds_the_money_there_once(guarded, people):
    with guarded, late_server(guarded) as (server, late):
        people(guarded)
        batch, texts = guarded.codes(CROWD)
        before = total(guarded)
        calls = [TopUp(text, number) for number, text in enumerate(texts)]

        answers = burst_with_a_kill(server, late, calls)

        assert set(answers) == {0, None}
        unheard = [number for number, answer in enumerate(answers) if answer is None]
        used = set(Code.objects.filter(batch=batch, uses=1).values_list("serial", flat=True))
        serials = dict(Code.objects.filter(batch=batch).order_by("pk").values_list("serial", "serial"))
        whole = {number for number, serial in enumerate(sorted(serials)) if serial in used}
        # The kill struck in the middle: some of what was not answered is whole, some is absent, and nothing is half.
        assert 0 < len(whole.intersection(unheard)) < len(unheard)
        assert violations() == ""
        assert total(guarded) - before == WORTH * len(used)

        again = until_answered(server, [calls[number] for number in unheard])

        assert again == [-1303 if number in whole else 0 for number in unheard]
        assert Code.objects.filter(batch=batch, uses=1, redemptions=1).count() == CROWD
        assert total(guarded) - before == WORTH * CROWD
