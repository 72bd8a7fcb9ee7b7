"""Publishers at the same moment: one code given by all, one new batch named by all, codes moved while they are redeemed."""

import base64
import time

import pytest
from django.db import connection

from codes.models import Attempt, Batch, Code
from tests.races.crowd import each_at_once

pytestmark = pytest.mark.races

CROWD = 32
TAGS = {"action-type": "add-user-tag", "user-tags": ["member"]}
PATH = "/admin-api/races/redemptions"


def publish(arena, method, path, body):
    """A request of the till's program, with HTTP Basic."""
    ask = arena.ask(method, f"{PATH}{path}", body)
    prefix, _, secret = arena.key.partition(".")
    pair = base64.b64encode(f"{prefix}:{secret}".encode()).decode()
    return type(ask)(ask.method, ask.path, ask.body, {**ask.headers, "Authorization": f"Basic {pair}"})


def create(arena, **fields):
    return publish(arena, "POST", "", {**TAGS, **{name.replace("_", "-"): value for name, value in fields.items()}})


def forget_uniqueness():
    """Digests are still found quickly, but may be there twice."""
    with connection.cursor() as cursor:
        for column in ("lookup_odd", "lookup_even"):
            cursor.execute(f"DROP INDEX code_{column}")
            cursor.execute(f"CREATE INDEX code_{column} ON codes_code (site_id, {column}) WHERE {column} IS NOT NULL")


def test_one_code_that_all_give_at_once_is_made_once(unguarded, guarded):
    def race(arena):
        arena.codes_made += 1
        text = f"WELCOME-{arena.codes_made}-{time.monotonic_ns()}"
        answers = arena.all_at_once([create(arena, batch=f"given {n}", access_code=text) for n in range(CROWD)])
        return [answer.status for answer in answers], text

    with unguarded:
        forget_uniqueness()
        statuses, _ = race(unguarded)
        assert statuses.count(200) > 1

    with guarded:
        before = Code.objects.count()
        statuses, _ = race(guarded)
        assert statuses.count(200) == Code.objects.count() - before == 1
        assert statuses.count(409) == CROWD - 1
        # Of the batches only the one that has the code was made.
        assert Batch.objects.filter(name__startswith="given ").count() == 1


def test_codes_made_at_once_in_one_new_batch_share_no_serial(guarded):
    with guarded:
        answers = guarded.all_at_once([create(guarded, batch="all at once", number_of_codes=50) for _ in range(CROWD)])
        made = [code for answer in answers if answer.status == 200 for code in answer.body]
        assert {answer.status for answer in answers} <= {200, 409}
        batch = Batch.objects.get(name="all at once")
        serials = list(batch.codes.order_by("serial").values_list("serial", flat=True))
        assert serials == list(range(1, len(made) + 1))
        assert len(set(made)) == len(made) >= 50


def test_codes_are_redeemed_while_they_are_moved_to_and_fro(guarded):
    with guarded:
        [answer] = guarded.all_at_once([create(guarded, batch="to", number_of_codes=20, remaining_redemptions=100)])
        codes, claimants = answer.body, guarded.claimants[:16]
        there = time.monotonic() + 3

        def redeem_all(claimant):
            def redeem(line):
                return [line.ask(guarded.redeem(code, claimant)) for code in codes]

            return redeem

        def move(source, target):
            def moving(line):
                heard = []
                while time.monotonic() < there:
                    heard.append(line.ask(publish(guarded, "PUT", f"/{source}", {"batch": target})).status)
                return heard

            return moving

        movers = [move("to", "fro"), move("fro", "to"), move("to", "fro"), move("fro", "to")]
        *heard, _, _, _, _ = moved = each_at_once(guarded.web.port, [*map(redeem_all, claimants), *movers])
        statuses = [status for each in moved[-4:] for status in each]
        assert set(statuses) <= {200, 404, 409}
        assert 200 in statuses
        answers = [answer for each in heard for answer in each]
        assert max(answer.status for answer in answers) < 500
        redeemed = Attempt.objects.filter(code__batch__name__in=("to", "fro"), outcome="redeemed").count()
        assert redeemed == sum(answer.word == "redeemed" for answer in answers) > 0
        assert {answer.word for answer in answers} <= {"redeemed", "code_busy", "code_reserved", "concurrent_change"}
