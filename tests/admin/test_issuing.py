"""Issuing a batch from the desk: what was typed becomes exactly that order; whatever is wrong is said at its field."""

import datetime as dt
import json

import pytest
from django.urls import reverse

from codes import issuing, jobs
from codes.models import Batch, Code, IssueOrder, Terms
from ledger.balances import batch_value
from tests.admin.desk import World, page_of, text_of
from tests.content import make_item, make_offer
from tests.factories import make_asset

pytestmark = pytest.mark.django_db
ISSUE = "/admin/codes/batch/issue/"


def order_form(world: World, **fields: object) -> dict[str, object]:
    form: dict[str, object] = {
        "once": "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a11", "site": world.site.pk, "name": "Summer", "count": "3", "action": "credit",
        "asset": "EUR", "value": "12.50", "uses": "1", "uses_per_claimant": "1", "cooldown_seconds": "0", "time_zone": "UTC",
        "format": "ours",
    }  # fmt: skip
    return {**form, **fields}


def counts() -> tuple[int, int, int]:
    return Batch.objects.count(), Terms.objects.count(), IssueOrder.objects.count()


def test_the_form_becomes_exactly_that_order(world: World):
    answer = world.sign_in("operator").post(
        ISSUE,
        order_form(
            world,
            total_cap="100",
            uses="4",
            uses_per_claimant="2",
            cooldown_seconds="60",
            venues="till 1\n\n till 2 ",
            valid_from="2026-12-01",
            valid_until="2026-12-31",
            time_zone="Europe/Berlin",
            format="pattern",
            pattern="SUMMER-####-####-####-####",
        ),
    )

    batch = Batch.objects.get(name="Summer")
    assert answer.status_code == 302
    assert answer["Location"] == page_of(batch)
    terms, order = batch.orders.get().terms, batch.orders.get()
    assert (batch.site, batch.total_cap, batch.created_by) == (world.site, 100, world.staff["operator"].claimant_id)
    assert (order.wanted, order.state, order.actor_id) == (3, "queued", world.staff["operator"].claimant_id)
    assert (terms.action, terms.asset.code, terms.value, terms.uses, terms.uses_per_claimant) == (
        "credit",
        "EUR",
        1250,
        4,
        2,
    )
    assert (terms.cooldown_seconds, terms.venues, terms.pattern) == (
        60,
        ["till 1", "till 2"],
        "SUMMER-####-####-####-####",
    )
    # Entered as days in Berlin, stored as instants, the last day included.
    assert terms.valid_from == dt.datetime(2026, 11, 30, 23, tzinfo=dt.UTC)
    assert terms.valid_until == dt.datetime(2026, 12, 31, 23, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("typed", "parameters"),
    [
        ({"action": "add_tags", "tags": "gold, member ,"}, {"tags": ["gold", "member"]}),
        ({"action": "fulfilment", "item": " A free coffee "}, {"item": "A free coffee"}),
        ({"action": "apply_offer", "offer": " 2dfe "}, {"access_control": "2dfe"}),
        ({"action": "apply_offer", "offer": "118226", "match_all": "not looked at"}, {"access_control": 118226}),
        ({"action": "session_license", "offer": "77"}, {"access_control": "77"}),
        (
            {"action": "apply_offer_match", "offer": "2dfe", "match_all": "a \n\nProductId:1", "match_excluded": "b"},
            {"access_control": "2dfe", "match": {"all": ["a", "ProductId:1"], "excluded": ["b"]}},
        ),
    ],
)
def test_actions_without_value_take_their_own_parameters(world: World, typed: dict, parameters: dict):
    make_offer(make_item(world.site), "2dfe", 118226)
    make_offer(make_item(world.site), "77")
    world.sign_in("operator").post(ISSUE, order_form(world, asset="", value="", **typed))

    terms = Batch.objects.get(name="Summer").orders.get().terms
    assert (terms.parameters, terms.value, terms.asset) == (parameters, 0, None)


