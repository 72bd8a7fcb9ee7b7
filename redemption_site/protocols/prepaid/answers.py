"""Everything this protocol writes: the one place that has the names of elements and their order.

The schemas beside it (``schemas/``) say the same; every answer in the tests is held against them. Source: prepaid engine,
sections 8 and 9.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from xml.sax.saxutils import escape

from django.http import HttpResponse

from redemption_site.edge.failures import ENGINE_XML, told_to_engine
from redemption_site.protocols.prepaid.return_codes import FAULTY_DATA, MEANINGS, SUCCESS, Failed

Value = str | int | Decimal | dt.datetime | None  # Of the wire: bit, numbers, money, instants, strings, NULL.
Row = Mapping[str, Value]

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
# What XML 1.0 allows in no document. A lone carriage return would be read as a line end, so it is written by its number.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
BY_NUMBER = {"\r": "&#13;"}
FOUR_PLACES = Decimal("0.0001")

CHALLENGE = 'Basic realm="engine"'
AUTHENTICATION_FAILED = (401, "Authentication failed")
BODY_NOT_VALID = (400, "The request body is not valid")
UNKNOWN_PROCEDURE = (404, "Unknown procedure")
UNKNOWN_ACCESS_DATA = (404, "Unknown access data")
NOT_ALLOWED = (405, "Method not allowed")
TOO_LARGE = (413, "The request body is too large")
WRONG_CONTENT_TYPE = (415, "The content type is not supported")
INTERNAL = (500, "Internal error")
UNAVAILABLE = (503, "Service unavailable")


class NotRun(Exception):
    """No procedure is run: this HTTP error is the answer. ``NotRun(*UNKNOWN_PROCEDURE)``."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message)
        self.status, self.message, self.headers = status, message, headers


@dataclass(frozen=True, slots=True)
class Message:
    text: str
    severity: int = 10
    code: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a procedure returns. A result set may be an iterator: it is read while it is written, and may still raise."""

    code: int = SUCCESS
    output: Row = field(default_factory=dict)
    result_sets: Sequence[Iterable[Row]] = ()
    # Read last of all, when the rows have been: they may say that there are more.
    messages: Iterable[Message] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """A procedure under the name it was called by, and its answer as ``write`` wrote it; None: it was not executed."""

    name: str
    written: str | None


def single(ran: Ran) -> HttpResponse:
    """The answer to a single call."""
    return respond(element("EngineProcedure", {"Name": ran.name}, [ran.written or ""], ""))


def batches(ran: Iterable[tuple[int, Sequence[Ran]]]) -> HttpResponse:
    """The answer to engine/execute: each batch's number and its procedures."""
    parts = (
        part for number, procedures in ran for part in element("Batch", {"No": number}, numbered(procedures), "  ")
    )
    return respond(element("ListOfBatches", {}, parts, ""))


def numbered(procedures: Sequence[Ran]) -> Iterator[str]:
    for number, ran in enumerate(procedures):
        names: dict[str, str | int] = {"Name": ran.name, "No": number}
        if ran.written is None:
            yield from element("Procedure", {**names, "NotExecuted": 1}, (), "    ")
        else:
            yield from element("Procedure", names, [ran.written], "    ")


SINGLE, IN_A_BATCH = "  ", "      "  # How far what is inside a procedure's element is indented.


def write(answer: Answer, indent: str) -> str:
    """What stands inside a procedure's element. Raises what reading the rows raises: nothing of it has been sent then."""
    return "".join(inside(answer, indent))


def inside(answer: Answer, indent: str) -> Iterator[str]:
    """Return code, description of a failure, output parameters, result sets, messages: always in this order."""
    yield f"{indent}<ReturnCode>{answer.code}</ReturnCode>\n"
    if answer.code != SUCCESS:
        yield f"{indent}<Description>{text(MEANINGS[answer.code].description)}</Description>\n"
    deeper = indent + "  "
    parameters = (named("Parameter", name, value, deeper) for name, value in answer.output.items())
    yield from element("OutputParameters", {}, parameters, indent)
    sets = (
        part
        for number, rows in enumerate(answer.result_sets)
        for part in element("ResultSet", {"No": number}, rows_of(rows, deeper + "  "), deeper)
    )
    yield from element("ResultSets", {}, sets, indent)
    messages = (
        f'{deeper}<Message Severity="{each.severity}" Code="{each.code}">{text(each.text)}</Message>\n'
        for each in answer.messages
    )
    yield from element("Messages", {}, messages, indent)


def rows_of(rows: Iterable[Row], indent: str) -> Iterator[str]:
    for number, row in enumerate(rows):
        columns = (named("Column", name, value, indent + "  ") for name, value in row.items())
        yield from element("Row", {"No": number}, columns, indent)


def element(name: str, attributes: Mapping[str, str | int], parts: Iterable[str], indent: str) -> Iterator[str]:
    """An element that holds elements; one that holds none is closed at once."""
    head = f"{indent}<{name}" + "".join(attribute(key, value) for key, value in attributes.items())
    empty = True
    for part in parts:
        if empty:
            yield f"{head}>\n"
            empty = False
        yield part
    yield f"{head}/>\n" if empty else f"{indent}</{name}>\n"


def named(kind: str, name: str, value: Value, indent: str) -> str:
    """A parameter or column: NULL says so, and an empty string is merely empty."""
    head = f"{indent}<{kind}{attribute('Name', name)}"
    if value is None:
        return f'{head} IsNull="1"/>\n'
    written = text(as_text(value))
    return f"{head}>{written}</{kind}>\n" if written else f"{head}/>\n"


def as_text(value: str | int | Decimal | dt.datetime) -> str:
    match value:
        case bool():
            return "1" if value else "0"
        case Decimal():
            padded = value.quantize(FOUR_PLACES)
            if padded != value:
                raise Failed(FAULTY_DATA, "An amount has more than four decimal places.")
            return f"{padded:f}"
        case dt.datetime():
            # Not %Y, which writes the year 987 with three digits.
            return value.astimezone(dt.UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"
    return str(value)


def attribute(name: str, value: str | int) -> str:
    quoted = text(str(value)).replace('"', "&quot;")
    return f' {name}="{quoted}"'


def text(value: str) -> str:
    return escape(FORBIDDEN.sub("", value), BY_NUMBER)


def respond(parts: Iterable[str]) -> HttpResponse:
    """HTTP 200: a procedure was executed, whatever it returned."""
    response = HttpResponse((DECLARATION + "".join(parts)).encode(), content_type=ENGINE_XML)
    response.headers["Cache-Control"] = "no-store"
    return response


def not_run(error: NotRun) -> HttpResponse:
    return told_to_engine(error.status, error.message, error.headers)
