"""Every reason of the redemption flow, section 4, is provoked here, or it is said where it is or why it cannot occur."""

import pytest
from django.db import OperationalError, connection

from accounts.models import Item, Offer, Tag
from accounts.refusals import Refusal
from codes import issuing, jobs, lookup, reversing, switching
from codes.models import Attempt, IssueOrder
from codes.redemption import statements
from ledger.models import LedgerAccount
from tests.codes.provoking import (
    CANNOT_OCCUR,
    PROVOKED,
    TOLD_BY_ASSIGNING,
    TOLD_BY_RESERVING,
    TOLD_BY_REVERSING,
    TOLD_BY_THE_EDGE,
    Scene,
)
from tests.codes.redeeming import assert_sound, attempt, holdings, reason_of, redeem, unknown_id
from tests.content import set_property
from tests.factories import caller_of, make_batch, make_code, make_site, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


def test_every_reason_is_provoked_or_it_is_said_why_not():
    elsewhere = (TOLD_BY_THE_EDGE, TOLD_BY_REVERSING, TOLD_BY_ASSIGNING, TOLD_BY_RESERVING)
    told = [set(each) for each in (PROVOKED, *elsewhere, CANNOT_OCCUR)]

    assert set().union(*told) == {refusal.reason for refusal in Refusal.tree() if refusal.__module__ in MODULES}
    assert sum(map(len, told)) == len(set().union(*told))


MODULES = ("accounts.refusals", "ledger.refusals", "codes.refusals")


def no_attempt():
    """Reasons that leave no attempt: on SQLite a lock not obtained keeps every writer out, that of the attempt too."""
    return {"too_many_attempts", "code_busy"} if connection.vendor == "sqlite" else {"too_many_attempts"}


@pytest.mark.parametrize("reason", PROVOKED)
def test_it_is_told_with_its_step_recorded_once_and_nothing_has_changed(scene, reason):
    step, provoke = PROVOKED[reason]
    before = []
    redeem_codes = redeem.__globals__["redeem_codes"]

    def look_first(commands):
        before[:] = [holdings(scene.site), Attempt.objects.count()]
        return redeem_codes(commands)

    scene.monkeypatch.setitem(redeem.__globals__, "redeem_codes", look_first)

    outcome = provoke(scene)

    assert reason_of(outcome) == reason
    assert outcome.refusal.step == outcome.attempt.step == step
    assert outcome.kept == (reason not in no_attempt())
    if before:
        assert holdings(scene.site) == before[0]
        assert Attempt.objects.count() == before[1] + outcome.kept
    if outcome.kept:
        row = attempt(outcome)
        assert (row.outcome, row.reason, row.step) == ("refused", reason, step)
        assert row.checks[-1]["step"] == step
        assert not row.checks[-1]["passed"]
        assert all(check["passed"] for check in row.checks[:-1])
    assert_sound()


@pytest.mark.parametrize("reason", [reason for reason, (step, _) in PROVOKED.items() if step >= 7])
def test_after_a_failure_of_the_later_steps_the_code_is_available_again(scene, reason):
    provoke = PROVOKED[reason][1]
    with scene.monkeypatch.context() as patched:
        scene.monkeypatch, kept = patched, scene.monkeypatch
        provoke(scene)
        scene.monkeypatch = kept
    LedgerAccount.objects.filter(owner=scene.anna).update(state="open", floor=0)
    if reason == "target_missing":
        Tag.objects.create(site=scene.site, name="gone")
    Offer.objects.update(archived_at=None)
    if reason == "no_matching_content":
        set_property(Item.objects.get(), "ProductId", "2")

    assert reason_of(redeem(scene.anna)) == "redeemed"
    assert_sound()


def test_the_reasons_of_the_flow_carry_its_word_on_retrying():
    retryable = {refusal.reason for refusal in Refusal.tree() if refusal.retryable}

    assert retryable == {
        *("too_many_attempts", "service_unavailable", "code_not_yet_valid", "code_reserved", "cooldown_active"),
        *("code_busy", "action_failed", "action_timeout", "concurrent_change", "audit_write_failed"),
    }


def test_a_database_that_is_away_is_no_refusal_of_the_engine(scene):
    scene.code()

    def away(*asked):
        raise OperationalError("server closed the connection unexpectedly")

    scene.monkeypatch.setattr(statements, "lock_codes_and_accounts", away)
    with pytest.raises(OperationalError):
        redeem(scene.anna)
    assert not Attempt.objects.exists()


def test_reversing_tells_its_own_reasons(scene):
    scene.code()
    outcome = redeem(scene.anna)
    command = reversing.ReverseRedemption(caller_of(scene.till), outcome.attempt.pk, "a mistake")
    reversing.reverse(command)

    with pytest.raises(Refusal) as again:
        reversing.reverse(command)
    with pytest.raises(Refusal) as unknown:
        reversing.reverse(reversing.ReverseRedemption(caller_of(scene.till), unknown_id(), "a mistake"))

    assert {again.value.reason, unknown.value.reason} == set(TOLD_BY_REVERSING)


@pytest.mark.parametrize("how", ["another site's", "being issued", "cancelled", "deleted"])
def test_a_code_that_is_not_there_for_the_caller_is_as_unknown_as_any(scene, how):
    if how == "another site's":
        text = "ABC-E6W5F"
        make_code(make_site(), text)
    elif how == "deleted":
        text = "ABC-E6W5F"
        switching.change_code(scene.code(), actor_id="boss", state="deleted")
    else:
        scene.monkeypatch.setattr(issuing, "CHUNK", 1)
        order, _ = issuing.order_batch(new_batch(scene.site, count=2, worth_cents=100))
        issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
        text = lookup.shown(order.codes.get())
        if how == "cancelled":
            issuing.cancel_order(order, actor_id="boss")
    make_batch(scene.site, count=1, name="so that the site has codes of our own")

    told = redeem(scene.anna, text)
    unknown = redeem(scene.anna, "NOPE-0001")

    assert reason_of(told) == "code_not_found"
    assert told.refusal == unknown.refusal
    assert told.attempt.checks == unknown.attempt.checks
