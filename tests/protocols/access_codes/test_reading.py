"""GET: the list of batches, a batch, a code; names in addresses; what a record tells; pages."""

import datetime as dt
from typing import Any
from unittest import mock
from urllib.parse import quote

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditRecord
from codes import content_codes, lookup, reversing
from codes.models import Attempt, Batch, Code
from codes.switching import change_code, switch_batch
from tests.factories import caller_of, make_batch, make_client, make_code, make_site
from tests.protocols.access_codes.conftest import Publisher
from tests.protocols.access_codes.publishers import REDEMPTIONS, refusal, told

LIST = "/admin-api/9p2/redemptions"


def test_case_12_the_list_names_each_batch_with_its_address(publisher: Publisher):
    assert publisher.get() == []
    publisher.create(number_of_codes=10)

    assert {"batch": "test batch", "url": "/admin-api/9p2/redemptions/test%20batch"} in publisher.get()


def test_batches_are_listed_by_code_point(publisher: Publisher):
    for name in ("ü", "b", "B", "a b", "a", "Z", "😀", "\ufb01"):
        publisher.create(batch=name)

    assert [each["batch"] for each in publisher.get()] == ["B", "Z", "a", "a b", "b", "ü", "\ufb01", "😀"]


def test_case_13_a_batch_tells_its_codes_in_the_order_they_were_made(publisher: Publisher):
    codes = publisher.create(number_of_codes=10) + publisher.create(number_of_codes=3)

    records = told(publisher.door.get(publisher.get()[0]["url"]))

    assert [record["access-code"] for record in records] == codes
    for record in records:
        assert record["redeemed-users"] == []
        assert record.keys().isdisjoint({"used-date", "redemption-url", "expiration-date"})


@pytest.mark.parametrize(
    ("target", "ending"),
    [("/welcome", "&successUrl=%2Fwelcome"), ("", ""), ("/a?b=c&d=ü", "&successUrl=%2Fa%3Fb%3Dc%26d%3D%C3%BC")],
)
def test_case_14_addresses_for_redeeming(publisher: Publisher, target: str, ending: str):
    codes = publisher.create(number_of_codes=2)
    expected = [f"https://9p2.localhost/add?redemptionCode={code}{ending}" for code in codes]

    listed = publisher.get(f"/test%20batch?target-url={quote(target)}")
    alone = publisher.get(f"/test%20batch/{codes[0]}?target-url={quote(target)}")

    assert [record["redemption-url"] for record in listed] == expected
    assert alone["redemption-url"] == expected[0]


def test_case_15_a_redeemed_code_tells_who_and_when(publisher: Publisher):
    [code] = publisher.create()

    assert publisher.redeem(code) == "redeemed"

    assert publisher.tags(publisher.reader) == {"member", "institution"}
    record = publisher.record(code)
    moment = Attempt.objects.get().decided_at.astimezone(dt.UTC)
    milliseconds = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    assert (record["remaining-redemptions"], record["is-valid"]) == (0, False)
    assert record["redeemed-users"] == ["reader@example.test"]
    assert dt.datetime.strptime(record["used-date"] + "+0000", "%Y-%m-%d %H:%M:%S.%f%z") == milliseconds
    assert len(record["used-date"]) == len("2014-09-11 22:30:59.114")


def test_case_17_those_who_redeemed_it_are_told_in_that_order(publisher: Publisher):
    [code] = publisher.create(remaining_redemptions=2)

    outcomes = [publisher.redeem(code, who) for who in (publisher.reader, publisher.reader, publisher.other)]

    assert outcomes == ["redeemed", "already_redeemed", "redeemed"]
    record = publisher.record(code)
    assert record["redeemed-users"] == ["reader@example.test", "other@example.test"]
    assert record["is-valid"] is False


def test_case_18_a_session_code_tells_nobodys_name(publisher: Publisher):
    [code] = publisher.create(action_type="session-license", access_control_id="2dfe")

    assert publisher.redeem(code, publisher.browser()) == "redeemed"

    record = publisher.record(code)
    assert "redeemed-users" not in record
    assert (record["remaining-redemptions"], record["is-valid"]) == (0, False)
    assert "used-date" in record


def test_somebody_without_an_e_mail_is_told_by_their_claimant_id(publisher: Publisher):
    [code] = publisher.create()
    publisher.reader.email = ""
    publisher.reader.save()

    publisher.redeem(code)

    assert publisher.record(code)["redeemed-users"] == [publisher.reader.claimant_id]


