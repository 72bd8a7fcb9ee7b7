"""Every error that this protocol tells: its exact text, and when it is told. Source: ad hoc redemption, sections 3 to 5, 8 and 9.

The one table of them: the README is compared with it, and so is what the tests have provoked. Texts in ``{}`` are replaced by what
was sent.
"""

from dataclasses import dataclass
from typing import Any

INVALID_REQUEST = "INVALID_REQUEST"
MISSING_FIELDS = "MISSING_REQUIRED_FIELDS_ERROR"


@dataclass(frozen=True, slots=True)
class Error:
    """A row of the table. ``status`` is HTTP's, and the number in the body."""

    message: str
    when: str
    status: int = 400
    code: str = INVALID_REQUEST


class Refused(Exception):
    """The call is refused, and this is said; ``sent`` fills in the text."""

    def __init__(self, error: Error, headers: dict[str, str] | None = None, **sent: object) -> None:
        super().__init__(error.message)
        self.error = error
        self.headers = headers
        self.sent = sent

    @property
    def body(self) -> dict[str, Any]:
        message = self.error.message.format(**self.sent) if self.sent else self.error.message
        return {"statusCode": self.error.status, "errorMessage": message, "errorCode": self.error.code}


UNAUTHORIZED = Error(
    "Access token is missing or invalid",
    "The token is missing, wrong, expired, or its client's no more.",
    401,
    "UNAUTHORIZED",
)
FORBIDDEN = Error(
    "Access to this resource is not allowed", "The session is another client's of the same site.", 403, "FORBIDDEN"
)
NOT_JSON = Error("Request body is not valid JSON", "The body cannot be read, or is no object.")
TOO_LARGE = Error("Request body is too large", "The body has more than 64 KiB.", 413)
WRONG_CONTENT_TYPE = Error(
    "Content type is not supported",
    "A call with a body whose content type is not JSON in UTF-8, or that is compressed.",
    415,
)
NOT_ALLOWED = Error("Method not allowed", "The address has other methods; `Allow` names them.", 405)
NOTHING_HERE = Error(
    "There is nothing at this address", "An address under `/client/` or `/oauth/` that is not in the contract.", 404
)
INTERNAL = Error(
    "Internal server error", "A bug, or an error of the database. Nothing was changed.", 500, "INTERNAL_ERROR"
)
UNAVAILABLE = Error(
    "Service unavailable",
    "The database is away. What a call changes, it changes whole or not at all.",
    503,
    "SERVICE_UNAVAILABLE",
)
BUSY = Error("Service is busy", "A lock was not obtained in time. Nothing was changed.", 503, "SERVICE_UNAVAILABLE")

SESSION_UNKNOWN = Error(
    "Session correlation ID does not exist--create it first", "No session of the site has the correlation ID."
)
SESSION_CLOSED = Error("Session Closed", "The session was ended, or had no call for 24 hours.")

IDENTIFIER_TYPE_INVALID = Error(
    "X-Identifier-Type is not valid", "There is no such type, or the client may not start sessions with it."
)
TOO_LONG = Error(
    "{field} is too long",
    "`channel` over 30 characters, `identifier` over 255; `correlationId`, `externalReferenceId`, `redemptionId` over 100.",
)
NOT_VALID = Error(
    "{field} is not valid",
    "A field that is no text, or has control characters in it; an `externalAgentSessionId` that is no GUID; `contributions`"
    " that are no object; `catalogueItems` that are no list of objects.",
)
CORRELATION_ID_MISSING = Error(
    "correlationId is mandatory and required to be non-empty",
    "It is missing, null, empty or white space.",
    code=MISSING_FIELDS,
)
CORRELATION_ID_IN_USE = Error(
    "correlationId is already in use", "A session has it that is another one's, or has ended."
)
CHANNEL_EMPTY = Error("channel must not be empty", "On starting a session: it is null, empty or white space.")
ACCOUNT_NOT_FOUND = Error(
    "Could not find the account.",
    "Nobody, or more than one, has the identifier; or the account was closed, before the session or in it.",
)

