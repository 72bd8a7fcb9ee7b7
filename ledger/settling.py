"""Settling: what has come due on an account is written, as of its date, by whoever locks the account next.

Every deed that judges a customer's account settles it first, so nothing can have happened to it since the first event came
due; what becomes of it is therefore the same whenever it is asked, and a reading (``coming_due``) asks it without a lock.
The sweep only tidies: balances are right without it.
"""

import datetime as dt
import time
from collections.abc import Iterable, Sequence

from django.db import connection, transaction

from accounts import clock, locking, rows
from accounts.budgets import aware
from ledger import coming_due
from ledger.books import Books, lock_books
from ledger.coming_due import HOLD, SUSPENDED, TOO_LARGE, Outcome
from ledger.models import AccountHold, LedgerAccount, SuspendedBooking
from ledger.posting import post

__all__ = ["TOO_LARGE", "lock_settled", "note_due_dates", "settle", "sweep_due"]

State = SuspendedBooking.State
SWEPT = 500  # Accounts in one transaction of the sweep.
ENDED_COLUMNS = (
    *(("id", "bigint"), ("state", "text"), ("transaction_id", "uuid"), ("ended_at", "timestamptz")),
    ("refusal", "text"),
)
HOLD_COLUMNS = (("id", "bigint"), ("ended_at", "timestamptz"))
DUE_COLUMNS = (("id", "bigint"), ("due_at", "timestamptz"))


def lock_settled(account_ids: Iterable[int]) -> tuple[Books, dt.datetime]:
    """Lock these accounts and settle them. Answers the books and the instant, which was read once the locks were held."""
    books = lock_books(account_ids)
    now = clock.read()
    settle(books, now)
    return books, now


def settle(books: Books, now: dt.datetime, *, debits: bool = True) -> int:
    """Write what has come due on the locked accounts; call it before anything is judged. Answers how many events there were.

    It reads the lots of accounts of points, too, for a debit or a hold asks for them; a deed that only credits can say so.
    Costs no statement where nothing is waiting, and a fixed number of them for any number of accounts.
    """
    waiting = [each for each in books.standings.values() if each.due_at is not None]
    if not waiting:
        return 0
    late = [each for each in waiting if each.due_at is not None and aware(each.due_at) <= now]
    wanted = [each for each in waiting if debits and each.kind == LedgerAccount.Kind.POINTS]
    if not late and not wanted:
        return 0
    due = coming_due.read_accounts(sorted({each.id for each in (*late, *wanted)}), now)
    for id_, read in due.standings.items():
        books.standings[id_].lots, books.standings[id_].expired_id = read.lots, read.expired_id
    if not late:
        return 0
    # Its own books over the same standings: the deed posts what it entered itself.
    own = Books(books.standings)
    outcomes = coming_due.play(own, due.events, now)
    end_holds(outcomes)
    if own.entered:
        post(own.entered, now)
    end_suspended(outcomes, now)
    note_due_dates([each.id for each in late])
    for each in late:
        each.due_at = None  # Nothing more comes due while the lock is held, for ``now`` has been read.
    return len(outcomes)


def end_holds(outcomes: Sequence[Outcome]) -> None:
    """Write which holds have expired, as of their dates, in one statement: before anything that they held is moved."""
    ended = [(each.event.id, each.event.instant) for each in outcomes if each.event.what == HOLD]
    if ended:
        source, params = rows.as_table(HOLD_COLUMNS, ended)
        rows.write(
            f"""UPDATE ledger_accounthold SET ended_as = '{AccountHold.Ending.EXPIRED.value}', ended_at = v.ended_at
                FROM {source} WHERE ledger_accounthold.id = v.id""",  # noqa: S608
            params,
        )


def end_suspended(outcomes: Sequence[Outcome], now: dt.datetime) -> None:
    """Write what became of the suspended bookings, in one statement."""
    ended = [
        (
            each.event.id,
            State.POSTED if each.booking else State.REFUSED,
            each.booking.id if each.booking else None,
            now,
            each.refusal,
        )
        for each in outcomes
        if each.event.what == SUSPENDED
    ]
    if ended:
        source, params = rows.as_table(ENDED_COLUMNS, ended)
        rows.write(
            f"""UPDATE ledger_suspendedbooking SET state = v.state, transaction_id = v.transaction_id,
                       ended_at = v.ended_at, refusal = v.refusal
                FROM {source} WHERE ledger_suspendedbooking.id = v.id""",  # noqa: S608
            params,
        )


def note_due_dates(account_ids: Sequence[int]) -> None:
    """Tell the locked accounts when the next of what waits comes due, in two statements for any number of them."""
    next_due: dict[int, dt.datetime] = {}
    for account_id, due_at in read_due_dates(account_ids):
        next_due[account_id] = min(aware(due_at), next_due.get(account_id, aware(due_at)))
    source, params = rows.as_table(DUE_COLUMNS, [(each, next_due.get(each)) for each in account_ids])
    rows.write(
        f"UPDATE ledger_ledgeraccount SET due_at = v.due_at FROM {source} WHERE ledger_ledgeraccount.id = v.id",  # noqa: S608
        params,
    )


def read_due_dates(account_ids: Sequence[int]) -> list[tuple[int, dt.datetime | str]]:
    """(account ID, date) of the first suspended booking, free lot and open hold of each. A lot that holds have wholly pinned
    comes due with them."""
    wanted, params = rows.one_of("account_id", "bigint", account_ids)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT account_id, MIN(due_at) FROM ledger_suspendedbooking
                WHERE {wanted} AND state = 'waiting' GROUP BY account_id
                UNION ALL
                SELECT account_id, MIN(expires_at) FROM ledger_lot
                WHERE {wanted} AND remaining > 0 AND remaining > held GROUP BY account_id
                UNION ALL
                SELECT account_id, MIN(expires_at) FROM ledger_accounthold
                WHERE {wanted} AND ended_as = '' GROUP BY account_id""".replace("%b", "%s"),  # noqa: S608
            [*params, *params, *params],
        )
        return list(cursor.fetchall())


def sweep_due(*, seconds: float = 5.0) -> int:
    """Settle the accounts on which something has come due, for about so many seconds; answers how many events there were.

    Safe to run twice, together and to be killed anywhere. An account that somebody holds is theirs to settle.
    """
    started, ended = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        settled, swept = sweep_some()
        ended += swept
        if not settled:
            break
    return ended


def sweep_some() -> tuple[int, int]:
    """One transaction of the sweep: answers how many accounts it settled, and how many events there were.

    A hold that ended in time leaves its account with a date that says nothing any more: such are put right, too.
    """
    with transaction.atomic(durable=True):
        if not locking.is_alone("settling"):
            return 0, 0
        due = LedgerAccount.objects.filter(due_at__lte=clock.read()).order_by("due_at")
        books = lock_books(due.values_list("pk", flat=True)[:SWEPT], skip_locked=True)
        return len(books.standings), settle(books, clock.read())
