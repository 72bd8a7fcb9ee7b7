"""Keyed digests: the same for the same, another for anything else."""

import pytest

from accounts import digests


def test_the_same_parts_give_the_same_digest():
    assert digests.keyed("test", "a", b"b") == digests.keyed("test", b"a", "b")
    assert len(digests.keyed("test")) == 16
    assert len(digests.keyed("test", size=32)) == 32


@pytest.mark.parametrize(
    ("purpose", "parts"),
    [
        ("test", ("ab",)),
        ("test", ("a", "b", "")),
        ("test", ("", "a", "b")),
        ("test", ("b", "a")),
        ("testa", ("b",)),
        ("a purpose of more than sixteen bytes, first", ("a", "b")),
        ("a purpose of more than sixteen bytes, second", ("a", "b")),
    ],
)
def test_nothing_else_does(purpose, parts):
    others = {digests.keyed("test", "a", "b"), digests.keyed("a purpose of more than sixteen bytes", "a", "b")}

    assert digests.keyed(purpose, *parts) not in others


def test_long_purposes_that_begin_alike_are_told_apart():
    assert digests.keyed("a purpose of sixteen bytes and more") != digests.keyed("a purpose of sixteen bytes and less")


def test_another_pepper_gives_another_digest(settings):
    before = digests.keyed("test", "a")

    settings.PEPPER = b"another pepper of at least 32 bytes"
    assert digests.keyed("test", "a") != before


def test_text_that_no_encoding_knows_has_a_digest_too():
    assert digests.keyed("test", "\ud800") != digests.keyed("test", "\ud801")


def test_comparing():
    assert digests.equal(b"same", b"same")
    assert not digests.equal(b"same", b"some")