FEATURE_OFF = Error(
    "Ad Hoc Redemption feature is not enabled.", "The site has the feature switched off: reserve, reduce, redeem, void."
)
FEATURE_OFF_IN_CANCEL = Error(
    "Adhoc Redemption feature is not enabled", "The same on cancelling, which the contract spells so."
)
NOT_ELIGIBLE = Error(
    "Account is not eligible for redemption.",
    "The session was started by `PHONE_NUMBER`: reserve, reduce, redeem; or the member is not active: reserve.",
)
BUSINESS_UNIT_MISSING = Error(
    "Business Unit is mandatory and required to be non-empty", "Redeem: it is missing, null, empty or white space."
)
BUSINESS_UNIT_INVALID = Error(
    "Business Unit {businessUnit} is not a valid business unit", "It is not, byte by byte, one of the site's."
)
AMOUNT_MISSING = Error("reservationAmount or catalogueItems must be provided", "Neither is.")
AMOUNT_INVALID = Error(
    "reservationAmount is not a valid number of points",
    "It is no whole number from 1 to 10^12 (or the items come to none); on reserving the digits of one will do.",
)
ITEM_INVALID = Error("Catalogue item {id} is not valid", "No active item of the catalogue has this ID.")
QUANTITY_INVALID = Error("quantity is not valid", "It is no whole number from 1 to 10000.")
REDEEMER_MISSING = Error(
    "redeemerId must be provided", "Reduce: `redemptionId` or `catalogueItems` are given, and it is not."
)
REDEEMER_INVALID = Error(
    "redeemerId is not valid", "It is no account ID or loyalty ID of the account or of a member of its household."
)
REDEMPTION_ID_MISSING = Error("redemptionId must be provided", "Reduce: `catalogueItems` are given, and it is not.")
EMAIL_KEY_MISSING = Error(
    "fulfillmentEmailKey must be provided", "`redemptionId` is `STATEMENT_CREDIT` or `DIRECT_DEPOSIT`."
)
EMAIL_KEY_INVALID = Error("fulfillmentEmailKey is not valid", "The account's address book does not have it.")
CONTRIBUTIONS_NOT_ALLOWED = Error(
    "Contributions are not allowed for this account", "It has no household, or one whose mode is proportional."
)
CONTRIBUTOR_INVALID = Error(
    "Contributor {account} is not valid",
    "No active member of the household has this account ID, or the points are no whole number.",
)
CONTRIBUTIONS_MISMATCH = Error("Contributions do not match the reservation amount", "They add up to something else.")
CONTRIBUTOR_SHORT = Error(
    "Contributor {account} does not have enough points", "They were to give more than they have available."
)
POINTS_SHORT = Error("Account does not have enough points", "The account, or its household, has fewer available.")
AMOUNT_INCREASED = Error("Reservation amount cannot be increased", "Reduce: it is more than is reserved now.")
TOKEN_MISSING = Error(
    "reservationToken is mandatory and required to be non-empty", "Redeem: it is missing, null, empty or white space."
)
RESERVATION_NOT_FOUND = Error(
    "Could not find the reservation.", "The token is unknown, expired, consumed, cancelled, or another account's."
)

VOIDS_OFF = Error("Void transactions not supported", "The site has voids switched off.")
ORIGINAL_MISSING = Error(
    "originalTransactionId is mandatory and required to be non-empty.",
    "It is missing, null, empty or white space.",
    code=MISSING_FIELDS,
)
ORIGINAL_OF_ANOTHER = Error("Original transaction belongs to another member", "Another account redeemed.")
ALREADY_VOIDED = Error("Original transaction was already voided", "It was.")
VOID_NOT_ALLOWED = Error("Void transaction not allowed", "The transaction is no redemption of points.")
TOO_OLD = Error("Transaction is older than {days} days.", "The site's period for voids is over.")
ORIGINAL_NOT_FOUND = Error("Could not find the original transaction.", "No transaction of the site has this ID.")

ERRORS: dict[str, Error] = {name: error for name, error in globals().items() if isinstance(error, Error)}
