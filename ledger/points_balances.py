"""Reading points: what a member or household has, what is held of it, and what can be redeemed. Nothing here writes or locks."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce, Greatest

from accounts import clock
from accounts.models import Member
from ledger import balances, contributors
from ledger.models import LedgerAccount


@dataclass(frozen=True, slots=True)
class PointsBalance:
    """Whole points: what is there, what open reservations hold of it, and what is left to be redeemed (never below 0)."""

    balance: int = 0
    held: int = 0
    available: int = 0


def balances_of(member: Member) -> PointsBalance:
    """The member's own points now, with all that has come due. Nothing where they have no account."""
    found = contributors.read_contributors(member.site_id, Q(pk=member.pk))
    return add_up([each.points_account_id for each in found if each.points_account_id])


def household_balance(household_id: int) -> PointsBalance:
    """What the household's active members have together."""
    site_id = Member.objects.filter(household=household_id).values_list("site", flat=True).first()
    if site_id is None:
        return PointsBalance()
    active = Q(household=household_id, status=Member.Status.ACTIVE)
    found = contributors.read_contributors(site_id, active)
    return add_up([each.points_account_id for each in found if each.points_account_id])


def add_up(account_ids: Sequence[int]) -> PointsBalance:
    """The sum over points accounts."""
    each = of_accounts(account_ids).values()
    return PointsBalance(
        sum(one.balance for one in each), sum(one.held for one in each), sum(one.available for one in each)
    )


def of_accounts(account_ids: Sequence[int]) -> dict[int, PointsBalance]:
    """What customers' accounts have by account ID, in minor units; a hold that has expired counts as ended.

    What is stored is read in one statement, so that a redemption meanwhile counts wholly or not at all.
    """
    if not account_ids:
        return {}
    now = clock.read()
    is_open = Q(holds__ended_as="", holds__expires_at__gt=now)
    found = LedgerAccount.objects.filter(pk__in=account_ids).annotate(
        holds_now=Coalesce(Sum("holds__amount", filter=is_open), 0), lowest=Greatest(F("floor"), 0)
    )
    rows = list(found.values_list("pk", "balance", "holds_now", "lowest", "state", "due_at"))
    due = [pk for pk, *_, due_at in rows if due_at is not None and due_at <= now]
    settled = balances.current(due) if due else {}
    answer = {}
    for pk, balance, held, lowest, state, _ in rows:
        balance = settled.get(pk, balance or 0)
        free = balance - held - lowest if state == LedgerAccount.State.OPEN else 0
        answer[pk] = PointsBalance(balance, held, max(0, free))
    return answer
