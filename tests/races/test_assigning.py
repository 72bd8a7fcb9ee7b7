"""Codes handed out at one moment: each to one claimant, a key to one code, and nobody waits for what another holds."""

import threading

import pytest
from django.db import connection, connections, transaction

from accounts import locking
from accounts.models import User
from codes.assigning import AssignCode, assign
from codes.models import Assignment, Batch, Code
from tests.factories import caller_of, make_client
from tests.races.arena import CROWD
from tests.races.crowd import done, words
from tests.races.lock_watch import watch_locks

pytestmark = pytest.mark.races


def told(answers):
    """The codes that were handed out, each as often as somebody heard of it."""
    return [answer.body["code_id"] for answer in done(answers)]


def test_64_claimants_ask_at_once_and_get_64_codes(unguarded, guarded):
    def race(arena):
        batch, _ = arena.codes(CROWD)
        answers = arena.all_at_once([arena.hand_out(batch, each) for each in arena.claimants])
        return batch, answers

    with unguarded:
        _, answers = race(unguarded)
        assert len(set(told(answers))) < len(told(answers))

    with guarded:
        batch, answers = race(guarded)
        assert words(answers) == {"done": CROWD}
        assert len(set(told(answers))) == CROWD
        assert {code.owner_id: code.pk for code in batch.codes.all()} == dict(
            Assignment.objects.filter(batch=batch).values_list("claimant_id", "code_id")
        )
        # Whoever asks again hears of the same code.
        again = guarded.all_at_once([guarded.hand_out(batch, each) for each in guarded.claimants])
        assert told(again) == told(answers)
        assert all(answer.replayed for answer in again)


def test_one_claimant_asks_64_times_under_one_key_and_gets_one_code(unguarded, guarded):
    def race(arena, key):
        batch, _ = arena.codes(CROWD)
        claimant = arena.claimant()
        return batch, arena.all_at_once([arena.hand_out(batch, claimant, key)] * CROWD)

    for key in ("h-same", None):
        with unguarded:
            batch, _ = race(unguarded, key)
            assert Assignment.objects.filter(batch=batch).count() > 1

        with guarded:
            batch, answers = race(guarded, key)
            assert set(words(answers)) <= {"done", "code_busy"}
            assert len(set(told(answers))) == 1
            assert sum(not answer.replayed for answer in done(answers)) == 1
            assert batch.codes.exclude(owner=None).count() == 1


def test_the_last_10_codes_go_to_10_of_64_claimants(unguarded, guarded):
    def race(arena):
        batch, _ = arena.codes(10)
        return batch, arena.all_at_once([arena.hand_out(batch, each) for each in arena.claimants])

    with unguarded:
        batch, answers = race(unguarded)
        assert len(told(answers)) > 10

    with guarded:
        batch, answers = race(guarded)
        heard = words(answers)
        assert heard["done"] == len(set(told(answers))) == 10
        assert heard["no_code_left"] + heard["code_busy"] == CROWD - 10
        # Nothing is held any more: who was told to come back hears that nothing is left.
        again = words(guarded.all_at_once([guarded.hand_out(batch, each) for each in guarded.claimants]))
        assert again == {"done": 10, "no_code_left": CROWD - 10}


def test_one_key_comes_for_64_claimants_and_one_of_them_gets_a_code(unguarded, guarded):
    def race(arena):
        batch, _ = arena.codes(CROWD)
        answers = arena.all_at_once([arena.hand_out(batch, each, "h-other") for each in arena.claimants])
        return answers, Assignment.objects.filter(batch=batch).count()

    with unguarded:
        assert race(unguarded)[1] > 1

    with guarded:
        answers, handed = race(guarded)
        assert words(answers)["done"] == handed == 1
        assert set(words(answers)) <= {"done", "idempotency_mismatch", "code_busy"}


class Holder:
    """Somebody who keeps rows locked, in a transaction of their own, for as long as the block lasts."""

    def __init__(self, codes):
        self.ids = [code.pk for code in codes]
        self.locked, self.over = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.hold)

    def hold(self):
        try:
            with transaction.atomic():
                locking.lock_ids(Code, self.ids)
                self.locked.set()
                assert self.over.wait(30)
        finally:
            connections.close_all()

    def __enter__(self):
        self.thread.start()
        assert self.locked.wait(30)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_a_code_that_somebody_holds_is_stepped_over_without_waiting(guarded):
    with guarded:
        batch, _ = guarded.codes(4)
        codes = list(batch.codes.order_by("serial"))
        caller = caller_of(make_client(guarded.site, ["assign"]))

        def hand(key):
            return assign(AssignCode(caller, batch.pk, guarded.claimants[0].claimant_id, key))[0].code

        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1ms'")  # Whoever waited would be refused.
        with Holder(codes[:2]):
            assert hand("a") == codes[2]
            assert hand("b") == codes[3]
            [busy] = guarded.all_at_once([guarded.hand_out(batch, guarded.claimants[1])])
            assert (busy.status, busy.word, busy.headers["retry-after"]) == (409, "code_busy", "1")
        # What was held and let go is free again, and is not forgotten.
        assert [hand("c"), hand("d")] == codes[:2]
        [left] = guarded.all_at_once([guarded.hand_out(batch, guarded.claimants[1])])
        assert left.word == "no_code_left"


def test_it_locks_one_code_and_nothing_else(guarded):
    with guarded:
        batch, _ = guarded.codes(3, total_cap=2)
        command = AssignCode(
            caller_of(make_client(guarded.site, ["assign"])), batch.pk, guarded.claimants[0].claimant_id
        )
        with watch_locks() as locks:
            assign(command)

        assert locks.tables == ["codes_code"]
        assert len(locks.taken) == 1
        assert locks.mistakes() == []


def test_handing_out_goes_on_beside_redemptions_and_the_switching_of_the_batch(guarded):
    with guarded:
        batch, texts = guarded.codes(CROWD)
        people: list[User] = guarded.claimants[:32]
        asks = [guarded.hand_out(batch, each) for each in people]
        asks += [guarded.redeem(text, each) for text, each in zip(texts[::2], people, strict=True)]
        asks.append(guarded.ask("PATCH", f"/api/v1/batches/{batch.pk}", {"total_cap": 1_000}))
        heard = words(guarded.all_at_once(asks))

        # A code is redeemed by whoever was faster, or owned by the one it was handed out to.
        assert set(heard) <= {"done", "redeemed", "not_entitled", "code_busy"}
        assert Assignment.objects.filter(batch=batch).count() == 32
        assert Batch.objects.get(pk=batch.pk).codes.filter(redemptions__gt=0).count() == heard["redeemed"]
