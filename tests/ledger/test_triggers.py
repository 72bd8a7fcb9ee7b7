"""What the database itself refuses about value, whoever asks: raw SQL past every deed."""

import datetime as dt

import pytest
import uuid_utils.compat as uuid
from django.db import DatabaseError, connection, transaction

from accounts import clock, rows
from ledger.models import Asset, LedgerAccount, LedgerTransaction, Transfer
from ledger.posting import TRANSFER_COLUMNS
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import insert_raw, post_bookings, post_grants, run, system

pytestmark = pytest.mark.django_db

ON_POSTGRESQL = connection.vendor == "postgresql"


@pytest.fixture
def account():
    """An account that holds 100."""
    return make_account(balance=100)


def refuse(deed, *args, match, **kwargs):
    """``deed`` must be refused by the database, now or, for deferred foreign keys, at the commit."""

    def attempt():
        with transaction.atomic():
            deed(*args, **kwargs)
            connection.check_constraints()

    with pytest.raises(DatabaseError, match=match):
        attempt()


def balance_of(account):
    return LedgerAccount.objects.get(pk=account.pk).balance


class TestTransfers:
    @pytest.mark.parametrize("amount", [0, -1, -100, 10**15 + 1])
    def test_amounts_are_greater_than_zero_and_bounded(self, account, amount):
        refuse(
            insert_raw,
            account.site_id,
            (system(account, "funding").pk, account.pk, amount),
            match="transfer_amount_in_bounds",
        )

        assert balance_of(account) == 100

    def test_the_two_accounts_differ(self, account):
        refuse(insert_raw, account.site_id, (account.pk, account.pk, 1), match="transfer_between_two_accounts")

    def test_both_accounts_are_of_one_asset(self, account):
        dollars = make_account(make_user(account.site), make_asset("USD"))

        refuse(insert_raw, account.site_id, (account.pk, dollars.pk, 1), match="one asset")
        refuse(insert_raw, account.site_id, (system(dollars, "funding").pk, account.pk, 1), match="one asset")
        assert (balance_of(account), balance_of(dollars)) == (100, 0)

    def test_both_accounts_are_of_one_site(self, account):
        stranger = make_account()

        refuse(insert_raw, account.site_id, (account.pk, stranger.pk, 1), match="at the site")
        refuse(insert_raw, stranger.site_id, (account.pk, stranger.pk, 1), match="at the site")
        assert (balance_of(account), balance_of(stranger)) == (100, 0)

    def test_the_transaction_is_of_that_site_too(self, account):
        refuse(
            insert_raw, make_site().pk, (system(account, "funding").pk, account.pk, 1), match="site of its transaction"
        )

        assert balance_of(account) == 100

    def test_one_bad_leg_spoils_the_whole_list(self, account):
        funding, stranger = system(account, "funding"), make_account()

        refuse(
            insert_raw, account.site_id, (funding.pk, account.pk, 1), (funding.pk, stranger.pk, 1), match="one asset"
        )

        assert (balance_of(account), balance_of(stranger)) == (100, 0)

    def test_an_account_that_is_made_after_its_transfer_would_miss_it_and_so_is_refused(self, account):
        refuse(insert_raw, account.site_id, (system(account, "funding").pk, 10**9, 1), match="one asset")

    def test_a_transfer_needs_its_transaction_first(self, account):
        def without_transaction():
            leg = (uuid.uuid7(), system(account, "funding").pk, account.pk, 1, None, clock.read())
            rows.insert("ledger_transfer", TRANSFER_COLUMNS, [leg])

        refuse(without_transaction, match="one asset")

    def test_every_insert_moves_the_balances_of_customers_and_stores_none_for_the_system(self, account):
        funding, other = system(account, "funding"), make_account(make_user(account.site))

        insert_raw(account.site_id, (funding.pk, account.pk, 7), (account.pk, other.pk, 3), (funding.pk, account.pk, 1))

        assert (balance_of(account), balance_of(other), balance_of(funding)) == (105, 3, None)


