"""The audit: one row a deed, never changed, and sealed by a keyed digest."""

import datetime as dt
import uuid

import pytest
import structlog
from django.db import DatabaseError, connection, transaction

from accounts import auditing, clock
from accounts.models import AuditRecord
from tests.factories import make_site

pytestmark = pytest.mark.django_db

DETAIL = {"to": "off", "from": "on", "count": 3, "nested": {"b": [1, None, True], "a": "ä"}}


def write(**fields):
    given = {"site": make_site(), "actor_id": "u-1", "object_type": "code", "object_id": 7, "detail": DETAIL}
    return auditing.record("code.switch", **{**given, **fields})


def test_a_row_says_who_did_what_to_what_and_when():
    before = clock.read()
    site = make_site()

    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        row = AuditRecord.objects.get(pk=write(site=site).pk)

    assert (row.site, row.actor_id, row.action) == (site, "u-1", "code.switch")
    assert (row.object_type, row.object_id, row.detail, row.request_id) == ("code", "7", DETAIL, "r-1")
    assert before <= row.recorded_at <= clock.read()


def test_a_deed_outside_any_request_names_none():
    structlog.contextvars.clear_contextvars()
    assert write().request_id == ""


def test_deeds_of_the_platform_itself_have_no_site():
    assert AuditRecord.objects.get(pk=write(site=None, detail=None).pk).detail == {}


@pytest.mark.parametrize("microsecond", [0, 1, 999, 123_456, 999_999])
def test_a_row_read_back_has_the_same_digest(microsecond):
    moment = dt.datetime(2026, 11, 21, 12, 30, 59, microsecond, tzinfo=dt.UTC)
    row = AuditRecord.objects.get(pk=write(now=moment).pk)

    assert row.recorded_at == moment
    assert auditing.mac(row) == bytes(row.mac)


@pytest.mark.parametrize(
    "change",
    [
        {"actor_id": "u-2"},
        {"action": "code.reveal"},
        {"object_type": "batch"},
        {"object_id": "8"},
        {"detail": {**DETAIL, "count": 4}},
        {"request_id": "r-2"},
        {"site_id": None},
        {"recorded_at": dt.datetime(2026, 11, 21, tzinfo=dt.UTC)},
        # What stands in one column must not be able to slide into the next.
        {"object_type": "code7", "object_id": ""},
    ],
)
def test_any_other_content_has_another_digest(change):
    row = write()
    for name, value in change.items():
        setattr(row, name, value)

    assert auditing.mac(row) != bytes(row.mac)


def test_the_digest_needs_the_pepper(settings):
    row = write()

    settings.PEPPER = b"another pepper of at least 32 bytes"
    assert auditing.mac(row) != bytes(row.mac)


def test_what_json_cannot_say_is_refused_before_anything_is_written():
    with pytest.raises(TypeError), transaction.atomic():
        write(detail={"set": {1, 2}})
    with pytest.raises(TypeError), transaction.atomic():
        write(detail={"id": uuid.uuid4()})

    assert not AuditRecord.objects.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts_auditrecord SET actor_id = 'somebody else'",
        "UPDATE accounts_auditrecord SET id = id + 1",
        "DELETE FROM accounts_auditrecord",
    ],
)
def test_rows_are_never_changed_or_deleted(statement):
    write()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert AuditRecord.objects.get().actor_id == "u-1"


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has no INSERT OR REPLACE")
def test_rows_are_never_replaced():
    write()

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("INSERT OR REPLACE INTO accounts_auditrecord SELECT * FROM accounts_auditrecord")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_the_table_is_never_emptied():
    write()

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # What waits for the commit would refuse it first.
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE accounts_auditrecord")


def test_a_deed_that_fails_leaves_no_row():
    def deed():
        with transaction.atomic():
            write()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        deed()

    assert not AuditRecord.objects.exists()
