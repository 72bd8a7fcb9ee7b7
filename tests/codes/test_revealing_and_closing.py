"""Showing a code to staff, and closing what a redemption opened for them: audited, or not done."""

import pytest
from django.core.exceptions import ValidationError

from accounts import auditing
from accounts.models import AuditRecord
from codes import closing, revealing
from codes.models import WorkItem
from tests.codes.redeeming import redeem
from tests.factories import make_claimant, make_code

pytestmark = pytest.mark.django_db


class TestRevealing:
    def test_it_shows_the_code_and_leaves_who_and_why_but_not_the_code(self):
        code = make_code(text="Oil-Paint")

        assert revealing.reveal(code, actor_id="boss", reason="  the customer lost the letter ") == "Oil-Paint"

        row = AuditRecord.objects.get(action="code.reveal")
        assert (row.actor_id, row.object_type, row.object_id) == ("boss", "code", str(code.pk))
        assert row.detail == {"reason": "the customer lost the letter"}

    @pytest.mark.parametrize("reason", ["", " \n "])
    def test_without_a_reason_nothing_is_shown(self, reason):
        with pytest.raises(ValidationError) as refused:
            revealing.reveal(make_code(), actor_id="boss", reason=reason)

        assert list(refused.value.message_dict) == ["reason"]
        assert not AuditRecord.objects.filter(action="code.reveal").exists()

    def test_what_cannot_be_recorded_is_not_shown(self, monkeypatch):
        code = make_code()
        monkeypatch.setattr(auditing, "record", lambda *_, **__: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            revealing.reveal(code, actor_id="boss", reason="because")

    def test_each_time_leaves_a_row(self):
        code = make_code()
        for _ in range(3):
            revealing.reveal(code, actor_id="boss", reason="because")

        assert AuditRecord.objects.filter(action="code.reveal").count() == 3


class TestClosing:
    @pytest.fixture
    def item(self):
        anna = make_claimant()
        make_code(anna.site, worth_cents=0, action="fulfilment", parameters={"item": "a coffee"})
        redeem(anna)
        return WorkItem.objects.get()

    @pytest.mark.parametrize(("done", "state"), [(True, "done"), (False, "cancelled")])
    def test_it_says_what_became_of_it_and_who_did_it(self, item, stopped_clock, done, state):
        closed = closing.close_work_item(item, done, actor_id="boss", note="  no milk left " + "x" * 300)

        closed.refresh_from_db()
        assert (closed.state, closed.closed_by, closed.closed_at) == (state, "boss", stopped_clock.now)
        assert closed.note.startswith("no milk left x")
        assert len(closed.note) == 200
        row = AuditRecord.objects.get(action=f"workitem.{state}")
        assert (row.actor_id, row.object_id) == ("boss", str(item.pk))

    @pytest.mark.parametrize("done", [True, False])
    def test_it_is_closed_once(self, item, done):
        closing.close_work_item(item, done, actor_id="boss", note="first")

        with pytest.raises(ValidationError) as refused:
            closing.close_work_item(item, not done, actor_id="other")

        assert list(refused.value.message_dict) == ["state"]
        item.refresh_from_db()
        assert (item.closed_by, item.note) == ("boss", "first")
