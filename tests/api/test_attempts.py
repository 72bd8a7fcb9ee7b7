"""Reading attempts: the same answer again, its circumstances, and the list with its filters and pages."""

import datetime as dt
from urllib.parse import urlencode

import pytest

from accounts import clock
from codes.models import Attempt
from redemption_site.edge.answers import ANSWERS
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, Door, till
from tests.factories import make_client


def test_a_redemption_is_read_as_it_was_answered_with_its_circumstances(tenant: Tenant, anna: Door):
    told = anna.redeem(channel="WEB", venue_id="north", reference="till 7").json()

    body = anna.get(f"{REDEMPTIONS}/{told['transaction_id']}").json()

    assert {name: body[name] for name in told} == told
    assert {name: value for name, value in body.items() if name not in told} == {
        "decided_at": told["receipt"]["redeemed_at"],
        "happened_at": None,
        "claimant_id": "u-1001",
        "actor_id": "u-1001",
        "channel": "WEB",
        "venue_id": "north",
        "reference": "till 7",
        "batch_id": tenant.code().batch_id,
        "serial": 1,
        "reversal": None,
    }


def test_a_refusal_is_read_as_it_was_answered(tenant: Tenant, anna: Door):
    told = anna.redeem("OLD-0001").json()

    body = anna.get(f"{REDEMPTIONS}/{told['transaction_id']}").json()

    assert {name: body[name] for name in told} == told
    assert "checks" not in body
    assert "receipt" not in body


def test_a_reader_sees_the_checks_with_the_values_and_never_the_code(tenant: Tenant, program: Door, anna: Door):
    redeemed = anna.redeem().json()["transaction_id"]
    refused = anna.redeem("OLD-0001").json()["transaction_id"]
    reader = till(make_client(tenant.site, ["read"]).key)

    told, why = reader.get(f"{REDEMPTIONS}/{redeemed}"), reader.get(f"{REDEMPTIONS}/{refused}")

    assert told.json()["receipt"]["code"] is None
    assert b"E6W5F" not in told.content
    assert all(check["passed"] for check in told.json()["checks"])
    *passed, last = why.json()["checks"]
    assert all(check["passed"] for check in passed)
    assert (last["check"], last["passed"], last["step"], last["step_name"]) == (
        "not_expired",
        False,
        4,
        "verify_status",
    )
    assert set(last["seen"]) == {"valid_until", "now"}


def test_an_attempt_that_could_not_be_read_can_be_read(tenant: Tenant, program: Door):
    told = program.post(REDEMPTIONS, b"{").json()

    body = program.get(f"{REDEMPTIONS}/{told['transaction_id']}").json()

    assert (body["reason"], body["claimant_id"], body["batch_id"], body["serial"]) == (
        "request_malformed",
        None,
        None,
        None,
    )


