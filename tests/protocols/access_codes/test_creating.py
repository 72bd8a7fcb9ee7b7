"""POST: the acceptance cases of creating, every row of the table of errors, and what is stored."""

import json
import re
from typing import Any

import pytest

from accounts.models import AuditRecord, Tag
from codes.models import Batch, Code, IssueOrder, Terms
from tests.content import make_licence, make_offer
from tests.factories import make_batch, make_code, make_site
from tests.protocols.access_codes.conftest import TAGS, Publisher
from tests.protocols.access_codes.publishers import REDEMPTIONS, refusal, told

OFFER = {"action-type": "apply-offer", "access-control-id": "2dfe"}
MATCH = {**OFFER, "action-type": "apply-offer-match", "match-specification": {"all": ["ProductId:09238443"]}}


def refused(publisher: Publisher, body: Any) -> tuple[int, str]:
    """The refusal of this body, which makes no code, batch, terms or tag."""
    tables = (Code, Batch, IssueOrder, Terms, Tag, AuditRecord)
    before = [table.objects.count() for table in tables]
    answer = refusal(publisher.door.post(REDEMPTIONS, body))
    assert [table.objects.count() for table in tables] == before
    return answer


def test_case_1_ten_codes_of_16_hex_digits_in_a_batch(publisher: Publisher):
    codes = publisher.create(number_of_codes=10)

    assert len(set(codes)) == 10
    assert all(re.fullmatch("[0-9a-f]{16}", code) for code in codes)
    records = publisher.get("/test%20batch")
    assert [record["access-code"] for record in records] == codes
    assert {(record["remaining-redemptions"], record["is-valid"]) for record in records} == {(1, True)}
    assert records[0] == {
        "access-code": codes[0],
        "action-type": "add-user-tag",
        "batch": "test batch",
        "is-valid": True,
        "redeemed-users": [],
        "remaining-redemptions": 1,
        "user-tags": ["member", "institution"],
    }


def test_case_2_one_code_where_no_number_is_given(publisher: Publisher):
    assert len(publisher.create()) == 1


def test_case_3_no_action_type(publisher: Publisher):
    response = publisher.door.post(REDEMPTIONS, {"batch": "x"})

    assert (response.status_code, told(response)) == (400, {"status": 400, "message": "action-type is required"})


def test_case_4_an_unknown_action_type(publisher: Publisher):
    assert refused(publisher, {"action-type": "give-money"}) == (400, "Unknown action-type: give-money")


@pytest.mark.parametrize(
    "tags",
    [None, [], "member", {}, 1, True, [1], ["member", None], [""], ["  "], ["x" * 101], ["a", ["b"]]],
    ids=repr,
)
def test_case_5_tags_that_are_none(publisher: Publisher, tags: Any):
    body = {"action-type": "add-user-tag", "user-tags": tags}
    expected = (400, "user-tags must be a non-empty array of strings")

    assert refused(publisher, body) == expected
    assert refused(publisher, {"action-type": "add-user-tag"}) == expected


@pytest.mark.parametrize(
    "action_type", ["apply-offer", "session-license", "apply-offer-match", "session-license-match"]
)
def test_case_6_no_access_control_id(publisher: Publisher, action_type: str):
    expected = (400, f"access-control-id is required for {action_type}")

    assert refused(publisher, {"action-type": action_type}) == expected
    assert refused(publisher, {"action-type": action_type, "access-control-id": None}) == expected


@pytest.mark.parametrize("given", ["2dfe", 118226])
def test_case_7_an_offer_by_its_id_or_its_number_is_given_back_as_it_was_given(publisher: Publisher, given: str | int):
    [code] = publisher.create(**{**OFFER, "access-control-id": given})

    shown = publisher.record(code)["access-control-id"]
    assert (shown, type(shown)) == (given, type(given))


@pytest.mark.parametrize("given", ["118226", 2, -1, 10**17, "", "nope", "2DFE", " 2dfe"])
def test_case_7_no_such_offer(publisher: Publisher, given: str | int):
    assert refused(publisher, {**OFFER, "access-control-id": given}) == (400, f"No such offer: {given}")