def test_whose_use_was_given_back_is_not_told(publisher: Publisher):
    [code] = publisher.create(remaining_redemptions=3)
    for who in (publisher.reader, publisher.other):
        publisher.redeem(code, who)
    attempt = Attempt.objects.get(claimant=publisher.reader)
    caller = caller_of(make_client(publisher.site, ("reverse",)))
    command = reversing.ReverseRedemption(caller, attempt.pk, "by mistake", give_use_back=True)
    reversing.reverse(command)

    record = publisher.record(code)
    assert (record["redeemed-users"], record["remaining-redemptions"]) == (["other@example.test"], 2)

    publisher.redeem(code)
    assert publisher.record(code)["redeemed-users"] == ["other@example.test", "reader@example.test"]


def test_case_30_an_unknown_batch(publisher: Publisher):
    publisher.create()

    for path in (
        "nope",
        "nope/",
        "test%20batch2",
        "Test%20batch",
        "nope/5416ab331fee496e",
        "a/b/c",
        "/",
        "%00",
        "x%0Ay",
    ):
        assert refusal(publisher.door.get(f"{LIST}/{path}")) == (404, "No such batch"), path


def test_an_unknown_code_and_one_of_another_batch_and_another_site(publisher: Publisher):
    publisher.create()
    [elsewhere] = publisher.create(batch="other")
    make_code(make_site(), "THEIRS-1", worth_cents=0)

    for code in ("nope", elsewhere, "THEIRS-1", "%00%00%00%00", "x" * 200, "%F0%9F%98%80"):
        assert refusal(publisher.door.get(f"{LIST}/test%20batch/{code}")) == (404, "No such code"), code


