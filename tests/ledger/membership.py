"""Loyalty members, households and their points, and what tests of reservations ask about them."""

from collections.abc import Mapping
from typing import Any

from accounts import clock
from accounts.models import Household, Member, Site
from ledger import points
from ledger.invariants import INVARIANTS
from ledger.models import AccountHold, LedgerAccount, Reservation, Transfer
from tests.breaking import violated
from tests.factories import make_account, make_asset, make_site, make_user

CALLER = "client:1"


def make_member(site: Site, account_id: str, holds: int | None = 0, **fields: Any) -> Member:
    """An active member with so many points; None: without a points account."""
    user = make_user(site)
    if holds is not None:
        make_account(user, make_asset("PTS"), balance=holds)
    return Member.objects.create(user=user, site=site, account_id=account_id, created_at=clock.read(), **fields)


def make_household(
    holdings: Mapping[str, int | None], mode: str = "proportional", site: Site | None = None
) -> dict[str, Member]:
    """The members of one household by account ID, each with so many points; the first is its primary."""
    site = site or make_site()
    household = Household.objects.create(site=site, mode=mode, created_at=clock.read())
    return {
        name: make_member(site, name, holds, household=household, role="member" if number else "primary")
        for number, (name, holds) in enumerate(holdings.items())
    }


def account_of(member: Member) -> LedgerAccount:
    return LedgerAccount.objects.get(owner=member.user_id, kind="points")


def reserve(member: Member, amount: int, contributions: Mapping[str, int] | None = None, **fields: Any) -> str:
    """Reserve, and answer the token."""
    command = points.ReservePoints(member, CALLER, amount, contributions, **fields)
    return points.reserve_points(command).token


def redeem(member: Member, token: str, **fields: Any) -> Any:
    fields = {"caller": CALLER, "business_unit": "MAIN"} | fields
    return points.redeem_points(points.RedeemPoints(member, token=token, **fields))


def standing(member: Member) -> tuple[int, int, int]:
    """Balance, held and available, as they are read."""
    read = points.balances_of(member)
    return read.balance, read.held, read.available


def available(members: Mapping[str, Member]) -> dict[str, int]:
    return {name: points.balances_of(member).available for name, member in members.items()}


def moved() -> dict[str, list[Any]]:
    """All value there is: a refusal leaves it as it was."""
    customers = LedgerAccount.objects.filter(owner__isnull=False).order_by("id")
    return {
        "accounts": list(customers.values_list("id", "balance", "held")),
        "holds": list(AccountHold.objects.order_by("id").values_list("id", "amount", "ended_as")),
        "reservations": list(Reservation.objects.order_by("id").values_list("id", "ended_as", "transaction")),
        "transfers": list(Transfer.objects.order_by("id").values_list("id", flat=True)),
        "active": list(Member.objects.order_by("id").values_list("id", "last_activity_at")),
    }


def assert_sound() -> None:
    """No check of the ledger finds anything."""
    assert violated(INVARIANTS) == {}