def test_an_offer_of_another_site_and_an_archived_one_do_not_exist(publisher: Publisher):
    from tests.content import make_item

    make_offer(make_item(make_site()), "theirs")
    make_offer(publisher.items["b1"], "archived", archived_at="2026-01-01T00:00:00Z")

    for given in ("theirs", "archived"):
        assert refused(publisher, {**OFFER, "access-control-id": given}) == (400, f"No such offer: {given}")


def test_a_number_may_name_a_licence_whose_terms_are_taken(publisher: Publisher):
    licence = make_licence(publisher.items["9udm"], user=publisher.reader)

    [code] = publisher.create(**{**OFFER, "access-control-id": licence.pk})

    assert publisher.record(code)["access-control-id"] == licence.pk


@pytest.mark.parametrize("given", [True, False, 1.5, 118226.0, [], {}, ["2dfe"]], ids=repr)
def test_an_access_control_id_of_another_type(publisher: Publisher, given: Any):
    expected = (400, "access-control-id must be a string or an integer")
    assert refused(publisher, {**OFFER, "access-control-id": given}) == expected


@pytest.mark.parametrize("action_type", ["apply-offer-match", "session-license-match"])
def test_case_8_no_match_specification(publisher: Publisher, action_type: str):
    body = {**OFFER, "action-type": action_type}
    expected = (400, f"match-specification is required for {action_type}")

    assert refused(publisher, body) == expected
    assert refused(publisher, {**body, "match-specification": None}) == expected


@pytest.mark.parametrize(
    "match", [{"excluded": ["x"]}, {"all": [], "any": []}, {"all": [], "excluded": ["x"]}], ids=repr
)
def test_case_8_a_match_specification_without_a_term_in_all_or_any(publisher: Publisher, match: Any):
    expected = (400, "match-specification must contain at least one term in all or any")
    assert refused(publisher, {**MATCH, "match-specification": match}) == expected


@pytest.mark.parametrize(
    "match",
    [{}, [], "x", 1, True, {"other": ["x"]}, {"all": "x"}, {"all": [1]}, {"all": None}, {"all": ["x"], "any": {}}],
    ids=repr,
)
def test_a_match_specification_of_the_wrong_shape(publisher: Publisher, match: Any):
    expected = (400, "match-specification must contain all, any or excluded as arrays of strings")
    assert refused(publisher, {**MATCH, "match-specification": match}) == expected


@pytest.mark.parametrize(
    "term", ["a::b", "", ":", "Book::", "x:", ":x", "MetaType:", "pageFullText:x", "Book:pageFullText:x"]
)
def test_case_37_a_malformed_term(publisher: Publisher, term: str):
    for match in ({"all": [term]}, {"any": ["x", term]}, {"all": ["x"], "excluded": [term]}):
        assert refused(publisher, {**MATCH, "match-specification": match}) == (400, f"Invalid search term: {term}")


def test_more_terms_than_a_search_can_have(publisher: Publisher):
    many = {"any": [f"t{number}" for number in range(101)]}

    expected = (400, "match-specification must contain at most 100 terms")
    assert refused(publisher, {**MATCH, "match-specification": many}) == expected
    too_long = "x" * 1001
    assert refused(publisher, {**MATCH, "match-specification": {"all": [too_long]}})[1].startswith(
        "Invalid search term: x"
    )


@pytest.mark.parametrize("number", [0, -1, 10_001, "10", True, 1.5, 10.0, [], {}, ""], ids=repr)
def test_case_9_a_wrong_number_of_codes(publisher: Publisher, number: Any):
    expected = (400, "number-of-codes must be an integer between 1 and 10000")
    assert refused(publisher, {**TAGS, "number-of-codes": number}) == expected


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        *(
            ("remaining-redemptions", wrong, "remaining-redemptions must be an integer between 1 and 1000000")
            for wrong in (0, -1, 1_000_001, "1", True, 1.0, [])
        ),
        *(("is-valid", wrong, "is-valid must be true or false") for wrong in (0, 1, "true", [], {})),
        *(
            ("batch", wrong, "batch must be a string of 1 to 100 characters")
            for wrong in ("", "  ", "\t\n", "x" * 101, 1, True, [], {})
        ),
        *(
            ("access-code", wrong, "access-code is not valid")
            for wrong in (
                "",
                "abc",
                "a-b-c",
                "x" * 65,
                "----",
                "ab cd",
                "ab.cd",
                "äbcd",
                "abcd\n",
                1234,
                ["abcd"],
                True,
            )
        ),
        ("access-code", "-" * 40 + "x" * 61, "access-code is not valid"),
    ],
    ids=repr,
)
def test_a_field_that_is_wrong(publisher: Publisher, field: str, wrong: Any, message: str):
    assert refused(publisher, {**TAGS, field: wrong}) == (400, message)


