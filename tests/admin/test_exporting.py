"""Exporting from the desk: a permission of its own, a reason, and a file."""

import pytest

from accounts.models import AuditRecord
from tests.admin.desk import MONEY_TEXT, World, page_of, text_of
from tests.factories import make_batch

pytestmark = pytest.mark.django_db


def content(response) -> bytes:
    """Read to its end, which closes the export. Closing the answer too would take the test's connection away."""
    return b"".join(response.streaming_content)


def test_a_manager_gives_a_reason_and_gets_the_file(world: World):
    browser = world.sign_in("manager")

    response = browser.post(page_of(world.batch, "export"), {"format": "csv", "state": "", "reason": "for the printer"})

    assert response["Content-Disposition"].startswith("attachment; ")
    assert "no-store" in response["Cache-Control"]
    assert MONEY_TEXT in content(response).decode()
    begun, ended = AuditRecord.objects.filter(action__startswith="batch.export").order_by("id")
    assert begun.actor_id == world.staff["manager"].claimant_id
    assert (begun.detail["reason"], begun.detail["door"], ended.detail["rows"]) == ("for the printer", "desk", 1)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"reason": ""}, "This field is required"), ({"reason": "  "}, "This field is required"),
        ({"format": "xml"}, "Select a valid choice"), ({"from_serial": "0"}, "greater than or equal to 1"),
        ({"from_serial": "5", "to_serial": "4"}, "must not be below the first"), ({"from_serial": "9" * 30}, "no serial"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_and_no_code_leaves(world: World, changed: dict, said: str):
    given = {"format": "csv", "state": "", "reason": "x", **changed}

    response = world.sign_in("manager").post(page_of(world.batch, "export"), given)

    assert said in text_of(response)
    assert MONEY_TEXT not in text_of(response)
    assert not AuditRecord.objects.filter(action="batch.export").exists()


@pytest.mark.parametrize("role", ["support", "operator"])
def test_nobody_else_exports(world: World, role: str):
    browser = world.sign_in(role)

    assert browser.post(page_of(world.batch, "export"), {"format": "csv", "reason": "x"}).status_code == 403
    assert page_of(world.batch, "export") not in text_of(browser.get(page_of(world.batch)))


def test_the_page_asks_and_warns(world: World):
    batch = make_batch(world.site, count=2, name="many")

    page = text_of(world.sign_in("manager").get(page_of(batch, "export")))

    assert "whoever has it can use them" in page
    assert "data-stays" in page, "The button works again: the browser stays on the page."


def test_a_batch_that_is_still_issued_offers_no_export(world: World):
    waiting = world.rows["codes_issueorder"].batch

    assert world.sign_in("manager").get(page_of(waiting, "export")).status_code == 302
