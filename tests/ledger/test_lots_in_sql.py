"""Lots against raw SQL: what was granted, what moves it and what it may never exceed is held by the database; and what somebody
changed past it is named."""

import pytest
import uuid_utils.compat as uuid
from django.db import connection

from accounts import clock
from ledger import moving, points
from ledger.invariants import INVARIANTS
from ledger.models import AccountHold, LedgerAccount, Lot, LotHold, LotMovement, Transfer
from tests.breaking import run as run_unguarded
from tests.breaking import unguarded, violated, without_guards
from tests.factories import make_account, make_site, make_user
from tests.ledger.bookings import insert_raw, refuse, run, system
from tests.ledger.conftest import from_noon
from tests.ledger.granted import DAY, grant, lots, make_points_account
from tests.ledger.membership import account_of, make_member, redeem, reserve
from tests.scenes import scene

pytestmark = pytest.mark.django_db
SPENT = {"comment": "", "actor_id": "u-boss"}


def make_granted():
    account = make_points_account()
    grant(account, 30, 10)
    grant(account, 20)
    return account


granted_scene = scene("granted", make_granted)


@pytest.fixture
def account(granted_scene, db):
    """30 in a lot, and 20 that never expire."""
    return granted_scene()


@pytest.fixture
def lot(account):
    return Lot.objects.get()


def make_lot(of, transfer, **fields):
    known = {
        "site_id": of.site_id,
        "account": of,
        "transfer": transfer,
        "amount": transfer.amount,
        "remaining": transfer.amount,
        "granted_at": transfer.booked_at,
        "expires_at": transfer.booked_at + DAY,
    }
    return Lot.objects.create(**known | fields)


class TestLot:
    @pytest.fixture
    def endless(self, account, lot):
        """The credit that made no lot."""
        return Transfer.objects.get(credit_account=account, amount=20)

    def test_it_is_made_of_its_credit(self, account, endless, lot):
        other = make_account(make_user(account.site), account.asset)
        stranger = make_points_account()
        for fields in (
            {"remaining": 19},
            {"amount": 21, "remaining": 21},
            {"held": 1},
            {"account": other},
            {"site_id": stranger.site_id},
            {"granted_at": endless.booked_at - DAY},
        ):
            refuse(make_lot, account, endless, match="made|credited|held_remaining", **fields)
        refuse(make_lot, account, endless, match="expires_later", expires_at=endless.booked_at)
        refuse(make_lot, account, lot.transfer, match="(?i)unique|never exceed")

        assert make_lot(account, endless).remaining == 20

    def test_money_makes_no_lot(self):
        cash = make_account(balance=5)
        refuse(make_lot, cash, cash.credits.get(), match="credited to a points account")

    def test_it_never_exceeds_the_balance(self, account, endless):
        grant(account, -45, kind="correction")

        refuse(make_lot, account, endless, match="never exceed the balance")

    @pytest.mark.parametrize("column", ["amount", "account_id", "site_id", "transfer_id", "granted_at"])
    def test_it_never_changes_what_was_granted(self, account, lot, column, endless):
        value = {
            "account_id": make_account(make_user(account.site), account.asset).pk,
            "site_id": make_site().pk,
            "transfer_id": endless.pk,
            "granted_at": lot.granted_at - DAY,
        }.get(column, 31)
        refuse(Lot.objects.filter(pk=lot.pk).update, match="never changes what was granted", **{column: value})

    def test_nothing_but_movements_and_holds_moves_it(self, lot):
        for change in ({"remaining": 29}, {"held": 1}, {"expires_at": lot.expires_at + DAY}):
            refuse(Lot.objects.filter(pk=lot.pk).update, match="only through movements", **change)
        refuse(Lot.objects.filter(pk=lot.pk).update, expires_at=lot.expires_at - DAY, match="only grows|only through")
        refuse(run, "DELETE FROM ledger_lot", match="never deleted")

    def test_its_account_is_due_no_later(self, account, lot):
        for due_at in (None, lot.expires_at + DAY):
            refuse(LedgerAccount.objects.filter(pk=account.pk).update, due_at=due_at, match="due no later")
        LedgerAccount.objects.filter(pk=account.pk).update(due_at=lot.expires_at - DAY)

    def test_a_balance_does_not_fall_below_its_lots(self, account):
        external = system(account, "external").pk
        refuse(insert_raw, account.site_id, (account.pk, external, 21), match="never exceed the balance")
        insert_raw(account.site_id, (account.pk, external, 20))


