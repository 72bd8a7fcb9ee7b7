"""Households in bulk, the deeds that meet on one of them, and what is to be seen of it when they have ended."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import uuid_utils.compat as uuid
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q

from accounts import clock, households
from accounts.models import Household, Member, Site, User
from accounts.refusals import Refusal
from ledger import expiring_holds, granting, opening, points, settling
from ledger.books import Booking, Leg
from ledger.models import AccountHold, LedgerAccount, LedgerTransaction, Lot, Spending, Transfer
from ledger.points_refusals import PointsRefused
from ledger.posting import post
from tests.factories import make_asset

CALLER = "client:1"
HOLDINGS = (500, 300, 200)
SHARES = (40, 30, 30)  # Hundredths of a holding: what expires first, what expires later, and what never does.
RESERVED, SPENT = 400, 100
OPENING = "opening balance"
# Seconds: nothing waits for a reservation or a lot to expire, the clock is moved.
BRIEF, BRIEF_LOT, LATER, LASTING = 900, 2_000, 4_000, 10**6


class Family:
    """A household whose members have points, and what has been done with some of them: a reservation, a redemption."""

    def __init__(self, members: list[Member], account_ids: list[int]) -> None:
        self.members = members
        self.account_ids = account_ids
        self.token = self.spent_as = ""

    @property
    def wanted(self) -> int:
        """More than half of what can be reserved before the deeds begin: it can be had once."""
        return (sum(HOLDINGS) - RESERVED * bool(self.token) - SPENT * bool(self.spent_as)) * 3 // 5

    def reserve(self, amount: int, who: int = 0, seconds: int = LASTING) -> points.Reserved:
        return points.reserve_points(points.ReservePoints(self.members[who], CALLER, amount, seconds=seconds))

    def redeem(self, token: str, who: int = 0) -> Spending:
        return points.redeem_points(points.RedeemPoints(self.members[who], CALLER, token, "MAIN"))

    def void(self, told: str, who: int = 0) -> LedgerTransaction:
        return points.void_spending(self.members[who], told, caller=CALLER, adjustment_days=30)

    def account(self, who: int) -> LedgerAccount:
        return LedgerAccount.objects.get(pk=self.account_ids[who])

    def prepare(self, *, token: bool, spent: bool, seconds: int = LASTING) -> "Family":
        if spent:
            self.spent_as = str(self.redeem(self.reserve(SPENT).token).pk)
        if token:
            self.token = self.reserve(RESERVED, seconds=seconds).token
        return self

    def picture(self) -> dict[str, Any]:
        """All that the deeds have left, in words that are the same for every family and at any time."""
        place = {account_id: number for number, account_id in enumerate(self.account_ids)}
        owner = {member.user_id: number for number, member in enumerate(self.members)}
        reservations: dict[Any, list[Any]] = defaultdict(list)
        for row in AccountHold.objects.filter(account__in=place).values_list(
            *("reservation", "reservation__owner", "reservation__ended_as"),
            *("account", "original_amount", "amount", "ended_as"),
        ):
            reservations[row[0], owner[row[1]], row[2]].append((place[row[3]], *row[4:]))
        moved: dict[Any, list[Any]] = defaultdict(list)
        for row in self.transfers().values_list(
            *("transaction", "transaction__type", "debit_account", "credit_account", "amount"),
        ):
            moved[row[0], row[1]].append((place.get(row[2], -1), place.get(row[3], -1), row[4]))
        members = Member.objects.filter(pk__in=[each.pk for each in self.members]).order_by("pk")
        lots = Lot.objects.filter(account__in=place).order_by("account", "pk")
        return {
            "accounts": list(LedgerAccount.objects.filter(pk__in=place).order_by("pk").values_list("balance", "held")),
            "reservations": sorted((*key[1:], tuple(sorted(held))) for key, held in reservations.items()),
            "moved": sorted((key[1], tuple(sorted(legs))) for key, legs in moved.items()),
            "members": [(each.household_id is not None, each.last_activity_at is not None) for each in members],
            "lots": [(place[each.account_id], each.amount, each.remaining, each.held) for each in lots],
        }

    def transfers(self) -> Any:
        mine = Q(debit_account__in=self.account_ids) | Q(credit_account__in=self.account_ids)
        return Transfer.objects.filter(mine).exclude(transaction__comment=OPENING).order_by("pk")

    def missing(self) -> list[str]:
        """For every member: available + held + spent + expired = granted, and nothing of it is below nothing."""
        spent, granted, expired = ([0] * len(self.account_ids) for _ in range(3))
        place = {account_id: number for number, account_id in enumerate(self.account_ids)}
        consumed = AccountHold.objects.filter(account__in=place, ended_as="consumed")
        voided = set(
            LedgerTransaction.objects.filter(
                reverses__in=consumed.values("reservation__transaction"), type="void"
            ).values_list("reverses", flat=True)
        )
        for account_id, amount, spent_by in consumed.values_list("account", "amount", "reservation__transaction"):
            spent[place[account_id]] += amount * (spent_by not in voided)
        for row in Transfer.objects.filter(Q(debit_account__in=place) | Q(credit_account__in=place)).values_list(
            *("debit_account", "credit_account", "amount"),
            *("debit_account__purpose", "credit_account__purpose", "transaction__type"),
            "transaction__spending",
        ):
            debit, credit, amount, source, target, type_, told = row
            if source == "funding":
                granted[place[credit]] += amount
            elif target == "funding":
                granted[place[debit]] -= amount
            elif target == "expired":
                expired[place[debit]] += amount
            elif type_ == "spend" and told is None:
                spent[place[debit]] += amount
        wrong = []
        accounts = LedgerAccount.objects.filter(pk__in=place).order_by("pk").values_list("balance", "held")
        for number, (balance, held) in enumerate(accounts):
            parts = {
                "available": (balance or 0) - held,
                "held": held,
                "spent": spent[number],
                "expired": expired[number],
            }
            if sum(parts.values()) != granted[number] or min(parts.values()) < 0:
                wrong.append(f"member {number}: {parts}, granted {granted[number]}")
        return wrong


def make_families(site: Site, *, seconds: float = LASTING, at_a_time: int = 100) -> Iterator[Family]:
    """As many families as are asked for, made some at a time by what the deeds themselves would have written.

    What they have expires partly in so many ``seconds``, partly much later, and partly never.
    """
    while True:
        yield from some_families(site, seconds, at_a_time)


def some_families(site: Site, seconds: float, count: int) -> list[Family]:
    asset, now = make_asset("PTS"), clock.read()
    size, system = len(HOLDINGS), opening.system_accounts(site.pk, asset)
    with transaction.atomic():
        homes = Household.objects.bulk_create(Household(site=site, created_at=now) for _ in range(count))
        users = User.objects.bulk_create(User(site=site) for _ in range(count * size))
        members = Member.objects.bulk_create(
            Member(
                user=user,
                site=site,
                # Equal remainders go by these names, which are in one order in every family.
                account_id=f"{user.pk:09}",
                household=homes[number // size],
                role="member" if number % size else "primary",
                created_at=now,
            )
            for number, user in enumerate(users)
        )
        accounts = LedgerAccount.objects.bulk_create(
            LedgerAccount(owner=user, kind="points", site=site, asset=asset, balance=0) for user in users
        )
        for share, expires_in in zip(SHARES, (seconds, LASTING, None), strict=True):
            expires_at = None if expires_in is None else now + dt.timedelta(seconds=expires_in)
            legs = tuple(
                Leg(system["funding"].pk, account.pk, HOLDINGS[number % size] * share // 100, expires_at=expires_at)
                for number, account in enumerate(accounts)
            )
            post([Booking(uuid.uuid7(), site.pk, LedgerTransaction.Type.GRANT, legs, OPENING)], now)
    places = [slice(number, number + size) for number in range(0, len(users), size)]
    return [Family(members[each], [account.pk for account in accounts[each]]) for each in places]


Deed = Callable[[Family, int], Any]  # On a family, as the first (0) or the second (1) of two.


def reserve(family: Family, place: int) -> Any:
    return family.reserve(family.wanted, who=place)


def reduce(family: Family, place: int) -> Any:
    return points.reduce_points(family.members[0], family.token, (250, 300)[place])


def cancel(family: Family, place: int) -> Any:
    return points.cancel_points(family.members[0], family.token)


def redeem(family: Family, place: int) -> Any:
    return family.redeem(family.token)


def void(family: Family, place: int) -> Any:
    return family.void(family.spent_as)


def expire(family: Family, place: int) -> None:
    """The reservation's last moment comes, and the sweeps."""
    settings.CLOCK_OFFSET_SECONDS += LATER
    tidy()


def tidy() -> None:
    expiring_holds.sweep_reservations()
    settling.sweep_due()


def grant(family: Family, place: int) -> Any:
    until = clock.read() + dt.timedelta(seconds=2 * LASTING)
    return granting.grant_points(
        family.account(1), 100 + place, kind="campaign", reason="a race", actor_id="staff", expires_at=until
    )


def take(family: Family, place: int) -> Any:
    """A correction downwards."""
    return granting.grant_points(family.account(1), -130 - place, kind="correction", reason="a race", actor_id="staff")


def leave(family: Family, place: int) -> Any:
    return households.leave(family.members[2], actor_id="staff", reason="")


NEEDS_TOKEN = frozenset({reduce, cancel, redeem, expire})
NEEDS_SPENT = frozenset({void})


def told(deed: Callable[[], Any]) -> str:
    """What whoever does it hears, in words that are the same for every family."""
    try:
        answer = deed()
    except (Refusal, PointsRefused, ValidationError) as refusal:
        return type(refusal).__name__
    return f"reserved {answer.amount}" if isinstance(answer, points.Reserved) else "done"
