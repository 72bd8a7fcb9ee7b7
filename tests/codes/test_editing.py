"""Edits of a whole batch: every code changes as it would alone, the value follows, and what is done stays done."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditRecord
from codes import editing, expiring, issuing, jobs, lookup, switching
from codes.foreseeing import NewEdit
from codes.models import Batch, BatchEdit, Code, IssueOrder
from codes.refusals import IdempotencyMismatch
from ledger.models import LedgerTransaction
from tests.codes.editing import edit, facts, order
from tests.codes.redeeming import assert_sound, holdings, reason_of, redeem, spread
from tests.factories import make_batch, make_claimant, make_code

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
NEW_YEAR = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
State = BatchEdit.State


@pytest.fixture
def anna(claimant_scene, db):
    return claimant_scene()


@pytest.fixture
def batch(anna):
    """Seven codes of three uses worth 5 EUR each; the first has been used once and the second belongs to Anna."""
    batch = make_batch(anna.site, count=7, uses=3, name="seven")
    Code.objects.filter(batch=batch, serial=2).update(owner=anna)
    redeem(anna, text_of(batch, 1))
    return batch


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(editing, "CHUNK", 2)


def text_of(batch, serial):
    return lookup.shown(Code.objects.get(batch=batch, serial=serial))


def audit(action):
    return [row.detail for row in AuditRecord.objects.filter(action=action).order_by("id")]


class TestWhatItDoes:
    def test_switched_off_and_on_again_nothing_is_booked(self, anna, batch):
        before, transactions = spread(batch), LedgerTransaction.objects.count()

        done = edit(batch, "disable")

        assert (done.state, done.touched, done.passed_over) == (State.DONE, 7, 0)
        assert set(batch.codes.values_list("state", flat=True)) == {"disabled"}
        assert reason_of(redeem(anna, text_of(batch, 2))) == "code_disabled"
        assert edit(batch, "enable").touched == 7
        assert reason_of(redeem(anna, text_of(batch, 2))) == "redeemed"
        assert LedgerTransaction.objects.count() == transactions + 1
        assert before == (10_500, 10_000, 500, 0, 0)
        assert_sound()

    @pytest.mark.parametrize(
        ("max_uses", "value", "moved"),
        [
            (5, (17_500, 17_000, 500, 0, 0), [{"asset": "EUR", "type": "activation", "amount": 7_000}]),
            (1, (10_500, 3_000, 500, 0, 7_000), [{"asset": "EUR", "type": "voiding", "amount": 7_000}]),
        ],
    )
    def test_more_uses_are_issued_and_fewer_voided(self, batch, small_chunks, max_uses, value, moved):
        done = edit(batch, "uses", max_uses=max_uses)

        assert done.moved == done.foreseen["moved"] == moved
        assert spread(batch) == value
        assert batch.codes.get(serial=1).state == ("used_up" if max_uses == 1 else "active")
        assert_sound()

    def test_a_later_end_brings_expired_value_back(self, batch, stopped_clock):
        now = stopped_clock.now
        edit(batch, "extend", valid_until=now)
        assert expiring.sweep_expired() == 7
        assert spread(batch) == (10_500, 0, 500, 10_000, 0)

        done = edit(batch, "extend", valid_from=now - DAY, valid_until=now + DAY)

        assert done.moved == [{"asset": "EUR", "type": "unexpiry", "amount": 10_000}]
        assert spread(batch) == (10_500, 10_000, 500, 0, 0)
        assert set(batch.codes.values_list("valid_from", "valid_until")) == {(now - DAY, now + DAY)}
        assert_sound()

    def test_an_end_taken_away(self, batch, stopped_clock):
        edit(batch, "extend", valid_until=stopped_clock.now + DAY)

        assert edit(batch, "extend", valid_until=None).touched == 7
        assert set(batch.codes.values_list("valid_until", flat=True)) == {None}

    def test_codes_of_other_batches_stay_as_they_are(self, anna, batch):
        other = make_batch(anna.site, count=2, name="other")
        before = facts(other), spread(other)

        edit(batch, "uses", max_uses=9)
        edit(batch, "delete")

        assert (facts(other), spread(other)) == before

    def test_codes_without_value_book_nothing(self):
        free = make_batch(count=3, worth_cents=0)

        assert edit(free, "uses", max_uses=3).touched == 3
        assert not LedgerTransaction.objects.exists()

    def test_codes_ordered_later_are_not_concerned(self, batch, small_chunks):
        ordered = order(batch, "disable")
        issuing.work_order(issuing.order_more(batch, 3, caller_key="x", actor_id="boss").pk)

        done = editing.work_edit(ordered.pk)

        assert (done.last_serial, done.touched) == (7, 7)
        assert set(batch.codes.filter(serial__gt=7).values_list("state", flat=True)) == {"active"}
        assert_sound()

    def test_gaps_that_a_cancelled_order_left_are_stepped_over(self, batch, small_chunks):
        cancelled = issuing.order_more(batch, 1_000, caller_key="x", actor_id="boss")
        issuing.cancel_order(cancelled, actor_id="boss")
        issuing.work_order(cancelled.pk)
        issuing.work_order(issuing.order_more(batch, 3, caller_key="x", actor_id="boss").pk)
        seen = []

        done = editing.work_edit(order(batch, "disable").pk, lambda each: seen.append(each.serial))

        assert done.touched == 10
        assert seen == [2, 4, 6, 1008, 1010]


class TestWhatIsPassedOver:
    def test_is_counted_by_reason(self, stopped_clock, anna, batch):
        first, second, third, fourth, *_ = batch.codes.order_by("serial")
        redeem(make_claimant(anna.site), text_of(batch, 1))
        switching.change_code(second, actor_id="boss", state="deleted")
        switching.change_code(third, actor_id="boss", valid_until=stopped_clock.now)
        expiring.sweep_expired()
        switching.change_code(fourth, actor_id="boss", max_uses=1)

        done = edit(batch, "uses", max_uses=1)

        assert done.reasons == {"as_wanted": 1, "deleted": 1, "expired": 1, "fewer_than_used": 1}
        assert done.reasons == done.foreseen["passed_over"]
        assert (done.touched, done.passed_over) == (3, 4)
        first.refresh_from_db()
        assert (first.uses, first.max_uses) == (2, 3)
        assert_sound()

    def test_a_validity_that_would_be_empty(self, batch, stopped_clock):
        switching.change_code(batch.codes.first(), actor_id="boss", valid_from=stopped_clock.now + 2 * DAY)

        done = edit(batch, "extend", valid_until=stopped_clock.now + DAY)

        assert (done.touched, done.reasons) == (6, {"validity_empty": 1})

    def test_used_up_codes_stay_so_when_the_batch_is_switched_on(self, anna):
        code = make_code(anna.site, "ONE-0001")
        redeem(anna, "ONE-0001")

        assert edit(code.batch, "disable").reasons == {"as_wanted": 1}
        assert edit(code.batch, "enable").reasons == {"used_up": 1}
        assert Code.objects.get().state == "used_up"

    def test_codes_that_are_still_being_issued(self, batch, monkeypatch):
        monkeypatch.setattr(issuing, "CHUNK", 2)
        slow = issuing.order_more(batch, 4, caller_key="x", actor_id="boss")
        issuing.issue_chunk(jobs.claim(IssueOrder, slow.pk))
        issuing.work_order(issuing.order_more(batch, 3, caller_key="x", actor_id="boss").pk)

        done = edit(batch, "disable")

        assert (done.touched, done.reasons, done.last_serial) == (10, {"being_issued": 2}, 14)
        IssueOrder.objects.filter(pk=slow.pk).update(lease_until=None)
        issuing.work_order(slow.pk)
        assert batch.codes.filter(state="active").count() == 4
        assert_sound()


class TestWhatIsSaidBeforehand:
    def test_how_many_whose_and_what_value(self, batch):
        foreseen = order(batch, "delete").foreseen

        assert foreseen == {
            "codes": 7,
            "looked_at": 7,
            "exact": True,
            "touched": 7,
            "handed_out": 1,
            "used": 1,
            "passed_over": {},
            "moved": [{"asset": "EUR", "type": "voiding", "amount": 10_000}],
        }

    def test_of_a_large_batch_it_is_an_estimate_and_says_so(self, batch, monkeypatch):
        monkeypatch.setattr(editing.foreseeing, "LOOKED_AT", 2)

        foreseen = order(batch, "delete").foreseen

        assert (foreseen["codes"], foreseen["looked_at"], foreseen["exact"]) == (7, 2, False)
        assert (foreseen["touched"], foreseen["handed_out"], foreseen["used"]) == (7, 1, 1)
        assert foreseen["moved"] == [{"asset": "EUR", "type": "voiding", "amount": 2_500 * 7 // 2}]
        assert editing.foreseeing.at_least(foreseen, "used") == "at least 1"
        assert editing.foreseeing.at_least({**foreseen, "used": 0}, "used") == "none of the first 2"
        assert editing.foreseeing.at_least({**foreseen, "exact": True}, "used") == "1"

    def test_asking_changes_nothing(self, anna, batch, django_assert_max_num_queries):
        before = holdings(anna.site), facts(batch)

        with django_assert_max_num_queries(9):
            editing.foreseeing.foresee(batch, NewEdit(kind="delete", reason="why not"))

        assert (holdings(anna.site), facts(batch)) == before
        assert not BatchEdit.objects.exists()


class TestRefused:
    @pytest.mark.parametrize(
        ("kind", "parameters", "field"),
        [
            ("paint", {}, "kind"),
            ("disable", {"reason": "  "}, "reason"),
            ("disable", {"reason": "r" * 201}, "reason"),
            ("disable", {"max_uses": 3}, "max_uses"),
            ("uses", {}, "max_uses"),
            ("uses", {"max_uses": 0}, "max_uses"),
            ("uses", {"max_uses": 10**6 + 1}, "max_uses"),
            ("uses", {"max_uses": 2, "valid_until": None}, "valid_until"),
            ("extend", {}, "valid_until"),
            ("extend", {"valid_from": NEW_YEAR, "valid_until": NEW_YEAR}, "valid_until"),
        ],
    )  # fmt: skip
    def test_what_makes_no_sense(self, anna, batch, kind, parameters, field):
        before = holdings(anna.site), AuditRecord.objects.count()

        with pytest.raises(ValidationError) as refused:
            order(batch, kind, **parameters)

        assert list(refused.value.message_dict) == [field]
        assert not BatchEdit.objects.exists()
        assert (holdings(anna.site), AuditRecord.objects.count()) == before

    def test_more_value_than_can_be_booked(self, anna):
        rich = make_batch(anna.site, count=5, worth_cents=10**9)
        with pytest.raises(ValidationError) as refused:
            order(rich, "uses", max_uses=10**6)
        assert list(refused.value.message_dict) == ["max_uses"]

    @pytest.mark.parametrize("state", ["issuing", "cancelled", "archived"])
    def test_a_batch_that_is_not_out(self, batch, state):
        Batch.objects.filter(pk=batch.pk).update(state=state)
        with pytest.raises(ValidationError, match="issued"):
            order(batch, "disable")

    def test_a_second_edit_beside_the_first(self, batch):
        order(batch, "disable")
        with pytest.raises(ValidationError, match="under way"):
            order(batch, "enable")
        assert BatchEdit.objects.count() == 1

    def test_one_key_is_one_edit(self, batch):
        first = order(batch, "disable", key="k")
        editing.work_edit(first.pk)

        assert order(batch, "disable", key="k") == first
        with pytest.raises(IdempotencyMismatch):
            order(batch, "enable", key="k")
        assert BatchEdit.objects.count() == 1


class TestChunks:
    def test_each_is_a_fixed_number_of_statements_however_many_codes_it_has(self, anna, monkeypatch):
        counted = []
        for count in (4, 400):
            monkeypatch.setattr(editing, "CHUNK", count // 2)
            claimed = jobs.claim(BatchEdit, order(make_batch(anna.site, count=count), "uses", max_uses=3).pk)
            with CaptureQueriesContext(connection) as asked:
                editing.edit_chunk(claimed)
            counted.append(len(asked))

        assert counted[0] == counted[1] <= 16

    def test_killed_between_two_it_goes_on_where_it_stopped(self, batch, small_chunks):
        ordered = order(batch, "uses", max_uses=1)
        editing.edit_chunk(jobs.claim(BatchEdit, ordered.pk))
        assert_sound()
        BatchEdit.objects.update(lease_until=None)

        done = editing.work_edit(ordered.pk)

        assert (done.touched, done.moved[0]["amount"]) == (7, 7_000)
        assert spread(batch) == (10_500, 3_000, 500, 0, 7_000)
        assert_sound()

    def test_broken_off_within_one_that_chunk_is_as_before(self, batch, small_chunks, monkeypatch):
        ordered = order(batch, "uses", max_uses=1)
        editing.edit_chunk(jobs.claim(BatchEdit, ordered.pk))
        before = facts(batch), spread(batch)
        with monkeypatch.context() as patched:
            patched.setattr(editing, "book", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                editing.edit_chunk(BatchEdit.objects.get(pk=ordered.pk))

        assert (facts(batch), spread(batch)) == before
        assert BatchEdit.objects.get().serial == 2

    def test_one_that_lost_its_lease_writes_nothing(self, batch, small_chunks):
        ordered = order(batch, "disable")
        stale = jobs.claim(BatchEdit, ordered.pk)
        BatchEdit.objects.update(lease_until=None)
        jobs.claim(BatchEdit, ordered.pk)

        with pytest.raises(jobs.Overtaken):
            editing.edit_chunk(stale)
        assert set(batch.codes.values_list("state", flat=True)) == {"active"}

    def test_cancelled_what_is_done_stays_done_and_is_said(self, batch, small_chunks):
        ordered = order(batch, "uses", max_uses=1)
        editing.edit_chunk(jobs.claim(BatchEdit, ordered.pk))

        assert editing.cancel_edit(ordered, actor_id="boss")
        done = editing.work_edit(ordered.pk)

        assert (done.state, done.touched, done.serial) == (State.CANCELLED, 2, 2)
        assert list(batch.codes.order_by("serial").values_list("max_uses", flat=True)) == [1, 1, 3, 3, 3, 3, 3]
        assert audit("batch.edited")[-1]["touched"] == 2
        assert not editing.cancel_edit(ordered, actor_id="boss")
        assert edit(batch, "disable").touched == 6  # The first is used up.
        assert_sound()


def test_it_is_audited_when_ordered_and_when_it_ends_and_not_for_each_code(batch, small_chunks):
    done = edit(batch, "uses", max_uses=5, reason="more for all")

    [ordered], [ended] = audit("batch.edit"), audit("batch.edited")
    assert (ordered["edit"], ordered["kind"], ordered["reason"]) == (done.pk, "uses", "more for all")
    assert (ordered["parameters"], ordered["foreseen"]["touched"]) == ({"max_uses": 5}, 7)
    assert (ended["touched"], ended["passed_over"], ended["state"]) == (7, {}, "done")
    assert not AuditRecord.objects.filter(action="code.change").exists()


def test_the_ledger_names_the_codes_of_each_chunk(batch, small_chunks):
    done = edit(batch, "uses", max_uses=5)

    comments = LedgerTransaction.objects.filter(comment__startswith="Edit").order_by("booked_at", "id")
    assert [row.comment for row in comments][:2] == [
        f"Edit {done.pk} of batch {batch.pk}: codes 1 to 2",
        f"Edit {done.pk} of batch {batch.pk}: codes 3 to 4",
    ]