class TestMovement:
    def spend(self, account, amount=5):
        return insert_raw(account.site_id, (account.pk, system(account, "external").pk, amount))

    def test_it_moves_its_lot_and_is_never_changed(self, account, lot):
        LotMovement.objects.create(lot=lot, transaction_id=self.spend(account), amount=-5)

        assert lots(account) == [(30, 25, 0)]
        refuse(run, "UPDATE ledger_lotmovement SET amount = -4", match="append-only")
        refuse(run, "DELETE FROM ledger_lotmovement", match="append-only")

    def test_it_takes_no_more_than_remains(self, account, lot):
        refuse(
            LotMovement.objects.create, lot=lot, transaction_id=self.spend(account), amount=-31, match="held_remaining"
        )

    def test_it_belongs_to_a_transaction_of_its_site(self, lot):
        stranger = make_points_account()
        grant(stranger, 9)
        for transaction_id in (self.spend(stranger), uuid.uuid7()):
            refuse(LotMovement.objects.create, lot=lot, transaction_id=transaction_id, amount=-5, match="(?i)movement")

    def test_nothing_comes_back_but_with_a_credit_and_for_some_time(self, account, lot):
        moving.spend(account, 10, **SPENT)
        spent, until = self.spend(account), clock.read() + 30 * DAY
        create = LotMovement.objects.create
        refuse(create, lot=lot, transaction_id=spent, amount=5, usable_until=until, match="credits its account")
        back = insert_raw(account.site_id, (system(account, "external").pk, account.pk, 5))
        refuse(create, lot=lot, transaction_id=back, amount=5, match="amount_in_bounds")
        refuse(create, lot=lot, transaction_id=back, amount=11, usable_until=until, match="held_remaining")

        create(lot=lot, transaction_id=back, amount=5, usable_until=until)

        lot.refresh_from_db()
        assert (lot.remaining, lot.expires_at) == (25, until)

    def test_what_comes_back_never_exceeds_the_balance(self, account, lot):
        moving.spend(account, 30, **SPENT)
        back = insert_raw(account.site_id, (system(account, "external").pk, account.pk, 1))
        insert_raw(account.site_id, (account.pk, system(account, "external").pk, 20))
        refuse(
            LotMovement.objects.create,
            lot=lot,
            transaction_id=back,
            amount=5,
            usable_until=clock.read() + DAY,
            match="never exceed the balance",
        )


class TestPin:
    @pytest.fixture
    def member(self):
        member = make_member(make_site(), "M1", 20)
        grant(account_of(member), 30, 10)
        return member

    @pytest.fixture
    def hold(self, member):
        reserve(member, 25)
        return AccountHold.objects.get()

    def test_it_is_of_the_holds_account_while_that_is_open_and_no_more_than_the_hold(self, member, hold):
        other = make_points_account()
        grant(other, 30, 10)
        foreign, own = Lot.objects.get(account=other), Lot.objects.exclude(account=other).get()
        refuse(LotHold.objects.create, hold=hold, lot=foreign, amount=1, match="pin")
        grant(account_of(member), 9, 5)
        later = Lot.objects.get(amount=9)
        refuse(LotHold.objects.create, hold=hold, lot=later, amount=1, match="pin")
        refuse(LotHold.objects.create, hold=hold, lot=own, amount=1, match="(?i)unique")

    def test_it_only_shrinks_and_moves_what_its_lot_holds(self, hold):
        pins = LotHold.objects.filter(hold=hold)
        for change in ({"amount": 26}, {"lot_id": 10**6}, {"hold_id": 10**6}):
            refuse(pins.update, match="(?i)pin|foreign", **change)
        refuse(pins.update, amount=-1, match="in_bounds")
        refuse(run, "DELETE FROM ledger_lothold", match="never deleted")
        pins.update(amount=20)

        assert Lot.objects.get().held == 20

    def test_its_hold_shrinks_only_after_it(self, hold):
        refuse(AccountHold.objects.filter(pk=hold.pk).update, amount=24, match="pin")

    def test_once_its_hold_has_ended_it_says_what_was_pinned(self, member, hold):
        reservation = hold.reservation
        points.cancel_points(member, reserve(member, 2))
        LedgerAccount.objects.get(owner=member.user_id)
        AccountHold.objects.filter(pk=hold.pk).update(ended_as="released", ended_at=reservation.created_at)

        assert Lot.objects.get().held == 0
        assert LotHold.objects.get(hold=hold).amount == 25
        refuse(LotHold.objects.filter(hold=hold).update, amount=3, match="pin")


