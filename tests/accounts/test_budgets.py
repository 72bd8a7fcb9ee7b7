"""Budgets of failures: a window of 15 minutes that no burst passes."""

import datetime as dt

import pytest

from accounts import budgets, clock
from accounts.budgets import Budget
from accounts.models import FailureBudget

NOW = dt.datetime(2026, 11, 21, 12, 0, tzinfo=dt.UTC)
THREE = Budget("test", "somebody", 3)
FIVE = Budget("test", "everybody", 5)


def later(seconds):
    return NOW + dt.timedelta(seconds=seconds)


@pytest.mark.django_db
class TestOneByOne:
    def test_there_is_room_until_the_limit_is_reached(self):
        for _ in range(3):
            assert budgets.seconds_until_free([THREE], NOW) == 0
            assert budgets.count_failure([THREE], NOW) == 0

        assert budgets.seconds_until_free([THREE], NOW) == 900
        assert budgets.count_failure([THREE], NOW) == 900

    def test_the_wait_is_told_in_whole_seconds_and_never_too_short(self):
        for _ in range(3):
            budgets.count_failure([THREE], NOW)

        assert budgets.seconds_until_free([THREE], later(0.25)) == 900
        assert budgets.seconds_until_free([THREE], later(899)) == 1
        assert budgets.seconds_until_free([THREE], later(899.999)) == 1
        assert budgets.seconds_until_free([THREE], later(900)) == 0

    def test_the_window_begins_with_the_first_failure_and_does_not_slide(self):
        budgets.count_failure([THREE], NOW)
        budgets.count_failure([THREE], later(600))
        budgets.count_failure([THREE], later(899))

        assert budgets.seconds_until_free([THREE], later(899)) == 1
        assert budgets.count_failure([THREE], later(900)) == 0
        assert FailureBudget.objects.get().failures == 1

    def test_the_longest_wait_counts(self):
        for _ in range(3):
            budgets.count_failure([THREE, FIVE], NOW)
        assert budgets.seconds_until_free([FIVE], NOW) == 0
        for _ in range(2):
            budgets.count_failure([FIVE], later(60))

        assert budgets.seconds_until_free([FIVE, THREE], later(60)) == 840

    def test_no_budget_never_waits_and_asks_nothing(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert budgets.read([], NOW) == {}
            assert budgets.count_failures({}, NOW) == 0

    def test_many_failures_of_many_budgets_are_one_statement(self, django_assert_num_queries):
        with django_assert_num_queries(1):
            assert budgets.count_failures({THREE: 2, FIVE: 5}, NOW) == 0
        with django_assert_num_queries(1):
            assert budgets.read([THREE, FIVE], NOW) == {THREE.scope: (2, 900), FIVE.scope: (5, 900)}
        assert budgets.count_failures({THREE: 2}, later(10)) == 890

    def test_taking_back_leaves_what_was_there_before(self):
        budgets.count_failures({THREE: 2}, NOW)
        budgets.count_failure([THREE, FIVE], NOW)

        budgets.take_back([THREE, FIVE])

        assert budgets.read([THREE, FIVE], NOW) == {THREE.scope: (2, 900)}
        budgets.take_back([FIVE])  # Nothing is there to take.

    def test_kinds_sources_and_their_borders_are_told_apart(self):
        scopes = {
            Budget("guess client", "5", 1).scope,
            Budget("guess claimant", "5", 1).scope,
            Budget("guess client of a network", "5", 1).scope,
            Budget("guess client of a site", "5", 1).scope,
            Budget("guess client 5", "", 1).scope,
        }

        assert len(scopes) == 5

    def test_the_limit_is_no_part_of_what_is_counted(self):
        assert Budget("test", "somebody", 3).scope == Budget("test", "somebody", 4).scope


@pytest.mark.races
def test_a_parallel_burst_finds_exactly_as_much_room_as_there_is(committed_db):
    limit = Budget("test", "burst", 10)
    now = clock.read()

    answers = committed_db.together(*[lambda: budgets.count_failure([limit], now)] * 40)

    assert sorted(answers) == [0] * 10 + [900] * 30
    assert FailureBudget.objects.get().failures == 40


@pytest.mark.races
def test_callers_who_count_in_several_budgets_never_wait_for_each_other_in_a_circle(committed_db):
    limits = [Budget("test", str(number), 1_000) for number in range(8)]
    now = clock.read()
    deeds = [
        lambda turn=turn: budgets.count_failure(limits[turn % 8 :] + limits[: turn % 8], now) for turn in range(32)
    ]

    assert committed_db.together(*deeds) == [0] * 32
    assert set(FailureBudget.objects.values_list("failures", flat=True)) == {32}
