"""How this protocol tells what the deeds refuse: every refusal there is, and everything that only the loyalty programme can hear.

Total: a test compares the tables with the trees. CANNOT_COME stands for what no deed of this protocol raises, which would be a bug
and is told as one.
"""

import logging

from accounts import refusals as people
from accounts.refusals import Refusal
from codes import refusals as codes
from ledger import points_refusals as points
from ledger import refusals as ledger
from ledger.points_refusals import PointsRefused
from redemption_site.edge.failures import RETRY_AFTER
from redemption_site.protocols.loyalty import errors
from redemption_site.protocols.loyalty.errors import Error, Refused

log = logging.getLogger(__name__)

CANNOT_COME = errors.INTERNAL

ANSWERS: dict[type[Refusal], Error] = {
    **dict.fromkeys(Refusal.tree(), CANNOT_COME),
    people.Unauthenticated: errors.UNAUTHORIZED,
    people.ServiceUnavailable: errors.UNAVAILABLE,
    codes.UnsupportedMediaType: errors.WRONG_CONTENT_TYPE,
    codes.RequestMalformed: errors.NOT_JSON,
    codes.RequestTooLarge: errors.TOO_LARGE,
    codes.CodeBusy: errors.BUSY,
    ledger.AccountMissing: errors.POINTS_SHORT,
    ledger.AccountLocked: errors.NOT_ELIGIBLE,
    ledger.InsufficientBalance: errors.POINTS_SHORT,
    ledger.ReservationGone: errors.RESERVATION_NOT_FOUND,
}

POINTS: dict[type[PointsRefused], Error] = {
    points.MemberNotEligible: errors.NOT_ELIGIBLE,
    points.ContributionsNotAllowed: errors.CONTRIBUTIONS_NOT_ALLOWED,
    points.ContributorInvalid: errors.CONTRIBUTOR_INVALID,
    points.ContributionsDiffer: errors.CONTRIBUTIONS_MISMATCH,
    points.ContributorShort: errors.CONTRIBUTOR_SHORT,
    points.NotEnoughPoints: errors.POINTS_SHORT,
    points.AmountIncreased: errors.AMOUNT_INCREASED,
    points.SpendingNotFound: errors.ORIGINAL_NOT_FOUND,
    points.SpendingOfAnother: errors.ORIGINAL_OF_ANOTHER,
    points.SpendingVoided: errors.ALREADY_VOIDED,
    points.VoidNotAllowed: errors.VOID_NOT_ALLOWED,
    points.SpendingTooOld: errors.TOO_OLD,
}

HEADERS = {errors.UNAVAILABLE: RETRY_AFTER, errors.BUSY: {"Retry-After": "1"}}


def told_as(refusal: Refusal | PointsRefused) -> Refused:
    """What is said to it."""
    if isinstance(refusal, points.ContributorRefused):
        return Refused(POINTS[type(refusal)], account=refusal.account_id)
    if isinstance(refusal, points.SpendingTooOld):
        return Refused(errors.TOO_OLD, days=refusal.days)
    if isinstance(refusal, PointsRefused):
        return Refused(POINTS[type(refusal)])
    error = ANSWERS.get(type(refusal), CANNOT_COME)
    if error is CANNOT_COME:
        log.error("A refusal that this protocol does not know: %s", refusal.reason)
    return Refused(error, HEADERS.get(error))
