"""Every reason of the flow's section 4, provoked over HTTP, with its status, words, step and headers exactly.

One cannot occur: ``rollback_incomplete`` is kept for actions outside the database, and there are none. It is
provoked by an engine that says it.
"""

from collections.abc import Callable

import pytest
from django.db import OperationalError
from django.http import HttpResponse

from codes.actions.registry import ACTIONS
from codes.models import Code
from codes.redemption import engine, facts, writes
from codes.redemption.commands import Outcome
from codes.refusals import RollbackIncomplete
from ledger import moving
from ledger.models import LedgerAccount, LedgerTransaction
from redemption_site.api import redemptions
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, Door, stranger, till
from tests.edge.flow_table import CARRY_RETRY_AFTER, ROWS, STEP_OF
from tests.factories import make_account, make_asset, make_client, make_code, make_hold, make_user

Scene = Callable[[Tenant, Door, pytest.MonkeyPatch], HttpResponse]
SCENES: dict[str, Scene] = {}


def provoking(reason: str) -> Callable[[Scene], Scene]:
    def note(scene: Scene) -> Scene:
        SCENES[reason] = scene
        return scene

    return note


@provoking("unauthenticated")
def nobody(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return stranger().redeem()


@provoking("unsupported_media_type")
def plain_text(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.post(REDEMPTIONS, b"ABC-E6W5F", content_type="text/plain")


@provoking("request_malformed")
def half_a_body(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.post(REDEMPTIONS, b'{"code":')


@provoking("request_too_large")
def sixteen_kilobytes_and_one(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.post(REDEMPTIONS, b'{"code":"%s"}' % (b"A" * (16_385 - 11)))


@provoking("too_many_attempts")
def eleven_guesses(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    for _ in range(10):
        door.redeem("NOPE-0001")
    return door.redeem("NOPE-0001")


@provoking("idempotency_mismatch")
def one_key_two_requests(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    door.redeem(key="k")
    return door.redeem("OLD-0001", key="k")


@provoking("service_unavailable")
def database_away(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    def fail(*_):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(facts, "lock", fail)
    return door.redeem()


@provoking("missing_code")
def no_code(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.post(REDEMPTIONS, {"claimant_id": "u-1001"})


@provoking("missing_claimant")
def no_claimant(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.post(REDEMPTIONS, {"code": "ABC-E6W5F"})


@provoking("code_format_invalid")
def three_stars(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem("***")


@provoking("field_too_long")
def a_long_channel(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem(channel="C" * 31)


@provoking("code_not_found")
def unknown(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem("NOPE-0001")


@provoking("code_disabled")
def switched_off(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem("OFF-0001")


@provoking("code_not_yet_valid")
def too_early(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem("SOON-0001")


@provoking("code_expired")
def too_late(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem("OLD-0001")


@provoking("code_used_up")
def twice(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    door.redeem()
    return door.redeem()


@provoking("code_reserved")
def held(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_hold(tenant.code())
    return door.redeem()


@provoking("claimant_unknown")
def nobodys_account(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem(claimant_id="u-9999")


@provoking("claimant_inactive")
def inactive(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem(claimant_id="u-3003")


@provoking("caller_not_allowed")
def for_a_stranger(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    limited = make_client(tenant.site, ["redeem"], acts_as=[tenant.claimants["u-1001"]])
    return till(limited.key).redeem(claimant_id="u-2002")


@provoking("not_entitled")
def anothers_code(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    return door.redeem("OWN-0001")


@provoking("already_redeemed")
def my_one_use(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    door.redeem("MULTI-0001")
    return door.redeem("MULTI-0001")


@provoking("claimant_cap_reached")
def my_two_uses(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_code(tenant.site, "TWICE-0001", uses=5, uses_per_claimant=2)
    door.redeem("TWICE-0001")
    door.redeem("TWICE-0001")
    return door.redeem("TWICE-0001")


@provoking("campaign_cap_reached")
def the_batch_is_full(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_code(tenant.site, "CAP-0001", uses=5, total_cap=1)
    door.redeem("CAP-0001", "u-2002")
    return door.redeem("CAP-0001")


@provoking("venue_not_allowed")
def elsewhere(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_code(tenant.site, "VENUE-0001", venues=["north"])
    return door.redeem("VENUE-0001", venue_id="south")


@provoking("cooldown_active")
def too_soon(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_code(tenant.site, "COOL-0001", uses=5, uses_per_claimant=5, cooldown_seconds=3600)
    door.redeem("COOL-0001")
    return door.redeem("COOL-0001")


@provoking("code_busy")
def locked_by_another(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    def fail(*_):
        raise OperationalError("database is locked")

    monkeypatch.setattr(facts, "lock", fail)
    return door.redeem()


@provoking("account_missing")
def no_account(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_user(tenant.site, claimant_id="u-4004")
    return door.redeem(claimant_id="u-4004")


@provoking("account_locked")
def closed_account(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    LedgerAccount.objects.filter(pk=tenant.account().pk).update(state="closed")
    return door.redeem()


@provoking("currency_mismatch")
def dollars(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_account(make_user(tenant.site, claimant_id="u-5005"), make_asset("USD"))
    return door.redeem(claimant_id="u-5005")


@provoking("insufficient_balance")
def a_floor_raised_above(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    LedgerAccount.objects.filter(pk=tenant.account().pk).update(floor=10_000)
    return door.redeem()


@provoking("target_missing")
def a_refund_of_nothing_left(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    make_account(tenant.claimants["u-1001"], balance=500)
    spent = moving.spend(tenant.account(), 500, comment="spent", actor_id="system")
    refund = {"action": "refund", "parameters": {"booking": str(spent.pk)}, "worth_cents": 500}
    for text in ("REFUND-0001", "REFUND-0002"):
        make_code(tenant.site, text, **refund)
    assert door.redeem("REFUND-0001").status_code == 201
    assert LedgerTransaction.objects.filter(type="refund").count() == 1
    return door.redeem("REFUND-0002")


@provoking("action_failed")
def broken_action(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    def fail(*_):
        raise ValueError("broken")

    monkeypatch.setattr(ACTIONS["credit"], "perform", fail)
    return door.redeem()


@provoking("action_timeout")
def slow_action(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    class Cancelled(Exception):
        sqlstate = "57014"

    def fail(*_):
        raise OperationalError("canceling statement due to statement timeout") from Cancelled()

    monkeypatch.setattr(ACTIONS["credit"], "perform", fail)
    return door.redeem()


@provoking("concurrent_change")
def counts_that_differ(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    judge = engine.judge

    def judge_and_meddle(case, seen):
        outcome = judge(case, seen)
        # Past the lock, as no honest writer can: the guarded write meets another row than was judged.
        Code.objects.filter(pk=tenant.code().pk).update(state="disabled")
        return outcome

    monkeypatch.setattr(engine, "judge", judge_and_meddle)
    return door.redeem()


@provoking("audit_write_failed")
def no_audit(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    def fail(*_):
        raise OperationalError("disk full")

    monkeypatch.setattr(writes, "insert_attempts", fail)
    return door.redeem()


@provoking("rollback_incomplete")
def half_undone(tenant: Tenant, door: Door, monkeypatch: pytest.MonkeyPatch) -> HttpResponse:
    refused = door.redeem("OLD-0001").json()["transaction_id"]
    attempt = Code.objects.get(pk=tenant.code("OLD-0001").pk).attempts.get(pk=refused)
    monkeypatch.setattr(redemptions, "redeem_codes", lambda _: [Outcome(attempt, RollbackIncomplete())])
    return door.redeem()


@pytest.mark.parametrize("reason", ROWS)
def test_the_answer_is_the_flows(tenant: Tenant, program: Door, monkeypatch: pytest.MonkeyPatch, reason: str):
    status, retryable, message, next_steps = ROWS[reason]

    response = SCENES[reason](tenant, program, monkeypatch)

    body = response.json()
    step, step_name = STEP_OF[reason]
    transaction_id, receipt_id = body.pop("transaction_id"), body.pop("receipt_id", None)
    assert body == {
        "status": "failed",
        "reason": reason,
        "message": message,
        "step": step,
        "step_name": step_name,
        "retryable": retryable,
        "next_steps": next_steps,
    }
    assert response.status_code == status
    assert len(transaction_id) == 36
    assert (receipt_id is not None) == (reason in ("code_used_up", "already_redeemed"))
    assert ("Retry-After" in response.headers) == (reason in CARRY_RETRY_AFTER)
    assert int(response.headers.get("Retry-After", "1")) >= 1
    assert response.headers["Cache-Control"] == "no-store"