def test_a_code_can_only_be_given_for_a_single_one(publisher: Publisher):
    body = {**TAGS, "access-code": "WELCOME", "number-of-codes": 2}
    assert refused(publisher, body) == (400, "access-code can only be given for a single code")


def test_the_first_failure_in_the_tables_order_is_told(publisher: Publisher):
    body = {
        "action-type": "x",
        "number-of-codes": 0,
        "remaining-redemptions": 0,
        "is-valid": 0,
        "batch": "",
        "expiration-date": "soon",
        "access-control-id": True,
        "match-specification": {},
        "access-code": "",
    }
    right = {
        "action-type": "apply-offer-match",
        "number-of-codes": 1,
        "remaining-redemptions": 1,
        "is-valid": True,
        "batch": "b",
        "expiration-date": "2030-01-01",
        "access-control-id": "2dfe",
        "match-specification": {"all": ["x"]},
    }
    told_in_order = []
    for field, value in right.items():
        told_in_order.append(refused(publisher, body)[1].split(" ")[0].removeprefix("Unknown").strip() or field)
        body[field] = value

    assert told_in_order == list(right)
    assert refused(publisher, body) == (400, "access-code is not valid")


def test_null_counts_as_absent(publisher: Publisher):
    names = ("number-of-codes", "remaining-redemptions", "is-valid", "batch", "expiration-date", "access-code")

    [code] = publisher.create(**dict.fromkeys(names))

    record = publisher.record(code, "default")
    assert (record["batch"], record["remaining-redemptions"], record["is-valid"]) == ("default", 1, True)
    assert "expiration-date" not in record


def test_what_is_read_only_unknown_or_not_used_by_the_action_is_ignored_and_not_stored(publisher: Publisher):
    [code] = publisher.create(
        access_control_id=True,
        match_specification="x",
        redeemed_users=["nobody"],
        used_date="x",
        redemption_url=1,
        surprise={"a": [1]},
    )

    record = publisher.record(code)
    assert record["redeemed-users"] == []
    assert record.keys().isdisjoint(
        {"access-control-id", "match-specification", "used-date", "redemption-url", "surprise"}
    )
    assert Terms.objects.get().parameters == {"tags": ["member", "institution"]}


def test_tags_are_trimmed_and_each_is_kept_once_in_its_order(publisher: Publisher):
    [code] = publisher.create(action_type="add-user-tag", user_tags=[" b ", "a", "b", "A", "x" * 100])

    assert publisher.record(code)["user-tags"] == ["b", "a", "A", "x" * 100]


def test_what_a_search_may_have_more_is_ignored(publisher: Publisher):
    match = {"all": ["Book:ProductId:1:2"], "excluded": ["MetaType:PdfPage"], "limit": 5, "any": []}
    [code] = publisher.create(**{**MATCH, "match-specification": match})

    assert publisher.record(code)["match-specification"] == {
        "all": ["Book:ProductId:1:2"],
        "excluded": ["MetaType:PdfPage"],
    }


def test_codes_of_one_batch_may_differ_in_everything_else(publisher: Publisher):
    publisher.create(number_of_codes=2)
    publisher.create(**MATCH, is_valid=False, remaining_redemptions=1_000_000)
    publisher.create(**{**OFFER, "action-type": "session-license"})

    records = publisher.get("/test%20batch")
    assert [record["action-type"] for record in records] == [
        *("add-user-tag", "add-user-tag", "apply-offer-match", "session-license")
    ]
    assert (records[2]["is-valid"], records[2]["remaining-redemptions"]) == (False, 1_000_000)
    assert "redeemed-users" not in records[3]
    assert Batch.objects.count() == 1


def test_names_of_batches_are_trimmed_and_compared_exactly(publisher: Publisher):
    publisher.create(batch="  Spring\u00a0")
    publisher.create(batch="spring")

    assert [each["batch"] for each in publisher.get()] == ["Spring", "spring"]


