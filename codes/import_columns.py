"""The columns that a file of codes may have, however they are headed, and reading what stands in each."""

import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError

from codes import lookup
from codes.refusals import CodeFormatInvalid
from codes.terms import LARGEST_VALUE
from ledger.models import Asset

HEADINGS = {
    "code": "code, codes, voucher, voucher code, coupon, coupon code, gift card, gift card code, gift code, card number, "
    "promo code, promotion code, redemption code, redemption text, gutschein, gutscheincode, gutschein code",
    "uses": "uses, max uses, maximum uses, number of uses, uses per code, usage limit, use limit, max redemptions, "
    "nutzungen, einlösungen, einloesungen",
    "value": "value, amount, worth, balance, face value, wert, betrag, guthaben",
    "valid_from": "valid from, from, start, starts, start date, starts at, valid since, first day, gültig ab, gueltig ab, "
    "gültig von, gueltig von",
    "valid_until": "valid until, valid to, valid through, valid till, until, end, ends, end date, ends at, expires, expires at, "
    "expires on, expiry, expiry date, expiration, expiration date, last day, gültig bis, gueltig bis",
    "owner": "owner, owner id, claimant, claimant id, customer, customer id, user, user id, member, member id, inhaber, "
    "kunde, kundennummer",
}
COLUMN_OF = {heading: name for name, headings in HEADINGS.items() for heading in headings.split(", ")}

WHOLE_NUMBER = re.compile(r"[0-9]{1,7}")
DECIMAL_COMMA = re.compile(r"([0-9]{1,15}),([0-9]{1,2})")  # "1,000" could be either and is no amount of two decimals.
DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})|([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})")
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
FIRST_YEAR, LAST_YEAR = 1900, 9990  # Room for any time zone on either side of what a database can store.

NO_CODE = "There is no code in this row."
LONG_CODE = f"The code is longer than {lookup.LONGEST_TYPED} characters."
UNREADABLE = (
    "This cannot be read as a code: 4 to 64 letters, digits, dots and underscores; dashes and spaces do not count."
)
HIDDEN = "The code has a character that cannot be seen."
NO_USES = "Write the uses as a whole number from 1 to 1,000,000."
NO_ASSET = "These codes have no asset, so a row can have no value."
NO_AMOUNT = "Write the value as an amount above zero, in digits, such as 12.50."
LARGE_AMOUNT = "The value is larger than can be booked."
NO_DAY = "Write a day as 2026-12-31 or 31.12.2026, or an instant with its offset, as 2026-12-31T12:00:00Z."
EMPTY_VALIDITY = "The validity ends before it begins."
LONG_OWNER = "A claimant ID has at most 100 characters."


class Unreadable(Exception):
    """What stands in a cell cannot be used; the text says why, and never repeats it."""


@dataclass(frozen=True)
class Defaults:
    """What a code of the batch is worth and when it counts where its row does not say: as its terms."""

    asset: Asset | None
    value: int
    uses: int
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    time_zone: str


def read_code(text: str) -> tuple[str, str]:
    """The code as it is shown, and its canonical form. Raises Unreadable."""
    if text[:1] == "'" and text[1:2] in "=+-@":
        text = text[1:]  # So do exports keep spreadsheet programs from taking a text for a formula.
    if not text:
        raise Unreadable(NO_CODE)
    if len(text) > lookup.LONGEST_TYPED:
        raise Unreadable(LONG_CODE)
    if not text.isprintable():
        raise Unreadable(HIDDEN)
    try:
        return text, lookup.canonical(text)
    except CodeFormatInvalid:
        raise Unreadable(UNREADABLE) from None


def read_uses(text: str) -> int:
    """Uses of the code. Raises Unreadable."""
    if not WHOLE_NUMBER.fullmatch(text) or not 1 <= int(text) <= 10**6:
        raise Unreadable(NO_USES)
    return int(text)


def read_value(text: str, asset: Asset | None) -> int:
    """Worth of one use in the asset's minor units, never rounded. Raises Unreadable."""
    if asset is None:
        raise Unreadable(NO_ASSET)
    text = DECIMAL_COMMA.sub(r"\1.\2", text) if DECIMAL_COMMA.fullmatch(text) else text
    try:
        minor_units = asset.minor(text)
    except ValidationError as error:
        places = error.message_dict["value"][0]
        raise Unreadable(places if places.startswith(asset.code) else NO_AMOUNT) from None
    if not minor_units:
        raise Unreadable(NO_AMOUNT)
    if minor_units > LARGEST_VALUE:
        raise Unreadable(LARGE_AMOUNT)
    return minor_units


def read_moment(text: str, time_zone: str, *, end: bool) -> dt.datetime:
    """The instant at which validity begins, or at its ``end`` the first one after it; a day counts whole. Raises Unreadable."""
    try:
        if INSTANT.fullmatch(text):
            instant = dt.datetime.fromisoformat(text.upper())
            year = instant.year
        elif found := DAY.fullmatch(text):
            parts = found.groups()[:3] if found[1] else found.groups()[:2:-1]
            day = dt.date(*(int(part) for part in parts))
            year = day.year
            instant = dt.datetime.combine(day + dt.timedelta(days=end), dt.time(), ZoneInfo(time_zone))
        else:
            raise Unreadable(NO_DAY)
    except (ValueError, OverflowError):
        raise Unreadable(NO_DAY) from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise Unreadable(NO_DAY)
    return instant.astimezone(dt.UTC)


def read_owner(text: str) -> str:
    """A claimant ID. Raises Unreadable."""
    if len(text) > 100 or "\x00" in text:
        raise Unreadable(LONG_OWNER)
    return text
