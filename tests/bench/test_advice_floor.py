"""The floor of draining writes what the judgement of an advice writes: the same tables, the same columns."""

from typing import Any

import pytest
from django.db import connection

from bench import advice_floor, advising, stocking
from bench.counting import find_violations
from codes.models import Advice, Code, PendingAdvice
from tests.bench.test_floor import count_rows, one_row, size
from tests.committed import CommittedDatabase

pytestmark = pytest.mark.races  # It is a function of PostgreSQL's.


@pytest.fixture
def laid(committed_db: CommittedDatabase, tmp_path: Any) -> dict[str, Any]:
    """Three codes with an advice each: the first is judged, as the pattern, and the others wait."""
    stocking.prepare(1)
    advising.prepare_till()
    path = str(tmp_path / "codes.txt")
    issued = stocking.issue("advised", None, 3, path)
    before = count_rows()
    advising.pend({"path": path, "start": 0, "count": 1}, issued["first_id"])
    assert advising.drain_all() == 1
    after = count_rows()
    advising.pend({"path": path, "start": 1, "count": 2}, issued["first_id"] + 1)
    advice_floor.lay(issued["first_id"])
    return {**issued, "added": {table: after[table] - before[table] for table in after}}


def judge(code_id: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT bench_judge(%s)", [code_id])
        return cursor.fetchone()[0]


def rows_of(advice_id: Any) -> dict[str, dict[str, Any]]:
    advice = one_row("codes_advice", "id", advice_id)
    attempt = one_row("codes_attempt", "id", advice["attempt_id"])
    return {
        "codes_advice": advice,
        "codes_attempt": attempt,
        "ledger_ledgertransaction": one_row("ledger_ledgertransaction", "id", attempt["ledger_transaction_id"]),
        "ledger_transfer": one_row("ledger_transfer", "transaction_id", attempt["ledger_transaction_id"]),
        "codes_code": one_row("codes_code", "id", attempt["code_id"]),
    }


def test_the_floor_writes_the_rows_of_a_judged_advice(laid: dict[str, Any]) -> None:
    pattern = Advice.objects.get(outcome="redeemed")
    before = count_rows()

    floor_id = judge(laid["first_id"] + 1)

    after = count_rows()
    added = {table: after[table] - before[table] for table in after}
    # The advice itself was there, its work is taken away, and no tally is counted.
    assert added == {**laid["added"], "codes_advice": 0, "codes_pendingadvice": -1, "codes_advicetally": 0}
    real, floor = rows_of(pattern.pk), rows_of(floor_id)
    for table, row in real.items():
        empty = {column for column, value in row.items() if value is None}
        assert empty == {column for column, value in floor[table].items() if value is None}, table
        for column, value in row.items():
            assert abs(size(value) - size(floor[table][column])) <= 4, f"{table}.{column}"
    assert Code.objects.get(pk=laid["first_id"] + 1).state == Code.State.USED_UP


def test_the_books_agree_after_floor_and_drain(laid: dict[str, Any]) -> None:
    judge(laid["first_id"] + 1)
    assert advising.drain_all() == 1
    assert not PendingAdvice.objects.exists()
    assert find_violations(3) == []


def test_the_floor_refuses_an_advice_that_is_not_pending(laid: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="no pending advice left"):
        judge(laid["first_id"])
