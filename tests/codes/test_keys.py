"""The keys under codes: what they find and what they hide."""

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from codes import keys
from tests.codes.rotation import live


@pytest.fixture(autouse=True)
def one_key(settings):
    live(settings, 1)


def test_a_digest_is_bound_to_its_site_its_code_and_its_key_version(settings):
    live(settings, 1, 2)

    digests = {
        keys.lookup(7, "ABCE6W5F", 1),
        keys.lookup(8, "ABCE6W5F", 1),
        keys.lookup(7, "ABCE6W5G", 1),
        keys.lookup(7, "ABCE6W5F", 2),
        keys.lookup(78, "BCE6W5F", 1),
    }

    assert len(digests) == 5
    assert {len(digest) for digest in digests} == {16}


def test_a_digest_is_the_same_every_time():
    assert keys.lookup(7, "ABCE6W5F", 1) == keys.lookup(7, "ABCE6W5F", 1)


@given(st.text())
def test_whatever_is_sealed_is_shown_again(text):
    version, sealed = keys.seal(7, text)

    assert version == 1
    assert keys.unseal(7, version, sealed) == text
    if text:
        assert text.encode("utf-8", "surrogatepass") not in sealed or len(text) < 3


def test_text_that_no_alphabet_can_spell_is_sealed_too():
    version, sealed = keys.seal(7, "AB\ud800CD\x00")

    assert keys.unseal(7, version, sealed) == "AB\ud800CD\x00"


def test_a_sealed_text_is_bound_to_its_site():
    version, sealed = keys.seal(7, "ABC-E6W5F")

    with pytest.raises(InvalidTag):
        keys.unseal(8, version, sealed)


def test_a_sealed_text_that_was_changed_is_not_shown():
    version, sealed = keys.seal(7, "ABC-E6W5F")

    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(InvalidTag):
            keys.unseal(7, version, changed)
    with pytest.raises(InvalidTag):
        keys.unseal(7, version, sealed[:-1])


def test_a_text_sealed_under_another_key_is_not_shown(settings):
    _, sealed = keys.seal(7, "ABC-E6W5F")
    live(settings, 1, 2)

    with pytest.raises(InvalidTag):
        keys.unseal(7, 2, sealed)


def test_a_key_that_is_gone_shows_nothing(settings):
    version, sealed = keys.seal(7, "ABC-E6W5F")
    live(settings, 2)

    with pytest.raises(KeyError):
        keys.unseal(7, version, sealed)


def test_the_newest_version_seals_and_all_live_ones_find(settings):
    live(settings, 2, 3)

    assert keys.newest() == 3
    assert keys.versions() == [3, 2]
    assert keys.seal(7, "ABC-E6W5F")[0] == 3
    odd, even = keys.lookup_columns(7, "ABCE6W5F")
    assert odd == keys.lookup(7, "ABCE6W5F", 3)
    assert even == keys.lookup(7, "ABCE6W5F", 2)
    assert list(keys.lookups(7, "ABCE6W5F").items()) == [(3, odd), (2, even)]


@pytest.mark.parametrize(("version", "filled"), [(1, (True, False)), (2, (False, True)), (3, (True, False))])
def test_one_live_version_fills_one_column(settings, version, filled):
    live(settings, version)

    assert tuple(column is not None for column in keys.lookup_columns(7, "ABCE6W5F")) == filled


@pytest.mark.parametrize("versions", [(1,), (2,), (1, 2)])
def test_many_have_the_digests_and_seals_of_each(settings, versions):
    settings.CODE_KEYS = {version: bytes([version]) * 32 for version in versions}
    texts = ["ABCD-EFGH", "x", "\ud800"]
    forms = ["ABCDEFGH", "1", "A.B_"]

    assert list(zip(*keys.lookup_all(7, forms), strict=True)) == [keys.lookup_columns(7, form) for form in forms]
    version, sealed = keys.seal_all(7, texts)
    assert [(version, each) for each in sealed] == [keys.seal(7, text) for text in texts]
    assert keys.lookup_all(7, []) == ([], [])


def test_an_unkeyed_digest_of_a_code_is_nowhere_near_its_keyed_one():
    import hashlib

    digest = keys.lookup(7, "ABCE6W5F", 1)

    for text in (b"ABCE6W5F", b"7\0ABCE6W5F", b"ABC-E6W5F"):
        assert hashlib.blake2b(text, digest_size=16).digest() != digest
