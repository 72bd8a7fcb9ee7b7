"""Changing and deleting a batch from the desk: foreseen, confirmed, followed, cancelled; and its cap."""

from typing import Any

import pytest
from django.urls import reverse

from accounts.models import AuditRecord
from codes import editing, jobs
from codes.models import Batch, BatchEdit, Code
from tests.admin.desk import World, list_of, page_of, text_of
from tests.codes.redeeming import assert_sound, holdings, spread
from tests.factories import make_batch

pytestmark = pytest.mark.django_db
ONCE = "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a11"


@pytest.fixture
def batch(world: World) -> Batch:
    return make_batch(world.site, count=4, uses=2, name="Four")


@pytest.fixture
def mine(world: World):
    """The edits that the test itself orders."""
    return BatchEdit.objects.exclude(pk=world.rows["codes_batchedit"].pk)


def asked(kind: str = "uses", **fields: Any) -> dict[str, Any]:
    return {"once": ONCE, "kind": kind, "reason": "a test", "time_zone": "Europe/Berlin", **fields}


def test_it_is_said_what_would_happen_and_nothing_happens(world: World, batch: Batch, mine):
    before = holdings(world.site)

    page = world.sign_in("manager").post(page_of(batch, "edit_codes"), asked(max_uses="1"))

    text = text_of(page)
    assert page.status_code == 200
    assert "1 use in all" in text
    assert "Value that is voided" in text
    assert "20.00 EUR" in text
    assert 'name="confirmed" value="yes"' in text
    assert 'name="max_uses" value="1"' in text
    assert not mine.exists()
    assert holdings(world.site) == before


def test_confirmed_it_is_ordered_once_and_its_page_shows_how_far_it_is(world: World, batch: Batch, mine):
    browser = world.sign_in("manager")

    answers = [browser.post(page_of(batch, "edit_codes"), asked(max_uses="1", confirmed="yes")) for _ in range(2)]

    edit = mine.get()
    assert {answer["Location"] for answer in answers} == {page_of(edit)}
    assert (edit.kind, edit.parameters, edit.actor_id) == ("uses", {"max_uses": 1}, world.staff["manager"].claimant_id)
    assert "Waiting for a worker" in text_of(browser.get(page_of(edit)))
    editing.work_edit(edit.pk)
    page = text_of(browser.get(page_of(edit)))
    assert "4 codes changed, 0 passed over" in page
    assert "20.00 EUR is voided." in page
    told = browser.get(reverse("admin:codes_batchedit_progress", args=[edit.pk])).json()
    assert (told["percent"], told["finished"]) == (100, True)
    assert page_of(edit) in text_of(browser.get(page_of(batch)))
    assert page_of(edit) in text_of(browser.get(page_of(batch.codes.first())))
    assert page_of(edit) in text_of(browser.get(list_of("codes_batchedit")))
    assert_sound()


def test_days_are_read_in_the_zone_that_was_chosen_the_last_one_included(world: World, batch: Batch, mine):
    body = asked("extend", valid_from="2026-12-01", valid_until="2031-06-30", confirmed="yes")
    world.sign_in("manager").post(page_of(batch, "edit_codes"), body)

    edit = mine.get()
    assert edit.parameters == {
        "valid_from": "2026-11-30T23:00:00+00:00",
        "valid_until": "2031-06-30T22:00:00+00:00",
    }
    body = asked("extend", once="", no_end="on")
    editing.work_edit(edit.pk)
    preview = text_of(world.sign_in("manager").post(page_of(batch, "edit_codes"), body))
    assert "Valid without an end" in preview
    assert 'name="no_end" value="True"' in preview


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (asked("uses"), "Give a whole number from 1 to 1,000,000."),
        (asked("uses", max_uses="0"), "greater than or equal to 1"),
        (asked("extend"), "Give an end or a beginning."),
        (asked("extend", valid_from="2031-01-02", valid_until="2031-01-01"), "The last day lies before the first."),
        (asked("extend", valid_until="2031-01-01", no_end="on"), "not both"),
        (asked("delete"), "Select a valid choice"),
        (asked("disable", reason=""), "This field is required"),
    ],
)
@pytest.mark.parametrize("confirmed", ["", "yes"])
def test_what_makes_no_sense_is_said_at_its_field(
    world: World, batch: Batch, mine, body: dict[str, Any], said: str, confirmed: str
):
    page = world.sign_in("manager").post(page_of(batch, "edit_codes"), {**body, "confirmed": confirmed})

    assert said in text_of(page)
    assert not mine.exists()


