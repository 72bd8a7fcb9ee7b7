"""Every advice that was answered 202 is judged exactly once, whatever is killed meanwhile (I18, I19, I20)."""

import json
import os
import random
import time
from collections import Counter

import pytest
from django.db import connection
from django.db.models import Q

from codes import formats, issuing, keys
from codes.models import Advice, AdviceTally, Attempt, Code, PendingAdvice
from codes.models.terms import UNLIMITED_USES
from tests.advice import make_till
from tests.factories import make_code, make_site, new_batch
from tests.faults.strikes import KINDS, PENDING, Strike, strike
from tests.faults.tills import Sending, Tills, mix
from tests.faults.town import Town, open_town
from tests.races.arena import violations

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="a killed process needs a server that outlives it"),
]

REPORTS = 5_000
CODES = 2_200
SHARED = ("BURGER", "COFFEE")
FAULTS = 15
DRAINED_WITHIN_SECONDS = 30
GENEROUS_SECONDS = 150


@pytest.fixture
def town(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), open_town() as opened:
        yield opened


def test_5000_advices_are_each_judged_once_while_everything_is_killed_in_turn(town: Town) -> None:
    seed = int(os.environ.get("FAULTS_SEED") or time.time())
    chance = random.Random(seed)
    print(f"\nseed {seed} (FAULTS_SEED)")
    with town.connected():
        tills = found_town(town, chance, seed)
    town.start()
    tills.start()
    began = time.monotonic()
    struck = strike_all(town, tills, chance)
    assert town.live(GENEROUS_SECONDS, until=lambda: tills.are_done), f"{tills.accepted} accepted"
    tills.join()
    print(
        f"{len(tills.sent)} requests, {Counter(each.status for each in tills.sent)}, in {time.monotonic() - began:.0f} s"
    )
    last = max(struck[-1].struck_at, tills.last_accepted_at)
    drained = town.live(GENEROUS_SECONDS, until=lambda: town.ask(PENDING) == 0)
    after_seconds = time.monotonic() - last
    print(f"drained {after_seconds:.1f} s after the last fault and the last report")

    with town.connected():
        assert drained, f"{PendingAdvice.objects.values('tries', 'error').first()}"
        check_advices(tills.sent)
        check_counts(tills.sent)
        assert violations() == ""
    assert after_seconds <= DRAINED_WITHIN_SECONDS
    assert all(each.struck_work for each in struck)
    assert len(struck) >= 12
    assert len({each.kind for each in struck}) >= 4
    assert sum(each.left_leased or 0 for each in struck) > 0, "no fault broke off work in hand"


def found_town(town: Town, chance: random.Random, seed: int) -> Tills:
    """A site with codes of one use, two texts that many share, and tills with reports of them."""
    site = make_site(slug="town", domain="town.localhost")
    codes = formats.draw_ours(CODES, "")
    for start in range(0, CODES, issuing.MOST_SUPPLIED):
        new = new_batch(site, name=f"once {start}", worth_cents=500)
        issuing.issue_supplied(new, codes[start : start + issuing.MOST_SUPPLIED])
    for text in SHARED:
        shared = make_code(site, text, uses=5, worth_cents=0)
        Code.objects.filter(pk=shared.pk).update(max_uses=UNLIMITED_USES)
    assert violations() == ""
    headers = {
        "Host": "town.localhost",
        "Content-Type": "application/json",
        "x-vmob-authorization": make_till(site).key,
    }
    return Tills(town.web.port, headers, mix(chance, REPORTS, codes, SHARED), seed)


def strike_all(town: Town, tills: Tills, chance: random.Random) -> list[Strike]:
    """Every kind of fault at least once, in any order, at moments spread over the time that the reports take."""
    kinds = [*KINDS, *chance.choices(list(KINDS), k=FAULTS - len(KINDS))]
    chance.shuffle(kinds)
    moments = [REPORTS * (0.04 + 0.93 * (number + chance.random()) / len(kinds)) for number in range(len(kinds))]
    struck = []
    for moment, kind in zip(moments, kinds, strict=True):
        assert town.live(GENEROUS_SECONDS, until=lambda moment=moment: tills.accepted >= moment), tills.accepted
        struck.append(strike(kind, town, chance, lambda: tills.under_way))
        print(f"at {tills.accepted:5}: {struck[-1]}")
    return struck


def check_advices(sent: list[Sending]) -> None:
    """Every sending answered 202 is one advice with one outcome; one that was not is none, or one that nobody heard of."""
    by_marker: dict[str, list[Advice]] = {}
    for advice in Advice.objects.select_related("attempt"):
        raw = keys.unseal_bytes(advice.site_id, advice.key_version, advice.raw)
        by_marker.setdefault(json.loads(raw)["marker"], []).append(advice)
    assert set(by_marker) <= {each.marker for each in sent}
    unheard: Counter[int | None] = Counter()
    for sending in sent:
        advices = by_marker.get(sending.marker, [])
        if sending.status == 202:
            assert len(advices) == 1, f"{sending}: {len(advices)} advices"
        else:
            # Killed between the commit and the answer: whether it was kept nobody can tell the till.
            assert sending.status in (None, 500), sending
            assert len(advices) <= 1, f"{sending}: {len(advices)} advices"
            unheard[sending.status] += len(advices)
        for advice in advices:
            assert advice.outcome in EXPECTED[sending.redemption.kind], f"{sending}: {advice.outcome}"
            assert advice.attempt is not None
            assert (advice.attempt.pk, advice.attempt.door) == (advice.pk, "advice")
    print(f"kept without being heard of: {dict(unheard)}")
    assert Attempt.objects.count() == Advice.objects.count()


EXPECTED = {
    "code": {"redeemed", "already_used"},
    "unknown": {"unknown_text"},
    "shared": {"recorded"},
    "undated": {"invalid_date"},
}


def check_counts(sent: list[Sending]) -> None:
    """Each code was used once and no use is without its outcome, in whatever order the reports were judged."""
    outcomes = Counter(Advice.objects.values_list("outcome", flat=True))
    print(f"outcomes: {dict(outcomes)}")
    once = Q(batch__name__startswith="once")
    assert outcomes["redeemed"] == CODES == Code.objects.filter(once, uses=1, redemptions=1).count()
    assert outcomes["recorded"] == sum(Code.objects.exclude(once).values_list("uses", flat=True))
    told: Counter[str] = Counter()
    for tally in AdviceTally.objects.all():
        told[tally.outcome] += tally.count
    assert told == outcomes
