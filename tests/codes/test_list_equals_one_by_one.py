"""A list is judged exactly as the same commands one by one: whatever they are, and whatever went before."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.refusals import Refusal
from codes import reversing
from codes.redemption import engine
from tests.breaking import undone
from tests.codes.conftest import at_noon
from tests.codes.redeeming import assert_sound
from tests.codes.twins import (
    BROWSERS,
    CALLERS,
    CLAIMANTS,
    CODES,
    TOKENS,
    UNKNOWN,
    Wish,
    holdings,
    make_twin,
    told,
)
from tests.scenes import scene

pytestmark = pytest.mark.django_db

SEEDS = st.integers(0, 2**40)
LICENSING = [code for code in CODES if code.startswith(("OFFER", "MATCH", "SESSION"))]
LIVELY = [
    code
    for code in CODES
    if code.startswith(("MULTI", "CAP", "COOL", "TAGS", "WORK", "POINTS", "VENUE", "OFFER-1", "MATCH-1"))
]
HOLDING = [code for code in CODES if code.startswith("HELD")]
PEOPLE = ["anna", "ben", "gina", "dora", "cleo", "eric"]


def draw_wish(chance: Random, focus: list[str]) -> Wish:
    """Mostly a sensible wish, or hardly any list would get as far as the caps."""
    caller = chance.choice(["till"] * 8 + CALLERS)
    himself = {"kiosk": "anna", "chrome": "", "firefox": ""}.get(caller, caller)
    by_add = caller != "till" and chance.random() < (0.9 if caller in BROWSERS else 0.4)
    usual = chance.choice(PEOPLE[:3] + PEOPLE) if caller == "till" else himself
    code = chance.choice(focus)
    return Wish(
        caller,
        chance.choice([code, code, code, code.lower(), f" {code}".replace("-", "")]),
        chance.choice([usual] * 12 + CLAIMANTS[:8]),
        key=chance.choice([None, None, None, "k1", f"k{chance.random()}"]),
        venue=chance.choice(["till 1", "till 1", "till 1", "", "nowhere"]),
        channel=chance.choice(["", "POS"]),
        reference=chance.choice([None, "R-1"]),
        token=chance.choice([None, None, *TOKENS]),
        door="add" if by_add else "api",
        browser=chance.choice([*BROWSERS, *BROWSERS, None]) if by_add else None,
    )


def draw_browsing(chance: Random, most: int) -> list[Wish]:
    """Two browsers and whoever is signed in there, at a few codes that license and others."""
    focus = [*chance.sample(LICENSING, 3), chance.choice(["SESSION-1", "SESSION-2"]), *chance.sample(CODES, 2)]
    wishes = []
    for _ in range(chance.randint(3, most)):
        browser, user = chance.choice(BROWSERS), chance.choice(["", "", "anna", "ben"])
        key = chance.choice([None, None, None, "k1"])
        wishes.append(Wish(user or browser, chance.choice(focus), user, key, "till 1", door="add", browser=browser))
    return wishes


def draw_holding(chance: Random, most: int) -> list[Wish]:
    """Those who hold codes, each other and everybody else at them, with and without a token."""
    focus = [*chance.sample(HOLDING, chance.randint(1, 4)), chance.choice(CODES)]
    return [
        Wish(
            "till",
            chance.choice(focus),
            chance.choice(["anna", "ben", "gina"]),
            key=chance.choice([None, None, None, "k1"]),
            token=chance.choice([None, *TOKENS, "nobody's token"]),
        )
        for _ in range(chance.randint(2, most))
    ]


def draw_wishes(chance: Random, most: int) -> list[Wish]:
    """A list about a few codes, in which some come again: as they are, as retries do, or changed under the same key."""
    if chance.random() < 0.35:  # A crowd at one or two offers: only so are caps reached.
        codes, crowd = chance.sample(LIVELY, chance.randint(1, 3)), chance.sample(PEOPLE[:3], chance.randint(1, 3))
        return [
            Wish("till", chance.choice(codes), chance.choice(crowd), venue=chance.choice(["till 1"] * 5 + ["nowhere"]))
            for _ in range(chance.randint(3, most))
        ]
    if chance.random() < 0.3:
        return draw_browsing(chance, most)
    if chance.random() < 0.25:
        return draw_holding(chance, most)
    many = chance.sample(LIVELY, chance.randint(1, 3)) if chance.random() < 0.7 else []
    focus = [*many, *chance.sample(CODES, chance.randint(0 if many else 1, 4))]
    if chance.random() < 0.3:
        focus.append(chance.choice(UNKNOWN))
    wishes: list[Wish] = []
    for _ in range(chance.randint(1, most)):
        if wishes and chance.random() < 0.25:
            again = chance.choice(wishes)
            wishes.append(again if chance.random() < 0.7 else replace(again, code=chance.choice(focus), channel="APP"))
        else:
            wishes.append(draw_wish(chance, focus))
    if chance.random() < 0.1:
        wishes.insert(chance.randrange(len(wishes)), replace(wishes[0], channel="c" * 31, claimant="n" * 101))
    return wishes


def draw_guesses(chance: Random) -> list[Wish]:
    """A list of wrong codes, long enough to spend a budget, with right ones in between."""
    callers, claimants = chance.sample(CALLERS, 2), chance.sample([*PEOPLE, "nobody"], 2)
    right = [
        Wish("anna", "SINGLE-1", "anna"),
        Wish("till", "MULTI-2", "ben"),
        Wish("till", "NOPE-0001", "ben", key="k1"),
    ]
    wrong = [Wish(chance.choice(callers), chance.choice(UNKNOWN[:5]), chance.choice(claimants)) for _ in range(20)]
    return [chance.choice(right) if chance.random() < 0.2 else each for each in wrong[: chance.randint(6, 20)]]


def with_tokens(twin, drawn):
    """Each twin's hold has a token of its own."""

    return [replace(each, token=each.token and each.token + twin.site.slug) for each in drawn]


