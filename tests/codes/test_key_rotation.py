"""Changing the keys under traffic: every valid code is found all the time, and none can be stored twice."""

import pytest
from cryptography.exceptions import InvalidTag
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import issuing, keys, lookup, resealing
from codes.models import Attempt, Code, Resealing
from tests.codes.redeeming import attempt, reason_of, redeem
from tests.codes.rotation import live
from tests.factories import make_batch, make_claimant, make_code, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def first_key(settings):
    live(settings, 1)


@pytest.fixture
def claimant():
    return make_claimant()


def test_codes_of_either_version_are_found_while_both_are_live(settings, claimant):
    make_code(claimant.site, "OLD-0001")
    live(settings, 1, 2)
    make_code(claimant.site, "NEW-0001")

    assert reason_of(redeem(claimant, "old 0001")) == "redeemed"
    assert reason_of(redeem(claimant, "new 0001")) == "redeemed"
    assert redeem(claimant, "OLD-0001").attempt.reason == "code_used_up"


@pytest.mark.parametrize("versions", [(1,), (1, 2)])
def test_a_code_issued_while_both_are_live_is_found_by_processes_that_know_only_the_first(settings, claimant, versions):
    live(settings, 1, 2)
    code = make_code(claimant.site, "NEW-0001")
    live(settings, *versions)

    assert lookup.find_code(claimant.site_id, "NEW-0001") == code


@pytest.mark.parametrize(("first", "second"), [((1,), (1, 2)), ((1, 2), (1,)), ((1, 2), (1, 2)), ((1, 2), (2,))])
def test_no_code_is_stored_twice_whichever_version_wrote_it_first(settings, claimant, first, second):
    live(settings, *first)
    make_code(claimant.site, "OIL-0001")
    live(settings, *second)

    with pytest.raises(ValidationError, match="exists already"):
        issuing.issue_supplied(new_batch(claimant.site, worth_cents=100, name="again"), ["0iL 00o1"])

    assert Code.objects.count() == 1


def test_resealing_brings_everything_under_the_newest_key_and_the_old_one_can_go(settings, claimant):
    texts = [lookup.shown(code) for code in make_batch(claimant.site, count=3).codes.all()]
    make_code(claimant.site, "Oil-Paint")
    redeem(claimant, "oil paint")
    redeem(claimant, "no such code")
    redeem(claimant, "***")
    live(settings, 1, 2)
    make_code(claimant.site, "NEW-0001")

    assert resealing.reseal() == 4 + 3
    assert resealing.reseal() == 0

    live(settings, 2)
    assert set(Code.objects.values_list("key_version", flat=True)) == {2}
    assert [lookup.shown(code) for code in Code.objects.order_by("id")] == [*texts, "Oil-Paint", "NEW-0001"]
    for text in texts:
        assert reason_of(redeem(claimant, text)) == "redeemed"
    assert reason_of(redeem(claimant, "OIL PAINT")) == "code_used_up"


def test_what_was_typed_is_resealed_with_its_digest_and_nothing_else_of_an_attempt_changes(settings, claimant):
    make_code(claimant.site, "Oil-Paint")
    outcomes = [redeem(claimant, typed) for typed in (" oil paint ", "no such code", "***", "")]
    before = [vars(attempt(outcome)) for outcome in outcomes]
    live(settings, 1, 2)

    resealing.reseal()

    live(settings, 2)
    for old, outcome, typed in zip(before, outcomes, (" oil paint ", "no such code", "***", ""), strict=True):
        new = attempt(outcome)
        assert keys.unseal(new.site_id, new.key_version, new.typed) == typed
        changed = {name for name in old if not name.startswith("_") and getattr(new, name) != old[name]}
        assert changed <= {"lookup", "typed", "key_version"}
        assert (new.lookup is None) == (old["lookup"] is None)
    assert attempt(outcomes[0]).lookup == keys.lookup(claimant.site_id, "011PA1NT", 2)


def test_a_replayed_answer_still_shows_the_code_after_resealing(settings, claimant):
    make_code(claimant.site, "Oil-Paint")
    first = redeem(claimant, "Oil-Paint", idempotency_key="k1")
    live(settings, 1, 2)
    resealing.reseal()
    live(settings, 2)

    again = redeem(claimant, "Oil-Paint", idempotency_key="k1")

    assert again.replayed
    assert again.code_shown == "Oil-Paint"
    assert again.attempt.pk == first.attempt.pk


def test_a_second_rotation_follows_the_first(settings, claimant):
    make_code(claimant.site, "ABC-E6W5F")
    for versions in ((1, 2), (2,), (2, 3), (3,)):
        live(settings, *versions)
        assert lookup.find_code(claimant.site_id, "ABC-E6W5F") is not None
        resealing.reseal()
        assert lookup.shown(Code.objects.get()) == "ABC-E6W5F"

    assert reason_of(redeem(claimant, "ABC-E6W5F")) == "redeemed"


def test_resealing_goes_in_chunks_and_stops_where_it_is_told(settings, claimant, monkeypatch):
    monkeypatch.setattr(resealing, "CHUNK", 2)
    make_batch(claimant.site, count=5)
    live(settings, 1, 2)

    assert resealing.reseal(chunks=1) == 2
    assert Code.objects.filter(key_version=2).count() == 2
    assert resealing.reseal(chunks=10) == 3
    assert resealing.reseal() == 0


