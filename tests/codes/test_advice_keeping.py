"""What the database refuses of advices, and what the checks name where somebody has changed rows past all deeds."""

import pytest
from django.db import transaction

from codes.advice import accepting, draining, inbox, keeping, retrying
from codes.advice.invariants import INVARIANTS
from codes.models import Advice, PendingAdvice
from tests.advice import HAPPENED, advise, make_till, report_of
from tests.breaking import run, unguarded, violated
from tests.codes.redeeming import assert_sound, redeem
from tests.codes.test_triggers import refused
from tests.factories import make_claimant, make_code, make_site
from tests.scenes import scene

pytestmark = pytest.mark.django_db


def make_world():
    """Advices of every outcome that the judgement has, one waiting, one in hand, one parked and one given up for good."""
    till = make_till(make_site())
    client = till.client
    claimant = make_claimant(client.site)
    make_code(client.site)
    make_code(client.site, "BURGER", uses=5, worth_cents=0)
    make_code(client.site, "OTHER-0001")
    assert redeem(claimant, "OTHER-0001").refusal is None
    for text, fields in (
        ("ABC-E6W5F", {}),
        ("ABC-E6W5F", {}),
        ("BURGER", {}),
        ("OTHER-0001", {}),
        ("NOBODY-HAS-THIS", {"happened_at": None}),
        ("ABC-E6W5F", {"problem": "invalid_date"}),
        ("ABC-E6W5F", {"problem": "invalid_offset"}),
        ("ABC-E6W5F", {"happened_at": HAPPENED.replace(year=2100)}),
        (None, {"problem": "invalid_text"}),
    ):
        advise(client, text, **fields)
    again = advise(client, "LATER-0001")
    make_code(client.site, "LATER-0001")
    retrying.retry([again.pk], actor_id="staff", reason="")
    draining.drain()
    for _ in range(2):
        accepting.accept(report_of(client))
    PendingAdvice.objects.update(tries=inbox.MOST_TRIES - 1)
    inbox.put_back(inbox.claim(10), "a bug")
    retrying.discard([PendingAdvice.objects.earliest("pk").pk], actor_id="staff", reason="")
    for _ in range(2):
        accepting.accept(report_of(client))
    inbox.claim(1)
    again.refresh_from_db()
    return again


advices_scene = scene("advices", make_world)


@pytest.fixture
def world(advices_scene, db):
    """Advices of every outcome and state; the one that was judged again."""
    return advices_scene()


def test_nothing_is_found_where_nothing_is_wrong(world):
    assert (world.outcome, world.rounds) == ("redeemed", 1)
    assert set(Advice.objects.values_list("outcome", flat=True)) == {
        "", "redeemed", "recorded", "already_used", "unknown_text", "invalid_text", "invalid_date", "invalid_offset", "failed",
    }  # fmt: skip
    assert_sound()


def test_an_advice_is_never_deleted(world):
    assert refused("DELETE FROM codes_advice")


@pytest.mark.parametrize("column", keeping.FIXED)
def test_what_was_sent_never_changes(world, column):
    assert refused(f"UPDATE codes_advice SET {column} = {column}")


@pytest.mark.parametrize("column", keeping.MUTABLE)
def test_what_resealing_and_judging_write_may_be_written(world, column):
    assert not refused(f"UPDATE codes_advice SET {column} = {column}")


def test_every_column_is_one_or_the_other():
    assert {field.column for field in Advice._meta.concrete_fields} == {*keeping.FIXED, *keeping.MUTABLE}


@pytest.mark.parametrize(
    ("outcome", "change"),
    [
        ("redeemed", "outcome = 'already_used'"),
        ("redeemed", "outcome = '', decided_at = NULL, attempt_id = NULL"),
        ("redeemed", "outcome = '', decided_at = NULL, attempt_id = NULL, rounds = rounds + 1"),
        ("redeemed", "attempt_id = NULL, outcome = 'already_used'"),
        ("already_used", "attempt_id = NULL"),
        ("unknown_text", "outcome = '', decided_at = NULL, attempt_id = NULL, rounds = rounds + 2"),
        ("unknown_text", "outcome = 'failed', rounds = rounds + 1"),
        ("unknown_text", "outcome = '', decided_at = NULL, attempt_id = NULL"),
        ("failed", "outcome = 'redeemed'"),
        ("failed", "outcome = 'unknown_text'"),
        ("", "rounds = rounds + 1"),
    ],
)
def test_a_judgement_is_not_written_over(world, outcome, change):
    assert refused(f"UPDATE codes_advice SET {change} WHERE outcome = '{outcome}' AND rounds = 0")


