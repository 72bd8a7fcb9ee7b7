"""Bookings that tests make: judged and posted by the platform's own deeds, or written past them in raw SQL."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import pytest
import uuid_utils.compat as uuid
from django.db import DatabaseError, connection, transaction

from accounts import clock, rows
from ledger import opening
from ledger.books import Booking, Leg, lock_books
from ledger.models import LedgerAccount, Transfer
from ledger.posting import TRANSACTION_COLUMNS, TRANSFER_COLUMNS, post


def system(account: LedgerAccount, purpose: str) -> LedgerAccount:
    """The system account of that purpose beside ``account``."""
    return opening.system_accounts(account.site_id, account.asset)[purpose]


def booking_of(site_id: int, *legs: Leg, type_: str = "grant", reverses_id: UUID | None = None) -> Booking:
    return Booking(uuid.uuid7(), site_id, type_, legs, reverses_id=reverses_id)


def post_bookings(bookings: Sequence[Booking], now: dt.datetime | None = None) -> None:
    """Lock, judge one after another, post: what every deed does. Raises the first refusal, and then posts nothing."""
    with transaction.atomic():
        books = lock_books(
            account_id
            for b in bookings
            for leg in b.legs
            for account_id in (leg.debit_account_id, leg.credit_account_id)
        )
        for booking in bookings:
            books.enter(booking)
        post(books.entered, now or clock.read())


def post_grants(account: LedgerAccount, amounts: Iterable[int], now: dt.datetime | None = None) -> list[Booking]:
    """Grant each amount in a booking of its own, all posted together."""
    funding = system(account, "funding")
    bookings = [booking_of(account.site_id, Leg(funding.pk, account.pk, amount)) for amount in amounts]
    post_bookings(bookings, now)
    return bookings


def insert_raw(site_id: int, *legs: tuple[int, int, int], reverses_id: UUID | None = None) -> UUID:
    """Write a transaction and its (debit, credit, amount) legs as somebody with SQL alone would."""
    now, identity = clock.read(), uuid.uuid7()
    rows.insert(
        "ledger_ledgertransaction", TRANSACTION_COLUMNS, [(identity, site_id, "grant", "", "", reverses_id, now)]
    )
    rows.insert("ledger_transfer", TRANSFER_COLUMNS, [(identity, *leg, None, now) for leg in legs])
    return identity


def run(statement: str, *params: object) -> int:
    """Run raw SQL; how many rows it concerned."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def refuse(deed: Callable[..., object], *args: object, match: str, **kwargs: object) -> None:
    """``deed`` must be refused by the database, now or, for deferred foreign keys, at the commit."""

    def attempt() -> None:
        with transaction.atomic():
            deed(*args, **kwargs)
            connection.check_constraints()

    with pytest.raises(DatabaseError, match=match):
        attempt()


def balance_of(account: LedgerAccount) -> int | None:
    """The balance as it is stored now."""
    return LedgerAccount.objects.get(pk=account.pk).balance


def total(account: LedgerAccount) -> int:
    """The sum of the account's transfers, by Python."""
    credits = sum(Transfer.objects.filter(credit_account=account).values_list("amount", flat=True))
    return credits - sum(Transfer.objects.filter(debit_account=account).values_list("amount", flat=True))