@pytest.mark.parametrize("given", ["WELCOME", "wel-come", "2026_Fair-x", "-" * 30 + "abcd", "a" * 64])
def test_a_given_code_reads_as_it_was_given(publisher: Publisher, given: str):
    assert publisher.create(access_code=given) == [given]
    assert publisher.record(given)["access-code"] == given


@pytest.mark.parametrize("spelling", ["WELCOME-10", "welcome10", "WELC-0ME1O", "we1come-io"])
def test_a_code_that_exists_in_any_spelling_is_taken(publisher: Publisher, spelling: str):
    make_code(publisher.site, "Welcome10")

    assert refused(publisher, {**TAGS, "access-code": spelling}) == (409, "access-code already exists")


def test_a_deleted_code_stays_taken_and_another_sites_is_free(publisher: Publisher):
    make_code(make_site(), "ELSEWHERE")
    assert publisher.create(access_code="ELSEWHERE") == ["ELSEWHERE"]
    publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/ELSEWHERE")

    assert refused(publisher, {**TAGS, "access-code": "elsewhere"}) == (409, "access-code already exists")


def test_case_36_ten_thousand_codes_are_made_in_one_go_and_are_unique(publisher: Publisher):
    codes = publisher.create(number_of_codes=10_000)

    assert len(set(codes)) == 10_000 == Code.objects.count()
    assert sum(1 for _ in publisher.get("/test%20batch")) == 10_000


def test_case_36_a_failure_in_the_middle_leaves_none(publisher: Publisher, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object):
        raise RuntimeError("in the middle")

    monkeypatch.setattr("codes.content_issuing.note", fail)
    publisher.door.browser.raise_request_exception = False
    response = publisher.door.post(REDEMPTIONS, {**TAGS, "batch": "x", "number-of-codes": 10_000})

    assert refusal(response) == (500, "Internal server error")
    assert (Code.objects.count(), Batch.objects.count(), Tag.objects.count()) == (0, 0, 0)


def test_a_drawn_code_that_exists_is_drawn_again(publisher: Publisher, monkeypatch: pytest.MonkeyPatch):
    [taken] = publisher.create()
    draws = iter([[taken, "00000000000000aa"], ["00000000000000bb"]])
    monkeypatch.setattr("codes.formats.draw_hex", lambda count, pattern: next(draws))

    codes = publisher.create(number_of_codes=2)

    assert sorted(codes) == ["00000000000000aa", "00000000000000bb"]
    assert [record["access-code"] for record in publisher.get("/test%20batch")] == [taken, *codes]


def test_the_number_of_statements_does_not_depend_on_the_number_of_codes(publisher: Publisher):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    publisher.create()
    counts = []
    for number in (1, 400):
        with CaptureQueriesContext(connection) as made:
            publisher.create(number_of_codes=number)
        # SQLite's prepared INSERT is told once for each code.
        counts.append(len([each for each in made if not each["sql"].startswith('INSERT INTO "codes_code"')]))

    assert counts[0] == counts[1] <= 20


def test_issuing_is_audited_with_who_what_and_how_many_and_no_code(publisher: Publisher):
    [code] = publisher.create()
    publisher.create(number_of_codes=7)

    rows = AuditRecord.objects.filter(action="batch.order")
    assert [(row.actor_id, row.detail["count"], row.detail["door"]) for row in rows] == [
        (publisher.admin.claimant_id, 7, "admin-api"),
        (publisher.admin.claimant_id, 1, "admin-api"),
    ]
    assert not any(code in json.dumps(row.detail) for row in AuditRecord.objects.all())


def test_a_batch_made_at_the_desk_takes_codes_and_shows_only_those_that_open_content(publisher: Publisher):
    make_batch(publisher.site, 3, name="mixed", worth_cents=500)
    make_batch(publisher.site, 3, name="money", worth_cents=500)
    make_batch(publisher.site, 2, name="tags", worth_cents=0)

    [code] = publisher.create(batch="mixed")

    assert [each["batch"] for each in publisher.get()] == ["mixed", "tags"]
    assert [record["access-code"] for record in publisher.get("/mixed")] == [code]
    assert [record["user-tags"] for record in publisher.get("/tags")] == [["welcome"], ["welcome"]]
    assert refusal(publisher.door.get(f"{REDEMPTIONS}/money")) == (404, "No such batch")
