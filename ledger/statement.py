"""An account's statement: every booking as its holder sees it, those that wait for their date included."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet

from accounts import clock
from ledger import balances, lot_uses
from ledger.coming_due import HOLD, LOT, SUSPENDED, Foreseen, event_of, foresee, read_accounts
from ledger.lot_uses import LotUse
from ledger.models import (
    AccountHold,
    LedgerAccount,
    LedgerTransaction,
    Lot,
    LotMovement,
    SuspendedBooking,
    Transfer,
)

PAGE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement.

    ``number`` is the transfer's ID; negative of what nobody has posted yet. ``instant`` is since when the entry counts (or
    will), ``amount`` is in minor units, positive into the account, ``due_at`` is the date of a booking that was suspended, and
    ``waits`` says that it does not count yet. ``lots`` are those that the entry made, used, or brought points back to.
    """

    number: int
    type: str
    instant: dt.datetime
    amount: int
    comment: str
    due_at: dt.datetime | None = None
    waits: bool = False
    transaction_id: UUID | None = None
    lots: tuple[LotUse, ...] = ()

    @property
    def place(self) -> "Place":
        return self.instant, self.number < 0, abs(self.number)


Place = tuple[
    dt.datetime, bool, int
]  # Where an entry stands: its instant; what is not posted comes after what is; its ID.


@dataclass(frozen=True, slots=True)
class Statement:
    """One page. ``balance`` is in minor units, now; ``next`` is the number behind which the next page begins."""

    balance: int
    entries: list[Entry]
    next: int | None


def read_statement(
    account: LedgerAccount,
    since: dt.datetime | None = None,
    *,
    oldest_first: bool = False,
    after: int | None = None,
    limit: int = PAGE,
) -> Statement:
    """A page of a customer's statement: at most ``limit`` entries from ``since`` on, behind the one numbered ``after``.

    Newest first, unless told otherwise; an ``after`` that is none of the account's begins at the first page. What the account
    refused on its date, or was cancelled, is no entry. A fixed number of statements, each bounded by an index.
    """
    due, now = due_on(account)
    asked = Asked(since, oldest_first, find_place(account, after), limit + 1, posted_since(account, after))
    entries = booked_entries(account, asked, due)
    if now:
        entries += [*due_entries(asked, due), *waiting_entries(account, asked, now)]
    entries.sort(key=lambda entry: entry.place, reverse=not oldest_first)
    shown = entries[:limit]
    more = len(entries) > limit
    if account.kind == LedgerAccount.Kind.POINTS:
        shown = with_lots(account, shown, due)
    return Statement(balances.current([account.pk])[account.pk], shown, shown[-1].number if more else None)


def due_on(account: LedgerAccount) -> tuple[Foreseen, dt.datetime | None]:
    """What has come due on the account and nobody has posted yet; and the instant, if anything waits at all."""
    nothing = Foreseen({}, {}, [])
    due_at = LedgerAccount.objects.filter(pk=account.pk).values_list("due_at", flat=True).get()
    if due_at is None:
        return nothing, None
    now = clock.read()
    return (foresee(read_accounts([account.pk], now), now) if due_at <= now else nothing), now


@dataclass(frozen=True, slots=True)
class Asked:
    """What part of a statement, in which order, and how many rows of each kind are enough for it.

    ``posted`` are the transactions that have posted what the place is behind of since it was told: they are not told again.
    """

    since: dt.datetime | None
    oldest_first: bool
    place: Place | None
    enough: int
    posted: list[UUID | None]

    def has(self, entry: Entry) -> bool:
        """Whether the entry is behind the place."""
        if self.since and entry.instant < self.since:
            return False
        return self.place is None or (entry.place > self.place if self.oldest_first else entry.place < self.place)

    def part_of(self, rows: "QuerySet[Any]", instant: str, *, not_posted: bool) -> "QuerySet[Any]":
        """Those of ``rows`` behind the place, in the statement's order; ``instant`` names their column."""
        if self.since:
            rows = rows.filter(**{f"{instant}__gte": self.since})
        sign, way = ("", "gt") if self.oldest_first else ("-", "lt")
        if self.place:
            then, place_not_posted, number = self.place
            behind = Q(**{f"{instant}__{way}": then})
            if not_posted == place_not_posted:
                behind |= Q(**{f"id__{way}": number})
            elif not_posted == self.oldest_first:  # At one instant, what is not posted stands after what is.
                behind |= Q(**{instant: then})
            # The first half lets an index begin at the right place.
            rows = rows.filter(**{f"{instant}__{way}e": then}).filter(behind)
        return rows.order_by(f"{sign}{instant}", f"{sign}id")


