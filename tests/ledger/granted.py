"""Points that tests grant, by the platform's own deed."""

import datetime as dt
from typing import Any

from accounts import clock
from ledger.granting import grant_points
from ledger.models import LedgerAccount, Lot, PointsGrant
from tests.factories import make_account, make_asset, make_site, make_user

DAY = dt.timedelta(days=1)


def make_points_account(**fields: Any) -> LedgerAccount:
    """An empty points account of a claimant of a new site."""
    return make_account(make_user(make_site()), make_asset("PTS"), **fields)


def grant(account: LedgerAccount, amount: int, days: int | None = None, **fields: Any) -> PointsGrant:
    """A campaign's points, usable for so many days (None: without end)."""
    expires_at = clock.read() + days * DAY if days else None
    fields = {"kind": "campaign", "reason": "spring", "actor_id": "u-boss", "expires_at": expires_at} | fields
    made, _ = grant_points(account, amount, **fields)
    return made


def lots(account: LedgerAccount) -> list[tuple[int, int, int]]:
    """(granted, remaining, held) of the account's lots as they are stored, the first to expire first."""
    return list(Lot.objects.filter(account=account).values_list("amount", "remaining", "held"))
