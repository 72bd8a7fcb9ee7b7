"""Work items, receipt mails, orders and reversals: what waits for somebody, and closing it."""

import pytest

from accounts.models import AuditRecord
from codes.models import ReceiptMail, WorkItem
from tests.admin.desk import World, list_of, page_of, text_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("deed", "state"), [("done", "done"), ("cancel", "cancelled")])
def test_a_work_item_is_closed_once_with_a_note(world: World, deed: str, state: str):
    item = world.rows["codes_workitem"]
    browser = world.sign_in("operator")
    browser.post(page_of(item, deed), {"note": "at the counter"})
    item.refresh_from_db()

    assert (item.state, item.note, item.closed_by) == (state, "at the counter", world.staff["operator"].claimant_id)
    again = browser.post(page_of(item, "done"), {"note": "again"}, follow=True)
    assert "is not possible any more" in text_of(again)
    item.refresh_from_db()
    assert item.note == "at the counter"
    assert AuditRecord.objects.filter(object_type="workitem").count() == 1


def test_too_long_a_note_closes_nothing(world: World):
    item = world.rows["codes_workitem"]
    world.sign_in("operator").post(page_of(item, "done"), {"note": "x" * 201})

    assert WorkItem.objects.get(pk=item.pk).state == "open"


def test_a_mail_that_was_given_up_is_sent_again(world: World):
    mail = world.rows["codes_receiptmail"]
    browser = world.sign_in("operator")
    assert "SMTPServerDisconnected" in text_of(browser.get(list_of("codes_receiptmail"), {"state__exact": "parked"}))
    browser.post(page_of(mail, "send_again"))
    mail.refresh_from_db()

    assert (mail.state, mail.tries, mail.error) == ("due", 0, "")
    assert "is not possible any more" in text_of(browser.post(page_of(mail, "send_again"), follow=True))
    assert ReceiptMail.objects.get(pk=mail.pk).state == "due"


def test_orders_and_reversals_are_told_and_cannot_be_touched(world: World):
    browser = world.sign_in("operator")

    assert "0 of 3" in text_of(browser.get(page_of(world.rows["codes_issueorder"])))
    page = text_of(browser.get(page_of(world.rows["codes_reversal"])))
    assert "by mistake" in page
    assert 'name="_save"' not in page
