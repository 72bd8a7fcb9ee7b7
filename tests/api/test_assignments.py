"""Handing out a code over HTTP, and a claimant's own codes: who may, what is answered, and that refusals move nothing."""

import datetime as dt

import pytest

from accounts.models import AuditRecord
from codes import lookup, switching
from codes.models import Assignment, Batch, Code
from tests.api.conftest import Tenant
from tests.api.doors import Door, till
from tests.factories import make_batch, make_claimant, make_client, make_site


@pytest.fixture
def batch(tenant: Tenant) -> Batch:
    return make_batch(tenant.site, 3, name="Spring", worth_cents=500)


def address(batch: Batch | int) -> str:
    return f"/api/v1/batches/{batch.pk if isinstance(batch, Batch) else batch}/assignments"


def hand(door: Door, batch: Batch | int, claimant_id: object = "u-1001", key: str | None = None):
    headers = {"Idempotency-Key": key} if key is not None else None
    return door.post(address(batch), {"claimant_id": claimant_id}, headers=headers)


def free(batch: Batch) -> int:
    return batch.codes.filter(owner=None).count()


def test_the_answer_is_the_code_and_all_about_it(program: Door, batch: Batch):
    answer = hand(program, batch)

    code = Code.objects.get(batch=batch, serial=1)
    at = Assignment.objects.get().assigned_at
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Idempotent-Replayed" not in answer.headers
    assert answer.json() == {
        "code": lookup.shown(code),
        "code_id": code.pk,
        "serial": 1,
        "batch_id": batch.pk,
        "batch": "Spring",
        "claimant_id": "u-1001",
        "assigned_at": at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "action": "credit",
        "asset": "EUR",
        "value": "5.00",
        "max_uses": 1,
        "uses_left": 1,
        "valid_from": None,
        "valid_until": None,
        "state": "ready",
    }


def test_a_key_is_answered_again_with_200_and_says_so(program: Door, batch: Batch):
    first, again, other = hand(program, batch, key="k1"), hand(program, batch, key="k1"), hand(program, batch, key="k2")
    bare, bare_again = hand(program, batch), hand(program, batch)

    assert [each.status_code for each in (first, again, other, bare, bare_again)] == [201, 200, 201, 201, 200]
    assert again.headers["Idempotent-Replayed"] == bare_again.headers["Idempotent-Replayed"] == "true"
    assert first.json() == again.json()
    assert len({each.json()["code"] for each in (first, other, bare)}) == 3
    assert again.headers["Cache-Control"] == "no-store"


def test_whoever_got_it_redeems_it_and_nobody_else(program: Door, anna: Door, bert: Door, batch: Batch):
    text = hand(program, batch).json()["code"]

    assert bert.redeem(text, "u-2002").json()["reason"] == "not_entitled"
    assert anna.redeem(text, "u-1001").status_code == 201
    again = hand(program, batch).json()
    assert (again["code"], again["state"], again["uses_left"]) == (text, "used", 0)


def problem(answer) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def test_every_refusal_is_a_problem_and_moves_no_code(program: Door, tenant: Tenant, batch: Batch):
    foreign = make_batch(make_site(), 1)
    switched_off = make_batch(tenant.site, 1)
    switching.switch_batch(switched_off, False, actor_id="boss")
    empty = make_batch(tenant.site, 1)
    other = make_batch(tenant.site, 1)
    hand(program, empty, key="k1")

    told = {
        "unknown": problem(hand(program, 999_999)),
        "too large": problem(hand(program, 2**70)),
        "another site's": problem(hand(program, foreign)),
        "off": problem(hand(program, switched_off)),
        "nobody": problem(hand(program, batch, "nobody")),
        "inactive": problem(hand(program, batch, "u-3003")),
        "nothing left": problem(hand(program, empty, "u-2002")),
        "key, claimant": problem(hand(program, empty, "u-2002", "k1")),
        "key, batch": problem(hand(program, other, "u-1001", "k1")),
    }

    assert told == {
        "unknown": (404, "batch_not_found"),
        "too large": (404, "batch_not_found"),
        "another site's": (404, "batch_not_found"),
        "off": (409, "batch_not_active"),
        "nobody": (404, "claimant_unknown"),
        "inactive": (403, "claimant_inactive"),
        "nothing left": (409, "no_code_left"),
        "key, claimant": (422, "idempotency_mismatch"),
        "key, batch": (422, "idempotency_mismatch"),
    }
    assert [free(each) for each in (foreign, switched_off, batch, other)] == [1, 1, 3, 1]
    assert Assignment.objects.count() == 1


@pytest.mark.parametrize(
    "body", [{}, {"claimant_id": None}, {"claimant_id": ""}, {"claimant_id": 7}, {"claimant_id": "u", "more": 1},
             {"claimant_id": "x" * 101}, {"claimant_id": "u\x00"}, [], "u-1001", b"{"]
)  # fmt: skip
def test_a_body_that_is_wrong_is_400(program: Door, batch: Batch, body: object):
    answer = program.post(address(batch), body)

    assert problem(answer)[0] == 400
    assert free(batch) == 3


