"""Many callers and the points of one member or household: each point is held, and spent, once."""

import datetime as dt
import os
import random
from collections import Counter

import pytest

from accounts import clock, households
from accounts.models import Household, Member
from deploy.local.processes import wait_until
from ledger import expiring_holds, granting, points, reserving, settling
from ledger.models import AccountHold, LedgerAccount, LedgerTransaction, Reservation, Spending
from tests.ledger.membership import make_member
from tests.races.arena import CROWD
from tests.races.callers import at_once
from tests.races.families import CALLER, Family, told

pytestmark = pytest.mark.races


def family(arena, *holdings: int) -> Family:
    """Members with so many points; a household if there are several."""
    home = Household.objects.create(site=arena.site, created_at=arena.site.created_at) if len(holdings) > 1 else None
    first = Member.objects.count()
    members = [
        make_member(arena.site, f"racer {first + number}", holds, household=home, role="member" if home else "")
        for number, holds in enumerate(holdings)
    ]
    accounts = LedgerAccount.objects.filter(owner__member__in=members).order_by("owner__member__id")
    return Family(members, list(accounts.values_list("pk", flat=True)))


def balance(alone: Family) -> tuple[int, int]:
    account = alone.account(0)
    return account.balance, account.held


def test_case_32_64_callers_redeem_one_token(unguarded, guarded):
    def race(arena):
        alone = family(arena, 25_000)
        token = alone.reserve(20_000).token
        heard = Counter(at_once(arena, [lambda: alone.redeem(token)] * CROWD, told))
        debits = [transfer.amount for transfer in alone.transfers()]
        return alone, heard, debits

    with unguarded:
        alone, heard, debits = race(unguarded)
        assert heard["done"] > 1
        assert len(debits) > 1
        assert alone.missing()

    with guarded:
        for _ in range(3):
            alone, heard, debits = race(guarded)
            assert heard == {"done": 1, "ReservationGone": CROWD - 1}
            assert (debits, balance(alone)) == ([20_000], (5_000, 0))
            assert Spending.objects.filter(owner=alone.members[0].user).count() == 1
            assert alone.missing() == []


def test_case_33_64_reservations_of_5000_by_a_member_who_has_25000(unguarded, guarded):
    def race(arena):
        alone = family(arena, 25_000)
        heard = Counter(at_once(arena, [lambda: alone.reserve(5_000)] * CROWD, told))
        return alone, heard

    with unguarded:
        alone, heard = race(unguarded)
        assert heard["reserved 5000"] > 5
        assert alone.missing()

    with guarded:
        for _ in range(3):
            alone, heard = race(guarded)
            assert heard == {"reserved 5000": 5, "NotEnoughPoints": CROWD - 5}
            assert balance(alone) == (25_000, 25_000)
            assert AccountHold.objects.filter(account=alone.account_ids[0], ended_as="").count() == 5
            assert alone.missing() == []


def test_64_callers_void_one_redemption(unguarded, guarded):
    def race(arena):
        together = family(arena, 6_000, 3_000, 1_000)
        told_id = str(together.redeem(together.reserve(5_000).token).pk)
        heard = Counter(at_once(arena, [lambda: together.void(told_id)] * CROWD, told))
        return together, heard

    with unguarded:
        together, heard = race(unguarded)
        assert heard["done"] > 1
        assert together.missing()

    with guarded:
        together, heard = race(guarded)
        assert heard == {"done": 1, "SpendingVoided": CROWD - 1}
        assert [account for account, *_ in together.picture()["accounts"]] == [6_000, 3_000, 1_000]
        assert together.missing() == []


