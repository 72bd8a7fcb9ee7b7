"""Deeds of points against each other on one household: whatever comes in between, the end is that of one after the other."""

from collections import Counter
from functools import partial
from itertools import product

import pytest
from django.conf import settings
from django.db import connection

from tests.factories import make_site
from tests.races import families, guards
from tests.races.arena import violations
from tests.races.crossings import cross, rival
from tests.races.families import (
    BRIEF,
    BRIEF_LOT,
    LASTING,
    NEEDS_SPENT,
    NEEDS_TOKEN,
    cancel,
    expire,
    grant,
    leave,
    make_families,
    redeem,
    reduce,
    reserve,
    take,
    told,
    void,
)
from tests.races.test_lock_order import deadlocks_so_far

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]

OF_POINTS = (reserve, reduce, cancel, redeem, void, expire)
# Each against those above; against each other they are no affair of points. Who leaves is asked for by these alone.
BESIDE = (grant, take, leave)
ASK_WHO_BELONGS = {reserve, redeem}
PAIRS = [
    pair
    for pair in product((*OF_POINTS, *BESIDE), repeat=2)
    if {*pair} & {*OF_POINTS} and (leave not in pair or {*pair} & ASK_WHO_BELONGS)
]


class Ground:
    """Fresh families for pairs of deeds, and a rival who does the second."""

    def __init__(self, other):
        self.other = other
        site = make_site()
        self.families = make_families(site)
        # Whose lots expire: each is made for its crossing, or the sweeps of those before it would have it.
        self.short_lived = make_families(site, seconds=BRIEF_LOT, at_a_time=1)

    def family(self, *pair):
        settings.CLOCK_OFFSET_SECONDS = 0
        return next(self.short_lived if expire in pair else self.families).prepare(
            token=bool(NEEDS_TOKEN & {*pair}),
            spent=bool(NEEDS_SPENT & {*pair}),
            seconds=BRIEF if expire in pair else LASTING,
        )

    def left(self, family, pair):
        """What the deeds have left when all is tidy."""
        if expire in pair:
            families.tidy()
        return family.picture()

    def one_after_the_other(self, first, second, swapped=False):
        """What both heard and left in the one order, or in the other."""
        family = self.family(first, second)
        heard = ["", ""]
        for place in (1, 0) if swapped else (0, 1):
            heard[place] = told(partial((first, second)[place], family, place))
        left = self.left(family, (first, second))
        assert family.missing() == []  # So it is of every crossing that ends like this.
        return *heard, left

    def crossed(self, first, second, moment, hear=told):
        """The same, with the second deed done after a statement of the first; and the crossing, or None."""
        family = self.family(first, second)
        met = cross(
            self.other, lambda: hear(partial(first, family, 0)), lambda: hear(partial(second, family, 1)), moment
        )
        return met and (met, (met.first, met.second, self.left(family, (first, second))))

    def crossings(self, first, second, hear=told):
        """Every crossing of the two, whether it ended as one after the other, and what was heard and left."""
        orders = [self.one_after_the_other(first, second, swapped) for swapped in (False, True)]
        moment = 1
        while met := self.crossed(first, second, moment, hear):
            crossing, end = met
            yield crossing, end in orders, f"{first.__name__} x {second.__name__} after {moment}: {end}, not {orders}"
            moment += 1
        assert moment > 1, "A deed has statements."


@pytest.fixture
def ground(committed_db):
    try:
        with rival() as other:
            yield Ground(other)
    finally:
        settings.CLOCK_OFFSET_SECONDS = 0


# What is lost where nobody locks or guards: each deed with one that would spoil it.
SPOILED = [
    *((reserve, reserve), (reduce, cancel), (cancel, redeem), (redeem, redeem), (redeem, reduce), (void, void)),
    *((redeem, expire), (expire, expire), (expire, take), (reserve, take), (take, reserve)),
]


def heard_of_whatever(deed):
    """Without its guards a deed may end in any error."""
    try:
        return told(deed)
    except Exception as error:
        return type(error).__name__


@pytest.mark.parametrize(("first", "second"), SPOILED, ids=lambda deed: deed.__name__)
def test_without_guards_they_end_otherwise(ground, monkeypatch, first, second):
    guards.take_out()
    monkeypatch.setattr(settings, "DEFECTS", guards.DEFECTS)
    assert not all(in_order for _, in_order, _ in ground.crossings(first, second, heard_of_whatever))


def test_any_two_deeds_that_meet_end_as_one_after_the_other(ground):
    met, waited = 0, Counter()
    for first, second in PAIRS:
        for crossing, is_in_order, what in ground.crossings(first, second):
            assert is_in_order, f"{what} {crossing}"
            met += 1
            waited[crossing.waited] += 1
    print(f"{met} crossings, in {waited[True]} of which the second had to wait")
    assert met > 8 * len(PAIRS)
    # Both kinds of meeting are among them, those that let the second pass and those that have it wait.
    assert min(waited[True], waited[False]) > met // 10
    # Not even one of which nobody heard, because it was tried again.
    with connection.cursor() as cursor:
        assert deadlocks_so_far(cursor) == 0
    assert violations() == ""
