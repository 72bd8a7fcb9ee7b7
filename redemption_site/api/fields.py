"""Strict fields for what clients send: nothing is converted, nothing unlisted let through."""

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from redemption_site.edge.parsing import is_plain

# An ASCII grammar before any conversion: Python's own converters accept underscores, exponents and foreign digits.
AMOUNT = r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,6})?$"
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
# Room for any time zone on either side of what a database can store.
FIRST_YEAR, LAST_YEAR = 1900, 9990


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not list."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            unknown = {name: ["There is no such field."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A JSON string without control characters."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("A text is wanted here.")
        if not is_plain(data):
            raise serializers.ValidationError("Control characters are not allowed here.")
        return super().to_internal_value(data)


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction; neither a text nor a truth value."""

    def to_internal_value(self, data: Any) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise serializers.ValidationError("A whole number is wanted here.")
        return super().to_internal_value(data)


class TrueOrFalse(serializers.BooleanField):
    """JSON's own true or false."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("true or false is wanted here.")
        return data


class OneOf(serializers.ChoiceField):
    """One of a few words."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str):
            raise serializers.ValidationError("A text is wanted here.")
        return super().to_internal_value(data)


class Day(serializers.DateField):
    """A day as YYYY-MM-DD."""

    def to_internal_value(self, data: Any) -> dt.date:
        try:
            day = dt.date.fromisoformat(data) if isinstance(data, str) and DAY.fullmatch(data) else None
        except ValueError:
            day = None
        if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise serializers.ValidationError("A day is wanted here, as YYYY-MM-DD.")
        return day


class Instant(serializers.DateTimeField):
    """An instant with its offset from UTC, as RFC 3339 writes it."""

    def to_internal_value(self, data: Any) -> dt.datetime:
        instant = read_instant(data) if isinstance(data, str) else None
        if instant is None:
            raise serializers.ValidationError("An instant with its offset is wanted here, as 2026-01-31T12:00:00Z.")
        return instant


def read_instant(text: str) -> dt.datetime | None:
    """The instant in UTC; None for anything that is not one, or not in the years that can be stored everywhere."""
    if not INSTANT.fullmatch(text):
        return None
    try:
        instant = dt.datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return instant.astimezone(dt.UTC) if FIRST_YEAR <= instant.year <= LAST_YEAR else None


@extend_schema_field(
    {"oneOf": [{"type": "string", "pattern": AMOUNT}, {"type": "integer", "minimum": 0, "maximum": 10**12 - 1}]}
)
class Amount(serializers.Field[Decimal, Any, str, Any]):
    """Money as a decimal text ("25.00"), points as a whole number (redemption flow, section 5)."""

    def to_internal_value(self, data: Any) -> Decimal:
        if isinstance(data, int) and not isinstance(data, bool) and 0 <= data < 10**12:
            return Decimal(data)
        if isinstance(data, str) and re.fullmatch(AMOUNT[1:-1], data):
            return Decimal(data)
        raise serializers.ValidationError('Money is wanted as a text ("25.00"), points as a whole number.')

    def to_representation(self, value: Any) -> str:
        raise NotImplementedError("Only read from clients.")
