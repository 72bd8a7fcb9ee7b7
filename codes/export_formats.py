"""How an export is written: CSV for people and their spreadsheets, JSON Lines for programs. One column order for both.

A row's ``problem`` is empty, or "unreadable" where the code's key is gone: then the code is empty.
"""

import csv
import datetime as dt
import io
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from codes.uses import WITHOUT_LIMIT

NAMES = (
    *("serial", "code", "state", "uses", "max_uses", "valid_from", "valid_until", "owner", "value", "asset"),
    *("last_redeemed_at", "problem"),
)
UNREADABLE = "unreadable"
# What a spreadsheet may take for a formula, the full-width forms and the minus sign included.
FORMULA = frozenset("=+-@\u2212\uff0b\uff0d\uff1d\uff20")
LINE_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS | orjson.OPT_APPEND_NEWLINE
Row = dict[str, Any]


@dataclass(frozen=True)
class Format:
    """A way to write rows.

    ``broken`` is the last line of an export that could not go on: of another shape than every row, so that no program takes
    it for one, and telling after which serial to go on.
    """

    label: str
    content_type: str
    suffix: str
    line_end: bytes
    heading: bytes
    write: Callable[[list[Row]], bytes]
    broken: Callable[[int], bytes]


def write_csv(rows: list[Row]) -> bytes:
    """RFC 4180 in UTF-8: commas, CRLF, quotes where needed. No cell is a formula."""
    text = io.StringIO()
    csv.writer(text).writerows(
        (
            row["serial"],
            "" if row["code"] is None else cell(row["code"]),
            row["state"],
            row["uses"],
            WITHOUT_LIMIT if row["max_uses"] is None else row["max_uses"],
            instant(row["valid_from"]),
            instant(row["valid_until"]),
            cell(row["owner"] or ""),
            row["value"],
            row["asset"],
            instant(row["last_redeemed_at"]),
            UNREADABLE if row["code"] is None else "",
        )
        for row in rows
    )
    return text.getvalue().encode("utf-8", "replace")


def cell(text: str) -> str:
    """A text without control characters, behind an apostrophe if it would begin like a formula.

    Codes too, a pattern's may begin with a dash: a spreadsheet hides the apostrophe, a program takes it off.
    """
    if not text.isprintable():
        text = "".join(character for character in text if unicodedata.category(character) not in ("Cc", "Cs"))
    return f"'{text}" if text[:1] in FORMULA or text.lstrip()[:1] in FORMULA else text


@lru_cache(maxsize=4_096)
def instant(value: dt.datetime | None) -> str:
    """2026-01-31T12:00:00Z, as the API writes it; empty for none."""
    return "" if value is None else f"{value.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"


def break_csv(after: int) -> bytes:
    return f"# incomplete: this export broke off; go on after serial {after}\r\n".encode()


def write_lines(rows: list[Row]) -> bytes:
    """One JSON object a line, every text as it is."""
    return b"".join(
        orjson.dumps({**row, "problem": UNREADABLE if row["code"] is None else None}, option=LINE_OPTIONS)
        for row in map(spelled, rows)
    )


def spelled(row: Row) -> Row:
    """JSON in UTF-8 cannot hold half a surrogate pair, which no code that was issued has."""
    code = row["code"]
    return row if code is None or code.isascii() else {**row, "code": code.encode("utf-8", "replace").decode()}


def break_lines(after: int) -> bytes:
    return orjson.dumps({"error": "incomplete", "after": after}, option=orjson.OPT_APPEND_NEWLINE)


FORMATS = {
    "csv": Format(
        "CSV, for spreadsheets", "text/csv; charset=utf-8", "csv", b"\r\n", (",".join(NAMES) + "\r\n").encode(),
        write_csv, break_csv,
    ),
    "jsonl": Format(
        "JSON Lines, for programs", "application/jsonl", "jsonl", b"\n", b"", write_lines, break_lines,
    ),
}  # fmt: skip
