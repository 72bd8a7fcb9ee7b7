"""An account's statement: every booking as its holder sees it, those that wait for their date included."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from accounts import clock
from ledger import balances, settling
from ledger.models import LedgerAccount, SuspendedBooking, Transfer

PAGE = 100


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a statement.

    ``number`` is the transfer's ID; of a suspended booking that nobody has posted yet it is minus its own ID. ``instant`` is
    since when the entry counts (or will), ``amount`` is in minor units, positive into the account, ``due_at`` is the date of a
    booking that was suspended, and ``waits`` says that it does not count yet.
    """

    number: int
    type: str
    instant: dt.datetime
    amount: int
    comment: str
    due_at: dt.datetime | None = None
    waits: bool = False
    transaction_id: UUID | None = None

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
    asked = Asked(since, oldest_first, find_place(account, after), limit + 1)
    waiting = suspended_entries(account, asked)
    entries = [*waiting, *booked_entries(account, asked, [-each.number for each in waiting])]
    entries.sort(key=lambda entry: entry.place, reverse=not oldest_first)
    shown = entries[:limit]
    more = len(entries) > limit
    return Statement(balances.current([account.pk])[account.pk], shown, shown[-1].number if more else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What part of a statement, in which order, and how many rows of each kind are enough for it."""

    since: dt.datetime | None
    oldest_first: bool
    place: Place | None
    enough: int

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
        due = SuspendedBooking.objects.filter(pk=-number, account=account).values_list("due_at", flat=True).first()
        return (due, True, -number) if due else None
    of_account = Q(debit_account=account) | Q(credit_account=account)
    booked = Transfer.objects.filter(of_account, pk=number).values_list("booked_at", flat=True).first()
    return (booked, False, number) if booked else None


def suspended_entries(account: LedgerAccount, asked: Asked) -> list[Entry]:
    """What waits, and what has come due and will be posted; nothing where nothing is suspended on the account."""
    if balances.stored([account.pk])[account.pk][1] is None:
        return []
    now = clock.read()
    refused = [
        each.suspended.pk
        for each in settling.of_accounts(Q(account=account, state="waiting", due_at__lte=now), now)
        if not each.transaction_id
    ]
    rows = SuspendedBooking.objects.filter(account=account, state=SuspendedBooking.State.WAITING).exclude(
        pk__in=refused
    )
    return [
        Entry(-row.pk, row.type, row.due_at, row.amount, row.comment, row.due_at, waits=row.due_at > now)
        for row in asked.part_of(rows, "due_at", not_posted=True)[: asked.enough]
    ]


def booked_entries(account: LedgerAccount, asked: Asked, shown: list[int]) -> list[Entry]:
    """What was booked: the debits and the credits, each by its own index. Not those shown as suspended before they were posted."""
    rows = Transfer.objects.select_related("transaction__suspended_booking")
    if asked.place and asked.place[1]:
        shown = [*shown, asked.place[2]]
    if shown:
        rows = rows.exclude(transaction__suspended_booking__in=shown)
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
