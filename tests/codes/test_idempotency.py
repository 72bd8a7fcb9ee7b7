"""A key and its content: the same again is the same answer, another content is a mismatch."""

from dataclasses import replace

import pytest

from codes.actions.credit import Credit
from codes.models import Attempt, Code
from codes.redemption import journal
from codes.redemption.engine import redeem_codes
from codes.redemption.facts import fingerprint
from tests.codes.redeeming import ask, attempt, cash, holdings, reason_of, redeem
from tests.factories import make_claimant, make_client, make_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(saver_scene, db):
    return saver_scene()


@pytest.fixture
def code(anna):
    return make_code(anna.site, "ABC-E6W5F", worth_cents=2_500)


def columns(outcome):
    """Every stored column of an outcome's attempt."""
    return {field.attname: getattr(attempt(outcome), field.attname) for field in Attempt._meta.concrete_fields}


def test_the_same_request_again_is_answered_from_the_attempt_and_does_nothing(anna, code, stopped_clock):
    first = redeem(anna, idempotency_key="k1", reference="order 7")
    before, stored = holdings(anna.site), columns(first)
    stopped_clock.advance(days=400)

    again = redeem(anna, idempotency_key="k1", reference="order 7")

    assert (first.replayed, again.replayed) == (False, True)
    assert (again.attempt.pk, again.code_shown, again.refusal) == (first.attempt.pk, first.code_shown, None)
    assert columns(again) == stored
    for name, value in stored.items():
        assert getattr(again.attempt, name) == value
    assert holdings(anna.site) == before
    assert Attempt.objects.count() == 1
    assert cash(anna) == 3_500


def test_a_final_refusal_is_kept_and_told_again_even_when_it_would_no_longer_be_one(anna, code, stopped_clock):
    Code.objects.update(state=Code.State.DISABLED)
    first = redeem(anna, idempotency_key="k1")
    Code.objects.update(state=Code.State.ACTIVE)

    again = redeem(anna, idempotency_key="k1")

    assert reason_of(again) == "code_disabled"
    assert again.replayed
    assert again.refusal == first.refusal
    assert cash(anna) == 1_000
    assert reason_of(redeem(anna, idempotency_key="k2")) == "redeemed"


def test_a_refusal_told_again_has_its_receipt_again(anna, code):
    earlier = redeem(anna)
    first, again = redeem(anna, idempotency_key="k1"), redeem(anna, idempotency_key="k1")

    assert again.replayed
    assert first.refusal.receipt_number == again.refusal.receipt_number == earlier.attempt.receipt_number


FINAL = {
    "code_not_found": {"code": "NOPE-0001"},
    "caller_not_allowed": {"claimant": "other"},
    "venue_not_allowed": {"code": "VENUE-1"},
}
NOT_KEPT = {
    "missing_code": {"code": ""},
    "missing_claimant": {"claimant": " "},
    "code_format_invalid": {"code": "***"},
    "field_too_long": {"channel": "c" * 31},
}


def ask_for(anna, other, fields):
    claimant = {"other": other.claimant_id}.get(fields.get("claimant"), fields.get("claimant"))
    rest = {name: value for name, value in fields.items() if name not in ("code", "claimant")}
    return redeem(anna, fields.get("code", "ABC-E6W5F"), claimant, idempotency_key="k1", **rest)


@pytest.mark.parametrize("reason", FINAL)
def test_final_refusals_of_the_later_steps_keep_the_key(anna, code, reason):
    make_code(anna.site, "VENUE-1", venues=["till 1"])
    other = make_claimant(anna.site)

    first, again = ask_for(anna, other, FINAL[reason]), ask_for(anna, other, FINAL[reason])

    assert (reason_of(first), reason_of(again)) == (reason, reason)
    assert (first.attempt.idempotency_key, again.replayed) == ("k1", True)
    assert Attempt.objects.count() == 1


@pytest.mark.parametrize("reason", NOT_KEPT)
def test_refusals_of_the_first_two_steps_leave_the_key_free(anna, code, reason):
    first = ask_for(anna, make_claimant(anna.site), NOT_KEPT[reason])

    assert reason_of(first) == reason
    assert columns(first)["idempotency_key"] is None
    assert reason_of(redeem(anna, idempotency_key="k1")) == "redeemed"


def test_a_refusal_that_may_pass_leaves_the_key_free(anna, stopped_clock):
    make_code(anna.site, "COOL-1", uses=3, uses_per_claimant=3, cooldown_seconds=60)
    redeem(anna, "COOL-1")
    waiting = redeem(anna, "COOL-1", idempotency_key="k1")
    assert (reason_of(waiting), columns(waiting)["idempotency_key"]) == ("cooldown_active", None)

    stopped_clock.advance(seconds=60)

    assert reason_of(redeem(anna, "COOL-1", idempotency_key="k1")) == "redeemed"