class Crowded:
    """A household on which everybody does what comes into their heads, with tokens that all of them know."""

    HOLDINGS = (20_000, 12_000, 8_000, 4_000, 0)
    DEEDS = 5
    WEIGHTS = {
        **{"reserve": 6, "reduce": 3, "cancel": 2, "redeem": 3, "void": 2},
        **{"give": 1, "take": 1, "move": 1, "sweep": 1, "read": 1},
    }

    @property
    def heard(self) -> Counter[str]:
        return Counter(self.told)

    def __init__(self, arena, seed: int) -> None:
        self.arena, self.seed = arena, seed
        self.family = family(arena, *self.HOLDINGS)
        # (token, owner) → the amounts that were told of it, and how its end was told.
        self.tokens: dict[tuple[str, int], list[int]] = {}
        self.ended: dict[tuple[str, int], list[str]] = {}
        self.spendings: list[tuple[str, int]] = []
        self.told: list[str] = []  # By many threads, and none of it is lost.

    def caller(self, number: int):
        chance = random.Random(self.seed * CROWD + number)

        def act() -> None:
            for _ in range(self.DEEDS):
                name = chance.choices(list(self.WEIGHTS), list(self.WEIGHTS.values()))[0]
                heard = told(lambda name=name: getattr(self, name)(chance))
                self.told.append(f"{name}: {heard.split()[0]}")

        return act

    def reserve(self, chance):
        who = chance.randrange(len(self.HOLDINGS))
        seconds = chance.choice((1, 900, 900))
        made = self.family.reserve(chance.randint(1, 9_000), who, seconds)
        self.ended[made.token, who] = []
        self.tokens[made.token, who] = [made.amount]
        return made

    def any_token(self, chance):
        # The latest most of all, so that they are met while they are open.
        known = list(self.tokens)[-12:]
        return chance.choice(known) if known else ("nobody's", 0)

    def reduce(self, chance):
        token, who = known = self.any_token(chance)
        # Mostly to less than is held: more is refused whenever it comes.
        most = chance.choice((self.tokens.get(known, [9_000])[-1], 9_000))
        made = points.reduce_points(self.family.members[who], token, chance.randint(1, most), caller=CALLER)
        self.tokens[known].append(made.amount)
        return made

    def cancel(self, chance):
        token, who = known = self.any_token(chance)
        points.cancel_points(self.family.members[who], token)
        self.ended[known].append("released")

    def redeem(self, chance):
        token, who = known = self.any_token(chance)
        spending = self.family.redeem(token, who)
        self.ended[known].append("consumed")
        self.spendings.append((str(spending.pk), who))

    def void(self, chance):
        told_id, who = chance.choice(self.spendings[-6:]) if self.spendings else ("nothing", 0)
        self.family.void(f"{told_id}{chance.choice(('', '-1'))}", who)

    def give(self, chance):
        # What is spent twice of lots leaves rows that nobody can settle any more.
        until = clock.read() + dt.timedelta(seconds=chance.choice((1, 900))) if self.arena.guarded else None
        self.grant(chance, chance.randint(1, 500), kind="campaign", expires_at=until)

    def take(self, chance):
        self.grant(chance, -chance.randint(1, 500), kind="correction")

    def grant(self, chance, amount, **fields):
        account = self.family.account(chance.randrange(len(self.HOLDINGS)))
        granting.grant_points(account, amount, reason="a race", actor_id="staff", **fields)

    def move(self, chance):
        """The last member leaves the household, or comes back."""
        last = Member.objects.get(pk=self.family.members[-1].pk)
        if last.household_id:
            households.leave(last, actor_id="staff", reason="a race")
        else:
            households.join(last, self.family.members[0].household, actor_id="staff")

    def sweep(self, chance):
        expiring_holds.sweep_reservations(seconds=0.2)
        settling.sweep_due(seconds=0.2)

    def read(self, chance):
        """What is read in the midst of it adds up, too."""
        read = points.household_balance(self.family.members[0].household_id)
        assert 0 <= read.held <= read.balance
        assert read.available == read.balance - read.held

    def race(self) -> "Crowded":
        at_once(self.arena, [*map(self.caller, range(CROWD))], told)
        if self.arena.guarded:
            assert wait_until(lambda: not self.due_soon(), seconds=10)
            settling.sweep_due()
        return self

    def due_soon(self) -> bool:
        """Whether anything is open that expires within the next moments."""
        expiring_holds.sweep_reservations()
        soon = clock.read() + dt.timedelta(seconds=5)
        return Reservation.objects.filter(site=self.arena.site, ended_as="", expires_at__lte=soon).exists()

    def wrong(self) -> list[str]:
        """What the rows say that nobody was told, or that does not add up."""
        found = self.family.missing()
        for (token, who), amounts in self.tokens.items():
            row = Reservation.objects.get(token_digest=reserving.digest(token))
            ends = self.ended[token, who]
            if len(ends) > 1 or (ends and ends != [row.ended_as]) or (not ends and row.ended_as not in ("", "expired")):
                found.append(f"told {ends} of a reservation that is {row.ended_as or 'open'}")
            holds = list(row.account_holds.values_list("amount", "ended_as"))
            if row.ended_as != "released" and sum(amount for amount, end in holds if end == row.ended_as) != min(
                amounts
            ):
                found.append(f"told {amounts} of holds {holds}")
        voided = [count for name, count in self.heard.items() if name == "void: done"]
        spent = Spending.objects.filter(owner__member__in=self.family.members)
        if spent.count() != len(self.spendings):
            found.append(f"{spent.count()} redemptions, and {len(self.spendings)} were told")
        void = LedgerTransaction.objects.filter(reverses__in=spent.values("transaction"))
        if void.count() != sum(voided):
            found.append(f"{void.count()} voids, and {voided} were told")
        return [f"seed {self.seed}: {each}" for each in found]


def test_64_callers_do_what_they_like_with_one_household_and_every_point_is_accounted_for(unguarded, guarded):
    with unguarded:
        assert Crowded(unguarded, 1).race().wrong()

    with guarded:
        seed = int(os.environ.get("RACES_SEED") or random.randrange(10**6))
        print(f"seed {seed} (RACES_SEED)")
        crowded = Crowded(guarded, seed).race()
        assert crowded.wrong() == []
        # It was no race if nobody came too late, or all did.
        for deed in ("reduce", "cancel", "redeem", "void", "reserve", "give"):
            done = crowded.heard[f"{deed}: done"] + crowded.heard[f"{deed}: reserved"]
            assert done, crowded.heard
        assert crowded.heard["redeem: ReservationGone"]
        assert crowded.heard["void: SpendingVoided"]
        assert sum(crowded.heard.values()) == CROWD * Crowded.DEEDS
