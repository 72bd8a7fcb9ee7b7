"""Deleting a code or a batch, moving them to another batch, and what holds afterwards."""

from typing import Any

from accounts import invariants
from codes import content_codes, reversing
from codes.models import Attempt, Batch, IssueOrder
from codes.switching import change_batch
from tests.breaking import violated
from tests.factories import caller_of, make_batch, make_client
from tests.protocols.access_codes.conftest import MATCH, Publisher
from tests.protocols.access_codes.publishers import REDEMPTIONS, refusal, told


class TestDeleting:
    def test_case_31_a_deleted_code_is_unknown_and_what_it_gave_stays(self, publisher: Publisher):
        first, second = publisher.create(number_of_codes=2, remaining_redemptions=2)
        publisher.redeem(first)

        response = publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{first}")

        assert (response.status_code, told(response)) == (200, {"status": 200, "message": "Deleted 1 code"})
        assert publisher.redeem(first, publisher.other) == "code_not_found"
        assert publisher.tags(publisher.reader) == {"member", "institution"}
        assert publisher.tags(publisher.other) == set()
        assert [record["access-code"] for record in publisher.get("/test%20batch")] == [second]
        assert refusal(publisher.door.get(f"{REDEMPTIONS}/test%20batch/{first}")) == (404, "No such code")

    def test_a_deleted_batch_is_gone_and_its_name_is_free(self, publisher: Publisher):
        publisher.create(number_of_codes=3)

        response = publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/")

        assert told(response) == {"status": 200, "message": "Deleted 3 codes"}
        assert publisher.get() == []
        for method in ("GET", "PUT", "DELETE"):
            answer = publisher.door.send(method, f"{REDEMPTIONS}/test%20batch", {})
            assert refusal(answer) == (404, "No such batch")
        [code] = publisher.create()
        assert [record["access-code"] for record in publisher.get("/test%20batch")] == [code]
        assert Batch.objects.count() == 1

    def test_the_last_code_takes_its_batch_along(self, publisher: Publisher):
        [code] = publisher.create()

        publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{code}")

        assert publisher.get() == []
        assert refusal(publisher.door.get(f"{REDEMPTIONS}/test%20batch/{code}")) == (404, "No such batch")