def test_a_failed_action_leaves_the_key_free(anna, code, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Credit, "perform", lambda *_: 1 / 0)
        failed = redeem(anna, idempotency_key="k1")
    assert (reason_of(failed), columns(failed)["idempotency_key"]) == ("action_failed", None)

    assert reason_of(redeem(anna, idempotency_key="k1")) == "redeemed"
    assert cash(anna) == 3_500


@pytest.mark.parametrize(
    "other",
    [
        {"code": "abc-e6w5f"},
        {"code": "NOPE-0001"},
        {"claimant_id": "somebody else"},
        {"channel": "POS"},
        {"venue_id": "till 1"},
        {"reference": "order 8"},
        {"reference": None},
        {"reference": ""},
        {"reservation_token": "t"},
    ],
)
def test_each_field_belongs_to_the_content(anna, code, other):
    command = ask(anna, idempotency_key="k1", reference="order 7", channel="WEB")
    redeem_codes([command])
    before = holdings(anna.site)

    outcome = redeem_codes([replace(ask(anna, idempotency_key="k1", reference="order 7", channel="WEB"), **other)])[0]

    assert reason_of(outcome) == "idempotency_mismatch"
    assert outcome.refusal.step == 1
    assert holdings(anna.site) == before
    assert columns(outcome)["idempotency_key"] is None
    assert Attempt.objects.count() == 2
    assert redeem(anna, idempotency_key="k1", reference="order 7", channel="WEB").replayed


def test_fields_never_flow_into_each_other(anna):
    contents = [
        ask(anna, "AB", "C"),
        ask(anna, "A", "BC"),
        ask(anna, "ABC", ""),
        ask(anna, "AB", "", channel="C"),
        ask(anna, "AB", "", venue_id="C"),
        ask(anna, "AB", "", reference="C"),
        ask(anna, "AB", "", reference=""),
        ask(anna, "AB", ""),
    ]

    assert len({fingerprint(command) for command in contents}) == len(contents)


def test_the_door_does_not_belong_to_the_content(anna, code):
    redeem(anna, idempotency_key="k1")

    assert redeem(anna, idempotency_key="k1", door="page").replayed


def test_each_caller_has_keys_of_their_own(anna):
    make_code(anna.site, "MANY-1", uses=9)
    ben, till = make_claimant(anna.site), make_client(anna.site)

    outcomes = [
        redeem(anna, "MANY-1", idempotency_key="k1"),
        redeem(ben, "MANY-1", idempotency_key="k1"),
        redeem(till, "MANY-1", make_claimant(anna.site), idempotency_key="k1"),
    ]

    assert [reason_of(outcome) for outcome in outcomes] == ["redeemed"] * 3
    assert not any(outcome.replayed for outcome in outcomes)


def test_without_a_key_the_same_request_is_another_one(anna, code):
    assert [reason_of(redeem(anna)) for _ in range(2)] == ["redeemed", "code_used_up"]


def test_keys_are_compared_byte_for_byte(anna):
    make_code(anna.site, "MANY-1", uses=9, uses_per_claimant=9)

    outcomes = [redeem(anna, "MANY-1", idempotency_key=key) for key in ("k1", "K1", "k1.", "k" * 255)]

    assert not any(outcome.replayed for outcome in outcomes)
    assert redeem(anna, "MANY-1", idempotency_key="k" * 255).replayed


def test_equal_keys_in_a_list_behave_as_one_by_one(anna, code):
    outcomes = redeem_codes(
        [
            ask(anna, idempotency_key="k1"),
            ask(anna, idempotency_key="k1"),
            ask(anna, "NOPE-0001", idempotency_key="k1"),
            ask(anna, "NOPE-0001", idempotency_key="k2"),
            ask(anna, "NOPE-0001", idempotency_key="k2"),
        ]
    )

    assert [(reason_of(outcome), outcome.replayed) for outcome in outcomes] == [
        ("redeemed", False),
        ("redeemed", True),
        ("idempotency_mismatch", False),
        ("code_not_found", False),
        ("code_not_found", True),
    ]
    assert outcomes[1].attempt.pk == outcomes[0].attempt.pk
    assert Attempt.objects.count() == 3
    assert cash(anna) == 3_500


def test_a_key_taken_between_the_look_and_the_write_is_answered_by_who_took_it(anna, code, monkeypatch):
    first = redeem(anna, idempotency_key="k1")
    read_earlier, looks = journal.read_earlier, []

    def blind_at_first(commands):
        looks.append(1)
        return read_earlier(commands) if len(looks) > 1 else {}

    monkeypatch.setattr(journal, "read_earlier", blind_at_first)
    again = redeem(anna, idempotency_key="k1")

    assert (again.replayed, again.attempt.pk) == (True, first.attempt.pk)
    assert len(looks) == 2
    assert Attempt.objects.count() == 1
