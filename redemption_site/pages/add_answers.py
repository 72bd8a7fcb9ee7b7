"""What ``/add`` answers to programs: its own words where it has some, the redemption flow's for all other refusals.

Source: access codes, section 7.
"""

from typing import Any

from accounts import refusals as people
from accounts.refusals import Refusal
from codes import refusals as codes
from codes.models import Attempt
from redemption_site.edge.answers import answer_to

NOT_VALID = (404, "This code is not valid")
ANSWERS: dict[type[Refusal], tuple[int, str]] = {
    codes.MissingCode: (400, "Enter a redemption code"),
    # What cannot be read as a code is no code that anybody knows.
    codes.CodeNotFound: NOT_VALID,
    codes.CodeFormatInvalid: NOT_VALID,
    codes.FieldTooLong: NOT_VALID,
    codes.CodeDisabled: (409, "This code is disabled"),
    codes.CodeUsedUp: (409, "This code has already been used"),
    codes.CodeExpired: (410, "This code has expired"),
    people.SignInNeeded: (401, "Sign in to redeem this code"),
    codes.AlreadyRedeemed: (409, "You have already redeemed this code"),
    codes.OfferGone: (409, "The offer for this code is no longer available"),
    codes.NoMatchingContent: (409, "No matching content"),
    codes.TooManyMatches: (409, "Too many matching items"),
    people.TooManyAttempts: (429, "Too many attempts"),
    people.ClaimantInactive: (403, "Account is not active"),
    codes.CodeBusy: (409, "Try again"),
}
# The wire's words for actions; all others only differ in "-" for "_".
ACTION_TYPES = {"add_tags": "add-user-tag"}


def refused(refusal: Refusal) -> tuple[int, dict[str, Any]]:
    """Status and body for this refusal."""
    answer = answer_to(refusal)
    status, message = ANSWERS.get(type(refusal), (answer.status, answer.message))
    return status, {"status": status, "message": message}


def redeemed(attempt: Attempt, location: str) -> dict[str, Any]:
    """The body for a redemption, and for one that this browser still has the licence of."""
    return {
        "status": 200,
        "message": "Code redeemed",
        "action-type": ACTION_TYPES.get(attempt.action, attempt.action.replace("_", "-")),
        "licenses": licences_of(attempt),
        "location": location,
    }


def licences_of(attempt: Attempt) -> list[str]:
    """The external IDs of the items that the redemption gave licences on."""
    return list((attempt.result or {}).get("licences", []))
