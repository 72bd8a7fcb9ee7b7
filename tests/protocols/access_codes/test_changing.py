"""PUT and DELETE: one code, or all codes of a batch; what follows for redeeming, and what stays as it was."""

import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import invariants
from accounts.models import AuditRecord, Licence, Offer
from codes import content_codes
from codes.models import Attempt, Batch, Code, IssueOrder, Terms
from codes.switching import change_batch, change_code
from tests.breaking import violated
from tests.content import make_item, make_offer
from tests.factories import make_batch
from tests.protocols.access_codes.conftest import Publisher
from tests.protocols.access_codes.publishers import REDEMPTIONS, refusal, told

MATCH = {
    "action_type": "apply-offer-match",
    "access_control_id": "2dfe",
    "match_specification": {"all": ["ProductId:09238443"]},
}


@pytest.fixture
def changed(publisher: Publisher) -> Any:
    """Change the one code of the batch, and answer its record."""

    def change(code: str, **fields: Any) -> dict[str, Any]:
        response = publisher.put(
            f"test%20batch/{code}", {name.replace("_", "-"): value for name, value in fields.items()}
        )
        assert response.status_code == 200, response.content
        return told(response)

    return change


def test_case_24_switching_a_code_off_and_on(publisher: Publisher, changed: Any):
    [code] = publisher.create()

    assert changed(code, is_valid=False)["is-valid"] is False
    assert publisher.redeem(code) == "code_disabled"
    assert publisher.tags(publisher.reader) == set()

    assert changed(code, is_valid=True)["is-valid"] is True
    assert publisher.redeem(code) == "redeemed"


@pytest.mark.parametrize("redeemed", [False, True])
@pytest.mark.parametrize("action", ["tags", "offer", "match", "session"])
def test_case_25_a_record_can_be_sent_back(publisher: Publisher, changed: Any, action: str, redeemed: bool):
    fields = {
        "tags": {},
        "offer": {"action_type": "apply-offer", "access_control_id": 118226},
        "match": MATCH,
        "session": {"action_type": "session-license", "access_control_id": "2dfe"},
    }[action]
    [code] = publisher.create(**fields, expiration_date="2031-05-06 07:08:09.123", remaining_redemptions=2)
    if redeemed:
        assert publisher.redeem(code, publisher.browser() if action == "session" else None) == "redeemed"
    record, row, terms = publisher.record(code), Code.objects.values().get(), Terms.objects.count()

    assert told(publisher.put(f"test%20batch/{code}", record)) == record
    assert Code.objects.values().get() == row

    assert told(publisher.put(f"test%20batch/{code}", {**record, "is-valid": False})) == {**record, "is-valid": False}
    assert Code.objects.values().get() == {**row, "state": "disabled"}
    assert Terms.objects.count() == terms


def test_case_26_more_uses_do_not_make_a_used_up_code_valid(publisher: Publisher, changed: Any):
    [code] = publisher.create()
    publisher.redeem(code)

    record = changed(code, remaining_redemptions=1)
    assert (record["remaining-redemptions"], record["is-valid"]) == (1, False)
    assert publisher.redeem(code, publisher.other) == "code_disabled"

    assert changed(code, is_valid=True)["is-valid"] is True
    assert publisher.redeem(code, publisher.other) == "redeemed"
    assert publisher.record(code)["redeemed-users"] == ["reader@example.test", "other@example.test"]


def test_case_26_both_at_once(publisher: Publisher, changed: Any):
    [code] = publisher.create()
    publisher.redeem(code)

    record = changed(code, remaining_redemptions=5, is_valid=True)

    assert (record["remaining-redemptions"], record["is-valid"]) == (5, True)
    assert Code.objects.get().max_uses == 6
    assert publisher.redeem(code, publisher.other) == "redeemed"


def test_case_27_valid_without_uses_is_not_redeemable(publisher: Publisher, changed: Any):
    [code] = publisher.create()
    publisher.redeem(code)

    record = changed(code, is_valid=True)

    assert (record["remaining-redemptions"], record["is-valid"]) == (0, True)
    assert publisher.redeem(code, publisher.other) == "code_used_up"
    assert publisher.tags(publisher.other) == set()


