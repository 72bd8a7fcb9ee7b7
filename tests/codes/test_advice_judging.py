"""Reported redemptions are judged by the one engine as of when they happened, and leave a use, an attempt and value that left."""

import datetime as dt
from datetime import timedelta

import pytest

from codes import expiring, reversing
from codes.advice import draining
from codes.models import Advice, AdviceTally, Attempt, Batch, Code, PendingAdvice
from codes.models.terms import UNLIMITED_USES
from codes.reversing import ReverseRedemption
from tests.advice import HAPPENED, advise, make_till, make_venue
from tests.codes.redeeming import assert_sound, holdings, redeem, spread
from tests.factories import caller_of, make_claimant, make_code, make_site

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def till():
    return make_till(make_site())


def test_a_reported_code_is_used_as_of_when_it_happened_and_its_value_leaves_the_platform(till):
    site = till.client.site
    venue, code = make_venue(site), make_code(site)

    advice = advise(till.client, venue=(10, "921"), redemption_type="NFC", offset_minutes=-630)

    code.refresh_from_db()
    assert advice.outcome == "redeemed"
    assert (code.state, code.uses, code.last_redeemed_at) == ("used_up", 1, HAPPENED)
    attempt = advice.attempt
    assert attempt is not None
    assert attempt.pk == advice.pk
    assert (attempt.door, attempt.venue_id, attempt.channel, attempt.happened_at) == ("advice", "921", "NFC", HAPPENED)
    assert (attempt.outcome, attempt.claimant, attempt.actor_id) == ("redeemed", None, till.client.prefix)
    assert spread(code.batch) == (500, 0, 500, 0, 0)
    assert advice.venue == venue
    assert not PendingAdvice.objects.exists()
    assert AdviceTally.objects.get().outcome == "redeemed"
    assert_sound()


def test_the_second_report_is_kept_and_finds_the_code_used(till):
    code = make_code(till.client.site)
    advise(till.client)
    before = holdings(till.client.site)

    second = advise(till.client, happened_at=HAPPENED + DAY)

    assert second.outcome == "already_used"
    assert holdings(till.client.site) == before
    assert Advice.objects.count() == Attempt.objects.filter(code=code).count() == 2


@pytest.mark.parametrize("uses", [UNLIMITED_USES, 5])
def test_a_text_that_many_share_is_counted(till, uses):
    code = make_code(till.client.site, "BURGER", uses=5, worth_cents=0)
    Code.objects.filter(pk=code.pk).update(max_uses=uses)

    outcomes = [advise(till.client, "burger").outcome for _ in range(2)]

    code.refresh_from_db()
    assert outcomes == ["recorded", "recorded"]
    assert (code.uses, code.state) == (2, "active")
    last = Attempt.objects.order_by("receipt_number").last()
    assert last is not None
    assert last.uses_left == (None if uses == UNLIMITED_USES else 3)


def test_a_limited_shared_text_is_used_up_in_the_end(till):
    make_code(till.client.site, "BURGER", uses=2, worth_cents=0)
    assert [advise(till.client, "BURGER").outcome for _ in range(3)] == ["recorded", "recorded", "already_used"]


REFUSED = {
    "an unknown text": ("NO-SUCH-CODE", {}, "unknown_text"),
    "a text that no code can have": ("€", {}, "unknown_text"),
    "a text longer than any code": ("A" * 255, {}, "unknown_text"),
    "no text": (None, {"problem": "invalid_text"}, "invalid_text"),
    "an unreadable date": ("ABC-E6W5F", {"problem": "invalid_date"}, "invalid_date"),
    "an unreadable offset": ("ABC-E6W5F", {"problem": "invalid_offset"}, "invalid_offset"),
    "a text before a date": ("", {"problem": "invalid_text"}, "invalid_text"),
    "too early": ("ABC-E6W5F", {"happened_at": HAPPENED - 5 * DAY}, "not_yet_valid"),
    "too late": ("ABC-E6W5F", {"happened_at": HAPPENED + 5 * DAY}, "expired"),
    "no venue": ("ABC-E6W5F", {}, "wrong_venue"),
    "another venue": ("ABC-E6W5F", {"venue": (10, "922")}, "wrong_venue"),
}


@pytest.mark.parametrize(("text", "said", "outcome"), REFUSED.values(), ids=REFUSED)
def test_a_report_that_does_not_count_is_kept_with_its_reason_and_changes_nothing(till, text, said, outcome):
    site = till.client.site
    make_venue(site), make_venue(site, "922")
    make_code(site, venues=["921"], valid_from=HAPPENED - DAY, valid_until=HAPPENED + DAY)
    before = holdings(site)

    advice = advise(till.client, text, **said)

    assert advice.outcome == outcome
    assert advice.attempt is not None
    assert advice.attempt.outcome == "refused"
    assert advice.attempt.checks[-1]["passed"] is False
    assert holdings(site) == before


