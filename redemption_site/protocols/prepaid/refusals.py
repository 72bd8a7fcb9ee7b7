"""How the prepaid engine says no: the return code of every refusal there is, and of every way of not being identified.

Total: a test compares the tables with the trees. Most come from a redemption; "cannot come" stands for those that no procedure
raises, which would be a bug and are told as one, -504.
"""

from accounts import identifying
from accounts import refusals as people
from accounts.identifying import IdentificationRefused
from accounts.refusals import Refusal
from codes import refusals as codes
from ledger import refusals as ledger
from redemption_site.protocols.prepaid.return_codes import (
    ACCOUNT_MISSING,
    ACCOUNT_STATUS,
    CODE_EXPIRED,
    CODE_UNKNOWN,
    CODE_USED,
    DEFAULT_VISITOR,
    NO_SEPARATOR,
    NOT_COVERED,
    NOT_IDENTIFIED,
    NOT_NOW,
    NOT_WITH_THESE,
    PERSON_TYPE_WRONG,
    SETTINGS_WRONG,
    UNSOLVABLE,
)

CANNOT_COME = UNSOLVABLE

ANSWERS: dict[type[Refusal], int] = {
    people.Unauthenticated: CANNOT_COME,
    people.TooManyAttempts: NOT_NOW,
    people.ServiceUnavailable: CANNOT_COME,
    people.SignInNeeded: CANNOT_COME,
    people.ClaimantUnknown: CANNOT_COME,
    people.ClaimantInactive: NOT_IDENTIFIED,
    people.CallerNotAllowed: CANNOT_COME,
    codes.UnsupportedMediaType: CANNOT_COME,
    codes.RequestMalformed: CANNOT_COME,
    codes.RequestTooLarge: CANNOT_COME,
    codes.IdempotencyMismatch: CANNOT_COME,
    codes.MissingCode: CANNOT_COME,
    codes.MissingClaimant: CANNOT_COME,
    codes.FieldTooLong: CANNOT_COME,
    codes.DateInvalid: CANNOT_COME,
    codes.OffsetInvalid: CANNOT_COME,
    codes.CodeFormatInvalid: CODE_UNKNOWN,
    codes.CodeNotFound: CODE_UNKNOWN,
    codes.CodeDisabled: CODE_EXPIRED,
    codes.CodeNotYetValid: CODE_EXPIRED,
    codes.CodeExpired: CODE_EXPIRED,
    codes.CodeUsedUp: CODE_USED,
    codes.CodeReserved: UNSOLVABLE,
    codes.NotEntitled: CODE_UNKNOWN,
    codes.AlreadyRedeemed: CODE_USED,
    codes.ClaimantCapReached: CODE_USED,
    codes.CampaignCapReached: CODE_USED,
    codes.VenueNotAllowed: NOT_WITH_THESE,
    codes.CooldownActive: CODE_USED,
    codes.CodeBusy: UNSOLVABLE,
    codes.TargetMissing: UNSOLVABLE,
    codes.OfferGone: CANNOT_COME,
    codes.NoMatchingContent: CANNOT_COME,
    codes.TooManyMatches: CANNOT_COME,
    codes.ActionFailed: UNSOLVABLE,
    codes.ActionTimeout: UNSOLVABLE,
    codes.ConcurrentChange: UNSOLVABLE,
    codes.AuditWriteFailed: UNSOLVABLE,
    codes.RollbackIncomplete: UNSOLVABLE,
    codes.RedemptionNotFound: CANNOT_COME,
    codes.AlreadyReversed: CANNOT_COME,
    codes.BatchNotFound: CANNOT_COME,
    codes.BatchNotActive: CANNOT_COME,
    codes.NoCodeLeft: CANNOT_COME,
    ledger.AccountMissing: ACCOUNT_MISSING,
    ledger.AccountLocked: ACCOUNT_STATUS,
    ledger.CurrencyMismatch: UNSOLVABLE,
    ledger.InsufficientBalance: NOT_COVERED,
    ledger.ReservationGone: UNSOLVABLE,
}

IDENTIFICATION: dict[type[IdentificationRefused], int] = {
    identifying.DefaultVisitor: DEFAULT_VISITOR,
    identifying.SettingsMissing: SETTINGS_WRONG,
    identifying.PersonTypeUnusable: PERSON_TYPE_WRONG,
    identifying.SeparatorMissing: NO_SEPARATOR,
    identifying.NotIdentified: NOT_IDENTIFIED,
    identifying.TooManyFailures: NOT_NOW,
}


def code_of(refusal: Refusal) -> int:
    return ANSWERS.get(type(refusal), UNSOLVABLE)