def test_no_uses_may_be_left_and_a_code_never_used_may_have_none(publisher: Publisher, changed: Any):
    [code] = publisher.create(remaining_redemptions=3)

    record = changed(code, remaining_redemptions=0)

    assert (record["remaining-redemptions"], record["is-valid"]) == (0, True)
    assert publisher.redeem(code) == "code_used_up"
    assert changed(code, is_valid=False)["is-valid"] is False
    assert changed(code, remaining_redemptions=1_000_000, is_valid=True)["remaining-redemptions"] == 1_000_000
    assert publisher.redeem(code) == "redeemed"


def test_a_used_up_code_stays_used_up_when_it_is_switched_off(publisher: Publisher, changed: Any):
    [code] = publisher.create()
    publisher.redeem(code)

    assert changed(code, is_valid=False, remaining_redemptions=0)["is-valid"] is False
    assert Code.objects.get().state == "used_up"
    changed(code, is_valid=False, remaining_redemptions=1)
    assert Code.objects.get().state == "disabled"


def test_case_28_an_expired_code_is_still_valid_in_its_record(publisher: Publisher, changed: Any):
    yesterday = (dt.datetime.now(dt.UTC) - dt.timedelta(days=1)).date().isoformat()
    [code] = publisher.create(expiration_date=yesterday)

    assert publisher.redeem(code) == "code_expired"
    record = publisher.record(code)
    assert (record["is-valid"], record["expiration-date"]) == (True, f"{yesterday} 23:59:59.999")

    assert "expiration-date" not in changed(code, expiration_date=None)
    assert publisher.redeem(code) == "redeemed"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("2031-01-31", "2031-01-31 23:59:59.999"),
        ("2031-01-31 10:20:30", "2031-01-31 10:20:30.000"),
        ("2031-01-31 10:20:30.5", "2031-01-31 10:20:30.500"),
        ("2031-01-31 10:20:30.123", "2031-01-31 10:20:30.123"),
        ("2031-01-31T10:20:30Z", "2031-01-31 10:20:30.000"),
        ("2031-01-31T10:20:30.123456789+02:00", "2031-01-31 08:20:30.123"),
        ("2031-01-31 10:20-0530", "2031-01-31 15:50:00.000"),
        ("2031-01-31T10:20:30,25+01", "2031-01-31 09:20:30.250"),
        ("9999-12-31", "9999-12-31 23:59:59.999"),
        ("0999-01-01", "0999-01-01 23:59:59.999"),
        ("2028-02-29", "2028-02-29 23:59:59.999"),
    ],
)
def test_dates_that_are_read(publisher: Publisher, changed: Any, given: str, shown: str):
    [code] = publisher.create(expiration_date=given)

    assert publisher.record(code)["expiration-date"] == shown
    assert changed(code, expiration_date=given)["expiration-date"] == shown


