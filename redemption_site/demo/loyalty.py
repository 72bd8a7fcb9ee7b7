"""What tills of the loyalty protocol find: settings, business units, a catalogue, members, two households, and some history."""

import datetime as dt

from accounts import clock, households, loyalty_settings, members
from accounts.models import BusinessUnit, CatalogueItem, Household, LoyaltySettings, Member, Site, User
from ledger.granting import grant_points
from ledger.models import Asset, LedgerAccount, Spending, Transfer
from ledger.opening import create_claimant, open_account
from ledger.points import RedeemPoints, ReservePoints, redeem_points, reserve_points
from redemption_site.demo.people import ACTOR, PASSWORD, People

UNITS = ("MAIN", "WEST")
ITEMS = (("MUG", "Coffee mug", 500), ("BAG", "Bag of beans", 1_200))
SOON = dt.timedelta(days=60)
# The members of the protocol's acceptance cases: claimant, name, account ID, loyalty ID, points, and how many of them end soon.
MEMBERS = (
    ("u-1001", "Anna Beispiel", "M1", "6000000001", 25_000, 5_000),
    ("u-h-a", "Ada Berger", "A", "6000000011", 3_000_000, 0),
    ("u-h-b", "Bruno Berger", "B", "6000000012", 2_000_000, 400_000),
    ("u-h-c", "Clara Berger", "C", "6000000013", 1_000_000, 0),
    ("u-k-d", "Dina Keller", "D", "6000000021", 700, 0),
    ("u-k-e", "Emil Keller", "E", "6000000022", 300, 100),
    ("u-k-f", "Finn Keller", "F", "6000000023", 0, 0),
)
HOUSEHOLDS = (
    ("H-1", Household.Mode.PROPORTIONAL, ("A", "B", "C")),
    ("K-1", Household.Mode.REQUEST_DEFINED, ("D", "E", "F")),
)
REDEEMED = 600  # So that the household's picture is not empty.


def load_loyalty(people: People) -> None:
    """Set up the first site's loyalty programme, once; the members' points are granted once each."""
    site = people.site
    if not LoyaltySettings.objects.filter(site=site).exists():
        loyalty_settings.switch_feature(site, True, actor_id=ACTOR, reason="The demonstration's programme.")
    for name in UNITS:
        if not BusinessUnit.objects.filter(site=site, name=name).exists():
            loyalty_settings.add_business_unit(site, name, actor_id=ACTOR)
    for item_id, name, points in ITEMS:
        if not CatalogueItem.objects.filter(site=site, item_id=item_id).exists():
            loyalty_settings.add_item(site, item_id, name, points, actor_id=ACTOR)
    made = {row[2]: load_member(site, *row) for row in MEMBERS}
    for household_id, mode, account_ids in HOUSEHOLDS:
        load_household(site, household_id, mode, [made[each] for each in account_ids])
    load_redemption(made["A"])


def load_member(
    site: Site, claimant_id: str, name: str, account_id: str, loyalty_id: str, points: int, ending: int
) -> Member:
    """A member with their points, of which ``ending`` end soon."""
    user = User.objects.filter(site=site, claimant_id=claimant_id).first()
    user = user or create_claimant(site, claimant_id=claimant_id, password=PASSWORD, name=name)
    open_account(user, Asset.objects.get(code="PTS"))
    account = LedgerAccount.objects.select_related("asset").get(owner=user, kind=LedgerAccount.Kind.POINTS)
    if not Transfer.objects.filter(credit_account=account).exists():
        grants = ((points - ending, None), (ending, clock.read() + SOON))
        for amount, expires_at in grants:
            if amount:
                reason = "Welcome to the programme" if expires_at is None else "Bonus of the season"
                grant_points(
                    account,
                    amount,
                    kind="campaign",
                    reason=reason,
                    comment=reason,
                    expires_at=expires_at,
                    actor_id=ACTOR,
                )
    found = Member.objects.filter(user=user).first()
    return found or members.create_member(user, account_id=account_id, loyalty_id=loyalty_id, actor_id=ACTOR)


def load_household(site: Site, household_id: str, mode: str, belonging: list[Member]) -> None:
    """The first of them is its primary."""
    if Household.objects.filter(site=site, household_id=household_id).exists():
        return
    household = households.create_household(site, household_id, mode, actor_id=ACTOR)
    for member in belonging:
        role = Member.Role.PRIMARY if member == belonging[0] else Member.Role.MEMBER
        households.join(member, household, role, actor_id=ACTOR)


def load_redemption(member: Member) -> None:
    """One redemption of the member's household, once."""
    if Spending.objects.filter(owner=member.user_id).exists():
        return
    member = Member.objects.select_related("user", "site", "household").get(pk=member.pk)
    token = reserve_points(ReservePoints(member, ACTOR, REDEEMED)).token
    redeem_points(RedeemPoints(member, ACTOR, token, UNITS[0], channel="POS", external_reference="ORDER-77"))
