"""Splitting: the contract's worked examples, and what always holds of any split."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.splitting import split

MILLION = 10**6
WORKED = [
    (3 * MILLION, {"A": 3 * MILLION, "B": 2 * MILLION, "C": MILLION}, {"A": 1_500_000, "B": MILLION, "C": 500_000}),
    (900_000, {"A": 3 * MILLION, "B": 0, "C": MILLION}, {"A": 675_000, "C": 225_000}),
    (100, {"A": 100, "B": 100, "C": 100}, {"A": 34, "B": 33, "C": 33}),
    (10, {"A": 7, "B": 5, "C": 3}, {"A": 5, "B": 3, "C": 2}),
    (1, {"A": 500, "B": 300, "C": 200}, {"A": 1}),
    (23, {"A": 17, "B": 5, "C": 0, "D": 1}, {"A": 17, "B": 5, "D": 1}),
    (2, {"A": 1, "B": 3}, {"B": 2}),
    (1_000, {"A": 700, "B": 300, "C": 0}, {"A": 700, "B": 300}),
    (333, {"A": 700, "B": 300}, {"A": 233, "B": 100}),
    (5, dict.fromkeys("ABCDEFG", 1), dict.fromkeys("ABCDE", 1)),
    (
        777_777_777_777,
        {"A": 999_999_999_999, "B": 333_333_333_333, "C": 1},
        {"A": 583_333_333_332, "B": 194_444_444_444, "C": 1},
    ),
    (20_000, {"A": 15_000, "B": 10_000}, {"A": 12_000, "B": 8_000}),
    (1_000, {"A": 600, "B": 900}, {"A": 400, "B": 600}),
]


@pytest.mark.parametrize(("amount", "weights", "shares"), WORKED)
def test_a_worked_example(amount, weights, shares):
    assert split(amount, weights) == shares


@st.composite
def splits(draw):
    weights = draw(st.dictionaries(st.text("ABC1-", min_size=1), st.integers(0, 10**15), min_size=1, max_size=12))
    if not any(weights.values()):
        weights = dict.fromkeys(weights, 1)
    return draw(st.integers(1, sum(weights.values()))), weights


@given(splits(), st.randoms(use_true_random=False))
def test_it_adds_up_nobody_gives_more_than_they_have_and_no_order_matters(given_split, chance: random.Random):
    amount, weights = given_split

    shares = split(amount, weights)

    assert sum(shares.values()) == amount
    assert all(0 < share <= weights[account] for account, share in shares.items())
    others = list(weights.items())
    chance.shuffle(others)
    assert split(amount, dict(others)) == shares
    # Nobody is a whole unit away from their exact share.
    total = sum(weights.values())
    assert all(abs(shares.get(account, 0) * total - amount * weight) < total for account, weight in weights.items())
    # All of it is everything that everybody has.
    assert split(total, weights) == {account: weight for account, weight in weights.items() if weight}


@pytest.mark.parametrize(
    ("amount", "weights"),
    [(0, {"A": 1}), (-1, {"A": 1}), (2, {"A": 1}), (1, {}), (1, {"A": 0}), (1, {"A": 2, "B": -1})],
)
def test_what_cannot_be_split_is_refused(amount, weights):
    with pytest.raises(ValueError, match="from 1 to"):
        split(amount, weights)


class TestHouseholds:
    """20,000 households: what is held, reduced and given back of each, step by step, adds up for every member."""

    HOUSEHOLDS = 20_000

    def weights_of(self, chance: random.Random) -> dict[str, int]:
        """From none to twelve members' available points: nothing, alike, tiny beside huge, or anything."""
        most = chance.choice([1, 3, 100, 10**6, 10**12, 10**15])
        alike = chance.randint(0, most)
        names = chance.sample(range(10**6), chance.randint(1, 12))
        return {f"{name:x}": chance.choice([0, 1, alike, alike, chance.randint(0, most), most]) for name in names}

    def test_what_always_holds_of_each(self):
        chance = random.Random(20_261_122)
        reduced = left_out = 0
        for _ in range(self.HOUSEHOLDS):
            weights = self.weights_of(chance)
            total = sum(weights.values())
            if not total:
                with pytest.raises(ValueError, match="from 1 to"):
                    split(1, weights)
                continue
            amount = chance.choice([1, total, chance.randint(1, total), chance.randint(1, min(total, 20))])

            shares = split(amount, weights)

            assert sum(shares.values()) == amount, (amount, weights)
            assert all(0 < share <= weights[account] for account, share in shares.items()), (amount, weights)
            others = list(weights.items())
            chance.shuffle(others)
            assert split(amount, dict(others)) == shares, (amount, weights)
            left_out += len(weights) - len(shares)
            # A reduction gives each the rest of their share back, and all of it is what the amount fell by.
            less = chance.randint(1, amount)
            kept = split(less, shares)
            assert all(share <= shares[account] for account, share in kept.items()), (less, shares)
            assert sum(shares[account] - kept.get(account, 0) for account in shares) == amount - less
            assert split(amount, shares) == shares, "Reducing to the present amount changes nothing."
            reduced += less < amount
            # Taking the shares back is the identity: who gave them has what they had, whatever they had.
            after = {account: weight - shares.get(account, 0) for account, weight in weights.items()}
            assert min(after.values()) >= 0
            assert {account: left + shares.get(account, 0) for account, left in after.items()} == weights
        assert reduced > self.HOUSEHOLDS / 3
        assert left_out > self.HOUSEHOLDS
