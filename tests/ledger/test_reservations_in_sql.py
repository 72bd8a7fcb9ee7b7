"""Reservations, holds and spendings against raw SQL: that each ends once and moves what it says is held by the database."""

import datetime as dt

import pytest
import uuid_utils.compat as uuid
from django.db import connection, transaction

from accounts import clock, rows
from ledger import moving
from ledger.models import AccountHold, LedgerAccount, Reservation, Spending
from ledger.posting import TRANSACTION_COLUMNS, TRANSFER_COLUMNS
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import refuse, run, system
from tests.ledger.membership import account_of, make_household, make_member, redeem, reserve

pytestmark = pytest.mark.django_db
SECOND = dt.timedelta(seconds=1)
SPENT = "is spent by one transfer of each consumed hold"


@pytest.fixture
def family(db):
    return make_household({"A": 600, "B": 400})


@pytest.fixture
def reservation(family):
    """500 points: 300 of A, 200 of B."""
    reserve(family["A"], 500)
    return Reservation.objects.get()


def update(row, **fields):
    return type(row).objects.filter(pk=row.pk).update(**fields)


def spend(site_id, *legs, type_="spend"):
    """A transaction as somebody with SQL alone would write it; answers its ID."""
    now, identity = clock.read(), uuid.uuid7()
    rows.insert("ledger_ledgertransaction", TRANSACTION_COLUMNS, [(identity, site_id, type_, "", "", None, now)])
    rows.insert("ledger_transfer", TRANSFER_COLUMNS, [(identity, *leg, None, now) for leg in legs])
    return identity


def close(reservation, ended_as, **fields):
    ended_at = reservation.expires_at if ended_as == "expired" else clock.read()
    update(reservation, **{"ended_as": ended_as, "ended_at": ended_at} | fields)


def end_hold(hold, ended_as, **fields):
    ended_at = hold.expires_at if ended_as == "expired" else clock.read()
    return update(hold, **{"ended_as": ended_as, "ended_at": ended_at} | fields)


def remake(row, **fields):
    """Insert a copy of the row with other values."""
    copy = type(row).objects.get(pk=row.pk)
    for name, value in fields.items():
        setattr(copy, name, value)
    copy.save(force_insert=True)


class TestHeld:
    def test_what_is_held_changes_only_through_holds(self, family, reservation):
        account = account_of(family["A"])
        for held in (0, 299, 301, -1):
            refuse(
                run,
                "UPDATE ledger_ledgeraccount SET held = %s WHERE id = %s",
                held,
                account.pk,
                match="through holds|held",
            )

    def test_it_follows_whoever_writes_holds_and_however(self, family, reservation):
        account = account_of(family["A"])
        hold = AccountHold.objects.get(account=account)
        assert account.held == 300
        update(hold, amount=120)
        assert account_of(family["A"]).held == 120
        AccountHold.objects.update(ended_as="released", ended_at=clock.read())
        assert (account_of(family["A"]).held, account_of(family["B"]).held) == (0, 0)

    def test_no_hold_goes_below_the_floor(self, family, reservation):
        account = account_of(family["A"])
        other = Reservation.objects.get()
        other.pk, other.token_digest = uuid.uuid7(), b"x" * 16
        other.save(force_insert=True)
        hold = AccountHold.objects.get(account=account)
        fields = {"pk": None, "reservation": other}
        refuse(remake, hold, **fields, amount=301, original_amount=301, match="below its floor")
        remake(hold, **fields, amount=300, original_amount=300)
        assert account_of(family["A"]).held == 600

    def test_what_is_held_is_not_spent(self, family, reservation):
        account = account_of(family["A"])
        refuse(spend, account.site_id, (account.pk, system(account, "external").pk, 301), match="below its floor")

    def test_an_account_is_due_no_later_than_its_hold_expires(self, family, reservation):
        account = account_of(family["A"])
        assert account.due_at == reservation.expires_at
        for due_at in (None, reservation.expires_at + SECOND):
            refuse(update, account, due_at=due_at, match="due no later")
        update(account, due_at=reservation.expires_at - SECOND)


