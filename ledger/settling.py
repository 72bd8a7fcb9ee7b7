"""Settling: what was suspended until a date is posted as of that date, by whoever locks the account next.

Every deed that judges a customer's account settles it first, so nothing can have happened to it since the first booking came
due; what the account permits is therefore the same whenever it is asked, and a reading (``coming_due``) asks it without a lock.
The sweep only tidies: balances are right without it.
"""

import datetime as dt
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import uuid_utils.compat as uuid
from django.db import transaction
from django.db.models import Min, Q, QuerySet

from accounts import clock, locking, rows
from accounts.budgets import aware
from accounts.refusals import Refusal
from ledger.books import Booking, Books, Leg, Standing, lock_books
from ledger.models import MOST, AccountHold, LedgerAccount, SuspendedBooking
from ledger.posting import post

State = SuspendedBooking.State
TOO_LARGE = "balance_too_large"
SWEPT = 500  # Accounts in one transaction of the sweep.
ENDED_COLUMNS = (
    *(("id", "bigint"), ("state", "text"), ("transaction_id", "uuid"), ("ended_at", "timestamptz")),
    ("refusal", "text"),
)
DUE_COLUMNS = (("id", "bigint"), ("due_at", "timestamptz"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a suspended booking on its date: ``transaction_id`` if it is posted, else why not."""

    suspended: SuspendedBooking
    transaction_id: UUID | None
    refusal: str = ""


def lock_settled(account_ids: Iterable[int]) -> tuple[Books, dt.datetime]:
    """Lock these accounts and settle them. Answers the books and the instant, which was read once the locks were held."""
    books = lock_books(account_ids)
    now = clock.read()
    settle(books, now)
    return books, now


def settle(books: Books, now: dt.datetime) -> int:
    """Post what has come due on the locked accounts; call it before anything is judged. Answers how many bookings ended.

    Costs no statement where nothing is due, and a fixed number of them for any number of accounts.
    """
    due = [each for each in books.standings.values() if each.due_at is not None and aware(each.due_at) <= now]
    if not due:
        return 0
    found = list(due_by(now).filter(account__in=[each.id for each in due]))
    # Its own books over the same standings: the deed posts what it entered itself.
    own = Books(books.standings)
    verdicts = judge(own, found)
    if own.entered:
        post(own.entered, now)
    end(verdicts, now)
    note_due_dates([each.id for each in due])
    for each in due:
        each.due_at = None  # Nothing more comes due while the lock is held, for ``now`` has been read.
    return len(verdicts)


def due_by(now: dt.datetime) -> "QuerySet[SuspendedBooking]":
    """What waits although its date has come, in the order in which it counts."""
    waiting = SuspendedBooking.objects.filter(state=State.WAITING, due_at__lte=now)
    return waiting.select_related("account", "system_account").order_by("due_at", "id")


def judge(books: Books, found: Sequence[SuspendedBooking]) -> list[Verdict]:
    """Enter each booking in ``books`` if its account permits it then. Nothing is written."""
    verdicts = []
    for each in found:
        system = each.system_account
        books.standings.setdefault(system.pk, standing_of(system))
        legs = (Leg(system.pk, each.account_id, each.amount),)
        if each.amount < 0:
            legs = (Leg(each.account_id, system.pk, -each.amount),)
        booking = Booking(
            id=uuid.uuid7(),
            site_id=each.site_id,
            type=each.type,
            legs=legs,
            comment=each.comment,
            reference=each.reference,
            booked_at=each.due_at,
        )
        try:
            # No refusal of the ledger's: but a balance that no longer fits would keep every later deed from the account.
            if not -MOST <= (books.standings[each.account_id].balance or 0) + each.amount <= MOST:
                verdicts.append(Verdict(each, None, TOO_LARGE))
                continue
            books.enter(booking)
        except Refusal as refusal:
            verdicts.append(Verdict(each, None, refusal.reason))
        else:
            verdicts.append(Verdict(each, booking.id))
    return verdicts


def end(verdicts: Sequence[Verdict], now: dt.datetime) -> None:
    """Write what became of the bookings, in one statement."""
    if not verdicts:
        return
    ended = [
        (v.suspended.pk, State.POSTED if v.transaction_id else State.REFUSED, v.transaction_id, now, v.refusal)
        for v in verdicts
    ]
    source, params = rows.as_table(ENDED_COLUMNS, ended)
    rows.write(
        f"""UPDATE ledger_suspendedbooking SET state = v.state, transaction_id = v.transaction_id,
                   ended_at = v.ended_at, refusal = v.refusal
            FROM {source} WHERE ledger_suspendedbooking.id = v.id""",  # noqa: S608
        params,
    )


def note_due_dates(account_ids: Sequence[int]) -> None:
    """Tell the locked accounts when the next of their bookings comes due, in one statement for any number of them."""
    waiting = SuspendedBooking.objects.filter(account__in=account_ids, state=State.WAITING)
    holds = AccountHold.objects.filter(account__in=account_ids, ended_as="")
    next_due: dict[int, dt.datetime] = {}
    for account_id, first in (
        *waiting.values_list("account").annotate(next=Min("due_at")).order_by(),
        *holds.values_list("account").annotate(next=Min("expires_at")).order_by(),
    ):
        next_due[account_id] = min(first, next_due.get(account_id, first))
    source, params = rows.as_table(DUE_COLUMNS, [(each, next_due.get(each)) for each in account_ids])
    rows.write(
        f"UPDATE ledger_ledgeraccount SET due_at = v.due_at FROM {source} WHERE ledger_ledgeraccount.id = v.id",  # noqa: S608
        params,
    )


def sweep_due(*, seconds: float = 5.0) -> int:
    """Settle the accounts on which something has come due, for about so many seconds; answers how many bookings ended.

    Safe to run twice, together and to be killed anywhere. An account that somebody holds is theirs to settle.
    """
    started, ended = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        swept = sweep_some()
        ended += swept
        if not swept:
            break
    return ended


def sweep_some() -> int:
    """One transaction of the sweep; answers how many bookings ended."""
    with transaction.atomic(durable=True):
        if not locking.is_alone("settling"):
            return 0
        waiting = SuspendedBooking.objects.filter(state=State.WAITING, due_at__lte=clock.read()).order_by("due_at")
        ids = set(waiting.values_list("account_id", flat=True)[:SWEPT])
        books = lock_books(ids, skip_locked=True)
        return settle(books, clock.read())


def standing_of(account: LedgerAccount) -> Standing:
    """An account as it was read without a lock: a system account, or one that a reading judges."""
    return Standing(
        account.pk, account.site_id, account.asset_id, account.owner_id, account.kind,
        account.state, account.floor, account.balance, account.held,
    )  # fmt: skip


def of_accounts(condition: Q, now: dt.datetime) -> list[Verdict]:
    """What will be posted or refused when somebody settles the accounts that ``condition`` finds, as is known without a lock.

    ``condition`` is about the suspended bookings. One statement: the accounts are as they were when their bookings waited.
    """
    found = list(due_by(now).filter(account__in=SuspendedBooking.objects.filter(condition).values("account")))
    return judge(Books({each.account_id: standing_of(each.account) for each in found}), found)
