"""What a door may ask of the engine, and what the engine answers."""

import datetime as dt
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import uuid_utils.compat as uuid

from accounts.callers import Caller
from accounts.refusals import Refusal
from codes.models import Attempt

BROWSER_DOOR = "add"  # The only door through which something can be given to a browser.
REPORTED_DOOR = "advice"  # What comes through it has happened already, somewhere else.
PREPAID_DOOR = "prepaid"  # Tops up the money of a person who has been identified.


@dataclass(frozen=True, slots=True)
class Reported:
    """What a till said of a redemption that happened, and when the platform heard of it.

    ``problem`` names what could not be read: "invalid_text", "invalid_date", "invalid_offset" or nothing.
    """

    received_at: dt.datetime
    happened_at: dt.datetime | None = None
    problem: str = ""

    @property
    def instant(self) -> dt.datetime:
        """By which the code is judged. Source: redemption advice, section 4."""
        return self.happened_at or self.received_at


@dataclass(frozen=True, slots=True)
class RedeemCode:
    """Redeem ``code``, as it was typed, for the claimant with ``claimant_id``.

    ``door`` names the way in ("api", "page", "add", …) and with it the order of rules. The caller's site is the only one looked at.
    A session code is redeemed through "add" alone, for the browser login ``browser_id``; whoever is the claimant plays no part
    in it then, and need not be there. Through "add" every other code needs a claimant, or is refused with SignInNeeded.
    Through "advice" comes what is ``reported``, which has no claimant and is judged as of when it happened. Through "prepaid"
    only money is credited. ``comment``, at most 200 characters, is what the booking says to the account's holder; empty: the
    code's batch and serial.
    """

    caller: Caller
    code: str
    claimant_id: str
    door: str = "api"
    channel: str = ""
    venue_id: str = ""
    reference: str | None = None
    comment: str = ""
    idempotency_key: str | None = None
    reservation_token: str | None = None
    browser_id: int | None = None
    reported: Reported | None = None
    id: UUID = field(default_factory=uuid.uuid7)  # Of the attempt: the transaction ID of the answer.


class Inbox(Protocol):
    """Where reported commands lie until they are judged; both are called inside the engine's transaction."""

    def hold(self, ids: Sequence[UUID]) -> Container[UUID]:
        """Lock the work of these commands, before anything else is locked; answers those that are still to be done."""

    def settle(self, outcomes: Sequence["Outcome"], now: dt.datetime) -> None:
        """Write what became of them, their work being done."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one command: redeemed (``refusal`` is None) or refused.

    ``attempt`` carries every column an answer is rendered from, first time and replay alike; it is not ``kept`` where a refusal
    leaves none (too_many_attempts) or the audit could not be written. ``code_shown`` is the code's display form, for the receipt.
    """

    attempt: Attempt
    refusal: Refusal | None = None
    code_shown: str | None = None
    replayed: bool = False
    kept: bool = True

    @property
    def checks(self) -> list[dict[str, Any]]:
        """The ordered checks with the values seen, the last one being the one that failed."""
        return self.attempt.checks
