"""Reading who gave what: redemptions of points with each contributor's share, newest first. Nothing here writes or locks."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from accounts.models import Household, Member, User
from ledger.models import LedgerTransaction, Spending, Transfer


@dataclass(frozen=True, slots=True)
class Share:
    """What one contributor gave; ``member`` is None where they are no member any more."""

    owner: User
    member: Member | None
    points: int


@dataclass(frozen=True, slots=True)
class Redemption:
    """One spending with its shares, in the order in which they were booked; ``voided_at``: when all of it was given back."""

    spending: Spending
    booked_at: dt.datetime
    points: int
    shares: tuple[Share, ...]
    voided_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """``next`` is what to ask for after it; None at the end."""

    redemptions: list[Redemption]
    next: UUID | None


def of_household(household: Household, *, after: UUID | None = None, limit: int = 20) -> Page:
    """What was paid from the household's points, whoever has left it since."""
    return read(Spending.objects.filter(household=household), after, limit)


def of_member(member: Member, *, after: UUID | None = None, limit: int = 20) -> Page:
    """What the member has redeemed, whoever gave the points."""
    return read(Spending.objects.filter(owner=member.user_id, reservation__kind="points"), after, limit)


def read(spendings: "QuerySet[Spending]", after: UUID | None, limit: int) -> Page:
    """Three statements, however many redemptions there are: keys grow with time, and an index holds them in that order."""
    if after is not None:
        spendings = spendings.filter(pk__lt=after)
    newest = spendings.select_related("transaction", "owner__member").order_by("-transaction_id")
    found = list(newest[: limit + 1])
    shown = found[:limit]
    keys = [each.pk for each in shown]
    shares = shares_of(keys)
    voided = dict(LedgerTransaction.objects.filter(reverses__in=keys).values_list("reverses", "booked_at"))
    redemptions = [
        Redemption(
            spending,
            spending.transaction.booked_at,
            sum(each.points for each in shares.get(spending.pk, ())),
            tuple(shares.get(spending.pk, ())),
            voided.get(spending.pk),
        )
        for spending in shown
    ]
    return Page(redemptions, keys[-1] if len(found) > limit else None)


def shares_of(transaction_ids: Iterable[UUID]) -> dict[UUID, list[Share]]:
    """By transaction, in one statement."""
    transfers: QuerySet[Any] = Transfer.objects.filter(
        transaction__in=list(transaction_ids), debit_account__owner__isnull=False
    )
    found: dict[UUID, list[Share]] = {}
    for each in transfers.select_related("debit_account__owner__member").order_by("id"):
        owner = each.debit_account.owner
        share = Share(owner, getattr(owner, "member", None), each.amount)
        found.setdefault(each.transaction_id, []).append(share)
    return found
