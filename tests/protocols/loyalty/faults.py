"""Good calls, and everything that can be wrong with each, in the order in which the contract looks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from accounts import access_tokens, loyalty_settings, members
from accounts.models import Client, LoyaltySettings
from ledger import points
from tests.codes.conftest import StoppedClock
from tests.protocols.loyalty.conftest import Programme
from tests.protocols.loyalty.test_acceptance import S2
from tests.protocols.loyalty.tills import JSON, S1, USERS, Till, compact, error, told

PHONE = "0151"


@dataclass
class Call:
    """A good call, to be spoilt: ``session`` is of the member ``who``, who has a reservation."""

    programme: Programme
    clock: StoppedClock
    name: str
    who: str
    till: Till
    token: str
    transaction_id: str
    session: str = S1
    method: str = "POST"
    fields: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    content_type: str = JSON

    def send(self) -> tuple[int, bytes]:
        tail = {
            "start": "sessions",
            "reserve": "reservations/",
            "reduce": f"reservations/{self.token}",
            "cancel": f"reservations/{self.token}",
            "redeem": "adhoc-redemption",
            "void": "void",
        }[self.name]
        who = self.who if self.name == "start" else self.session
        body = b"" if self.name == "cancel" else compact(self.fields) if self.body is None else self.body
        return told(self.till.send(self.method, f"{USERS}/{who}/{tail}", body, self.content_type))


@dataclass(frozen=True)
class Fault:
    """What is wrong, with which part of a call, and what is then told."""

    part: str
    spoil: Callable[[Call], object]
    message: str
    code: str = "INVALID_REQUEST"
    status: int = 400
    # Parts of which nothing can be wrong then.
    clashes: tuple[str, ...] = ()

    @property
    def answer(self) -> tuple[int, bytes]:
        return error(self.message, self.code, self.status)


def sends(**fields: Any) -> Callable[[Call], object]:
    return lambda call: call.fields.update(fields)


def leaves_out(*names: str) -> Callable[[Call], object]:
    return lambda call: [call.fields.pop(name, None) for name in names]


def sets(**attributes: Any) -> Callable[[Call], object]:
    return lambda call: [setattr(call, name, value) for name, value in attributes.items()]


def no_token(call: Call) -> None:
    call.till = Till()


def another_client(call: Call) -> None:
    call.till = call.programme.till_of_another()


def switched_off(call: Call) -> None:
    loyalty_settings.switch_feature(call.programme.site, False, actor_id="system", reason="pause")


def voids_off(call: Call) -> None:
    settings = loyalty_settings.settings_of(call.programme.site)
    settings.voids_enabled = False
    settings.save()


def by_telephone(call: Call) -> None:
    members.set_identifiers(call.programme.member(call.who), [("phone_number", PHONE)], actor_id="system")
    assert call.programme.till.start(PHONE, S2, "PHONE_NUMBER").status_code == 200
    call.session = S2


def closed(call: Call) -> None:
    members.close(call.programme.member(call.who), actor_id="system", reason="asked")


def of_another(call: Call) -> None:
    call.programme.till.start("E" if call.who == "D" else "A", "others")
    call.session = "others"


def of_no_type(call: Call) -> None:
    """The site's default type is not one of the client's."""
    LoyaltySettings.objects.update(default_identifier_type="PHONE_NUMBER")
    Client.objects.update(identifier_types=["EMAIL"])
    access_tokens.remembered.clear()


def voided(call: Call) -> None:
    member = call.programme.member(call.who)
    points.void_spending(member, call.transaction_id, caller="another", adjustment_days=1_000)


def years(call: Call) -> None:
    """The redemption is old, and the session is not."""
    call.clock.advance(days=60)
    call.programme.till.signed_in()
    call.programme.till.start(call.who, "young")
    call.session = "young"


NOBODY = Fault("session", sets(session="nobodys"), "Session correlation ID does not exist--create it first")
CREDENTIAL = Fault("credential", no_token, "Access token is missing or invalid", "UNAUTHORIZED", 401)
METHOD = Fault("method", sets(method="PATCH"), "Method not allowed", status=405)
TYPE = Fault("type", sets(content_type="text/plain"), "Content type is not supported", status=415)
BODY = Fault("body", sets(body=b"{"), "Request body is not valid JSON")
FORBIDDEN = Fault("client", another_client, "Access to this resource is not allowed", "FORBIDDEN", 403)
OFF = Fault("site", switched_off, "Ad Hoc Redemption feature is not enabled.")
TELEPHONE = Fault("session", by_telephone, "Account is not eligible for redemption.")
GONE = Fault("token", lambda call: spoil_token(call), "Could not find the reservation.")
COMMON = [METHOD, CREDENTIAL, TYPE, BODY, NOBODY, FORBIDDEN]
UNIT_INVALID = Fault("unit", sends(businessUnit="main"), "Business Unit main is not a valid business unit")
AMOUNT_MISSING = Fault(
    "amount",
    leaves_out("reservationAmount"),
    "reservationAmount or catalogueItems must be provided",
    clashes=("items",),
)
AMOUNT_INVALID = Fault("amount", sends(reservationAmount="x"), "reservationAmount is not a valid number of points")
ITEM = Fault("items", sends(catalogueItems=[{"id": "CUP"}]), "Catalogue item CUP is not valid")
QUANTITY = Fault("items", sends(catalogueItems=[{"id": "MUG", "quantity": 0}]), "quantity is not valid")
REDEEMER = Fault("redeemer", sends(redeemerId="x"), "redeemerId is not valid")


def spoil_token(call: Call) -> None:
    call.token = "nonsense"
    if call.name == "redeem":
        call.fields["reservationToken"] = "nonsense"


ORDER: dict[str, list[Fault]] = {
    "start": [
        METHOD,
        CREDENTIAL,
        TYPE,
        BODY,
        Fault(
            "identifier type",
            of_no_type,
            "X-Identifier-Type is not valid",
        ),
        Fault("who", sets(who="x" * 256), "identifier is too long"),
        Fault(
            "id",
            leaves_out("correlationId"),
            "correlationId is mandatory and required to be non-empty",
            "MISSING_REQUIRED_FIELDS_ERROR",
        ),
        Fault("channel", sends(channel=" "), "channel must not be empty"),
        Fault("agent", sends(externalAgentSessionId="x"), "externalAgentSessionId is not valid"),
        Fault("who", sets(who="nobody"), "Could not find the account."),
        Fault(
            "id",
            lambda call: call.programme.till.start("A", call.fields["correlationId"]),
            "correlationId is already in use",
        ),
    ],
    "reserve": [
        *COMMON,
        OFF,
        TELEPHONE,
        UNIT_INVALID,
        AMOUNT_MISSING,
        AMOUNT_INVALID,
        ITEM,
        QUANTITY,
        REDEEMER,
        Fault("redemption", sends(redemptionId=5), "redemptionId is not valid"),
        Fault("redemption", sends(redemptionId="DIRECT_DEPOSIT"), "fulfillmentEmailKey must be provided"),
        Fault(
            "redemption",
            sends(redemptionId="DIRECT_DEPOSIT", fulfillmentEmailKey="x"),
            "fulfillmentEmailKey is not valid",
        ),
        Fault("shape", sends(contributions=[]), "contributions is not valid"),
        Fault("contributors", sends(contributions={"X": 5, "D": 901}), "Contributor X is not valid"),
        Fault("contributors", sends(contributions={"D": 5}), "Contributions do not match the reservation amount"),
        Fault(
            "contributors",
            sends(reservationAmount="601", contributions={"D": 601}),
            "Contributor D does not have enough points",
        ),
        Fault("amount", sends(reservationAmount="901"), "Account does not have enough points"),
    ],
    "reduce": [
        *COMMON,
        OFF,
        TELEPHONE,
        AMOUNT_MISSING,
        AMOUNT_INVALID,
        ITEM,
        QUANTITY,
        Fault("redeemer", sends(redemptionId="x", redeemerId=None), "redeemerId must be provided"),
        REDEEMER,
        Fault("redemption", sends(redemptionId=5, redeemerId="D"), "redemptionId is not valid"),
        GONE,
        Fault("amount", sends(reservationAmount=101), "Reservation amount cannot be increased"),
    ],
    "cancel": [
        METHOD,
        CREDENTIAL,
        NOBODY,
        FORBIDDEN,
        Fault("site", switched_off, "Adhoc Redemption feature is not enabled"),
        GONE,
    ],
    "redeem": [
        *COMMON,
        OFF,
        Fault("unit", leaves_out("businessUnit"), "Business Unit is mandatory and required to be non-empty"),
        UNIT_INVALID,
        Fault("token", sends(reservationToken=" "), "reservationToken is mandatory and required to be non-empty"),
        Fault("reference", sends(externalReferenceId="x" * 101), "externalReferenceId is too long"),
        Fault("channel", sends(channel="x" * 31), "channel is too long"),
        Fault("member", closed, "Could not find the account."),
        TELEPHONE,
        GONE,
    ],
    "void": [
        *COMMON,
        OFF,
        Fault("voids", voids_off, "Void transactions not supported"),
        Fault(
            "original",
            sends(originalTransactionId=" "),
            "originalTransactionId is mandatory and required to be non-empty.",
            "MISSING_REQUIRED_FIELDS_ERROR",
        ),
        Fault("reference", sends(externalReferenceId="x" * 101), "externalReferenceId is too long"),
        Fault("channel", sends(channel="x" * 31), "channel is too long"),
        Fault("session", of_another, "Original transaction belongs to another member"),
        Fault("again", voided, "Original transaction was already voided"),
        Fault("session", years, "Transaction is older than 30 days.", clashes=("original",)),
        Fault("original", sends(originalTransactionId="x"), "Could not find the original transaction."),
    ],
}
