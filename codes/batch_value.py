"""Moving the value of a batch's codes between its outstanding account and the site's system accounts."""

import datetime as dt

import uuid_utils.compat as uuid

from ledger.books import Booking, Leg, lock_books
from ledger.models import Asset
from ledger.opening import outstanding_account, system_accounts
from ledger.posting import post

LARGEST = 10**15


def move(
    type_: str,
    source: str,
    target: str,
    *,
    site_id: int,
    batch_id: int,
    asset: Asset,
    amount: int,
    comment: str,
    now: dt.datetime,
) -> None:
    """Book ``amount`` minor units of a batch from one purpose to another, inside the caller's transaction.

    One of the two is "outstanding"; the other "funding", "expired" or "voided". Nothing is booked for an amount of 0.
    """
    if not amount:
        return
    accounts = {
        **{purpose: account.pk for purpose, account in system_accounts(site_id, asset).items()},
        "outstanding": outstanding_account(site_id, asset, batch_id).pk,
    }
    legs, left = [], amount
    while left:
        part = min(left, LARGEST)
        legs.append(Leg(accounts[source], accounts[target], part, batch_id))
        left -= part
    books = lock_books([accounts[source], accounts[target]])
    books.enter(Booking(uuid.uuid7(), site_id, type_, tuple(legs), comment))
    post(books.entered, now)
