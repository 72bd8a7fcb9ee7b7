"""Codes are drawn by chance alone: no collisions, no leaning bits, no tie from one to the next (threat T4)."""

import itertools
import math
from collections import Counter

import pytest

from codes import formats
from codes.formats import ALPHABET, FORMATS, PREPAID_ALPHABET

DRAWN = 100_000
# Six standard deviations: by chance one figure in half a thousand million lies further out.
FAR = 6.0


@pytest.fixture(scope="module", params=["ours", "hex", "prepaid"])
def sample(request):
    """(alphabet, the random symbols of many codes of one format)."""
    alphabet = {"ours": ALPHABET, "hex": "0123456789abcdef", "prepaid": PREPAID_ALPHABET}[request.param]
    symbols = 15 if request.param == "ours" else 16
    return alphabet, [text.replace("-", "")[:symbols] for text in FORMATS[request.param].draw(DRAWN, "")]


def test_a_hundred_thousand_codes_are_a_hundred_thousand_different_ones(sample):
    assert len(set(sample[1])) == DRAWN


def test_a_million_codes_of_ours_never_collide():
    assert len(set(formats.draw_ours(1_000_000, ""))) == 1_000_000


def test_every_symbol_is_as_frequent_as_any_other_in_every_place(sample):
    alphabet, codes = sample
    expected = DRAWN / len(alphabet)
    deviation = math.sqrt(expected * (1 - 1 / len(alphabet)))
    for place in range(len(codes[0])):
        counts = Counter(code[place] for code in codes)
        assert set(counts) == set(alphabet)
        assert max(abs(count - expected) for count in counts.values()) < FAR * deviation


def test_no_bit_leans(sample):
    alphabet, codes = sample
    value_of = {symbol: value for value, symbol in enumerate(alphabet)}
    for place in range(len(codes[0])):
        values = [value_of[code[place]] for code in codes]
        for bit in range(len(alphabet).bit_length() - 1):
            ones = sum(value >> bit & 1 for value in values)
            assert abs(ones - DRAWN / 2) < FAR * math.sqrt(DRAWN) / 2


def test_nothing_of_a_code_tells_of_its_neighbour(sample):
    alphabet, codes = sample
    value_of = {symbol: value for value, symbol in enumerate(alphabet)}
    within = [value_of[symbol] for code in codes for symbol in code]
    across = [value_of[code[-1]] for code in codes]

    assert abs(correlation(within)) < FAR / math.sqrt(len(within))
    assert abs(correlation(across)) < FAR / math.sqrt(len(across))


def correlation(values):
    """Of each value with the next one, -1 to 1."""
    mean = sum(values) / len(values)
    spread = sum((value - mean) ** 2 for value in values)
    return sum((a - mean) * (b - mean) for a, b in itertools.pairwise(values)) / spread