class TestHold:
    def test_it_never_changes_what_it_says_and_only_shrinks(self, family, reservation):
        hold = AccountHold.objects.get(account=account_of(family["A"]))
        other = make_member(family["A"].site, "M1", 1_000)
        for change in (
            {"amount": 301},
            {"original_amount": 400},
            {"account": account_of(other)},
            {"expires_at": hold.expires_at + SECOND},
            {"reservation": uuid.uuid7()},
        ):
            refuse(update, hold, **change, match="only shrinks")
        for amount in (0, -1):
            refuse(update, hold, amount=amount, match="amount_in_bounds")

    def test_it_ends_once(self, family, reservation):
        hold = AccountHold.objects.get(account=account_of(family["A"]))
        end_hold(hold, "released")
        for change in ({"ended_as": "", "ended_at": None}, {"amount": 1}, {"ended_at": hold.expires_at - SECOND}):
            refuse(update, hold, **change, match="ends once")

    @pytest.mark.parametrize(
        "fields",
        [
            {"ended_as": "released"},
            {"ended_as": "gone", "ended_at": "expires"},
            {"ended_as": "released", "ended_at": "expires"},
            {"ended_as": "expired", "ended_at": "before"},
            {"ended_at": "before"},
            {"ended_as": "consumed", "ended_at": "before"},
        ],
    )
    def test_it_ends_wholly_and_in_time(self, reservation, fields):
        hold = AccountHold.objects.first()
        instants = {"expires": hold.expires_at, "before": hold.expires_at - SECOND}
        if "ended_at" in fields:
            fields = fields | {"ended_at": instants[fields["ended_at"]]}
        refuse(update, hold, **fields, match="(?i)accounthold_|check")

    def test_it_is_never_deleted(self, reservation):
        refuse(run, "DELETE FROM ledger_accounthold", match="never deleted")
        if connection.vendor == "postgresql":
            connection.check_constraints()
            refuse(run, "TRUNCATE ledger_accounthold CASCADE", match="never deleted")

    def test_it_begins_open_on_an_account_that_fits_its_open_reservation(self, family, reservation):
        hold = AccountHold.objects.get(account=account_of(family["A"]))
        elsewhere = make_member(make_site(), "X", 1_000)
        cash = make_account(make_user(family["A"].site), balance=1_000)
        fitting = make_member(family["A"].site, "M1", 1_000)
        fields = {"pk": None, "account": account_of(fitting), "amount": 10, "original_amount": 10}
        for other in (
            {"account": account_of(elsewhere)},
            {"account": cash},
            {"account": system(cash, "funding")},
            {"account_id": 10**9},
            {"reservation_id": uuid.uuid7()},
            {"amount": 9},
            {"expires_at": hold.expires_at + SECOND},
            {"ended_as": "released", "ended_at": hold.expires_at - SECOND},
        ):
            refuse(remake, hold, **fields | other, match="begins open")
        refuse(remake, hold, pk=None, match=r"(?i)unique")
        remake(hold, **fields)
        AccountHold.objects.update(ended_as="released", ended_at=clock.read())
        close(reservation, "released")
        refuse(
            remake, hold, **fields, account_id=account_of(make_member(fitting.site, "M2", 9)).pk, match="begins open"
        )

    def test_a_native_reservation_holds_its_owners_accounts_alone(self, family, reservation):
        native = Reservation.objects.get()
        native.pk, native.token_digest, native.kind = uuid.uuid7(), b"x" * 16, "native"
        native.household = None
        native.save(force_insert=True)
        cash = make_account(family["A"].user, make_asset("EUR"), balance=50)
        hold = AccountHold.objects.get(account=account_of(family["A"]))
        fields = {"pk": None, "reservation": native, "amount": 10, "original_amount": 10}
        refuse(remake, hold, **fields, account=account_of(family["B"]), match="begins open")
        remake(hold, **fields)
        remake(hold, **fields, account=cash)


