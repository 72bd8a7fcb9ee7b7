"""Parameters as procedures declare them, and from what was given to values: the codes -500 and -530 come from here alone.

Digits and dates are matched by grammars of ASCII first: what the language itself would convert takes underscores, exponents and
the digits of every script. Limits of strings are bytes of UTF-8, and nothing is ever cut. Source: prepaid engine, sections 3 and 4.
"""

import datetime as dt
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

from redemption_site.edge.parsing import is_plain
from redemption_site.protocols.prepaid.reading import Given
from redemption_site.protocols.prepaid.return_codes import NOT_CONVERTIBLE, WRONG_PARAMETERS, Failed

WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
DECIMAL = re.compile(r"-?([0-9]+)(?:\.([0-9]+))?", re.ASCII)
INSTANT = re.compile(
    r"(-?)([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:(Z)|([+-])([0-9]{2}):([0-9]{2}))?",
    re.ASCII,
)
MOST_DIGITS = 19
MOST_OFFSET = dt.timedelta(hours=14)


class SqlType(Protocol):
    """A type of SQL; as text it is its name in the contract."""

    def read(self, text: str) -> Any:
        """The value. Raises Failed: -530 if the text is none of the type, -500 if it is one outside the range."""


@dataclass(frozen=True, slots=True)
class VarChar:
    """``most`` bytes of UTF-8. ``filled``: must have something in it; ``visible``: something else than white space, too.

    Control characters are refused but in what the platform folds itself (``plain`` false: codes), NUL everywhere.
    """

    most: int
    filled: bool = False
    visible: bool = False
    plain: bool = True

    def __str__(self) -> str:
        return f"varchar({self.most})"

    def read(self, text: str) -> str:
        try:
            size = len(text.encode())
        except UnicodeEncodeError as error:
            raise Failed(WRONG_PARAMETERS) from error
        missing = (self.filled and not text) or (self.visible and not text.strip())
        if size > self.most or missing or "\x00" in text or (self.plain and not is_plain(text)):
            raise Failed(WRONG_PARAMETERS)
        return text


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two others, both included."""

    name: str
    least: int
    most: int

    def __str__(self) -> str:
        return self.name

    def read(self, text: str) -> int:
        if not WHOLE.fullmatch(text):
            raise Failed(NOT_CONVERTIBLE)
        if len(text.lstrip("-").lstrip("0")) > MOST_DIGITS or not self.least <= int(text) <= self.most:
            raise Failed(WRONG_PARAMETERS)
        return int(text)


TINYINT = Whole("tinyint", 0, 255)
INT = Whole("int", -(2**31), 2**31 - 1)


@dataclass(frozen=True, slots=True)
class Bit:
    """0 or 1."""

    def __str__(self) -> str:
        return "bit"

    def read(self, text: str) -> bool:
        return bool(Whole("bit", 0, 1).read(text))


@dataclass(frozen=True, slots=True)
class Money:
    """decimal(19,4): fifteen digits before the point and four behind it."""

    def __str__(self) -> str:
        return "decimal(19,4)"

    def read(self, text: str) -> Decimal:
        found = DECIMAL.fullmatch(text)
        if found is None:
            raise Failed(NOT_CONVERTIBLE)
        before, behind = found[1].lstrip("0"), (found[2] or "").rstrip("0")
        if len(before) > 15 or len(behind) > 4:
            raise Failed(WRONG_PARAMETERS)
        return Decimal(text)


@dataclass(frozen=True, slots=True)
class Instant:
    """``CCYY-MM-DDThh:mm:ss`` with ``Z``, an offset, or neither, which is UTC; the years 1 to 9999."""

    def __str__(self) -> str:
        return "datetime"

    def read(self, text: str) -> dt.datetime:
        found = INSTANT.fullmatch(text)
        if found is None:
            raise Failed(NOT_CONVERTIBLE)
        if found[1] or found[2] == "0000":
            raise Failed(WRONG_PARAMETERS)  # A year before the calendar's first.
        year, month, day, hour, minute, second = (int(found[group]) for group in range(2, 8))
        offset = dt.timedelta(hours=int(found[10] or 0), minutes=int(found[11] or 0))
        if offset > MOST_OFFSET or int(found[11] or 0) > 59:
            raise Failed(NOT_CONVERTIBLE)
        try:
            local = dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
        except ValueError as error:
            raise Failed(NOT_CONVERTIBLE) from error
        try:
            return local + offset if found[9] == "-" else local - offset
        except OverflowError as error:
            raise Failed(WRONG_PARAMETERS) from error


BIT, MONEY, INSTANT_TYPE = Bit(), Money(), Instant()


class Mandatory:
    """The default of what has none."""

    def __repr__(self) -> str:
        return "mandatory"


MANDATORY: Final = Mandatory()


@dataclass(frozen=True, slots=True)
class Parameter:
    """One declared parameter. ``among``: the only values that it may have, NULL apart; ``default`` is a value already."""

    name: str
    type: SqlType
    default: Any = None
    null: bool = True
    among: Container[Any] | None = field(default=None)

    def read(self, given: Mapping[str, str | None]) -> Any:
        """The value, or the default. Raises Failed."""
        if self.name not in given:
            if self.default is MANDATORY:
                raise Failed(WRONG_PARAMETERS)
            return self.default
        text = given[self.name]
        if text is None:
            if not self.null:
                raise Failed(WRONG_PARAMETERS)
            return None
        value = self.type.read(text)
        if self.among is not None and value not in self.among:
            raise Failed(WRONG_PARAMETERS)
        return value


def read_parameters(parameters: Sequence[Parameter], given: Given) -> dict[str, Any]:
    """The value of every declared parameter. Raises Failed with the first fault in the order of the declaration.

    What cannot be read at all, and a name that is not declared, come before every other fault.
    """
    if not given.readable or not given.values.keys() <= {parameter.name for parameter in parameters}:
        raise Failed(WRONG_PARAMETERS)
    return {parameter.name: parameter.read(given.values) for parameter in parameters}