class TestAppendOnly:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ledger_transfer SET amount = 1",
            "UPDATE ledger_transfer SET amount = amount",
            "UPDATE ledger_transfer SET booked_at = booked_at",
            "UPDATE ledger_transfer SET batch_number = 1",
            "DELETE FROM ledger_transfer",
            "UPDATE ledger_ledgertransaction SET comment = 'x'",
            "UPDATE ledger_ledgertransaction SET reverses_id = NULL",
            "DELETE FROM ledger_ledgertransaction",
        ],
    )
    def test_transactions_and_transfers_are_never_changed_or_deleted(self, account, statement):
        before = [list(model.objects.values_list()) for model in (Transfer, LedgerTransaction)]

        refuse(run, statement, match="append-only")

        assert [list(model.objects.values_list()) for model in (Transfer, LedgerTransaction)] == before
        assert balance_of(account) == 100

    @pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite has no TRUNCATE")
    @pytest.mark.parametrize(
        "statement",
        [
            "TRUNCATE ledger_transfer",
            "TRUNCATE ledger_ledgertransaction CASCADE",
            "TRUNCATE ledger_ledgeraccount CASCADE",
        ],
    )
    def test_no_table_is_emptied(self, account, statement):
        run("SET CONSTRAINTS ALL IMMEDIATE")  # What waits for the commit would refuse it first.

        refuse(run, statement, match="append-only")

        assert Transfer.objects.count() == 1

    @pytest.mark.skipif(ON_POSTGRESQL, reason="PostgreSQL has no INSERT OR REPLACE")
    @pytest.mark.parametrize("table", ["ledger_transfer", "ledger_ledgertransaction", "ledger_ledgeraccount"])
    def test_no_row_is_replaced(self, account, table):
        refuse(run, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}", match="append-only|never|starts empty")

        assert balance_of(account) == 100

    def test_one_reversal_per_original(self, account):
        [first] = post_grants(account, [10])
        funding = system(account, "funding")
        insert_raw(account.site_id, (account.pk, funding.pk, 10), reverses_id=first.id)

        refuse(insert_raw, account.site_id, (account.pk, funding.pk, 10), reverses_id=first.id, match=r"(?i)unique")

        assert balance_of(account) == 100

    def test_no_transaction_reverses_itself(self, account):
        identity = uuid.uuid7()
        stored = identity if ON_POSTGRESQL else identity.hex

        refuse(
            run,
            "INSERT INTO ledger_ledgertransaction (id, site_id, type, comment, reference, reverses_id, booked_at) "
            "VALUES (%s, %s, 'grant', '', '', %s, '2026-11-21 12:00:00')",
            stored,
            account.site_id,
            stored,
            match="transaction_reverses_another",
        )


class TestBalances:
    @pytest.mark.parametrize(
        "change",
        [
            "balance = 1000000",
            "balance = balance + 1",
            "balance = balance - 1",
            "balance = 0",
            "booked_through = booked_through + 1",
            "booked_through = 0",
            "balance = balance + 100, booked_through = booked_through + 1",
        ],
    )
    def test_a_balance_changes_only_through_transfers(self, account, change):
        post_grants(account, [5])

        refuse(
            run, f"UPDATE ledger_ledgeraccount SET {change} WHERE id = %s", account.pk, match="only through transfers"
        )

        assert balance_of(account) == 105

    def test_a_transfer_that_was_counted_is_not_counted_again(self, account):
        [transfer] = Transfer.objects.filter(credit_account=account)

        refuse(
            run,
            "UPDATE ledger_ledgeraccount SET balance = balance + %s, booked_through = %s WHERE id = %s",
            transfer.amount,
            transfer.pk,
            account.pk,
            match="only through transfers",
        )

    def test_a_system_account_never_gets_a_balance(self, account):
        funding = system(account, "funding")

        refuse(
            run,
            "UPDATE ledger_ledgeraccount SET balance = 5 WHERE id = %s",
            funding.pk,
            match="only through transfers|account_of_customer_or_system",
        )

    @pytest.mark.parametrize(
        "start",
        [{"balance": 1}, {"balance": -1}, {"balance": 0, "held": 1}, {"balance": 0, "booked_through": 1}],
    )
    def test_an_account_starts_empty(self, account, start):
        fields = {"site_id": account.site_id, "asset": account.asset, "owner": make_user(account.site), "kind": "cash"}

        refuse(LedgerAccount.objects.create, **fields, **start, match="starts empty")

    def test_floor_and_state_may_change(self, account):
        LedgerAccount.objects.filter(pk=account.pk).update(floor=500, state="closed")

        account.refresh_from_db()
        assert (account.balance, account.floor, account.state) == (100, 500, "closed")

    def test_a_balance_never_leaves_its_bounds(self, account):
        LedgerAccount.objects.filter(pk=account.pk).update(floor=-(10**15))
        funding = system(account, "funding")
        insert_raw(account.site_id, (funding.pk, account.pk, 10**15 - 100))

        refuse(insert_raw, account.site_id, (funding.pk, account.pk, 1), match="account_balance_in_bounds")
        assert balance_of(account) == 10**15


