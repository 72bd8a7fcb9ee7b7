"""What is read out of a till's words: every report that can be read is taken, however odd, and nothing in it is changed."""

import datetime as dt
import json
from typing import Any

import pytest

from codes import keys
from codes.advice.accepting import Report
from codes.advice.draining import drain
from codes.models import Advice
from redemption_site.protocols.advice import dates
from tests.advice import make_venue
from tests.protocols.advice.conftest import Merchant
from tests.protocols.advice.test_answers import TYPE_INVALID, TYPE_MISSING, VENUE_INVALID, assert_refused, both_forms
from tests.protocols.advice.tills import BODIES, JSON, XML, as_json, as_xml, seed


def taken(shop: Merchant, reports: list[Report], form: str, *without: str, **changed: Any) -> Report:
    """The only report there is, kept just now."""
    assert shop.till.report(form, *without, **changed).status_code == 202
    [report] = reports
    return report


@both_forms
def test_everything_a_till_says_is_read(shop: Merchant, reports: list[Report], form: str):
    report = taken(shop, reports, form)

    assert report == Report(
        site_id=shop.site.pk,
        client_id=report.client_id,
        media="json" if form == JSON else "xml",
        raw=BODIES[form](seed()),
        text="ABC-E6W5F",
        venue=(10, "921"),
        redemption_type="NFC",
        happened_at=dt.datetime(2015, 1, 20, 10, 21, 47, tzinfo=dt.UTC),
        offset_minutes=-630,
        problem="",
    )


TEXTS = {
    "one character": "A",
    "255 characters": "x" * 255,
    "255 emoji": "😀" * 255,
    "white space": "  ",
    "not trimmed": " ABC-E6W5F\t",
    "a turn of direction": "ABC\u202eF5W6E",
    "a control character of Latin-1": "ABC\x85",
    "a private character": "\ue000",
    "the last character": "\U0010ffff",
    "composed": "é e\u0301",
    "markup": "<script>alert(1)</script>&amp;]]>",
    "SQL": "'; DROP TABLE codes_code; --",
    "a template": "{{ 7*7 }} %s %(x)s {0}",
    "a formula": "=cmd|' /C calc'!A0",
    "digits of another script": "٣٤٥",
}


@both_forms
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_text_is_kept_as_it_was_sent(shop: Merchant, reports: list[Report], text: str, form: str):
    report = taken(shop, reports, form, redemptionText=text, redemptionType=text[:50])

    assert (report.text, report.redemption_type, report.problem) == (text, text[:50], "")
    advice = Advice.objects.get()
    assert keys.unseal(advice.site_id, advice.key_version, bytes(advice.text)) == text
    assert advice.redemption_type == text[:50]
    drain()
    assert Advice.objects.get().outcome == "unknown_text"


@both_forms
@pytest.mark.parametrize("text", ["", "x" * 256, "😀" * 256, "x" * 20_000, None])
def test_a_text_of_the_wrong_length_is_taken_and_judged_invalid(
    shop: Merchant, reports: list[Report], text: str | None, form: str
):
    report = taken(shop, reports, form, redemptionText=text)

    assert report.problem == "invalid_text"
    assert report.raw == BODIES[form](seed(redemptionText=text))
    drain()
    assert Advice.objects.get().outcome == "invalid_text"


@pytest.mark.parametrize("value", [5, 1.5, True, [], ["ABC-E6W5F"], {}, {"a": "ABC-E6W5F"}])
def test_what_is_no_text_is_taken_and_judged_invalid(shop: Merchant, reports: list[Report], value: Any):
    report = taken(shop, reports, JSON, redemptionText=value, redemptionType=value)

    assert (report.text, report.problem, report.redemption_type) == (None, "invalid_text", "")


@both_forms
def test_a_long_type_is_cut_and_recorded(shop: Merchant, reports: list[Report], form: str):
    assert taken(shop, reports, form, redemptionType="😀" * 51).redemption_type == "😀" * 50
    assert Advice.objects.get().redemption_type == "😀" * 50


