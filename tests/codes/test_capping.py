"""A batch's own cap: set on a living batch it starts from the uses in force, counted exactly; never below them."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import AuditRecord
from codes import lookup
from codes.models import Attempt, Batch
from codes.reversing import ReverseRedemption, reverse
from codes.switching import change_batch
from tests.codes.redeeming import assert_sound, holdings, reason_of, redeem
from tests.factories import caller_of, make_batch, make_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(claimant_scene, db):
    return claimant_scene()


@pytest.fixture
def batch(anna):
    """Four codes, two of which have been used, and one of these uses has been given back."""
    batch = make_batch(anna.site, count=4)
    for code in batch.codes.all()[:2]:
        redeem(anna, lookup.shown(code))
    till = caller_of(make_client(anna.site, ["reverse"]))
    attempt = Attempt.objects.filter(outcome="redeemed").first()
    reverse(ReverseRedemption(till, attempt.pk, "a mistake", give_use_back=True))
    return batch


def test_set_on_a_living_batch_it_counts_from_what_is_in_force(anna, batch):
    changed = change_batch(batch, actor_id="boss", total_cap=2, reason="enough")

    assert (changed.total_cap, changed.uses_in_force) == (2, 1)
    third, fourth = [lookup.shown(code) for code in batch.codes.order_by("serial")[2:]]
    assert reason_of(redeem(anna, third)) == "redeemed"
    assert reason_of(redeem(anna, fourth)) == "campaign_cap_reached"
    row = AuditRecord.objects.get(action="batch.change")
    assert (row.actor_id, row.detail) == ("boss", {"changed": {"total_cap": [None, 2]}, "reason": "enough"})
    assert_sound()


def test_raised_lowered_and_lifted(anna, batch):
    for cap in (1, 100, 1, None, 3, None):
        assert change_batch(Batch.objects.get(), actor_id="boss", total_cap=cap).total_cap == cap
        assert_sound()
    assert reason_of(redeem(anna, lookup.shown(batch.codes.get(serial=3)))) == "redeemed"


@pytest.mark.parametrize("cap", [0, -1, 10**12 + 1])
def test_out_of_bounds(anna, batch, cap):
    before = holdings(anna.site), AuditRecord.objects.count()
    with pytest.raises(ValidationError) as refused:
        change_batch(batch, actor_id="boss", total_cap=cap, state="disabled")
    assert list(refused.value.message_dict) == ["total_cap"]
    assert (holdings(anna.site), AuditRecord.objects.count()) == before


@pytest.mark.parametrize("capped_before", [False, True])
def test_never_below_the_uses_in_force(anna, batch, capped_before):
    redeem(anna, lookup.shown(batch.codes.get(serial=3)))
    if capped_before:
        change_batch(batch, actor_id="boss", total_cap=10)
    with pytest.raises(ValidationError, match="from 2, the uses in force"):
        change_batch(Batch.objects.get(), actor_id="boss", total_cap=1)
    assert Batch.objects.get().total_cap == (10 if capped_before else None)
    assert_sound()


def test_both_at_once_are_one_change(batch):
    change_batch(batch, actor_id="boss", total_cap=5, state="disabled", reason="pause")

    row = AuditRecord.objects.get(action="batch.change")
    assert row.detail["changed"] == {"state": ["active", "disabled"], "total_cap": [None, 5]}


def test_as_it_is_nothing_is_written(batch):
    rows = AuditRecord.objects.count()
    change_batch(batch, actor_id="boss", total_cap=None, state="active")
    assert AuditRecord.objects.count() == rows


@pytest.mark.parametrize("state", ["issuing", "cancelled", "archived", "", "ACTIVE"])
def test_only_two_states_can_be_asked_for(batch, state):
    with pytest.raises(ValidationError) as refused:
        change_batch(batch, actor_id="boss", state=state)
    assert list(refused.value.message_dict) == ["state"]
