"""What clients send about reservations, what is answered, and how the schema describes it."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from codes.reserving import MOST_CODES, MOST_SECONDS, SECONDS
from ledger.models import LedgerAccount, Reservation
from redemption_site.api.documented import KEY, RETRY, answer_header, problems, replayed
from redemption_site.api.fields import Amount, OneOf, StrictSerializer, Text, WholeNumber
from redemption_site.api.shapes import AmountShape, Shape

KINDS = [kind.value for kind in LedgerAccount.Kind]
STATES = ["open", *Reservation.Ending.values]
MOST_HOLDS = MOST_CODES + len(KINDS)


class TypedCode(serializers.CharField):
    """As somebody typed or scanned it: what of it counts, the engine says."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("A text is wanted here.")
        return data


class HoldBody(StrictSerializer):
    """A code, or an amount of one kind."""

    code = TypedCode(
        required=False,
        allow_blank=True,
        max_length=100,
        help_text="Of which one use is held, as it was typed or scanned.",
    )
    kind = OneOf(choices=KINDS, required=False, help_text="Of the claimant's accounts; with `amount`.")
    amount = Amount(required=False, help_text="In the account's asset: money as a text, points as a whole number.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One of the two forms, whole."""
        if set(attrs) not in ({"code"}, {"kind", "amount"}):
            raise serializers.ValidationError("Give `code`, or `kind` and `amount`.")
        return attrs


class ReservationBody(StrictSerializer):
    claimant_id = Text(max_length=100, help_text="For whom, and whose accounts.")
    seconds = WholeNumber(
        default=SECONDS, min_value=1, max_value=MOST_SECONDS, help_text="How long it is kept at most."
    )
    holds = serializers.ListField(
        child=HoldBody(), min_length=1, max_length=MOST_HOLDS, help_text="Each code once, each kind once."
    )

    def validate_holds(self, given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        kinds = [hold["kind"] for hold in given if "kind" in hold]
        if len(set(kinds)) < len(kinds):
            raise serializers.ValidationError("Name each kind once.")
        return given


class AmountsBody(StrictSerializer):
    cash = Amount(required=False)
    points = Amount(required=False)


class ConfirmationBody(StrictSerializer):
    token = Text(max_length=100, help_text="As it was told when the reservation was made.")
    amounts = AmountsBody(required=False, help_text="Where less is taken than is held; the rest is given back.")
    reference = Text(required=False, max_length=100, help_text="Your own; kept with what is booked.")


class ReleaseBody(StrictSerializer):
    """Nothing needs to be said."""


class PlacedHoldShape(Shape):
    code = serializers.CharField(required=False, help_text="As it was issued.")
    kind = serializers.ChoiceField(choices=KINDS, required=False)
    asset = serializers.CharField(required=False, help_text="What the amount counts, e.g. EUR.")
    amount = AmountShape(required=False, help_text="That was held at first.")


class PlacedShape(Shape):
    id = serializers.UUIDField()
    token = serializers.CharField(help_text="Told here alone; the platform keeps a digest of it.")
    claimant_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(help_text="From then on nothing is held.")
    holds = PlacedHoldShape(many=True, help_text="Codes first, in the order in which they were named.")


class HoldShape(PlacedHoldShape):
    state = serializers.ChoiceField(choices=STATES)
    taken = AmountShape(required=False, allow_null=True, help_text="Of the amount; null: nothing.")
    transaction_id = serializers.UUIDField(
        allow_null=True, help_text="Of the code's redemption, or of the booking; null: nothing was taken."
    )
    receipt_id = serializers.CharField(required=False, allow_null=True, help_text="Of the code's redemption.")


class ReservationShape(Shape):
    id = serializers.UUIDField()
    claimant_id = serializers.CharField()
    state = serializers.ChoiceField(choices=STATES, help_text="By the clock: whether anybody has tidied or not.")
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    holds = HoldShape(many=True)


ID = OpenApiParameter(
    "reservation_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Of a reservation that this caller made."
)
RETRYING = answer_header("Retry-After", RETRY, (409, 429, 503), OpenApiTypes.INT)
EXAMPLE = OpenApiExample(
    "A code and money",
    {"claimant_id": "u-1001", "holds": [{"code": "ABC-E6W5F"}, {"kind": "cash", "amount": "12.50"}]},
    request_only=True,
)
PLACE = extend_schema(
    operation_id="make_reservation",
    summary="Set codes, cash and points aside for a claimant, with one token",
    description=(
        "All of it is held, or nothing. A code is judged as a redemption would be, and no use of it is taken: one is merely nobody "
        "else's, `code_reserved` for others where no other is left. The token redeems such a code at `/redemptions` too. What is "
        "not confirmed in time is free again by itself. `errors` names the hold that was refused. Needs the scope `redeem`."
    ),
    tags=["reservations"],
    request=ReservationBody,
    parameters=[KEY, replayed(201), answer_header("Location", "The reservation.", (201,)), RETRYING],
    responses={
        201: OpenApiResponse(PlacedShape, "Held."),
        **problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 502, 503, 504),
    },
    examples=[EXAMPLE],
)
GET = extend_schema(
    operation_id="get_reservation",
    summary="One reservation, and what has become of what it held",
    description="For the caller who made it. Needs the scope `redeem`.",
    tags=["reservations"],
    parameters=[ID],
    responses={200: ReservationShape, **problems(401, 403, 404, 503)},
)
CONFIRM = extend_schema(
    operation_id="confirm_reservation",
    summary="Redeem the codes and spend the amounts, all of it or nothing",
    description=(
        "Codes are judged once more, and each is a redemption with a receipt of its own; the amounts are spent in one booking. Of "
        "each amount less may be taken, and the rest is given back. A second time is 409 `reservation_gone`, or the same answer "
        "again where the key is the same. Needs the scope `redeem`."
    ),
    tags=["reservations"],
    request=ConfirmationBody,
    parameters=[ID, KEY, replayed(200), RETRYING],
    responses={
        200: OpenApiResponse(ReservationShape, "Taken."),
        **problems(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 502, 503, 504),
    },
)
RELEASE = extend_schema(
    operation_id="release_reservation",
    summary="Give back what is held",
    description="A second time changes nothing. 409 `reservation_gone` where it was used or has expired. Needs the scope `redeem`.",
    tags=["reservations"],
    request=ReleaseBody,
    parameters=[ID, answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)],
    responses={200: ReservationShape, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
)
