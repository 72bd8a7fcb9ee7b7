"""How generated codes look, how much chance is in them, and whether that is enough for their number.

The prepaid alphabet is that protocol's; why codes are as long as they are is in codes/README.md.
"""

import math
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from django.core.exceptions import ValidationError

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # No I, L, O, U: 32 symbols, 5 bits each.
PREPAID_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
LENGTH = 16
BITS_PER_SYMBOL = 5
GUESS_MARGIN = 10**6  # A guesser succeeds in fewer than one of so many years.

VALUE_OF = {symbol: value for value, symbol in enumerate(ALPHABET)}
# Multiplication by the generator of GF(32), reduced by x^5 + x^2 + 1.
TIMES_ALPHA = tuple((value << 1) ^ (0x25 if value & 16 else 0) for value in range(32))
OWN_SYMBOLS = bytes(ALPHABET[value & 31].encode()[0] for value in range(256))
PREPAID_SYMBOLS = bytes(PREPAID_ALPHABET[value & 31].encode()[0] for value in range(256))
PATTERN = re.compile(r"[A-Z0-9._-]*#[A-Z0-9._#-]*")


def check_symbol(symbols: str) -> str:
    """The 16th symbol: over GF(32) every position weighs differently, so one wrong symbol or two swapped ones never fit."""
    total = 0
    for symbol in symbols:
        total = TIMES_ALPHA[total] ^ VALUE_OF[symbol]
    return ALPHABET[TIMES_ALPHA[total]]


def weights_of(position: int) -> bytes:
    """What each byte at this position, of which the last five bits are the symbol, adds to the check symbol's value."""
    table = list(range(32))
    for _ in range(LENGTH - 1 - position):
        table = [TIMES_ALPHA[value] for value in table]
    return bytes(table * 8)


WEIGHTS = [weights_of(position) for position in range(LENGTH - 1)]


def has_wrong_check_symbol(canonical: str) -> bool:
    """Whether a form has the shape of our own codes but cannot be one: a typo, told as such."""
    if len(canonical) != LENGTH or not VALUE_OF.keys() >= set(canonical):
        return False
    return check_symbol(canonical[:-1]) != canonical[-1]


def random_symbols(table: bytes, length: int, count: int) -> list[str]:
    """``count`` strings of ``length`` symbols from the operating system's generator; each byte gives 5 fair bits."""
    drawn = secrets.token_bytes(length * count).translate(table).decode()
    return [drawn[start : start + length] for start in range(0, length * count, length)]


def draw_ours(count: int, pattern: str) -> list[str]:
    """Put together position by position, as columns of all the codes: a hundredth of the time of doing so code by code."""
    values = secrets.token_bytes((LENGTH - 1) * count)
    columns = [values[position :: LENGTH - 1] for position in range(LENGTH - 1)]
    check = 0
    for column, weights in zip(columns, WEIGHTS, strict=True):
        check ^= int.from_bytes(column.translate(weights), "big")
    return grouped_all([*columns, check.to_bytes(count, "big")], OWN_SYMBOLS)


def grouped_all(columns: list[bytes], table: bytes) -> list[str]:
    """Codes of 16 symbols in groups of four; column n has the n-th symbol of each, as a byte that ``table`` spells."""
    count = len(columns[0])
    width = LENGTH + 4  # Three dashes, and a line's end.
    lines = bytearray(b"-" * width * count)
    lines[width - 1 :: width] = b"\n" * count
    for position, column in enumerate(columns):
        lines[position + position // 4 :: width] = column.translate(table)
    return lines.decode().split("\n")[:count]


def draw_hex(count: int, pattern: str) -> list[str]:
    drawn = secrets.token_hex(8 * count)
    return [drawn[start : start + 16] for start in range(0, 16 * count, 16)]


def draw_prepaid(count: int, pattern: str) -> list[str]:
    values = secrets.token_bytes(LENGTH * count)
    return grouped_all([values[position::LENGTH] for position in range(LENGTH)], PREPAID_SYMBOLS)


def draw_pattern(count: int, pattern: str) -> list[str]:
    holes = pattern.count("#")
    template = pattern.replace("#", "%s")
    return [template % tuple(symbols) for symbols in random_symbols(OWN_SYMBOLS, holes, count)]


@dataclass(frozen=True)
class Format:
    """One way codes look. ``draw(count, pattern)`` answers display forms; ``bits`` is the chance in each; 0: see the pattern."""

    name: str
    label: str
    draw: Callable[[int, str], list[str]]
    bits: int

    def bits_of(self, pattern: str) -> int:
        return self.bits or BITS_PER_SYMBOL * pattern.count("#")


FORMATS = {
    each.name: each
    for each in (
        Format("ours", "XXXX-XXXX-XXXX-XXXX with a check symbol", draw_ours, 75),
        Format("hex", "16 hexadecimal digits", draw_hex, 64),
        Format("prepaid", "XXXX-XXXX-XXXX-XXXX of the prepaid protocol's 32 symbols", draw_prepaid, 80),
        Format("pattern", "A pattern of your own, # for each random symbol", draw_pattern, 0),
    )
}


def bits_needed(count: int, guesses_per_year: int) -> float:
    """log2(codes × guesses a year × 10^6): with so much chance in a code nobody guesses one (I10)."""
    return math.log2(count) + math.log2(guesses_per_year) + math.log2(GUESS_MARGIN)


def check(name: str, pattern: str, count: int, guesses_per_year: int) -> None:
    """Refuse a format that could be guessed, or a pattern that cannot be read. Raises ValidationError with field names."""
    if name not in FORMATS:
        raise ValidationError({"format": [f"Choose one of: {', '.join(FORMATS)}."]})
    if name != "pattern":
        if pattern:
            raise ValidationError({"pattern": ["Only the format 'pattern' has a pattern."]})
        if FORMATS[name].bits < bits_needed(count, guesses_per_year):
            raise ValidationError(
                {"format": [f"Codes of this format could be guessed: there are too many of them ({count:,})."]}
            )
        return
    if not PATTERN.fullmatch(pattern) or len(pattern) > 64 or len(re.sub("[-]", "", pattern)) < 4:
        raise ValidationError(
            {
                "pattern": [
                    "Write capitals, digits, dots, dashes and underscores, and # for each random symbol; 4 to 64 in all."
                ]
            }
        )
    needed = math.ceil(bits_needed(count, guesses_per_year) / BITS_PER_SYMBOL)
    if pattern.count("#") < needed:
        raise ValidationError(
            {
                "pattern": [
                    f"Codes of this pattern could be guessed: it has {pattern.count('#')} random symbols, "
                    f"and {count:,} codes need at least {needed}."
                ]
            }
        )
