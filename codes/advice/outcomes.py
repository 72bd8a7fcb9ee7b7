"""How the judgement of a report is called. Source: redemption advice, section 6."""

from accounts.refusals import Refusal
from codes import refusals
from codes.models import Advice, Attempt

Outcome = Advice.Outcome

BY_REFUSAL: dict[type[Refusal], Outcome] = {
    refusals.MissingCode: Outcome.INVALID_TEXT,
    refusals.DateInvalid: Outcome.INVALID_DATE,
    refusals.OffsetInvalid: Outcome.INVALID_OFFSET,
    # A text that no code can have, and one that none has.
    refusals.CodeFormatInvalid: Outcome.UNKNOWN_TEXT,
    refusals.CodeNotFound: Outcome.UNKNOWN_TEXT,
    refusals.CodeDisabled: Outcome.DISABLED,
    refusals.CodeNotYetValid: Outcome.NOT_YET_VALID,
    refusals.CodeExpired: Outcome.EXPIRED,
    refusals.CodeUsedUp: Outcome.ALREADY_USED,
    refusals.CodeReserved: Outcome.ALREADY_USED,
    refusals.CampaignCapReached: Outcome.ALREADY_USED,
    refusals.VenueNotAllowed: Outcome.WRONG_VENUE,
}


def outcome_of(attempt: Attempt, refusal: Refusal | None) -> Outcome:
    """The outcome of a judged report; any refusal of another kind is nothing that a report can meet, and failed.

    A code for one use is redeemed; of a text that many share a use is counted.
    """
    if refusal is None:
        return Outcome.RECORDED if (attempt.result or {}).get("shared") else Outcome.REDEEMED
    return BY_REFUSAL.get(type(refusal), Outcome.FAILED)
