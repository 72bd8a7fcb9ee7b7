"""Staff's and other deeds' own movements of value: granting, spending, and the legs of a reversal."""

from uuid import UUID

import uuid_utils.compat as uuid
from django.db import transaction

from accounts import auditing, clock
from ledger.books import Booking, Leg, lock_books
from ledger.models import MOST, LedgerAccount, LedgerTransaction, Transfer
from ledger.opening import system_accounts
from ledger.posting import post

Type = LedgerTransaction.Type


def grant(
    account: LedgerAccount, amount: int, *, comment: str, actor_id: str, reference: str = ""
) -> LedgerTransaction:
    """Give ``amount`` minor units to a customer: funding → account.

    Raises AccountLocked, InsufficientBalance (a raised floor lies above), ValueError (an amount out of bounds).
    """
    funding = system_accounts(account.site_id, account.asset)["funding"]
    return move(Type.GRANT, Leg(funding.pk, account.pk, amount), account, comment, reference, actor_id)


def spend(
    account: LedgerAccount, amount: int, *, comment: str, actor_id: str, reference: str = ""
) -> LedgerTransaction:
    """Take ``amount`` minor units from a customer: account → external. Raises as ``grant`` does."""
    external = system_accounts(account.site_id, account.asset)["external"]
    return move(Type.SPEND, Leg(account.pk, external.pk, amount), account, comment, reference, actor_id)


def move(
    type_: str, leg: Leg, account: LedgerAccount, comment: str, reference: str, actor_id: str
) -> LedgerTransaction:
    """One booking of one leg, audited, in a transaction of its own."""
    if not 0 < leg.amount <= MOST:
        raise ValueError("An amount is a whole number of minor units from 1 to 10^15.")
    with transaction.atomic(durable=True):
        books = lock_books([leg.debit_account_id, leg.credit_account_id])
        after = (books.standings[account.pk].balance or 0) + leg.amount * (
            1 if leg.credit_account_id == account.pk else -1
        )
        if not -MOST <= after <= MOST:
            raise ValueError("A balance is at most 10^15 minor units.")
        booking = Booking(uuid.uuid7(), account.site_id, type_, (leg,), comment, reference)
        books.enter(booking)
        now = clock.read()
        post(books.entered, now)
        auditing.record(
            f"ledger.{type_}",
            site=account.site_id,
            actor_id=actor_id,
            object_type="ledgeraccount",
            object_id=account.pk,
            detail={"amount": leg.amount, "transaction": str(booking.id)},
            now=now,
        )
    return LedgerTransaction.objects.get(pk=booking.id)


def reversing_legs(transaction_id: UUID) -> tuple[Leg, ...]:
    """The legs that move everything of one transaction back where it came from."""
    legs = Transfer.objects.filter(transaction=transaction_id).order_by("-id")
    return tuple(Leg(leg.credit_account_id, leg.debit_account_id, leg.amount, leg.batch_number) for leg in legs)
