"""Finding on the desk at any size: every list and filter by an index, and what no index answers in bounded steps."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.admin import paging
from accounts.models import User
from codes import walking
from codes.models import Attempt, Code
from ledger.models import LedgerTransaction
from tests.admin.desk import World, list_of, make_world, page_of, redeem, text_of, unwritten
from tests.factories import make_batch, make_code
from tests.plans import read_whole
from tests.scenes import scene

pytestmark = pytest.mark.django_db


def make_busy_world() -> World:
    """A code redeemed often and refused as often, and a batch with one code switched off."""
    world = make_world()
    make_code(world.site, "BUSY-4567", uses=90, uses_per_claimant=90, worth_cents=1, name="busy")
    for _ in range(4):
        redeem(world.claimant, *["BUSY-4567", "SECRET-ITEM-9QXA"] * 8)
    batch = make_batch(world.site, count=130, name="many")
    Code.objects.filter(batch=batch, serial__in=(4, 70)).update(state="disabled")
    return world


busy_scene = scene("busy", make_busy_world)


@pytest.fixture
def busy(busy_scene: Callable[[], World], db: None) -> World:
    return busy_scene()


# What each list asks beyond the desk's own statements (session, user, memberships, sites), and with which filters.
LISTS = {
    "codes_batch": ({}, {"state": "disabled"}, {"site": "SITE"}, {"q": "busy"}),
    "codes_code": (
        {}, {"site": "SITE"}, {"batch": "BATCH"}, {"owner": "OWNER"}, {"state__exact": "disabled"},
        {"batch": "BATCH", "state__exact": "disabled"}, {"site": "SITE", "state__exact": "deleted"},
        {"owner": "OWNER", "batch": "BATCH"}, {"owner": "OWNER", "state__exact": "active"},
    ),
    "codes_attempt": (
        {}, {"site": "SITE"}, {"when": "day"}, {"outcome__exact": "refused"}, {"reason": "code_used_up"}, {"door": "page"},
        {"batch": "BATCH"}, {"code": "CODE"}, {"claimant": "OWNER"}, {"batch": "BATCH", "reason": "code_used_up"},
        {"site": "SITE", "when": "hour", "outcome__exact": "redeemed"}, {"claimant": "OWNER", "when": "hour"},
        {"q": "R-000000001"}, {"q": "a-reference"}, {"q": "0192d3f0-0000-7000-8000-000000000000"},
    ),
    "ledger_ledgertransaction": ({}, {"site": "SITE"}, {"type__exact": "credit"}, {"when": "day"}),
    "codes_receiptmail": ({},),
    "accounts_auditrecord": ({},),
    "accounts_item": (
        {}, {"site": "SITE"}, {"kind": "Book"}, {"collection": "COLLECTION"}, {"publication": "COLLECTION"}, {"q": "book"},
        {"q": "ProductId:09238443"}, {"site": "SITE", "kind": "Book"},
    ),
    "accounts_licence": (
        {}, {"site": "SITE"}, {"item": "COLLECTION"}, {"offer": "OFFER"}, {"claimant": "OWNER"}, {"account_set": "SET"},
        {"q": "1"}, {"q": "u-2002"}, {"q": "anna@example.test"}, {"q": "shelf-of-shop"},
    ),
    "accounts_person": ({}, {"site": "SITE"}, {"q": "1"}, {"q": "u-2002"}, {"q": "reader@example.test"}),
    "accounts_visitor": ({}, {"site": "SITE"}, {"q": "visitor-of-shop"}),
    "codes_shoporder": ({}, {"site": "SITE"}, {"status": "STATUS"}, {"q": "1"}, {"q": "u-2002"}),
    "ledger_ledgeraccount": ({}, {"site": "SITE"}, {"q": "u-2002"}),
    "ledger_suspendedbooking": ({}, {"site": "SITE"}, {"state__exact": "waiting"}),
}  # fmt: skip
CASES = [(model, query) for model, queries in LISTS.items() for query in queries]


def filled(world: World, query: dict[str, str]) -> dict[str, Any]:
    busy = Code.objects.get(batch__name="busy")
    row = {name: world.rows[f"accounts_{name}"].pk for name in ("item", "offer", "accountset")}
    values = {
        "COLLECTION": row["item"],
        "OFFER": row["offer"],
        "SET": row["accountset"],
        "SITE": world.site.pk,
        "BATCH": busy.batch_id,
        "OWNER": world.claimant.pk,
        "CODE": busy.pk,
        "STATUS": world.rows["codes_itemstatus"].pk,
    }
    return {name: values.get(value, value) for name, value in query.items()}


@pytest.mark.parametrize("role", ["manager", "superuser"])
@pytest.mark.parametrize(("model", "query"), CASES)
def test_no_list_reads_a_big_table_whole(busy: World, role: str, model: str, query: dict[str, str]):
    browser = busy.sign_in(role)
    asked = filled(busy, query)
    if role == "manager":
        asked.pop("site", None)

    assert read_whole(lambda: browser.get(list_of(model), asked)) == []


@pytest.mark.parametrize(("model", "query"), CASES)
def test_a_filter_costs_three_statements_more_at_most(busy: World, model: str, query: dict[str, str]):
    """The ways to go on with a filter are themselves read: the end of what is looked through, a row's name."""
    browser = busy.sign_in("manager")
    counted = []
    for asked in ({}, filled(busy, query)):
        browser.get(list_of(model), asked)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(list_of(model), asked).status_code == 200
        counted.append(len(queries))

    assert counted[1] <= counted[0] + 3
    assert counted[1] <= 12


