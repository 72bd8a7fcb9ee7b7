"""A word without a limit of uses at the desk: issued by one form, and told in words wherever uses are."""

import pytest

from codes.models import Attempt, Batch, Code
from codes.models.terms import UNLIMITED_USES
from tests.admin.desk import World, page_of, redeem, text_of
from tests.admin.test_issuing import ISSUE, counts, order_form

pytestmark = pytest.mark.django_db
WORD = {
    "name": "Burgers", "action": "fulfilment", "asset": "", "value": "", "item": "A burger", "unlimited": "on",
    "format": "supplied", "word": "BURGER",
}  # fmt: skip


def test_one_form_issues_it_and_a_second_click_does_nothing(world: World):
    browser = world.sign_in("operator")
    answers = [browser.post(ISSUE, order_form(world, **WORD)) for _ in range(2)]

    batch = Batch.objects.get(name="Burgers")
    code = Code.objects.get(batch=batch)
    assert [answer["Location"] for answer in answers] == [page_of(batch)] * 2
    assert (batch.state, code.max_uses, code.order.terms.format) == ("active", UNLIMITED_USES, "supplied")
    redeem(world.claimant, "burger")
    code.refresh_from_db()
    assert (code.uses, code.state) == (1, "active")


def test_it_is_told_in_words_everywhere(world: World):
    browser = world.sign_in("manager")
    browser.post(ISSUE, order_form(world, **WORD))
    batch = Batch.objects.get(name="Burgers")
    redeem(world.claimant, "burger")
    attempt = Attempt.objects.get(batch=batch)
    pages = [page_of(batch), page_of(batch.codes.get()), page_of(attempt), f"/admin/codes/code/?batch={batch.pk}"]

    told = [text_of(browser.get(page)) for page in pages]

    assert all("2147483" not in text and "2,147,483" not in text for text in told)
    assert "without limit (1 per claimant)" in told[0]
    assert "1, without limit" in told[1]
    assert "without limit" in told[2]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"action": "credit", "asset": "EUR", "value": "5.00"}, "need a limit of uses"),
        ({"word": ""}, "Give the word."),
        ({"word": "?"}, "cannot be read as a code"),
        ({"word": "x" * 101}, "at most 100 characters"),
    ],
)
def test_what_cannot_be_is_said_at_its_field(world: World, fields: dict, said: str):
    before = counts()
    page = world.sign_in("operator").post(ISSUE, order_form(world, **{**WORD, **fields}))

    assert page.status_code == 200
    assert said in text_of(page)
    assert counts() == before


def test_a_word_that_exists_is_refused(world: World):
    browser = world.sign_in("operator")
    browser.post(ISSUE, order_form(world, **WORD))
    before = counts()
    page = browser.post(
        ISSUE, order_form(world, **{**WORD, "name": "More", "once": "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a12"})
    )

    assert "exists already" in text_of(page)
    assert counts() == before


def test_an_edit_takes_the_limit_off(world: World):
    browser = world.sign_in("manager")
    browser.post(ISSUE, order_form(world, **{**WORD, "unlimited": ""}))
    batch = Batch.objects.get(name="Burgers")
    form = {"once": "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a13", "kind": "uses", "unlimited": "on", "reason": "why"}

    page = browser.post(page_of(batch, "edit_codes"), form)
    assert "Uses without limit" in text_of(page)
    both = browser.post(page_of(batch, "edit_codes"), {**form, "max_uses": "4"})
    assert "not both" in text_of(both)
    browser.post(page_of(batch, "edit_codes"), {**form, "confirmed": "yes"})
    assert batch.edits.get().parameters == {"max_uses": UNLIMITED_USES}