class TestConsumed:
    """The one end that takes value: proved by its transfers when the reservation is consumed."""

    @pytest.fixture
    def holds(self, family, reservation):
        return [AccountHold.objects.get(account=account_of(family[name])) for name in "AB"]

    def consume(self, reservation, holds, legs, *, type_="spend", identity=None, named=None):
        """Write it as the deed does: the holds, the transfers, the reservation."""
        identity = identity or uuid.uuid7()
        for hold in holds:
            end_hold(hold, "consumed", spent_by_id=named or identity)
        now = clock.read()
        if legs is not None:
            rows.insert(
                "ledger_ledgertransaction",
                TRANSACTION_COLUMNS,
                [(identity, reservation.site_id, type_, "", "", None, now)],
            )
            rows.insert("ledger_transfer", TRANSFER_COLUMNS, [(identity, *leg, None, now) for leg in legs])
        close(reservation, "consumed", transaction_id=identity if legs is not None else None)

    def test_it_is_spent_by_exactly_its_transfers(self, family, reservation, holds):
        a, b = (account_of(family[name]) for name in "AB")
        external, funding = system(a, "external").pk, system(a, "funding").pk
        wrong = [
            [(a.pk, external, 300)],
            [(a.pk, external, 299), (b.pk, external, 200)],
            [(a.pk, external, 300), (b.pk, external, 200), (b.pk, external, 1)],
            [(a.pk, external, 200), (b.pk, external, 300)],
            [(a.pk, external, 300), (a.pk, external, 300)],
            [(a.pk, funding, 300), (b.pk, funding, 200)],
            [(external, a.pk, 300), (external, b.pk, 200)],
            [],
            None,
        ]
        for legs in wrong:
            refuse(self.consume, reservation, holds, legs, match=SPENT)
        right = [(a.pk, external, 300), (b.pk, external, 200)]
        refuse(self.consume, reservation, holds, right, type_="payout", match=SPENT)
        refuse(self.consume, reservation, holds[:1], right[:1], match="none of its holds is open")
        refuse(self.consume, reservation, holds, right, named=uuid.uuid7(), match=SPENT)
        self.consume(reservation, holds, right)
        connection.check_constraints()
        assert (account_of(family["A"]).balance, account_of(family["A"]).held) == (300, 0)

    def test_less_may_be_taken_and_the_rest_is_released(self, family, reservation, holds):
        a = account_of(family["A"])
        update(holds[0], amount=100)
        end_hold(holds[1], "released")
        self.consume(reservation, holds[:1], [(a.pk, system(a, "external").pk, 100)])
        connection.check_constraints()

    def test_a_hold_is_not_consumed_without_its_reservation(self, holds):
        """The key into the reservation's transaction is judged at the commit."""
        refuse(end_hold, holds[0], "consumed", spent_by_id=uuid.uuid7(), match=r"(?i)foreign key|invalid foreign")

    def test_no_transaction_spends_the_holds_of_two_reservations(self, family, reservation, holds):
        a, b = (account_of(family[name]) for name in "AB")
        external = system(a, "external").pk
        reserve(family["B"], 100)
        second = AccountHold.objects.filter(ended_as="").latest("pk")
        right = [(a.pk, external, 300), (b.pk, external, 200)]
        identity = uuid.uuid7()

        def first_the_others():
            end_hold(second, "consumed", spent_by_id=identity)
            self.consume(reservation, holds, right, identity=identity)

        refuse(first_the_others, match=SPENT)
        self.consume(reservation, holds, right, identity=identity)
        refuse(end_hold, second, "consumed", spent_by_id=identity, match="has spent no other")

    def test_a_reservation_ends_after_its_holds(self, reservation, holds):
        for ended_as in ("consumed", "released", "expired"):
            refuse(close, reservation, ended_as, match="none of its holds is open")
        identity = uuid.uuid7()

        def released_though_consumed():
            for hold in holds:
                end_hold(hold, "consumed", spent_by_id=identity)
            close(reservation, "released")

        refuse(released_though_consumed, match="none of its holds is open")


