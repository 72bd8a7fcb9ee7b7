"""Lists over big tables: pages by key, counts that stop early, and a fixed number of statements."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.admin import paging
from accounts.models import Tag, User
from codes.models import Attempt, Code, Reversal
from tests.admin.desk import World, list_of, make_world, page_of, redeem, signed_in, text_of
from tests.factories import make_batch, make_client, make_code, make_site, make_staff, make_user
from tests.scenes import scene

pytestmark = pytest.mark.django_db

# Session, user, memberships, sites; the rows; their count where there is more than a page. What a list adds is said beside it.
ALWAYS = 5
STATEMENTS = {
    "accounts_site": ALWAYS + 2,  # Django's own count, twice: the table is small.
    "accounts_user": ALWAYS + 1,
    "accounts_tag": ALWAYS + 2,
    "accounts_client": ALWAYS + 2,  # The clock, to say which keys have ended.
    "accounts_auditrecord": ALWAYS + 1,
    "ledger_asset": ALWAYS + 1,  # The sites are not asked for.
    "ledger_ledgeraccount": ALWAYS + 1,
    "ledger_ledgertransaction": ALWAYS + 1,
    "codes_batch": ALWAYS + 4,  # The orders of a page's batches, their terms, the assets of those.
    "codes_code": ALWAYS + 3,  # The newest batches, for the filter; the orders whose codes make the page.
    "codes_attempt": ALWAYS + 2,
    "codes_reversal": ALWAYS,
    "codes_workitem": ALWAYS + 1,
    "codes_receiptmail": ALWAYS + 1,
    "codes_issueorder": ALWAYS + 1,
}


def make_crowded_world() -> World:
    """Two hundred of what there are many of."""
    world = make_world()
    make_batch(world.site, count=200, name="many", worth_cents=100)
    make_code(world.site, "BUSY-4567", uses=200, uses_per_claimant=200, worth_cents=1, name="busy")
    make_code(
        world.site,
        "ITEMS-4567",
        uses=80,
        uses_per_claimant=80,
        worth_cents=0,
        name="items",
        action="fulfilment",
        parameters={"item": "x"},
    )
    for _ in range(7):
        redeem(world.claimant, *["BUSY-4567", "ITEMS-4567", "SECRET-ITEM-9QXA"] * 10)
    for number in range(60):
        make_batch(world.site, count=1, name=f"batch {number}")
        make_client(world.site, name=f"client {number}")
        User.objects.create_user(world.site, f"{number}@crowd.test")
    Tag.objects.bulk_create(Tag(site=world.site, name=f"tag {number:03}") for number in range(120))
    return world


crowded_scene = scene("crowded", make_crowded_world)


@pytest.fixture
def crowded(crowded_scene: Callable[[], World], db: None) -> World:
    return crowded_scene()


def test_every_list_costs_a_fixed_number_of_statements(crowded: World):
    browser = crowded.sign_in("manager")
    counted = {}
    for model in STATEMENTS:
        browser.get(list_of(model))
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(list_of(model)).status_code == 200
        counted[model] = len(queries)

    assert counted == STATEMENTS


def test_older_and_newer_walk_the_whole_list_and_back(crowded: World):
    browser = crowded.sign_in("support")
    everything = [attempt.pk for attempt in Attempt.objects.order_by("-decided_at", "-id")]
    path, seen, back = list_of("codes_attempt"), [], ""
    while path:
        page = browser.get(path)
        seen += [row.pk for row in page.context_data["cl"].result_list]
        older, newer = page.context_data["cl"].paginator.older, page.context_data["cl"].paginator.newer
        path, back = (list_of("codes_attempt") + older if older else ""), newer
    assert seen == everything

    while back:
        cl = browser.get(list_of("codes_attempt") + back).context_data["cl"]
        back = cl.paginator.newer
    assert [row.pk for row in cl.result_list] == everything[:50]


def test_filters_stay_while_one_walks(crowded: World):
    browser = crowded.sign_in("support")
    cl = browser.get(list_of("codes_attempt"), {"outcome__exact": "refused"}).context_data["cl"]
    next_page = browser.get(list_of("codes_attempt") + cl.paginator.older).context_data["cl"]

    assert "outcome__exact=refused" in cl.paginator.older
    assert {row.outcome for row in next_page.result_list} == {"refused"}
    assert len(next_page.result_list) == 71 - 50


def test_codes_of_a_batch_come_by_serial(crowded: World):
    batch = Code.objects.filter(batch__name="many").first().batch
    browser = crowded.sign_in("support")
    cl = browser.get(list_of("codes_code"), {"batch": batch.pk}).context_data["cl"]
    second = browser.get(list_of("codes_code") + cl.paginator.older).context_data["cl"]

    assert [row.serial for row in cl.result_list] == list(range(200, 150, -1))
    assert [row.serial for row in second.result_list] == list(range(150, 100, -1))


def test_a_cursor_that_leads_nowhere_is_the_first_page(crowded: World):
    browser = crowded.sign_in("support")
    for cursor in ("older.", "older.x", "older.0", "newer.999999999999999999999", "sideways.1", "7", "older.\x00"):
        for model in ("codes_code", "codes_attempt"):
            cl = browser.get(list_of(model), {"p": cursor}).context_data["cl"]
            assert (len(cl.result_list), cl.paginator.newer) == (50, ""), cursor


def test_a_cursor_of_another_sites_row_tells_nothing(crowded: World):
    other = make_world("elsewhere")
    cl = crowded.sign_in("support").get(list_of("codes_code"), {"p": f"older.{other.money.pk}"}).context_data["cl"]

    assert cl.paginator.newer == ""


def test_counts_stop_early_and_say_so(crowded: World, monkeypatch: pytest.MonkeyPatch):
    browser = crowded.sign_in("superuser")
    assert f"{Attempt.objects.count():,} attempts" in text_of(browser.get(list_of("codes_attempt")))

    monkeypatch.setattr(paging, "COUNTED", 100)
    assert "more than 100 attempts" in text_of(crowded.sign_in("support").get(list_of("codes_attempt")))
    whole = text_of(browser.get(list_of("codes_attempt")))
    assert "more than 100 attempts" in whole or "about " in whole


def test_codes_are_counted_by_their_orders(crowded: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "COUNTED", 100)

    page = text_of(crowded.sign_in("support").get(list_of("codes_code")))

    assert f"{Code.objects.filter(order__state='done', site=crowded.site).count():,} codes" in page


def test_postgresql_estimates_a_whole_table_once_it_has_been_analysed(crowded: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(paging, "COUNTED", 100)
    if connection.vendor != "postgresql":
        assert paging.estimated_rows(Attempt) is None
        return
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE codes_attempt")
    page = text_of(crowded.sign_in("superuser").get(list_of("codes_attempt")))
    assert f"about {Attempt.objects.count():,} attempts" in page
    assert paging.estimated_rows(Reversal) is None  # Never analysed, of its own accord neither with so few rows: -1.


def test_an_empty_list_says_so_and_a_filtered_one_how_to_get_out(world: World):
    newcomer = signed_in(make_staff(make_site()))

    assert "There are none yet" in text_of(newcomer.get(list_of("codes_reversal")))
    page = text_of(world.sign_in("support").get(list_of("codes_attempt"), {"reason": "code_expired"}))
    assert "No row fits the search and the filters" in page


def test_a_detail_page_costs_a_fixed_number_of_statements(world: World):
    browser = world.sign_in("manager")
    code = make_code(world.site, "BUSY-4567", uses=90, uses_per_claimant=90, worth_cents=1, name="busy")
    counted = []
    for _ in range(2):
        redeem(world.claimant, "BUSY-4567")
        for row in (code, code.batch, world.claimant, world.rows["ledger_ledgeraccount"]):
            browser.get(page_of(row))
        pages = []
        for row in (code, code.batch, world.claimant, world.rows["ledger_ledgeraccount"]):
            with CaptureQueriesContext(connection) as queries:
                browser.get(page_of(row))
            pages.append(len(queries))
        counted.append(pages)
        for _ in range(15):
            redeem(world.claimant, "BUSY-4567")

    assert counted[0] == counted[1]
    assert max(counted[0]) <= 16


def test_somebody_elses_users_are_not_counted(crowded: World):
    make_user()
    page = text_of(crowded.sign_in("manager").get(list_of("accounts_user")))

    assert f"{User.objects.filter(site=crowded.site).count()} users" in page
