"""Handing out a code from the desk, and what the code's page tells of it; its characters are on neither."""

import pytest

from codes import lookup
from codes.models import Assignment
from tests.admin.desk import World, page_of, text_of
from tests.factories import make_batch, make_claimant

pytestmark = pytest.mark.django_db
ONCE = "6f1c3f6e-1b0a-4a52-9a50-4f0d3c1b7a1"


@pytest.fixture
def batch(world: World):
    return make_batch(world.site, 2, name="Given", worth_cents=100)


def form(claimant_id: str, number: int = 1) -> dict[str, str]:
    return {"once": f"{ONCE}{number}", "claimant_id": claimant_id}


def test_a_claimant_gets_the_next_code_and_a_second_click_does_nothing(world: World, batch):
    browser = world.sign_in("operator")
    answers = [
        browser.post(page_of(batch, "hand_out"), form(world.claimant.claimant_id), follow=True) for _ in range(2)
    ]

    assignment = Assignment.objects.get()
    assert (assignment.code.owner, assignment.code.serial) == (world.claimant, 1)
    assert assignment.actor_id == world.staff["operator"].claimant_id
    assert all(f"Code 1 is {world.claimant.claimant_id}’s now." in text_of(answer) for answer in answers)
    page = text_of(browser.get(page_of(assignment.code)))
    assert "Handed out" in page
    assert f"To {world.claimant} on" in page
    assert f"by {assignment.actor_id}" in page
    assert all(lookup.shown(assignment.code) not in text_of(answer) for answer in answers)
    assert lookup.shown(assignment.code) not in page


@pytest.mark.parametrize(
    ("claimant_id", "said"),
    [("nobody", "No claimant of this site has that ID."), ("elsewhere", "No claimant"), ("off", "is switched off")],
)
def test_whom_no_code_can_be_handed_out_to_is_said_at_the_field(world: World, batch, claimant_id: str, said: str):
    make_claimant(claimant_id="elsewhere")
    make_claimant(world.site, claimant_id="off", is_active=False)

    assert said in text_of(world.sign_in("operator").post(page_of(batch, "hand_out"), form(claimant_id)))
    assert not Assignment.objects.exists()
    assert batch.codes.filter(owner=None).count() == 2


def test_an_empty_batch_is_said_to_be_empty(world: World, batch):
    browser = world.sign_in("manager")
    for number in (1, 2):
        browser.post(page_of(batch, "hand_out"), form(world.claimant.claimant_id, number))

    assert "No code of this batch is left." in text_of(
        browser.post(page_of(batch, "hand_out"), form(world.claimant.claimant_id, 3))
    )
    assert Assignment.objects.count() == 2
