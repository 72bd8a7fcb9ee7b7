"""Days in a time zone become half-open instants; the last day counts to its end."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from codes import issuing
from codes.models import Code, Terms
from codes.terms import instants
from tests.factories import make_batch, make_site, new_batch


def day(text):
    return dt.date.fromisoformat(text)


def instant(text):
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("first", "last", "zone", "start", "end"),
    [
        ("2026-11-21", "2026-11-21", "UTC", "2026-11-21T00:00", "2026-11-22T00:00"),
        ("2026-01-01", "2026-12-31", "UTC", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("2026-01-31", "2026-01-31", "UTC", "2026-01-31T00:00", "2026-02-01T00:00"),
        # A leap day, and the day before it.
        ("2028-02-29", "2028-02-29", "UTC", "2028-02-29T00:00", "2028-03-01T00:00"),
        ("2028-02-28", "2028-02-28", "UTC", "2028-02-28T00:00", "2028-02-29T00:00"),
        ("2026-02-28", "2026-02-28", "UTC", "2026-02-28T00:00", "2026-03-01T00:00"),
        # Berlin: the day of 23 hours, the day of 25.
        ("2026-03-29", "2026-03-29", "Europe/Berlin", "2026-03-28T23:00", "2026-03-29T22:00"),
        ("2026-10-25", "2026-10-25", "Europe/Berlin", "2026-10-24T22:00", "2026-10-25T23:00"),
        # Where the clock goes from 00:00 to 01:00 there is no midnight; the day starts when it would have been.
        ("2026-09-06", "2026-09-06", "America/Santiago", "2026-09-06T04:00", "2026-09-07T03:00"),
        # Where it goes from 01:00 back to 00:00, midnight comes twice and the first one starts the day.
        ("2026-11-01", "2026-11-01", "America/Havana", "2026-11-01T04:00", "2026-11-02T05:00"),
        # Far east and far west, and a zone half an hour off.
        ("2026-11-21", "2026-11-21", "Pacific/Kiritimati", "2026-11-20T10:00", "2026-11-21T10:00"),
        ("2026-11-21", "2026-11-21", "Pacific/Midway", "2026-11-21T11:00", "2026-11-22T11:00"),
        ("2026-01-10", "2026-01-10", "Pacific/Marquesas", "2026-01-10T09:30", "2026-01-11T09:30"),
        ("2026-11-21", "2026-11-21", "Asia/Kathmandu", "2026-11-20T18:15", "2026-11-21T18:15"),
        # Samoa had no 30 December 2011: the day before ends when the day after begins.
        ("2011-12-29", "2011-12-29", "Pacific/Apia", "2011-12-29T10:00", "2011-12-30T10:00"),
        # The ends of the calendar.
        ("0001-01-02", "9999-12-30", "UTC", "0001-01-02T00:00", "9999-12-31T00:00"),
    ],
)
def test_days_become_instants(first, last, zone, start, end):
    assert instants(day(first), day(last), zone) == (instant(start), instant(end))


def test_either_end_may_be_open():
    assert instants(None, None, "UTC") == (None, None)
    assert instants(day("2026-11-21"), None, "UTC") == (instant("2026-11-21T00:00"), None)
    assert instants(None, day("2026-11-21"), "UTC") == (None, instant("2026-11-22T00:00"))


@pytest.mark.parametrize(
    ("first", "last", "zone", "field"),
    [
        ("2026-11-22", "2026-11-21", "UTC", "valid_until"),
        (None, "9999-12-31", "UTC", "valid_until"),
        ("0001-01-01", None, "Asia/Tokyo", "valid_from"),
    ],
)
def test_days_in_the_wrong_order_or_beyond_the_calendar_are_refused(first, last, zone, field):
    with pytest.raises(ValidationError) as refused:
        instants(first and day(first), last and day(last), zone)

    assert list(refused.value.message_dict) == [field]


@pytest.mark.django_db
def test_codes_carry_the_instants_of_their_terms():
    batch = make_batch(count=1, valid_from=day("2026-03-29"), valid_until=day("2026-10-25"), time_zone="Europe/Berlin")

    code, terms = Code.objects.get(batch=batch), Terms.objects.get()

    assert (code.valid_from, code.valid_until) == (instant("2026-03-28T23:00"), instant("2026-10-25T23:00"))
    assert (terms.valid_from, terms.valid_until, terms.time_zone) == (
        code.valid_from,
        code.valid_until,
        "Europe/Berlin",
    )


@pytest.mark.django_db
def test_a_batch_whose_last_day_lies_before_its_first_is_not_ordered():
    with pytest.raises(ValidationError) as refused:
        issuing.order_batch(new_batch(make_site(), valid_from=day("2026-11-22"), valid_until=day("2026-11-21")))

    assert list(refused.value.message_dict) == ["valid_until"]
