"""A table that really takes no more rows: the step that writes it is told, whichever statement wrote it (case 24)."""

import pytest
from django.db import connection

from codes.models import Attempt
from codes.redemption.engine import redeem_codes
from tests.codes.redeeming import ask, assert_sound, holdings, reason_of, redeem
from tests.factories import make_claimant, make_code

pytestmark = pytest.mark.django_db

TABLES = {
    "codes_attempt": ("INSERT", "audit_write_failed"),
    "codes_receiptmail": ("INSERT", "audit_write_failed"),
    "ledger_ledgertransaction": ("INSERT", "action_failed"),
    "ledger_transfer": ("INSERT", "action_failed"),
    "codes_workitem": ("INSERT", "action_failed"),
    "accounts_usertag": ("INSERT", "action_failed"),
    "codes_code": ("UPDATE", "concurrent_change"),
    "codes_batch": ("UPDATE", "concurrent_change"),
}
CODES = {"codes_workitem": "WORK-1", "accounts_usertag": "TAGS-1"}


@pytest.fixture
def anna():
    claimant = make_claimant()
    make_code(claimant.site, "CASH-1", total_cap=9)
    make_code(claimant.site, "WORK-1", worth_cents=0, action="fulfilment", parameters={"item": "a coffee"})
    make_code(claimant.site, "TAGS-1", worth_cents=0)
    return claimant


def refuse_rows(table, event):
    """From now on the table refuses every such row; refused attempts may still be written."""
    condition = "WHEN (NEW.outcome = 'redeemed')" if table == "codes_attempt" else ""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no room'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER no_room BEFORE {event} ON {table} FOR EACH ROW {condition} EXECUTE FUNCTION no_room()"
            )
        else:
            cursor.execute(
                f"CREATE TRIGGER no_room BEFORE {event} ON {table} {condition} BEGIN SELECT RAISE(ABORT, 'no room'); END"
            )


@pytest.mark.parametrize("table", TABLES)
def test_the_step_that_writes_it_is_told_and_nothing_has_changed(anna, table):
    event, reason = TABLES[table]
    before = holdings(anna.site)
    refuse_rows(table, event)

    outcome = redeem(anna, CODES.get(table, "CASH-1"))

    assert reason_of(outcome) == reason
    assert holdings(anna.site) == before
    assert Attempt.objects.get().reason == reason
    assert_sound()


@pytest.mark.parametrize("table", TABLES)
def test_in_a_list_only_those_fail_that_write_it(anna, table):
    event, reason = TABLES[table]
    refuse_rows(table, event)
    code = CODES.get(table, "CASH-1")

    outcomes = redeem_codes([ask(anna, "NOPE-0001"), ask(anna, code), ask(anna, "***")])

    assert [reason_of(outcome) for outcome in outcomes] == ["code_not_found", reason, "code_format_invalid"]
    assert_sound()