def make_life(stopped_clock):
    """A member whose points were held, used, given back, granted anew and expired."""
    member = make_member(make_site(), "M1", 20)
    grant(account_of(member), 30, 10)
    grant(account_of(member), 9, 1)
    spent = redeem(member, reserve(member, 45))
    points.void_spending(member, str(spent.transaction_id), caller="client:1", adjustment_days=30)
    redeem(member, reserve(member, 40))
    stopped_clock.advance(days=60)
    grant(account_of(member), 7, 3)
    reserve(member, 5)


lots_unguarded_scene = scene("lots_unguarded", without_guards(from_noon(make_life)))


@pytest.fixture
def lived(lots_unguarded_scene, db, stopped_clock):
    _, stopped_clock.now = lots_unguarded_scene()


def test_nothing_is_found_where_nothing_is_wrong(lived):
    assert LotMovement.objects.count() == 6
    assert violated(INVARIANTS) == {}


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("UPDATE ledger_lot SET remaining = remaining + 1 WHERE remaining = 0", "with all its movements"),
        ("UPDATE ledger_lotmovement SET amount = amount - 1 WHERE amount < 0", "with all its movements"),
        ("UPDATE ledger_lot SET held = held - 1 WHERE held > 0", "have pinned of it"),
        ("UPDATE ledger_lothold SET amount = 9 WHERE amount = 5", "never more than the hold"),
        ("UPDATE ledger_lot SET remaining = 99 WHERE remaining > 0", "never exceed the balance"),
        ("UPDATE ledger_ledgeraccount SET held = held + 99 WHERE held > 0", "what is available"),
        ("UPDATE ledger_lot SET amount = amount + 1", "its transfer credited"),
        ("UPDATE ledger_lot SET granted_at = expires_at", "its transfer credited"),
        ("DELETE FROM ledger_lotmovement WHERE amount > 0", "with all its movements"),
        (
            "UPDATE ledger_lotmovement SET transaction_id = (SELECT t.transaction_id FROM ledger_transfer t "
            "JOIN ledger_lot l ON l.transfer_id = t.id ORDER BY l.id LIMIT 1) WHERE id = (SELECT MIN(id) FROM ledger_lotmovement)",
            "of a debit of their account",
        ),
        ("UPDATE ledger_ledgertransaction SET reverses_id = NULL WHERE type = 'void'", "brings back to a lot"),
        ("UPDATE ledger_lot SET expires_at = '2001-01-01 00:00:00'", "outside its time"),
        ("UPDATE ledger_ledgeraccount SET due_at = NULL WHERE held > 0", "due no later than the first of its lots"),
        ("UPDATE ledger_pointsgrant SET amount = 8 WHERE amount = 7", "a grant of points is what"),
        ("UPDATE ledger_pointsgrant SET kind = 'correction' WHERE amount = 7", "a grant of points is what"),
        ("UPDATE ledger_pointsgrant SET expires_at = NULL WHERE amount = 7", "a grant of points is what"),
    ],
)
def test_what_was_changed_past_the_deeds_is_named(lived, statement, name):
    with unguarded():
        assert run_unguarded(statement) > 0
        found = violated(INVARIANTS)

    assert any(name in each for each in found), found


def test_grants_are_never_changed(account):
    refuse(run, "UPDATE ledger_pointsgrant SET reason = 'other'", match="append-only")
    refuse(run, "DELETE FROM ledger_pointsgrant", match="append-only")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
@pytest.mark.parametrize("table", ["ledger_lot", "ledger_lothold", "ledger_lotmovement", "ledger_pointsgrant"])
def test_no_table_is_emptied_away(account, table):
    connection.check_constraints()
    refuse(run, f"TRUNCATE {table} CASCADE", match="never deleted|append-only")