class TestFloor:
    def take(self, account, amount):
        insert_raw(account.site_id, (account.pk, system(account, "external").pk, amount))

    def give(self, account, amount):
        insert_raw(account.site_id, (system(account, "funding").pk, account.pk, amount))

    def test_no_booking_leaves_the_balance_below_the_floor(self, account):
        refuse(self.take, account, 101, match="below its floor")

        self.take(account, 100)
        assert balance_of(account) == 0

    def test_a_floor_may_lie_below_zero(self, account):
        LedgerAccount.objects.filter(pk=account.pk).update(floor=-20)

        refuse(self.take, account, 121, match="below its floor")
        self.take(account, 120)
        assert balance_of(account) == -20

    def test_under_a_floor_raised_later_only_what_reaches_it_is_booked(self):
        account = make_account(balance=-50, floor=-20)

        refuse(self.give, account, 10, match="below its floor")
        refuse(self.give, account, 25, match="below its floor")
        refuse(self.take, account, 1, match="below its floor")
        assert balance_of(account) == -50
        self.give(account, 30)
        assert balance_of(account) == -20

    def test_what_is_held_is_not_spent(self, account):
        LedgerAccount.objects.filter(pk=account.pk).update(held=40)

        refuse(self.take, account, 61, match="below its floor")
        self.take(account, 60)
        assert balance_of(account) == 40

    def test_no_more_is_held_than_there_is(self, account):
        update = "UPDATE ledger_ledgeraccount SET held = %s WHERE id = %s"

        refuse(run, update, 101, account.pk, match="below its floor")
        refuse(run, update, -1, account.pk, match="account_held_in_bounds")
        assert run(update, 100, account.pk) == 1
        assert run(update, 0, account.pk) == 1

    def test_a_hold_may_shrink_under_a_floor_raised_later(self, account):
        LedgerAccount.objects.filter(pk=account.pk).update(held=40)
        LedgerAccount.objects.filter(pk=account.pk).update(floor=90)

        assert run("UPDATE ledger_ledgeraccount SET held = 10 WHERE id = %s", account.pk) == 1
        refuse(run, "UPDATE ledger_ledgeraccount SET held = 11 WHERE id = %s", account.pk, match="below its floor")

    def test_the_judgement_and_the_database_draw_the_same_line(self, account):
        """Whatever ``enter`` lets through is written, and whatever it refuses the database refuses too."""
        from accounts.refusals import Refusal
        from ledger.books import Leg
        from tests.ledger.bookings import booking_of

        external, funding = system(account, "external").pk, system(account, "funding").pk
        for floor in (-30, 0, 99, 100, 130):
            for held in (0, 1, 100):
                for debit, credit in ((account.pk, external), (funding, account.pk)):
                    for amount in (1, 29, 30, 31, 100, 130, 131):
                        outcomes = []
                        leg = Leg(debit, credit, amount)
                        for book in (
                            lambda leg=leg: post_bookings([booking_of(account.site_id, leg)]),
                            lambda leg=leg: insert_raw(
                                account.site_id, (leg.debit_account_id, leg.credit_account_id, leg.amount)
                            ),
                        ):
                            with transaction.atomic():
                                LedgerAccount.objects.filter(pk=account.pk).update(held=held)
                                LedgerAccount.objects.filter(pk=account.pk).update(floor=floor)
                                try:
                                    with transaction.atomic():
                                        book()
                                    outcomes.append(True)
                                except (Refusal, DatabaseError):
                                    outcomes.append(False)
                                transaction.set_rollback(True)
                        assert outcomes[0] == outcomes[1], (floor, held, leg)


