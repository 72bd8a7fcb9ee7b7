"""Counts a minute: appended by many, read by the minute and the half hour, folded and deleted by a sweep without losing one."""

import datetime as dt

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import clock
from codes.advice import tallies
from codes.models import AdviceTally
from tests.factories import make_site

pytestmark = pytest.mark.django_db
NOON = dt.datetime(2026, 3, 5, 12, 0, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)


def rows() -> list[tuple[dt.datetime, str, int, bool]]:
    return list(
        AdviceTally.objects.order_by("minute", "outcome", "pk").values_list("minute", "outcome", "count", "folded")
    )


def test_counts_are_appended_in_one_statement_and_add_up():
    site, other = make_site(), make_site()
    with CaptureQueriesContext(connection) as made:
        tallies.append({(site.pk, "redeemed"): 3, (site.pk, "expired"): 1, (other.pk, "redeemed"): 5}, NOON)
    tallies.append({(site.pk, "redeemed"): 2, (site.pk, "failed"): 0}, NOON + dt.timedelta(seconds=59.9))
    tallies.append({}, NOON)

    assert len(made) == 1
    assert tallies.by_minute([site.pk], NOON, NOON + MINUTE) == {(NOON, "redeemed"): 5, (NOON, "expired"): 1}
    assert tallies.in_all([site.pk, other.pk], NOON, NOON + MINUTE) == {"redeemed": 10, "expired": 1}
    assert tallies.in_all([site.pk], NOON + MINUTE, NOON + DAY) == {}
    assert tallies.in_all([], NOON, NOON + DAY) == {}


def test_half_hours_are_added_up_by_the_database():
    site = make_site()
    for minutes in (-1, 0, 29, 30, 59, 60):
        tallies.append({(site.pk, "redeemed"): 1}, NOON + minutes * MINUTE)

    found = tallies.by_half_hour([site.pk], NOON - DAY, NOON + DAY)

    assert {start: count for (start, _), count in found.items()} == {
        NOON - 30 * MINUTE: 1,
        NOON: 2,
        NOON + 30 * MINUTE: 2,
        NOON + 60 * MINUTE: 1,
    }


def test_minutes_that_are_over_are_folded_into_one_row_each():
    site, now = make_site(), clock.read()
    over = tallies.minute_of(now) - 3 * MINUTE
    for _ in range(3):
        tallies.append({(site.pk, "redeemed"): 2, (site.pk, "expired"): 1}, over)
        tallies.append({(site.pk, "redeemed"): 4}, now + MINUTE)

    assert tallies.tidy() == 6
    assert rows()[:2] == [(over, "expired", 3, True), (over, "redeemed", 6, True)]
    assert [row[2:] for row in rows()[2:]] == [(4, False)] * 3
    tallies.append({(site.pk, "redeemed"): 1}, over)  # A list that commits late.
    assert tallies.tidy() == 1
    assert tallies.tidy() == 0
    assert rows()[:2] == [(over, "expired", 3, True), (over, "redeemed", 7, True)]


def test_folding_in_chunks_loses_none_and_folds_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tallies, "CHUNK", 4)
    site = make_site()
    over = tallies.minute_of(clock.read()) - 2 * MINUTE
    for number in range(11):
        tallies.append({(site.pk, "redeemed"): number + 1}, over)

    tallies.tidy()

    assert rows() == [(over, "redeemed", 66, True)]


def test_after_eight_days_they_are_deleted_folded_or_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(tallies, "CHUNK", 2)
    site, now = make_site(), clock.read()
    kept = now - 7.9 * DAY
    for day in (8.1, 9, 20):
        tallies.append({(site.pk, "redeemed"): 1, (site.pk, "expired"): 1}, now - day * DAY)
    tallies.append({(site.pk, "redeemed"): 9}, kept)

    tallies.tidy()

    assert rows() == [(tallies.minute_of(kept), "redeemed", 9, True)]


def test_with_nothing_due_the_sweep_reads_two_indexes_and_ends(django_assert_max_num_queries):
    make_site()
    with django_assert_max_num_queries(7):
        assert tallies.tidy() == 0


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_is_positive(count: int):
    with pytest.raises(IntegrityError), transaction.atomic():
        AdviceTally.objects.create(site=make_site(), minute=NOON, outcome="redeemed", count=count)


def test_a_minute_is_folded_once():
    site = make_site()
    AdviceTally.objects.create(site=site, minute=NOON, outcome="redeemed", count=1, folded=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        AdviceTally.objects.create(site=site, minute=NOON, outcome="redeemed", count=1, folded=True)
