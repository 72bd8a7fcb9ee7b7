"""What a door may ask of the engine, and what the engine answers."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import uuid_utils.compat as uuid

from accounts.callers import Caller
from accounts.refusals import Refusal
from codes.models import Attempt

BROWSER_DOOR = "add"  # The only door through which something can be given to a browser.


@dataclass(frozen=True, slots=True)
class RedeemCode:
    """Redeem ``code``, as it was typed, for the claimant with ``claimant_id``.

    ``door`` names the way in ("api", "page", "add") and with it the order of rules. The caller's site is the only one looked at.
    A session code is redeemed through "add" alone, for the browser login ``browser_id``; whoever is the claimant plays no part
    in it then, and need not be there. Through "add" every other code needs a claimant, or is refused with SignInNeeded.
    """

    caller: Caller
    code: str
    claimant_id: str
    door: str = "api"
    channel: str = ""
    venue_id: str = ""
    reference: str | None = None
    idempotency_key: str | None = None
    reservation_token: str | None = None
    browser_id: int | None = None
    id: UUID = field(default_factory=uuid.uuid7)  # Of the attempt: the transaction ID of the answer.


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