@pytest.mark.parametrize(
    "given",
    [
        *(
            "soon",
            "",
            " 2031-01-31",
            "2031-01-31 ",
            "2031-1-31",
            "31.01.2031",
            "2031-02-29",
            "2031-13-01",
            "2031-01-32",
        ),
        *(
            "2031-01-31T10:20:30",
            "2031-01-31 24:00:00",
            "2031-01-31 10:20:60",
            "2031-01-31 10:20:30.1234",
            "2031-01-31 10:20",
        ),
        *(
            "2031-01-31T10:20:30+25:00",
            "10000-01-01",
            "0000-01-01",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-01:00",
        ),
        *("٢٠٣١-01-31", "2031-01-31\n", 20310131, 1.5, True, [], {}, "2031-W05-5", "20310131"),
    ],
    ids=repr,
)
def test_case_29_dates_that_are_none(publisher: Publisher, given: Any):
    [code] = publisher.create()
    tags = {"action-type": "add-user-tag", "user-tags": ["a"]}
    expected = (400, "expiration-date is not a valid date")

    assert refusal(publisher.door.post(REDEMPTIONS, {**tags, "expiration-date": given})) == expected
    assert refusal(publisher.put(f"test%20batch/{code}", {"expiration-date": given})) == expected
    assert publisher.codes() == 1


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_case_30_an_unknown_code_or_batch(publisher: Publisher, method: str):
    publisher.create()
    [elsewhere] = publisher.create(batch="other")

    def ask(path: str) -> tuple[int, str]:
        return refusal(publisher.door.send(method, f"{REDEMPTIONS}/{path}", {"is-valid": False}))

    assert ask("test%20batch/5416ab331fee496e") == (404, "No such code")
    assert ask(f"test%20batch/{elsewhere}") == (404, "No such code")
    assert ask("nope") == (404, "No such batch")
    assert ask(f"nope/{elsewhere}") == (404, "No such batch")
    assert set(Code.objects.values_list("state", flat=True)) == {"active"}


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        *(
            ("remaining-redemptions", wrong, "remaining-redemptions must be an integer between 0 and 1000000")
            for wrong in (-1, 1_000_001, "1", True, 1.0, None)
        ),
        *(("is-valid", wrong, "is-valid must be true or false") for wrong in (0, "true", None)),
        *(("batch", wrong, "batch must be a string of 1 to 100 characters") for wrong in ("", " ", "x" * 101, 1, None)),
        *(("user-tags", wrong, "user-tags must be a non-empty array of strings") for wrong in ([], "a", [""], None)),
    ],
    ids=repr,
)
def test_a_change_that_is_wrong_changes_nothing(publisher: Publisher, field: str, wrong: Any, message: str):
    [code, _] = publisher.create(number_of_codes=2)
    rows = list(Code.objects.values())
    body = {"remaining-redemptions": 7, "is-valid": False, field: wrong}

    for path in (f"test%20batch/{code}", "test%20batch"):
        assert refusal(publisher.put(path, body)) == (400, message)
    assert list(Code.objects.values()) == rows


@pytest.mark.parametrize(
    ("field", "wrong", "message"),
    [
        *(
            ("access-control-id", wrong, "access-control-id must be a string or an integer")
            for wrong in (None, True, 1.5, [])
        ),
        ("access-control-id", "118226", "No such offer: 118226"),
        *(
            ("match-specification", wrong, "match-specification must contain all, any or excluded as arrays of strings")
            for wrong in (None, {}, [], "x", {"all": "x"})
        ),
        (
            *("match-specification", {"excluded": ["x"]}),
            "match-specification must contain at least one term in all or any",
        ),
        ("match-specification", {"all": ["a::b"]}, "Invalid search term: a::b"),
    ],
    ids=repr,
)
def test_a_wrong_offer_or_specification_changes_nothing(publisher: Publisher, field: str, wrong: Any, message: str):
    [code] = publisher.create(**MATCH)

    for path in (f"test%20batch/{code}", "test%20batch"):
        assert refusal(publisher.put(path, {"is-valid": False, field: wrong})) == (400, message)
    assert Code.objects.get().state == "active"
    assert Terms.objects.count() == 1


def test_what_the_action_does_not_use_and_what_is_read_only_is_ignored(publisher: Publisher):
    [code] = publisher.create()
    record = publisher.record(code)
    body = {
        "access-control-id": True,
        "match-specification": 5,
        "action-type": "apply-offer",
        "access-code": "OTHER",
        "number-of-codes": "x",
        "redeemed-users": 1,
        "used-date": [],
        "redemption-url": {},
        "surprise": 1,
    }

    assert told(publisher.put(f"test%20batch/{code}", body)) == record
    assert told(publisher.put("test%20batch", body)) == [record]


def test_what_a_code_gives_can_be_changed_for_it_alone(publisher: Publisher, changed: Any):
    make_offer(make_item(publisher.site, "new"), "3abc", 77)
    first, second = publisher.create(**MATCH, number_of_codes=2)

    record = changed(first, access_control_id=77, match_specification={"any": ["sample"]})

    assert (record["access-control-id"], record["match-specification"]) == (77, {"any": ["sample"]})
    assert publisher.record(second)["access-control-id"] == "2dfe"
    publisher.redeem(first)
    assert set(Licence.objects.values_list("item__external_id", flat=True)) == {"b3"}
    assert Terms.objects.count() == 2


def test_tags_of_a_code_can_be_changed_and_earlier_ones_stay_with_those_who_have_them(
    publisher: Publisher, changed: Any
):
    [code] = publisher.create(remaining_redemptions=2)
    publisher.redeem(code)

    assert changed(code, user_tags=["guest", " guest "])["user-tags"] == ["guest"]

    publisher.redeem(code, publisher.other)
    assert publisher.tags(publisher.reader) == {"member", "institution"}
    assert publisher.tags(publisher.other) == {"guest"}