@both_forms
@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"redemptionText": ""}, "invalid_text"),
        ({"redemptionDate": "x"}, "invalid_date"),
        ({"redemptionAdviceTimezoneOffset": "x"}, "invalid_offset"),
        ({"redemptionDate": "x", "redemptionAdviceTimezoneOffset": "x"}, "invalid_date"),
        ({"redemptionText": "", "redemptionAdviceTimezoneOffset": "x"}, "invalid_text"),
        ({"redemptionText": "", "redemptionDate": "x", "redemptionAdviceTimezoneOffset": "x"}, "invalid_text"),
    ],
)
def test_of_several_problems_the_first_is_the_outcome(
    shop: Merchant, reports: list[Report], wrong: dict[str, str], problem: str, form: str
):
    assert taken(shop, reports, form, **wrong).problem == problem
    drain()
    assert Advice.objects.get().outcome == problem


# Dates and offsets.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015-01-20T10:21:47Z", "2015-01-20T10:21:47"),
        ("2015-01-20T10:21:47.9999999Z", "2015-01-20T10:21:47"),
        ("2016-02-29T23:59:59.0Z", "2016-02-29T23:59:59"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59"),
    ],
)
def test_dates(text: str, expected: str):
    assert dates.read_instant(text) == dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "2015-01-20", "2015-01-20T10:21:47", "2015-01-20T10:21:47+00:00", "2015-01-20T10:21Z"),
        *("2015-01-20T10:21:47z", "2015-01-20t10:21:47Z", "2015-01-20 10:21:47Z", " 2015-01-20T10:21:47Z"),
        *("2015-01-20T10:21:47Z\n", "2015-01-20T10:21:47.Z", "2015-01-20T10:21:47,5Z", "2015-1-20T10:21:47Z"),
        *("2015-02-29T10:21:47Z", "2015-13-01T10:21:47Z", "2015-00-01T10:21:47Z", "2015-01-32T10:21:47Z"),
        *("2015-01-20T24:00:00Z", "2015-01-20T10:60:00Z", "2016-12-31T23:59:60Z", "0000-01-01T00:00:00Z"),
        *("12015-01-20T10:21:47Z", "+2015-01-20T10:21:47Z", "20150120T102147Z", "٢٠١٥-01-20T10:21:47Z", "1421749307"),
    ],
)
def test_what_is_no_date(text: str):
    with pytest.raises(dates.NotReadable):
        dates.read_instant(text)


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        *(("Z", 0), ("+00:00", 0), ("-00:00", 0), ("+2:00", 120), ("+02:00", 120), ("-10:30", -630), ("-0:01", -1)),
        *(("+14:00", 840), ("-12:00", -720), ("+05:45", 345), ("+13:59", 839), ("-11:59", -719)),
    ],
)
def test_offsets(text: str, minutes: int):
    assert dates.read_offset(text) == minutes


@pytest.mark.parametrize(
    "text",
    [
        *("", "z", "UTC", "0", "02:00", "+2", "+02", "+0200", "+002:00", "+02:0", "+02:60", "+02:000", " +02:00"),
        *(
            "+15:00",
            "+14:01",
            "-12:01",
            "-13:00",
            "+99:59",
            "+:30",
            "++2:00",
            "+02:00Z",
            "+02:00\n",
            "−02:00",
            "+٠2:00",
        ),
    ],
)
def test_what_is_no_offset(text: str):
    with pytest.raises(dates.NotReadable):
        dates.read_offset(text)


@pytest.mark.parametrize("value", [0, 1421749307, 1.5, True, [], {}, ""])
def test_dates_and_offsets_that_are_no_texts(shop: Merchant, reports: list[Report], value: Any):
    assert (
        taken(shop, reports, JSON, redemptionDate=value, redemptionAdviceTimezoneOffset="Z").problem == "invalid_date"
    )
    reports.clear()
    assert taken(shop, reports, JSON, redemptionAdviceTimezoneOffset=value).problem == "invalid_offset"


@both_forms
@pytest.mark.parametrize("value", [None, "left out"])
def test_a_date_and_an_offset_may_be_missing(shop: Merchant, reports: list[Report], value: str | None, form: str):
    missing = ("redemptionDate", "redemptionAdviceTimezoneOffset", "redemptionType")
    report = taken(shop, reports, form, *missing) if value else taken(shop, reports, form, **dict.fromkeys(missing))

    assert (report.happened_at, report.offset_minutes, report.redemption_type, report.problem) == (None, None, "", "")


