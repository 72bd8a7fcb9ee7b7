"""The desk has a batch replenish itself, and shows how fast issuing goes."""

import pytest
from django.urls import reverse

from accounts.models import AuditRecord
from codes import issuing, jobs
from codes.admin.words import lasting
from codes.models import Batch, IssueOrder
from tests.admin.desk import World, page_of, text_of
from tests.factories import make_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def batch(world: World) -> Batch:
    return make_batch(world.site, 3, name="Spring")


def test_it_is_set_shown_and_taken_away(world: World, batch: Batch):
    browser = world.sign_in("operator")
    assert "Replenish below" in text_of(browser.get(page_of(batch, "replenish")))

    browser.post(page_of(batch, "replenish"), {"replenish_below": "1000", "replenish_by": "5000", "reason": "spring"})
    batch.refresh_from_db()
    assert (batch.replenish_below, batch.replenish_by) == (1_000, 5_000)
    assert "5,000 more when fewer than 1,000 are free" in text_of(browser.get(page_of(batch)))
    assert 'value="1000"' in browser.get(page_of(batch, "replenish")).content.decode()
    assert AuditRecord.objects.get(action="batch.replenish").detail["reason"] == "spring"

    browser.post(page_of(batch, "replenish"), {"replenish_below": "", "replenish_by": ""})
    batch.refresh_from_db()
    assert (batch.replenish_below, batch.replenish_by) == (None, None)


@pytest.mark.parametrize(
    ("below", "by"), [("5", ""), ("", "5"), ("0", "5"), ("5", "-1"), ("5", "10000001"), ("x", "5")], ids=str
)
def test_what_cannot_be_is_said_and_changes_nothing(world: World, batch: Batch, below: str, by: str):
    answer = world.sign_in("operator").post(page_of(batch, "replenish"), {"replenish_below": below, "replenish_by": by})

    assert answer.status_code == 200
    assert any(
        word in text_of(answer) for word in ("both or none", "greater than or equal", "less than", "whole number")
    )
    batch.refresh_from_db()
    assert (batch.replenish_below, batch.replenish_by) == (None, None)


def test_one_that_has_stopped_says_why(world: World, batch: Batch):
    Batch.objects.filter(pk=batch.pk).update(
        replenish_below=3, replenish_by=4, replenish_error="An order was cancelled."
    )
    browser = world.sign_in("operator")

    assert "Stopped: An order was cancelled." in text_of(browser.get(page_of(batch)))
    assert "It has stopped: An order was cancelled." in text_of(browser.get(page_of(batch, "replenish")))


def test_codes_that_were_given_are_not_replenished(world: World):
    assert page_of(world.batch, "replenish") not in text_of(world.sign_in("operator").get(page_of(world.batch)))


def test_a_batch_is_issued_with_it(world: World):
    form = {
        "site": world.site.pk, "name": "Summer", "count": "3", "action": "fulfilment", "item": "An ice", "uses": "1",
        "uses_per_claimant": "1", "cooldown_seconds": "0", "time_zone": "UTC", "format": "ours",
    }  # fmt: skip
    browser = world.sign_in("operator")
    page = browser.post(reverse("admin:codes_batch_issue"), {**form, "replenish_below": "7"})
    assert "both or none" in text_of(page)
    assert not Batch.objects.filter(name="Summer").exists()

    browser.post(reverse("admin:codes_batch_issue"), {**form, "replenish_below": "7", "replenish_by": "9"})

    batch = Batch.objects.get(name="Summer")
    assert (batch.replenish_below, batch.replenish_by) == (7, 9)


def test_progress_tells_how_fast_and_how_long_still(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(issuing, "CHUNK", 2)
    order = world.rows["codes_issueorder"]
    browser = world.sign_in("operator")
    assert browser.get(page_of(order.batch, "progress")).json()["pace"] == ""
    claimed = issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
    monkeypatch.setattr(jobs, "pace", lambda order, now: (81_234.5, 95))

    assert browser.get(page_of(order.batch, "progress")).json()["pace"] == "81,234 a second, about 2 min left"
    assert "81,234 a second" in text_of(browser.get(page_of(order.batch)))
    issuing.issue_chunk(claimed)
    assert browser.get(page_of(order.batch, "progress")).json()["pace"] == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "about 1 s"), (89, "about 89 s"), (90, "about 2 min"), (5_399, "about 90 min"), (7_300, "about 2 h")],
)
def test_times_are_told_as_people_tell_them(seconds: int, words: str):
    assert lasting(seconds) == words
