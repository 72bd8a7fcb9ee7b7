"""The schema of the operations about imports, a decorator a piece."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema

from redemption_site.api import shapes_imports as shapes
from redemption_site.api.documented import KEY, answer_header, problems, replayed
from redemption_site.edge.forms import MULTIPART

LAST = " Needs the scope `issue`."

CHECK_FILE = extend_schema(
    operation_id="check_file",
    summary="Send a file of codes made elsewhere, to be checked",
    description="A CSV of up to 32 MiB. Nothing becomes a code before the import is confirmed; not confirmed within "
    "seven days it is discarded. The file is stored sealed." + LAST,
    tags=["imports"],
    request={MULTIPART: shapes.ImportRequest},
    parameters=[KEY, replayed(202), answer_header("Location", "Where the progress can be read.", (202,))],
    responses={202: shapes.AcceptedImport, **problems(400, 401, 403, 413, 415, 422, 503)},
)
GET_IMPORT = extend_schema(
    operation_id="get_import",
    summary="How far the check has come, and what it found",
    description="The state `done` means that every row is checked." + LAST,
    tags=["imports"],
    responses={200: shapes.ImportShape, **problems(401, 403, 404, 503)},
)
DISCARD_IMPORT = extend_schema(
    operation_id="discard_import",
    summary="Discard an import that is not confirmed",
    description="The file and every row that was read from it are removed in the background." + LAST,
    tags=["imports"],
    responses={202: shapes.ImportShape, **problems(401, 403, 404, 409, 503)},
)
GET_PROBLEMS = extend_schema(
    operation_id="get_import_problems",
    summary="Every row that is not imported, as a CSV of line, column and reason",
    description="It never repeats what stood in the file." + LAST,
    tags=["imports"],
    responses={
        (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "line,column,reason"),
        **problems(401, 403, 404, 503),
    },
)
CONFIRM_IMPORT = extend_schema(
    operation_id="confirm_import",
    summary="Import the good rows",
    description="Once: asked again it answers the same. The codes come in the background, all together." + LAST,
    tags=["imports"],
    request=None,
    parameters=[
        answer_header("Location", "Where the batch and its progress can be read.", (202,)),
    ],
    responses={202: shapes.ConfirmedImport, **problems(400, 401, 403, 404, 409, 413, 415, 503)},
)
