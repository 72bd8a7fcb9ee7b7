"""From what somebody typed to the one form under which a code is stored: redemption flow, section 2."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codes.lookup import CANONICAL, canonical
from codes.refusals import CodeFormatInvalid

SYMBOLS = string.digits + string.ascii_uppercase + "._"
LOOK_ALIKES = {"0": "0O", "1": "1IL"}
SILENT = [" ", "\t", "\n", "\u00a0", "\u2009", "\u3000", "\u200b", "\u200d", "\ufeff", "\u00ad", "\x00", "\x7f"]
LEFT_OUT = ("Cc", "Cf", "Pd", "Zs", "Zl", "Zp", "Sm")  # Controls, formats, dashes, spaces, and the minus sign.
DASHES = ["-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212", "\uff0d", "\ufe63"]


@pytest.mark.parametrize(
    ("typed", "form"),
    [
        ("ABC-E6W5F", "ABCE6W5F"),
        ("abc-e6w5f", "ABCE6W5F"),
        (" ABC E6W5F ", "ABCE6W5F"),
        ("ＡＢＣ－Ｅ６Ｗ５Ｆ", "ABCE6W5F"),
        ("ａｂｃ－ｅ６ｗ５ｆ", "ABCE6W5F"),
        ("A.B_C", "A.B_C"),
        ("Ａ．Ｂ＿Ｃ", "A.B_C"),
        ("OIL0", "0110"),
        ("oil-0", "0110"),
        ("ＯＩＬ０", "0110"),
        ("ABCD", "ABCD"),
        ("A" * 64, "A" * 64),
        ("-".join("A" * 64), "A" * 64),
        ("\u200bABC\u00ad\ufeffE6W5F\u2060", "ABCE6W5F"),
        ("ABC\r\nE6W5F\x00\x1b", "ABCE6W5F"),
        ("\u202eABCD\u202c", "ABCD"),
        ("ABC\u2028DE", "ABCDE"),
    ],
)
def test_every_spelling_of_a_code_has_one_form(typed, form):
    assert canonical(typed) == form


@pytest.mark.parametrize("dash", DASHES)
def test_every_dash_is_left_out(dash):
    assert canonical(f"AB{dash}CD{dash}") == "ABCD"


@pytest.mark.parametrize("silent", SILENT)
def test_white_space_control_and_format_characters_are_left_out(silent):
    assert canonical(f"{silent}AB{silent}CD") == "ABCD"


@pytest.mark.parametrize(
    "stranger",
    [
        *("ſ", "ı", "İ", "\u212a", "\u212b", "①", "Ⅰ", "ⅼ", "²", "₂", "ª", "º", "ﬁ", "ĳ", "Ǆ", "𝟎", "𝐀", "ᴬ", "ⓐ", "🅰"),
        *(
            "…",
            "‥",
            "․",
            "℡",
            "㏂",
            "½",
            "℀",
            "ß",
            "ẞ",
            "Ä",
            "ä",
            "é",
            "А",
            "О",
            "о",
            "Ι",
            "Ο",
            "Κ",
            "Ｌ\u0301",
            "٣",
            "०",
        ),
        *(
            "\u0301",
            "\ufe0f",
            "\u3164",
            "\u115f",
            "\ud800",
            "\udfff",
            "😀",
            "中",
            "·",
            "ŀ",
            "\u037e",
            "\u1fef",
            "＃",
            "％",
        ),
        *(
            "*",
            "+",
            "/",
            "\\",
            "'",
            '"',
            ";",
            "%",
            "<",
            "$",
            "{",
            "(",
            ",",
            ":",
            "@",
            "~",
            "`",
            "#",
            "=",
            "&",
            "?",
            "!",
        ),
    ],
)
def test_a_letter_that_only_looks_or_folds_like_ours_is_refused_and_never_becomes_one(stranger):
    for typed in (stranger + "ABCDEFG", "ABCD" + stranger + "EFG", "ABCDEFG" + stranger):
        with pytest.raises(CodeFormatInvalid):
            canonical(typed)


def test_no_character_becomes_one_of_ours_but_ascii_and_its_full_width_twin():
    plain = {chr(number) for number in range(128)} | {chr(number) for number in range(0xFF01, 0xFF5F)}
    crept_in = []
    for number in range(0x110000):
        character = chr(number)
        form = unicodedata.normalize("NFKC", character)
        if character in plain or (form == character and unicodedata.category(character) not in LEFT_OUT):
            continue  # One that is neither folded nor left out is none of ours: the last step refuses it.
        try:
            if canonical(f"AB{character}CD") != "ABCD":
                crept_in.append(hex(number))
        except CodeFormatInvalid:
            continue
        assert unicodedata.category(form[0]) in LEFT_OUT, hex(number)

    assert crept_in == []


@pytest.mark.parametrize("typed", ["", "-", "A", "ABC", "A-B-C", "\u200b" * 8, "A" * 65, "0" * 100, "AB C", "-" * 50])
def test_what_is_too_short_or_too_long_is_refused(typed):
    with pytest.raises(CodeFormatInvalid):
        canonical(typed)


@given(st.text(max_size=100))
def test_whatever_is_typed_is_a_form_or_a_refusal_and_a_form_is_its_own_form(typed):
    try:
        form = canonical(typed)
    except CodeFormatInvalid:
        return

    assert CANONICAL.fullmatch(form)
    assert not set(form) & set("OIL")
    assert canonical(form) == form


ANY_CODE = st.text(alphabet=SYMBOLS, min_size=4, max_size=24)


@st.composite
def respelled(draw, of=ANY_CODE):
    """A code and another spelling of it: case, dashes, spaces, full width, look-alikes."""
    code = draw(of)
    spelling = []
    for symbol in code:
        for twin, group in LOOK_ALIKES.items():
            if symbol in group:
                symbol = draw(st.sampled_from(LOOK_ALIKES[twin]))
        symbol = draw(st.sampled_from([symbol, symbol.lower()]))
        symbol = draw(st.sampled_from([symbol, symbol, chr(ord(symbol) + 0xFEE0)]))
        spelling += [symbol, *draw(st.lists(st.sampled_from(SILENT + DASHES), max_size=2))]
    return code, "".join(spelling)


@given(respelled())
def test_any_respelling_has_the_same_form(pair):
    code, spelling = pair

    assert canonical(spelling) == canonical(code)


@given(respelled(), st.data())
def test_a_code_that_differs_in_one_symbol_never_has_the_same_form(pair, data):
    code, spelling = pair
    place = data.draw(st.integers(0, len(code) - 1))
    same = next((group for group in LOOK_ALIKES.values() if code[place] in group), code[place])
    other = data.draw(st.sampled_from([symbol for symbol in SYMBOLS if symbol not in same]))

    assert canonical(code[:place] + other + code[place + 1 :]) != canonical(spelling)
