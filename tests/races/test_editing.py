"""Whole batches edited, capped and re-sealed while their codes are redeemed, changed, reversed and swept."""

import datetime as dt
import random
import threading
from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from accounts import clock
from codes import editing, expiring, lookup, resealing, switching
from codes.changing import Unchangeable
from codes.models import Attempt, Batch, BatchEdit, Code, Resealing
from codes.refusals import CodeBusy
from codes.reversing import ReverseRedemption, reverse
from ledger.balances import batch_value
from tests.codes.editing import order
from tests.codes.redeeming import assert_sound, reason_of, redeem
from tests.codes.rotation import live
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_site

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no row locks to race for"),
]
CODES = 240


@pytest.fixture
def site(committed_db):
    return make_site()


def lay(site, **fields):
    """A batch and how its codes read, by serial."""
    batch = make_batch(site, count=CODES, **fields)
    return batch, [lookup.shown(code) for code in batch.codes.order_by("serial")]


@pytest.mark.parametrize("kind", ["uses", "delete", "extend"])
def test_an_edit_beside_everything_else_that_touches_its_codes(site, committed_db, monkeypatch, kind):
    monkeypatch.setattr(editing, "CHUNK", 7)
    monkeypatch.setattr(expiring, "CHUNK", 5)
    batch, texts = lay(site, uses=3, worth_cents=7, uses_per_claimant=3)
    till = caller_of(make_client(site, ["redeem", "reverse"]))
    claimants = [make_claimant(site) for _ in range(3)]
    ended = threading.Event()
    now = clock.read()
    parameters = {
        "uses": {"max_uses": 2},
        "delete": {},
        "extend": {"valid_until": now + dt.timedelta(days=30)},
    }[kind]
    ordered = order(batch, kind, **parameters)
    heard = Counter()

    def edit():
        try:
            return editing.work_edit(ordered.pk)
        finally:
            ended.set()

    def others(seed, deed):
        chance = random.Random(seed)

        def go_on():
            times = 0
            while not ended.is_set() or times < 30:
                times += 1
                deed(chance)

        return go_on

    def use(chance):
        heard[reason_of(redeem(till, chance.choice(texts), chance.choice(claimants)))] += 1

    def change(chance):
        code = Code.objects.get(batch=batch, serial=chance.randint(1, CODES))
        what = chance.choice(
            [{"max_uses": 4}, {"state": "disabled"}, {"state": "active"}, {"valid_until": now}, {"valid_until": None}]
        )
        try:
            switching.change_code(code, actor_id="boss", **what)
        except (Unchangeable, CodeBusy):
            heard["not changed"] += 1
        except ValidationError:
            heard["batch deleted"] += 1

    def take_back(chance):
        done = list(Attempt.objects.filter(outcome="redeemed", reversal=None).values_list("pk", flat=True)[:20])
        if done:
            try:
                reverse(ReverseRedemption(till, chance.choice(done), "a race", give_use_back=chance.random() < 0.5))
            except CodeBusy:
                heard["not reversed"] += 1

    outcomes = committed_db.together(
        edit,
        others(1, use),
        others(2, use),
        others(3, change),
        others(4, take_back),
        others(5, lambda _: expiring.sweep_expired()),
    )

    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    done = BatchEdit.objects.get()
    assert (done.state, done.touched + done.passed_over) == ("done", CODES)
    assert done.touched > 0
    assert (heard["batch deleted"] > 0) == (kind == "delete")
    assert_sound()
    if kind == "delete":
        assert set(batch.codes.values_list("state", flat=True)) == {"deleted"}
        assert batch_value(batch.pk)[0].outstanding == 0
    else:
        assert heard["redeemed"] > 0


def test_two_workers_at_one_edit_do_each_chunk_once(site, committed_db, monkeypatch):
    monkeypatch.setattr(editing, "CHUNK", 9)
    batch, _ = lay(site, uses=2, worth_cents=7)
    ordered = order(batch, "uses", max_uses=5)

    committed_db.together(*[lambda: editing.work_edit(ordered.pk)] * 3)
    BatchEdit.objects.update(lease_until=None)

    done = editing.work_edit(ordered.pk)
    assert (done.touched, done.moved) == (CODES, [{"asset": "EUR", "type": "activation", "amount": 3 * 7 * CODES}])
    assert_sound()


def cap_under_traffic(site, committed_db):
    """Four clients redeem every code of a batch once; meanwhile it gets its first cap. Answers the batch."""
    batch, texts = lay(site, worth_cents=7)
    till = caller_of(make_client(site, ["redeem"]))
    claimants = [make_claimant(site) for _ in range(4)]
    begun = Attempt.objects.count()

    def use(place):
        return lambda: [reason_of(redeem(till, text, claimants[place])) for text in texts[place::4]]

    def cap():
        while Attempt.objects.count() - begun < CODES // 4:
            pass
        return switching.change_batch(batch, actor_id="boss", total_cap=CODES)

    outcomes = committed_db.together(*map(use, range(4)), cap)
    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    assert {word for words in outcomes[:4] for word in words} == {"redeemed"}
    return Batch.objects.get(pk=batch.pk)


def test_a_cap_set_under_traffic_counts_every_use(site, committed_db, monkeypatch):
    assert cap_under_traffic(site, committed_db).uses_in_force == CODES
    assert_sound()

    monkeypatch.setattr(switching, "hold_redemptions", lambda: None)
    assert any(cap_under_traffic(site, committed_db).uses_in_force < CODES for _ in range(5))


def test_keys_are_changed_under_traffic_and_no_valid_code_is_refused(site, committed_db, monkeypatch, settings):
    monkeypatch.setattr(resealing, "CHUNK", 11)
    live(settings, 1)
    batch, texts = lay(site, uses=4, uses_per_claimant=4, worth_cents=7)
    till = caller_of(make_client(site, ["redeem"]))
    claimant = make_claimant(site)
    live(settings, 1, 2)

    def reseal():
        while Code.objects.exclude(key_version=2).exists() or Attempt.objects.exclude(key_version=2).exists():
            resealing.reseal()

    def use(offset):
        return lambda: [reason_of(redeem(till, text, claimant)) for text in texts[offset:] + texts[:offset]]

    outcomes = committed_db.together(use(0), use(CODES // 2), reseal, reseal)

    assert [each for each in outcomes if isinstance(each, BaseException)] == []
    assert {word for words in outcomes[:2] for word in words} == {"redeemed"}
    live(settings, 2)
    assert [lookup.shown(code) for code in batch.codes.order_by("serial")] == texts
    assert {reason_of(redeem(till, text, claimant)) for text in texts} == {"redeemed"}
    assert Resealing.objects.get(subject="code").resealed == CODES
    assert_sound()
