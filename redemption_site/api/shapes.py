"""What the answers look like, for the schema alone: they are written by hand, and tests hold one against the other."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field
from rest_framework import serializers

from codes.actions.registry import ACTIONS
from codes.models import Batch, Code, IssueOrder
from redemption_site.edge.answers import ANSWERS, STEP_NAMES

AMOUNT = {
    "oneOf": [{"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}, {"type": "integer"}],
    "description": "Money as a decimal text, points as a whole number.",
}
REASONS = sorted({refusal.reason for refusal in ANSWERS} | {"method_not_allowed", "internal_error"})
NEXT_STEPS = sorted({step for answer in ANSWERS.values() for step in answer.next_steps})


class Shape(serializers.Serializer[Any]):
    __doc__: str | None = None  # The schema would repeat it for each.


@extend_schema_field(AMOUNT)
class AmountShape(serializers.Field[Any, Any, Any, Any]):
    pass


@extend_schema_field(OpenApiTypes.OBJECT)
class Anything(serializers.Field[Any, Any, Any, Any]):
    """An object whose names depend on the action."""


def optional(limit: int | None, description: str) -> serializers.CharField:
    return serializers.CharField(
        max_length=limit, required=False, allow_blank=True, allow_null=True, help_text=description
    )


class RedeemRequest(Shape):
    code = serializers.CharField(max_length=100, help_text="As the claimant typed or scanned it.")
    claimant_id = serializers.CharField(max_length=100, help_text="Whose account the redemption is for.")
    channel = optional(30, "Such as WEB or POS.")
    venue_id = optional(100, "Needed only if the code is tied to venues.")
    reference = optional(100, "Your own; echoed in the receipt.")
    reservation_token = optional(
        None, "Of a reservation for this claimant that holds the code: it takes the use that is held."
    )


class ValidateRequest(Shape):
    __doc__ = "The same fields; what is missing or too long is a judgement too, and not a failure."
    code = optional(None, "As the claimant typed or scanned it.")
    claimant_id = optional(None, "Whose account the redemption would be for.")
    channel = optional(None, "Such as WEB or POS.")
    venue_id = optional(None, "Needed only if the code is tied to venues.")
    reference = optional(None, "Your own.")
    reservation_token = optional(None, "Of a reservation for this claimant that holds the code.")


class Receipt(Shape):
    receipt_id = serializers.RegexField(r"^R-[0-9]{9,}$")
    code = serializers.CharField(allow_null=True, help_text="As it was issued; null for everybody but who redeemed it.")
    claimant_id = serializers.CharField()
    actor_id = serializers.CharField(help_text="Who performed it: a claimant ID or the prefix of an API key.")
    redeemed_at = serializers.DateTimeField()
    action = serializers.ChoiceField(choices=sorted(ACTIONS))
    result = Anything(help_text="What was given; its names depend on the action.")
    uses_left = serializers.IntegerField(min_value=0, allow_null=True, help_text="Null: without limit.")
    reference = serializers.CharField(allow_null=True)


class Redeemed(Shape):
    status = serializers.ChoiceField(choices=["redeemed"])
    transaction_id = serializers.UUIDField()
    receipt = Receipt()


class Refused(Shape):
    reason = serializers.ChoiceField(choices=REASONS)
    message = serializers.CharField()
    step = serializers.IntegerField(min_value=1, max_value=11)
    step_name = serializers.ChoiceField(choices=list(STEP_NAMES.values()))
    retryable = serializers.BooleanField(help_text="Whether the same request can succeed later.")
    next_steps = serializers.ListField(child=serializers.ChoiceField(choices=NEXT_STEPS), min_length=1)
    receipt_id = serializers.RegexField(r"^R-[0-9]{9,}$", required=False, help_text="Of the caller's own earlier one.")


class FieldError(Shape):
    field = serializers.CharField()
    message = serializers.CharField()


class Failed(Refused):
    status = serializers.ChoiceField(choices=["failed"])
    transaction_id = serializers.UUIDField(help_text="Of the attempt; where none is kept, an ID of this answer alone.")
    errors = FieldError(  # type: ignore[assignment]
        many=True, required=False, help_text="Which filters of the list were wrong."
    )


class Check(Shape):
    step = serializers.IntegerField(min_value=1, max_value=11)
    step_name = serializers.ChoiceField(choices=list(STEP_NAMES.values()))
    check = serializers.CharField()
    passed = serializers.BooleanField()
    seen = Anything(required=False, help_text="The values seen; for keys with the scope read.")


class Valid(Shape):
    status = serializers.ChoiceField(choices=["valid"])
    checks = Check(many=True)


class Invalid(Refused):
    status = serializers.ChoiceField(choices=["invalid"])
    checks = Check(many=True)


Validation = PolymorphicProxySerializer("Validation", [Valid, Invalid], resource_type_field_name=None)


class ReversalShape(Shape):
    reversal_id = serializers.UUIDField()
    transaction_id = serializers.UUIDField(help_text="Of the redemption that was taken back.")
    reason = serializers.CharField()
    give_use_back = serializers.BooleanField()
    actor_id = serializers.CharField()
    reversed_at = serializers.DateTimeField()


class Circumstances(Shape):
    decided_at = serializers.DateTimeField()
    happened_at = serializers.DateTimeField(allow_null=True, help_text="Where it was reported afterwards.")
    claimant_id = serializers.CharField(allow_null=True)
    actor_id = serializers.CharField()
    channel = serializers.CharField(allow_null=True)
    venue_id = serializers.CharField(allow_null=True)
    reference = serializers.CharField(allow_null=True)
    batch_id = serializers.IntegerField(allow_null=True)
    serial = serializers.IntegerField(allow_null=True)
    reversal = ReversalShape(allow_null=True)
    checks = Check(many=True, required=False, help_text="For keys with the scope read, of one attempt.")


class RedeemedAttempt(Redeemed, Circumstances):
    pass


class RefusedAttempt(Refused, Circumstances):
    status = serializers.ChoiceField(choices=["failed"])
    transaction_id = serializers.UUIDField()


Attempt = PolymorphicProxySerializer("Attempt", [RedeemedAttempt, RefusedAttempt], resource_type_field_name=None)


class Page(Shape):
    next_cursor = serializers.CharField(
        allow_null=True,
        help_text="For `cursor` of the next page; null: no more. A page may hold fewer rows than asked.",
    )


@extend_schema_field(
    PolymorphicProxySerializer("Attempt", [RedeemedAttempt, RefusedAttempt], resource_type_field_name=None, many=True)
)
class AttemptRows(serializers.Field[Any, Any, Any, Any]):
    pass


class AttemptPage(Page):
    results = AttemptRows()


class AcceptedBatch(Shape):
    batch_id = serializers.IntegerField()
    order_id = serializers.IntegerField()
    wanted = serializers.IntegerField()
    issued = serializers.IntegerField()
    state = serializers.ChoiceField(choices=IssueOrder.State.choices)
    created_at = serializers.DateTimeField()


class BatchRow(Shape):
    id = serializers.IntegerField()
    name = serializers.CharField()
    state = serializers.ChoiceField(choices=Batch.State.choices)
    total_cap = serializers.IntegerField(allow_null=True)
    replenish_below = serializers.IntegerField(allow_null=True, help_text="When fewer are free, more are issued.")
    replenish_by = serializers.IntegerField(allow_null=True, help_text="How many are issued then.")
    replenish_error = serializers.CharField(allow_null=True, help_text="Why that stopped; null: it has not.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()


class TermsShape(Shape):
    action = serializers.CharField()
    parameters = Anything()
    asset = serializers.CharField(allow_null=True)
    value = AmountShape(allow_null=True)
    uses = serializers.IntegerField(allow_null=True, help_text="Null: without limit.")
    uses_per_claimant = serializers.IntegerField()
    cooldown_seconds = serializers.IntegerField()
    venues = serializers.ListField(child=serializers.CharField())
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True, help_text="First moment after validity.")
    time_zone = serializers.CharField()
    format = serializers.CharField()
    pattern = serializers.CharField(allow_null=True)


class OrderShape(Shape):
    order_id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=IssueOrder.State.choices)
    wanted = serializers.IntegerField()
    issued = serializers.IntegerField(help_text="So far; unknown to every look-up until the order is done.")
    rate_per_second = serializers.FloatField(help_text="Codes a second since it began; 0 while none is there.")
    seconds_left = serializers.IntegerField(allow_null=True, help_text="At that rate; null: not known.")
    error = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    terms = TermsShape()


class LoneOrder(OrderShape):
    batch_id = serializers.IntegerField()


class Counts(Shape):
    active = serializers.IntegerField()
    used_up = serializers.IntegerField()
    disabled = serializers.IntegerField()
    deleted = serializers.IntegerField()


class ValueShape(Shape):
    asset = serializers.CharField()
    issued = AmountShape()
    outstanding = AmountShape()
    redeemed = AmountShape()
    expired = AmountShape()
    voided = AmountShape()


class BatchDetail(BatchRow):
    orders = OrderShape(many=True, help_text="Progress and terms of each order of codes.")
    codes = Counts(help_text="Of the orders that are done, by stored state.")
    codes_estimated = serializers.BooleanField(
        help_text="Whether there are so many codes that they were estimated from a sample. They always add up to all codes."
    )
    value = ValueShape(many=True, help_text="issued = outstanding + redeemed + expired + voided.")


class BatchPage(Page):
    results = BatchRow(many=True)


class CodeShape(Shape):
    """A code as staff and programs know it: by batch and serial, never by its characters."""

    id = serializers.IntegerField()
    batch_id = serializers.IntegerField()
    batch = serializers.CharField(help_text="Name of the batch.")
    serial = serializers.IntegerField(help_text="Number within the batch.")
    state = serializers.ChoiceField(choices=Code.State.choices, help_text="As stored; an expired code is still active.")
    uses = serializers.IntegerField()
    max_uses = serializers.IntegerField(allow_null=True, help_text="Null: without limit.")
    valid_from = serializers.DateTimeField(allow_null=True)
    valid_until = serializers.DateTimeField(allow_null=True)
    owner = serializers.CharField(allow_null=True, help_text="Claimant ID of whom it is bound to.")
    action = serializers.CharField()
    asset = serializers.CharField(allow_null=True)
    value = AmountShape(allow_null=True)
    last_redeemed_at = serializers.DateTimeField(allow_null=True)
    last_actor_id = serializers.CharField(allow_null=True)


class CodePage(Page):
    results = CodeShape(many=True)


class Problem(Shape):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField(help_text="Stable, for programs.")
    detail = serializers.CharField(help_text="For people.")
    errors = FieldError(many=True, required=False)  # type: ignore[assignment]