def test_a_code_whose_offer_is_gone_can_still_be_switched_off_by_its_record(publisher: Publisher):
    codes = publisher.create(action_type="apply-offer", access_control_id=118226, number_of_codes=2)
    Offer.objects.update(archived_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    record = {**publisher.record(codes[0]), "is-valid": False}

    assert told(publisher.put(f"test%20batch/{codes[0]}", record)) == record
    assert [each["is-valid"] for each in told(publisher.put("test%20batch", record))] == [False, False]
    other = {**record, "access-control-id": "2dfe"}
    assert refusal(publisher.put(f"test%20batch/{codes[0]}", other)) == (400, "No such offer: 2dfe")


def test_an_end_before_the_first_moment_of_validity(publisher: Publisher):
    [code] = publisher.create()
    change_code(Code.objects.get(), actor_id="staff", valid_from=dt.datetime(2030, 6, 1, tzinfo=dt.UTC))
    expected = (400, "expiration-date must be later than the first moment of validity")

    assert refusal(publisher.put(f"test%20batch/{code}", {"expiration-date": "2030-05-01"})) == expected
    assert refusal(publisher.put("test%20batch", {"expiration-date": "2030-05-01"})) == expected
    assert Code.objects.get().valid_until is None


class TestWholeBatches:
    def test_all_codes_are_changed_and_told(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=3, remaining_redemptions=2)
        publisher.redeem(codes[1])

        records = told(publisher.put("test%20batch", {"remaining-redemptions": 9, "expiration-date": "2031-01-01"}))

        assert [record["access-code"] for record in records] == codes
        assert {record["remaining-redemptions"] for record in records} == {9}
        assert [code.max_uses for code in Code.objects.order_by("serial")] == [9, 10, 9]
        assert publisher.get("/test%20batch") == records

    def test_used_up_codes_are_treated_like_single_ones(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=4)
        publisher.redeem(codes[0])
        publisher.put(f"test%20batch/{codes[1]}", {"is-valid": False})

        def states(body: dict[str, Any]) -> list[str]:
            assert publisher.put("test%20batch", body).status_code == 200
            return list(Code.objects.order_by("serial").values_list("state", flat=True))

        assert states({"is-valid": False}) == ["used_up", "disabled", "disabled", "disabled"]
        assert states({"remaining-redemptions": 1}) == ["disabled"] * 4
        assert states({"is-valid": True}) == ["active"] * 4
        assert states({"is-valid": False, "remaining-redemptions": 0}) == ["disabled"] * 4

    def test_each_code_takes_what_its_action_uses(self, publisher: Publisher):
        publisher.create(number_of_codes=2)
        publisher.create(**MATCH)
        publisher.create(action_type="session-license", access_control_id=118226)
        make_offer(make_item(publisher.site, "new"), "3abc")

        body = {"user-tags": ["x"], "access-control-id": "3abc", "match-specification": {"all": ["y"]}}
        records = told(publisher.put("test%20batch", body))

        assert [record.get("user-tags") for record in records] == [["x"], ["x"], None, None]
        assert [record.get("access-control-id") for record in records] == [None, None, "3abc", "3abc"]
        assert [record.get("match-specification") for record in records] == [None, None, {"all": ["y"]}, None]

    def test_codes_that_give_other_things_are_not_touched(self, publisher: Publisher):
        make_batch(publisher.site, 3, name="test batch", worth_cents=500)
        publisher.create(number_of_codes=2)

        assert len(told(publisher.put("test%20batch", {"is-valid": False}))) == 2
        assert told(publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch"))["message"] == "Deleted 2 codes"
        assert Code.objects.filter(terms__action="credit", state="active").count() == 3

    def test_the_number_of_statements_does_not_depend_on_the_number_of_codes(self, publisher: Publisher):
        def statements(count: int) -> list[int]:
            publisher.create(batch=f"b{count}", number_of_codes=count, **MATCH)
            found = []
            for method, body in (
                ("PUT", {"is-valid": False, "remaining-redemptions": 3, "match-specification": {"all": ["z"]}}),
                ("PUT", {"batch": f"moved {count}"}),
            ):
                with CaptureQueriesContext(connection) as made:
                    response = publisher.door.send(method, f"{REDEMPTIONS}/b{count}", body)
                    assert len(told(response)) == count
                found.append(len(made))
            with CaptureQueriesContext(connection) as made:
                publisher.door.send("DELETE", f"{REDEMPTIONS}/moved%20{count}")
            return [*found, len(made)]

        publisher.create(batch="warm")
        few, many = statements(2), statements(300)
        assert few == many

    def test_it_is_audited_with_how_many(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=3)
        publisher.put("test%20batch", {"is-valid": False})
        publisher.put(f"test%20batch/{codes[0]}", {"is-valid": True})
        publisher.put(f"test%20batch/{codes[0]}", {"is-valid": True})
        publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{codes[0]}")
        publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch")

        rows = list(AuditRecord.objects.exclude(action="batch.order").order_by("pk"))
        assert [(row.action, row.actor_id) for row in rows] == [
            (action, publisher.admin.claimant_id)
            for action in ("batch.codes_change", "code.change", "code.change", "batch.codes_delete")
        ]
        assert (rows[0].detail["codes"], rows[0].detail["changed"]) == (3, 3)
        assert rows[1].detail["changed"] == {"state": ["disabled", "active"]}
        assert rows[2].detail["changed"] == {"state": ["active", "deleted"]}
        assert rows[3].detail["codes"] == 2
        assert not any(code in json.dumps(row.detail) for row in rows for code in codes)


class TestDeleting:
    def test_case_31_a_deleted_code_is_unknown_and_what_it_gave_stays(self, publisher: Publisher):
        first, second = publisher.create(number_of_codes=2, remaining_redemptions=2)
        publisher.redeem(first)

        response = publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{first}")

        assert (response.status_code, told(response)) == (200, {"status": 200, "message": "Deleted 1 code"})
        assert publisher.redeem(first, publisher.other) == "code_not_found"
        assert publisher.tags(publisher.reader) == {"member", "institution"}
        assert publisher.tags(publisher.other) == set()
        assert [record["access-code"] for record in publisher.get("/test%20batch")] == [second]
        assert refusal(publisher.door.get(f"{REDEMPTIONS}/test%20batch/{first}")) == (404, "No such code")

    def test_a_deleted_batch_is_gone_and_its_name_is_free(self, publisher: Publisher):
        publisher.create(number_of_codes=3)

        response = publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/")

        assert told(response) == {"status": 200, "message": "Deleted 3 codes"}
        assert publisher.get() == []
        for method in ("GET", "PUT", "DELETE"):
            answer = publisher.door.send(method, f"{REDEMPTIONS}/test%20batch", {})
            assert refusal(answer) == (404, "No such batch")
        [code] = publisher.create()
        assert [record["access-code"] for record in publisher.get("/test%20batch")] == [code]
        assert Batch.objects.count() == 1

    def test_the_last_code_takes_its_batch_along(self, publisher: Publisher):
        [code] = publisher.create()

        publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{code}")

        assert publisher.get() == []
        assert refusal(publisher.door.get(f"{REDEMPTIONS}/test%20batch/{code}")) == (404, "No such batch")


class TestMoving:
    def test_a_code_is_moved_with_all_it_is(self, publisher: Publisher, changed: Any):
        codes = publisher.create(number_of_codes=3, remaining_redemptions=2)
        publisher.create(batch="new")
        publisher.redeem(codes[1])
        before = publisher.record(codes[1])

        record = changed(codes[1], batch=" new ", is_valid=True)

        assert record == {**before, "batch": "new"}
        assert publisher.record(codes[1], "new") == record
        assert [each["access-code"] for each in publisher.get("/test%20batch")] == [codes[0], codes[2]]
        assert [each["access-code"] for each in publisher.get("/new")][1:] == [codes[1]]
        assert refusal(publisher.door.get(f"{REDEMPTIONS}/test%20batch/{codes[1]}")) == (404, "No such code")
        assert publisher.redeem(codes[1], publisher.reader) == "already_redeemed"
        assert publisher.redeem(codes[1], publisher.other) == "redeemed"

    def test_a_whole_batch_of_several_actions_is_moved_in_its_order_and_told(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=3) + publisher.create(**MATCH, number_of_codes=2)
        there = publisher.create(batch="new", number_of_codes=2)

        records = told(publisher.put("test%20batch", {"batch": "new", "is-valid": False}))

        assert {record["batch"] for record in records} == {"new"}
        assert sorted(record["access-code"] for record in records) == sorted(codes)
        assert [each["batch"] for each in publisher.get()] == ["new"]
        assert [each["access-code"] for each in publisher.get("/new")] == there + [r["access-code"] for r in records]
        back = told(publisher.put("new", {"batch": "test batch", "remaining-redemptions": 2}))
        assert len(back) == 7
        assert publisher.create(batch="new") != []

    def test_uses_of_capped_batches_move_along(self, publisher: Publisher, changed: Any):
        codes = publisher.create(number_of_codes=2, remaining_redemptions=3)
        publisher.create(batch="new", number_of_codes=1)
        publisher.redeem(codes[0])
        publisher.redeem(codes[0], publisher.other)
        old, new = Batch.objects.get(name="test batch"), Batch.objects.get(name="new")
        change_batch(old, actor_id="staff", total_cap=10)
        change_batch(new, actor_id="staff", total_cap=1)

        response = publisher.put(f"test%20batch/{codes[0]}", {"batch": "new"})
        assert refusal(response) == (409, "The cap of that batch has no room for the uses of these codes.")
        assert publisher.record(codes[0])["batch"] == "test batch"

        change_batch(new, actor_id="staff", total_cap=2)
        assert changed(codes[0], batch="new")["batch"] == "new"
        assert [Batch.objects.get(pk=each.pk).uses_in_force for each in (old, new)] == [0, 2]
        assert publisher.redeem(codes[0], publisher.reader) in ("campaign_cap_reached", "already_redeemed")

    def test_into_the_same_batch_nothing_moves(self, publisher: Publisher, changed: Any):
        [code] = publisher.create()

        assert changed(code, batch="test batch")["batch"] == "test batch"
        assert IssueOrder.objects.count() == 1

    def test_into_a_batch_that_was_deleted_at_the_desk(self, publisher: Publisher):
        [code] = publisher.create()
        make_batch(publisher.site, 1, name="gone", worth_cents=0)
        Batch.objects.filter(name="gone").update(state=Batch.State.ARCHIVED)

        response = publisher.put(f"test%20batch/{code}", {"batch": "gone"})

        assert refusal(response) == (409, "batch was deleted and its name cannot be used again")
        assert publisher.record(code)["batch"] == "test batch"

    def test_attempts_stay_with_the_batch_they_were_made_in(self, publisher: Publisher, changed: Any):
        [code] = publisher.create(remaining_redemptions=2)
        publisher.redeem(code)
        changed(code, batch="new")
        publisher.redeem(code, publisher.other)

        names = Attempt.objects.order_by("decided_at").values_list("batch__name", flat=True)
        assert list(names) == ["test batch", "new"]
        assert len(publisher.record(code, "new")["redeemed-users"]) == 2


def test_every_invariant_holds_after_all_of_it(publisher: Publisher):
    codes = publisher.create(number_of_codes=8, remaining_redemptions=2)
    publisher.create(**MATCH, number_of_codes=3)
    for code in codes[:4]:
        publisher.redeem(code)
        publisher.redeem(code, publisher.other)
    publisher.put("test%20batch", {"is-valid": True, "user-tags": ["x"]})
    publisher.put(f"test%20batch/{codes[0]}", {"batch": "alone", "remaining-redemptions": 0})
    publisher.put(f"test%20batch/{codes[1]}", {"is-valid": True, "remaining-redemptions": 0})
    publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{codes[2]}")
    publisher.put("test%20batch", {"batch": "moved"})
    publisher.put("moved", {"batch": "test batch"})
    publisher.put("test%20batch", {"batch": "moved again", "match-specification": {"all": ["q"]}})
    publisher.door.send("DELETE", f"{REDEMPTIONS}/alone")

    assert len(publisher.get("/moved%20again")) == 9
    assert violated(list(invariants.listed())) == {}
    assert content_codes.batch_names(publisher.site.pk) == ["moved again"]