@pytest.mark.parametrize("attempt_id", ["x", "00000000-0000-0000-0000-00000000000g", "..%2f", "%00"])
def test_what_is_no_id_is_not_found(program: Door, attempt_id: str):
    response = program.get(f"{REDEMPTIONS}/{attempt_id}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def listed(door: Door, **filters: object) -> list[dict]:
    response = door.get(f"{REDEMPTIONS}?{urlencode(filters)}")
    assert response.status_code == 200, response.json()
    return response.json()["results"]


def test_the_list_is_newest_first_and_filtered(tenant: Tenant, program: Door, settings):
    program.redeem(reference="one")
    program.redeem("MULTI-0001", reference="two")
    settings.CLOCK_OFFSET_SECONDS = 60
    middle = clock.read() - dt.timedelta(seconds=30)
    program.redeem("MULTI-0001", "u-2002", reference="three")
    program.redeem("OLD-0001", "u-2002", reference="four")

    def references(**filters: object) -> list[str]:
        return [row["reference"] for row in listed(program, **filters)]

    assert references() == ["four", "three", "two", "one"]
    assert references(claimant_id="u-2002") == ["four", "three"]
    assert references(claimant_id="U-2002") == []
    assert references(outcome="refused") == ["four"]
    assert references(outcome="redeemed", claimant_id="u-2002") == ["three"]
    assert references(reason="code_expired") == ["four"]
    assert references(reference="two") == ["two"]
    assert references(batch=tenant.code("MULTI-0001").batch_id) == ["three", "two"]
    assert references(batch=tenant.code("MULTI-0001").batch_id, serial=2) == []
    assert references(since=middle.isoformat()) == ["four", "three"]
    assert references(until=middle.isoformat()) == ["two", "one"]
    assert references(since=middle.isoformat(), until=middle.isoformat()) == []


def test_the_list_shows_no_code_to_anybody(tenant: Tenant, program: Door):
    program.redeem()

    response = program.get(REDEMPTIONS)

    assert response.json()["results"][0]["receipt"]["code"] is None
    assert b"E6W5F" not in response.content


def test_times_are_half_open(tenant: Tenant, program: Door):
    program.redeem()
    decided_at = Attempt.objects.get().decided_at.isoformat()

    assert len(listed(program, since=decided_at)) == 1
    assert len(listed(program, until=decided_at)) == 0


BAD = {
    "an unknown filter": ("colour=red", "colour"),
    "a filter twice": ("serial=1&serial=2", "serial"),
    "an unknown outcome": ("outcome=maybe", "outcome"),
    "an unknown reason": ("reason=bad_luck", "reason"),
    "an empty filter": ("outcome=", "outcome"),
    "a batch by name": ("batch=Easter", "batch"),
    "a negative batch": ("batch=-1", "batch"),
    "a foreign digit": ("batch=%D9%A1", "batch"),
    "an underscore": ("batch=1_0", "batch"),
    "a huge batch": ("batch=1" + "0" * 30, "batch"),
    "a day": ("since=2026-01-01", "since"),
    "no offset": ("since=2026-01-01T00:00:00", "since"),
    "the 30th of February": ("until=2026-02-30T00:00:00Z", "until"),
    "the year 1": ("since=0001-01-01T00:00:00%2B14:00", "since"),
    "the year 9999": ("until=9999-12-31T23:59:59-14:00", "until"),
    "an odd offset": ("until=2026-01-01T00:00:00%2B99:00", "until"),
    "a NUL": ("reference=a%00b", "reference"),
    "a control character": ("claimant_id=a%1Bb", "claimant_id"),
    "a long text": ("reference=" + "r" * 101, "reference"),
    "a page of none": ("page_size=0", "page_size"),
    "a page of all": ("page_size=201", "page_size"),
    "a page of some": ("page_size=some", "page_size"),
    "an empty cursor": ("cursor=", "cursor"),
    "no cursor": ("cursor=zzzz", "cursor"),
    "a cursor of another list": ("cursor=WzFd", "cursor"),
    "a cursor of nonsense": ("cursor=WyJ4IiwieSJd", "cursor"),
    "a cursor of the far future": ("cursor=Wzk5OTk5OTk5OTk5OTk5OTk5OTksIjAwIl0", "cursor"),
    "a cursor that is not ASCII": ("cursor=%C3%A9", "cursor"),
}


@pytest.mark.parametrize(("query", "field"), BAD.values(), ids=BAD.keys())
def test_a_wrong_filter_is_named_and_answers_nothing(program: Door, query: str, field: str):
    response = program.get(f"{REDEMPTIONS}?{query}")

    body = response.json()
    assert (response.status_code, body["reason"]) == (400, "request_malformed")
    assert {error["field"] for error in body["errors"]} == {field}


def test_pages_join_without_gap_or_repeat_while_rows_are_added(tenant: Tenant, program: Door):
    for number in range(7):
        program.redeem("OLD-0001", reference=str(number))

    seen, cursor = [], None
    for _ in range(10):
        query = {"page_size": 3, "outcome": "refused"} | ({"cursor": cursor} if cursor else {})
        page = program.get(f"{REDEMPTIONS}?{urlencode(query)}").json()
        seen += [row["reference"] for row in page["results"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        # A row that comes in between is newer than all pages to come.
        program.redeem("OLD-0001", reference="later")

    assert seen == ["6", "5", "4", "3", "2", "1", "0"]


def test_rows_of_one_instant_are_paged_by_id(tenant: Tenant, program: Door, monkeypatch: pytest.MonkeyPatch):
    now = clock.read()
    monkeypatch.setattr(clock, "read", lambda *told: now)
    ids = [program.redeem("OLD-0001").json()["transaction_id"] for _ in range(5)]

    seen, cursor = [], ""
    while cursor is not None:
        page = program.get(f"{REDEMPTIONS}?page_size=2{cursor and f'&cursor={cursor}'}").json()
        seen += [row["transaction_id"] for row in page["results"]]
        cursor = page["next_cursor"]

    assert seen == sorted(ids, reverse=True)


def test_a_list_costs_the_same_number_of_queries_however_long(
    tenant: Tenant, program: Door, django_assert_max_num_queries
):
    for _ in range(5):
        program.redeem("OLD-0001")

    with django_assert_max_num_queries(1):
        assert len(listed(program)) == 5


def test_every_reason_is_a_filter(program: Door):
    for refusal in ANSWERS:
        assert listed(program, reason=refusal.reason) == []
