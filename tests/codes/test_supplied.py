"""Codes given as they are: all of them or none, each readable, each once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import issuing, lookup
from codes.models import Batch, Code, IssueOrder, Terms
from tests.codes.redeeming import reason_of, redeem, spread
from tests.factories import make_asset, make_batch, make_claimant, make_code, make_site, make_user, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


def test_they_keep_their_letters_and_are_active_at_once(site):
    texts = ["ABC-E6W5F", "Oil.Paint_1", "ＡＢＣＤ", "12345678901234567890"]

    batch = issuing.issue_supplied(new_batch(site, worth_cents=300, uses=2), texts)

    assert batch.state == Batch.State.ACTIVE
    assert [lookup.shown(code) for code in batch.codes.order_by("serial")] == texts
    assert spread(batch) == (2_400, 2_400, 0, 0, 0)
    order = IssueOrder.objects.get()
    assert (order.state, order.wanted, order.issued) == (IssueOrder.State.DONE, 4, 4)
    assert Terms.objects.get().format == "supplied"


def test_they_can_be_redeemed(site):
    issuing.issue_supplied(new_batch(site, worth_cents=300), ["ABC-E6W5F"])

    assert reason_of(redeem(make_claimant(site), "abce6w5f")) == "redeemed"


def test_they_can_have_an_owner(site):
    owner = make_user(site)

    batch = issuing.issue_supplied(new_batch(site), ["ABC-E6W5F"], owner_id=owner.pk)

    assert batch.codes.get().owner == owner


def test_their_count_and_format_are_what_was_given(site):
    batch = issuing.issue_supplied(
        new_batch(site, count=0, format="pattern", pattern="never looked at"), ["ABCD", "EFGH"]
    )

    assert batch.codes.count() == 2


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "Give 1 to 1,000"),
        ([f"CODE-{number:04}" for number in range(1_001)], "Give 1 to 1,000"),
        (["ABCD", "***"], "Code 2 cannot be read"),
        (["ABC"], "Code 1 cannot be read"),
        ([""], "Code 1 cannot be read"),
        (["A" * 65], "Code 1 cannot be read"),
        (["ABCD", "A-" * 51], "Code 2 is longer than 100"),
        (["ABCD" + " " * 97], "Code 1 is longer than 100"),
        (["ſECRET-1"], "Code 1 cannot be read"),
        (["ABC\ud800DE"], "Code 1 cannot be read"),
        (["SOIL-1", "S0IL-1"], "twice"),
        (["ABCD", "ab-cd"], "twice"),
    ],
)
def test_what_is_wrong_with_them_is_told_and_nothing_is_written(site, texts, said):
    with pytest.raises(ValidationError) as refused:
        issuing.issue_supplied(new_batch(site), texts)

    assert said in refused.value.message_dict["codes"][0]
    assert not Batch.objects.exists()
    assert not Code.objects.exists()


@pytest.mark.parametrize("text", ["ABC-OIL-1", "abc0i11", " A B C 0 1 L 1 "])
def test_a_code_that_the_site_has_already_is_refused_in_every_spelling_and_the_others_with_it(site, text):
    make_code(site, "ABC-OIL-1")

    with pytest.raises(ValidationError, match="exists already"):
        issuing.issue_supplied(new_batch(site, name="again", worth_cents=300), ["NEW-1", text])

    assert Code.objects.count() == 1
    assert Batch.objects.count() == 1


def test_a_generated_code_cannot_be_supplied_again(site):
    text = lookup.shown(make_batch(site, count=1).codes.get())

    with pytest.raises(ValidationError, match="exists already"):
        issuing.issue_supplied(new_batch(site), [text.lower()])


def test_a_code_that_was_deleted_stays_taken(site):
    make_code(site, "ABC-E6W5F")
    Code.objects.update(state=Code.State.DELETED)

    with pytest.raises(ValidationError, match="exists already"):
        issuing.issue_supplied(new_batch(site, name="again"), ["ABC-E6W5F"])


def test_another_site_may_have_the_same_codes(site):
    make_code(site, "ABC-E6W5F")

    assert make_code(make_site(), "ABC-E6W5F").pk


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"name": ""}, "name"), ({"uses": 0}, "uses"), ({"value": 10**12, "asset_code": "EUR", "uses": 10**6}, "value")],
)
def test_the_rest_is_checked_as_for_any_batch(site, fields, field):
    make_asset()
    new = new_batch(site, action="credit", **{"asset_code": "EUR", "value": 5, **fields})
    if "name" in fields:
        new = new.__class__(**{**vars(new), "name": ""})

    with pytest.raises(ValidationError) as refused:
        issuing.issue_supplied(new, ["ABCD", "EFGH"])

    assert list(refused.value.message_dict) == [field]
    assert not Batch.objects.exists()


def test_a_thousand_cost_as_many_statements_as_two(site):
    make_code(site, "FIRST-1")  # After which the site has its accounts.

    statements = []
    for count in (2, 1_000):
        new = new_batch(site, name=f"{count} codes", worth_cents=1)
        with CaptureQueriesContext(connection) as made:
            issuing.issue_supplied(new, [f"CODE-{count}-{number:04}" for number in range(count)])
        statements.append(len(made))

    assert statements[0] == statements[1]
