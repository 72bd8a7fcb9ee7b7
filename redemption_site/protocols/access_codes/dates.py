"""Instants in the words of the access codes protocol: the last valid moment there, the first one after it here; all in UTC."""

import datetime as dt
import re

FORMS = re.compile(
    r"""(?P<day>\d{4}-\d{2}-\d{2})
        (?: [ ] (?P<time>\d{2}:\d{2}:\d{2} (?:\.\d{1,3})?)
          | [T ] (?P<zoned>\d{2}:\d{2} (?: :\d{2} (?:[.,]\d{1,9})? )? (?: Z | [+-]\d{2} (?: :?\d{2} )? )) )?""",
    re.ASCII | re.VERBOSE,
)
MILLISECOND = dt.timedelta(milliseconds=1)
# The last one there is; it has no next one, so it stands for itself.
END_OF_TIME = dt.datetime(9999, 12, 31, 23, 59, 59, 999_000, dt.UTC)


def read_expiration(text: str) -> dt.datetime:
    """The first moment after validity. A day alone counts to its end. Raises ValueError."""
    form = FORMS.fullmatch(text)
    if form is None:
        raise ValueError("not one of the three forms")
    try:
        last = last_moment(form)
        return END_OF_TIME if last == END_OF_TIME else last + MILLISECOND
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


def last_moment(form: re.Match[str]) -> dt.datetime:
    if form["zoned"]:
        given = dt.datetime.fromisoformat(f"{form['day']}T{form['zoned']}").astimezone(dt.UTC)
    else:
        given = dt.datetime.fromisoformat(f"{form['day']}T{form['time'] or '23:59:59.999'}+00:00")
    return given.replace(microsecond=given.microsecond // 1_000 * 1_000)


def write_expiration(valid_until: dt.datetime) -> str:
    """The last valid moment, so that what is read back means the same."""
    return write_instant(valid_until if valid_until == END_OF_TIME else valid_until - MILLISECOND)


def write_instant(instant: dt.datetime) -> str:
    """``2014-09-11 22:30:59.114``."""
    return instant.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "milliseconds")