@pytest.mark.parametrize("name", ["change", "progress"])
def test_no_page_of_a_row_reads_a_big_table_whole(busy: World, name: str):
    browser = busy.sign_in("manager")
    code = Code.objects.get(batch__name="busy")
    rows = [code.batch] if name == "progress" else [code.batch, code, Attempt.objects.first(), busy.claimant]
    if name == "change":
        rows += [
            busy.rows[f"accounts_{kind}"] for kind in ("item", "offer", "accountset", "licence", "person", "visitor")
        ]
        rows += [busy.rows["codes_shoporder"], busy.rows["ledger_ledgeraccount"]]

    for row in rows:
        assert read_whole(lambda row=row: browser.get(page_of(row, name))) == []


def test_the_overview_reads_no_big_table_whole(busy: World):
    from django.urls import reverse

    browser = busy.sign_in("manager")

    assert read_whole(lambda: browser.get(reverse("admin:index"))) == []


@pytest.mark.parametrize("model", ["codes_attempt", "ledger_ledgertransaction"])
def test_a_superusers_list_is_ordered_by_key_even_where_there_is_one_site(busy: World, model: str):
    """Their lists are not filtered by site, so no index by site could give the order: it would sort the whole table."""
    cl = busy.sign_in("superuser").get(list_of(model)).context_data["cl"]

    assert "site_id" not in str(cl.queryset.query.where)
    assert cl.queryset.query.order_by == ("-id",)


def walked(user: User, model: str, query: dict[str, str]) -> list[Any]:
    """Keys of the rows of all pages to the end."""
    return walked_there_and_back(user, model, query, back_too=False)[0]


def walked_there_and_back(
    user: User, model: str, query: dict[str, str], *, back_too: bool = True
) -> tuple[list[Any], list[Any]]:
    """Keys of the rows of all pages to the end, and of all pages back from there."""
    path, seen, back, last = list_of(model), [], [], ""
    asked: dict[str, str] | None = query
    while path:
        cl = unwritten(user, path, asked)["cl"]
        seen += [row.pk for row in cl.result_list]
        path, asked, last = (
            (list_of(model) + cl.paginator.older if cl.paginator.older else ""),
            None,
            cl.paginator.newer,
        )
    while last and back_too:
        cl = unwritten(user, list_of(model) + last)["cl"]
        back = [row.pk for row in cl.result_list] + back
        last = cl.paginator.newer
    return seen, back


@pytest.mark.parametrize("looked_through", [1, 7, 60, 1_000])
@pytest.mark.parametrize("role", ["manager", "superuser"])
def test_what_no_index_answers_is_found_step_by_step(
    busy: World, monkeypatch: pytest.MonkeyPatch, role: str, looked_through: int
):
    if looked_through == 1:
        monkeypatch.setattr("accounts.admin.desk.DeskAdmin.list_per_page", 3)
    monkeypatch.setattr(paging, "LOOKED_THROUGH", looked_through)
    user = busy.staff[role]
    order = ("-decided_at", "-id") if role == "manager" else ("-id",)
    for query, rows in (
        ({"outcome__exact": "refused"}, Attempt.objects.filter(outcome="refused")),
        ({"reason": "code_expired"}, Attempt.objects.none()),
    ):
        assert walked(user, "codes_attempt", query) == list(rows.order_by(*order).values_list("pk", flat=True))
    credits = LedgerTransaction.objects.filter(type="reversal")
    assert walked(user, "ledger_ledgertransaction", {"type__exact": "reversal"}) == [row.pk for row in credits]


@pytest.mark.parametrize("looked_through", [5, 40, 1_000])
def test_and_codes_of_a_state_as_well(busy: World, monkeypatch: pytest.MonkeyPatch, looked_through: int):
    for module in (walking, __import__("codes.admin.code_list", fromlist=["x"])):
        monkeypatch.setattr(module, "LOOKED_THROUGH", looked_through)
    user = busy.staff["manager"]
    batch = Code.objects.filter(batch__name="many").first().batch

    seen, back = walked_there_and_back(user, "codes_code", {"state__exact": "disabled"})
    of_batch = walked(user, "codes_code", {"state__exact": "disabled", "batch": str(batch.pk)})

    expected = list(Code.objects.filter(batch=batch, state="disabled").order_by("-serial").values_list("pk", flat=True))
    assert seen == of_batch == expected
    assert [key for key in back if key in expected] == back


def test_a_page_that_found_little_says_how_far_it_looked(busy: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "LOOKED_THROUGH", 20)

    page = text_of(busy.sign_in("manager").get(list_of("codes_attempt"), {"reason": "code_expired"}))

    assert "0 attempts found among 20 that were looked through" in page


def test_large_batches_say_that_their_figures_are_estimates(busy: World, monkeypatch: pytest.MonkeyPatch):
    from codes import counting

    batch = Code.objects.filter(batch__name="many").first().batch
    browser = busy.sign_in("manager")
    assert "Estimated from a sample" not in text_of(browser.get(page_of(batch)))

    monkeypatch.setattr(counting, "COUNTED", 50)

    assert "Estimated from a sample" in text_of(browser.get(page_of(batch)))