def test_a_second_edit_beside_the_first_is_refused_in_words(world: World, batch: Batch, mine):
    browser = world.sign_in("manager")
    browser.post(page_of(batch, "edit_codes"), asked("disable", confirmed="yes"))

    page = text_of(browser.post(page_of(batch, "edit_codes"), asked("enable", once="", confirmed="yes")))

    assert "Another edit of this batch is still under way." in page
    assert mine.count() == 1


def test_cancelled_what_is_done_stays(world: World, batch: Batch, mine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(editing, "CHUNK", 3)
    browser = world.sign_in("manager")
    browser.post(page_of(batch, "edit_codes"), asked("disable", confirmed="yes"))
    edit = editing.edit_chunk(jobs.claim(BatchEdit, mine.get().pk))
    asking = text_of(browser.get(page_of(edit, "cancel")))
    assert "3 codes have been changed so far, and stay so." in asking
    assert "a second" in text_of(browser.get(page_of(edit)))

    browser.post(page_of(edit, "cancel"), {"reason": "the wrong one"})
    editing.work_edit(edit.pk)

    assert "Cancelled: 3 codes changed" in text_of(browser.get(page_of(edit)))
    assert Code.objects.filter(batch=batch, state="disabled").count() == 3
    row = AuditRecord.objects.get(action="batch.edit_cancel")
    assert row.detail == {"edit": edit.pk, "reason": "the wrong one"}


def test_a_batch_is_deleted_when_that_was_confirmed_and_leaves_the_list(world: World, batch: Batch, mine):
    browser = world.sign_in("manager")
    preview = text_of(browser.post(page_of(batch, "archive"), {"once": ONCE, "reason": "misprint"}))
    assert "Delete Four" in preview
    assert Batch.objects.get(pk=batch.pk).state == "active"

    browser.post(page_of(batch, "archive"), {"once": ONCE, "reason": "misprint", "confirmed": "yes"})
    editing.work_edit(mine.get().pk)

    assert spread(batch) == (4_000, 0, 0, 0, 4_000)
    assert page_of(batch) not in text_of(browser.get(list_of("codes_batch")))
    assert page_of(batch) in text_of(browser.get(f"{list_of('codes_batch')}?state=archived"))
    assert "Deleted" in text_of(browser.get(page_of(batch)))
    assert browser.get(page_of(batch, "archive")).status_code == 302


def test_the_cap_is_changed_and_lifted(world: World, batch: Batch):
    browser = world.sign_in("manager")
    done = browser.post(page_of(batch, "cap"), {"total_cap": "7", "reason": "enough"}, follow=True)
    assert "0 of 7 redemptions are in force." in text_of(done)
    assert Batch.objects.get(pk=batch.pk).total_cap == 7

    browser.post(page_of(batch, "cap"), {"total_cap": "", "reason": "as many as like"})
    assert Batch.objects.get(pk=batch.pk).total_cap is None


def test_a_cap_below_what_is_in_force_is_refused(world: World):
    page = world.sign_in("manager").post(page_of(world.batch, "cap"), {"total_cap": "1", "reason": "x"})

    assert "Give a whole number from 2, the uses in force" in text_of(page)
    assert Batch.objects.get(pk=world.batch.pk).total_cap is None


@pytest.mark.parametrize("deed", ["edit_codes", "archive", "cap"])
def test_an_operator_may_not(world: World, batch: Batch, deed: str, mine):
    body = asked("disable", confirmed="yes", total_cap="1")
    assert world.sign_in("operator").post(page_of(batch, deed), body).status_code == 403
    assert not mine.exists()
    assert Batch.objects.get(pk=batch.pk).state == "active"
