"""Instants and offsets as tills write them."""

import datetime as dt
import re

# Not \d, which matches the digits of every script.
DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?Z", re.ASCII)
OFFSET = re.compile(r"([+-])([0-9]{1,2}):([0-5][0-9])", re.ASCII)
LEAST_MINUTES, MOST_MINUTES = -12 * 60, 14 * 60


class NotReadable(ValueError):
    """The text is none of the contract's instants, or offsets."""


def read_instant(text: str) -> dt.datetime:
    """``yyyy-MM-ddTHH:mm:ssZ``; a fraction of a second is cut off. Raises NotReadable.

    A leap second and a day that the calendar lacks are no instants.
    """
    found = DATE.fullmatch(text)
    if found is None:
        raise NotReadable
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError as error:
        raise NotReadable from error


def read_offset(text: str) -> int:
    """Minutes from UTC: ``+HH:mm`` or ``-HH:mm``, of one hour digit too, from -12:00 to +14:00, or ``Z``. Raises NotReadable."""
    if text == "Z":
        return 0
    found = OFFSET.fullmatch(text)
    if found is None:
        raise NotReadable
    minutes = int(found[2]) * 60 + int(found[3])
    minutes = -minutes if found[1] == "-" else minutes
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise NotReadable
    return minutes