@pytest.mark.parametrize("key", ["", "a b", "a,b", "ü", "k" * 256])
def test_a_key_that_is_none_is_400(program: Door, batch: Batch, key: str):
    assert problem(hand(program, batch, key=key)) == (400, "request_malformed")
    assert free(batch) == 3


def test_neither_a_browser_login_nor_a_key_without_the_scope_may(tenant: Tenant, anna: Door, batch: Batch):
    others = till(make_client(tenant.site, ["redeem", "reverse", "read", "issue", "manage", "export"]).key)
    for door in (anna, others):
        assert problem(hand(door, batch)) == (403, "scope_missing")
        assert problem(door.get("/api/v1/claimants/u-1001/codes")) == (403, "scope_missing")
    assert free(batch) == 3


def test_a_key_for_some_claimants_hands_out_to_them_alone(tenant: Tenant, batch: Batch):
    limited = till(make_client(tenant.site, ["assign"], acts_as=[tenant.claimants["u-1001"]]).key)

    assert hand(limited, batch).status_code == 201
    assert problem(hand(limited, batch, "u-2002")) == (403, "caller_not_allowed")
    assert problem(limited.get("/api/v1/claimants/u-2002/codes")) == (403, "caller_not_allowed")
    assert limited.get("/api/v1/claimants/u-1001/codes").status_code == 200
    assert free(batch) == 2


class TestOwnCodes:
    def own(self, door: Door, claimant_id: str = "u-1001", query: str = ""):
        return door.get(f"/api/v1/claimants/{claimant_id}/codes{query}")

    def test_they_are_told_with_their_characters_newest_first_and_nobody_elses(
        self, program: Door, tenant: Tenant, batch: Batch
    ):
        bound = Code.objects.get(batch=batch, serial=3)
        switching.change_code(bound, owner=tenant.claimants["u-1001"], actor_id="boss")
        handed = [hand(program, batch, key=key).json() for key in "ab"]
        hand(program, make_batch(tenant.site, 1), "u-2002")

        answer = self.own(program)

        assert answer.headers["Cache-Control"] == "no-store"
        rows = answer.json()["results"]
        assert [row["serial"] for row in rows] == [2, 1, 3]
        assert rows[:2] == handed[::-1]
        assert (rows[2]["code"], rows[2]["assigned_at"]) == (lookup.shown(bound), None)

    def test_they_are_paged(self, program: Door, batch: Batch):
        for key in "abc":
            hand(program, batch, key=key)
        pages, cursor = [], ""
        while cursor is not None:
            answer = self.own(program, query=f"?page_size=1{f'&cursor={cursor}' if cursor else ''}").json()
            pages.append([row["serial"] for row in answer["results"]])
            cursor = answer["next_cursor"]

        assert pages == [[3], [2], [1]]

    def test_that_they_were_told_is_in_the_audit(self, program: Door, tenant: Tenant, batch: Batch):
        make_claimant(tenant.site, claimant_id="without")
        hand(program, batch)
        self.own(program)
        self.own(program, "without")

        [row] = AuditRecord.objects.filter(action="claimant.codes_reveal")
        assert (row.object_id, row.detail) == (str(tenant.claimants["u-1001"].pk), {"door": "api", "codes": 1})

    @pytest.mark.parametrize("claimant_id", ["nobody", "elsewhere", "%00", "x" * 200, "%C3%A9"])
    def test_of_nobody_of_the_site_there_are_none(self, program: Door, claimant_id: str):
        make_claimant(claimant_id="elsewhere")

        assert problem(self.own(program, claimant_id)) == (404, "claimant_unknown")

    def test_an_id_may_hold_a_slash(self, program: Door, tenant: Tenant, batch: Batch):
        make_claimant(tenant.site, claimant_id="a/b c")
        hand(program, batch, "a/b c")

        assert len(self.own(program, "a/b%20c").json()["results"]) == 1

    @pytest.mark.parametrize("query", ["?owner=u-1001", "?page_size=0", "?cursor=x", "?cursor=WzFd"])
    def test_what_is_asked_wrongly_is_400(self, program: Door, query: str):
        assert problem(self.own(program, query=query)) == (400, "invalid")

    def test_deleted_codes_and_those_of_deleted_batches_are_not_told(self, program: Door, batch: Batch):
        code_id = hand(program, batch, key="a").json()["code_id"]
        hand(program, batch, key="b")
        switching.change_code(Code.objects.get(pk=code_id), state="deleted", actor_id="boss")

        assert [row["serial"] for row in self.own(program).json()["results"]] == [2]
        program.send("DELETE", f"/api/v1/batches/{batch.pk}?reason=why")
        assert self.own(program).json()["results"] == []
