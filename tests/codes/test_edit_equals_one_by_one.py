"""A batch edited as a whole ends like its codes changed one by one: the same codes, the same value."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import clock
from codes import editing, expiring, lookup, switching
from codes.changing import Unchangeable
from codes.models import Batch, Code
from codes.redemption.engine import redeem_codes
from tests.breaking import undone
from tests.codes.editing import edit, facts
from tests.codes.redeeming import ask, assert_sound, spread
from tests.factories import make_batch, make_claimant, make_site

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)

# How a code came to stand: uses made, uses allowed, state, validity in days from now, whether its value was booked away.
standings = st.tuples(
    st.integers(0, 2),
    st.integers(1, 3),
    st.sampled_from(["active", "disabled", "deleted"]),
    st.none() | st.integers(-3, 3),
    st.none() | st.integers(-3, 3),
    st.booleans(),
)
days = st.none() | st.integers(-3, 3)
edits = st.one_of(
    st.sampled_from([("disable", {}), ("enable", {}), ("delete", {})]),
    st.tuples(st.just("uses"), st.fixed_dictionaries({"max_uses": st.integers(1, 4)})),
    st.tuples(
        st.just("extend"),
        st.fixed_dictionaries({}, optional={"valid_from": days, "valid_until": days}).filter(
            lambda given: (
                given
                and not (
                    given.get("valid_from") is not None
                    and given.get("valid_until") is not None
                    and given["valid_from"] >= given["valid_until"]
                )
            )
        ),
    ),
)
STATES = {"disable": "disabled", "enable": "active", "delete": "deleted"}


def lay(site, drawn, now):
    """A batch whose codes stand as drawn, each brought there by the platform's own deeds."""
    batch = make_batch(site, count=len(drawn), uses=3, worth_cents=7)
    claimants = [make_claimant(site) for _ in range(max(standing[0] for standing in drawn))]
    codes = list(batch.codes.order_by("serial"))
    redeemed = redeem_codes(
        [
            ask(claimant, lookup.shown(code))
            for code, standing in zip(codes, drawn, strict=True)
            for claimant in claimants[: standing[0]]
        ]
    )
    assert all(outcome.refusal is None for outcome in redeemed)
    for code, (uses, max_uses, state, start, finish, swept) in zip(codes, drawn, strict=True):
        change = {"max_uses": max(max_uses, uses, 1)}
        if start is None or finish is None or start < finish:
            change |= {
                "valid_from": None if start is None else now + start * DAY,
                "valid_until": None if finish is None else now + finish * DAY,
            }
        switching.change_code(code, actor_id="boss", **change)
        if swept:
            expiring.sweep_expired()
        if state != "active":
            switching.change_code(code, actor_id="boss", state=state)
    return batch


def one_by_one(batch, kind, parameters):
    """The same change by the deed for single codes; how many were passed over for each reason."""
    passed_over = Counter()
    change = {"state": STATES[kind]} if kind in STATES else parameters
    for code in batch.codes.order_by("serial"):
        before = Code.objects.filter(pk=code.pk).values().get()
        if kind == "enable" and code.state == "used_up":
            passed_over["used_up"] += 1
            continue
        try:
            switching.change_code(code, actor_id="boss", **change)
        except Unchangeable as refused:
            passed_over[refused.reason] += 1
            continue
        if Code.objects.filter(pk=code.pk).values().get() == before:
            passed_over["as_wanted"] += 1
    return passed_over


@given(drawn=st.lists(standings, min_size=1, max_size=6), what=edits, chunk=st.integers(1, 4))
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_an_edit_of_a_batch_is_its_change_to_each_code(monkeypatch, drawn, what, chunk):
    kind, parameters = what
    now = clock.read()
    parameters = {
        name: now + value * DAY if name != "max_uses" and value is not None else value
        for name, value in parameters.items()
    }
    monkeypatch.setattr(editing, "CHUNK", chunk)
    with undone():
        compare(drawn, now, kind, parameters)


def compare(drawn, now, kind, parameters):
    """Change one batch as a whole and its twin code by code, and compare all there is."""
    whole, single = lay(make_site(), drawn, now), lay(make_site(), drawn, now)

    done = edit(whole, kind, **parameters)
    passed_over = one_by_one(single, kind, parameters)

    def standing(batch):
        # When a value was booked away is an instant of its own in either.
        return [(*row[:6], row[6] is not None) for row in facts(batch)]

    assert standing(whole) == standing(single)
    assert spread(whole) == spread(single)
    assert done.reasons == dict(passed_over)
    assert done.touched == len(drawn) - sum(passed_over.values())
    assert done.foreseen["touched"] == done.touched
    assert done.foreseen["passed_over"] == done.reasons
    assert done.foreseen["moved"] == done.moved
    assert Batch.objects.get(pk=whole.pk).state == ("archived" if kind == "delete" else "active")
    assert_sound()
