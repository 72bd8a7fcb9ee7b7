"""Codes that license content, ordered, redeemed and taken back over HTTP."""

import pytest

from accounts.models import Licence
from codes.issuing import work_order
from codes.lookup import shown
from codes.models import Batch, Code, IssueOrder
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, Door
from tests.api.test_batches import BATCHES, errors
from tests.codes.redeeming import assert_sound
from tests.content import make_item, make_offer

MATCH = {"all": ["ProductId:09238443"], "excluded": ["sample"]}
FOUR = [
    ("apply_offer", {"access_control": "2dfe"}),
    ("apply_offer_match", {"access_control": 118226, "match": MATCH}),
    ("session_license", {"access_control": 118226}),
    ("session_license_match", {"access_control": "2dfe", "match": MATCH}),
]


@pytest.fixture(autouse=True)
def content(tenant: Tenant) -> None:
    make_offer(make_item(tenant.site, "9udm"), "2dfe", 118226)
    for external_id in ("b1", "b2"):
        make_item(tenant.site, external_id, ProductId="09238443")


def issued(program: Door, action: str, parameters: dict) -> str:
    """The one code of a batch ordered for it."""
    accepted = program.post(BATCHES, {"name": action, "count": 1, "action": action, "parameters": parameters})
    assert accepted.status_code == 202, accepted.content
    work_order(IssueOrder.objects.get(batch=accepted.json()["batch_id"]).pk)
    read = program.get(f"{BATCHES}/{accepted.json()['batch_id']}").json()
    assert read["orders"][0]["terms"]["parameters"] == parameters
    return shown(Code.objects.get(batch=accepted.json()["batch_id"]))


@pytest.mark.parametrize(("action", "parameters"), FOUR[:2])
def test_what_is_licensed_is_told_and_taken_back(tenant: Tenant, program: Door, action: str, parameters: dict):
    code = issued(program, action, parameters)
    items = ["9udm"] if action == "apply_offer" else ["b1", "b2"]

    redeemed = program.redeem(code)

    assert redeemed.status_code == 201
    assert (redeemed.json()["receipt"]["action"], redeemed.json()["receipt"]["result"]) == (action, {"licences": items})
    assert sorted(Licence.objects.values_list("item__external_id", "user__claimant_id")) == [
        (i, "u-1001") for i in items
    ]
    assert program.redeem(code, "u-2002").json()["reason"] == "code_used_up"

    path = f"{REDEMPTIONS}/{redeemed.json()['transaction_id']}"
    taken_back = program.post(f"{path}/reversal", {"reason": "a mistake", "give_use_back": True})

    assert taken_back.status_code == 201
    assert not Licence.objects.filter(ended_at=None).exists()
    assert program.redeem(code, "u-2002").status_code == 201
    assert_sound()


@pytest.mark.parametrize(("action", "parameters"), FOUR[2:])
def test_a_session_code_can_be_ordered_but_not_redeemed_here(
    tenant: Tenant, program: Door, anna: Door, action: str, parameters: dict
):
    code = issued(program, action, parameters)

    for door in (program, anna):
        refused = door.redeem(code)
        assert (refused.status_code, refused.json()["reason"]) == (409, "target_missing")
    assert not Licence.objects.exists()
    assert Code.objects.filter(uses=0).count() == Code.objects.count()


@pytest.mark.parametrize(
    ("action", "parameters", "said"),
    [
        ("apply_offer", {}, "Give the ID or the number of an offer (access_control)."),
        ("apply_offer", {"access_control": "118226"}, "No such offer: 118226"),
        ("session_license", {"access_control": 118227}, "No such offer: 118227"),
        ("apply_offer_match", {"access_control": "2dfe", "match": {"all": ["a::b"]}}, "Invalid search term: a::b"),
        (
            "session_license_match",
            {"access_control": "2dfe", "match": {"excluded": ["a"]}},
            "Give at least one search term in all or any.",
        ),
        ("apply_offer", {"access_control": "2dfe", "match": MATCH}, "Unknown parameter: match."),
    ],
)
def test_what_cannot_be_issued_is_said_and_nothing_is(program: Door, action: str, parameters: dict, said: str):
    before = Batch.objects.count()
    answer = program.post(BATCHES, {"name": action, "count": 1, "action": action, "parameters": parameters})

    assert errors(answer) == {"parameters": said}
    assert Batch.objects.count() == before
