"""What every action can do: say what it needs, judge, perform for many at once, and take back exactly what it gave."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from django.core.exceptions import ValidationError

from codes.models import Attempt
from codes.redemption.case import Case
from ledger.books import Booking
from ledger.models import Asset


@dataclass(frozen=True, slots=True)
class Effect:
    """What one redemption will do: told in the receipt (``result``), kept for its reversal (``given``), booked if it has value."""

    result: dict[str, Any]
    given: dict[str, Any] | None = None
    booking: Booking | None = None


class Action:
    """One deed a code can do. ``load`` and ``perform`` get all of a list's cases with this action, so both cost a fixed number
    of statements."""

    name: ClassVar[str]
    label: ClassVar[str]
    moves_value: ClassVar[bool] = False
    for_browser: ClassVar[bool] = False  # What it gives, it gives to a browser, and needs no claimant.

    def clean(self, site_id: int, parameters: dict[str, Any], asset: Asset | None, value: int) -> dict[str, Any]:
        """The parameters as terms store them. Raises ValidationError with field names."""
        raise NotImplementedError

    def load(self, cases: Sequence[Case]) -> None:
        """Read what judging needs beyond codes, claimants and accounts, into ``case.extra``; under the locks."""

    def judge(self, case: Case) -> Effect:
        """What this case will do, pure. Raises a Refusal of step 8."""
        raise NotImplementedError

    def remember(self, case: Case) -> None:
        """Note in what ``load`` shared what this case does, for the list's later cases; only once nothing refuses it any more."""

    def perform(self, cases: Sequence[Case], now: dt.datetime) -> None:
        """Write what the effects say beyond their bookings, which the engine posts."""

    def take_back(self, attempt: Attempt, actor_id: str, now: dt.datetime) -> None:
        """Undo exactly what ``attempt.given`` says beyond the ledger, whose reversal the reversing deed books."""


def refuse_value(asset: Asset | None, value: int) -> None:
    """For actions that give something other than value."""
    if asset is not None or value:
        raise ValidationError({"value": ["This action gives no value: leave the value and the asset empty."]})


def refuse_unknown(parameters: dict[str, Any], *known: str) -> None:
    unknown = sorted(set(parameters) - set(known))
    if unknown:
        raise ValidationError({"parameters": [f"Unknown parameter: {', '.join(unknown)}."]})
