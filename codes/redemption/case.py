"""One command on its way through the eleven steps, with everything known about it."""

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from accounts.refusals import Refusal
from codes.redemption.commands import Outcome, RedeemCode
from ledger.books import Books, Standing

if TYPE_CHECKING:
    from codes.actions.base import Effect
    from codes.redemption.guessing import Guesses


@dataclass(frozen=True, slots=True)
class Hold:
    """One use of a code that a reservation holds."""

    id: int
    code_id: int
    reservation_id: UUID
    token_digest: bytes
    owner_id: int | None
    expires_at: dt.datetime


@dataclass(slots=True)
class CodeFacts:
    """A code with its batch, order and terms, read under the code's lock. Counters move as the list is judged."""

    id: int
    site_id: int
    batch_id: int
    serial: int
    lookup_odd: bytes | None
    lookup_even: bytes | None
    sealed: bytes
    key_version: int
    state: str
    max_uses: int
    uses: int
    redemptions: int
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    owner_id: int | None
    batch_state: str
    batch_cap: int | None
    batch_uses: int
    order_state: str
    action: str
    parameters: dict[str, Any]
    asset_id: int | None
    asset_code: str | None
    asset_kind: str | None
    asset_exponent: int | None
    value: int
    uses_per_claimant: int
    cooldown_seconds: int
    venues: list[str]
    outstanding_id: int | None
    held: int  # Open holds, those that have expired among them.
    value_expired: bool = False  # Its value was booked away by the sweep.
    outstanding_state: str | None = None
    last_redemption: "Redemption | None" = None
    batch: "BatchFacts | None" = None
    browsers: dict[int, int] = field(default_factory=dict)  # Holding what a session code gave → receipt number.
    holds: list[Hold] = field(default_factory=list)  # That count.
    lapsed: list[Hold] = field(default_factory=list)  # That have expired, and were not ended yet.

    @property
    def needs_batch_lock(self) -> bool:
        """Whether a rule counts over the whole batch; only then are redemptions of different codes serialised."""
        return self.batch_cap is not None or self.cooldown_seconds > 0


@dataclass(slots=True)
class BatchFacts:
    """What is counted over a whole batch, shared by all its codes in the list; kept only under the batch's lock."""

    cap: int | None
    uses: int
    last_by_claimant: dict[int, dt.datetime] = field(default_factory=dict)


@dataclass(slots=True)
class ClaimantFacts:
    id: int
    site_id: int
    claimant_id: str
    is_active: bool
    email: str
    accounts: dict[str, int] = field(default_factory=dict)  # Kind of ledger account → its ID.


@dataclass(frozen=True, slots=True)
class Redemption:
    """The last redemption of a code, for telling its claimant or actor about it.

    Within a list receipt numbers are drawn after the judgement; until then the k-th redemption has the number -k.
    """

    receipt_number: int
    claimant_id: int | None
    caller: str


@dataclass(slots=True)
class ClaimantUses:
    """What one claimant has done with one code: uses in force, redemptions ever, and the last receipt."""

    in_force: int = 0
    ever: int = 0
    receipt_number: int | None = None


@dataclass(slots=True)
class Case:
    """One command and what is known, judged and decided about it. Actions put facts of their own into ``extra``."""

    command: RedeemCode
    form: str | None = None
    lookups: dict[int, bytes] = field(default_factory=dict)  # Key version → digest of the form.
    unreadable: Refusal | None = None
    fingerprint: bytes | None = None
    code: CodeFacts | None = None
    typo: bool = False  # Of a code of our own format: its check symbol is wrong.
    claimant: ClaimantFacts | None = None
    for_browser: bool = False  # A session code through a door that can redeem it: there is no claimant then.
    signed_in: ClaimantFacts | None = None  # In that browser; asked for only where the code is bound to somebody.
    account: Standing | None = None
    uses: ClaimantUses = field(default_factory=ClaimantUses)
    hold: Hold | None = None  # That its token opened, and its use was taken from.
    extra: dict[str, Any] = field(default_factory=dict)

    checks: list[dict[str, Any]] = field(default_factory=list)
    refusal: Refusal | None = None
    effect: "Effect | None" = None
    use_number: int | None = None
    claimant_use_number: int | None = None
    uses_left: int | None = None
    receipt_number: int | None = None

    @property
    def id(self) -> UUID:
        return self.command.id

    @property
    def claimant_id(self) -> str:
        """Trimmed of white space at both ends and otherwise compared exactly (redemption flow, section 2)."""
        return "" if self.for_browser else self.command.claimant_id.strip()

    @property
    def browser_id(self) -> int | None:
        """Of the browser login that what the code gives is for."""
        return self.command.browser_id if self.for_browser else None

    def instant(self, now: dt.datetime) -> dt.datetime:
        """By which the rules judge: now, or when it happened."""
        return self.command.reported.instant if self.command.reported else now

    @property
    def redeemed(self) -> bool:
        return self.refusal is None and self.effect is not None

    def expect(self, passed: bool, check: str, refusal: type[Refusal], /, **seen: Any) -> None:
        """Note one check with the values seen; raise ``refusal`` if it did not pass."""
        self.checks.append({"step": refusal.step, "check": check, "passed": passed, "seen": seen})
        if not passed:
            raise refusal()


@dataclass(slots=True)
class Facts:
    """Everything read for a list of commands, under its locks."""

    cases: list[Case]
    books: Books
    now: dt.datetime
    earlier: dict[tuple[str, str], Outcome]  # (caller, idempotency key) → what it was answered before.
    guesses: "Guesses"
    people: dict[tuple[int, str], ClaimantFacts] = field(default_factory=dict)  # By (site ID, claimant ID).
    redeemed: int = 0  # By earlier cases of this list.
