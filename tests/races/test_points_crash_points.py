"""A process killed at every statement of a deed of points: it is whole or absent, and if absent the token works again."""

from functools import partial

import pytest
from django.conf import settings
from django.db import connection

from ledger import expiring_holds, settling
from tests.factories import make_site
from tests.races.arena import violations
from tests.races.families import (
    BRIEF,
    BRIEF_LOT,
    LATER,
    cancel,
    make_families,
    redeem,
    reduce,
    reserve,
    told,
    void,
)
from tests.races.test_crash_points import count_points, do_and_die

pytestmark = [
    pytest.mark.races,
    pytest.mark.skipif(connection.vendor != "postgresql", reason="a killed process needs a server that outlives it"),
]


def sweep_holds(family, place):
    expiring_holds.sweep_some()


def settle(family, place):
    settling.sweep_some()


SWEEPS = (sweep_holds, settle)


@pytest.fixture
def clock_back():
    yield
    settings.CLOCK_OFFSET_SECONDS = 0


# One transaction is PostgreSQL's own promise: no guard of ours can be taken out. That the deed was struck in hand shows in that
# it is absent at first and whole at last.
@pytest.mark.parametrize("deed", [reserve, reduce, cancel, redeem, void, *SWEEPS], ids=lambda deed: deed.__name__)
def test_it_is_killed_at_every_statement_and_is_whole_or_absent(committed_db, clock_back, deed):
    site = make_site()
    families = make_families(site, seconds=BRIEF_LOT, at_a_time=1)

    def family():
        settings.CLOCK_OFFSET_SECONDS = 0
        ready = next(families).prepare(token=True, spent=True, seconds=BRIEF)
        settings.CLOCK_OFFSET_SECONDS = LATER * (deed in SWEEPS)
        return ready

    example = family()
    absent = example.picture()
    points = count_points(partial(deed, example, 0))
    whole = example.picture()
    assert whole != absent
    assert points > 14

    ends = []
    for point in range(1, points + 1):
        struck = family()
        do_and_die(partial(deed, struck, 0), point)
        left = struck.picture()
        assert left in (absent, whole)
        assert struck.missing() == []
        ends.append(left == whole)

        again = told(partial(deed, struck, 0))
        if deed is not reserve and deed not in SWEEPS:
            # What is done once cannot be done again; a reduction to what there is changes nothing.
            assert (again in ("done", "reserved 250")) != (ends[-1] and deed is not reduce)
        if deed is not reserve or not ends[-1]:
            assert struck.picture() == whole
    # Absent until the commit, and whole after it.
    assert ends == sorted(ends)
    assert set(ends) == {False, True}
    assert violations() == ""
