"""Ordering codes: what a new batch may be, and that a request is heard once."""

import dataclasses

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts.models import AuditRecord, Tag
from codes import issuing, ordering
from codes.models import Batch, Code, IssueOrder, Terms
from codes.refusals import IdempotencyMismatch
from ledger.models import LedgerTransaction
from tests.factories import make_account, make_asset, make_batch, make_code, make_site, new_batch

pytestmark = pytest.mark.django_db

State = IssueOrder.State


def nothing_written():
    return not (
        Batch.objects.exists()
        or Terms.objects.exists()
        or IssueOrder.objects.exists()
        or AuditRecord.objects.exists()
        or Tag.objects.exists()
    )


def test_an_order_waits_with_its_batch_terms_and_audit_row():
    site = make_site()

    order, replayed = issuing.order_batch(
        new_batch(site, name="  Summer  ", count=7, worth_cents=250, uses=3, venues=["till 1"], cooldown_seconds=60)
    )

    assert not replayed
    assert (order.state, order.wanted, order.issued, order.first_serial) == (State.QUEUED, 7, 0, 1)
    assert (order.batch.name, order.batch.state, order.batch.last_serial) == ("Summer", Batch.State.ISSUING, 7)
    terms = order.terms
    assert (terms.action, terms.value, terms.uses, terms.uses_per_claimant) == ("credit", 250, 3, 1)
    assert (terms.venues, terms.cooldown_seconds, terms.format) == (["till 1"], 60, "ours")
    audit = AuditRecord.objects.get()
    assert (audit.action, audit.object_id) == ("batch.order", str(order.batch_id))
    assert audit.detail == {"count": 7, "order": order.pk, "terms": terms.pk}
    assert not LedgerTransaction.objects.exists()


WRONG = [
    ({"name": ""}, "name"),
    ({"name": " \t "}, "name"),
    ({"name": "n" * 101}, "name"),
    ({"count": 0}, "count"),
    ({"count": -1}, "count"),
    ({"count": 10_000_001}, "count"),
    ({"count": 10**30}, "count"),
    ({"action": "levitate"}, "action"),
    ({"action": ""}, "action"),
    ({"parameters": {"colour": "red"}}, "parameters"),
    ({"asset_code": "XXX"}, "asset"),
    ({"asset_code": ""}, "value"),
    ({"value": 0}, "value"),
    ({"value": -1}, "value"),
    ({"value": 10**12 + 1}, "value"),
    ({"value": 10**40}, "value"),
    ({"value": 10**12, "uses": 1_000, "count": 2}, "value"),
    ({"uses": 0}, "uses"),
    ({"uses": 10**6 + 1}, "uses"),
    ({"uses_per_claimant": 0}, "uses_per_claimant"),
    ({"uses_per_claimant": 10**6 + 1}, "uses_per_claimant"),
    ({"cooldown_seconds": -1}, "cooldown_seconds"),
    ({"cooldown_seconds": 10**9}, "cooldown_seconds"),
    ({"venues": [""]}, "venues"),
    ({"venues": ["v" * 101]}, "venues"),
    ({"venues": [7]}, "venues"),
    ({"venues": ["v"] * 1_001}, "venues"),
    ({"time_zone": "Europe/Atlantis"}, "time_zone"),
    ({"time_zone": ""}, "time_zone"),
    ({"format": "roman"}, "format"),
    ({"format": "supplied"}, "format"),
    ({"format": "hex", "pattern": "########"}, "pattern"),
    ({"format": "pattern", "pattern": "#######"}, "pattern"),
    ({"format": "pattern", "pattern": ""}, "pattern"),
    ({"total_cap": 0}, "total_cap"),
    ({"total_cap": -5}, "total_cap"),
    ({"total_cap": 10**12 + 1}, "total_cap"),
]


