"""How generated codes look, and that none could be guessed."""

import math
import random
import re

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from codes import formats, lookup
from codes.formats import ALPHABET, FORMATS, PREPAID_ALPHABET

A_MILLION = 10**6
CODES = [text.replace("-", "") for text in formats.draw_ours(12, "")]
NUMBERS = range(len(CODES))  # Drawn codes differ between the processes of a parallel run; their numbers do not.


def test_our_alphabet_has_32_symbols_and_none_that_looks_like_another():
    assert len(set(ALPHABET)) == len(ALPHABET) == 32
    assert not set(ALPHABET) & set("ILOU")
    assert all(lookup.canonical(symbol * 4) == symbol * 4 for symbol in ALPHABET)


def test_the_prepaid_alphabet_has_32_symbols_that_stay_apart_when_look_alikes_are_folded():
    assert len(set(PREPAID_ALPHABET)) == len(PREPAID_ALPHABET) == 32
    assert not set(PREPAID_ALPHABET) & set("01IO")
    assert len({lookup.canonical(symbol * 4) for symbol in PREPAID_ALPHABET}) == 32


def test_multiplication_in_the_field_is_one_to_one_and_returns_after_31_steps():
    assert sorted(formats.TIMES_ALPHA) == list(range(32))
    value, steps = formats.TIMES_ALPHA[1], 1
    while value != 1:
        value, steps = formats.TIMES_ALPHA[value], steps + 1
    assert steps == 31


@pytest.mark.parametrize("number", NUMBERS)
def test_every_single_wrong_symbol_is_found(number):
    code = CODES[number]
    assert not formats.has_wrong_check_symbol(code)
    for place in range(16):
        for symbol in ALPHABET:
            if symbol != code[place]:
                assert formats.has_wrong_check_symbol(code[:place] + symbol + code[place + 1 :])


@pytest.mark.parametrize("number", NUMBERS)
def test_every_swap_of_two_neighbours_is_found(number):
    code = CODES[number]
    for place in range(15):
        first, second = code[place], code[place + 1]
        swapped = code[:place] + second + first + code[place + 2 :]
        assert formats.has_wrong_check_symbol(swapped) == (first != second)


@given(st.text(alphabet=ALPHABET, min_size=15, max_size=15))
def test_whatever_the_symbols_are_exactly_one_check_symbol_fits(symbols):
    fitting = [symbol for symbol in ALPHABET if not formats.has_wrong_check_symbol(symbols + symbol)]

    assert fitting == [formats.check_symbol(symbols)]


def test_any_two_swapped_symbols_are_found_however_far_apart():
    chance = random.Random(24)
    for _ in range(2_000):
        code = chance.choice(CODES)
        here, there = sorted(chance.sample(range(16), 2))
        swapped = code[:here] + code[there] + code[here + 1 : there] + code[here] + code[there + 1 :]
        assert formats.has_wrong_check_symbol(swapped) == (code[here] != code[there])


@pytest.mark.parametrize("form", ["", "ABCE6W5F", "0" * 15, "0" * 17, "UUUUUUUUUUUUUUUU", "A.B_0000000000ZZ", "-" * 16])
def test_what_has_not_the_shape_of_our_codes_has_no_check_symbol_to_be_wrong(form):
    assert not formats.has_wrong_check_symbol(form)


@pytest.mark.parametrize(
    ("name", "pattern", "shape"),
    [
        ("ours", "", r"[0-9A-HJKMNP-TV-Z]{4}(-[0-9A-HJKMNP-TV-Z]{4}){3}"),
        ("hex", "", r"[0-9a-f]{16}"),
        ("prepaid", "", r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}"),
        ("pattern", "SUMMER.26_-########-X", r"SUMMER\.26_-[0-9A-HJKMNP-TV-Z]{8}-X"),
        ("pattern", "##-##", r"[0-9A-HJKMNP-TV-Z]{2}-[0-9A-HJKMNP-TV-Z]{2}"),
    ],
)
def test_each_format_has_its_shape_and_can_be_typed(name, pattern, shape):
    drawn = FORMATS[name].draw(500, pattern)

    assert len(drawn) == 500
    for text in drawn:
        assert re.fullmatch(shape, text)
        assert len(lookup.canonical(text)) == len(text.replace("-", ""))
        assert len(text) <= lookup.LONGEST_TYPED


