"""Exporting a batch: every row as it is, nothing a formula, the audit before and after, and broken off in a way one can see."""

import csv
import io
import json

import pytest
from django.core.exceptions import ValidationError
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditRecord
from codes import exporting, issuing, keys, lookup
from codes.export_formats import FORMATS, NAMES, cell
from codes.exporting import ExportCodes, export_codes
from codes.models import Code
from codes.switching import change_code
from tests.codes.redeeming import redeem
from tests.factories import make_batch, make_claimant, make_code, make_site, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


def asked(batch, format="jsonl", **fields):
    return ExportCodes(batch, format, **{"actor_id": "u-staff", "reason": "print them", "door": "desk", **fields})


def exported(batch, **fields):
    """The rows of a whole JSON Lines export."""
    return [json.loads(line) for line in b"".join(export_codes(asked(batch, **fields))).splitlines()]


def table(batch, **fields):
    """The cells of a whole CSV export, its heading first."""
    return list(csv.reader(io.StringIO(b"".join(export_codes(asked(batch, "csv", **fields))).decode(), newline="")))


def audited(action):
    return [row.detail for row in AuditRecord.objects.filter(action=action).order_by("id")]


def test_a_row_tells_all_of_a_code(site):
    claimant = make_claimant(site, claimant_id="u-1")
    code = make_code(site, "ABC-E6W5F", uses=2, worth_cents=2500, owner=claimant)
    redeem(claimant, "ABC-E6W5F")

    (row,) = exported(code.batch)

    assert list(row) == list(NAMES)
    assert row.pop("last_redeemed_at").endswith("Z")
    assert row == {
        "serial": 1, "code": "ABC-E6W5F", "state": "active", "uses": 1, "max_uses": 2, "valid_from": None,
        "valid_until": None, "owner": "u-1", "value": "25.00", "asset": "EUR", "problem": None,
    }  # fmt: skip


def test_csv_has_the_same_columns_and_values(site):
    batch = make_batch(site, count=3, worth_cents=500)

    heading, *rows = table(batch)

    assert heading == list(NAMES)
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert [row[1] for row in rows] == [lookup.shown(code) for code in batch.codes.order_by("serial")]
    assert {tuple(row[2:]) for row in rows} == {("active", "0", "1", "", "", "", "5.00", "EUR", "", "")}


def test_serials_state_and_after_choose_rows(site):
    batch = make_batch(site, count=9)
    change_code(batch.codes.get(serial=4), actor_id="system", state="disabled")

    def serials(**fields):
        return [row["serial"] for row in exported(batch, **fields)]

    assert serials(from_serial=3, to_serial=5) == [3, 4, 5]
    assert serials(after=7) == [8, 9]
    assert serials(after=0) == list(range(1, 10))
    assert serials(after=9) == []
    assert serials(state="disabled") == [4]
    assert serials(state="active", to_serial=5) == [1, 2, 3, 5]
    assert table(batch, after=8)[0][0] == "9", "What is joined to earlier rows has their heading."


def test_codes_of_an_order_that_is_not_done_stay_unknown(site):
    batch = make_batch(site, count=2)
    order = issuing.order_more(batch, 3, caller_key="system", actor_id="system")
    claimed = exporting.IssueOrder.objects.get(pk=order.pk)
    claimed.state = "running"
    issuing.insert_codes(claimed, 2)

    assert batch.codes.count() == 4
    assert [row["serial"] for row in exported(batch)] == [1, 2]


def test_pages_join_without_a_gap_or_a_repeat(site, monkeypatch):
    batch = make_batch(site, count=25)
    monkeypatch.setattr(exporting, "PAGE", 4)

    assert [row["serial"] for row in exported(batch)] == list(range(1, 26))


def test_the_number_of_statements_follows_the_pages_alone(site, monkeypatch):
    batch = make_batch(site, count=20)
    monkeypatch.setattr(exporting, "PAGE", 5)
    made = []
    for to_serial in (5, 20):
        export = export_codes(asked(batch, to_serial=to_serial))
        with CaptureQueriesContext(connection) as queries:
            list(export)
        made.append(len([each for each in queries if "SAVEPOINT" not in each["sql"]]))

    # A page each; the terms, once; the clock and the audit at the end.
    assert made == [1 + 3, 4 + 3]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-AB12", "'-AB12"), ("@x", "'@x"), ("\t=1", "'=1"), ("\r=1", "'=1"),
        (" =1", "' =1"), ("\uff1d1", "'\uff1d1"), ("\u22121", "'\u22121"), ("\x00=1", "'=1"), ("AB-12", "AB-12"), ("", ""),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(text, written):
    assert cell(text) == written


def test_a_code_that_begins_with_a_dash_and_an_owner_who_begins_a_formula(site):
    owner = make_claimant(site, claimant_id="=cmd|x")
    code = make_code(site, "-AB12C", owner=owner)

    assert table(code.batch)[1][1] == "'-AB12C"
    assert table(code.batch)[1][7] == "'=cmd|x"
    assert [(row["code"], row["owner"]) for row in exported(code.batch)] == [("-AB12C", "=cmd|x")]


