"""What the database itself refuses, whoever asks with SQL: terms, attempts and reversals change never, codes only legally."""

import pytest
from django.db import DatabaseError, connection, transaction

from codes import issuing, jobs, reversing
from codes.models import Attempt, Code, IssueOrder, Reversal, Terms
from tests.codes.redeeming import attempt, redeem
from tests.factories import caller_of, make_claimant, make_client, make_code, make_site, new_batch
from tests.scenes import scene

pytestmark = pytest.mark.django_db


def refused(sql, *params):
    """Whether the database refuses the statement; it is undone either way."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, params)
            assert cursor.rowcount, "It concerned no row."
            transaction.set_rollback(True)
    except DatabaseError:
        return True
    return False


def make_redemption():
    """The attempt of a redemption that was reversed."""
    anna = make_claimant()
    make_code(anna.site)
    outcome = redeem(anna, idempotency_key="k1")
    reversing.reverse(reversing.ReverseRedemption(caller_of(make_client(anna.site)), outcome.attempt.pk, ""))
    return attempt(outcome)


redemption_scene = scene("redemption", make_redemption)


@pytest.fixture
def redemption(redemption_scene, db):
    """The attempt of a redemption that was reversed."""
    return redemption_scene()


@pytest.mark.parametrize("model", [Terms, Attempt, Reversal], ids=lambda model: model.__name__)
def test_these_rows_are_never_deleted(redemption, model):
    assert refused(f"DELETE FROM {model._meta.db_table}")


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("codes_terms", field.column) for field in Terms._meta.concrete_fields),
        *(("codes_reversal", field.column) for field in Reversal._meta.concrete_fields),
        *(
            ("codes_attempt", field.column)
            for field in Attempt._meta.concrete_fields
            if field.column not in ("lookup", "typed", "key_version")
        ),
    ],
)
def test_none_of_their_columns_ever_changes(redemption, table, column):
    assert refused(f"UPDATE {table} SET {column} = {column}")


@pytest.mark.parametrize("column", ["lookup", "typed", "key_version"])
def test_what_resealing_writes_may_change(redemption, column):
    assert not refused(f"UPDATE codes_attempt SET {column} = {column}")


@pytest.mark.parametrize("state", ["active", "used_up", "disabled"])
def test_a_deleted_code_stays_deleted(redemption, state):
    Code.objects.update(state="deleted")

    assert refused("UPDATE codes_code SET state = %s", state)
    assert not refused("UPDATE codes_code SET uses = 0")


def test_redemptions_are_never_uncounted(redemption):
    assert refused("UPDATE codes_code SET redemptions = redemptions - 1, uses = 0")
    assert not refused("UPDATE codes_code SET redemptions = redemptions + 1")


def test_a_code_that_was_known_is_never_forgotten():
    make_code()

    assert refused("DELETE FROM codes_code")


def test_a_code_that_was_never_known_may_be(monkeypatch):
    monkeypatch.setattr(issuing, "CHUNK", 1)
    order, _ = issuing.order_batch(new_batch(make_site(), count=2))
    issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))

    assert not refused("DELETE FROM codes_code")


@pytest.mark.parametrize(
    "change",
    [
        "uses = max_uses + 1",
        "uses = redemptions + 1",
        "uses = -1",
        "state = 'expired'",
        "state = ''",
        "lookup_odd = NULL, lookup_even = NULL",
        "valid_from = valid_until",
        "serial = NULL",
    ],
)
def test_a_code_cannot_be_what_no_code_is(change, stopped_clock):
    make_code(uses=2, valid_until=stopped_clock.now.date(), valid_from=stopped_clock.now.date())

    assert refused(f"UPDATE codes_code SET {change}")


def test_a_key_two_redemptions_of_one_number_and_one_receipt_are_kept_apart(redemption):
    columns = [field.column for field in Attempt._meta.concrete_fields]
    other = {"id": "'0123456789abcdef0123456789abcdef'"}

    def copied(**changed):
        values = [{**other, **changed}.get(column, column) for column in columns]
        return f"INSERT INTO codes_attempt ({', '.join(columns)}) SELECT {', '.join(values)} FROM codes_attempt"

    apart = {
        "idempotency_key": "'k2'",
        "use_number": "2",
        "claimant_use_number": "2",
        "receipt_number": "receipt_number + 1",
        "ledger_transaction_id": "NULL",
    }
    if connection.vendor == "postgresql":
        other["id"] += "::uuid"
    assert not refused(copied(**apart))
    for column in apart:
        same = {name: value for name, value in apart.items() if name != column}
        assert refused(copied(**same)), column