class TestReservation:
    def test_it_never_changes_what_it_says(self, family, reservation):
        for change in (
            {"caller": "client:2"},
            {"owner": family["B"].user},
            {"household": None},
            {"kind": "native"},
            {"token_digest": b"x" * 16},
            {"created_at": reservation.created_at - SECOND},
            {"expires_at": reservation.expires_at + SECOND},
            {"details": {"redemptionId": "other"}},
            {"site": make_site()},
        ):
            refuse(update, reservation, **change, match="never changes what it says")

    def test_it_ends_once_wholly_and_in_time(self, reservation):
        for fields in (
            {"ended_as": "released"},
            {"ended_at": reservation.created_at},
            {"ended_as": "gone", "ended_at": reservation.created_at},
            {"transaction_id": uuid.uuid7()},
        ):
            refuse(update, reservation, **fields, match="(?i)reservation_|check|holds is open")
        AccountHold.objects.update(ended_as="released", ended_at=clock.read())
        refuse(update, reservation, ended_as="released", match="ends_in_time")
        refuse(close, reservation, "expired", ended_at=reservation.expires_at - SECOND, match="ends_in_time")
        refuse(close, reservation, "released", ended_at=reservation.expires_at, match="ends_in_time")
        refuse(close, reservation, "consumed", ended_at=reservation.expires_at, match="ends_in_time")
        close(reservation, "released")
        for change in (
            {"ended_as": "", "ended_at": None},
            {"ended_as": "consumed"},
            {"ended_at": reservation.created_at},
        ):
            refuse(update, reservation, **change, match="ends once")

    def test_it_is_never_deleted(self, reservation):
        refuse(run, "DELETE FROM ledger_reservation", match="never deleted")
        if connection.vendor == "postgresql":
            connection.check_constraints()
            refuse(run, "TRUNCATE ledger_reservation CASCADE", match="never deleted")

    def test_it_begins_open_and_is_of_a_user_of_its_site(self, reservation):
        fields = {"pk": uuid.uuid7(), "token_digest": b"x" * 16}
        for other in (
            {"ended_as": "released", "ended_at": reservation.created_at},
            {"owner": make_user()},
            {"owner_id": 10**9},
            {"site": make_site()},
        ):
            refuse(remake, reservation, **fields | other, match="begins open")
        for other in ({"expires_at": reservation.created_at}, {"kind": "other"}):
            refuse(remake, reservation, **fields | other, match="(?i)reservation_|check")
        refuse(remake, reservation, pk=uuid.uuid7(), match=r"(?i)unique")
        remake(reservation, **fields)


class TestSpending:
    def test_it_is_never_changed_or_deleted(self, family):
        redeem(family["A"], reserve(family["A"], 10))
        for statement in (
            "UPDATE ledger_spending SET business_unit = 'WEST'",
            "UPDATE ledger_spending SET owner_id = owner_id",
            "DELETE FROM ledger_spending",
        ):
            refuse(run, statement, match="append-only")

    def test_it_tells_of_a_transaction_that_spends(self, family, reservation):
        told = redeem(family["A"], reserve(family["A"], 10))
        account = account_of(family["B"])
        granted = moving.grant(account, 5, comment="", actor_id="u-boss")
        spent = moving.spend(account, 5, comment="", actor_id="u-boss")
        fields = {"site": account.site, "owner": account.owner, "caller": "client:1"}
        for other in (
            {"transaction": granted},
            {"transaction": spent, "site": make_site()},
            {"transaction": spent, "reservation": reservation},
            {"transaction": spent, "reservation": told.reservation},
            {"transaction_id": uuid.uuid7()},
        ):
            refuse(Spending.objects.create, **fields | other, match="tells of a transaction")
        Spending.objects.create(transaction=spent, **fields)


def test_accounts_locked_meanwhile_tell_the_same(family):
    """Holds of one account by two reservations that one statement ends."""
    reserve(family["A"], 100)
    reserve(family["A"], 200)
    with transaction.atomic():
        AccountHold.objects.update(ended_as="released", ended_at=clock.read())
    assert set(LedgerAccount.objects.filter(owner__isnull=False).values_list("held", flat=True)) == {0}
