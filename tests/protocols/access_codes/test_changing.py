"""PUT and DELETE: one code, or all codes of a batch; what follows for redeeming, and what stays as it was."""

import datetime as dt
from typing import Any

import pytest

from accounts.models import Licence, Offer
from codes.models import Code, Terms
from codes.switching import change_code
from tests.content import make_item, make_offer
from tests.protocols.access_codes.conftest import MATCH, Publisher
from tests.protocols.access_codes.publishers import REDEMPTIONS, refusal, told


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