@pytest.mark.parametrize(
    ("wrong", "field"), WRONG, ids=[f"{field}-{number}" for number, (_, field) in enumerate(WRONG)]
)
def test_each_field_that_is_wrong_is_named_and_nothing_is_written(wrong, field):
    new = dataclasses.replace(new_batch(make_site(), worth_cents=100), **wrong)

    with pytest.raises(ValidationError) as refused:
        issuing.order_batch(new)

    assert field in refused.value.message_dict
    assert nothing_written()


def test_several_wrong_fields_are_named_together():
    new = dataclasses.replace(new_batch(make_site(), worth_cents=100), uses=0, action="levitate", time_zone="?")

    with pytest.raises(ValidationError) as refused:
        issuing.order_batch(new)

    assert set(refused.value.message_dict) == {"uses", "action", "time_zone"}


def test_a_name_is_taken_once_per_site():
    site = make_site()
    issuing.order_batch(new_batch(site, name="Summer"))
    issuing.order_batch(new_batch(make_site(), name="Summer"))

    with pytest.raises(ValidationError) as refused:
        issuing.order_batch(new_batch(site, name=" Summer "))

    assert list(refused.value.message_dict) == ["name"]
    assert Batch.objects.filter(site=site).count() == 1


def test_a_name_taken_at_the_same_moment_is_told_too(monkeypatch):
    site = make_site()
    issuing.order_batch(new_batch(site, name="Summer"))

    def taken_meanwhile(new):
        raise IntegrityError("batch_name_per_site")

    monkeypatch.setattr(ordering, "make_batch", taken_meanwhile)
    with pytest.raises(ValidationError, match="name already"):
        issuing.order_batch(new_batch(site, name="Summer"))


class TestAnIdempotencyKey:
    def test_the_same_request_is_the_same_order(self):
        new = new_batch(make_site(), name="Summer", idempotency_key="k1", count=2)

        first, second = issuing.order_batch(new), issuing.order_batch(new)

        assert (first[1], second[1]) == (False, True)
        assert first[0].pk == second[0].pk
        assert Batch.objects.count() == 1

    def test_it_is_so_while_the_order_is_worked_and_when_it_is_done(self):
        new = new_batch(make_site(), name="Summer", idempotency_key="k1", count=2)
        order, _ = issuing.order_batch(new)
        issuing.work_order(order.pk)

        again, replayed = issuing.order_batch(new)

        assert replayed
        assert (again.pk, again.state) == (order.pk, State.DONE)
        assert Code.objects.count() == 2

    @pytest.mark.parametrize(
        "other",
        [
            *(
                {"name": "Autumn"},
                {"count": 3},
                {"value": 101},
                {"uses": 2},
                {"uses_per_claimant": 2},
                {"venues": ["v"]},
            ),
            *({"cooldown_seconds": 1}, {"time_zone": "Europe/Berlin"}, {"format": "hex"}, {"total_cap": 9}),
            *({"action": "refund"}, {"parameters": {"a": 1}}, {"asset_code": "USD"}, {"value": 10**30}),
        ],
    )
    def test_another_request_under_it_is_a_mismatch(self, other):
        new = new_batch(make_site(), name="Summer", idempotency_key="k1", count=2, worth_cents=100)
        issuing.order_batch(new)

        with pytest.raises(IdempotencyMismatch):
            issuing.order_batch(dataclasses.replace(new, **other))

        assert Batch.objects.count() == 1

    def test_it_is_the_callers_own(self):
        site = make_site()
        issuing.order_batch(new_batch(site, name="Summer", idempotency_key="k1", caller_key="client:1"))
        order, replayed = issuing.order_batch(
            new_batch(site, name="Autumn", idempotency_key="k1", caller_key="client:2")
        )

        assert not replayed
        assert order.batch.name == "Autumn"

    def test_without_one_every_request_is_a_new_one(self):
        site = make_site()
        issuing.order_batch(new_batch(site, name="Summer"))

        with pytest.raises(ValidationError):
            issuing.order_batch(new_batch(site, name="Summer"))

    def test_a_refused_request_leaves_it_free(self):
        site = make_site()
        with pytest.raises(ValidationError):
            issuing.order_batch(new_batch(site, name="Summer", idempotency_key="k1", count=0))

        assert issuing.order_batch(new_batch(site, name="Summer", idempotency_key="k1"))[1] is False