class TestMoving:
    def test_a_code_is_moved_with_all_it_is(self, publisher: Publisher, changed: Any):
        codes = publisher.create(number_of_codes=3, remaining_redemptions=2)
        publisher.create(batch="new")
        publisher.redeem(codes[1])
        before = publisher.record(codes[1])

        record = changed(codes[1], batch=" new ", is_valid=True)

        assert record == {**before, "batch": "new"}
        assert publisher.record(codes[1], "new") == record
        assert [each["access-code"] for each in publisher.get("/test%20batch")] == [codes[0], codes[2]]
        assert [each["access-code"] for each in publisher.get("/new")][1:] == [codes[1]]
        assert refusal(publisher.door.get(f"{REDEMPTIONS}/test%20batch/{codes[1]}")) == (404, "No such code")
        assert publisher.redeem(codes[1], publisher.reader) == "already_redeemed"
        assert publisher.redeem(codes[1], publisher.other) == "redeemed"

    def test_a_whole_batch_of_several_actions_is_moved_in_its_order_and_told(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=3) + publisher.create(**MATCH, number_of_codes=2)
        there = publisher.create(batch="new", number_of_codes=2)

        records = told(publisher.put("test%20batch", {"batch": "new", "is-valid": False}))

        assert {record["batch"] for record in records} == {"new"}
        assert sorted(record["access-code"] for record in records) == sorted(codes)
        assert [each["batch"] for each in publisher.get()] == ["new"]
        assert [each["access-code"] for each in publisher.get("/new")] == there + [r["access-code"] for r in records]
        back = told(publisher.put("new", {"batch": "test batch", "remaining-redemptions": 2}))
        assert len(back) == 7
        assert publisher.create(batch="new") != []

    def test_uses_of_capped_batches_move_along(self, publisher: Publisher, changed: Any):
        codes = publisher.create(number_of_codes=2, remaining_redemptions=3)
        publisher.create(batch="new", number_of_codes=1)
        publisher.redeem(codes[0])
        publisher.redeem(codes[0], publisher.other)
        old, new = Batch.objects.get(name="test batch"), Batch.objects.get(name="new")
        change_batch(old, actor_id="staff", total_cap=10)
        change_batch(new, actor_id="staff", total_cap=1)

        response = publisher.put(f"test%20batch/{codes[0]}", {"batch": "new"})
        assert refusal(response) == (409, "The cap of that batch has no room for the uses of these codes.")
        assert publisher.record(codes[0])["batch"] == "test batch"

        change_batch(new, actor_id="staff", total_cap=2)
        assert changed(codes[0], batch="new")["batch"] == "new"
        assert [Batch.objects.get(pk=each.pk).uses_in_force for each in (old, new)] == [0, 2]
        assert publisher.redeem(codes[0], publisher.reader) in ("campaign_cap_reached", "already_redeemed")

    def test_into_the_same_batch_nothing_moves(self, publisher: Publisher, changed: Any):
        [code] = publisher.create()

        assert changed(code, batch="test batch")["batch"] == "test batch"
        assert IssueOrder.objects.count() == 1

    def test_into_a_batch_that_was_deleted_at_the_desk(self, publisher: Publisher):
        [code] = publisher.create()
        make_batch(publisher.site, 1, name="gone", worth_cents=0)
        Batch.objects.filter(name="gone").update(state=Batch.State.ARCHIVED)

        response = publisher.put(f"test%20batch/{code}", {"batch": "gone"})

        assert refusal(response) == (409, "batch was deleted and its name cannot be used again")
        assert publisher.record(code)["batch"] == "test batch"

    def test_attempts_stay_with_the_batch_they_were_made_in(self, publisher: Publisher, changed: Any):
        [code] = publisher.create(remaining_redemptions=2)
        publisher.redeem(code)
        changed(code, batch="new")
        publisher.redeem(code, publisher.other)

        names = Attempt.objects.order_by("decided_at").values_list("batch__name", flat=True)
        assert list(names) == ["test batch", "new"]
        assert len(publisher.record(code, "new")["redeemed-users"]) == 2

    def test_a_redemption_from_before_is_reversed_in_the_batch_that_the_code_is_in(
        self, publisher: Publisher, changed: Any
    ):
        [code] = publisher.create(remaining_redemptions=2)
        publisher.create(batch="new")
        publisher.redeem(code)
        change_batch(Batch.objects.get(name="new"), actor_id="staff", total_cap=1)
        changed(code, batch="new")
        assert publisher.redeem(code, publisher.other) == "campaign_cap_reached"

        caller = caller_of(make_client(publisher.site, ("reverse",)))
        attempt = Attempt.objects.get(outcome="redeemed")
        reversing.reverse(reversing.ReverseRedemption(caller, attempt.pk, "a mistake", give_use_back=True))

        assert Batch.objects.get(name="new").uses_in_force == 0
        assert publisher.redeem(code, publisher.other) == "redeemed"
        assert violated(list(invariants.listed())) == {}


def test_every_invariant_holds_after_all_of_it(publisher: Publisher):
    codes = publisher.create(number_of_codes=8, remaining_redemptions=2)
    publisher.create(**MATCH, number_of_codes=3)
    for code in codes[:4]:
        publisher.redeem(code)
        publisher.redeem(code, publisher.other)
    publisher.put("test%20batch", {"is-valid": True, "user-tags": ["x"]})
    publisher.put(f"test%20batch/{codes[0]}", {"batch": "alone", "remaining-redemptions": 0})
    publisher.put(f"test%20batch/{codes[1]}", {"is-valid": True, "remaining-redemptions": 0})
    publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{codes[2]}")
    publisher.put("test%20batch", {"batch": "moved"})
    publisher.put("moved", {"batch": "test batch"})
    publisher.put("test%20batch", {"batch": "moved again", "match-specification": {"all": ["q"]}})
    publisher.door.send("DELETE", f"{REDEMPTIONS}/alone")

    assert len(publisher.get("/moved%20again")) == 9
    assert violated(list(invariants.listed())) == {}
    assert content_codes.batch_names(publisher.site.pk) == ["moved again"]
