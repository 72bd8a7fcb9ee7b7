"""Reading points: what a member or household has, what is held of it, and what can be redeemed. Nothing here writes or locks."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from accounts.models import Member
from ledger import balances, contributors


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
    answer = {}
    for account_id, each in balances.standings(account_ids).items():
        balance = each.balance or 0
        answer[account_id] = PointsBalance(balance, each.held, contributors.available(each))
    return answer
