"""Items of orders: entering a status that generates codes issues a voucher's codes, one a unit, once.

Source: prepaid engine, section 7.
"""

import datetime as dt
import re

import pytest
from django.core.exceptions import ValidationError

from accounts import clock
from accounts.models import AuditRecord, PrepaidSettings
from codes import articles, lookup
from codes.models import Batch, Code, IssueOrder, ItemStatus, ShopOrderItem, Terms
from codes.refusals import BatchNotActive
from codes.shop_orders import move_item
from codes.switching import change_batch
from ledger.balances import balance, batch_value
from ledger.models import LedgerAccount, LedgerTransaction
from tests.codes.redeeming import assert_sound, redeem
from tests.codes.shop import make_article, make_item, move, place, status_of
from tests.factories import make_batch, make_claimant, make_site

pytestmark = pytest.mark.django_db

ORDERED, IN_WORK, DONE, GENERATES, CANCELLED = 1, 2, 3, 4, 5
READS = re.compile(r"([2-9A-HJ-NP-Z]{4}-){3}[2-9A-HJ-NP-Z]{4}")


@pytest.fixture
def site():
    return make_site()


@pytest.fixture(autouse=True)
def every_invariant_holds(site):
    yield
    assert_sound()


def codes_of(item):
    return Code.objects.filter(order__shop_order_item=item).order_by("serial")


def test_case_37_three_units_give_three_codes_and_entering_again_gives_no_more(site):
    item = make_item(site, quantity=3)

    moved = move(item, GENERATES)
    assert (moved.issued, moved.changed) == (3, True)
    first = list(codes_of(item))
    assert len(first) == 3

    assert move(item, ORDERED).issued == 0
    assert move(item, GENERATES).issued == 0
    assert list(codes_of(item)) == first
    assert Code.objects.count() == 3


def test_the_codes_read_as_the_protocol_says_and_are_worth_the_price(site):
    item = make_item(site, quantity=2, price=2_500)
    move(item, GENERATES)

    codes = codes_of(item).select_related("terms__asset")
    assert all(READS.fullmatch(lookup.shown(code)) for code in codes)
    terms = Terms.objects.get()
    assert (terms.action, terms.asset.code, terms.value, terms.uses) == ("credit", "EUR", 2_500, 1)
    assert {code.valid_until for code in codes} == {None}
    batch = Batch.objects.get()
    assert (batch.name, batch.state) == (f"Article {item.article.number}: Gift card", "active")
    [value] = batch_value(batch.pk)
    assert (value.issued, value.outstanding) == (5_000, 5_000)


def test_a_code_of_an_order_tops_up_an_account(site):
    anna = make_claimant(site)
    item = make_item(site, quantity=1)
    move(item, GENERATES)

    assert redeem(anna, lookup.shown(codes_of(item).get())).refusal is None
    assert balance(LedgerAccount.objects.get(owner=anna)) == 2_500


@pytest.mark.parametrize("days", [None, 1, 365])
def test_codes_are_valid_for_the_days_that_the_site_says_and_their_last_second(site, days):
    PrepaidSettings.objects.create(site=site, code_valid_days=days)
    before = clock.read()
    item = make_item(site, quantity=1)
    move(item, GENERATES)

    until = codes_of(item).get().valid_until
    if days is None:
        assert until is None
        return
    last_second = until - dt.timedelta(seconds=1)
    assert last_second.microsecond == 0
    assert before - dt.timedelta(seconds=1) < last_second - dt.timedelta(days=days) <= clock.read()


def test_an_ordinary_article_gives_no_codes_whatever_its_item_enters(site):
    item = make_item(site, voucher=False)

    assert [move(item, category).issued for category in (GENERATES, DONE, GENERATES)] == [0, 0, 0]
    assert not Batch.objects.exists()
    assert not LedgerTransaction.objects.exists()


@pytest.mark.parametrize("value", ["0", "2", "yes", "11"])
def test_only_the_property_1_makes_a_voucher(site, value):
    article = make_article(site)
    article.properties.update(value=value)
    item = place(site, (article, 3)).items.get()

    assert move(item, GENERATES).issued == 0


@pytest.mark.parametrize("category", [ORDERED, IN_WORK, DONE, CANCELLED])
def test_a_status_of_another_category_makes_none(site, category):
    item = make_item(site)

    assert move(item, category).issued == 0
    assert not Code.objects.exists()


