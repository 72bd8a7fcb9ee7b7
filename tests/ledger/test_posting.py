"""post(): lists of bookings in two statements, with the same end as one by one."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from accounts import clock
from accounts.refusals import Refusal
from ledger import balances
from ledger.books import Books, Leg, lock_books
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from ledger.moving import reversing_legs
from ledger.posting import post
from tests.factories import make_account, make_site, make_user
from tests.ledger.bookings import booking_of, post_bookings, post_grants, system, total


@pytest.mark.django_db
class TestPost:
    def test_what_was_entered_is_written_as_it_was_entered(self):
        account = make_account()
        funding, external = system(account, "funding"), system(account, "external")
        now = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
        booking = booking_of(
            account.site_id, Leg(funding.pk, account.pk, 500, batch_number=7), Leg(account.pk, external.pk, 120)
        )

        post_bookings([booking], now)

        written = LedgerTransaction.objects.get()
        assert (written.id, written.site_id, written.type) == (booking.id, account.site_id, "grant")
        assert (written.reverses_id, written.booked_at) == (None, now)
        assert list(
            Transfer.objects.values_list(
                "transaction", "debit_account", "credit_account", "amount", "batch_number", "booked_at"
            )
        ) == [
            (booking.id, funding.pk, account.pk, 500, 7, now),
            (booking.id, account.pk, external.pk, 120, None, now),
        ]
        account.refresh_from_db()
        assert account.balance == 380
        assert account.booked_through == Transfer.objects.latest("id").pk

    @pytest.mark.parametrize("length", [1, 64])
    def test_a_list_costs_two_statements_however_long_it_is(self, length):
        account = make_account()
        funding = system(account, "funding")
        with transaction.atomic():
            books = lock_books([account.pk, funding.pk])
            for _ in range(length):
                books.enter(booking_of(account.site_id, Leg(funding.pk, account.pk, 1)))
            now = clock.read()

            with CaptureQueriesContext(connection) as captured:
                post(books.entered, now)

        assert [query["sql"].split("(")[0].strip() for query in captured] == [
            'INSERT INTO "ledger_ledgertransaction"',
            'INSERT INTO "ledger_transfer"',
        ]
        account.refresh_from_db()
        assert account.balance == length

    def test_an_empty_list_costs_nothing(self, django_assert_num_queries):
        with transaction.atomic(), django_assert_num_queries(0):
            post(Books().entered, dt.datetime.now(dt.UTC))

    def test_over_long_words_are_cut_and_not_refused(self):
        account = make_account()
        booking = booking_of(account.site_id, Leg(system(account, "funding").pk, account.pk, 1))
        long = type(booking)(booking.id, booking.site_id, "grant", booking.legs, "c" * 300, "r" * 300)

        post_bookings([long])

        written = LedgerTransaction.objects.get()
        assert (written.comment, written.reference) == ("c" * 200, "r" * 100)


def test_outside_a_transaction_it_refuses_to_write(committed_db):
    account = make_account()
    booking = booking_of(account.site_id, Leg(system(account, "funding").pk, account.pk, 1))

    with pytest.raises(AssertionError, match="open one first"):
        post([booking], clock.read())

    assert not LedgerTransaction.objects.exists()


@pytest.mark.django_db
class TestReversing:
    def test_a_reversal_moves_everything_back(self):
        account = make_account()
        external = system(account, "external")
        first = booking_of(
            account.site_id,
            Leg(system(account, "funding").pk, account.pk, 500, batch_number=7),
            Leg(account.pk, external.pk, 500),
        )
        post_bookings([first])

        post_bookings([booking_of(account.site_id, *reversing_legs(first.id), type_="reversal", reverses_id=first.id)])

        account.refresh_from_db()
        assert account.balance == 0
        assert balances.balance(external) == 0
        back = LedgerTransaction.objects.get(reverses=first.id)
        assert list(back.transfers.values_list("amount", "batch_number")) == [(500, None), (500, 7)]

    def test_one_booking_is_reversed_once(self):
        account = make_account()
        [first] = post_grants(account, [100])
        back = [booking_of(account.site_id, *reversing_legs(first.id), reverses_id=first.id) for _ in range(2)]
        post_bookings(back[:1])
        post_grants(account, [100])

        with pytest.raises(IntegrityError), transaction.atomic():
            post_bookings(back[1:])

        account.refresh_from_db()
        assert account.balance == 100
        assert LedgerTransaction.objects.filter(reverses=first.id).count() == 1

    def test_what_has_been_spent_is_not_taken_back(self):
        account = make_account()
        [first] = post_grants(account, [100])
        post_bookings([booking_of(account.site_id, Leg(account.pk, system(account, "external").pk, 1))])

        with pytest.raises(Refusal, match="insufficient_balance"):
            post_bookings([booking_of(account.site_id, *reversing_legs(first.id), reverses_id=first.id)])

        account.refresh_from_db()
        assert account.balance == 99


ACCOUNTS = 5  # Funding, external and three customers.
legs = st.builds(
    lambda giver, step, amount: (giver, (giver + step) % ACCOUNTS, amount),
    st.integers(0, ACCOUNTS - 1),
    st.integers(1, ACCOUNTS - 1),
    st.integers(1, 60),
)
lists_of_bookings = st.lists(st.lists(legs, min_size=1, max_size=3), min_size=1, max_size=12)


class TestListsAgainstOneByOne(TestCase):
    """A list of bookings ends as the same bookings do one by one, and value is neither made nor lost."""

    @classmethod
    def setUpTestData(cls):
        cls.here, cls.there = ([site := make_site(), cls.accounts_of(site)] for _ in range(2))

    @staticmethod
    def accounts_of(site):
        customers = [make_account(make_user(site), balance=balance) for balance in (0, 50, 100)]
        LedgerAccount.objects.filter(pk=customers[1].pk).update(floor=-30)
        return [system(customers[0], "funding"), system(customers[0], "external"), *customers]

    def book(self, site, accounts, wanted, together):
        """Enter all and post once, or lock, enter and post each; answers which were refused, and how."""
        refusals = []
        groups = [wanted] if together else [[each] for each in wanted]
        for group in groups:
            with transaction.atomic():
                books = lock_books(account.pk for account in accounts)
                for each in group:
                    try:
                        books.enter(booking_of(site.pk, *(Leg(accounts[d].pk, accounts[c].pk, n) for d, c, n in each)))
                        refusals.append(None)
                    except Refusal as refusal:
                        refusals.append(refusal.reason)
                post(books.entered, clock.read())
        return refusals, [balances.balance(account) for account in accounts]

    @given(lists_of_bookings)
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_a_list_and_one_by_one_have_one_end(self, wanted):
        (site, accounts), (other_site, others) = self.here, self.there
        before = [balances.balance(account) for account in accounts]

        together = self.book(site, accounts, wanted, together=True)
        one_by_one = self.book(other_site, others, wanted, together=False)

        assert together == one_by_one
        refusals, after = together
        assert sum(after) == sum(before) == 0
        for account in accounts[2:]:
            account.refresh_from_db()
            assert account.balance == total(account) >= account.floor
        taken = [each for each, refusal in zip(wanted, refusals, strict=True) if refusal is None]
        moved = [0] * ACCOUNTS
        for debit, credit, amount in (leg for each in taken for leg in each):
            moved[debit] -= amount
            moved[credit] += amount
        assert [now - then for now, then in zip(after, before, strict=True)] == moved
