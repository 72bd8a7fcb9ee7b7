"""What the database itself refuses of holds, whoever asks, and the checks that notice what got past it."""

import datetime as dt

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from accounts import clock
from codes import hold_triggers
from codes.hold_invariants import INVARIANTS
from codes.models import Attempt, Code, CodeHold
from ledger.models import Reservation
from tests.breaking import run, unguarded, violated
from tests.codes.redeeming import redeem
from tests.codes.reserved import confirm, place
from tests.factories import caller_of, make_claimant, make_client, make_code, make_hold, make_site

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def anna(saver_scene, db):
    return saver_scene()


@pytest.fixture
def code(anna):
    return make_code(anna.site, uses=2)


def refused(message, deed):
    with pytest.raises(DatabaseError, match=message), transaction.atomic():
        deed()


class TestHolds:
    def test_one_more_than_there_are_uses(self, code):
        make_hold(code, token="a")
        make_hold(code, token="b")

        refused(hold_triggers.HELD_USE, lambda: make_hold(code, token="c"))
        assert Code.objects.get().held == 2

    def test_a_use_that_is_held_is_not_taken(self, code):
        make_hold(code, token="a")
        codes = Code.objects.filter(pk=code.pk)

        assert codes.update(uses=1, redemptions=1) == 1
        refused(hold_triggers.HELD_USE, lambda: codes.update(uses=2, redemptions=2))
        refused(hold_triggers.HELD_USE, lambda: codes.update(max_uses=1))

    def test_what_is_held_is_counted_by_holds_alone(self, code):
        make_hold(code)

        for held in (0, 2, -1):
            refused(hold_triggers.ONLY_BY_HOLD, lambda held=held: Code.objects.update(held=held))
        Code.objects.get().save()  # Which says what is there.

    def test_it_ends_once_and_says_the_same_for_ever(self, anna, code):
        hold = CodeHold.objects.filter(pk=make_hold(code).pk)
        other = make_code(anna.site, "OTHER-001")
        for change in ({"code": other}, {"expires_at": clock.read() + 900 * SECOND}):
            refused(hold_triggers.ENDS_ONCE, lambda change=change: hold.update(**change))
        hold.update(ended_as="released", ended_at=clock.read())

        for again in ({"ended_as": "", "ended_at": None}, {"ended_at": clock.read()}):
            refused(hold_triggers.ENDS_ONCE, lambda again=again: hold.update(**again))
        assert Code.objects.get(pk=code.pk).held == 0

    def test_it_is_never_deleted(self, code):
        make_hold(code)

        refused(hold_triggers.NEVER_DELETED, CodeHold.objects.all().delete)
        if connection.vendor == "postgresql":
            run("SET CONSTRAINTS ALL IMMEDIATE")  # What waits for the commit would be told of first.
            refused(hold_triggers.NEVER_DELETED, lambda: run("TRUNCATE codes_hold"))

    def test_it_begins_open_on_its_site_and_expires_with_its_reservation(self, anna, code):
        reservation = make_hold(code).reservation
        foreign = make_code(make_site(), "OTHER-001")
        mine = make_code(anna.site, "OTHER-002")
        until = reservation.expires_at

        for words in (
            {"code": foreign, "expires_at": until},
            {"code": mine, "expires_at": until + SECOND},
            {"code": mine, "expires_at": until, "ended_as": "released", "ended_at": clock.read()},
        ):
            refused(hold_triggers.BEGINS, lambda words=words: CodeHold.objects.create(reservation=reservation, **words))

    @pytest.mark.parametrize(
        "change",
        [
            {"ended_as": "released"},
            {"ended_as": "consumed", "ended_at": "now"},
            {"ended_as": "expired", "ended_at": "now"},
            {"ended_as": "released", "ended_at": "later"},
            {"ended_as": "lost", "ended_at": "now"},
        ],
    )
    def test_an_ending_that_is_none(self, code, change):
        hold = make_hold(code)
        at = {"now": clock.read(), "later": hold.expires_at}
        change = {name: at.get(value, value) for name, value in change.items()}

        with pytest.raises(IntegrityError), transaction.atomic():
            CodeHold.objects.update(**change)

    @pytest.mark.parametrize("ended_as", ["consumed", "released"])
    def test_its_reservation_waits_for_it(self, code, ended_as):
        make_hold(code)
        now = clock.read()

        refused(
            hold_triggers.RESERVATION_WAITS,
            lambda: Reservation.objects.update(ended_as=ended_as, ended_at=now),
        )


@pytest.fixture
def world(anna):
    """A hold of each ending, and one that is open."""
    till = caller_of(make_client(anna.site))
    make_code(anna.site, uses=9, uses_per_claimant=9)
    for number in range(4):
        placed = place(till, anna, "ABC-E6W5F", key=f"k{number}", cash="0.50")
        if number < 2:
            confirm(till, placed, key=f"c{number}")
    hold = CodeHold.objects.filter(ended_as="").first()
    CodeHold.objects.filter(pk=hold.pk).update(ended_as="released", ended_at=clock.read())
    redeem(till, claimant=make_claimant(anna.site))
    make_site()
    return anna.site


ENDED = "(SELECT MIN(id) FROM codes_hold WHERE ended_as = 'consumed')"
OTHERS = (
    "(SELECT id FROM codes_attempt WHERE NOT EXISTS (SELECT 1 FROM codes_hold h WHERE h.attempt_id = codes_attempt.id))"
)
EXAMPLES = (
    ("UPDATE codes_code SET held = held + 1", "what is held of a code is its open holds"),
    ("UPDATE codes_code SET held = 0", "what is held of a code is its open holds"),
    ("UPDATE codes_code SET uses = max_uses", "what is held of a code is its open holds"),
    ("UPDATE codes_hold SET attempt_id = NULL", "a hold that was consumed"),
    (f"UPDATE codes_hold SET attempt_id = {OTHERS} WHERE id = {ENDED}", "a hold that was consumed"),
    ("UPDATE codes_hold SET ended_as = 'released'", "a hold that was consumed"),
    (
        "UPDATE codes_hold SET ended_at = '2001-01-01 00:00:00' WHERE attempt_id IS NOT NULL",
        "a hold that was consumed",
    ),
    (
        "UPDATE ledger_reservation SET site_id = (SELECT MAX(id) FROM accounts_site)",
        "of its reservation's site and time",
    ),
    ("UPDATE codes_hold SET expires_at = '2101-01-01 00:00:00'", "of its reservation's site and time"),
    ("UPDATE ledger_reservation SET ended_as = 'released' WHERE ended_as = ''", "of its reservation's site and time"),
    ("UPDATE codes_reservationkey SET caller = 'client:0'", "a key belongs to one reservation"),
)


def test_what_got_past_it_is_noticed(world):
    assert violated(INVARIANTS) == {}
    assert Attempt.objects.filter(hold__isnull=False).count() == 2
    unnoticed = []
    with unguarded():
        for statement, name in EXAMPLES:
            with transaction.atomic():
                assert run(statement) > 0, statement
                found = violated(INVARIANTS)
                transaction.set_rollback(True)
                if not any(name in each for each in found):
                    unnoticed.append((statement, list(found)))
    assert unnoticed == []
    assert [each.name for each in INVARIANTS if not any(part in each.name for _, part in EXAMPLES)] == []
