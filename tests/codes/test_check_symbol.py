"""A typo in a code of ours is told as one, and nothing else is."""

import pytest

from codes import formats, lookup
from tests.codes.redeeming import reason_of, redeem
from tests.factories import make_batch, make_claimant, make_code

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna():
    return make_claimant()


def mistyped(text):
    """The code with its first symbol wrong."""
    return ("8" if text[0] != "8" else "9") + text[1:]


def test_a_wrong_symbol_in_a_code_of_ours_is_a_format_that_cannot_be(anna):
    text = lookup.shown(make_batch(anna.site, count=1).codes.get())

    outcome = redeem(anna, mistyped(text))

    assert (reason_of(outcome), outcome.refusal.step) == ("code_format_invalid", 2)
    assert outcome.attempt.checks[-1]["check"] == "check_symbol"


def test_a_code_of_ours_that_does_not_exist_is_not_found(anna):
    make_batch(anna.site, count=1)

    assert reason_of(redeem(anna, formats.draw_ours(1, "")[0])) == "code_not_found"


@pytest.mark.parametrize("fields", [{"format": "hex"}, {"format": "prepaid"}])
def test_on_a_site_without_codes_of_ours_nothing_is_called_a_typo(anna, fields):
    make_batch(anna.site, count=1, **fields)

    assert reason_of(redeem(anna, "0123456789ABCDEF")) == "code_not_found"
    assert reason_of(redeem(anna, "2222-3333-4444-5555")) == "code_not_found"


def test_another_sites_codes_of_ours_change_nothing(anna):
    make_batch(count=1)

    assert reason_of(redeem(anna, "AAAA-BBBB-CCCC-DDDE")) == "code_not_found"


def test_a_code_that_exists_is_never_a_typo_whatever_its_last_symbol(anna):
    make_batch(anna.site, count=1)
    text = next(t for t in ("AAAABBBBCCCCDDD" + s for s in "0123") if formats.has_wrong_check_symbol(t))
    make_code(anna.site, text)

    assert reason_of(redeem(anna, text)) != "code_format_invalid"
    assert lookup.find_code(anna.site_id, text) is not None


def test_look_alikes_are_no_typos(anna):
    make_batch(anna.site, count=1)
    text = "0123-4567-89AB-CDE"
    text += formats.check_symbol(text.replace("-", ""))
    make_code(anna.site, text)

    assert redeem(anna, text.replace("0", "O").replace("1", "l")).code_shown == text


@pytest.mark.parametrize("text", ["NOPE-0001", "AAAA-BBBB-CCCC-DDD", "AAAA-BBBB-CCCC-DDDD-E", "UUUU-UUUU-UUUU-UUUU"])
def test_what_has_another_shape_is_just_unknown(anna, text):
    make_batch(anna.site, count=1)

    assert reason_of(redeem(anna, text)) == "code_not_found"
