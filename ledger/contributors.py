"""Who may give points for a member's redemption, and how much each gives. Source: ad hoc redemption, sections 5 and 7."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce

from accounts import locking
from accounts.models import Household, LoyaltySettings, Member
from ledger.books import Books, Standing
from ledger.models import LedgerAccount
from ledger.points_refusals import (
    ContributionsDiffer,
    ContributionsNotAllowed,
    ContributorInvalid,
    ContributorShort,
    MemberNotEligible,
    NotEnoughPoints,
)
from ledger.splitting import split

POINTS_CODE = "PTS"  # Of a site without settings of its own.


class HouseholdChanged(Exception):
    """The member has joined or left a household since it was read: judge again."""

    def __init__(self, household_id: int | None) -> None:
        super().__init__(household_id)
        self.household_id = household_id


@dataclass(frozen=True, slots=True)
class Contributor:
    """A member with their account of the programme's points, if they have one."""

    member_id: int
    account_id: str  # By which the protocol names the member.
    status: str
    household_id: int | None
    points_account_id: int | None


def lock_contributors(member: Member, household_id: int | None) -> tuple[Household | None, list[Contributor]]:
    """The member's household, locked so that nobody joins or leaves, and its active members; without one the member alone.

    Raises MemberNotEligible, and HouseholdChanged where the member is in another one than ``household_id``.
    """
    household = locking.lock_ids(Household, [household_id]).get(household_id) if household_id else None
    found = read_contributors(member.site_id, Q(pk=member.pk) | household_members(household_id))
    own = next((each for each in found if each.member_id == member.pk), None)
    if own is None or own.status != Member.Status.ACTIVE:
        raise MemberNotEligible
    if own.household_id != household_id:
        raise HouseholdChanged(own.household_id)
    return household, [each for each in found if each.status == Member.Status.ACTIVE]


def household_members(household_id: int | None) -> Q:
    return Q(household=household_id) if household_id else Q(pk__in=[])


def read_contributors(site_id: int, condition: Q) -> list[Contributor]:
    """The site's members that ``condition`` finds, in one statement."""
    settings = LoyaltySettings.objects.filter(site=site_id).values("points_code")
    account = LedgerAccount.objects.filter(
        owner=OuterRef("user"),
        kind=LedgerAccount.Kind.POINTS,
        asset__code=Coalesce(Subquery(settings[:1]), Value(POINTS_CODE)),
    )
    found = Member.objects.filter(condition, site=site_id).annotate(points_account=Subquery(account.values("pk")[:1]))
    columns = ("pk", "account_id", "status", "household_id", "points_account")
    return [Contributor(*row) for row in found.order_by("pk").values_list(*columns)]


def names_of(ledger_account_ids: Sequence[int]) -> dict[int, str]:
    """Ledger account ID → the account ID of the member whose it is, by which equal shares are told apart."""
    found = LedgerAccount.objects.filter(pk__in=ledger_account_ids).values_list("pk", "owner__member__account_id")
    return {pk: name or str(pk) for pk, name in found}


def refuse_contributions(
    household: Household | None, givers: Sequence[Contributor], contributions: Mapping[str, object], amount: int
) -> dict[str, int]:
    """What the request has each member give, if it may say so and says it rightly; what they have is not asked here.

    Raises ContributionsNotAllowed, ContributorInvalid, ContributionsDiffer.
    """
    if household is None or household.mode != Household.Mode.REQUEST_DEFINED:
        raise ContributionsNotAllowed
    known = {each.account_id for each in givers}
    given: dict[str, int] = {}
    for account_id, points in contributions.items():
        if account_id not in known or type(points) is not int or points < 0:
            raise ContributorInvalid(account_id)
        given[account_id] = points
    if sum(given.values()) != amount:
        raise ContributionsDiffer
    return given


def shares_of(
    givers: Sequence[Contributor], books: Books, contributions: Mapping[str, int] | None, amount: int
) -> dict[int, int]:
    """Points by ledger account ID that add up to ``amount``; nobody gives more than is available on their locked account.

    Raises ContributorShort, NotEnoughPoints.
    """
    accounts = {each.account_id: each.points_account_id for each in givers}
    weights = {
        account_id: available(books.standings[ledger_id]) if ledger_id else 0
        for account_id, ledger_id in accounts.items()
    }
    if contributions is not None:
        for account_id, points in contributions.items():
            if points > weights[account_id]:
                raise ContributorShort(account_id)
        weights = dict(contributions)
    if sum(weights.values()) < amount:
        raise NotEnoughPoints
    shares: dict[int, int] = {}
    for account_id, share in split(amount, weights).items():
        ledger_id = accounts[account_id]
        assert ledger_id is not None, "Who has no account weighs nothing."
        shares[ledger_id] = share
    return shares


def available(standing: Standing) -> int:
    """Points that can be held: none of an account that takes no debit. Accounts of points have no other floor than 0."""
    return (standing.balance or 0) - standing.held if standing.state == LedgerAccount.State.OPEN else 0
