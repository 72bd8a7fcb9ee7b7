"""Refusals about codes and redemptions. The root of the tree is ``accounts/refusals.py``.

Each class is named after its reason in the redemption flow, section 4; ``step`` and ``retryable`` are that table's too.
"""

from accounts.refusals import Refusal


class UnsupportedMediaType(Refusal):
    pass


class RequestMalformed(Refusal):
    pass


class RequestTooLarge(Refusal):
    pass


class IdempotencyMismatch(Refusal):
    """The key came with another request before."""


class MissingCode(Refusal):
    step = 2


class MissingClaimant(Refusal):
    step = 2


class FieldTooLong(Refusal):
    step = 2


class DateInvalid(Refusal):
    """A reported redemption whose date cannot be read, or lies in the future."""

    step = 2


class OffsetInvalid(Refusal):
    """A reported redemption whose offset from UTC cannot be read."""

    step = 2


class CodeFormatInvalid(Refusal):
    """What was typed cannot be a code; counted against the guess budget."""

    step = 2


class CodeNotFound(Refusal):
    """Unknown, deleted, not issued to the end, or another site's: one answer. Counted against the guess budget."""

    step = 3


class CodeDisabled(Refusal):
    step = 4


class CodeNotYetValid(Refusal):
    step = 4
    retryable = True


class CodeExpired(Refusal):
    step = 4


class CodeUsedUp(Refusal):
    step = 4


class CodeReserved(Refusal):
    """Held by another reservation."""

    step = 4
    retryable = True


class NotEntitled(Refusal):
    """The code belongs to another claimant."""

    step = 5


class AlreadyRedeemed(Refusal):
    """The claimant has used the one use they had."""

    step = 6


class ClaimantCapReached(Refusal):
    """The claimant has used the several uses they had."""

    step = 6


class CampaignCapReached(Refusal):
    """The batch's cap is reached."""

    step = 6


class VenueNotAllowed(Refusal):
    step = 6


class CooldownActive(Refusal):
    step = 6
    retryable = True


class CodeBusy(Refusal):
    """A lock was not obtained in time, or a twin with the same idempotency key still runs."""

    step = 7
    retryable = True


class TargetMissing(Refusal):
    """What the code acts on is gone, or the door cannot perform the action."""

    step = 8


class OfferGone(Refusal):
    """The offer, or the licence, whose terms the code gives is not there any more."""

    step = 8


class NoMatchingContent(Refusal):
    """No item of the site matches the code's specification now."""

    step = 8


class TooManyMatches(Refusal):
    """More items match than one redemption may license."""

    step = 8


class ActionFailed(Refusal):
    """The action raised something unexpected; nothing was changed."""

    step = 8
    retryable = True


class ActionTimeout(Refusal):
    """The action outlasted its time limit; nothing was changed."""

    step = 8
    retryable = True


class ConcurrentChange(Refusal):
    """The guarded write met other numbers than were judged, twice; an alarm goes with it."""

    step = 9
    retryable = True


class AuditWriteFailed(Refusal):
    """The attempt could not be written; nothing was changed."""

    step = 10
    retryable = True


class RollbackIncomplete(Refusal):
    """Kept for actions outside the database; with none, a transaction is never half undone."""

    step = 11


class RedemptionNotFound(Refusal):
    """No redemption of this site has that ID."""


class AlreadyReversed(Refusal):
    """A redemption is reversed once at most."""


class BatchNotFound(Refusal):
    """No batch of this site has that ID."""


class BatchNotActive(Refusal):
    """The batch is not issued yet, switched off or deleted, so none of its codes is handed out."""


class NoCodeLeft(Refusal):
    """Every code of the batch has an owner, was redeemed, or cannot be redeemed any more."""