def test_a_date_ahead_of_the_platforms_clock_is_tolerated_for_ten_minutes(till):
    make_code(till.client.site, "BURGER", uses=9, worth_cents=0)
    now = dt.datetime.now(dt.UTC)
    assert advise(till.client, "BURGER", happened_at=now + timedelta(minutes=9)).outcome == "recorded"
    assert advise(till.client, "BURGER", happened_at=now + timedelta(minutes=11)).outcome == "invalid_date"


def test_a_missing_date_is_the_time_of_receipt(till):
    make_code(till.client.site)
    advice = advise(till.client, happened_at=None)
    assert advice.attempt is not None
    assert advice.outcome == "redeemed"
    assert advice.attempt.happened_at == advice.received_at


def test_a_code_that_is_switched_off_says_so_before_anything_about_dates(till):
    code = make_code(till.client.site, valid_until=HAPPENED - DAY)
    Code.objects.filter(pk=code.pk).update(state="disabled")
    assert advise(till.client).outcome == "disabled"
    Code.objects.filter(pk=code.pk).update(state="active")
    Batch.objects.filter(pk=code.batch_id).update(state="disabled")
    assert advise(till.client).outcome == "disabled"


def test_the_cap_of_a_batch_counts_reports(till):
    make_code(till.client.site, "BURGER", uses=9, worth_cents=0, total_cap=1)
    assert [advise(till.client, "BURGER").outcome for _ in range(2)] == ["recorded", "already_used"]


def test_owner_and_limits_of_claimants_play_no_part(till):
    owner = make_claimant(till.client.site)
    make_code(till.client.site, "BURGER", uses=9, worth_cents=0, owner=owner, cooldown_seconds=600)
    assert [advise(till.client, "BURGER").outcome for _ in range(2)] == ["recorded", "recorded"]


def test_a_report_of_a_valid_date_takes_value_that_was_booked_away_since(till):
    code = make_code(till.client.site, valid_until=HAPPENED + DAY)
    expiring.sweep_expired()
    assert spread(code.batch) == (500, 0, 0, 500, 0)

    assert advise(till.client).outcome == "redeemed"

    assert spread(code.batch) == (500, 0, 500, 0, 0)
    assert_sound()


@pytest.mark.parametrize("swept", [False, True])
@pytest.mark.parametrize("give_use_back", [False, True])
def test_a_reported_redemption_is_reversed_like_any_other(till, swept, give_use_back):
    site = till.client.site
    code = make_code(site, valid_until=HAPPENED + DAY)
    if swept:
        expiring.sweep_expired()
    advice = advise(till.client)

    reversing.reverse(ReverseRedemption(caller_of(till), advice.pk, "a mistake", give_use_back))

    assert spread(code.batch) == ((500, 500, 0, 0, 0) if give_use_back else (500, 0, 0, 0, 500))
    assert_sound()


@pytest.mark.parametrize(
    "fields",
    [
        {"worth_cents": 0},
        {"worth_cents": 0, "action": "fulfilment", "parameters": {"item": "A free coffee"}},
    ],
    ids=["tags", "fulfilment"],
)
def test_nothing_is_given_for_what_was_given_elsewhere(till, fields):
    make_code(till.client.site, **fields)
    advice = advise(till.client)
    after = holdings(till.client.site)
    assert (after["tags"], after["work items"], after["mails"]) == ([], [], 0)
    reversing.reverse(ReverseRedemption(caller_of(till), advice.pk, "a mistake"))
    assert_sound()


def test_a_code_redeemed_by_report_is_refused_to_a_claimant(till):
    claimant = make_claimant(till.client.site)
    make_code(till.client.site)
    advise(till.client)
    outcome = redeem(claimant)
    assert outcome.refusal is not None
    assert outcome.refusal.reason == "code_used_up"


def test_the_codes_of_another_site_are_unknown(till):
    make_code(make_site())
    assert advise(till.client).outcome == "unknown_text"


def test_where_one_text_dominates_lists_are_short_so_that_others_get_at_its_code():
    mixed, hot = [f"CODE-{number}" for number in range(1_000)], ["BURGER"] * 501 + ["FRIES"] * 499

    assert draining.portions(mixed) == [(0, 1_000)]
    assert draining.portions(hot) == [(0, 256), (256, 256), (512, 256), (768, 256)]
    assert draining.portions([]) == []
