"""Finding over the API at any size: every list and filter by an index, and what no index answers in bounded steps."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import walking
from codes.models import Attempt, Code
from redemption_site.api import paging
from tests.api.conftest import ALL_SCOPES, make_tenant
from tests.api.doors import Door, till
from tests.factories import make_batch, make_client, make_code, make_site
from tests.plans import read_whole
from tests.scenes import scene

LISTS = (
    "batches", "batches?name=busy", "batches?state=active", "batches/{batch}", "batches/{batch}?as_of=2026-01-01T00:00:00Z",
    "codes", "codes?batch={batch}", "codes?state=disabled", "codes?batch={batch}&state=disabled", "codes?serial=1",
    "codes?batch={batch}&serial=1", "codes?owner=u-1001", "codes?owner=u-1001&state=active", "codes?owner=u-1001&batch={batch}",
    "codes?code=BUSY-4567", "codes/{code}", "redemptions", "redemptions?batch={batch}", "redemptions?batch={batch}&serial=1",
    "redemptions?serial=1", "redemptions?claimant_id=u-1001", "redemptions?claimant_id=u-1001&outcome=refused",
    "redemptions?outcome=refused", "redemptions?reason=code_used_up", "redemptions?batch={batch}&reason=code_used_up",
    "redemptions?reference=mine", "redemptions?since=2026-01-01T00:00:00Z", "redemptions?until=2026-01-01T00:00:00Z",
    "redemptions?since=2026-01-01T00:00:00Z&until=2100-01-01T00:00:00Z&reason=code_used_up",
    "redemptions?claimant_id=u-1001&since=2026-01-01T00:00:00Z",
)  # fmt: skip


def make_busy() -> tuple[str, Code]:
    """A program's key, and a code redeemed and refused several times, among others, some of another site."""
    tenant = make_tenant()
    key = make_client(tenant.site, ALL_SCOPES).key
    code = make_code(tenant.site, "BUSY-4567", uses=20, uses_per_claimant=20, worth_cents=1, name="busy")
    for number in range(6):
        till(key).redeem("BUSY-4567", reference="mine" if number == 3 else None)
        till(key).redeem("NOPE-4567")
    batch = make_batch(tenant.site, count=40)
    Code.objects.filter(batch=batch, serial__in=(3, 30)).update(state="disabled")
    make_batch(make_site(), count=5)
    return key, code


busy_scene = scene("busy", make_busy)


@pytest.fixture
def program(busy_scene: Callable[[], tuple[str, Code]], db: None) -> Door:
    """A program of the busy code's site, with every scope."""
    return till(busy_scene()[0])


@pytest.fixture
def busy(busy_scene: Callable[[], tuple[str, Code]], db: None) -> Code:
    """The code that is redeemed and refused often."""
    return busy_scene()[1]


@pytest.mark.parametrize("path", LISTS)
def test_no_list_reads_a_big_table_whole_and_costs_few_statements(busy: Code, program: Door, path: str):
    address = f"/api/v1/{path.format(batch=busy.batch_id, code=busy.pk)}"
    program.get(address)

    assert read_whole(lambda: program.get(address)) == []
    with CaptureQueriesContext(connection) as queries:
        assert program.get(address).status_code == 200
    assert len(queries) <= 8


def walked(program: Door, path: str) -> tuple[list[dict], int]:
    """All rows of all pages, and how many pages there were."""
    found, cursor, pages = [], "", 0
    while cursor is not None:
        body = program.get(f"/api/v1/{path}{f'&cursor={cursor}' if cursor else ''}").json()
        found += body["results"]
        cursor, pages = body["next_cursor"], pages + 1
    return found, pages


@pytest.mark.parametrize("looked_through", [1, 3, 1_000])
def test_what_no_index_answers_is_found_step_by_step(
    busy: Code, program: Door, monkeypatch: pytest.MonkeyPatch, looked_through: int
):
    monkeypatch.setattr(paging, "LOOKED_THROUGH", looked_through)

    found, pages = walked(program, "redemptions?reason=code_not_found&page_size=2")

    expected = Attempt.objects.filter(site=busy.site, reason="code_not_found").order_by("-decided_at", "-id")
    assert [row["transaction_id"] for row in found] == [str(row.pk) for row in expected]
    assert pages >= 12 / looked_through


@pytest.mark.parametrize("looked_through", [1, 7, 1_000])
def test_and_codes_of_a_state_as_well(busy: Code, program: Door, monkeypatch: pytest.MonkeyPatch, looked_through: int):
    monkeypatch.setattr(walking, "LOOKED_THROUGH", looked_through)

    found, _ = walked(program, "codes?state=disabled&page_size=1")

    assert [row["serial"] for row in found] == [30, 3, 1]  # The last is OFF-0001.


def test_pages_of_all_codes_join_without_a_gap_or_a_repeat(busy: Code, program: Door):
    found, _ = walked(program, "codes?page_size=7")

    expected = Code.objects.filter(site=busy.site).order_by("-order_id", "-serial").values_list("pk", flat=True)
    assert [row["id"] for row in found] == list(expected)


def test_large_batches_say_that_their_counts_are_estimates(busy: Code, program: Door, monkeypatch: pytest.MonkeyPatch):
    from codes import counting

    path = f"/api/v1/batches/{Code.objects.get(state='disabled', serial=3).batch_id}"
    assert program.get(path).json()["codes_estimated"] is False

    monkeypatch.setattr(counting, "COUNTED", 10)
    body = program.get(path).json()
    assert body["codes_estimated"] is True
    assert sum(body["codes"].values()) == 40
