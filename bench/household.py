"""One process that reserves and redeems the points of households of five, over a connection of its own, as fast as it can."""

import time
from itertools import cycle
from typing import Any

from accounts import households, loyalty_settings, members
from accounts.models import Member, Site
from bench.redeeming import spent
from bench.stocking import SITE
from ledger import opening
from ledger.granting import grant_points
from ledger.models import Asset
from ledger.points import RedeemPoints, ReservePoints, redeem_points, reserve_points

MEMBERS = 5
GRANTED = 10**9
AMOUNT = 1_000  # Of which each of the five gives a share.
SECONDS = 86_400
WARM_UP = 50


def prepare_households(count: int) -> None:
    """The site's programme, and so many households whose members have points enough for every round."""
    site = Site.objects.get(slug=SITE)
    points = Asset.objects.get_or_create(
        code="PTS", defaults={"name": "Points", "kind": Asset.Kind.POINTS, "exponent": 0}
    )[0]
    loyalty_settings.switch_feature(site, True, actor_id=SITE, reason="bench")
    for number in range(count):
        household = households.create_household(site, f"H-{number}", actor_id=SITE)
        for place in range(MEMBERS):
            name = f"house-{number}-{place}"
            user = opening.create_claimant(site, f"{name}@example.test", claimant_id=name)
            account = opening.open_account(user, points)
            grant_points(account, GRANTED + place, kind="campaign", reason="bench", actor_id=SITE)
            member = members.create_member(user, account_id=name, actor_id=SITE)
            households.join(member, household, actor_id=SITE)


def redeem_households(seconds: float, most: int, server_pid: int) -> dict[str, Any]:
    """Reserve up to ``most`` times, then redeem what was reserved; both timed, for ``seconds`` each at most.

    However slow the machine, some are left for the time after the warm-up.
    """
    found = Member.objects.filter(account_id__endswith="-0", household__isnull=False).order_by("id")
    buyers = cycle(list(found.select_related("user", "site", "household")))
    reserved, before, deadline = [], spent(server_pid), time.perf_counter() + seconds
    while len(reserved) < most and (time.perf_counter() < deadline or len(reserved) < 2 * WARM_UP):
        member = next(buyers)
        reserved.append((member, reserve_points(ReservePoints(member, SITE, AMOUNT, seconds=SECONDS)).token))
    reserving = [after - at_first for after, at_first in zip(spent(server_pid), before, strict=True)]
    for member, token in reserved[:WARM_UP]:
        redeem_points(RedeemPoints(member, SITE, token, "MAIN"))
    left, redeemed, before = reserved[WARM_UP:], 0, spent(server_pid)
    deadline = before[0] + seconds
    for member, token in left:
        if time.perf_counter() >= deadline:
            break
        redeem_points(RedeemPoints(member, SITE, token, "MAIN", channel="APP", correlation_id="bench"))
        redeemed += 1
    taken, own, database = (after - at_first for after, at_first in zip(spent(server_pid), before, strict=True))
    if not redeemed:
        raise RuntimeError("There were too few reservations to measure anything.")
    return {
        "reserved_per_second": len(reserved) / reserving[0],
        "per_second": redeemed / taken,
        "cpu_ms": own * 1_000 / redeemed,
        "database_cpu_ms": database * 1_000 / redeemed,
    }