@pytest.mark.parametrize(
    ("wrong", "said", "field"),
    [
        ({"name": ""}, "This field is required", "name"),
        ({"name": "Cash"}, "There is a batch of this name already", "name"),
        ({"count": "0"}, "greater than or equal to 1", "count"),
        ({"count": "10000001"}, "less than or equal to 10000000", "count"),
        ({"count": "many"}, "Enter a whole number", "count"),
        ({"value": "12.505"}, "EUR has at most 2 decimal places", "value"),
        ({"value": "-1"}, "greater than zero", "value"),
        ({"value": "1e999999999"}, "too large", "value"),
        ({"value": "NaN"}, "greater than zero", "value"),
        ({"value": "twelve"}, "Write the amount as a number", "value"),
        ({"value": "9999999999999"}, "Give a whole number from 0 to", "value"),
        ({"value": ""}, "A value and its asset come together", "value"),
        ({"asset": ""}, "Say in which asset the value is", "asset"),
        ({"asset": "XXX"}, "Select a valid choice", "asset"),
        ({"asset": "PTS", "value": "1.5"}, "PTS has no decimal places", "value"),
        ({"action": "add_tags", "asset": "", "value": "", "tags": " , "}, "Give one to 1,000 tags", "tags"),
        ({"action": "add_tags", "tags": "gold"}, "This action gives no value", "value"),
        ({"action": "fulfilment", "asset": "", "value": ""}, "what is to be handed over", "item"),
        ({"action": "apply_offer"}, "This action gives no value", "value"),
        ({"action": "apply_offer", "asset": "", "value": ""}, "Give the ID or the number of an offer", "offer"),
        ({"action": "apply_offer", "asset": "", "value": "", "offer": "2dff"}, "No such offer: 2dff", "offer"),
        (
            {"action": "session_license_match", "asset": "", "value": "", "offer": "2dfe", "match_excluded": "a"},
            "Give at least one search term in all or any",
            "match_all",
        ),
        (
            {"action": "apply_offer_match", "asset": "", "value": "", "offer": "2dfe", "match_any": "a::b"},
            "Invalid search term: a::b",
            "match_all",
        ),
        ({"action": "refund", "booking": "none"}, "Give the ID of the booking", "booking"),
        ({"action": "explode"}, "Select a valid choice", "action"),
        ({"uses": "0"}, "greater than or equal to 1", "uses"),
        ({"uses_per_claimant": ""}, "This field is required", "uses_per_claimant"),
        (
            {"valid_from": "2026-12-31", "valid_until": "2026-12-01"},
            "The last day lies before the first",
            "valid_until",
        ),
        ({"valid_from": "31.12.26x"}, "Enter a valid date", "valid_from"),
        ({"time_zone": "Mars/Base"}, "Select a valid choice", "time_zone"),
        ({"format": "pattern", "pattern": "AB-##"}, "codes need at least", "pattern"),
        ({"format": "pattern", "pattern": ""}, "Write capitals, digits", "pattern"),
        ({"venues": "x" * 101}, "venue IDs of up to 100 characters", "venues"),
        ({"site": "0"}, "Select a valid choice", "site"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_written(world: World, wrong: dict, said: str, field: str):
    make_asset("PTS")
    make_offer(make_item(world.site), "2dfe")
    before = counts()
    answer = world.sign_in("operator").post(ISSUE, order_form(world, **wrong))

    assert answer.status_code == 200
    page = text_of(answer)
    errors = page[page.index(f'id="id_{field}_error"') :]
    assert said in errors[: errors.index("</ul>")]
    assert counts() == before


def test_the_site_is_one_of_theirs(world: World):
    from tests.admin.desk import make_world

    stranger = make_world("elsewhere").sign_in("operator")
    before = counts()

    assert "Select a valid choice" in text_of(stranger.post(ISSUE, order_form(world)))
    assert counts() == before


def test_sending_the_form_twice_orders_once(world: World):
    browser = world.sign_in("operator")
    first, second = browser.post(ISSUE, order_form(world)), browser.post(ISSUE, order_form(world))

    assert first["Location"] == second["Location"]
    assert Batch.objects.filter(name="Summer").count() == 1


def test_the_same_page_with_other_values_is_another_wish_and_refused(world: World):
    browser = world.sign_in("operator")
    browser.post(ISSUE, order_form(world))

    assert "Open it anew" in text_of(browser.post(ISSUE, order_form(world, count="4", name="Other")))
    assert not Batch.objects.filter(name="Other").exists()


def test_progress_is_told_step_by_step_until_every_code_is_there(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(issuing, "CHUNK", 2)
    browser = world.sign_in("operator")
    browser.post(ISSUE, order_form(world, count="5"))
    batch = Batch.objects.get(name="Summer")
    told = [browser.get(page_of(batch, "progress")).json()]

    issuing.work_order(batch.orders.get().pk, lambda order: told.append(browser.get(page_of(batch, "progress")).json()))

    assert [each["percent"] for each in told] == [0, 40, 80, 100]
    assert [each["finished"] for each in told] == [False, False, False, True]
    assert told[1]["text"] == "2 of 5 codes issued"
    page = text_of(browser.get(page_of(batch)))
    assert "100 %" in page
    assert "data-progress" not in page
    assert "62.50 EUR" in page  # Issued, and all of it outstanding.


def test_no_percent_says_done_before_it_is(world: World):
    order = world.rows["codes_issueorder"]
    IssueOrder.objects.filter(pk=order.pk).update(wanted=1_000, issued=999, state="running")
    browser = world.sign_in("support")

    assert browser.get(page_of(order.batch, "progress")).json()["percent"] == 99
    assert "data-progress" in text_of(browser.get(page_of(order.batch)))


def test_cancelling_leaves_no_code(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(issuing, "CHUNK", 2)
    order = world.rows["codes_issueorder"]
    issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
    browser = world.sign_in("operator")
    answer = browser.post(page_of(order.batch, "cancel"), {})

    assert answer["Location"] == page_of(order.batch)
    issuing.work_order(order.pk)
    assert not Code.objects.filter(batch=order.batch).exists()
    assert Batch.objects.get(pk=order.batch_id).state == "cancelled"
    page = text_of(browser.get(page_of(order.batch)))
    assert "Cancelled: none of the 3 codes exists" in page
    assert page_of(order.batch, "cancel") not in page


def test_cancelling_too_late_says_so(world: World):
    issuing.work_order(world.rows["codes_issueorder"].pk)
    batch = world.rows["codes_issueorder"].batch
    browser = world.sign_in("operator")

    answer = browser.post(page_of(batch, "cancel"), {}, follow=True)

    assert "is not possible any more" in text_of(answer)
    assert Code.objects.filter(batch=batch).count() == 3


def test_more_codes_on_the_same_terms(world: World):
    issuing.work_order(world.rows["codes_issueorder"].pk)
    batch = world.rows["codes_issueorder"].batch
    browser = world.sign_in("operator")
    form = {"count": "2", "once": "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a12"}
    for _ in range(2):
        browser.post(page_of(batch, "issue_more"), form)
    order = batch.orders.latest("id")
    issuing.work_order(order.pk)

    assert batch.orders.count() == 2
    assert Code.objects.filter(batch=batch).count() == 5
    assert batch_value(batch.pk)[0].issued == 500


def test_a_batch_of_supplied_codes_offers_no_more_of_them(world: World):
    assert page_of(world.batch, "issue_more") not in text_of(world.sign_in("operator").get(page_of(world.batch)))


def test_switching_a_batch_off_and_on_with_a_reason(world: World):
    browser = world.sign_in("operator")
    assert "This field is required" in text_of(browser.post(page_of(world.batch, "switch_off"), {"reason": " "}))
    assert Batch.objects.get(pk=world.batch.pk).state == "active"

    browser.post(page_of(world.batch, "switch_off"), {"reason": "printed twice"})
    assert Batch.objects.get(pk=world.batch.pk).state == "disabled"
    audit = world.sign_in("manager").get(reverse("admin:accounts_auditrecord_changelist"))
    assert "batch.disable" in text_of(audit)

    browser.post(page_of(world.batch, "switch_on"), {"reason": "sorted out"})
    assert Batch.objects.get(pk=world.batch.pk).state == "active"


def test_the_format_is_judged_while_it_is_typed(world: World):
    browser = world.sign_in("operator")
    path = reverse("admin:codes_batch_format_help")

    def ask(**query: object) -> dict:
        return browser.get(path, {"site": world.site.pk, "format": "pattern", "count": 1000, **query}).json()

    good, bad = ask(pattern="TRY-####-####-####-####"), ask(pattern="TRY-####")
    assert good["fits"]
    assert good["text"].startswith("For example TRY-")
    assert not bad["fits"]
    assert "codes need at least" in bad["text"]
    for query in (
        {"format": "none"},
        {"pattern": "\x00"},
        {"count": "-5"},
        {"count": "9" * 400},
        {"pattern": "x" * 500},
    ):
        assert isinstance(json.dumps(ask(**query)), str)
    assert browser.get(path, {"site": "0"}).status_code == 404
    assert world.sign_in("support").get(path, {"site": world.site.pk}).status_code == 404


def test_a_batch_is_found_by_its_whole_name(world: World):
    browser = world.sign_in("support")
    path = reverse("admin:codes_batch_changelist")

    assert page_of(world.batch) in text_of(browser.get(path, {"q": "Cash"}))
    assert page_of(world.batch) not in text_of(browser.get(path, {"q": "Cas"}))


def test_value_figures_say_where_the_value_is(world: World):
    page = text_of(world.sign_in("support").get(page_of(world.batch)))

    # Three uses of 5 EUR: two redeemed, one of them reversed without giving the use back.
    for amount in ("15.00 EUR", "5.00 EUR", "0.00 EUR"):
        assert amount in page
