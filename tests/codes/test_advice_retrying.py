"""Judged again: what failed or was unknown, once however many ask; given up: what is parked, and nothing else."""

import datetime as dt
import uuid

import pytest
from django.db import DatabaseError, transaction

from accounts import clock
from accounts.models import AuditRecord
from codes.advice import accepting, backlog, belonging, draining, inbox, retrying
from codes.models import Advice, Attempt, Code, PendingAdvice
from tests.advice import advise, make_till, report_of
from tests.breaking import run, unguarded, violated
from tests.codes.advices import make_advice, make_venue
from tests.factories import make_code, make_site

pytestmark = pytest.mark.django_db
DECIDED = [outcome.value for outcome in Advice.Outcome if outcome not in retrying.AGAIN]


@pytest.fixture
def till(db: None):
    return make_till(make_site()).client


def again(*advices: Advice, reason: str = "imported since") -> int:
    return retrying.retry([each.pk for each in advices], actor_id="u-staff", reason=reason)


def test_an_unknown_text_is_judged_again_once_its_code_is_there(till):
    advice = advise(till)
    assert advice.outcome == "unknown_text"
    code = make_code(till.site)

    assert again(advice) == 1
    advice.refresh_from_db()
    work = PendingAdvice.objects.get(pk=advice.pk)
    assert (advice.outcome, advice.decided_at, advice.attempt_id, advice.rounds) == ("", None, None, 1)
    assert (work.tries, work.parked_at, work.leased, work.error) == (0, None, False, "")
    assert work.due_at <= clock.read()
    draining.drain()
    advice.refresh_from_db()
    code.refresh_from_db()

    assert (advice.outcome, code.uses) == ("redeemed", 1)
    assert advice.attempt.happened_at == advice.happened_at
    assert Attempt.objects.filter(door="advice").count() == 2  # The first judgement stays on record.
    assert not PendingAdvice.objects.exists()


def test_a_parked_one_has_eight_new_tries_and_no_old_token(till):
    advice = make_advice(till.site, parked=True, text="ABC-E6W5F")
    code = make_code(till.site)
    PendingAdvice.objects.update(token=8)
    lost = inbox.Claim(advice.pk, 8, 8)

    assert again(advice, reason="the database was away") == 1
    assert inbox.still_held([lost]) == []
    assert PendingAdvice.objects.get().token > 8
    draining.drain()
    advice.refresh_from_db()
    code.refresh_from_db()

    assert (advice.outcome, code.uses, PendingAdvice.objects.count()) == ("redeemed", 1, 0)


def test_tokens_of_an_earlier_round_are_worth_nothing_in_a_later_one(till):
    """Its work was deleted with the first judgement, so the count of its claims begins anew."""
    advice = advise(till)
    again(advice)
    [claim] = inbox.claim(10)

    assert claim.token > inbox.MOST_TRIES
    assert claim.tries == 1


def test_asked_twice_it_is_judged_again_once(till):
    advice = make_advice(till.site, parked=True)

    assert [again(advice), again(advice)] == [1, 0]
    advice.refresh_from_db()
    assert advice.rounds == 1
    assert AuditRecord.objects.filter(action="advice.retry").count() == 1


@pytest.mark.parametrize("outcome", ["", *DECIDED])
def test_other_outcomes_stay_and_nothing_moves(till, outcome: str):
    code = make_code(till.site, uses=2 if outcome == "recorded" else 1)
    advice = advise(till) if outcome in ("redeemed", "recorded") else make_advice(till.site, outcome)
    before = Code.objects.values().get(pk=code.pk), PendingAdvice.objects.count()

    assert again(advice) == 0
    assert retrying.discard([advice.pk], actor_id="u-staff", reason="no") == 0
    advice.refresh_from_db()
    assert (advice.outcome, advice.rounds) == (outcome, 0)
    assert (Code.objects.values().get(pk=code.pk), PendingAdvice.objects.count()) == before
    assert not AuditRecord.objects.filter(action__startswith="advice.").exists()


def test_many_at_once_cost_as_many_statements_as_one(till, django_assert_max_num_queries):
    advices = [make_advice(till.site, parked=True) for _ in range(30)]
    with django_assert_max_num_queries(12):
        assert again(*advices) == 30

    record = AuditRecord.objects.get(action="advice.retry")
    assert record.object_id == "30 advices"
    assert (record.actor_id, record.detail["reason"], record.detail["count"]) == ("u-staff", "imported since", 30)
    assert sorted(record.detail["advices"]) == sorted(str(each.pk) for each in advices)


def test_each_site_has_an_audit_row_of_its_own(till):
    there = make_site()
    again(make_advice(till.site, parked=True), make_advice(there, parked=True))

    assert set(AuditRecord.objects.filter(action="advice.retry").values_list("site", flat=True)) == {
        till.site_id,
        there.pk,
    }


def test_more_than_a_thousand_are_refused_whole(till):
    with pytest.raises(ValueError, match="At most 1,000"):
        retrying.retry([uuid.uuid4() for _ in range(1_001)], actor_id="u-staff", reason="all")
    assert retrying.retry([], actor_id="u-staff", reason="none") == 0


def test_a_parked_one_is_given_up_and_stays_on_record(till):
    advice = make_advice(till.site, parked=True)
    code = make_code(till.site, "OTHER-4567")

    assert retrying.discard([advice.pk], actor_id="u-staff", reason="a test till") == 1
    assert retrying.discard([advice.pk], actor_id="u-staff", reason="a test till") == 0
    advice.refresh_from_db()
    code.refresh_from_db()

    assert (advice.outcome, PendingAdvice.objects.count(), code.uses) == ("failed", 0, 0)
    assert AuditRecord.objects.get(action="advice.discard").object_id == str(advice.pk)
    assert again(advice) == 1  # Staff may change their minds.


def test_an_advice_its_client_and_its_venue_are_of_one_site(till):
    there = make_site()
    venue, advice = make_venue(there), make_advice(till.site)
    for fields in ({"venue": venue}, {"client": make_till(there).client}):
        with pytest.raises(DatabaseError, match=belonging.OF_ONE_SITE.name), transaction.atomic():
            make_advice(till.site, **fields)
    with pytest.raises(DatabaseError), transaction.atomic():
        Advice.objects.filter(pk=advice.pk).update(venue=venue)


def test_reports_wait_while_nobody_judges_them(till):
    accepting.accept(report_of(till))
    now = clock.read() + dt.timedelta(seconds=30)

    work = backlog.read([till.site_id], now)
    assert (work.waiting, work.parked) == (1, 0)
    assert 29 < work.lag_seconds < 60
    assert backlog.read([make_site().pk], now) == backlog.Backlog(0, 0, 0.0)
    draining.drain()
    assert backlog.read(None, now) == backlog.Backlog(0, 0, 0.0)


def test_the_checks_name_an_advice_that_points_at_another_site(till):
    advice, venue = advise(till), make_venue(make_site())
    assert violated(belonging.INVARIANTS) == {}
    with unguarded():
        Advice.objects.filter(pk=advice.pk).update(venue=venue)
        assert set(violated(belonging.INVARIANTS)) == {belonging.OF_ONE_SITE.name}
    with unguarded():
        run("UPDATE codes_attempt SET site_id = %s", [venue.site_id])
        assert set(violated(belonging.INVARIANTS)) == {"an advice and its attempt are of one site"}