def test_a_code_of_a_process_that_did_not_know_the_new_key_is_resealed_later(settings, claimant):
    make_code(claimant.site, "ONE-0001")
    live(settings, 1, 2)
    resealing.reseal()
    live(settings, 1)
    make_code(claimant.site, "TWO-0002")

    live(settings, 1, 2)
    assert resealing.reseal() == 1
    live(settings, 2)
    assert lookup.find_code(claimant.site_id, "TWO-0002") is not None


def test_a_sealed_code_moved_to_another_site_is_not_shown(claimant):
    code = make_code(claimant.site, "ABC-E6W5F")
    code.site_id += 1

    with pytest.raises(InvalidTag):
        lookup.shown(code)


def test_with_one_live_key_nothing_is_asked(claimant, django_assert_num_queries):
    make_code(claimant.site, "OLD-0001")

    with django_assert_num_queries(0):
        assert resealing.reseal() == 0


def test_resealing_is_nothing_to_do_when_there_is_nothing(settings):
    assert Attempt.objects.count() == Code.objects.count() == 0
    live(settings, 1, 2)

    assert resealing.reseal() == 0


def test_each_chunk_begins_where_the_last_one_ended(settings, claimant, monkeypatch):
    monkeypatch.setattr(resealing, "CHUNK", 2)
    codes = make_batch(claimant.site, count=6).codes.order_by("id")
    live(settings, 1, 2)

    for number in (2, 4, 6):
        assert resealing.reseal_chunk(resealing.SUBJECTS[0]) == 2
        assert Resealing.objects.get(subject="code").position == str(codes[number - 1].pk)
        assert list(codes.values_list("key_version", flat=True)) == [2] * number + [1] * (6 - number)


def test_a_chunk_is_a_fixed_number_of_statements(settings, claimant, monkeypatch):
    counted = []
    live(settings, 1)
    make_batch(claimant.site, count=110)
    live(settings, 1, 2)
    for size in (5, 50, 50):
        monkeypatch.setattr(resealing, "CHUNK", size)
        with CaptureQueriesContext(connection) as asked:
            assert resealing.reseal_chunk(resealing.SUBJECTS[0]) == size
        counted.append(len(asked))

    assert counted[1] == counted[2] <= counted[0] <= 14


def test_what_no_live_key_opens_is_passed_over_and_counted_and_stops_nothing(settings, claimant, monkeypatch, caplog):
    monkeypatch.setattr(resealing, "CHUNK", 2)
    batch = make_batch(claimant.site, count=5)
    spoilt, foreign = batch.codes.order_by("id")[:2]
    Code.objects.filter(pk=spoilt.pk).update(sealed=b"x" * 32)
    Code.objects.filter(pk=foreign.pk).update(key_version=9)
    live(settings, 1, 2)

    assert resealing.reseal() == 3

    assert set(batch.codes.exclude(pk__in=[spoilt.pk, foreign.pk]).values_list("key_version", flat=True)) == {2}
    standing = Resealing.objects.get(subject="code")
    assert (standing.resealed, standing.unreadable, standing.passes) == (3, 2, 1)
    assert caplog.messages.count("cannot be re-sealed") == 2
    assert resealing.reseal() == 0


def test_an_attempt_that_no_key_opens_stops_nothing_either(settings, claimant):
    make_code(claimant.site, "Oil-Paint")
    attempts = [attempt(redeem(claimant, text)) for text in ("Oil-Paint", "no such code")]
    Attempt.objects.filter(pk=attempts[0].pk).update(key_version=7)
    live(settings, 1, 2)

    assert resealing.reseal() == 1 + 1
    assert Resealing.objects.get(subject="attempt").unreadable == 1
    assert Attempt.objects.get(pk=attempts[1].pk).key_version == 2


def test_a_process_that_does_not_know_the_newest_key_yet_leaves_everything_alone(settings, claimant):
    make_code(claimant.site, "ONE-0001")
    live(settings, 1, 2, 3)
    assert resealing.reseal() == 1
    live(settings, 1, 2)
    make_code(claimant.site, "TWO-0002")

    assert resealing.reseal() == 0
    live(settings, 2, 3)
    assert resealing.reseal() == 1


def test_what_was_written_late_under_an_earlier_key_is_found_by_a_second_pass(settings, claimant, stopped_clock):
    make_batch(claimant.site, count=3)
    live(settings, 1, 2)
    assert resealing.reseal() == 3
    late = Code.objects.order_by("id").first()
    live(settings, 1)
    Code.objects.filter(pk=late.pk).update(
        **dict(zip(("key_version", "sealed"), keys.seal(late.site_id, "LATE-0001"), strict=True))
    )
    live(settings, 1, 2)

    assert resealing.reseal() == 0
    stopped_clock.advance(hours=1)
    assert resealing.reseal() == 1
    stopped_clock.advance(hours=10)
    assert resealing.reseal() == 0
    assert Resealing.objects.get(subject="code").passes == 2
