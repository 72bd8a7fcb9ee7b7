"""Switching on and off, and changing what one code allows: all or nothing, audited, the value following."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditRecord
from codes import expiring, issuing, jobs, switching
from codes.models import Batch, Code, IssueOrder
from codes.switching import change_code, switch_batch, switch_code
from tests.codes.redeeming import assert_sound, holdings, reason_of, redeem, spread
from tests.factories import make_batch, make_claimant, make_code, make_site, make_user, new_batch

pytestmark = pytest.mark.django_db

DAY = dt.timedelta(days=1)


@pytest.fixture
def anna(claimant_scene, db):
    return claimant_scene()


@pytest.fixture
def code(anna):
    return make_code(anna.site, uses=3)


def audit():
    """The audit rows of changes, newest first: (action, actor, what)."""
    rows = AuditRecord.objects.exclude(action="batch.order")
    return [(row.action, row.actor_id, row.detail) for row in rows]


class TestABatch:
    def test_switched_off_its_codes_are_and_nothing_is_booked(self, anna, code):
        before = spread(code.batch)
        batch = switch_batch(code.batch, False, actor_id="boss", reason="misprint")

        assert batch.state == Batch.State.DISABLED
        assert reason_of(redeem(anna)) == "code_disabled"
        assert spread(code.batch) == before
        assert audit() == [("batch.disable", "boss", {"reason": "misprint"})]

        switch_batch(batch, True, actor_id="boss")
        assert reason_of(redeem(anna)) == "redeemed"
        assert audit()[0] == ("batch.enable", "boss", {"reason": ""})
        assert_sound()

    @pytest.mark.parametrize("on", [True, False])
    def test_switched_to_what_it_is_nothing_is_written(self, code, on):
        switch_batch(code.batch, on, actor_id="boss")
        rows = len(audit())

        switch_batch(code.batch, on, actor_id="boss")

        assert len(audit()) == rows

    @pytest.mark.parametrize("state", [Batch.State.ISSUING, Batch.State.CANCELLED])
    def test_one_that_was_not_issued_is_not_switched(self, code, state):
        Batch.objects.update(state=state)
        with pytest.raises(ValidationError):
            switch_batch(code.batch, False, actor_id="boss")
        assert Batch.objects.get().state == state


class TestACode:
    def test_switched_off_and_on_again(self, anna, code):
        assert switch_code(code, False, actor_id="boss", reason="lost").state == Code.State.DISABLED
        assert reason_of(redeem(anna)) == "code_disabled"
        assert spread(code.batch) == (1_500, 1_500, 0, 0, 0)
        assert audit() == [("code.change", "boss", {"changed": {"state": ["active", "disabled"]}, "reason": "lost"})]

        assert switch_code(code, True, actor_id="boss").state == Code.State.ACTIVE
        assert reason_of(redeem(anna)) == "redeemed"

    def test_a_used_up_one_stays_so_when_switched_off(self, anna):
        code = make_code(anna.site, "ONE-0001")
        redeem(anna, "ONE-0001")

        assert switch_code(code, False, actor_id="boss").state == Code.State.USED_UP
        assert audit() == []

    def test_a_used_up_one_switched_on_is_active_and_still_has_no_uses(self, anna):
        code = make_code(anna.site, "ONE-0001")
        redeem(anna, "ONE-0001")

        assert switch_code(code, True, actor_id="boss").state == Code.State.ACTIVE
        assert reason_of(redeem(anna, "ONE-0001")) == "code_used_up"
        assert_sound()

    def test_a_deleted_one_never_changes_again(self, anna, code):
        change_code(code, actor_id="boss", state="deleted")
        assert reason_of(redeem(anna)) == "code_not_found"

        for change in ({"state": "active"}, {"max_uses": 5}, {"owner": None}, {"valid_until": None}):
            with pytest.raises(ValidationError):
                change_code(code, actor_id="boss", **change)
        assert spread(code.batch) == (1_500, 0, 0, 0, 1_500)
        assert_sound()

    def test_one_that_is_being_issued_is_not_changed(self, monkeypatch):
        monkeypatch.setattr(issuing, "CHUNK", 1)
        order, _ = issuing.order_batch(new_batch(make_site(), count=2, worth_cents=500))
        issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))

        with pytest.raises(ValidationError, match="has been issued"):
            change_code(Code.objects.get(), actor_id="boss", max_uses=4)

    @pytest.mark.parametrize("state", ["used_up", "expired", "", "ACTIVE"])
    def test_only_three_states_can_be_asked_for(self, code, state):
        with pytest.raises(ValidationError) as refused:
            change_code(code, actor_id="boss", state=state)
        assert list(refused.value.message_dict) == ["state"]


class TestUses:
    @pytest.mark.parametrize(
        ("max_uses", "value", "state"),
        [
            (5, (2_500, 2_000, 500, 0, 0), "active"),
            (3, (1_500, 1_000, 500, 0, 0), "active"),
            (2, (1_500, 500, 500, 0, 500), "active"),
            (1, (1_500, 0, 500, 0, 1_000), "used_up"),
        ],
    )
    def test_more_are_issued_and_fewer_voided(self, anna, code, max_uses, value, state):
        redeem(anna)

        changed = change_code(code, actor_id="boss", max_uses=max_uses)

        assert (changed.max_uses, changed.state) == (max_uses, state)
        assert spread(code.batch) == value
        assert_sound()

    def test_a_used_up_code_with_more_uses_is_active_again(self, anna):
        code = make_code(anna.site, "ONE-0001")
        redeem(anna, "ONE-0001")

        assert change_code(code, actor_id="boss", max_uses=2).state == Code.State.ACTIVE
        assert reason_of(redeem(make_claimant(anna.site), "ONE-0001")) == "redeemed"
        assert_sound()

    def test_a_disabled_code_stays_disabled(self, code):
        switch_code(code, False, actor_id="boss")

        assert change_code(code, actor_id="boss", max_uses=9).state == Code.State.DISABLED

    @pytest.mark.parametrize("max_uses", [0, -1, 1, 10**6 + 1])
    def test_never_fewer_than_were_used_nor_out_of_bounds(self, anna, code, max_uses):
        redeem(anna)
        redeem(make_claimant(anna.site))
        before = holdings(anna.site)

        with pytest.raises(ValidationError) as refused:
            change_code(code, actor_id="boss", max_uses=max_uses, state="disabled")

        assert list(refused.value.message_dict) == ["max_uses"]
        assert "from 2 to 1,000,000" in refused.value.message_dict["max_uses"][0]
        assert holdings(anna.site) == before
        assert audit() == []


class TestValidity:
    def test_a_code_must_begin_before_it_ends(self, code, stopped_clock):
        now = stopped_clock.now
        change_code(code, actor_id="boss", valid_from=now)

        for change in ({"valid_until": now}, {"valid_until": now - DAY}, {"valid_from": now, "valid_until": now}):
            with pytest.raises(ValidationError) as refused:
                change_code(code, actor_id="boss", **change)
            assert list(refused.value.message_dict) == ["valid_until"]

    def test_it_is_moved_and_opened(self, code, stopped_clock):
        now = stopped_clock.now
        changed = change_code(code, actor_id="boss", valid_from=now, valid_until=now + DAY)
        assert (changed.valid_from, changed.valid_until) == (now, now + DAY)
        what = audit()[0][2]["changed"]
        assert what == {"valid_from": [None, now.isoformat()], "valid_until": [None, (now + DAY).isoformat()]}

        changed = change_code(code, actor_id="boss", valid_from=None, valid_until=None)
        assert (changed.valid_from, changed.valid_until) == (None, None)

    def test_the_terms_stay_what_they_were(self, code, stopped_clock):
        change_code(code, actor_id="boss", valid_until=stopped_clock.now + DAY, max_uses=9)

        assert Code.objects.get().terms.valid_until is None

    @pytest.mark.parametrize("later", [DAY, None])
    def test_an_extension_brings_expired_value_back(self, anna, code, stopped_clock, later):
        redeem(anna)
        self.expire(code, stopped_clock)

        change_code(code, actor_id="boss", valid_until=later and stopped_clock.now + later)

        assert spread(code.batch) == (1_500, 1_000, 500, 0, 0)
        assert Code.objects.get().value_expired_at is None
        assert reason_of(redeem(make_claimant(anna.site))) == "redeemed"
        assert_sound()

    def test_an_extension_into_the_past_brings_nothing_back(self, code, stopped_clock):
        self.expire(code, stopped_clock)

        change_code(code, actor_id="boss", valid_until=stopped_clock.now)

        assert spread(code.batch) == (1_500, 0, 0, 1_500, 0)
        assert_sound()

    def test_extended_with_more_uses_at_once_each_is_booked_as_what_it_is(self, code, stopped_clock):
        self.expire(code, stopped_clock)

        change_code(code, actor_id="boss", valid_until=stopped_clock.now + DAY, max_uses=4)

        assert spread(code.batch) == (2_000, 2_000, 0, 0, 0)
        assert_sound()

    @pytest.mark.parametrize("max_uses", [2, 4])
    def test_the_uses_of_an_expired_code_are_not_changed_before_it_is_extended(self, code, stopped_clock, max_uses):
        self.expire(code, stopped_clock)

        with pytest.raises(ValidationError, match="extend it first"):
            change_code(code, actor_id="boss", max_uses=max_uses)
        assert spread(code.batch) == (1_500, 0, 0, 1_500, 0)

    def test_an_expired_code_that_is_deleted_stays_expired_value(self, code, stopped_clock):
        self.expire(code, stopped_clock)

        change_code(code, actor_id="boss", state="deleted")

        assert spread(code.batch) == (1_500, 0, 0, 1_500, 0)
        assert_sound()

    def test_extended_and_deleted_at_once_nothing_comes_back(self, code, stopped_clock):
        self.expire(code, stopped_clock)

        change_code(code, actor_id="boss", state="deleted", valid_until=None)

        assert spread(code.batch)[1] == 0
        assert expiring.sweep_expired() == 0
        assert_sound()

    def expire(self, code, stopped_clock):
        change_code(code, actor_id="boss", valid_until=stopped_clock.now - DAY)
        assert expiring.sweep_expired() == 1


class TestAnOwner:
    def test_is_set_and_taken_away(self, anna, code):
        assert change_code(code, actor_id="boss", owner=anna).owner == anna
        assert audit()[0][2]["changed"] == {"owner": [None, anna.pk]}
        assert change_code(code, actor_id="boss", owner=None).owner is None

    def test_is_of_the_codes_site(self, code):
        with pytest.raises(ValidationError) as refused:
            change_code(code, actor_id="boss", owner=make_user())
        assert list(refused.value.message_dict) == ["owner"]


def test_nothing_changed_is_nothing_written(code):
    change_code(code, actor_id="boss")
    change_code(code, actor_id="boss", state="active", max_uses=3, owner=None, valid_until=None)

    assert audit() == []


def test_a_change_that_fails_at_the_end_has_changed_nothing(code, monkeypatch):
    monkeypatch.setattr(switching, "note", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        change_code(code, actor_id="boss", max_uses=9)

    assert spread(code.batch) == (1_500, 1_500, 0, 0, 0)
    assert Code.objects.get().max_uses == 3


def test_generated_codes_change_like_any_other():
    batch = make_batch(count=2, worth_cents=100)

    change_code(batch.codes.first(), actor_id="boss", max_uses=3)

    assert spread(batch) == (400, 400, 0, 0, 0)
    assert_sound()
