"""The strict JSON reader against the standard one: it reads everything harmless alike, and never raises anything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codes.refusals import RequestMalformed
from redemption_site.edge.parsing import DEEPEST, MOST_MEMBERS, is_plain, parse_json

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18) + 1, 10**18 - 1) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=30,
)


@given(values, st.booleans())
def test_what_is_harmless_is_read_as_it_was_written(value: object, ascii_only: bool):
    assert parse_json(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_bytes_of_any_kind_are_read_or_refused(body: bytes):
    try:
        found = parse_json(body)
    except RequestMalformed:
        return
    assert json.loads(body) == found


@given(st.text(st.sampled_from('[]{},:"\\ 1'), max_size=120))
def test_brackets_of_any_kind_are_read_or_refused(text: str):
    try:
        found = parse_json(text.encode())
    except RequestMalformed:
        return
    assert json.loads(text) == found


def nested(depth: int, opening: str = "[", closing: str = "]") -> bytes:
    return (opening * depth + closing * depth).encode()


def test_depth_is_counted_exactly():
    assert parse_json(nested(DEEPEST)) is not None
    for too_deep in (DEEPEST + 1, 1_000, 100_000):
        with pytest.raises(RequestMalformed):
            parse_json(nested(too_deep))


def test_members_are_counted_exactly():
    assert len(parse_json(json.dumps(list(range(MOST_MEMBERS - 1))).encode())) == MOST_MEMBERS - 1
    with pytest.raises(RequestMalformed):
        parse_json(json.dumps(list(range(MOST_MEMBERS + 1))).encode())
    with pytest.raises(RequestMalformed):
        parse_json(json.dumps({str(number): number for number in range(MOST_MEMBERS + 1)}).encode())


@pytest.mark.parametrize("text", ["plain", "with space", "ÄÖÜ ß 日本語 🎟", "a\u00a0b", "e\u0301"])
def test_ordinary_text_is_plain(text: str):
    assert is_plain(text)


@pytest.mark.parametrize("character", "\x00\x07\n\x1b\x7f\x85\u200e\u202e\u2028\u2066")
def test_control_characters_and_turns_of_direction_are_not(character: str):
    assert not is_plain(f"a{character}b")
