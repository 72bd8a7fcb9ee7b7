"""What the database refuses about balances and floors, whoever asks: raw SQL past every deed."""

import pytest
from django.db import DatabaseError, transaction

from accounts.refusals import Refusal
from ledger.books import Leg
from ledger.models import AccountHold, LedgerAccount, Transfer
from tests.breaking import undone
from tests.factories import make_account, make_user
from tests.ledger.bookings import balance_of, booking_of, insert_raw, post_bookings, post_grants, refuse, run, system
from tests.ledger.holding import hold_raw

pytestmark = pytest.mark.django_db


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
        hold_raw(account, 40)

        refuse(self.take, account, 61, match="below its floor")
        self.take(account, 60)
        assert balance_of(account) == 40

    def test_no_more_is_held_than_there_is(self, account):
        refuse(hold_raw, account, 101, match="below its floor")
        hold_raw(account, 60)
        refuse(hold_raw, account, 41, match="below its floor")
        hold_raw(account, 40)
        refuse(hold_raw, account, 1, match="below its floor")

    def test_a_hold_may_shrink_under_a_floor_raised_later(self, account):
        held = hold_raw(account, 40)
        LedgerAccount.objects.filter(pk=account.pk).update(floor=90)

        AccountHold.objects.filter(pk=held.pk).update(amount=10)
        assert LedgerAccount.objects.get(pk=account.pk).held == 10
        refuse(hold_raw, account, 1, match="below its floor")

    def test_the_judgement_and_the_database_draw_the_same_line(self, account):
        """Whatever ``enter`` lets through is written, and whatever it refuses the database refuses too."""
        external, funding = system(account, "external").pk, system(account, "funding").pk
        legs = [
            Leg(debit, credit, amount)
            for debit, credit in ((account.pk, external), (funding, account.pk))
            for amount in (1, 29, 30, 31, 100, 130, 131)
        ]

        def passes(book):
            with transaction.atomic():
                try:
                    book()
                except (Refusal, DatabaseError):
                    return False
                else:
                    return True
                finally:
                    transaction.set_rollback(True)

        for floor in (-30, 0, 99, 100, 130):
            for held in (0, 1, 100):
                with undone():
                    if held:
                        hold_raw(account, held)
                    LedgerAccount.objects.filter(pk=account.pk).update(floor=floor)
                    for leg in legs:
                        raw = leg.debit_account_id, leg.credit_account_id, leg.amount
                        judged = passes(lambda leg=leg: post_bookings([booking_of(account.site_id, leg)]))
                        taken = passes(lambda raw=raw: insert_raw(account.site_id, raw))
                        assert judged == taken, (floor, held, leg)
