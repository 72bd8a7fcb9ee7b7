"""What one code allows, changed: the rule itself, pure, for a single code and for every code of a batch alike."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError

from codes.models import Code
from codes.models.terms import UNLIMITED_USES
from codes.uses import LIMIT_NEEDED, MOST_USES
from ledger.models import LedgerTransaction

State = Code.State
Type = LedgerTransaction.Type
UNCHANGED: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different; what is UNCHANGED stays. Validity is half-open."""

    state: str = UNCHANGED
    valid_from: dt.datetime | None = UNCHANGED
    valid_until: dt.datetime | None = UNCHANGED
    max_uses: int = UNCHANGED


class Standing(NamedTuple):
    """What of a code a change looks at; ``worth`` is that of one use, in minor units."""

    state: str
    uses: int
    max_uses: int
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    expired: bool  # Its value has been booked away: not whether it could be redeemed.
    worth: int

    @property
    def left(self) -> int:
        """The value of the uses it has left, in minor units."""
        return self.worth * (self.max_uses - self.uses)

    @property
    def outstanding(self) -> int | None:
        """Its part of the batch's outstanding value, in minor units; None where its value has been booked away."""
        return None if self.expired or self.state == State.DELETED else self.left


class Move(NamedTuple):
    """Value that a change moves, in minor units."""

    type: str
    source: str
    target: str
    amount: int


class Unchangeable(ValidationError):
    """This code cannot be changed so. ``reason`` is a name for counting; the message stands at its field."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__({field: [message]})
        self.reason = reason


def changed(before: Standing, change: Change, now: dt.datetime) -> Standing:
    """The code as the change leaves it, all of it or nothing. Raises Unchangeable."""
    if before.state == State.DELETED:
        raise Unchangeable("deleted", "state", "A deleted code never changes again.")
    state, max_uses = before.state, before.max_uses
    if change.state is not UNCHANGED:
        state = changed_state(state, change.state)
    valid_from = before.valid_from if change.valid_from is UNCHANGED else change.valid_from
    valid_until = before.valid_until if change.valid_until is UNCHANGED else change.valid_until
    if valid_from and valid_until and valid_from >= valid_until:
        raise Unchangeable("validity_empty", "valid_until", "A code must become valid before it ends.")
    if change.max_uses is not UNCHANGED:
        if change.max_uses == UNLIMITED_USES and before.worth:
            raise Unchangeable("limit_needed", "max_uses", LIMIT_NEEDED)
        state, max_uses = changed_uses(state, before.uses, change.max_uses)
    # A code whose end lies ahead again has its value again.
    expired = before.expired and valid_until is not None and valid_until <= now
    if expired and max_uses != before.max_uses:
        raise Unchangeable("expired", "max_uses", "This code has expired: extend it first.")
    return Standing(state, before.uses, max_uses, valid_from, valid_until, expired, before.worth)


def changed_state(before: str, wanted: str) -> str:
    """Active, disabled or deleted; used_up is only ever reached by using, and stays so when switched off."""
    if wanted not in (State.ACTIVE, State.DISABLED, State.DELETED):
        raise Unchangeable("state", "state", "Choose active, disabled or deleted.")
    return before if before == State.USED_UP and wanted == State.DISABLED else wanted


def changed_uses(state: str, uses: int, wanted: int) -> tuple[str, int]:
    """State and maximum of a code that may be used ``wanted`` times in all, or without limit."""
    fewest = max(1, uses)
    if wanted != UNLIMITED_USES and not fewest <= wanted <= MOST_USES:
        raise Unchangeable("fewer_than_used", "max_uses", f"Give a whole number from {fewest:,} to {MOST_USES:,}.")
    if state == State.USED_UP and uses < wanted:
        state = State.ACTIVE
    elif state == State.ACTIVE and uses == wanted:
        state = State.USED_UP
    return state, wanted


def moves(before: Standing, after: Standing) -> Iterator[Move]:
    """The value that the change moves: revived value comes back from expired, more uses are issued, fewer are voided."""
    had, has = before.outstanding, after.outstanding
    if had is None:
        if has is None:
            return
        had = before.left
        if had:
            yield Move(Type.UNEXPIRY, "expired", "outstanding", had)
    if (has or 0) > had:
        yield Move(Type.ACTIVATION, "funding", "outstanding", (has or 0) - had)
    elif (has or 0) < had:
        yield Move(Type.VOIDING, "outstanding", "voided", had - (has or 0))
