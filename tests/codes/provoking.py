"""How each reason of the redemption flow, section 4, comes about; and of those that cannot be provoked here, why."""

import datetime as dt

from django.db import OperationalError
from django.db.models import F

from accounts import clock
from accounts.callers import caller_for_browser
from accounts.models import Tag
from codes import switching
from codes.actions import offers
from codes.actions.fulfilment import Fulfilment
from codes.models import Code
from codes.redemption import engine, journal, rollback, statements
from codes.refusals import RequestMalformed
from ledger.models import LedgerAccount
from tests.advice import advise, make_till
from tests.codes.redeeming import redeem
from tests.content import make_browser, make_item, make_offer
from tests.factories import (
    caller_of,
    make_account,
    make_asset,
    make_claimant,
    make_client,
    make_code,
    make_hold,
    make_site,
    make_user,
)

PROVOKED = {}
TOLD_BY_THE_EDGE = {
    "unauthenticated": "no credentials: no caller, so no command",
    "unsupported_media_type": "the body was not read",
    "request_too_large": "the body was not read",
    "service_unavailable": "the engine raises OperationalError, which the edge tells so (below)",
}
TOLD_BY_REVERSING = {
    "redemption_not_found": "no redemption: nothing to reverse",
    "already_reversed": "a redemption is reversed once",
}
TOLD_BY_ASSIGNING = {  # tests/codes/test_assigning.py
    "batch_not_found": "handing out: no batch of the site",
    "batch_not_active": "handing out: a batch that is off",
    "no_code_left": "handing out: an empty batch",
}
TOLD_BY_RESERVING = {  # tests/codes/test_confirming.py
    "reservation_gone": "confirming: a reservation that has ended, or was never there; a redemption judges the code alone",
}
# Of what tills report, which nobody can ask about beforehand.
REPORTED = ("date_invalid", "offset_invalid")
CANNOT_OCCUR = {
    "rollback_incomplete": "every action is inside the database, whose transactions are never half undone; "
    "kept for actions outside of it",
}


def provokes(reason, step):
    def remember(provoke):
        PROVOKED[reason] = (step, provoke)
        return provoke

    return remember


class Scene:
    """A site with two claimants of 10.00 EUR each, and a till that may act for both."""

    def __init__(self, monkeypatch):
        self.monkeypatch = monkeypatch
        self.site = make_site()
        self.anna, self.ben = make_claimant(self.site, balance=1_000), make_claimant(self.site, balance=1_000)
        self.till = make_client(self.site)

    def code(self, text="ABC-E6W5F", **fields):
        return make_code(self.site, text, **fields)

    def access(self, action="apply_offer", **parameters):
        """A code that gives the one offer of the site, and that offer."""
        offer = make_offer(make_item(self.site, "b1", ProductId="1"), "2dfe")
        self.code(worth_cents=0, action=action, parameters={"access_control": "2dfe", **parameters})
        return offer

    def changed(self, **change):
        switching.change_code(self.code(uses=2), actor_id="boss", **change)
        return redeem(self.anna)


@provokes("request_malformed", 1)
def _(scene):
    refusal = RequestMalformed()
    return journal.Outcome(journal.note_unreadable(caller_of(scene.anna), refusal, "api"), refusal)


@provokes("idempotency_mismatch", 1)
def _(scene):
    scene.code()
    redeem(scene.anna, "NOPE-0001", idempotency_key="k1")
    return redeem(scene.anna, idempotency_key="k1")


@provokes("too_many_attempts", 1)
def _(scene):
    scene.code()
    for _ in range(10):
        redeem(scene.anna, "NOPE-0001")
    return redeem(scene.anna)


@provokes("missing_code", 2)
def _(scene):
    return redeem(scene.anna, " \t")


@provokes("missing_claimant", 2)
def _(scene):
    return redeem(scene.till, "ABC-E6W5F", "  ")


@provokes("field_too_long", 2)
def _(scene):
    return redeem(scene.anna, "A" * 101)


@provokes("code_format_invalid", 2)
def _(scene):
    return redeem(scene.anna, "***")


def report(scene, problem):
    attempt = advise(make_till(scene.site).client, problem=problem).attempt
    return journal.Outcome(attempt, journal.refusal_of(attempt))


@provokes("date_invalid", 2)
def _(scene):
    return report(scene, "invalid_date")


@provokes("offset_invalid", 2)
def _(scene):
    return report(scene, "invalid_offset")


@provokes("code_not_found", 3)
def _(scene):
    return redeem(scene.anna, "NOPE-0001")


@provokes("code_disabled", 4)
def _(scene):
    return scene.changed(state="disabled")


@provokes("code_not_yet_valid", 4)
def _(scene):
    return scene.changed(valid_from=clock.read() + dt.timedelta(days=1))


@provokes("code_expired", 4)
def _(scene):
    return scene.changed(valid_until=clock.read() - dt.timedelta(days=1))


@provokes("code_used_up", 4)
def _(scene):
    scene.code()
    redeem(scene.ben)
    return redeem(scene.anna)


@provokes("code_reserved", 4)
def _(scene):
    make_hold(scene.code())
    return redeem(scene.anna)