def find_place(account: LedgerAccount, number: int | None) -> Place | None:
    """Where the entry of this number stands, if it is one of the account's."""
    if number is None or not -(2**63) < number < 2**63:
        return None
    if number < 0:
        what, id_ = event_of(number)
        dates: dict[int, QuerySet[Any]] = {
            SUSPENDED: SuspendedBooking.objects.filter(pk=id_, account=account).values_list("due_at", flat=True),
            LOT: Lot.objects.filter(pk=id_, account=account).values_list("expires_at", flat=True),
            HOLD: AccountHold.objects.filter(pk=id_, account=account).values_list("expires_at", flat=True),
        }
        due = dates[what].first()
        return (due, True, -number) if due else None
    of_account = Q(debit_account=account) | Q(credit_account=account)
    booked = Transfer.objects.filter(of_account, pk=number).values_list("booked_at", flat=True).first()
    return (booked, False, number) if booked else None


def posted_since(account: LedgerAccount, number: int | None) -> list[UUID | None]:
    """The transactions that have posted the entry of this number since it was told as one that nobody had posted."""
    if number is None or not -(2**63) < number < 0:
        return []
    what, id_ = event_of(number)
    if what == SUSPENDED:
        posted = SuspendedBooking.objects.filter(pk=id_, account=account, transaction__isnull=False)
        return list(posted.values_list("transaction", flat=True))
    of = {"lot": id_, "transaction__booked_at": F("lot__expires_at")}
    if what == HOLD:
        of = {"lot__pins__hold": id_, "transaction__booked_at": F("lot__pins__hold__expires_at")}
    expiries = LotMovement.objects.filter(lot__account=account, transaction__type=LedgerTransaction.Type.EXPIRY, **of)
    return list(expiries.values_list("transaction", flat=True))


def due_entries(asked: Asked, due: Foreseen) -> list[Entry]:
    """What has come due and will be posted. They are few: somebody settles them, or the sweep."""
    entries = [
        Entry(
            number=each.event.number,
            type=each.booking.type,
            instant=each.event.instant,
            amount=each.amount,
            comment=each.booking.comment,
            due_at=each.event.instant if each.event.what == SUSPENDED else None,
        )
        for each in due.outcomes
        if each.booking
    ]
    return [each for each in entries if asked.has(each)]


def waiting_entries(account: LedgerAccount, asked: Asked, now: dt.datetime) -> list[Entry]:
    """The suspended bookings whose date is still to come."""
    rows = SuspendedBooking.objects.filter(account=account, state=SuspendedBooking.State.WAITING, due_at__gt=now)
    return [
        Entry(-row.pk, row.type, row.due_at, row.amount, row.comment, row.due_at, waits=True)
        for row in asked.part_of(rows, "due_at", not_posted=True)[: asked.enough]
    ]


def booked_entries(account: LedgerAccount, asked: Asked, due: Foreseen) -> list[Entry]:
    """What was booked: the debits and the credits, each by its own index; nothing since what has come due was read."""
    rows = Transfer.objects.select_related("transaction__suspended_booking")
    if account.pk in due.booked_through:
        rows = rows.filter(pk__lte=due.booked_through[account.pk])
    if asked.posted:
        rows = rows.exclude(transaction__in=asked.posted)
    entries = []
    for side, sign in (("debit_account", -1), ("credit_account", 1)):
        for row in asked.part_of(rows.filter(**{side: account}), "booked_at", not_posted=False)[: asked.enough]:
            suspended = getattr(row.transaction, "suspended_booking", None)
            entries.append(
                Entry(
                    number=row.pk,
                    type=row.transaction.type,
                    instant=row.booked_at,
                    amount=sign * row.amount,
                    comment=row.transaction.comment,
                    due_at=suspended.due_at if suspended else None,
                    transaction_id=row.transaction_id,
                )
            )
    return entries


def with_lots(account: LedgerAccount, entries: list[Entry], due: Foreseen) -> list[Entry]:
    """Each entry with what it did to lots."""
    booked = lot_uses.of_transactions(account, [each.transaction_id for each in entries if each.transaction_id])
    coming = lot_uses.of_outcomes(due.outcomes)
    return [
        replace(each, lots=booked.get(each.transaction_id, ()) if each.transaction_id else coming.get(each.number, ()))
        for each in entries
    ]