def make_twins():
    return make_twin(), make_twin()


twins_scene = scene("twins", at_noon(make_twins))


@pytest.fixture
def twins(twins_scene, stopped_clock, db):
    return twins_scene()


def compare(twins, before, given_back, drawn):
    """Bring both twins into the same state, ask one in a list and the other one by one, and compare all there is."""
    listed, single = twins
    for twin in twins:
        outcomes = twin.ask(with_tokens(twin, before), together=False)
        redeemed = [outcome for outcome in outcomes if not outcome.refusal and not outcome.replayed]
        for give_use_back, outcome in zip(given_back, redeemed, strict=False):
            reverse = reversing.ReverseRedemption(twin.callers["till"], outcome.attempt.pk, "", give_use_back)
            try:
                reversing.reverse(reverse)
            except Refusal:  # Of an account that may only be credited.
                continue
    together = listed.ask(with_tokens(listed, drawn), together=True)
    one_by_one = single.ask(with_tokens(single, drawn), together=False)

    for number, (left, right) in enumerate(zip(told(listed, together), told(single, one_by_one), strict=True)):
        assert left == right, f"outcome {number}"
    assert holdings(listed) == holdings(single)
    assert_sound()


def test_a_list_is_judged_as_its_commands_one_by_one(twins):
    @settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SEEDS)
    def holds(seed):
        chance = Random(seed)
        before, drawn = draw_wishes(chance, 6), draw_wishes(chance, 16)
        with undone():
            compare(twins, before, [chance.random() < 0.5 for _ in range(chance.choice([0, 1, 3]))], drawn)

    holds()


def test_so_is_a_list_of_guesses(twins):
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(SEEDS)
    def holds(seed):
        with undone():
            compare(twins, [], [], draw_guesses(Random(seed)))

    holds()


def test_a_list_is_settled_without_being_taken_apart(twins, monkeypatch):
    """One transaction for each list: were lists halved until they fit, they would be one by one and prove nothing."""
    sizes = []
    judge_all = engine._redeem_together

    def counted(cases, how):
        sizes.append(len(cases))
        return judge_all(cases, how)

    monkeypatch.setattr(engine, "_redeem_together", counted)
    everything = [Wish(caller, code, "anna") for caller in ("anna", "till") for code in CODES]

    twins[0].ask(everything, together=True)

    assert set(sizes) == {len(everything)}
    assert len(sizes) <= 2  # Once more only because batches with caps are locked first.
