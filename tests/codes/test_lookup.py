"""Finding a code by whatever spelling of it somebody typed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codes.lookup import canonical, find_code, shown
from codes.models import Code
from tests.codes.redeeming import reason_of, redeem
from tests.codes.test_canonical_form import respelled
from tests.factories import make_batch, make_claimant, make_code, make_site

pytestmark = pytest.mark.django_db

SPELLINGS = ["ABC-E6W5F", "abc-e6w5f", " ABC E6W5F ", "ＡＢＣ－Ｅ６Ｗ５Ｆ", "A-B-C-E-6-W-5-F", "\u200babce6w5f\n"]


@pytest.mark.parametrize("typed", SPELLINGS)
def test_staff_and_claimants_find_a_code_by_any_spelling(typed):
    claimant = make_claimant()
    code = make_code(claimant.site, "ABC-E6W5F")

    assert find_code(code.site_id, typed) == code
    outcome = redeem(claimant, typed)

    assert outcome.code_shown == "ABC-E6W5F"
    assert outcome.attempt.code_id == code.pk


def test_a_code_keeps_the_letters_and_dashes_it_was_issued_with():
    code = make_code(text="Oil-Paint.LIO_1")

    assert shown(code) == "Oil-Paint.LIO_1"
    assert find_code(code.site_id, "0I1 PAINT.110_L") == code


def test_another_sites_code_is_not_found():
    claimant = make_claimant()
    other = make_code(make_site(), "ABC-E6W5F")

    assert find_code(claimant.site_id, "ABC-E6W5F") is None
    assert reason_of(redeem(claimant, "ABC-E6W5F")) == "code_not_found"
    assert Code.objects.get(pk=other.pk).uses == 0


def test_two_sites_may_have_the_same_code_and_each_finds_its_own():
    one, two = make_code(make_site(), "SUMMER-1", worth_cents=100), make_code(make_site(), "SUMMER-1", worth_cents=200)

    assert find_code(one.site_id, "summer1") == one
    assert find_code(two.site_id, "summer1") == two
    claimant = make_claimant(two.site)
    assert redeem(claimant, "summer1").attempt.code_id == two.pk


@pytest.mark.parametrize("typed", ["", "***", "ABC", "NOPE-0001", "ABC-E6W5", "ABC-E6W5FF", "ABC-E6W5F" + " " * 100])
def test_what_names_no_code_finds_none(typed):
    code = make_code(text="ABC-E6W5F")

    assert find_code(code.site_id, typed) is None


def test_what_is_longer_than_a_code_may_be_is_not_cut_down_to_one():
    code = make_code(text="ABC-E6W5F")

    assert find_code(code.site_id, "ABC-E6W5F" + " " * 92 + "XYZ") is None


def test_any_respelling_finds_the_same_code_and_never_another():
    site = make_site()
    texts = ["ABC-E6W5F", "OIL0-1LIO", "0110-1110", "ZZZZ", "zz.z_z", "A" * 24]
    codes = {text: make_code(site, text, worth_cents=100) for text in texts[:2] + texts[3:]}
    by_form = {canonical(text): code for text, code in codes.items()}

    @settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(respelled(st.sampled_from(list(codes)).map(lambda text: text.replace("-", "").upper())))
    def finds(pair):
        assert find_code(site.pk, pair[1]) == by_form[canonical(pair[0])]

    finds()


def test_every_generated_code_is_found_by_what_is_shown_of_it():
    for fields in (
        {"format": "ours"},
        {"format": "hex"},
        {"format": "prepaid"},
        {"format": "pattern", "pattern": "X-########"},
    ):
        batch = make_batch(count=5 if fields["format"] != "pattern" else 1, **fields)
        for code in batch.codes.all():
            assert find_code(code.site_id, shown(code)) == code
            assert find_code(code.site_id, shown(code).lower().replace("-", " ")) == code
