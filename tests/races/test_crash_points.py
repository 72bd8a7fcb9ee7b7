"""A process killed at every statement of a deed, before and after: the deed is whole or absent, and a retry completes it."""

import os
import signal

import pytest
from django.db import connection, connections

from codes.advice import accepting, draining, inbox
from codes.models import Advice, Attempt, Code, PendingAdvice, Reversal
from codes.redemption.commands import RedeemCode
from codes.redemption.engine import redeem_codes
from codes.reversing import ReverseRedemption, reverse
from ledger.balances import balance
from ledger.models import LedgerAccount
from tests.advice import make_till, report_of
from tests.factories import caller_of, make_claimant, make_client, make_code, make_site
from tests.races.arena import violations
from tests.races.moments import around_statements

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="a killed process needs a server that outlives it"),
]


def looking(look):
    """``look`` is called before and after every statement of this thread."""

    def around(sql, go):
        look()
        result = go()
        look()
        return result

    return around_statements(around)


def count_points(deed):
    """How many moments there are at which ``deed`` could be killed; the last one is after its commit."""
    points = []
    with looking(lambda: points.append(None)):
        deed()
    return len(points) + 1


def do_and_die(deed, point):
    """Do ``deed`` in a process of its own that is killed at its ``point``-th moment."""
    # A forked process must not share a connection with this one, not even to close it.
    connections.close_all()
    child = os.fork()
    if child == 0:
        passed = iter(range(1, point))
        try:
            with looking(lambda: next(passed, None) is None and os.kill(os.getpid(), signal.SIGKILL)):
                deed()
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


class Scene:
    def __init__(self):
        self.site = make_site()
        self.caller = caller_of(make_client(self.site, ("redeem", "reverse")))
        self.made = 0

    def redemption(self, **fields):
        """A fresh code, a claimant and the command that redeems it under a key."""
        self.made += 1
        code = make_code(self.site, f"CRASH-{self.made}", **fields)
        claimant = make_claimant(self.site)
        return (
            code,
            claimant,
            RedeemCode(self.caller, f"CRASH-{self.made}", claimant.claimant_id, idempotency_key=str(code.pk)),
        )


@pytest.fixture
def scene(committed_db):
    return Scene()


def cents(claimant):
    return balance(LedgerAccount.objects.get(owner=claimant, kind="cash"))


@pytest.mark.parametrize(
    "fields",
    [
        {"worth_cents": 500},
        {"worth_cents": 500, "total_cap": 5, "uses": 2},
        {"worth_cents": 0, "action": "add_tags", "parameters": {"tags": ["welcome"]}},
        {"worth_cents": 0, "action": "fulfilment", "parameters": {"item": "A coffee"}},
    ],
    ids=["credit", "capped", "tags", "fulfilment"],
)
def test_a_redemption_is_killed_at_every_statement_and_its_retry_has_one_effect(scene, fields):
    worth = fields["worth_cents"]
    _, _, command = scene.redemption(**fields)
    points = count_points(lambda: redeem_codes([command]))
    assert points >= 7

    whole = []
    for point in range(1, points + 1):
        code, claimant, command = scene.redemption(**fields)
        do_and_die(lambda command=command: redeem_codes([command]), point)

        kept = Attempt.objects.filter(code=code).count()
        assert Code.objects.get(pk=code.pk).uses == kept
        assert cents(claimant) == kept * worth
        whole.append(kept)

        [outcome] = redeem_codes([command])
        assert outcome.refusal is None
        assert outcome.replayed == bool(kept)
        assert Code.objects.get(pk=code.pk).redemptions == 1
        assert cents(claimant) == worth
    # Absent until the commit, and whole after it.
    assert whole == sorted(whole)
    assert set(whole) == {0, 1}
    assert violations() == ""


def test_a_reversal_is_killed_at_every_statement_and_its_retry_has_one_effect(scene):
    def redeemed():
        code, claimant, command = scene.redemption(worth_cents=500, total_cap=5)
        [outcome] = redeem_codes([command])
        return code, claimant, ReverseRedemption(scene.caller, outcome.attempt.pk, "a mistake", True, str(code.pk))

    _, _, command = redeemed()
    points = count_points(lambda: reverse(command))
    whole = []
    for point in range(1, points + 1):
        code, claimant, command = redeemed()
        do_and_die(lambda command=command: reverse(command), point)

        kept = Reversal.objects.filter(attempt__code=code).count()
        assert Code.objects.get(pk=code.pk).uses == 1 - kept
        assert cents(claimant) == 500 * (1 - kept)
        whole.append(kept)

        _, replayed = reverse(command)
        assert replayed == bool(kept)
        assert Code.objects.get(pk=code.pk).uses == 0
        assert cents(claimant) == 0
    assert whole == sorted(whole)
    assert set(whole) == {0, 1}
    assert violations() == ""


def test_a_drain_is_killed_at_every_statement_and_another_worker_judges_each_advice_once(scene, settings):
    till = make_till(scene.site)

    def reported():
        """Two codes, of which one is reported twice, and a text that is nobody's."""
        scene.made += 1
        texts = [f"CRASH-{scene.made}-{number}" for number in (1, 2)]
        for text in texts:
            make_code(scene.site, text, total_cap=5)
        return [accepting.accept(report_of(till.client, text)) for text in (*texts, texts[0], "NOBODY-HAS-THIS")]

    def outcomes(ids):
        return sorted(Advice.objects.filter(pk__in=ids).values_list("outcome", flat=True))

    reported()
    points = count_points(draining.drain)
    assert points >= 30

    judged = []
    for point in range(1, points + 1):
        ids = reported()
        do_and_die(draining.drain, point)

        kept = Attempt.objects.filter(pk__in=ids).count()
        assert (kept, PendingAdvice.objects.count()) in ((0, 4), (4, 0))
        assert Code.objects.filter(attempts__in=ids, uses=1).distinct().count() == kept // 2
        judged.append(kept)

        settings.CLOCK_OFFSET_SECONDS += inbox.LEASE.total_seconds() + 1  # So that the dead one's lease has ended.
        draining.drain()
        assert outcomes(ids) == ["already_used", "redeemed", "redeemed", "unknown_text"]
        assert Attempt.objects.filter(pk__in=ids).count() == 4
        assert not PendingAdvice.objects.exists()
    # Absent until the commit, and whole after it.
    assert judged == sorted(judged)
    assert set(judged) == {0, 4}
    assert violations() == ""
