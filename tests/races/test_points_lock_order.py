"""R4 for points: household, reservation, accounts, members, each by ID; and who meets somebody that breaks it tries again."""

import datetime as dt
import threading
from unittest import mock

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction

from accounts import clock, households, locking
from accounts.models import Member
from deploy.local.processes import wait_until
from ledger import durability, expiring_holds, settling
from ledger.models import AccountHold, LedgerAccount, Lot, Reservation
from tests.factories import make_site
from tests.races import families
from tests.races.families import (
    BRIEF,
    BRIEF_LOT,
    LATER,
    cancel,
    grant,
    leave,
    make_families,
    redeem,
    reduce,
    reserve,
    take,
    void,
)
from tests.races.lock_watch import UNDER_ACCOUNTS, watch_locks
from tests.races.test_lock_order import deadlocks_so_far, somebody_waits

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks"),
]

HOUSEHOLD, RESERVATION, ACCOUNT, MEMBER = (
    *("accounts_household", "ledger_reservation"),
    *("ledger_ledgeraccount", "accounts_member"),
)


@pytest.fixture
def family(committed_db):
    """With a reservation that expires, a redemption, and lots that expire."""
    made = next(make_families(make_site(), seconds=BRIEF_LOT, at_a_time=1))
    yield made.prepare(token=True, spent=True, seconds=BRIEF)
    settings.CLOCK_OFFSET_SECONDS = 0


def locked_by(deed, family):
    """The tables that the deed locks in their order, each lock in its place; what only accounts' holders write aside."""
    with watch_locks() as locks:
        deed(family, 0)
    assert locks.mistakes() == []
    return [table for table in locks.tables if table not in UNDER_ACCOUNTS]


def test_every_deed_of_points_locks_in_the_order(family):
    assert locked_by(reserve, family) == [HOUSEHOLD, ACCOUNT]
    assert locked_by(reduce, family) == [RESERVATION, ACCOUNT]
    assert locked_by(void, family) == [ACCOUNT]
    assert locked_by(grant, family) == [ACCOUNT]
    assert locked_by(take, family) == [ACCOUNT]
    assert locked_by(redeem, family) == [RESERVATION, ACCOUNT, MEMBER]
    family.prepare(token=True, spent=False)
    assert locked_by(cancel, family) == [RESERVATION, ACCOUNT]
    assert locked_by(leave, family) == [HOUSEHOLD, MEMBER]
    back = Member.objects.get(pk=family.members[2].pk)
    assert locked_by(lambda *_: households.join(back, family.members[0].household, actor_id="staff"), family) == [
        *(HOUSEHOLD, MEMBER)
    ]


def test_a_member_without_a_household_locks_none(family):
    leave(family, 0)
    family.members[2] = Member.objects.get(pk=family.members[2].pk)
    assert locked_by(lambda *_: family.reserve(1, who=2), family) == [ACCOUNT]


def test_the_sweeps_lock_reservations_before_accounts(family):
    family.prepare(token=True, spent=False, seconds=BRIEF)
    settings.CLOCK_OFFSET_SECONDS = LATER
    assert locked_by(lambda *_: expiring_holds.sweep_some(), family) == [RESERVATION, ACCOUNT]
    families.tidy()
    settings.CLOCK_OFFSET_SECONDS += 2 * families.LASTING
    assert locked_by(lambda *_: settling.sweep_some(), family) == [ACCOUNT]


def test_members_locked_in_no_order_are_noticed(family):
    """As a redemption would, that noted in any order when they were last active."""
    with watch_locks() as locks, transaction.atomic():
        Member.objects.filter(household=family.members[0].household).update(last_activity_at=clock.read())
    assert len(locks.mistakes()) == 1

    with watch_locks() as locks, transaction.atomic():
        locking.lock_ids(LedgerAccount, family.account_ids)
        locking.lock_rows(Reservation.objects.filter(ended_as=""))
    assert len(locks.mistakes()) == 1


def test_holds_and_lots_are_noticed_that_are_written_without_their_accounts(family):
    with watch_locks() as locks, transaction.atomic():
        locking.lock_rows(AccountHold.objects.filter(account__in=family.account_ids, ended_as=""))
    assert len(locks.mistakes()) == 3
    with watch_locks() as locks, transaction.atomic():
        locking.lock_rows(Lot.objects.filter(pk=Lot.objects.filter(account__in=family.account_ids).first().pk))
    assert len(locks.mistakes()) == 1


def test_without_its_locks_a_redemption_takes_rows_as_it_comes_to_write_them(family, settings):
    settings.DEFECTS = {"row_lock"}
    with watch_locks() as locks:
        redeem(family, 0)
    assert locks.mistakes()


def test_a_stranger_who_locks_the_other_way_round_makes_a_deadlock_and_no_caller_hears_of_it(family, committed_db):
    """Nothing on the platform breaks the order, so a stranger has to."""

    has_them = threading.Event()

    def cancel_then():
        assert has_them.wait(10)
        cancel(family, 0)

    def stranger():
        with connection.cursor() as cursor:
            # The redemption is to find the circle, and to be the one that is broken off.
            cursor.execute("SET deadlock_timeout = '20s'")
            with transaction.atomic():
                locking.lock_ids(LedgerAccount, family.account_ids)
                has_them.set()
                assert wait_until(lambda: somebody_waits(cursor), seconds=10, pause_seconds=0.005)
                locking.lock_rows(Reservation.objects.filter(ended_as=""))

    with connection.cursor() as cursor:
        before = deadlocks_so_far(cursor)
    with mock.patch.object(durability, "ROUNDS", 1):
        _, heard = committed_db.together(stranger, cancel_then)
    assert isinstance(heard, OperationalError)
    assert "deadlock" in str(heard)

    has_them.clear()
    told = committed_db.together(stranger, cancel_then)
    assert told == [None, None]
    assert Reservation.objects.filter(ended_as="released").count() == 1
    assert family.missing() == []
    with connection.cursor() as cursor:
        assert wait_until(lambda: deadlocks_so_far(cursor) == before + 2, seconds=10)
    assert clock.read() - dt.timedelta(minutes=1) < Reservation.objects.get(ended_as="released").ended_at
