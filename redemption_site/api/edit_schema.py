"""Edits of a whole batch: what clients send, what they hear, and the schema of each operation."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from codes.models import Batch, BatchEdit
from codes.switching import LARGEST_CAP
from redemption_site.api import bodies, shapes
from redemption_site.api.documented import KEY, RETRY, answer_header, problems, replayed
from redemption_site.api.fields import Instant, OneOf, StrictSerializer, Text, TrueOrFalse, WholeNumber
from redemption_site.api.shapes import AmountShape, Shape

SWITCHED = (Batch.State.ACTIVE.value, Batch.State.DISABLED.value)


class BatchChange(StrictSerializer):
    """What is to be different of the batch itself; what is left out stays."""

    state = OneOf(choices=list(SWITCHED), required=False, help_text="Whether its codes can be redeemed at all.")
    total_cap = WholeNumber(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=LARGEST_CAP,
        help_text="Redemptions of all codes together, not below those in force; null: no cap.",
    )
    reason = Text(required=False, max_length=200, help_text="Why, for the audit.")


class EditBody(StrictSerializer):
    """One change to all codes that the batch has now."""

    kind = OneOf(choices=BatchEdit.Kind.choices, help_text="What is done to each code.")
    valid_from = Instant(required=False, allow_null=True, help_text="For extend: first moment; null: always.")
    valid_until = Instant(
        required=False, allow_null=True, help_text="For extend: first moment after validity; null: no end."
    )
    max_uses = WholeNumber(
        required=False,
        min_value=1,
        max_value=1_000_000,
        allow_null=True,
        help_text="For uses; null: without limit, and codes with value are passed over.",
    )
    reason = Text(max_length=200, help_text="Why, for the audit.")
    dry_run = TrueOrFalse(default=False, help_text="Only say what it would do.")


class MovedShape(Shape):
    asset = serializers.CharField()
    type = serializers.ChoiceField(
        choices=["activation", "unexpiry", "voiding"],
        help_text="activation: issued; unexpiry: back from expired; voiding: from outstanding to voided.",
    )
    amount = AmountShape()


REASONS = "How many codes for which reason: " + ", ".join(
    ("as_wanted", "being_issued", "deleted", "expired", "fewer_than_used", "limit_needed", "used_up", "validity_empty")
)


class ForeseenShape(Shape):
    codes = serializers.IntegerField(help_text="In the batch.")
    looked_at = serializers.IntegerField()
    exact = serializers.BooleanField(
        help_text="Otherwise only the first were looked at: handed_out and used are at least so many, the rest about."
    )
    touched = serializers.IntegerField(help_text="Codes that change.")
    handed_out = serializers.IntegerField(help_text="Of these, codes with an owner.")
    used = serializers.IntegerField(help_text="Of these, codes redeemed at least once.")
    passed_over = serializers.DictField(child=serializers.IntegerField(), help_text=REASONS)
    moved = MovedShape(many=True, help_text="Value that moves.")


class AcceptedEdit(Shape):
    edit_id = serializers.IntegerField()
    batch_id = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=BatchEdit.Kind.choices)
    state = serializers.ChoiceField(choices=BatchEdit.State.choices)
    last_serial = serializers.IntegerField(help_text="The last code it concerns; later ones stay as they are.")
    foreseen = ForeseenShape()
    created_at = serializers.DateTimeField()


class EditShape(AcceptedEdit):
    valid_from = serializers.DateTimeField(required=False, allow_null=True)
    valid_until = serializers.DateTimeField(required=False, allow_null=True)
    max_uses = serializers.IntegerField(required=False, allow_null=True)
    reason = serializers.CharField()
    actor_id = serializers.CharField()
    serial = serializers.IntegerField(help_text="Codes up to this one are done.")
    touched = serializers.IntegerField(help_text="Codes changed so far; they stay so if it is cancelled.")
    passed_over = serializers.DictField(child=serializers.IntegerField(), help_text=REASONS)
    moved = MovedShape(many=True, help_text="Value moved so far.")
    seconds_left = serializers.IntegerField(allow_null=True, help_text="At the rate so far.")
    error = serializers.CharField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


BUSY = answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)
WHERE = answer_header("Location", "Where the progress can be read.", (202,))

CHANGE_BATCH = extend_schema(
    operation_id="change_batch",
    summary="Switch a batch on or off, or change its cap",
    description="At once, and without touching its codes. Needs the scope `manage`.",
    tags=["batches"],
    request=BatchChange,
    parameters=[BUSY],
    responses={200: shapes.BatchRow, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
)
DELETE_BATCH = extend_schema(
    operation_id="delete_batch",
    summary="Delete a batch: all its codes, their value voided",
    description="From this moment none of its codes is known to a redemption; none is ever issued again, and its history stays. "
    "An edit of the kind `delete`: cancelling it brings back what is not deleted yet. Needs the scope `manage`.",
    tags=["batches"],
    parameters=[
        KEY,
        OpenApiParameter(
            "reason",
            {"type": "string", "minLength": 1, "maxLength": 200},
            required=True,
            description="Why, for the audit.",
        ),
        replayed(202),
        WHERE,
        BUSY,
    ],
    responses={202: AcceptedEdit, **problems(400, 401, 403, 404, 409, 422, 503)},
)
ORDER_EDIT = extend_schema(
    operation_id="order_edit",
    summary="Change all codes of a batch",
    description="Each code changes as `PATCH /codes/{id}` would change it, in the background; what is done stays done. "
    "With `dry_run` it is only said what would happen. Needs the scope `manage`.",
    tags=["batches"],
    request=EditBody,
    parameters=[KEY, replayed(202), WHERE, BUSY],
    responses={
        200: OpenApiResponse(ForeseenShape, "What it would do."),
        202: OpenApiResponse(AcceptedEdit, "Ordered."),
        **problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    },
)
GET_EDIT = extend_schema(
    operation_id="get_edit",
    summary="One edit of a batch, and how far it has come",
    description="Needs the scope `read`.",
    tags=["batches"],
    responses={200: EditShape, **problems(401, 403, 404, 503)},
)
CANCEL_EDIT = extend_schema(
    operation_id="cancel_edit",
    summary="Have an edit go no further",
    description="What is done stays done. 400 if it has ended. Needs the scope `manage`.",
    tags=["batches"],
    request=bodies.CancellationBody,
    responses={202: EditShape, **problems(400, 401, 403, 404, 413, 415, 503)},
)