def test_entering_a_status_in_which_it_stands_changes_nothing(site):
    item = make_item(site)
    move(item, GENERATES)
    audited = AuditRecord.objects.count()

    moved = move(item, GENERATES)

    assert (moved.changed, moved.issued) == (False, 0)
    assert AuditRecord.objects.count() == audited


def test_a_second_status_that_generates_makes_no_more(site):
    item = make_item(site)
    move(item, GENERATES)
    other = ItemStatus.objects.create(site=site, number=33, name="Codes again", category=GENERATES)

    assert move_item(item, other, caller_key="system", actor_id="system", door="test").issued == 0
    assert Code.objects.count() == 3


def test_the_price_as_ordered_counts_and_not_that_of_today(site):
    item = make_item(site, quantity=1, price=2_500)
    articles.change_article(
        item.article, articles.ArticleFields(name="Dearer", price=9_900, properties={25: "1"}), actor_id="system"
    )

    move(item, GENERATES)

    assert codes_of(item).get().terms.value == 2_500


def test_whether_it_is_a_voucher_is_asked_when_it_enters(site):
    item = make_item(site, quantity=1)
    fields = articles.fields_of(item.article)
    articles.change_article(
        item.article, articles.ArticleFields(name=fields.name, price=fields.price), actor_id="system"
    )
    assert move(item, GENERATES).issued == 0

    articles.change_article(item.article, fields, actor_id="system")
    move(item, ORDERED)
    assert move(item, GENERATES).issued == 1


def test_the_codes_of_an_article_are_in_one_batch_one_after_the_other(site):
    article = make_article(site)
    first, second = place(site, (article, 2), (article, 3)).items.order_by("position")
    move(second, GENERATES)
    move(first, GENERATES)

    assert [code.serial for code in codes_of(second)] == [1, 2, 3]
    assert [code.serial for code in codes_of(first)] == [4, 5]
    assert Batch.objects.count() == 1


def test_a_name_that_is_taken_is_numbered_and_a_long_one_is_cut(site):
    make_batch(site, name="Article 1: Gift card")
    move(make_item(site, 1), GENERATES)
    move(make_item(site, 1, name="x" * 100), GENERATES)

    names = set(Batch.objects.values_list("name", flat=True))
    assert names == {"Article 1: Gift card", "Article 1: Gift card (2)", f"Article 2: {'x' * 89}"}


def test_a_batch_that_is_switched_off_issues_nothing_and_the_item_stays(site):
    article = make_article(site)
    first, second = place(site, (article, 1), (article, 1)).items.order_by("position")
    move(first, GENERATES)
    change_batch(Batch.objects.get(), actor_id="system", state="disabled")

    with pytest.raises(BatchNotActive):
        move(second, GENERATES)

    second.refresh_from_db()
    assert (second.status.category, second.issue_order_id) == (ORDERED, None)
    assert Code.objects.count() == 1
    assert batch_value(Batch.objects.get().pk)[0].issued == 2_500


def test_a_voucher_that_cost_nothing_gives_no_codes_and_says_so(site):
    article = make_article(site, price=0, voucher=False)
    item = place(site, (article, 1)).items.get()
    articles.change_article(
        article, articles.ArticleFields(name="Card", price=100, properties={25: "1"}), actor_id="system"
    )

    with pytest.raises(ValidationError, match="worth nothing"):
        move(item, GENERATES)
    assert not IssueOrder.objects.exists()


def test_a_status_of_another_site_is_refused(site):
    item = make_item(site)
    with pytest.raises(ValidationError):
        move_item(item, status_of(make_site(), GENERATES), caller_key="system", actor_id="system", door="test")
    assert ShopOrderItem.objects.get().status.category == ORDERED


def test_moving_costs_as_many_statements_for_many_units_as_for_one(site, django_assert_max_num_queries):
    article = make_article(site)
    small, large = place(site, (article, 1), (article, 2_000)).items.order_by("position")
    move(make_item(site, 1), GENERATES)
    for item in (small, large):
        with django_assert_max_num_queries(45):
            assert move(item, GENERATES).issued == item.quantity


def test_a_move_is_audited_with_its_codes(site):
    item = make_item(site, quantity=2)
    move(item, GENERATES, actor_id="clerk", reason=" paid ")

    audited = AuditRecord.objects.get(action="shoporder.move_item")
    assert audited.detail == {"position": 1, "from": 1, "to": 3, "codes": 2, "reason": "paid", "door": "test"}
    assert (audited.actor_id, audited.object_id) == ("clerk", str(item.order_id))
    issued = AuditRecord.objects.get(action="batch.order")
    assert (issued.detail["count"], issued.detail["item"]) == (2, item.pk)
