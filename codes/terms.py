"""What a batch to be asks for, checked, and made into the terms of its codes."""

import datetime as dt
import json
from dataclasses import dataclass, field, fields
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError

from accounts import digests
from accounts.models import Site
from accounts.models.sites import time_zones
from codes import formats
from codes.actions.registry import ACTIONS
from codes.models import Terms
from codes.models.terms import UNLIMITED_USES
from codes.uses import LIMIT_NEEDED
from ledger.models import Asset

MOST_CODES = 10_000_000
LARGEST_VALUE = 10**12
LARGEST_TOTAL = 10**15


@dataclass(frozen=True, kw_only=True)
class NewBatch:
    """A batch to be, with the terms of its codes and how many there are to be.

    ``value`` is in minor units of the asset; ``uses`` may be UNLIMITED_USES where there is none; ``valid_from`` and
    ``valid_until`` are days in ``time_zone``, the last one included. ``caller_key`` scopes the idempotency key; ``actor_id`` is
    who the audit names.
    """

    site_id: int
    name: str
    count: int
    caller_key: str
    actor_id: str
    action: str = "credit"
    parameters: dict[str, Any] = field(default_factory=dict)
    asset_code: str = ""
    value: int = 0
    uses: int = 1
    uses_per_claimant: int = 1
    cooldown_seconds: int = 0
    venues: list[str] = field(default_factory=list)
    valid_from: dt.date | None = None
    valid_until: dt.date | None = None
    time_zone: str = "UTC"
    format: str = "ours"
    pattern: str = ""
    total_cap: int | None = None
    replenish_below: int | None = None
    replenish_by: int | None = None
    idempotency_key: str | None = None
    supplied: tuple[str, ...] | None = None  # The codes themselves, where they are given as they are.

    def fingerprint(self) -> bytes:
        """A keyed digest of everything that was asked for."""
        said = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "idempotency_key"}
        # Asked for by nobody before there was such a thing: a key that was used then keeps its digest.
        later = ("replenish_below", "replenish_by", "supplied")
        said = {name: value for name, value in said.items() if value is not None or name not in later}
        # Not orjson: it refuses whole numbers of more than 64 bits, which are told as out of bounds later.
        return digests.keyed("order_batch", json.dumps(said, sort_keys=True, default=str))


def make_terms(new: NewBatch, *, in_batch: int | None) -> Terms:
    """The terms row, checked; ``in_batch`` codes will be drawn in its format, None where they are supplied.

    Raises ValidationError with field names.
    """
    site = Site.objects.get(pk=new.site_id)
    check_count(new.count)
    bounds = {
        "uses": (new.uses, 1, 10**6),
        "uses_per_claimant": (new.uses_per_claimant, 1, 10**6),
        "cooldown_seconds": (new.cooldown_seconds, 0, 10 * 366 * 86_400),
        "value": (new.value, 0, LARGEST_VALUE),
    }
    wrong = {
        name: [f"Give a whole number from {low:,} to {high:,}."]
        for name, (got, low, high) in bounds.items()
        if not low <= got <= high
    }
    if new.uses == UNLIMITED_USES:
        del wrong["uses"]
        if new.asset_code or new.value:
            wrong["uses"] = [LIMIT_NEEDED]
    if new.action not in ACTIONS:
        wrong["action"] = [f"Choose one of: {', '.join(ACTIONS)}."]
    if new.time_zone not in time_zones():
        wrong["time_zone"] = ["This time zone is not known."]
    if not all(isinstance(venue, str) and 0 < len(venue) <= 100 for venue in new.venues) or len(new.venues) > 1_000:
        wrong["venues"] = ["Give up to 1,000 venue IDs of up to 100 characters."]
    asset = Asset.objects.filter(code=new.asset_code).first() if new.asset_code else None
    if new.asset_code and asset is None:
        wrong["asset"] = ["This asset is not known."]
    if bool(new.asset_code) != bool(new.value):
        wrong.setdefault("value", ["A value and its asset come together."])
    if wrong:
        raise ValidationError(wrong)
    check_total(new.value * new.uses * new.count)
    if in_batch is not None:
        formats.check(new.format, new.pattern, in_batch, site.guesses_per_year)
    valid_from, valid_until = instants(new.valid_from, new.valid_until, new.time_zone)
    return Terms.objects.create(
        site_id=new.site_id,
        action=new.action,
        parameters=ACTIONS[new.action].clean(new.site_id, new.parameters, asset, new.value),
        asset=asset,
        value=new.value,
        uses=new.uses,
        uses_per_claimant=new.uses_per_claimant,
        cooldown_seconds=new.cooldown_seconds,
        venues=new.venues,
        valid_from=valid_from,
        valid_until=valid_until,
        time_zone=new.time_zone,
        format=new.format,
        pattern=new.pattern,
    )


def check_count(count: int) -> None:
    if not 1 <= count <= MOST_CODES:
        raise ValidationError({"count": [f"Give a whole number from 1 to {MOST_CODES:,}."]})


def check_total(total: int) -> None:
    if total > LARGEST_TOTAL:
        raise ValidationError({"value": ["All codes together would be worth more than can be booked."]})


def instants(
    first_day: dt.date | None, last_day: dt.date | None, time_zone: str
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Days in a time zone as the half-open instants that are stored: the last day counts to its end."""
    if first_day and last_day and last_day < first_day:
        raise ValidationError({"valid_until": ["The last day lies before the first."]})
    zone = ZoneInfo(time_zone)
    return start_of(first_day, 0, zone, "valid_from"), start_of(last_day, 1, zone, "valid_until")


def start_of(day: dt.date | None, days_later: int, zone: ZoneInfo, field_name: str) -> dt.datetime | None:
    """The first instant of the day so many days after ``day``. Raises ValidationError at the calendar's ends."""
    if day is None:
        return None
    try:
        return dt.datetime.combine(day + dt.timedelta(days=days_later), dt.time(), zone).astimezone(dt.UTC)
    except OverflowError as error:
        raise ValidationError({field_name: ["This day cannot be stored."]}) from error
