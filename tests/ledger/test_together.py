"""Many who book at the same moment: nothing is spent twice, opened twice, or waits for ever."""

import itertools
import threading

import pytest
from django.db import IntegrityError, connection, transaction

from accounts import clock
from ledger import opening
from ledger.books import Leg, lock_books
from ledger.models import LedgerAccount
from ledger.posting import post
from ledger.refusals import InsufficientBalance
from tests.factories import make_account, make_asset, make_site, make_user
from tests.ledger.bookings import booking_of, post_bookings, system

pytestmark = pytest.mark.races


def test_many_who_spend_from_one_account_at_once_never_spend_more_than_it_holds(committed_db):
    account = make_account(balance=10)
    external = system(account, "external")

    def spend():
        post_bookings([booking_of(account.site_id, Leg(account.pk, external.pk, 1))])

    outcomes = committed_db.together(*[spend] * 24)

    assert outcomes.count(None) == 10
    assert sum(isinstance(outcome, InsufficientBalance) for outcome in outcomes) == 14
    account.refresh_from_db()
    assert account.balance == 0


def test_two_lists_that_need_each_others_accounts_never_wait_in_a_circle(committed_db):
    site = make_site()
    accounts = [make_account(make_user(site), balance=1_000) for _ in range(6)]

    def go_round(start):
        turned = accounts[start:] + accounts[:start]
        for _ in range(5):
            pairs = itertools.pairwise(turned)
            post_bookings([booking_of(site.pk, Leg(giver.pk, taker.pk, 1)) for giver, taker in pairs])

    assert committed_db.together(*[lambda start=start: go_round(start) for start in range(6)]) == [None] * 6
    for account in accounts:
        account.refresh_from_db()
    assert sum(account.balance for account in accounts) == 6_000


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_without_the_lock_two_are_judged_by_one_balance_and_only_the_database_refuses(committed_db, settings):
    settings.DEFECTS = {"row_lock"}
    account = make_account(balance=10)
    external = system(account, "external")
    both_have_read = threading.Barrier(2, timeout=10)

    def spend():
        with transaction.atomic():
            books = lock_books([account.pk, external.pk])
            both_have_read.wait()
            books.enter(booking_of(account.site_id, Leg(account.pk, external.pk, 10)))
            post(books.entered, clock.read())

    outcomes = committed_db.together(spend, spend)

    assert outcomes.count(None) == 1
    assert any(isinstance(outcome, IntegrityError) and "below its floor" in str(outcome) for outcome in outcomes)
    account.refresh_from_db()
    assert account.balance == 0


def test_many_who_open_the_same_accounts_at_once_open_them_once(committed_db):
    site, asset = make_site(), make_asset()
    user = make_user(site)

    together = committed_db.together(
        *[lambda: opening.open_account(user, asset)] * 8, *[lambda: opening.system_accounts(site.pk, asset)] * 8
    )

    assert len({account.pk for account in together[:8]}) == 1
    assert len({tuple(sorted(account.pk for account in each.values())) for each in together[8:]}) == 1
    assert LedgerAccount.objects.count() == 5
