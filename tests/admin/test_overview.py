"""The first page: the day's figures in a fixed number of statements."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import override_settings
from django.urls import reverse
from django.utils.html import strip_tags

from accounts import clock, heartbeats
from codes.models import Attempt, IssueOrder, PendingAdvice
from tests.admin.desk import World, redeem, signed_in, text_of
from tests.codes.advices import make_advice
from tests.factories import make_batch, make_code, make_site, make_staff

pytestmark = pytest.mark.django_db


def figure(page: str, name: str) -> str:
    start = page.index(f'id="figure-{name}"')
    return " ".join(strip_tags(page[page.index(">", start) + 1 : page.index("</dd>", start)]).split())


def first_page(world: World, role: str = "support") -> str:
    return text_of(world.sign_in(role).get(reverse("admin:index")))


def test_the_figures_of_the_day(world: World):
    heartbeats.beat("poller")
    page = first_page(world)

    assert figure(page, "redemptions") == "3"
    assert figure(page, "refusals") == "1"
    assert figure(page, "credited") == "10.00 EUR"
    assert figure(page, "issued") == "5"
    assert figure(page, "items") == "1"
    assert figure(page, "mails") == "1"
    assert (figure(page, "parked"), figure(page, "waiting")) == ("1", "0")
    assert "The code is used up" in page
    assert "Waiting for a worker to issue 3 codes" in page
    assert "never seen" in page  # The worker; the poller has given a sign of life.
    assert re.search(r"\b\d s ago", page)


def test_yesterday_is_not_today(world: World):
    with override_settings(CLOCK_OFFSET_SECONDS=2 * 86_400):
        page = first_page(world)

    assert [figure(page, name) for name in ("redemptions", "refusals", "credited", "issued")] == ["0", "0", "none", "0"]
    assert "Nothing has been redeemed today yet" in page
    assert figure(page, "items") == "1"  # Still to be handed over.


def test_the_day_begins_at_midnight_of_the_sites_own_time_zone(world: World):
    world.site.time_zone = "Pacific/Kiritimati"
    world.site.save()

    assert "since midnight in Pacific/Kiritimati" in first_page(world)


def test_an_empty_site_says_so_everywhere():
    page = text_of(signed_in(make_staff(make_site())).get(reverse("admin:index")))

    for words in ("Nothing has been redeemed today yet", "Nobody has tried a code yet", "None today."):
        assert words in page


def test_other_sites_are_not_counted(world: World):
    page = text_of(signed_in(make_staff(make_site())).get(reverse("admin:index")))

    assert figure(page, "redemptions") == "0"
    assert world.claimant.name not in page


def test_a_fixed_number_of_statements_however_much_happened(world: World, django_assert_num_queries):
    browser = world.sign_in("support")
    browser.get(reverse("admin:index"))
    # Session, user, memberships, sites; clock; attempts by hour, credits, assets; codes issued, orders, work items, mails;
    # heartbeats with their clock; recent attempts; advices that wait.
    expected = 16
    with django_assert_num_queries(expected):
        browser.get(reverse("admin:index"))
    code = make_code(world.site, "BUSY-4567", uses=60, uses_per_claimant=60, name="busy")
    for _ in range(40):
        redeem(world.claimant, "BUSY-4567")
    make_batch(world.site, name="one more")
    with django_assert_num_queries(expected):
        page = text_of(browser.get(reverse("admin:index")))

    assert figure(page, "redemptions") == "43"
    assert code.batch.name not in page


def test_advices_that_wait_too_long_are_something_to_look_at(world: World):
    make_advice(world.site)
    assert figure(first_page(world), "waiting") == "1"
    PendingAdvice.objects.update(due_at=clock.read() - dt.timedelta(minutes=4))

    assert figure(first_page(world), "waiting") == "1 the longest for 4 min"


def test_orders_under_way_show_how_far_they_are(world: World):
    order = world.rows["codes_issueorder"]
    IssueOrder.objects.filter(pk=order.pk).update(
        state="running", wanted=200, issued=50, started_at=dt.datetime.now(dt.UTC)
    )

    assert "50 of 200 codes issued" in first_page(world)


def test_the_days_attempts_are_read_by_the_sites_index(world: World):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL enable_seqscan = off")  # The table of a test is too small for any index to pay.
    plan = Attempt.objects.filter(site_id__in=[1, 2], decided_at__gte=clock.read()).order_by().explain()

    assert "attempt_by_site" in plan
