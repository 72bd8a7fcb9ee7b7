"""The floor writes what a redemption writes: the same tables, the same columns, and nothing more."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from bench import floor_function, stocking
from codes.models import Attempt, Code
from ledger.models import LedgerAccount, LedgerTransaction, Transfer
from tests.committed import CommittedDatabase

pytestmark = pytest.mark.races  # It is a function of PostgreSQL's.

CLAIMANTS = 3


def count_rows() -> dict[str, int]:
    return {model._meta.db_table: model._base_manager.count() for model in apps.get_models()}


def one_row(table: str, where: str, value: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE {where} = %s", [value])
        assert cursor.description is not None
        (row,) = cursor.fetchall()
        return dict(zip([column.name for column in cursor.description], row, strict=True))


def rows_of(attempt_id: Any) -> dict[str, dict[str, Any]]:
    """Every row that a redemption has written or changed."""
    attempt = one_row("codes_attempt", "id", attempt_id)
    transfer = one_row("ledger_transfer", "transaction_id", attempt["ledger_transaction_id"])
    return {
        "codes_attempt": attempt,
        "codes_receiptmail": one_row("codes_receiptmail", "attempt_id", attempt_id),
        "ledger_ledgertransaction": one_row("ledger_ledgertransaction", "id", attempt["ledger_transaction_id"]),
        "ledger_transfer": transfer,
        "codes_code": one_row("codes_code", "id", attempt["code_id"]),
        "ledger_ledgeraccount": one_row("ledger_ledgeraccount", "id", transfer["credit_account_id"]),
    }


def size(value: Any) -> int:
    if isinstance(value, bytes | memoryview):
        return len(bytes(value))
    return len(str(value)) if isinstance(value, str | dict | list) else 0


@pytest.fixture
def laid(committed_db: CommittedDatabase, tmp_path: Any) -> dict[str, Any]:
    """Two codes, the function made after the redemption of the first one, and what the bench knows of both."""
    facts = stocking.prepare(CLAIMANTS)
    issued = stocking.issue("floor", None, 2, str(tmp_path / "codes.txt"))
    first = (tmp_path / "codes.txt").read_text().splitlines()[0]
    before = count_rows()
    laid = floor_function.lay("bench_redeem", first, facts["first_user"], facts["first_account"])
    after = count_rows()
    assert laid["code_id"] == issued["first_id"]
    return {**facts, **issued, "added": {table: after[table] - before[table] for table in after}}


def call_floor(code_id: int, claimant: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT bench_redeem(%s, %s)", [code_id, claimant])
        return cursor.fetchone()[0]


def test_the_floor_writes_the_rows_of_a_redemption(laid: dict[str, Any]) -> None:
    pattern = Attempt.objects.get()
    before = count_rows()

    floor_id = call_floor(laid["first_id"] + 1, claimant=2)

    after = count_rows()
    assert {table: after[table] - before[table] for table in after} == laid["added"]
    real, floor = rows_of(pattern.pk), rows_of(floor_id)
    for table, row in real.items():
        empty = {column for column, value in row.items() if value is None}
        assert empty == {column for column, value in floor[table].items() if value is None}, table
        for column, value in row.items():
            assert abs(size(value) - size(floor[table][column])) <= 4, f"{table}.{column}"


def test_the_floor_moves_the_value_and_uses_the_code_up(laid: dict[str, Any]) -> None:
    floor_id = call_floor(laid["first_id"] + 1, claimant=2)

    attempt = Attempt.objects.get(pk=floor_id)
    assert attempt.claimant_id == laid["first_user"] + 2
    assert Code.objects.get(pk=laid["first_id"] + 1).state == Code.State.USED_UP
    transfer = Transfer.objects.get(transaction=attempt.ledger_transaction_id)
    assert transfer.amount == stocking.WORTH_CENTS
    assert LedgerAccount.objects.get(owner=attempt.claimant_id).balance == stocking.WORTH_CENTS
    assert LedgerTransaction.objects.filter(type="credit").count() == 2


def test_the_floor_refuses_a_code_that_is_not_fresh(laid: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="no fresh code left"):
        call_floor(laid["first_id"], claimant=1)

    assert Attempt.objects.count() == 1
