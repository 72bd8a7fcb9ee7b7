"""Reading a file of codes: its separator, which column is which, and its rows one after the other.

A row is read on its own, so that one that cannot be read never takes those behind it along.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from codes import import_encoding
from codes.import_columns import COLUMN_OF
from codes.import_encoding import ENCODING_NAMES, Bytes, find_encoding, unusable

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
HEAD = 1 << 16
LONGEST_LINE = 10_000
MOST_LINES = 10  # Of one row, whose quoted fields may have line ends.

LONG_LINE = f"This line is longer than {LONGEST_LINE:,} characters."
NOT_CLOSED = "A quotation mark is not closed."
BEHIND_QUOTE = "There is text behind a closing quotation mark."


class Row(NamedTuple):
    """A row of the file: the number of its first line, its cells, and why it could not be read ("": it could)."""

    line: int
    cells: list[str]
    problem: str


@dataclass(frozen=True)
class Layout:
    """How a file is written. ``columns`` has our name of each of its columns, "" for one that is not read.

    The first row begins at byte ``start``, in line ``line``.
    """

    encoding: str
    separator: str
    columns: tuple[str, ...]
    heading: bool
    start: int
    line: int

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "columns": list(self.columns)}

    def said(self) -> str:
        """How the file was understood, for whoever wonders why a column was not read."""
        encoding = ENCODING_NAMES[self.encoding]
        if not self.heading:
            return f"{encoding}; no heading, so line {self.line} is the first code"
        columns = ", ".join(name or "(not read)" for name in self.columns)
        separated = f", separated by {SEPARATORS[self.separator]}" if len(self.columns) > 1 else ""
        return f"{encoding}; columns: {columns}{separated}"

    @classmethod
    def of_json(cls, kept: dict[str, Any]) -> "Layout":
        return cls(**{**kept, "columns": tuple(kept["columns"])})


def find_layout(data: Bytes) -> Layout:
    """How the file is written. Raises ValidationError for ``file`` on one that is no file of codes."""
    encoding, start = find_encoding(data)
    decoded = bytes(data[start : start + HEAD]).decode(encoding, "ignore")
    line, separators = 1, "".join(SEPARATORS)
    for text in io.StringIO(decoded, newline=""):
        named = re.fullmatch(r"sep=([,;\t|])\s*", text, re.IGNORECASE)
        if text.strip() and not named:
            break
        if named:
            separators = named[1]
        start += len(text.encode(encoding))
        line += 1
    else:
        raise unusable(import_encoding.EMPTY)
    if len(text) > LONGEST_LINE:
        raise unusable("The first line is far too long for a heading or a code.")
    layout = head_of(text, encoding, separators, start, line)
    if not layout.heading:
        return layout
    after = start + len(text.encode(encoding))
    if not bytes(data[after : after + HEAD]).decode(encoding, "ignore").strip() and after + HEAD >= len(data):
        raise unusable("The file has a heading and no codes.")
    return Layout(**{**vars(layout), "start": after, "line": line + 1})


def head_of(text: str, encoding: str, separators: str, start: int, line: int) -> Layout:
    """What the first line says of the columns: a heading, or the first of nothing but codes."""
    best: tuple[int, int, str, list[str]] = (0, 0, separators[0], [text.strip()])
    for separator in separators:
        try:
            cells = next(csv.reader([text], delimiter=separator, strict=True))
        except csv.Error:
            continue
        known = sum(name_of(cell) != "" for cell in cells)
        best = max(best, (known, len(cells), separator, cells), key=lambda each: each[:2])
    known, count, separator, cells = best
    columns = tuple(name_of(cell) for cell in cells)
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise unusable(f"Two columns of the first line mean the same: {', '.join(twice)}.")
    if "code" in columns:
        return Layout(encoding, separator, columns, True, start, line)
    if known or count > 1:
        raise unusable("No column is called “code”: name the columns in the first line.")
    return Layout(encoding, separator, ("code",), False, start, line)


def name_of(cell: str) -> str:
    """Our name of a column that is headed so; "" if we have none."""
    plain = re.sub(r"[\W_]+", " ", cell.strip("\ufeff")).strip().lower()
    return COLUMN_OF.get(plain, "")


def split_lines(window: bytes, encoding: str, *, final: bool) -> list[str]:
    """The whole lines of a piece of the file, with their ends; the last of the file may have none."""
    text = codecs.getincrementaldecoder(encoding)().decode(window, final)
    lines = list(io.StringIO(text, newline=""))
    if lines and not final and not lines[-1].endswith("\n"):
        lines.pop()  # Cut off, or its "\r" may be half a line end.
    return lines


def read_rows(lines: list[str], layout: Layout, line: int, *, final: bool) -> Iterator[tuple[Row | None, int]]:
    """The rows of these lines, the first of which is number ``line``, each with how many lines it has; None for an empty one.

    Ends before a row that may go on behind the last line, unless that is the file's last (``final``).
    """
    at = 0
    while at < len(lines):
        cells, problem, count = read_row(lines, at, layout.separator, final=final)
        if not count:
            return
        empty = not problem and not any(cell.strip() for cell in cells)
        yield None if empty else Row(line + at, cells, problem), count
        at += count


def read_row(lines: list[str], at: int, separator: str, *, final: bool) -> tuple[list[str], str, int]:
    """The cells of the row that begins there, or the problem with it, and how many lines it has; 0 if more are needed."""
    if len(lines[at]) > LONGEST_LINE:
        return [], LONG_LINE, 1
    for count in range(1, MOST_LINES + 1):
        if at + count > len(lines):
            if not final:
                return [], "", 0
            break
        part = lines[at : at + count]
        if count > 1 and sum(map(len, part)) > LONGEST_LINE:
            break
        try:
            return next(csv.reader(part, delimiter=separator, strict=True)), "", count
        except csv.Error as error:
            if "unexpected end of data" not in str(error):
                return [], BEHIND_QUOTE if count == 1 else NOT_CLOSED, 1
    return [], NOT_CLOSED, 1