@provokes("claimant_unknown", 5)
def _(scene):
    scene.code()
    return redeem(scene.till, "ABC-E6W5F", "nobody")


@provokes("claimant_inactive", 5)
def _(scene):
    scene.code()
    return redeem(scene.till, "ABC-E6W5F", make_claimant(scene.site, is_active=False))


@provokes("caller_not_allowed", 5)
def _(scene):
    scene.code()
    return redeem(scene.anna, "ABC-E6W5F", scene.ben)


@provokes("not_entitled", 5)
def _(scene):
    scene.code(owner=scene.ben)
    return redeem(scene.anna)


@provokes("already_redeemed", 6)
def _(scene):
    scene.code(uses=3)
    redeem(scene.anna)
    return redeem(scene.anna)


@provokes("claimant_cap_reached", 6)
def _(scene):
    scene.code(uses=3, uses_per_claimant=2)
    redeem(scene.anna)
    redeem(scene.anna)
    return redeem(scene.anna)


@provokes("campaign_cap_reached", 6)
def _(scene):
    scene.code(uses=3, total_cap=1)
    redeem(scene.ben)
    return redeem(scene.anna)


@provokes("venue_not_allowed", 6)
def _(scene):
    scene.code(venues=["till 1"])
    return redeem(scene.anna)


@provokes("cooldown_active", 6)
def _(scene):
    scene.code(uses=3, uses_per_claimant=3, cooldown_seconds=60)
    redeem(scene.anna)
    return redeem(scene.anna)


@provokes("code_busy", 7)
def _(scene):
    scene.code()

    class LockNotAvailable(Exception):
        sqlstate = "55P03"

    def wait_in_vain(*asked):
        raise OperationalError("canceling statement due to lock timeout") from LockNotAvailable()

    scene.monkeypatch.setattr(statements, "lock_codes_and_accounts", wait_in_vain)
    return redeem(scene.anna)


@provokes("account_missing", 8)
def _(scene):
    scene.code()
    return redeem(make_user(scene.site))


@provokes("account_locked", 8)
def _(scene):
    scene.code()
    LedgerAccount.objects.filter(owner=scene.anna).update(state="closed")
    return redeem(scene.anna)


@provokes("currency_mismatch", 8)
def _(scene):
    scene.code()
    dora = make_user(scene.site)
    make_account(dora, make_asset("USD"))
    return redeem(dora)


@provokes("insufficient_balance", 8)
def _(scene):
    # A floor raised later lies above the balance, and above what the credit would leave.
    scene.code()
    LedgerAccount.objects.filter(owner=scene.anna).update(floor=2_000)
    return redeem(scene.anna)


@provokes("target_missing", 8)
def _(scene):
    scene.code(worth_cents=0, parameters={"tags": ["gone"]})
    Tag.objects.all().delete()
    return redeem(scene.anna)


@provokes("sign_in_needed", 5)
def _(scene):
    scene.access()
    browser = make_browser(scene.site)
    caller = caller_for_browser(browser, scene.site)
    return redeem(caller, "ABC-E6W5F", "", door="add", browser_id=browser.pk)


@provokes("offer_gone", 8)
def _(scene):
    offer = scene.access()
    offer.archived_at = clock.read()
    offer.save()
    return redeem(scene.anna)


@provokes("no_matching_content", 8)
def _(scene):
    scene.access("apply_offer_match", match={"all": ["ProductId:2"]})
    return redeem(scene.anna)


@provokes("too_many_matches", 8)
def _(scene):
    scene.access("apply_offer_match", match={"any": ["ProductId:1"]})
    scene.monkeypatch.setattr(offers, "MOST_ITEMS", 0)
    return redeem(scene.anna)


def fail_to_perform(scene, error, cause=None):
    def fail(*_):
        raise error from cause

    scene.code(worth_cents=0, action="fulfilment", parameters={"item": "a coffee"})
    scene.monkeypatch.setattr(Fulfilment, "perform", fail)
    return redeem(scene.anna)


@provokes("action_failed", 8)
def _(scene):
    return fail_to_perform(scene, RuntimeError("the coffee machine is out of order"))


@provokes("action_timeout", 8)
def _(scene):
    class QueryCanceled(Exception):
        sqlstate = rollback.TIMED_OUT

    return fail_to_perform(scene, OperationalError("canceling statement due to statement timeout"), QueryCanceled())


@provokes("concurrent_change", 9)
def _(scene):
    scene.code()
    interfere(scene.monkeypatch)
    return redeem(scene.anna)


def interfere(monkeypatch, times=1_000):
    """As if the lock had failed: somebody else takes a use of every code between its judgement and the write."""
    judge, done = engine.judge, []

    def judge_and_be_overtaken(case, facts):
        outcome = judge(case, facts)
        if case.code and len(done) < times:
            Code.objects.filter(pk=case.code.id).update(uses=F("max_uses"), redemptions=F("max_uses"))
        done.append(case)
        return outcome

    monkeypatch.setattr(engine, "judge", judge_and_be_overtaken)
    return done


@provokes("audit_write_failed", 10)
def _(scene):
    scene.code()

    def fail(outcomes):
        raise OSError("no space left on device")

    scene.monkeypatch.setattr(journal, "write", fail)
    return redeem(scene.anna)