def test_the_chance_in_each_format_is_what_its_symbols_hold():
    assert {name: each.bits for name, each in FORMATS.items()} == {"ours": 75, "hex": 64, "prepaid": 80, "pattern": 0}


@pytest.mark.parametrize("name", FORMATS)
def test_the_forms_of_many_are_those_of_each(name):
    drawn = FORMATS[name].draw(300, "EASTER-IOL_#.-########-########" if name == "pattern" else "")

    assert lookup.canonical_all(drawn) == [lookup.canonical(text) for text in drawn]
    assert lookup.canonical_all([]) == []


def test_every_code_drawn_of_ours_has_its_check_symbol():
    for text in formats.draw_ours(1_000, ""):
        symbols = text.replace("-", "")
        assert formats.check_symbol(symbols[:-1]) == symbols[-1]


def test_none_drawn_is_none():
    assert [FORMATS[name].draw(0, "####") for name in FORMATS] == [[], [], [], []]


@pytest.mark.parametrize(
    ("count", "guesses", "symbols"),
    [(1, A_MILLION, 8), (1_000, A_MILLION, 10), (A_MILLION, A_MILLION, 12), (10**7, A_MILLION, 13), (1, 1, 4)],
)
def test_a_pattern_needs_enough_random_symbols_and_the_message_says_how_many(count, guesses, symbols):
    assert symbols == math.ceil(math.log2(count * guesses * 10**6) / 5)
    formats.check("pattern", "A-" + "#" * symbols, count, guesses)

    with pytest.raises(ValidationError) as refused:
        formats.check("pattern", "A--" + "#" * (symbols - 1), count, guesses)

    (message,) = refused.value.message_dict["pattern"]
    assert f"at least {symbols}" in message
    assert f"{symbols - 1} random symbols" in message
    assert f"{count:,} codes" in message


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "ABCD", "abc-########", "########%s", "ÄÄÄ########", "####### #", "(########)", "#" * 65, "########\n"),
        *("###", "--#", "-#-#-#-", "A" * 60 + "#####", "########²", "＃＃＃＃＃＃＃＃"),
    ],
)
def test_a_pattern_that_cannot_be_read_is_refused(pattern):
    with pytest.raises(ValidationError) as refused:
        formats.check("pattern", pattern, 1, 1)

    assert list(refused.value.message_dict) == ["pattern"]


@pytest.mark.parametrize("name", ["ours", "hex", "prepaid"])
def test_the_other_formats_have_no_pattern(name):
    formats.check(name, "", 10**7, A_MILLION)

    with pytest.raises(ValidationError, match="pattern"):
        formats.check(name, "########", 1, A_MILLION)


@pytest.mark.parametrize("name", ["", "OURS", "supplied", "base64"])
def test_an_unknown_format_is_refused(name):
    with pytest.raises(ValidationError) as refused:
        formats.check(name, "", 1, A_MILLION)

    assert list(refused.value.message_dict) == ["format"]


@pytest.mark.parametrize(("name", "bits"), [("hex", 64), ("ours", 75), ("prepaid", 80)])
def test_a_fixed_format_is_refused_too_where_a_site_expects_so_many_guesses_that_it_is_too_short(name, bits):
    enough = 2**bits // 10**6 // 10**3
    formats.check(name, "", 1_000, enough)

    with pytest.raises(ValidationError) as refused:
        formats.check(name, "", 1_000, enough + 1 + enough // 10**6)

    assert list(refused.value.message_dict) == ["format"]
