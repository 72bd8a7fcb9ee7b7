"""Deleting a whole batch: unknown from the order on, its value voided, its history kept, and no code of it issued again."""

import pytest
from django.core.exceptions import ValidationError

from codes import editing, issuing, jobs, lookup, switching
from codes.models import Attempt, Batch, BatchEdit, Code
from codes.reversing import ReverseRedemption, reverse
from tests.codes.editing import edit, facts, order
from tests.codes.redeeming import assert_sound, cash, reason_of, redeem, spread
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_site, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(editing, "CHUNK", 2)


@pytest.fixture
def anna():
    return make_claimant()


@pytest.fixture
def batch(anna):
    return make_batch(anna.site, count=5, uses=2, name="five")


def texts(batch):
    return [lookup.shown(code) for code in batch.codes.order_by("serial")]


def test_every_code_is_deleted_its_value_voided_and_the_batch_archived(anna, batch):
    redeem(anna, texts(batch)[0])

    done = edit(batch, "delete")

    batch.refresh_from_db()
    assert (done.state, done.touched, batch.state) == ("done", 5, "archived")
    assert spread(batch) == (5_000, 0, 500, 0, 4_500)
    assert set(batch.codes.values_list("state", flat=True)) == {"deleted"}
    assert {reason_of(redeem(anna, text)) for text in texts(batch)} == {"code_not_found"}
    assert_sound()


@pytest.mark.parametrize("state", ["active", "disabled"])
def test_from_the_order_on_no_code_is_known_and_cancelling_brings_the_rest_back(anna, batch, state):
    switching.change_batch(batch, actor_id="boss", state=state)
    ordered = order(batch, "delete")
    assert {reason_of(redeem(anna, text)) for text in texts(batch)} == {"code_not_found"}
    editing.edit_chunk(jobs.claim(BatchEdit, ordered.pk))
    assert_sound()

    editing.cancel_edit(ordered, actor_id="boss")
    assert editing.work_edit(ordered.pk).state == "cancelled"

    batch.refresh_from_db()
    assert batch.state == state
    assert [row[1] for row in facts(batch)] == ["deleted"] * 2 + ["active"] * 3
    expected = "redeemed" if state == "active" else "code_disabled"
    assert [reason_of(redeem(anna, text)) for text in texts(batch)] == ["code_not_found"] * 2 + [expected] * 3
    assert edit(batch, "delete").touched == 3
    assert_sound()


def test_one_that_failed_can_be_cancelled_too(batch):
    ordered = order(batch, "delete")
    BatchEdit.objects.update(state="failed")

    assert editing.cancel_edit(ordered, actor_id="boss")
    editing.work_edit(ordered.pk)

    assert Batch.objects.get(pk=batch.pk).state == "active"
    assert_sound()


def test_no_code_of_it_is_ever_issued_again(anna):
    batch = issuing.issue_supplied(new_batch(anna.site, worth_cents=100, name="first"), ["OIL-0001"])
    edit(batch, "delete")

    with pytest.raises(ValidationError, match="exists already"):
        issuing.issue_supplied(new_batch(anna.site, worth_cents=100, name="second"), ["0iL 00o1"])
    assert Code.objects.count() == 1


def test_its_name_stays_taken_and_nothing_is_added_to_it(batch):
    edit(batch, "delete")

    with pytest.raises(ValidationError, match="of this name"):
        issuing.order_batch(new_batch(batch.site, name="five"))
    with pytest.raises(ValidationError):
        issuing.order_more(batch, 1, caller_key="x", actor_id="boss")
    with pytest.raises(ValidationError):
        switching.switch_batch(batch, True, actor_id="boss")
    with pytest.raises(ValidationError, match="has been deleted"):
        switching.change_code(batch.codes.first(), actor_id="boss", max_uses=9)
    for kind in ("delete", "enable"):
        with pytest.raises(ValidationError):
            order(batch, kind)


def test_refused_while_an_order_is_open(batch):
    more = issuing.order_more(batch, 1, caller_key="x", actor_id="boss")

    with pytest.raises(ValidationError, match="still being issued"):
        order(batch, "delete")
    assert Batch.objects.get().state == "active"

    issuing.work_order(more.pk)
    assert edit(batch, "delete").touched == 6


@pytest.mark.parametrize("give_use_back", [False, True])
@pytest.mark.parametrize("half_way", [False, True])
def test_an_earlier_redemption_is_reversed_as_ever(anna, batch, give_use_back, half_way):
    redeem(anna, texts(batch)[4])
    ordered = order(batch, "delete")
    if not half_way:
        editing.work_edit(ordered.pk)
    till = caller_of(make_client(anna.site, ["reverse"]))
    attempt = Attempt.objects.get(outcome="redeemed")

    reverse(ReverseRedemption(till, attempt.pk, "a mistake", give_use_back=give_use_back))
    editing.work_edit(ordered.pk)

    assert cash(anna) == 0
    assert spread(batch) == (5_000, 0, 0, 0, 5_000)
    assert_sound()


def test_its_attempts_and_texts_are_still_there(anna, batch):
    redeem(anna, texts(batch)[0])
    edit(batch, "delete")

    assert Attempt.objects.filter(batch=batch, outcome="redeemed").count() == 1
    assert lookup.find_code(batch.site_id, texts(batch)[0]) == batch.codes.get(serial=1)


def test_a_batch_of_another_site_is_not_touched(batch):
    other = make_batch(make_site(), count=2, name="five")
    edit(batch, "delete")

    assert Batch.objects.get(pk=other.pk).state == "active"
    assert set(other.codes.values_list("state", flat=True)) == {"active"}
