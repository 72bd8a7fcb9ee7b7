"""Reservations of one owner's own accounts that tests make: by the building blocks, or written past every judgement."""

from collections.abc import Mapping
from typing import Any

import uuid_utils.compat as uuid
from django.db import transaction

from accounts import clock
from ledger import reserving
from ledger.books import lock_books
from ledger.models import AccountHold, LedgerAccount

CALLER = "client:1"


def hold(amounts: Mapping[LedgerAccount, int], seconds: int = 300, **fields: Any) -> str:
    """One native reservation of these amounts; answers its token."""
    account = next(iter(amounts))
    fields = {"caller": CALLER, "kind": "native", "details": {}} | fields
    with transaction.atomic():
        books = lock_books(each.pk for each in amounts)
        reservation, token = reserving.open_reservation(
            site_id=account.site_id, owner_id=account.owner_id, seconds=seconds, now=clock.read(), **fields
        )
        reserving.place(books, reservation, {each.pk: amount for each, amount in amounts.items()})
    return token


def hold_raw(account: LedgerAccount, amount: int) -> AccountHold:
    """A hold of a reservation of its own, as somebody with SQL alone would write it."""
    reservation, _ = reserving.open_reservation(
        site_id=account.site_id,
        owner_id=account.owner_id,
        caller=str(uuid.uuid7()),
        kind="native",
        seconds=300,
        details={},
        now=clock.read(),
    )
    return AccountHold.objects.create(
        reservation=reservation,
        account=account,
        original_amount=amount,
        amount=amount,
        expires_at=reservation.expires_at,
    )
