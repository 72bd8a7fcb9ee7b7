"""The same judgement, changing nothing: what would become of a redemption, with every check."""

import pytest

from codes import switching
from codes.models import Attempt
from codes.redemption.engine import redeem_codes, validate_codes
from tests.breaking import undone
from tests.codes.provoking import PROVOKED, REPORTED, Scene
from tests.codes.redeeming import ask, holdings, reason_of, redeem
from tests.codes.twins import CODES, UNKNOWN, Wish, make_twin
from tests.factories import make_claimant, make_code

pytestmark = pytest.mark.django_db

JUDGED = [reason for reason, (step, _) in PROVOKED.items() if 2 <= step <= 8 and not reason.startswith("action_")]


@pytest.mark.parametrize("reason", [reason for reason in JUDGED if reason not in ("code_busy", *REPORTED)])
def test_it_tells_every_reason_that_a_redemption_would_hear_and_leaves_nothing(monkeypatch, reason):
    scene = Scene(monkeypatch)
    asked = []
    monkeypatch.setitem(
        redeem.__globals__, "redeem_codes", lambda commands: asked.append(commands) or redeem_codes(commands)
    )
    with undone():
        PROVOKED[reason][1](scene)
    asked_last = asked.pop()
    # What went before the last command is its setting; the last one itself is only asked for.
    monkeypatch.setitem(
        redeem.__globals__,
        "redeem_codes",
        lambda commands: (redeem_codes if asked and asked.pop(0) else ask_only)(commands),
    )
    seen = []

    def ask_only(commands):
        seen.extend([holdings(scene.site), Attempt.objects.count()])
        return validate_codes(commands)

    outcome = PROVOKED[reason][1](scene)

    assert asked_last
    assert reason_of(outcome) == reason
    assert not outcome.kept
    assert outcome.checks[-1]["passed"] is False
    assert [holdings(scene.site), Attempt.objects.count()] == seen


def test_a_code_that_would_be_redeemed_is_valid_as_often_as_one_asks():
    anna = make_claimant()
    make_code(anna.site)
    before = holdings(anna.site)

    outcomes = validate_codes([ask(anna)] * 3) + validate_codes([ask(anna)])

    assert [reason_of(outcome) for outcome in outcomes] == ["redeemed"] * 4
    assert all(check["passed"] for outcome in outcomes for check in outcome.checks)
    assert holdings(anna.site) == before
    assert not Attempt.objects.exists()
    assert reason_of(redeem(anna)) == "redeemed"


def test_each_is_judged_as_if_it_were_alone():
    anna = make_claimant()
    make_code(anna.site)

    outcomes = validate_codes([ask(anna), ask(anna, "NOPE-0001"), ask(anna)])

    assert [reason_of(outcome) for outcome in outcomes] == ["redeemed", "code_not_found", "redeemed"]


def test_it_says_the_same_as_redeeming_for_every_code_there_is(stopped_clock):
    twin = make_twin()
    for code in [*CODES, *UNKNOWN]:
        for caller, claimant in (("till", "anna"), ("till", "eric"), ("ben", "ben")):
            with undone():
                command = twin.command(Wish(caller, code, claimant))
                validated = validate_codes([command])[0]
            with undone():
                redeemed = redeem_codes([command])[0]
            assert (validated.refusal, validated.checks) == (redeemed.refusal, redeemed.checks), (
                code,
                caller,
                claimant,
            )


def test_a_code_that_was_switched_off_in_between_is_not_redeemed():
    anna = make_claimant()
    code = make_code(anna.site)
    assert reason_of(validate_codes([ask(anna)])[0]) == "redeemed"

    switching.switch_code(code, False, actor_id="boss")

    assert reason_of(redeem(anna)) == "code_disabled"
