"""What the database refuses about transfers, whoever asks: raw SQL past every deed."""

import pytest
import uuid_utils.compat as uuid
from django.db import DatabaseError, connection, transaction

from accounts import clock, rows
from ledger.models import LedgerTransaction, Transfer
from ledger.posting import TRANSFER_COLUMNS
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import balance_of, insert_raw, post_grants, refuse, run, system

pytestmark = pytest.mark.django_db

ON_POSTGRESQL = connection.vendor == "postgresql"


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

    @pytest.mark.parametrize("missing", ["transaction_id", "debit_account_id", "credit_account_id"])
    def test_what_a_transfer_points_at_is_there_at_once(self, account, missing):
        """By the trigger, before the foreign keys ask at the commit."""
        there = LedgerTransaction.objects.get()
        leg = {"transaction_id": there.pk, "debit_account_id": system(account, "funding").pk}
        leg |= {"credit_account_id": account.pk, "amount": 1, "batch_number": None, "booked_at": there.booked_at}
        nowhere = uuid.uuid7() if missing == "transaction_id" else 10**9

        def insert(**leg):
            rows.insert("ledger_transfer", TRANSFER_COLUMNS, [[leg[name] for name, _ in TRANSFER_COLUMNS]])

        with pytest.raises(DatabaseError, match="one asset"), transaction.atomic():
            insert(**{**leg, missing: nowhere})
        assert (Transfer.objects.count(), balance_of(account)) == (1, 100)
        insert(**leg)  # The very same leg where nothing is missing.
        assert (Transfer.objects.count(), balance_of(account)) == (2, 101)

    @pytest.mark.skipif(not ON_POSTGRESQL, reason="SQLite keeps no plans")
    def test_no_table_is_read_through_however_small_it_was_at_first(self, account):
        """A plan outlives the size of the tables it was made for: a list read each transaction that was ever booked."""

        def read_through():
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT COALESCE(SUM(seq_tup_read), 0) FROM pg_stat_xact_user_tables "
                    "WHERE relname IN ('ledger_ledgeraccount', 'ledger_ledgertransaction')"
                )
                return cursor.fetchone()[0]

        run("ANALYZE ledger_ledgeraccount, ledger_ledgertransaction")
        legs = [(system(account, "funding").pk, account.pk, 1)] * 100
        before = read_through()

        insert_raw(account.site_id, *legs)
        insert_raw(account.site_id, legs[0])

        assert read_through() == before
        assert balance_of(account) == 201

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
            "TRUNCATE ledger_transfer CASCADE",
            "TRUNCATE ledger_ledgertransaction CASCADE",
            "TRUNCATE ledger_ledgeraccount",
            "TRUNCATE ledger_ledgeraccount CASCADE",
        ],
    )
    def test_no_table_is_emptied(self, account, statement):
        run("SET CONSTRAINTS ALL IMMEDIATE")  # What waits for the commit would refuse it first.

        refuse(run, statement, match="never deleted|foreign key" if "account" in statement else "append-only")

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