def test_commas_quotes_and_line_ends_stay_in_their_cell(site):
    owner = make_claimant(site, claimant_id='a,"b"\n')
    code = make_code(site, "AB12C", owner=owner)

    assert table(code.batch)[1][7] == 'a,"b"'
    assert exported(code.batch)[0]["owner"] == 'a,"b"\n'


def test_a_code_that_cannot_be_unsealed_costs_no_other(site, caplog):
    batch = make_batch(site, count=3)
    Code.objects.filter(batch=batch, serial=2).update(sealed=b"x" * 30)
    Code.objects.filter(batch=batch, serial=3).update(key_version=77)

    rows = exported(batch)

    assert [(row["code"] is None, row["problem"]) for row in rows] == [
        (False, None), (True, "unreadable"), (True, "unreadable"),
    ]  # fmt: skip
    assert [row[1:2] + row[-1:] for row in table(batch)[2:]] == [["", "unreadable"]] * 2
    assert [detail["unreadable"] for detail in audited("batch.export_end")] == [2, 2]
    assert "could not be unsealed" in caplog.text


def test_who_why_and_what_is_audited_before_the_first_byte(site):
    batch = make_batch(site, count=3)

    export = export_codes(asked(batch, state="active", from_serial=2))

    row = AuditRecord.objects.get(action="batch.export")
    assert (row.site_id, row.actor_id, row.object_type, row.object_id) == (site.pk, "u-staff", "batch", str(batch.pk))
    assert row.detail == {
        "reason": "print them", "door": "desk", "format": "jsonl", "state": "active", "from_serial": 2, "to_serial": 3,
    }  # fmt: skip
    assert audited("batch.export_end") == []
    list(export)
    export.close()
    assert audited("batch.export_end") == [
        {"export": row.pk, "rows": 2, "last_serial": 3, "unreadable": 0, "ended": "complete"}
    ]


def test_a_reader_who_leaves_is_counted_by_what_they_had(site, monkeypatch):
    monkeypatch.setattr(exporting, "PAGE", 2)
    export = export_codes(asked(make_batch(site, count=9)))
    next(export), next(export)
    export.close()

    (ended,) = audited("batch.export_end")
    assert (ended["rows"], ended["last_serial"], ended["ended"]) == (4, 4, "left by the reader")


def test_an_export_that_nobody_read_says_so(site):
    export_codes(asked(make_batch(site))).close()

    (ended,) = audited("batch.export_end")
    assert (ended["rows"], ended["last_serial"], ended["ended"]) == (0, None, "left by the reader")


@pytest.mark.parametrize("format", FORMATS)
def test_a_database_that_goes_away_is_the_last_line_and_one_goes_on_behind_it(site, monkeypatch, format):
    monkeypatch.setattr(exporting, "PAGE", 2)
    batch = make_batch(site, count=7)
    whole = b"".join(export_codes(asked(batch, format)))
    reading, read = exporting.Export.read, []

    def fail_later(self, first, last):
        read.append(first)
        if len(read) == 3:
            raise OperationalError("the server is gone")
        return reading(self, first, last)

    monkeypatch.setattr(exporting.Export, "read", fail_later)
    lines = b"".join(export_codes(asked(batch, format))).splitlines(keepends=True)
    rest = b"".join(export_codes(asked(batch, format, after=4)))

    marker = lines.pop()
    if format == "jsonl":
        assert json.loads(marker) == {"error": "incomplete", "after": 4}
    else:
        assert marker == b"# incomplete: this export broke off; go on after serial 4\r\n"
    assert b"".join(lines) + rest == whole
    ended = audited("batch.export_end")[-2]
    assert (ended["rows"], ended["last_serial"], ended["ended"]) == (4, 4, "broken off by a failure")


def test_an_end_that_cannot_be_recorded_is_in_the_log(site, monkeypatch, caplog):
    export = export_codes(asked(make_batch(site)))
    list_of_rows = []

    def gone(*args, **fields):
        raise OperationalError("the server is gone")

    monkeypatch.setattr(exporting.auditing, "record", gone)
    list_of_rows += export

    assert len(list_of_rows) == 1
    assert "the end of an export could not be recorded" in caplog.text


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "xml"), ("state", "expired"), ("reason", " "), ("from_serial", 0), ("to_serial", -1), ("after", -1),
        ("to_serial", 2**63),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused_by_its_field_and_leaves_no_trace(site, field, value):
    with pytest.raises(ValidationError) as refused:
        export_codes(asked(make_batch(site), **{field: value}))

    assert list(refused.value.message_dict) == [field]
    assert audited("batch.export") == []


def test_a_range_that_ends_before_it_begins_is_refused(site):
    with pytest.raises(ValidationError):
        export_codes(asked(make_batch(site), from_serial=5, to_serial=4))


def test_a_batch_without_codes_is_an_export_without_rows(site):
    order, _ = issuing.order_batch(new_batch(site, count=3))

    assert exported(order.batch) == []
    assert table(order.batch) == [list(NAMES)]


def test_codes_sealed_under_an_earlier_key_are_told(site, settings):
    code = make_code(site, "ABC-E6W5F")
    settings.CODE_KEYS = {**settings.CODE_KEYS, 2: b"k" * 32}
    keys._subkeys.cache_clear()

    assert exported(code.batch)[0]["code"] == "ABC-E6W5F"
