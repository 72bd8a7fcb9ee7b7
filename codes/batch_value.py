"""Moving the value of batches' codes between their outstanding accounts and the site's system accounts."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import uuid_utils.compat as uuid

from ledger.books import Booking, Leg, lock_books
from ledger.models import Asset, LedgerAccount
from ledger.opening import outstanding_account, system_accounts
from ledger.posting import post

LARGEST = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchMove:
    """``amount`` minor units of a batch's value, from one purpose to another.

    One of the two is "outstanding"; the other "funding", "expired" or "voided".
    """

    type: str
    source: str
    target: str
    site_id: int
    batch_id: int
    asset: Asset
    amount: int
    comment: str


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
    """Book one move inside the caller's transaction. Nothing is booked for an amount of 0."""
    one = BatchMove(
        type=type_,
        source=source,
        target=target,
        site_id=site_id,
        batch_id=batch_id,
        asset=asset,
        amount=amount,
        comment=comment,
    )
    move_all([one], now)


def move_all(moves: Iterable[BatchMove], now: dt.datetime) -> None:
    """Book many moves inside the caller's transaction, a ledger transaction each.

    As many statements as for one, and one for each further site and asset among them.
    """
    wanted = [each for each in moves if each.amount]
    if not wanted:
        return
    accounts = accounts_of(wanted)
    bookings = []
    for each in wanted:
        place = (each.site_id, each.batch_id, each.asset.pk)
        debit, credit = accounts[*place, each.source], accounts[*place, each.target]
        legs, left = [], each.amount
        while left:
            part = min(left, LARGEST)
            legs.append(Leg(debit, credit, part, each.batch_id))
            left -= part
        bookings.append(Booking(uuid.uuid7(), each.site_id, each.type, tuple(legs), each.comment))
    books = lock_books({account for booking in bookings for leg in booking.legs for account in ends_of(leg)})
    for booking in bookings:
        books.enter(booking)
    post(books.entered, now)


def ends_of(leg: Leg) -> tuple[int, int]:
    return leg.debit_account_id, leg.credit_account_id


def accounts_of(moves: list[BatchMove]) -> dict[tuple[int, int, int, str], int]:
    """(site ID, batch ID, asset ID, purpose) → account ID, opened where there is none."""
    of_sites = {
        (each.site_id, each.asset.pk): system_accounts(each.site_id, each.asset)
        for each in {(each.site_id, each.asset.pk): each for each in moves}.values()
    }
    found = LedgerAccount.objects.filter(
        batch_number__in={each.batch_id for each in moves}, purpose=LedgerAccount.Purpose.OUTSTANDING
    )
    outstanding = {(row.batch_number, row.asset_id): row.pk for row in found}
    accounts = {}
    for each in moves:
        if (each.batch_id, each.asset.pk) not in outstanding:
            opened = outstanding_account(each.site_id, each.asset, each.batch_id)
            outstanding[each.batch_id, each.asset.pk] = opened.pk
        place = (each.site_id, each.batch_id, each.asset.pk)
        for purpose, account in of_sites[each.site_id, each.asset.pk].items():
            accounts[*place, purpose] = account.pk
        accounts[*place, "outstanding"] = outstanding[each.batch_id, each.asset.pk]
    return accounts
