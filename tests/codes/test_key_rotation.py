"""Changing the keys under traffic: every valid code is found all the time, and none can be stored twice."""

import pytest
from cryptography.exceptions import InvalidTag
from django.core.exceptions import ValidationError

from codes import issuing, keys, lookup, resealing
from codes.models import Attempt, Code
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


def test_resealing_is_nothing_to_do_when_there_is_nothing(django_assert_num_queries):
    assert Attempt.objects.count() == Code.objects.count() == 0

    assert resealing.reseal() == 0
