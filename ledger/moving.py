"""Staff's and other deeds' own movements of value: granting, spending, and the legs of a reversal."""

import datetime as dt
from uuid import UUID

import uuid_utils.compat as uuid
from django.db import transaction

from accounts import auditing
from ledger.books import Booking, Books, Leg
from ledger.models import MOST, LedgerAccount, LedgerTransaction, Transfer
from ledger.opening import system_accounts
from ledger.posting import post
from ledger.settling import lock_settled

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
    refuse_out_of_bounds(leg.amount)
    with transaction.atomic(durable=True):
        books, now = lock_settled([leg.debit_account_id, leg.credit_account_id])
        booking = Booking(uuid.uuid7(), account.site_id, type_, (leg,), comment, reference)
        book(books, booking, account, now)
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


def refuse_out_of_bounds(amount: int) -> None:
    """Raises ValueError."""
    if not 0 < amount <= MOST:
        raise ValueError("An amount is a whole number of minor units from 1 to 10^15.")


def book(books: Books, booking: Booking, account: LedgerAccount, now: dt.datetime) -> None:
    """Judge and post one booking on a customer's account that is locked and settled. Raises as ``grant`` does."""
    standing = books.standings[account.pk]
    change = sum(leg.amount if leg.credit_account_id == account.pk else -leg.amount for leg in booking.legs)
    if not -MOST <= (standing.balance or 0) + change <= MOST:
        raise ValueError("A balance is at most 10^15 minor units.")
    books.enter(booking)
    post(books.entered, now)


def reversing_legs(transaction_id: UUID) -> tuple[Leg, ...]:
    """The legs that move everything of one transaction back where it came from."""
    legs = Transfer.objects.filter(transaction=transaction_id).order_by("-id")
    return tuple(Leg(leg.credit_account_id, leg.debit_account_id, leg.amount, leg.batch_number) for leg in legs)
