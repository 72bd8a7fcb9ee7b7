"""Days as people give them, and the instants that are stored of them."""

import datetime as dt
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError


def instants(
    first_day: dt.date | None, last_day: dt.date | None, time_zone: str
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Days in a time zone as the half-open instants that are stored: the last day counts to its end."""
    if first_day and last_day and last_day < first_day:
        raise ValidationError({"valid_until": ["The last day lies before the first."]})
    zone = ZoneInfo(time_zone)
    return start_of(first_day, 0, zone, "valid_from"), start_of(last_day, 1, zone, "valid_until")


def start_of(day: dt.date | None, days_later: int, zone: ZoneInfo, field_name: str) -> dt.datetime | None:
    """The first instant of the day so many days after ``day``. Raises ValidationError at the calendar's ends."""
    if day is None:
        return None
    try:
        return dt.datetime.combine(day + dt.timedelta(days=days_later), dt.time(), zone).astimezone(dt.UTC)
    except OverflowError as error:
        raise ValidationError({field_name: ["This day cannot be stored."]}) from error
