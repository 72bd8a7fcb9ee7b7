"""PUT and DELETE of all codes of a batch: in a few statements, and as of single codes."""

import json
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditRecord
from codes.models import Code
from tests.content import make_item, make_offer
from tests.factories import make_batch
from tests.protocols.access_codes.conftest import MATCH, Publisher
from tests.protocols.access_codes.publishers import REDEMPTIONS, told


class TestWholeBatches:
    def test_all_codes_are_changed_and_told(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=3, remaining_redemptions=2)
        publisher.redeem(codes[1])

        records = told(publisher.put("test%20batch", {"remaining-redemptions": 9, "expiration-date": "2031-01-01"}))

        assert [record["access-code"] for record in records] == codes
        assert {record["remaining-redemptions"] for record in records} == {9}
        assert [code.max_uses for code in Code.objects.order_by("serial")] == [9, 10, 9]
        assert publisher.get("/test%20batch") == records

    def test_used_up_codes_are_treated_like_single_ones(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=4)
        publisher.redeem(codes[0])
        publisher.put(f"test%20batch/{codes[1]}", {"is-valid": False})

        def states(body: dict[str, Any]) -> list[str]:
            assert publisher.put("test%20batch", body).status_code == 200
            return list(Code.objects.order_by("serial").values_list("state", flat=True))

        assert states({"is-valid": False}) == ["used_up", "disabled", "disabled", "disabled"]
        assert states({"remaining-redemptions": 1}) == ["disabled"] * 4
        assert states({"is-valid": True}) == ["active"] * 4
        assert states({"is-valid": False, "remaining-redemptions": 0}) == ["disabled"] * 4

    def test_each_code_takes_what_its_action_uses(self, publisher: Publisher):
        publisher.create(number_of_codes=2)
        publisher.create(**MATCH)
        publisher.create(action_type="session-license", access_control_id=118226)
        make_offer(make_item(publisher.site, "new"), "3abc")

        body = {"user-tags": ["x"], "access-control-id": "3abc", "match-specification": {"all": ["y"]}}
        records = told(publisher.put("test%20batch", body))

        assert [record.get("user-tags") for record in records] == [["x"], ["x"], None, None]
        assert [record.get("access-control-id") for record in records] == [None, None, "3abc", "3abc"]
        assert [record.get("match-specification") for record in records] == [None, None, {"all": ["y"]}, None]

    def test_codes_that_give_other_things_are_not_touched(self, publisher: Publisher):
        make_batch(publisher.site, 3, name="test batch", worth_cents=500)
        publisher.create(number_of_codes=2)

        assert len(told(publisher.put("test%20batch", {"is-valid": False}))) == 2
        assert told(publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch"))["message"] == "Deleted 2 codes"
        assert Code.objects.filter(terms__action="credit", state="active").count() == 3

    def test_the_number_of_statements_does_not_depend_on_the_number_of_codes(self, publisher: Publisher):
        def statements(count: int) -> list[int]:
            publisher.create(batch=f"b{count}", number_of_codes=count, **MATCH)
            found = []
            for method, body in (
                ("PUT", {"is-valid": False, "remaining-redemptions": 3, "match-specification": {"all": ["z"]}}),
                ("PUT", {"batch": f"moved {count}"}),
            ):
                with CaptureQueriesContext(connection) as made:
                    response = publisher.door.send(method, f"{REDEMPTIONS}/b{count}", body)
                    assert len(told(response)) == count
                found.append(len(made))
            with CaptureQueriesContext(connection) as made:
                publisher.door.send("DELETE", f"{REDEMPTIONS}/moved%20{count}")
            return [*found, len(made)]

        publisher.create(batch="warm")
        few, many = statements(2), statements(300)
        assert few == many

    def test_it_is_audited_with_how_many(self, publisher: Publisher):
        codes = publisher.create(number_of_codes=3)
        publisher.put("test%20batch", {"is-valid": False})
        publisher.put(f"test%20batch/{codes[0]}", {"is-valid": True})
        publisher.put(f"test%20batch/{codes[0]}", {"is-valid": True})
        publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch/{codes[0]}")
        publisher.door.send("DELETE", f"{REDEMPTIONS}/test%20batch")

        rows = list(AuditRecord.objects.exclude(action="batch.order").order_by("pk"))
        assert [(row.action, row.actor_id) for row in rows] == [
            (action, publisher.admin.claimant_id)
            for action in ("batch.codes_change", "code.change", "code.change", "batch.codes_delete")
        ]
        assert (rows[0].detail["codes"], rows[0].detail["changed"]) == (3, 3)
        assert rows[1].detail["changed"] == {"state": ["disabled", "active"]}
        assert rows[2].detail["changed"] == {"state": ["active", "deleted"]}
        assert rows[3].detail["codes"] == 2
        assert not any(code in json.dumps(row.detail) for row in rows for code in codes)
