"""How the platform says no: for each refusal a status, words and the next step. The API and the pages speak it.

Source: redemption flow, section 4, and access codes, section 7. The table is total; a test compares it with the
whole tree of refusals.
"""

from dataclasses import dataclass

from django.utils.translation import gettext_noop as _

from accounts import refusals as people
from accounts.refusals import Refusal
from codes import refusals as codes
from ledger import refusals as ledger


@dataclass(frozen=True, slots=True)
class Answer:
    """One row of the table. The API says ``message`` as it stands here; the pages translate it."""

    status: int
    message: str
    next_steps: tuple[str, ...]


TRY_AGAIN_SOON = _("This code is being redeemed right now.")

ANSWERS: dict[type[Refusal], Answer] = {
    # Step 1: receive.
    people.Unauthenticated: Answer(401, _("Sign in to redeem a code."), ("sign_in",)),
    codes.UnsupportedMediaType: Answer(415, _("Send the request as JSON or as a form."), ("fix_request",)),
    codes.RequestMalformed: Answer(400, _("The request could not be read."), ("fix_request",)),
    codes.RequestTooLarge: Answer(413, _("The request is too large."), ("fix_request",)),
    people.TooManyAttempts: Answer(429, _("Too many failed attempts. Try again later."), ("wait",)),
    codes.IdempotencyMismatch: Answer(
        422, _("This idempotency key was used with a different request."), ("use_new_key",)
    ),
    people.ServiceUnavailable: Answer(
        503, _("Redemption is not available right now. Nothing was changed."), ("try_again",)
    ),
    # Step 2: normalize.
    codes.MissingCode: Answer(400, _("Enter a code."), ("enter_code",)),
    codes.MissingClaimant: Answer(400, _("Say whom the code is for."), ("give_claimant",)),
    codes.CodeFormatInvalid: Answer(
        400, _("This does not look like a valid code. Check it and try again."), ("check_code",)
    ),
    codes.FieldTooLong: Answer(400, _("A field is too long."), ("fix_request",)),
    # Of reported redemptions alone, whose senders do not hear of it.
    codes.DateInvalid: Answer(400, _("The date of the redemption is not valid."), ("fix_request",)),
    codes.OffsetInvalid: Answer(400, _("The offset of the redemption's time is not valid."), ("fix_request",)),
    # Step 3: look up.
    codes.CodeNotFound: Answer(404, _("This code does not exist."), ("check_code",)),
    # Step 4: verify the status.
    codes.CodeDisabled: Answer(409, _("This code is switched off."), ("contact_support",)),
    codes.CodeNotYetValid: Answer(409, _("This code is not valid yet."), ("wait_until_start",)),
    codes.CodeExpired: Answer(410, _("This code has expired."), ("contact_support",)),
    codes.CodeUsedUp: Answer(409, _("This code has already been used."), ("contact_support",)),
    codes.CodeReserved: Answer(409, TRY_AGAIN_SOON, ("try_again",)),
    # Step 5: authenticate the claimant.
    people.ClaimantUnknown: Answer(404, _("This account does not exist."), ("check_account",)),
    people.ClaimantInactive: Answer(403, _("This account is not active."), ("contact_support",)),
    people.CallerNotAllowed: Answer(403, _("You may not redeem for this account."), ("sign_in",)),
    codes.NotEntitled: Answer(403, _("This code belongs to another account."), ("contact_support",)),
    # Step 6: check the rules.
    codes.AlreadyRedeemed: Answer(409, _("You have already redeemed this code."), ("view_receipt",)),
    codes.ClaimantCapReached: Answer(409, _("You have reached the limit for this offer."), ("none",)),
    codes.CampaignCapReached: Answer(409, _("This offer has been fully redeemed."), ("none",)),
    codes.VenueNotAllowed: Answer(409, _("This code cannot be used at this venue."), ("choose_venue",)),
    codes.CooldownActive: Answer(409, _("Wait before redeeming again."), ("wait",)),
    # Step 7: reserve.
    codes.CodeBusy: Answer(409, TRY_AGAIN_SOON, ("try_again",)),
    # Step 8: execute.
    ledger.AccountMissing: Answer(409, _("There is no account to credit."), ("contact_support",)),
    ledger.AccountLocked: Answer(409, _("The account does not accept this booking."), ("contact_support",)),
    ledger.CurrencyMismatch: Answer(409, _("The code is in another currency than the account."), ("contact_support",)),
    ledger.InsufficientBalance: Answer(409, _("The balance is too low."), ("top_up",)),
    codes.TargetMissing: Answer(409, _("The offer behind this code no longer exists."), ("contact_support",)),
    codes.ActionFailed: Answer(502, _("The redemption could not be carried out. Nothing was changed."), ("try_again",)),
    codes.ActionTimeout: Answer(504, _("The redemption took too long. Nothing was changed."), ("try_again",)),
    # Steps 9 to 11: mark, record, undo.
    codes.ConcurrentChange: Answer(
        409, _("The code changed while it was being redeemed. Nothing was changed."), ("try_again",)
    ),
    codes.AuditWriteFailed: Answer(
        503, _("The redemption could not be recorded. Nothing was changed."), ("try_again",)
    ),
    codes.RollbackIncomplete: Answer(
        500, _("The redemption failed and is being checked by hand."), ("contact_support",)
    ),
    # Of access codes, which the flow's table does not know. Source: access codes, section 7.
    people.SignInNeeded: Answer(401, _("Sign in to redeem this code."), ("sign_in",)),
    codes.OfferGone: Answer(409, _("The offer for this code is no longer available."), ("contact_support",)),
    codes.NoMatchingContent: Answer(409, _("There is no content for this code right now."), ("contact_support",)),
    codes.TooManyMatches: Answer(409, _("This code would open too many items at once."), ("contact_support",)),
    # Of the reversal, which the flow's table does not know.
    codes.RedemptionNotFound: Answer(404, _("This redemption does not exist."), ("none",)),
    codes.AlreadyReversed: Answer(409, _("This redemption has already been reversed."), ("none",)),
    # Of handing codes out, likewise.
    codes.BatchNotFound: Answer(404, _("This batch does not exist."), ("none",)),
    codes.BatchNotActive: Answer(409, _("This batch is not active."), ("contact_support",)),
    # Of reservations, likewise: whatever became of one, and whoever's it is.
    ledger.ReservationGone: Answer(409, _("This reservation does not exist or has ended."), ("none",)),
    codes.NoCodeLeft: Answer(409, _("No code of this batch is left."), ("contact_support",)),
}

STEP_NAMES = {
    1: "receive",
    2: "normalize",
    3: "lookup",
    4: "verify_status",
    5: "authenticate_claimant",
    6: "check_rules",
    7: "reserve",
    8: "execute",
    9: "mark_redeemed",
    10: "log_and_receipt",
    11: "rollback_notify",
}

# Whole seconds, where the refusal itself does not know how long the wait will be.
RETRY_AFTER_SECONDS = {
    people.TooManyAttempts: 900,
    people.ServiceUnavailable: 5,
    codes.AuditWriteFailed: 5,
    codes.CodeReserved: 30,
    codes.CodeBusy: 1,
}


def answer_to(refusal: Refusal) -> Answer:
    """What is said to this refusal."""
    return ANSWERS[type(refusal)]


def retry_after_seconds(refusal: Refusal) -> int | None:
    """The Retry-After of this answer: 429, 503, code_reserved and code_busy carry one; None for all others."""
    default = RETRY_AFTER_SECONDS.get(type(refusal))
    if default is None:
        return None
    return max(1, refusal.retry_after_seconds or default)
