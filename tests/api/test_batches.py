"""Ordering batches over HTTP, and reading how far they have come."""

import datetime as dt

import pytest

from accounts import clock
from codes.issuing import work_order
from codes.models import Batch, Code, IssueOrder
from tests.api.conftest import Tenant
from tests.api.doors import Door
from tests.factories import make_asset

BATCHES = "/api/v1/batches"
MONEY = {"name": "Easter", "count": 3, "asset": "EUR", "value": "5.00"}


def order(door: Door, key: str | None = None, **fields: object):
    headers = {"Idempotency-Key": key} if key is not None else None
    return door.post(BATCHES, {**MONEY, **fields}, headers=headers)


def errors(response) -> dict[str, str]:
    assert (response.status_code, response.json()["code"]) == (400, "invalid"), response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_an_order_is_accepted_and_its_progress_can_be_read(tenant: Tenant, program: Door):
    response = order(program)

    placed = IssueOrder.objects.get(batch__name="Easter")
    assert response.status_code == 202
    assert response.headers["Location"] == f"{BATCHES}/{placed.batch_id}"
    assert response.json() == {
        "batch_id": placed.batch_id,
        "order_id": placed.pk,
        "wanted": 3,
        "issued": 0,
        "state": "queued",
        "created_at": f"{placed.created_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    before = program.get(response.headers["Location"]).json()
    assert (before["state"], before["orders"][0]["state"], before["codes"]["active"]) == ("issuing", "queued", 0)
    work_order(placed.pk)
    after = program.get(response.headers["Location"]).json()
    assert after["state"] == "active"
    assert (after["orders"][0]["state"], after["orders"][0]["issued"]) == ("done", 3)
    assert after["codes"] == {"active": 3, "used_up": 0, "disabled": 0, "deleted": 0}
    assert after["value"] == [
        {
            "asset": "EUR",
            "issued": "15.00",
            "outstanding": "15.00",
            "redeemed": "0.00",
            "expired": "0.00",
            "voided": "0.00",
        }
    ]


def test_terms_are_read_back_as_they_were_given(tenant: Tenant, program: Door):
    given = {
        "uses": 4,
        "uses_per_claimant": 2,
        "cooldown_seconds": 60,
        "venues": ["north", "south"],
        "first_day": "2026-03-29",
        "last_day": "2026-03-29",
        "time_zone": "Europe/Berlin",
        "format": "hex",
        "total_cap": 7,
    }

    batch = program.get(order(program, **given).headers["Location"]).json()

    terms = batch["orders"][0]["terms"]
    assert batch["total_cap"] == 7
    assert terms == {
        "action": "credit",
        "parameters": {},
        "asset": "EUR",
        "value": "5.00",
        "uses": 4,
        "uses_per_claimant": 2,
        "cooldown_seconds": 60,
        "venues": ["north", "south"],
        # A day of 23 hours: the clocks go forward.
        "valid_from": "2026-03-28T23:00:00Z",
        "valid_until": "2026-03-29T22:00:00Z",
        "time_zone": "Europe/Berlin",
        "format": "hex",
        "pattern": None,
    }


def test_days_are_read_in_the_sites_time_zone_if_none_is_given(tenant: Tenant, program: Door):
    tenant.site.time_zone = "Asia/Tokyo"
    tenant.site.save()

    batch = program.get(order(program, first_day="2026-01-02").headers["Location"]).json()

    assert batch["orders"][0]["terms"]["valid_from"] == "2026-01-01T15:00:00Z"


def test_points_are_whole_numbers(tenant: Tenant, program: Door):
    make_asset("PTS")

    batch = program.get(order(program, asset="PTS", value=50).headers["Location"]).json()

    assert batch["orders"][0]["terms"]["value"] == 50
    assert "value" in errors(order(program, name="Other", asset="PTS", value="0.5"))


def test_codes_that_give_no_value(tenant: Tenant, program: Door):
    body = {"name": "Members", "count": 1, "action": "add_tags", "parameters": {"tags": ["vip"]}}

    batch = program.get(program.post(BATCHES, body).headers["Location"]).json()

    assert batch["orders"][0]["terms"]["parameters"] == {"tags": ["vip"]}
    assert batch["orders"][0]["terms"]["value"] is None
    assert batch["value"] == []


def test_the_same_key_orders_once_and_hears_the_same_answer(tenant: Tenant, program: Door):
    first = order(program, "b1")
    work_order(first.json()["order_id"])
    second = order(program, "b1")

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.content == second.content
    assert first.headers["Location"] == second.headers["Location"]
    assert ("Idempotent-Replayed" in first.headers, second.headers["Idempotent-Replayed"]) == (False, "true")
    assert Batch.objects.filter(name="Easter").count() == 1


def test_the_same_key_for_another_order_is_a_mismatch(tenant: Tenant, program: Door):
    order(program, "b1")

    response = order(program, "b1", count=4)

    assert (response.status_code, response.json()["code"]) == (422, "idempotency_mismatch")


def test_a_name_is_taken_once(tenant: Tenant, program: Door):
    order(program)

    assert "name" in errors(order(program))


BAD = {
    "no name": ({"name": None}, "name"),
    "a number for a name": ({"name": 7}, "name"),
    "a control character": ({"name": "a\x00b"}, None),
    "a bell": ({"name": "a\x07b"}, "name"),
    "a long name": ({"name": "n" * 101}, "name"),
    "no codes": ({"count": 0}, "count"),
    "fewer than none": ({"count": -1}, "count"),
    "too many": ({"count": 10_000_001}, "count"),
    "a text for a number": ({"count": "3"}, "count"),
    "a fraction": ({"count": 3.0}, "count"),
    "true": ({"count": True}, "count"),
    "an unknown action": ({"action": "explode"}, "action"),
    "a list for an action": ({"action": ["credit"]}, "action"),
    "parameters of another action": ({"parameters": {"tags": ["vip"]}}, "parameters"),
    "parameters as a list": ({"parameters": []}, "parameters"),
    "an unknown asset": ({"asset": "XXX"}, "asset"),
    "no asset": ({"asset": None}, "asset"),
    "negative money": ({"value": "-5.00"}, "value"),
    "no money": ({"value": "0.00"}, "value"),
    "half a cent": ({"value": "5.005"}, "value"),
    "a float": ({"value": 5.5}, "value"),
    "an exponent": ({"value": "5e2"}, "value"),
    "not a number": ({"value": "NaN"}, "value"),
    "a separator": ({"value": "5,00"}, "value"),
    "an underscore": ({"value": "5_0"}, "value"),
    "a sign": ({"value": "+5"}, "value"),
    "white space": ({"value": " 5"}, "value"),
    "a line end": ({"value": "5\n"}, "value"),
    "leading zeros": ({"value": "05"}, "value"),
    "foreign digits": ({"value": "٥"}, "value"),
    "more than can be booked": ({"value": "999999999999", "count": 10_000_000}, "value"),
    "true for money": ({"value": True}, "value"),
    "no uses": ({"uses": 0}, "uses"),
    "too many uses": ({"uses": 1_000_001}, "uses"),
    "a negative wait": ({"cooldown_seconds": -1}, "cooldown_seconds"),
    "venues as a text": ({"venues": "north"}, "venues"),
    "a venue as a number": ({"venues": [7]}, "venues.0"),
    "a long venue": ({"venues": ["v" * 101]}, "venues.0"),
    "a day that is none": ({"first_day": "2026-02-29"}, "first_day"),
    "a day and a time": ({"first_day": "2026-02-28T00:00:00Z"}, "first_day"),
    "a day as a number": ({"first_day": 20260228}, "first_day"),
    "the first year": ({"first_day": "0001-01-01"}, "first_day"),
    "the last day": ({"last_day": "9999-12-31"}, "last_day"),
    "an end before the start": ({"first_day": "2026-02-02", "last_day": "2026-02-01"}, "last_day"),
    "a time zone that is none": ({"time_zone": "Mars/Olympus"}, "time_zone"),
    "a time zone outside": ({"time_zone": "../../etc/passwd"}, "time_zone"),
    "an unknown format": ({"format": "roman"}, "format"),
    "supplied codes": ({"format": "supplied"}, "format"),
    "a pattern too many": ({"pattern": "X####"}, "pattern"),
    "a pattern too short": ({"format": "pattern", "pattern": "EASTER-##"}, "pattern"),
    "a pattern in small letters": ({"format": "pattern", "pattern": "easter-################"}, "pattern"),
    "a cap of none": ({"total_cap": 0}, "total_cap"),
    "an unknown field": ({"colour": "red"}, "colour"),
    "another's site": ({"site": 2}, "site"),
    "a state": ({"state": "active"}, "state"),
}


@pytest.mark.parametrize(("fields", "field"), BAD.values(), ids=BAD.keys())
def test_an_order_that_cannot_be_is_named_and_changes_nothing(
    tenant: Tenant, program: Door, fields: dict, field: str | None
):
    batches = Batch.objects.count()

    response = order(program, **fields)

    if field is None:
        assert (response.status_code, response.json()["code"]) == (400, "request_malformed")
    else:
        assert set(errors(response)) == {field}
    assert Batch.objects.count() == batches


def test_a_pattern_that_could_be_guessed_says_how_many_symbols_would_do(tenant: Tenant, program: Door):
    said = errors(order(program, format="pattern", pattern="EASTER-####"))["pattern"]

    assert "at least" in said


def test_the_value_as_of_an_instant(tenant: Tenant, program: Door, settings):
    batch_id = tenant.code().batch_id
    before = clock.read() + dt.timedelta(seconds=30)
    settings.CLOCK_OFFSET_SECONDS = 60
    program.redeem()

    def value(query: str = "") -> dict:
        return program.get(f"{BATCHES}/{batch_id}{query}").json()["value"][0]

    now = value()
    then = value(f"?as_of={before:%Y-%m-%dT%H:%M:%SZ}")
    assert (now["issued"], now["outstanding"], now["redeemed"]) == ("25.00", "0.00", "25.00")
    assert (then["issued"], then["outstanding"], then["redeemed"]) == ("25.00", "25.00", "0.00")
    assert program.get(f"{BATCHES}/{batch_id}?as_of=1999-01-01T00:00:00Z").json()["value"] == []


@pytest.mark.parametrize("query", ["as_of=yesterday", "as_of=", "of=1", "as_of=2026-01-01T00:00:00Z&as_of=x"])
def test_an_instant_that_is_none(tenant: Tenant, program: Door, query: str):
    assert errors(program.get(f"{BATCHES}/{tenant.code().batch_id}?{query}"))


def test_batches_are_listed_newest_first_in_pages(tenant: Tenant, program: Door):
    names = [batch.name for batch in Batch.objects.filter(site=tenant.site).order_by("-id")]

    seen, cursor = [], ""
    while cursor is not None:
        page = program.get(f"{BATCHES}?page_size=4{cursor and f'&cursor={cursor}'}").json()
        seen += [row["name"] for row in page["results"]]
        cursor = page["next_cursor"]

    assert seen == names
    assert [row["name"] for row in program.get(f"{BATCHES}?name={names[2]}").json()["results"]] == [names[2]]
    assert program.get(f"{BATCHES}?state=disabled").json()["results"] == []


def test_a_batch_that_is_none(program: Door):
    for batch_id in ("0", "999999", "9" * 30, "9" * 5_000):
        assert program.get(f"{BATCHES}/{batch_id}").status_code == 404


def test_no_answer_holds_a_code(tenant: Tenant, program: Door):
    response = program.get(f"{BATCHES}/{tenant.code().batch_id}")

    assert Code.objects.filter(batch=tenant.code().batch_id).count() == 1
    assert b"E6W5F" not in response.content