ODD_NAMES = ["50% off/Q1 ü", "a/b/c", "/", "//", "a/", "/a", "%2F", "?x=1#y", "a+b", ".", "🎁", "a\nb", "redemptions"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_case_35_any_name_comes_back_through_its_own_address(publisher: Publisher, name: str):
    [code] = publisher.create(batch=name)
    [listed] = publisher.get()

    assert listed["batch"] == name
    assert listed["url"] == f"{LIST}/{quote(name, safe='')}"
    assert [record["access-code"] for record in told(publisher.door.get(listed["url"]))] == [code]
    assert told(publisher.door.get(f"{listed['url']}/{code}"))["batch"] == name
    assert told(publisher.door.get(f"{listed['url']}/{code}/"))["batch"] == name


def test_case_35_the_example(publisher: Publisher):
    publisher.create(batch="50% off/Q1 ü")

    assert publisher.get()[0]["url"].endswith("50%25%20off%2FQ1%20%C3%BC")


def test_what_follows_is_a_batch_if_one_has_that_name_and_else_ends_with_a_code(publisher: Publisher):
    [code] = publisher.create(batch="a", access_code="spring")
    assert told(publisher.door.get(f"{LIST}/a/spring"))["access-code"] == code

    [other] = publisher.create(batch="a/spring")
    assert [record["access-code"] for record in told(publisher.door.get(f"{LIST}/a/spring"))] == [other]
    assert [record["access-code"] for record in told(publisher.door.get(f"{LIST}/a/"))] == [code]

    publisher.door.send("DELETE", f"{LIST}/a%2Fspring")
    assert told(publisher.door.get(f"{LIST}/a/spring"))["access-code"] == code


@pytest.mark.parametrize("spelling", ["WELCOME-X", "welcomex", "wel-comex"])
def test_a_code_is_found_in_any_spelling(publisher: Publisher, spelling: str):
    publisher.create(access_code="Welcome-X")

    assert publisher.record(spelling)["access-code"] == "Welcome-X"


def test_codes_of_the_desk_are_shown_as_they_are(publisher: Publisher):
    batch = make_batch(publisher.site, 1, name="desk", worth_cents=0, uses=3, uses_per_claimant=2)
    publisher.redeem(lookup.shown(Code.objects.get(batch=batch)))
    switch_batch(batch, False, actor_id="staff")

    [record] = publisher.get("/desk")

    assert record["access-code"].count("-") == 3
    assert (record["is-valid"], record["remaining-redemptions"]) == (True, 2)
    assert publisher.record(record["access-code"], "desk") == record


def test_a_batch_that_was_deleted_at_the_desk_is_gone(publisher: Publisher):
    publisher.create()
    Batch.objects.update(state=Batch.State.ARCHIVED)

    assert publisher.get() == []
    assert refusal(publisher.door.get(f"{LIST}/test%20batch")) == (404, "No such batch")
    response = publisher.door.post(
        REDEMPTIONS, {"action-type": "add-user-tag", "user-tags": ["a"], "batch": "test batch"}
    )
    assert refusal(response) == (409, "batch was deleted and its name cannot be used again")


def test_nothing_of_another_site_is_visible(publisher: Publisher):
    make_batch(make_site(slug="theirs"), 1, name="theirs", worth_cents=0)

    assert publisher.get() == []
    assert refusal(publisher.door.get(f"{LIST}/theirs")) == (404, "No such batch")


@pytest.mark.parametrize(
    ("valid_until", "shown"),
    [
        ("2030-02-01T00:00:00Z", "2030-01-31 23:59:59.999"),
        ("2030-01-31T23:00:00.500Z", "2030-01-31 23:00:00.499"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31 23:59:59.999"),
        ("2030-01-31T23:00:00.123456Z", "2030-01-31 23:00:00.122"),
    ],
)
def test_the_last_valid_moment_is_told(publisher: Publisher, valid_until: str, shown: str):
    [code] = publisher.create()
    Code.objects.update(valid_until=dt.datetime.fromisoformat(valid_until))
    before = Code.objects.get().valid_until

    assert publisher.record(code)["expiration-date"] == shown
    assert told(publisher.put(f"test%20batch/{code}", publisher.record(code)))["expiration-date"] == shown
    assert Code.objects.get().valid_until == before


def test_a_batch_is_read_in_pages_of_two_statements_each_and_terms_only_once(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
):
    codes = publisher.create(number_of_codes=25, remaining_redemptions=2)
    for code in codes:
        publisher.redeem(code)
    Code.objects.filter(serial__in=(3, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20)).update(state="deleted")

    def statements(size: int) -> tuple[list[Any], int]:
        monkeypatch.setattr(content_codes, "PAGE", size)
        with CaptureQueriesContext(connection) as made:
            records = publisher.get("/test%20batch")
        return records, len([each for each in made if "SELECT" in each["sql"]])

    (whole, at_once), (in_pages, of_pages) = statements(100), statements(10)

    assert whole == in_pages
    assert [record["access-code"] for record in whole] == [
        codes[n - 1] for n in range(1, 26) if n not in (3, *range(11, 21))
    ]
    # Three pages, of which the second has no code left and so nobody who redeemed one.
    assert of_pages - at_once == 3


def test_many_who_redeemed_are_read_in_parts(publisher: Publisher, monkeypatch: pytest.MonkeyPatch):
    codes = publisher.create(number_of_codes=5, remaining_redemptions=2)
    for code in codes:
        assert [publisher.redeem(code, who) for who in (publisher.other, publisher.reader)] == ["redeemed"] * 2
    whole = publisher.get("/test%20batch")
    monkeypatch.setattr(content_codes, "MOST_REDEMPTIONS", 4)

    assert publisher.get("/test%20batch") == whole
    assert {tuple(record["redeemed-users"]) for record in whole} == {("other@example.test", "reader@example.test")}


def test_a_list_that_breaks_off_has_no_end(publisher: Publisher, monkeypatch: pytest.MonkeyPatch):
    publisher.create(number_of_codes=5)
    monkeypatch.setattr(content_codes, "PAGE", 2)
    response = publisher.door.get(f"{LIST}/test%20batch")
    pieces = iter(response.streaming_content)
    read = next(pieces)

    with mock.patch.object(content_codes, "read_codes", side_effect=OperationalError("gone")):
        read += b"".join(pieces)

    assert read.startswith(b'[{"access-code":')
    assert not read.endswith(b"]")


def test_reading_codes_is_audited_before_the_first_byte(publisher: Publisher):
    [code] = publisher.create()
    publisher.get("/test%20batch")
    publisher.record(code)
    publisher.get()

    rows = AuditRecord.objects.exclude(action="batch.order").order_by("pk")
    assert [(row.action, row.actor_id, row.detail) for row in rows] == [
        ("batch.reveal", publisher.admin.claimant_id, {"door": "admin-api"}),
        ("code.reveal", publisher.admin.claimant_id, {"door": "admin-api"}),
    ]


def test_a_code_that_no_key_opens_does_not_cost_the_others(publisher: Publisher):
    codes = publisher.create(number_of_codes=2)
    Code.objects.filter(serial=1).update(sealed=b"x" * 40)

    assert [record["access-code"] for record in publisher.get("/test%20batch")] == ["", codes[1]]


def test_the_list_looks_at_orders_and_not_at_all_codes(publisher: Publisher):
    publisher.create(number_of_codes=3)
    make_batch(publisher.site, 3, name="money")
    with CaptureQueriesContext(connection) as made:
        publisher.get()
    before = len(made)

    publisher.create(batch="second")
    publisher.create(batch="third")
    with CaptureQueriesContext(connection) as made:
        assert len(publisher.get()) == 3

    assert len(made) == before


def test_a_changed_end_of_validity_at_the_desk_is_told(publisher: Publisher):
    [code] = publisher.create(expiration_date="2030-01-31")
    change_code(Code.objects.get(), actor_id="staff", valid_until=dt.datetime(2031, 1, 1, tzinfo=dt.UTC))

    assert publisher.record(code)["expiration-date"] == "2030-12-31 23:59:59.999"