def test_no_round_is_taken_back(world):
    assert refused("UPDATE codes_advice SET rounds = 0 WHERE rounds = 1")


@pytest.mark.parametrize("outcome", ["failed", "unknown_text"])
def test_a_new_round_may_begin(world, outcome):
    change = "outcome = '', decided_at = NULL, attempt_id = NULL, rounds = rounds + 1"
    assert not refused(f"UPDATE codes_advice SET {change} WHERE outcome = '{outcome}'")


WORK = "to be judged, or it was judged"
HAND = "work in hand was counted"
ATTEMPT = "an attempt if and only if it was judged"
USE = "counts as a use if and only if"
TOLD = "no more advices are told of"
READ = "invalid for what could not be read"
ROUND = "one round of one advice"
# What somebody might change past every deed, and a part of the name of the check that must notice.
EXAMPLES = (
    ("DELETE FROM codes_pendingadvice", WORK),
    ("DELETE FROM codes_pendingadvice WHERE leased", WORK),
    ("UPDATE codes_pendingadvice SET parked_at = NULL WHERE parked_at IS NOT NULL", WORK),
    ("UPDATE codes_pendingadvice SET parked_at = due_at WHERE parked_at IS NULL", WORK),
    ("UPDATE codes_advice SET outcome = '' WHERE outcome = 'recorded'", WORK),
    ("UPDATE codes_advice SET outcome = 'redeemed' WHERE outcome = ''", WORK),
    ("UPDATE codes_advice SET outcome = 'expired' WHERE outcome = 'failed'", WORK),
    ("UPDATE codes_pendingadvice SET tries = 9", HAND),
    ("UPDATE codes_pendingadvice SET tries = 0 WHERE leased", HAND),
    ("UPDATE codes_pendingadvice SET token = 0 WHERE leased", HAND),
    ("UPDATE codes_pendingadvice SET leased = TRUE WHERE parked_at IS NOT NULL", HAND),
    ("UPDATE codes_advice SET attempt_id = NULL WHERE outcome = 'unknown_text'", ATTEMPT),
    ("UPDATE codes_advice SET decided_at = '2001-01-01 00:00:00' WHERE outcome = 'redeemed'", ATTEMPT),
    ("UPDATE codes_advice SET happened_at = '2001-01-01 00:00:00' WHERE outcome = 'redeemed'", ATTEMPT),
    ("UPDATE codes_attempt SET door = 'api' WHERE door = 'advice'", ATTEMPT),
    ("UPDATE codes_advice SET outcome = 'already_used' WHERE outcome = 'redeemed'", USE),
    ("UPDATE codes_advice SET outcome = 'redeemed' WHERE outcome = 'already_used'", USE),
    ("UPDATE codes_advice SET outcome = 'expired' WHERE outcome = 'already_used'", USE),
    ("UPDATE codes_attempt SET reason = 'code_expired' WHERE reason = 'code_not_found'", USE),
    ("UPDATE codes_advice SET rounds = 0", "first attempt has its ID"),
    ("UPDATE codes_advice SET rounds = rounds + 1 WHERE rounds = 1", "attempt of its last round"),
    ("UPDATE codes_attempt SET door = 'advice' WHERE door = 'api'", ROUND),
    ("DELETE FROM codes_advice WHERE outcome = 'already_used'", ROUND),
    ("UPDATE codes_attempt SET outcome = 'redeemed' WHERE reason = 'code_not_found'", ROUND),
    ("UPDATE codes_advice SET problem = ''", READ),
    ("UPDATE codes_advice SET problem = 'invalid_text' WHERE outcome = 'already_used'", READ),
    ("UPDATE codes_advice SET happened_at = '2001-01-01 00:00:00' WHERE problem = ''", READ),
    ("UPDATE codes_advicetally SET count = count + 100", TOLD),
    ("UPDATE codes_advicetally SET outcome = 'expired' WHERE outcome = 'redeemed'", TOLD),
    ("DELETE FROM codes_advice WHERE outcome = 'recorded'", TOLD),
)


def test_what_was_changed_past_the_deeds_is_named(world):
    unnoticed = []
    with unguarded():
        for statement, name in EXAMPLES:
            with transaction.atomic():
                assert run(statement) > 0, statement
                found = violated(INVARIANTS)
                transaction.set_rollback(True)
            if not any(name in each for each in found):
                unnoticed.append((statement, name, list(found)))

    assert unnoticed == []


def test_every_check_about_advices_has_been_seen_to_fail():
    assert [each.name for each in INVARIANTS if not any(part in each.name for _, part in EXAMPLES)] == []
