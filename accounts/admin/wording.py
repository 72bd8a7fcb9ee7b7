"""How the desk writes instants, days and links: the same everywhere, and never ambiguous."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import Licence

NOTHING = "–"


def instant(value: dt.datetime | None, zone: str = "UTC") -> str:
    """2026-11-21 21:50:05 UTC."""
    if value is None:
        return NOTHING
    return f"{local(value, zone):%Y-%m-%d %H:%M:%S} {zone}"


def local(value: dt.datetime, zone: str) -> dt.datetime:
    """The instant on the zone's clocks; in the first and last hours of the calendar, where those have no date, on UTC's."""
    try:
        return value.astimezone(ZoneInfo(zone))
    except (OverflowError, ValueError):
        return value.astimezone(dt.UTC)


def first_day(value: dt.datetime, zone: str) -> str:
    """The day on which validity starts, as it was entered; with the time where it is not a midnight there."""
    then = local(value, zone)
    return f"{then:%Y-%m-%d}" if then.time() == dt.time.min else f"{then:%Y-%m-%d %H:%M:%S}"


def last_day(value: dt.datetime, zone: str) -> str:
    """The last day of validity, as it was entered: what is stored is the first moment after it."""
    then = local(value, zone)
    if then.time() == dt.time.min and then.date() > dt.date.min:
        return f"{then.date() - dt.timedelta(days=1):%Y-%m-%d}"
    return f"{then:%Y-%m-%d %H:%M:%S}"


def validity(valid_from: dt.datetime | None, valid_until: dt.datetime | None, zone: str) -> str:
    """When a code counts, in the words of the form it was entered in."""
    if valid_from is None:
        return "always" if valid_until is None else f"until {last_day(valid_until, zone)} ({zone})"
    if valid_until is None:
        return f"from {first_day(valid_from, zone)} ({zone})"
    return f"{first_day(valid_from, zone)} to {last_day(valid_until, zone)} ({zone})"


def licence_state(licence: Licence, now: dt.datetime) -> str:
    """What a licence is at the moment: active, not yet, over, or ended before its time."""
    if licence.ended_at is not None:
        return "ended"
    if licence.ends_at is not None and licence.ends_at <= now:
        return "over"
    return "not yet" if licence.starts_at > now else "active"


def link(row: Model | None, text: Any = None) -> str | SafeString:
    """A link to the row's page on the desk."""
    if row is None:
        return NOTHING
    return address_link(f"{row._meta.app_label}_{row._meta.model_name}", row.pk, row if text is None else text)


def address_link(model: str, key: Any, text: Any) -> SafeString:
    """A link to a row's page by its key alone."""
    return format_html('<a class="text-link" href="{}">{}</a>', reverse(f"admin:{model}_change", args=[key]), text)
