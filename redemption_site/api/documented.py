"""The schema of each operation, a decorator a piece; the views wear them."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema

from redemption_site.api import bodies, shapes
from redemption_site.api.filters import AttemptFilters, BatchFilters, CodeFilters, ExportQuestion
from redemption_site.edge import forms, parsing
from redemption_site.edge.rendering import PROBLEM

REASONS = {
    400: "The request could not be read, or says something that cannot be done.",
    401: "No credentials, or none that are valid now.",
    403: "The caller may not do this.",
    404: "There is no such thing on the caller's site.",
    409: "The state of things forbids it.",
    410: "The code has expired.",
    413: "The body is too large.",
    415: "The body is of another media type, or compressed.",
    422: "The idempotency key was used with a different request.",
    429: "Too many failed attempts; see Retry-After.",
    500: "Something went wrong on our side.",
    502: "The action failed; nothing was changed.",
    503: "The database is away; see Retry-After.",
    504: "The action took too long; nothing was changed.",
}
RETRY = "Whole seconds to wait before trying again."
KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": r"^[!-+\--~]{1,255}$"},
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters, no comma, no space. One key and request have one effect, ever.",
)


def flow_failures(*statuses: int) -> dict[Any, Any]:
    return {status: OpenApiResponse(shapes.Failed, REASONS[status]) for status in statuses}


def problems(*statuses: int) -> dict[Any, Any]:
    return {(status, PROBLEM): OpenApiResponse(shapes.Problem, REASONS[status]) for status in statuses}


def answer_header(
    name: str, description: str, statuses: Iterable[int], kind: Any = OpenApiTypes.STR
) -> OpenApiParameter:
    return OpenApiParameter(
        name, kind, OpenApiParameter.HEADER, description=description, response=[str(status) for status in statuses]
    )


def replayed(*statuses: int) -> OpenApiParameter:
    return answer_header("Idempotent-Replayed", "`true` on a stored answer that is sent again.", statuses)


MEDIA_TYPES = (parsing.JSON, forms.URLENCODED, forms.MULTIPART)
EXAMPLE = OpenApiExample("A code", {"code": "ABC-E6W5F", "claimant_id": "u-1001"}, request_only=True)
RECEIPT = OpenApiExample(
    "A credit",
    {
        "status": "redeemed",
        "transaction_id": "5b0c7f3e-6a0e-4b0e-9f57-8d0b8a0f1c11",
        "receipt": {
            "receipt_id": "R-000000042",
            "code": "ABC-E6W5F",
            "claimant_id": "u-1001",
            "actor_id": "u-1001",
            "redeemed_at": "2025-01-20T10:21:47Z",
            "action": "credit",
            "result": {"amount": "25.00", "currency": "EUR", "balance_after": "35.00"},
            "uses_left": 0,
            "reference": None,
        },
    },
    response_only=True,
    status_codes=["201"],
)

REDEEM = extend_schema(
    operation_id="redeem",
    summary="Redeem a code for a claimant",
    description="All of it happens, or none of it. Unknown fields are ignored. Needs the scope `redeem`.",
    tags=["redemptions"],
    request=dict.fromkeys(MEDIA_TYPES, shapes.RedeemRequest),
    parameters=[
        KEY,
        answer_header("Retry-After", RETRY, (409, 429, 503), OpenApiTypes.INT),
        replayed(201, 403, 404, 409, 410),
    ],
    responses={
        201: OpenApiResponse(shapes.Redeemed, "Redeemed."),
        **flow_failures(400, 401, 403, 404, 409, 410, 413, 415, 422, 429, 500, 502, 503, 504),
    },
    examples=[EXAMPLE, RECEIPT],
)
LIST_ATTEMPTS = extend_schema(
    operation_id="list_attempts",
    summary="Attempts to redeem, refused or not, newest first",
    description="Needs the scope `read`. Codes are named by batch and serial, never by their characters.",
    tags=["redemptions"],
    parameters=AttemptFilters.parameters(),
    responses={200: shapes.AttemptPage, **flow_failures(400, 401, 403, 503)},
)
GET_ATTEMPT = extend_schema(
    operation_id="get_attempt",
    summary="One attempt: the answer it got, and the circumstances",
    description="For whoever asked for it, its claimant, and keys with the scope `read`. Unknown and foreign IDs are one answer.",
    tags=["redemptions"],
    responses={200: shapes.Attempt, **problems(401, 404, 503)},
)
VALIDATE = extend_schema(
    operation_id="validate",
    summary="Judge a code without redeeming it",
    description="The same judgement, changing nothing; failed look-ups count. Needs the scope `redeem`.",
    tags=["redemptions"],
    request=dict.fromkeys(MEDIA_TYPES, shapes.ValidateRequest),
    parameters=[answer_header("Retry-After", RETRY, (429, 503), OpenApiTypes.INT)],
    responses={
        200: OpenApiResponse(shapes.Validation, "Judged."),
        **flow_failures(400, 401, 403, 413, 415, 429, 503),
    },
    examples=[EXAMPLE],
)
REVERSE = extend_schema(
    operation_id="reverse",
    summary="Take a redemption back, once",
    description="Needs the scope `reverse`. Value moves back and is refused if it has been spent; the redemption itself stays.",
    tags=["redemptions"],
    request=bodies.ReversalBody,
    parameters=[KEY, replayed(201), answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)],
    responses={201: shapes.ReversalShape, **problems(400, 401, 403, 404, 409, 413, 415, 422, 503)},
)
ORDER_BATCH = extend_schema(
    operation_id="order_batch",
    summary="Order a batch of codes",
    description="The codes are issued in the background; nobody knows one until all are there. Needs the scope `issue`.",
    tags=["batches"],
    request=bodies.BatchBody,
    parameters=[
        KEY,
        replayed(202),
        answer_header("Location", "The batch, with its progress.", (202,)),
        answer_header("Link", 'The order alone, as `rel="monitor"`.', (202,)),
    ],
    responses={202: shapes.AcceptedBatch, **problems(400, 401, 403, 413, 415, 422, 503)},
)
LIST_BATCHES = extend_schema(
    operation_id="list_batches",
    summary="Batches, newest first",
    description="Needs the scope `read`.",
    tags=["batches"],
    parameters=BatchFilters.parameters(),
    responses={200: shapes.BatchPage, **problems(400, 401, 403, 503)},
)
GET_BATCH = extend_schema(
    operation_id="get_batch",
    summary="One batch with its progress, its counts and its value",
    description="Needs the scope `read`.",
    tags=["batches"],
    parameters=[
        OpenApiParameter(
            "as_of", OpenApiTypes.DATETIME, description="Of which instant the value is asked; now if none."
        )
    ],
    responses={200: shapes.BatchDetail, **problems(400, 401, 403, 404, 503)},
)
EXPORT_CODES = extend_schema(
    operation_id="export_codes",
    summary="The codes of a batch with their characters, as a stream of rows by serial",
    description=(
        "Needs the scope `export`. Who asked, why and how many rows left is kept in the audit. Each row is told as it stood when "
        "it was read. A stream that could not go on ends with a line of its own: `# incomplete …` in CSV, an object with `error` "
        "and `after` in JSON Lines; ask again with that `after`. CSV cells that a spreadsheet would take for a formula begin with "
        "an apostrophe; a code that cannot be unsealed is empty, and its `problem` is `unreadable`."
    ),
    tags=["batches"],
    parameters=[
        *ExportQuestion.parameters(),
        answer_header("Content-Disposition", "The name of the file.", (200,)),
    ],
    responses={
        (200, "application/jsonl"): OpenApiTypes.STR,
        (200, "text/csv"): OpenApiTypes.STR,
        **problems(400, 401, 403, 404, 503),
    },
)
ORDER_MORE = extend_schema(
    operation_id="order_more_codes",
    summary="Order more codes into a batch",
    description=(
        "On the terms of its last order of drawn codes, once the batch has been issued; nobody knows one of them until all are "
        "there. Needs the scope `issue`."
    ),
    tags=["batches"],
    request=bodies.MoreBody,
    parameters=[
        KEY,
        replayed(202),
        answer_header("Location", "The order, with its progress.", (202,)),
        answer_header("Retry-After", RETRY, (503,), OpenApiTypes.INT),
    ],
    responses={202: shapes.AcceptedBatch, **problems(400, 401, 403, 404, 413, 415, 422, 503)},
)
GET_ORDER = extend_schema(
    operation_id="get_order",
    summary="One order of codes: how far it has come, how fast, and how long it will take",
    description="Needs the scope `read`.",
    tags=["batches"],
    responses={200: shapes.LoneOrder, **problems(401, 403, 404, 503)},
)
CANCEL_ORDER = extend_schema(
    operation_id="cancel_order",
    summary="Call an order off, so that it leaves no code",
    description="As long as it is not done. Its codes, which nobody has known, are removed in the background. Needs `issue`.",
    tags=["batches"],
    request=bodies.CancellationBody,
    parameters=[answer_header("Location", "The order, with its progress.", (202,))],
    responses={202: shapes.LoneOrder, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
)
LIST_CODES = extend_schema(
    operation_id="list_codes",
    summary="Codes, newest first; by batch and serial, never by their characters",
    description="Needs the scope `read`.",
    tags=["codes"],
    parameters=[*CodeFilters.parameters(), answer_header("Retry-After", RETRY, (429, 503), OpenApiTypes.INT)],
    responses={200: shapes.CodePage, **problems(400, 401, 403, 429, 503)},
)
GET_CODE = extend_schema(
    operation_id="get_code",
    summary="One code",
    description="Needs the scope `read`.",
    tags=["codes"],
    responses={200: shapes.CodeShape, **problems(401, 403, 404, 503)},
)
CHANGE_CODE = extend_schema(
    operation_id="change_code",
    summary="Change what one code allows",
    description="Needs the scope `manage`. What is left out stays; the value follows.",
    tags=["codes"],
    request=bodies.CodeChange,
    parameters=[answer_header("Retry-After", RETRY, (409, 503), OpenApiTypes.INT)],
    responses={200: shapes.CodeShape, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
)