@pytest.mark.parametrize(("date", "offset"), [("0001-01-01T00:00:00Z", "-00:01"), ("9999-12-31T23:59:59Z", "+00:01")])
def test_a_date_without_a_local_time_is_none(shop: Merchant, reports: list[Report], date: str, offset: str):
    report = taken(shop, reports, JSON, redemptionDate=date, redemptionAdviceTimezoneOffset=offset)

    assert (report.happened_at, report.problem) == (None, "invalid_date")


@both_forms
@pytest.mark.parametrize("date", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_the_ends_of_the_calendar_can_be_kept_and_judged(shop: Merchant, date: str, form: str):
    assert shop.till.report(form, redemptionDate=date, redemptionAdviceTimezoneOffset="Z").status_code == 202
    drain()
    assert Advice.objects.get().outcome in ("unknown_text", "invalid_date")


# Venues.


@pytest.mark.parametrize(("system_type", "read"), [(10, 10), ("10", 10), (-5, -5), ("-5", -5), (0, 0), ("0", 0)])
def test_system_types(shop: Merchant, reports: list[Report], system_type: Any, read: int):
    make_venue(shop.site, "here", read)
    assert taken(shop, reports, JSON, externalVenueSystemType=system_type, externalVenueId="here").venue == (
        read,
        "here",
    )


@pytest.mark.parametrize("system_type", [2**31 - 1, -(2**31), "2147483647", "-2147483648"])
def test_the_largest_system_types_are_unknown_and_not_wrong(shop: Merchant, system_type: Any):
    assert_refused(shop.till.report(externalVenueSystemType=system_type), VENUE_INVALID)


@pytest.mark.parametrize(
    "system_type",
    [
        *(10.0, 1.5, True, False, [], {}, [10], "", " ", "ten", "010", "00", "-0", "+10", " 10", "10\n", "1_0", "1e1"),
        *("10.0", "0x0a", "١٠", 2**31, -(2**31) - 1, 10**17, "2147483648", "99999999999", "NFC"),
    ],
)
def test_what_is_no_system_type(shop: Merchant, reports: list[Report], system_type: Any):
    assert_refused(shop.till.report(externalVenueSystemType=system_type), TYPE_INVALID)
    assert reports == []


@both_forms
@pytest.mark.parametrize("system_type", [None, "left out"])
def test_a_system_type_that_is_missing(shop: Merchant, system_type: str | None, form: str):
    if system_type:
        assert_refused(shop.till.report(form, "externalVenueSystemType"), TYPE_MISSING, form)
    else:
        assert_refused(shop.till.report(form, externalVenueSystemType=None), TYPE_MISSING, form)


@both_forms
@pytest.mark.parametrize("venue_id", [None, ""])
@pytest.mark.parametrize("system_type", ["ten", "", None, 10])
def test_without_a_venue_the_system_type_does_not_matter(
    shop: Merchant, reports: list[Report], venue_id: str | None, system_type: Any, form: str
):
    assert taken(shop, reports, form, externalVenueId=venue_id, externalVenueSystemType=system_type).venue is None


@pytest.mark.parametrize(
    "venue_id",
    [
        *("0921", " 921", "921 ", "９２１", "921\x00"[:3] + "\u200b", "x" * 101, "😀" * 100, "A", "\u202e129"),
        *(True, False, 921.0, 9.21e2, 0, -921, 10**17, [], ["921"], {}, {"id": "921"}, "' OR 1=1 --"),
    ],
)
def test_what_is_no_venue_of_the_merchant(shop: Merchant, reports: list[Report], venue_id: Any):
    make_venue(shop.site, "a")
    assert_refused(shop.till.report(externalVenueId=venue_id), VENUE_INVALID)
    assert reports == []


@both_forms
@pytest.mark.parametrize("venue_id", ["x" * 100, "😀" * 100, "Köln <1> & 2", "\u202e129", " 921"])
def test_venues_are_found_by_exactly_what_was_sent(shop: Merchant, reports: list[Report], venue_id: str, form: str):
    venue = make_venue(shop.site, venue_id, venue_id="platform's own", name="Here")

    assert taken(shop, reports, form, externalVenueId=venue_id).venue == (10, venue_id)
    assert Advice.objects.get().venue == venue


# The shape of a body.


def test_unknown_fields_and_names_in_another_case_are_ignored(shop: Merchant, reports: list[Report]):
    body = {"RedemptionText": "A", "redemptiontext": "B", "till": {"deep": [1, {"x": None}]}, "": 1}

    report = taken(shop, reports, JSON, "redemptionText", **body)
    assert (report.text, report.problem) == (None, "invalid_text")


def test_an_empty_object_is_a_report(shop: Merchant, reports: list[Report]):
    assert shop.till.send(b"{}").status_code == 202
    assert reports[0].problem == "invalid_text"
    assert shop.till.send(b"<redemptionAdvice/>", XML).status_code == 202
    assert reports[1].problem == "invalid_text"


@pytest.mark.parametrize("text", ['"\\ud83d\\ude00"', '"\\u0041"', '"\\u202e"', '"\\u0007"'])
def test_escapes_of_json_are_read(shop: Merchant, reports: list[Report], text: str):
    assert shop.till.send(b'{"redemptionText":%s}' % text.encode()).status_code == 202
    assert reports[0].text == json.loads(text)


XML_SHAPES = {
    "upper case": "<RedemptionAdvice><RedemptionText>ABC</RedemptionText></RedemptionAdvice>",
    "a namespace": '<r:redemptionAdvice xmlns:r="urn:x"><r:redemptionText>ABC</r:redemptionText></r:redemptionAdvice>',
    "attributes": '<redemptionAdvice a="1"><redemptionText redemptionText="DEF">ABC</redemptionText></redemptionAdvice>',
    "twice": "<redemptionAdvice><redemptionText>ABC</redemptionText><redemptionText>DEF</redemptionText></redemptionAdvice>",
    "twice in other cases": (
        "<redemptionAdvice><RedemptionText>ABC</RedemptionText><redemptionText>DEF</redemptionText></redemptionAdvice>"
    ),
    "CDATA and references": "<redemptionAdvice><redemptionText><![CDATA[A]]>&#66;C</redemptionText></redemptionAdvice>",
    "a comment inside": "<redemptionAdvice><redemptionText>A<!-- x -->BC</redemptionText></redemptionAdvice>",
    "unknown elements": (
        "<redemptionAdvice><till><redemptionText>DEF</redemptionText></till>"
        "<redemptionText>ABC</redemptionText></redemptionAdvice>"
    ),
    "a mark of the byte order": "\ufeff<redemptionAdvice><redemptionText>ABC</redemptionText></redemptionAdvice>",
    "text between": "<redemptionAdvice>x<redemptionText>ABC</redemptionText>y</redemptionAdvice>",
}


@pytest.mark.parametrize("body", XML_SHAPES.values(), ids=XML_SHAPES.keys())
def test_shapes_of_xml(shop: Merchant, reports: list[Report], body: str):
    assert shop.till.send(body.encode(), XML).status_code == 202
    assert (reports[0].text, reports[0].problem, reports[0].raw) == ("ABC", "", body.encode())


def test_the_first_of_two_elements_counts_even_if_it_is_empty(shop: Merchant, reports: list[Report]):
    shop.till.send(as_xml(seed()).replace(b"<externalVenueId>", b"<externalVenueId/><externalVenueId>"), XML)

    assert reports[0].venue is None


def test_an_element_that_holds_elements_is_no_text(shop: Merchant, reports: list[Report]):
    nested = as_xml(seed()).replace(b">ABC-E6W5F<", b"><b>ABC-E6W5F</b><")
    assert shop.till.send(nested, XML).status_code == 202
    assert (reports[0].text, reports[0].problem) == (None, "invalid_text")
    assert_refused(shop.till.send(as_xml(seed()).replace(b">921<", b"><b>921</b><"), XML), VENUE_INVALID, XML)


def test_a_body_of_64_kib_is_read(shop: Merchant, reports: list[Report]):
    body = as_json(seed(till="x" * 65_000))
    assert shop.till.send(body + b" " * (65_536 - len(body))).status_code == 202
    assert len(reports[0].raw) == 65_536
    advice = Advice.objects.get()
    assert len(keys.unseal_bytes(advice.site_id, advice.key_version, bytes(advice.raw))) == 65_536
