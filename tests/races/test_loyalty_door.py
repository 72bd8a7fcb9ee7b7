"""The loyalty protocol through real web servers: points are taken once, whoever else asks and whatever is killed or restarted."""

import threading
from collections import Counter
from contextlib import contextmanager

import pytest
from django.db import connection, connections, transaction

from accounts import access_tokens, clock, locking
from accounts.models import Member
from deploy.local.processes import wait_until
from ledger.models import LedgerAccount, Spending
from tests.factories import make_client, make_site
from tests.faults.strikes import end_database_now
from tests.faults.town import open_town
from tests.ledger.membership import make_member, standing
from tests.members import make_loyalty_settings, make_session
from tests.races.arena import CROWD, violations
from tests.races.bursts import burst_with_a_kill, late_server, until_answered
from tests.races.crowd import Ask, each_at_once

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="a killed process needs a server that outlives it"),
]

DONE, GONE = "done", "Could not find the reservation."
SHORT = "Account does not have enough points"


class Till:
    """A program with a token, and a session for each of its members."""

    def __init__(self, site) -> None:
        make_loyalty_settings(site)
        self.site = site
        self.client = make_client(site, ["points"]).client
        self.headers = {"Authorization": f"Bearer {access_tokens.issue(self.client, clock.read())[0]}"}

    def member(self, points: int) -> Member:
        """With a session that is named after them."""
        made = make_member(self.site, f"M{Member.objects.count()}", points)
        make_session(self.client, made, made.account_id)
        return made

    def reserving(self, member: Member, points: int) -> Ask:
        path = f"/client/users/{member.account_id}/reservations"
        return Ask("POST", path, {"reservationAmount": str(points)}, self.headers)

    def redeeming(self, member: Member, token: str) -> Ask:
        body = {"businessUnit": "MAIN", "reservationToken": token}
        return Ask("POST", f"/client/users/{member.account_id}/adhoc-redemption", body, self.headers)


def asking(ask: Ask):
    """A client's deed: what it heard, or None if that never came."""

    def deed(line):
        answer = line.ask(ask)
        if answer is None:
            return None
        return DONE if answer.status == 200 else answer.body["errorMessage"]

    return deed


def at_once(port: int, asks: list[Ask]) -> Counter[str]:
    return Counter(each_at_once(port, [asking(ask) for ask in asks]))


@pytest.fixture
def till(guarded, unguarded):
    """The till of an arena, made once."""

    def of(arena):
        if not hasattr(arena, "till"):
            arena.till = Till(arena.site)
        return arena.till

    return of


def token_of(port: int, ask: Ask) -> str:
    [answer] = each_at_once(port, [lambda line: line.ask(ask)])
    assert answer.status == 200, answer
    return str(answer.body["reservationToken"])


def spendings(*members: Member) -> int:
    return Spending.objects.filter(owner__member__in=members).count()


def test_case_32_64_redeem_calls_with_one_token(unguarded, guarded, till):
    def race(arena):
        member = till(arena).member(25_000)
        token = token_of(arena.web.port, till(arena).reserving(member, 20_000))
        return member, at_once(arena.web.port, [till(arena).redeeming(member, token)] * CROWD)

    with unguarded:
        member, heard = race(unguarded)
        assert heard[DONE] > 1
        assert spendings(member) > 1

    with guarded:
        for _ in range(2):
            member, heard = race(guarded)
            assert heard == {DONE: 1, GONE: CROWD - 1}
            assert standing(member) == (5_000, 0, 5_000)
            assert spendings(member) == 1


def test_case_33_64_reservations_of_5000_by_a_member_who_has_25000(unguarded, guarded, till):
    def race(arena):
        member = till(arena).member(25_000)
        return member, at_once(arena.web.port, [till(arena).reserving(member, 5_000)] * CROWD)

    with unguarded:
        _, heard = race(unguarded)
        assert heard[DONE] > 5

    with guarded:
        for _ in range(2):
            member, heard = race(guarded)
            assert heard == {DONE: 5, SHORT: CROWD - 5}
            assert standing(member) == (25_000, 25_000, 0)


def test_a_web_process_is_killed_between_commit_and_answer_and_a_repeat_hears_that_the_token_is_used(guarded, till):
    with guarded, late_server(guarded) as (server, late):
        members = [till(guarded).member(1_000) for _ in range(CROWD)]
        reserving = [till(guarded).reserving(member, 600) for member in members]
        tokens = [
            answer.body["reservationToken"]
            for answer in each_at_once(server.port, [lambda line, ask=ask: line.ask(ask) for ask in reserving])
        ]
        calls = [asking(till(guarded).redeeming(member, token)) for member, token in zip(members, tokens, strict=True)]

        answers = burst_with_a_kill(server, late, calls)

        assert set(answers) == {DONE, None}
        unheard = [number for number, answer in enumerate(answers) if answer is None]
        whole = {number for number in unheard if spendings(members[number])}
        # The kill struck in the middle: some of what was not answered is whole, some is absent, and nothing is half.
        assert 0 < len(whole) < len(unheard)
        assert violations() == ""
        for number in unheard:
            assert standing(members[number]) == ((400, 0, 400) if number in whole else (1_000, 600, 400))

        again = until_answered(server, [calls[number] for number in unheard])

        assert again == [GONE if number in whole else DONE for number in unheard]
        assert spendings(*members) == CROWD
        assert {standing(member) for member in members} == {(400, 0, 400)}


@pytest.fixture
def town(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), open_town() as opened:
        yield opened


@contextmanager
def held_up(member: Member):
    """Somebody else has the member's account until the end of the block, or until the database goes."""
    has_it, may_go = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                locking.lock_rows(LedgerAccount.objects.filter(owner=member.user))
                has_it.set()
                may_go.wait(10)
        except Exception:
            assert may_go.is_set()
        finally:
            connections.close_all()

    holder = threading.Thread(target=hold)
    holder.start()
    assert has_it.wait(10)
    try:
        yield
    finally:
        may_go.set()
        holder.join()


def test_the_database_is_restarted_during_a_redemption_and_the_token_works_afterwards(town):
    """Nothing of ours guards here: a transaction that was open is PostgreSQL's to undo."""
    with town.connected():
        till = Till(make_site(slug="town", domain="town.localhost"))
        member = till.member(1_000)
    town.web.start()
    assert wait_until(town.web.answers, seconds=60), town.web.last_words()
    token = token_of(town.web.port, till.reserving(member, 600))
    redeem = asking(till.redeeming(member, token))
    answers: list[str | None] = []
    asked = threading.Thread(target=lambda: answers.extend(each_at_once(town.web.port, [redeem])))

    with town.connected():
        with held_up(member):
            asked.start()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            assert wait_until(lambda: town.ask(waiting), seconds=10, pause_seconds=0.01), "The redemption is in hand."
            end_database_now(town)
            asked.join(20)
        assert answers == ["Service unavailable"]
        town.server.start()
        assert wait_until(lambda: town.ask("SELECT 1"), seconds=20)
        connections.close_all()
        assert standing(member) == (1_000, 600, 400)

        heard: list[str] = []
        assert wait_until(lambda: heard.extend(each_at_once(town.web.port, [redeem])) or DONE in heard, seconds=10)

        assert set(heard) <= {DONE, "Service unavailable"}
        assert standing(member) == (400, 0, 400)
        assert spendings(member) == 1
        assert each_at_once(town.web.port, [redeem]) == [GONE]
        assert violations() == ""
