"""Checking a file: every reason a row is left out for, what counts as the same code, and a check that is broken off."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from codes import import_checking, import_columns, import_reading, importing, jobs, lookup
from codes.jobs import LEASE
from codes.models import Code, CodeImport, ImportPiece, ImportRow
from tests.codes.files import check, counts, problems, receive
from tests.codes.rotation import live
from tests.factories import make_asset, make_batch, make_code, make_site, make_user

pytestmark = pytest.mark.django_db

State = CodeImport.State


@pytest.fixture
def site():
    return make_site(time_zone="Europe/Berlin")


@pytest.fixture
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(import_checking, "CHUNK", 4)


BAD = {
    "no code": ("code,uses", ",2", "code", import_columns.NO_CODE),
    "nothing but spaces": ("code,uses", "  ,2", "code", import_columns.NO_CODE),
    "three characters": ("code", "A-B-C", "code", import_columns.UNREADABLE),
    "65 characters": ("code", "A" * 65, "code", import_columns.UNREADABLE),
    "101 characters": ("code", "A-" * 50 + "B", "code", import_columns.LONG_CODE),
    "a formula": ("code", "=1+2+3+4", "code", import_columns.UNREADABLE),
    "a command": ("code", "@SUM(A1)", "code", import_columns.UNREADABLE),
    "another alphabet": ("code", "КОД-1234", "code", import_columns.UNREADABLE),
    "a letter that looks like one": ("code", "ABCſ123", "code", import_columns.UNREADABLE),
    "a bell": ("code", "AB\x07CD", "code", import_columns.HIDDEN),
    "a character without width": ("code", "AB\u200bCD", "code", import_columns.HIDDEN),
    "no uses": ("code,uses", "ABCD,0", "uses", import_columns.NO_USES),
    "fewer than none": ("code,uses", "ABCD,-1", "uses", import_columns.NO_USES),
    "half a use": ("code,uses", "ABCD,1.5", "uses", import_columns.NO_USES),
    "too many uses": ("code,uses", "ABCD,1000001", "uses", import_columns.NO_USES),
    "uses in words": ("code,uses", "ABCD,two", "uses", import_columns.NO_USES),
    "foreign digits": ("code,uses", "ABCD,٣", "uses", import_columns.NO_USES),
    "an underscore": ("code,uses", "ABCD,1_0", "uses", import_columns.NO_USES),
    "no value": ("code,value", "ABCD,0.00", "value", import_columns.NO_AMOUNT),
    "a negative value": ("code,value", "ABCD,-5", "value", import_columns.NO_AMOUNT),
    "a currency": ("code,value", "ABCD,5 EUR", "value", import_columns.NO_AMOUNT),
    "an exponent": ("code,value", "ABCD,5e2", "value", import_columns.NO_AMOUNT),
    "a thousand or one": ("code;value", "ABCD;1,000", "value", import_columns.NO_AMOUNT),
    "half a cent": ("code,value", "ABCD,5.005", "value", "EUR has 2 decimal places at most."),
    "more than can be booked": ("code,value", "ABCD,10000000000.01", "value", import_columns.LARGE_AMOUNT),
    "all together too much": ("code,value,uses", "ABCD,10000000000,1000000", "value", import_checking.TOO_MUCH),
    "a day that is none": ("code,valid_from", "ABCD,2026-02-29", "valid_from", import_columns.NO_DAY),
    "a month first": ("code,valid_from", "ABCD,12/31/2026", "valid_from", import_columns.NO_DAY),
    "a short year": ("code,valid_from", "ABCD,31.12.26", "valid_from", import_columns.NO_DAY),
    "the first year": ("code,valid_from", "ABCD,0001-01-01", "valid_from", import_columns.NO_DAY),
    "the last day": ("code,valid_until", "ABCD,9999-12-31", "valid_until", import_columns.NO_DAY),
    "a time without an offset": ("code,valid_until", "ABCD,2026-12-31T10:00:00", "valid_until", import_columns.NO_DAY),
    "an end before the start": (
        *("code,valid_from,valid_until", "ABCD,2026-02-02,2026-02-01"),
        *("valid_until", import_columns.EMPTY_VALIDITY),
    ),
    "nobody": ("code,owner", "ABCD,nobody", "owner", import_checking.NO_CLAIMANT),
    "another's claimant": ("code,owner", "ABCD,u-elsewhere", "owner", import_checking.NO_CLAIMANT),
    "an ID in other letters": ("code,owner", "ABCD,U-HERE", "owner", import_checking.NO_CLAIMANT),
    "a long ID": ("code,owner", "ABCD," + "u" * 101, "owner", import_columns.LONG_OWNER),
    "too few fields": ("code,uses", "ABCD", "", "This line has 1 fields where 2 were expected."),
    "too many fields": ("code,value", "ABCD,12,50", "", "This line has 3 fields where 2 were expected."),
    "an open quotation mark": ("code", '"ABCD', "", import_reading.NOT_CLOSED),
    "text behind one": ("code", '"ABCD"E', "", import_reading.BEHIND_QUOTE),
    "an endless line": ("code", "A" * 10_001, "", import_reading.LONG_LINE),
}


@pytest.mark.parametrize(("heading", "row", "column", "reason"), BAD.values(), ids=BAD.keys())
def test_a_row_that_cannot_be_is_left_out_with_its_line_column_and_reason(site, heading, row, column, reason):
    make_user(site, claimant_id="u-here")
    make_user(claimant_id="u-elsewhere")
    filler = heading.replace("code", "GOOD-1").replace("uses", "2").replace("value", "2.50").replace("owner", "u-here")
    filler = filler.replace("valid_from", "2026-01-01").replace("valid_until", "2027-01-01")

    source = check(site, f"{heading}\n{filler}\n{row}\n")

    assert problems(source) == [(3, column, reason)]
    assert counts(source) == (1, 1, 0, 0)
    left = ImportRow.objects.exclude(problem="").get()
    assert (left.sealed, left.lookup_odd, left.lookup_even, left.digest) == (None, None, None, None)
    assert not Code.objects.exists()


def test_every_reason_a_row_can_have_is_among_these_or_the_next_tests():
    written = {
        value
        for module in (import_columns, import_checking, import_reading)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str) and " " in value and value.endswith(".")
    }
    elsewhere = {
        import_columns.NO_ASSET, import_checking.KNOWN, import_checking.REPEATED, import_checking.FIELDS,
    }  # fmt: skip

    assert written - {reason for *_, reason in BAD.values()} == elsewhere


def test_a_value_needs_an_asset(site):
    source = check(site, "code,value\nABCD-1,5\nABCD-2,\n", worth_cents=0)

    assert problems(source) == [(2, "value", import_columns.NO_ASSET)]


def test_points_are_whole(site):
    make_asset("PTS")
    fields = {"action": "credit", "asset_code": "PTS", "value": 5, "worth_cents": 0}

    source = check(site, "code,value\nABCD-1,50\nABCD-2,0.5\n", **fields)

    assert problems(source) == [(3, "value", "PTS has 0 decimal places at most.")]
    assert source.worth == 50


def test_days_are_read_where_the_batch_is_and_count_whole(site):
    check(
        site,
        "code,valid_from,valid_until\nABCD-1,2026-03-29,29.3.2026\nABCD-2,2026-03-29T10:00:00+02:00,2026-12-31T00:00:00Z\n",
        time_zone="Europe/Berlin",
    )

    days, instants = ImportRow.objects.order_by("line").values_list("valid_from", "valid_until")
    assert [each.isoformat() for each in days] == ["2026-03-28T23:00:00+00:00", "2026-03-29T22:00:00+00:00"]
    assert [each.isoformat() for each in instants] == ["2026-03-29T08:00:00+00:00", "2026-12-31T00:00:00+00:00"]


def test_a_row_is_held_against_the_validity_of_the_batch_where_it_has_none(site):
    import datetime as dt

    source = check(site, "code,valid_from\nABCD-1,2026-06-30\nABCD-2,2026-07-01\n", valid_until=dt.date(2026, 6, 30))

    assert problems(source) == [(3, "valid_until", import_columns.EMPTY_VALIDITY)]


class TestTheSameCode:
    def test_twice_in_a_file_is_one_however_it_is_written(self, site):
        source = check(site, "ABCD-OIL1\nabcd 0111\nＡＢＣＤ０１１１\nABCD-0112\n")

        assert counts(source) == (2, 0, 0, 2)
        assert problems(source) == [(line, "code", import_checking.REPEATED.format(line=1)) for line in (2, 3)]

    def test_is_found_across_chunks(self, site, chunks_of_four):
        source = check(site, "".join(f"CODE-{number % 7}\n" for number in range(21)))

        assert counts(source) == (7, 0, 0, 14)
        assert [line for line, _, _ in problems(source)] == list(range(8, 22))
        assert problems(source)[-1][2] == import_checking.REPEATED.format(line=7)

    def test_of_a_row_that_is_bad_is_not_taken(self, site):
        source = check(site, "code,uses\nABCD-1,x\nABCD-1,2\nABCD-1,3\n")

        assert counts(source) == (1, 1, 0, 1)
        assert problems(source)[-1] == (4, "code", import_checking.REPEATED.format(line=3))

    def test_that_the_site_has_is_known_however_it_is_written(self, site):
        make_code(site, "ABCD-OIL1")
        issued = lookup.shown(Code.objects.filter(batch=make_batch(site, count=1)).get())

        source = check(site, f"abcd0111\n{issued.lower()}\nABCD-1\nABCD-0111\n")

        assert counts(source) == (1, 0, 2, 1)
        assert problems(source) == [
            (1, "code", import_checking.KNOWN),
            (2, "code", import_checking.KNOWN),
            (4, "code", import_checking.REPEATED.format(line=1)),
        ]

    def test_of_another_site_is_another(self, site):
        make_code(make_site(), "ABCD-1")

        assert counts(check(site, "ABCD-1\n")) == (1, 0, 0, 0)

    @pytest.mark.parametrize("versions", [(1, 2), (2,), (2, 3)])
    def test_is_known_under_every_live_key(self, site, settings, versions):
        live(settings, 1)
        make_code(site, "OLD-KEY-1")
        live(settings, 1, 2)
        make_code(site, "BOTH-KEYS-1")
        from codes import resealing

        if versions != (1, 2):
            resealing.reseal()
        live(settings, *versions)
        make_code(site, "NEW-KEY-1")

        source = check(site, "OLD-KEY-1\nBOTH-KEYS-1\nNEW-KEY-1\nNO-KEY-1\n")

        assert counts(source) == (1, 0, 3, 0)

    def test_is_found_twice_though_the_keys_changed_in_between(self, site, settings, chunks_of_four):
        live(settings, 1)
        source = receive(site, "".join(f"CODE-{number % 4}\n" for number in range(8)))
        import_checking.check_chunk(jobs.claim(CodeImport, source.pk))
        live(settings, 1, 2)
        CodeImport.objects.update(lease_until=None)

        assert counts(importing.work_import(source)) == (4, 0, 0, 4)


class TestBrokenOff:
    FILE = "code,uses\n" + "".join(f"CODE-{number:02},{number % 5}\n" for number in range(1, 24)) + "CODE-01,1\n"

    @pytest.mark.parametrize("rows", [0, 1, 4, 6, 13, 19])
    def test_in_the_middle_of_a_chunk_it_goes_on_with_that_chunk(
        self, monkeypatch, stopped_clock, site, chunks_of_four, rows
    ):
        source, seal, sealed = receive(site, self.FILE), import_checking.keys.seal, []

        def fail_in_the_end(*words):
            if len(sealed) >= rows:
                raise MemoryError("in the middle of a chunk")
            sealed.append(words)
            return seal(*words)

        with monkeypatch.context() as patched:
            patched.setattr(import_checking.keys, "seal", fail_in_the_end)
            if rows < 19:
                with pytest.raises(MemoryError):
                    importing.work_import(source)
        source.refresh_from_db()
        assert ImportRow.objects.count() == source.rows

        stopped_clock.advance(seconds=LEASE.total_seconds())
        source = importing.work_import(source)

        assert (source.state, counts(source)) == (State.DONE, (19, 4, 0, 1))
        assert list(ImportRow.objects.order_by("line").values_list("line", flat=True)) == list(range(2, 26))
        assert source.worth == 500 * sum(number % 5 for number in range(1, 24))

    def test_who_lost_the_claim_writes_nothing(self, site, chunks_of_four):
        source = receive(site, self.FILE)
        late = jobs.claim(CodeImport, source.pk)
        CodeImport.objects.update(lease_until=None)
        jobs.claim(CodeImport, source.pk)

        with pytest.raises(jobs.Overtaken):
            import_checking.check_chunk(late)
        assert not ImportRow.objects.exists()

    def test_pieces_go_as_they_are_read(self, site, monkeypatch, chunks_of_four):
        monkeypatch.setattr(import_checking, "PIECE", 32)
        monkeypatch.setattr(importing, "PIECE", 32)
        source, left = receive(site, self.FILE), []

        importing.work_import(source, lambda _: left.append(ImportPiece.objects.count()))

        assert left == sorted(left, reverse=True)
        assert left[0] > left[2] > left[-1] == 0


def test_statements_of_a_chunk_do_not_grow_with_its_rows(site):
    make_user(site, claimant_id="u-here")
    make_code(site, "KNOWN-1")
    asked = []
    for rows in (20, 200):
        file = "code,owner,value\nKNOWN-1,,\n" + "".join(f"R{rows}-{number},u-here,7.50\n" for number in range(rows))
        claimed = jobs.claim(CodeImport, receive(site, file).pk)
        with CaptureQueriesContext(connection) as made:
            import_checking.check_chunk(claimed)
        asked.append(len([each for each in made if "SAVEPOINT" not in each["sql"]]))

    # Lock; clock; asset; pieces; claimants; codes; earlier rows; write; remove pieces twice; the job.
    assert asked[0] == asked[1]
    assert asked[0] <= 13


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite keeps no plans")
def test_no_plan_is_kept_that_was_made_while_there_were_no_rows(site, monkeypatch):
    """It would compare each of a hundred thousand rows with each of a chunk's five thousand, one by one."""
    monkeypatch.setattr(import_checking, "CHUNK", 8)
    source = check(site, "code\n" + "".join(f"CODE-{number:03}\n" for number in range(80)))

    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%importrow%digest%ANY%'")
        kept = cursor.fetchall()
    assert (source.good, kept) == (80, [])


def test_twenty_thousand_rows(site):
    file = "code;uses\r\n" + "".join(f"CODE-{number:06};{number % 3 + 1}\r\n" for number in range(20_000))

    with CaptureQueriesContext(connection) as made:
        source = check(site, file)

    assert counts(source) == (20_000, 0, 0, 0)
    inserts = 4 if connection.vendor == "postgresql" else 12
    assert len([each for each in made if each["sql"].startswith('INSERT INTO "codes_importrow')]) <= inserts + 1
    assert len([each for each in made if "SAVEPOINT" not in each["sql"]]) < 100