class TestMoreCodes:
    def test_they_join_a_living_batch_on_its_last_terms(self):
        batch = make_batch(count=3, worth_cents=500, uses=2)

        order = issuing.order_more(batch, 4, caller_key="client:1", actor_id="boss")
        issuing.work_order(order.pk)

        assert list(batch.codes.order_by("serial").values_list("serial", flat=True)) == [1, 2, 3, 4, 5, 6, 7]
        assert set(batch.codes.values_list("terms", flat=True)) == {order.terms_id}
        assert order.terms.value == 500

    def test_they_can_have_other_terms(self):
        batch = make_batch(count=1, worth_cents=500)
        other = Terms.objects.create(
            site=batch.site, action="credit", asset=make_asset(), value=900, uses=1, format="hex"
        )

        order = issuing.order_more(batch, 1, terms=other, caller_key="client:1", actor_id="boss")
        issuing.work_order(order.pk)

        assert sorted(batch.codes.values_list("terms__value", flat=True)) == [500, 900]

    @pytest.mark.parametrize("state", [Batch.State.ISSUING, Batch.State.CANCELLED])
    def test_a_batch_that_does_not_live_takes_none(self, state):
        batch = make_batch(count=1)
        Batch.objects.filter(pk=batch.pk).update(state=state)

        with pytest.raises(ValidationError, match="has been issued"):
            issuing.order_more(batch, 1, caller_key="client:1", actor_id="boss")

    @pytest.mark.parametrize(("count", "field"), [(0, "count"), (10_000_001, "count"), (-3, "count")])
    def test_there_are_as_many_as_a_new_batch_may_have(self, count, field):
        with pytest.raises(ValidationError) as refused:
            issuing.order_more(make_batch(count=1), count, caller_key="client:1", actor_id="boss")
        assert list(refused.value.message_dict) == [field]

    def test_the_pattern_must_withstand_guessing_for_all_of_the_batchs_codes(self):
        batch = make_batch(count=1, format="pattern", pattern="########")

        with pytest.raises(ValidationError) as refused:
            issuing.order_more(batch, 1_000, caller_key="client:1", actor_id="boss")

        assert "at least 10" in refused.value.message_dict["pattern"][0]

    def test_a_batch_of_supplied_codes_has_no_format_to_draw_by(self):
        batch = make_code(text="ABC-E6W5F").batch

        with pytest.raises(ValidationError) as refused:
            issuing.order_more(batch, 1, caller_key="client:1", actor_id="boss")

        assert list(refused.value.message_dict) == ["format"]
        assert IssueOrder.objects.count() == 1

    def test_the_same_request_is_the_same_order_whatever_joined_meanwhile(self):
        batch = make_batch(count=1)
        asked = {"caller_key": "client:1", "actor_id": "boss", "idempotency_key": "k1"}
        first = issuing.order_more(batch, 2, **asked)
        issuing.order_more(batch, 2, caller_key="client:1", actor_id="boss")

        assert issuing.order_more(batch, 2, **asked).pk == first.pk
        with pytest.raises(IdempotencyMismatch):
            issuing.order_more(batch, 3, **asked)
        with pytest.raises(IdempotencyMismatch):
            issuing.order_more(make_batch(count=1), 2, **asked)


def test_a_refund_batch_names_a_booking_of_the_site():
    site = make_site()
    account = make_account(balance=500)

    with pytest.raises(ValidationError) as refused:
        issuing.order_batch(
            new_batch(
                site, worth_cents=100, action="refund", parameters={"booking": str(LedgerTransaction.objects.get().pk)}
            )
        )

    assert list(refused.value.message_dict) == ["parameters"]
    assert account.site_id != site.pk