class TestFixed:
    def test_an_account_keeps_its_owner_asset_and_kind(self, account):
        other_asset, other_user = make_asset("USD"), make_user(account.site)
        for change in (
            {"owner": other_user},
            {"owner": None},
            {"asset": other_asset},
            {"kind": "points"},
            {"site": make_site()},
            {"purpose": "funding"},
            {"batch_number": 1},
            {"id": account.pk + 1_000},
        ):
            refuse(LedgerAccount.objects.filter(pk=account.pk).update, **change, match="never changes|CHECK|check")

        refuse(LedgerAccount.objects.filter(pk=system(account, "funding").pk).update, purpose="external", match="never")

    def test_an_account_is_never_deleted(self, account):
        empty = make_account()

        for each in (account, empty, system(account, "voided")):
            refuse(run, "DELETE FROM ledger_ledgeraccount WHERE id = %s", each.pk, match="never deleted")

    def test_a_site_has_one_system_account_per_purpose_and_an_owner_one_per_kind(self, account):
        site, asset = account.site, account.asset
        system(account, "funding")
        once = {"site": site, "asset": asset}

        refuse(LedgerAccount.objects.create, **once, purpose="funding", match=r"(?i)unique")
        refuse(LedgerAccount.objects.create, **once, owner=account.owner, kind="cash", balance=0, match=r"(?i)unique")
        LedgerAccount.objects.create(**once, purpose="outstanding", batch_number=9)
        refuse(LedgerAccount.objects.create, **once, purpose="outstanding", batch_number=9, match=r"(?i)unique")

    @pytest.mark.parametrize(
        "fields",
        [
            {"kind": "cash", "balance": 0},
            {"purpose": "funding", "balance": 0},
            {"purpose": "funding", "kind": "cash"},
            {"purpose": "funding", "floor": 1},
            {"purpose": "elsewhere"},
            {"purpose": "outstanding"},
            {"purpose": "funding", "batch_number": 1},
            {"purpose": "funding", "state": "ajar"},
        ],
    )
    def test_an_account_is_a_customers_or_the_systems_and_nothing_between(self, account, fields):
        refuse(
            LedgerAccount.objects.create, site=account.site, asset=account.asset, **fields, match="account_|constraint"
        )

    def test_an_asset_keeps_its_code_kind_and_exponent_once_it_exists(self):
        asset = make_asset()
        for change in ({"exponent": 3}, {"code": "DEM"}, {"kind": "points", "exponent": 0}):
            refuse(Asset.objects.filter(pk=asset.pk).update, **change, match="an asset never changes")

        asset.name = "Euro"
        asset.save()
        assert Asset.objects.get(pk=asset.pk).name == "Euro"

    @pytest.mark.parametrize(
        "fields", [{"kind": "stars"}, {"exponent": 7}, {"kind": "points", "exponent": 2}, {"code": "EUR"}]
    )
    def test_assets_that_cannot_be_are_refused(self, fields):
        make_asset()

        refuse(Asset.objects.create, **{"code": "XXX", "kind": "money", "exponent": 2, **fields}, match=".")


def test_deferring_does_not_help(account):
    """Foreign keys wait for the commit; the books do not."""
    assert balance_of(account) == 100
    moment = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)
    with transaction.atomic():
        post_grants(account, [1], moment)
        assert balance_of(account) == 101
