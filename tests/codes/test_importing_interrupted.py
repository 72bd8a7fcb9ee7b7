"""Importing that is broken off, cancelled, discarded or forgotten."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.invariants import listed
from accounts.models import AuditRecord
from codes import import_checking, import_issuing, import_tidying, importing, issuing, jobs, lookup, resealing, working
from codes.jobs import LEASE
from codes.models import Batch, Code, CodeImport, ImportPiece, ImportRow, IssueOrder
from ledger.models import LedgerTransaction
from tests.breaking import violated
from tests.codes.files import check, confirm, counts, receive
from tests.codes.redeeming import spread
from tests.codes.rotation import live
from tests.factories import make_claimant, make_site

pytestmark = pytest.mark.django_db

State = CodeImport.State
MIXED = (
    "code,uses,value,valid_until,owner\n"
    "SPRING-01,,,,\nSPRING-02,3,,,\nSPRING-03,2,12.50,,\nSPRING-04,,5.00,,u-here\nSPRING-05,,12.50,2027-06-30,\nx,,,,\n"
)


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def claimant(site):
    return make_claimant(site, claimant_id="u-here")


@pytest.fixture
def chunks_of_four(monkeypatch):
    monkeypatch.setattr(import_issuing, "CHUNK", 4)


def refusal_of(source):
    with pytest.raises(ValidationError) as refused:
        confirm(source)
    return " ".join(refused.value.messages)


class TestBrokenOff:
    FILE = "".join(f"CODE-{number:02}\n" for number in range(10))

    @pytest.mark.parametrize("chunks", [0, 1, 2])
    def test_it_goes_on_where_it_stopped(self, site, monkeypatch, stopped_clock, chunks_of_four, chunks):
        source = check(site, self.FILE)
        order, take, taken = confirm(source), import_issuing.take, []

        def fail_in_the_end(*words):
            take(*words)
            if len(taken) == chunks:
                raise MemoryError("after the codes were written, before the commit")
            taken.append(words)

        with monkeypatch.context() as patched:
            patched.setattr(import_issuing, "take", fail_in_the_end)
            with pytest.raises(MemoryError):
                issuing.work_order(order.pk)
        order.refresh_from_db()
        assert (order.state, order.issued, Code.objects.count()) == ("running", 4 * chunks, 4 * chunks)
        assert ImportRow.objects.count() == 10 - 4 * chunks

        stopped_clock.advance(seconds=LEASE.total_seconds())
        assert issuing.work_order(order.pk).state == "done"
        assert list(Code.objects.order_by("serial").values_list("serial", flat=True)) == list(range(1, 11))
        assert spread(order.batch_id) == (5_000, 5_000, 0, 0, 0)
        assert violated(listed()) == {}

    def test_cancelled_it_leaves_no_code_and_no_row(self, site, chunks_of_four):
        source = check(site, self.FILE)
        order = confirm(source)
        import_issuing.take_chunk(jobs.claim(IssueOrder, order.pk), issuing.activate)

        assert issuing.cancel_order(order, actor_id="boss")
        working.work_due(seconds=60)
        working.work_due(seconds=60)

        source.refresh_from_db()
        assert source.state == State.CANCELLED
        assert not Code.objects.exists()
        assert not ImportRow.objects.exists()
        assert not LedgerTransaction.objects.exists()
        assert violated(listed()) == {}

    def test_rows_checked_under_a_key_that_is_leaving_become_codes_under_the_new_one(self, site, settings):
        live(settings, 1)
        unread, checked, confirmed = receive(site, "EARLY-1\n"), check(site, "EARLY-2\n"), check(site, "EARLY-3\n")
        order = confirm(confirmed)
        live(settings, 1, 2)
        issuing.work_order(order.pk)
        assert resealing.reseal() == 2  # A piece and a row; the code was written under both.
        live(settings, 2, 3)
        assert resealing.reseal() == 3
        live(settings, 3)

        for source in (checked, importing.work_import(unread)):
            issuing.work_order(confirm(source).pk)

        codes = Code.objects.order_by("id")
        assert [lookup.shown(code) for code in codes] == ["EARLY-3", "EARLY-2", "EARLY-1"]
        assert [lookup.find_code(site.pk, f"early{number}") for number in (3, 2, 1)] == list(codes)


class TestDiscarding:
    def test_it_leaves_nothing_but_its_counts(self, site):
        source = check(site, "ABCD-1\nx\n")

        assert importing.discard_import(source, actor_id="boss")
        assert "was discarded" in refusal_of(source)
        source = importing.work_import(source)

        assert (source.state, counts(source)) == (State.CANCELLED, (1, 1, 0, 0))
        assert not ImportRow.objects.exists()
        assert AuditRecord.objects.filter(action="import.discard", actor_id="boss").exists()
        assert not importing.discard_import(source, actor_id="boss")
        assert not Batch.objects.exists()

    @pytest.mark.parametrize(("rows", "left"), [(4, [0]), (10, [6, 2, 0]), (8, [4, 0])])
    def test_its_rows_go_a_chunk_at_a_time_and_one_line_is_asked_for_each(self, site, monkeypatch, rows, left):
        monkeypatch.setattr(import_checking, "CHUNK", 4)
        source = check(site, "code\n" + "x\n" * rows)
        importing.discard_import(source, actor_id="boss")
        seen = []

        with CaptureQueriesContext(connection) as made:
            source = importing.work_import(source, lambda _: seen.append(ImportRow.objects.count()))

        assert source.state == State.CANCELLED
        assert seen[: len(left)] == left
        asked = [each["sql"] for each in made if each["sql"].startswith('SELECT "codes_importrow"."line"')]
        assert asked
        assert all(sql.endswith("LIMIT 1 OFFSET 3") for sql in asked)

    def test_while_it_is_checked_it_stops_the_check(self, site, monkeypatch):
        monkeypatch.setattr(import_checking, "CHUNK", 2)
        source = receive(site, "ABCD-1\nABCD-2\nABCD-3\n")
        worker = jobs.claim(CodeImport, source.pk)
        import_checking.check_chunk(worker)

        assert importing.discard_import(source, actor_id="boss")
        with pytest.raises(jobs.Overtaken):
            import_checking.check_chunk(worker)
        assert importing.work_import(source).state == State.CANCELLED
        assert not ImportRow.objects.exists()
        assert not ImportPiece.objects.exists()
        with pytest.raises(jobs.Overtaken):  # Though what it was to read is gone.
            import_checking.check_chunk(worker)

    def test_once_confirmed_it_is_too_late(self, site):
        source = check(site, "ABCD-1\n")
        order = confirm(source)

        assert not importing.discard_import(source, actor_id="boss")
        assert issuing.work_order(order.pk).state == "done"
        assert not importing.discard_import(source, actor_id="boss")

    def test_nobody_confirming_for_seven_days_discards_it(self, site, stopped_clock):
        forgotten, confirmed = check(site, "ABCD-1\n"), check(site, "ABCD-2\n")
        order = issuing.work_order(confirm(confirmed).pk)
        stopped_clock.advance(days=7, seconds=-1)
        assert import_tidying.discard_forgotten() == 0

        stopped_clock.advance(seconds=1)
        assert import_tidying.discard_forgotten() == 1
        assert import_tidying.discard_forgotten() == 0
        working.work_due(seconds=60)

        forgotten.refresh_from_db()
        order.refresh_from_db()
        assert (forgotten.state, order.state) == (State.CANCELLED, "done")
        assert not ImportRow.objects.exists()

    def test_what_is_not_checked_yet_is_not_confirmed(self, site):
        assert "still being checked" in refusal_of(receive(site, "ABCD-1\n"))

    def test_a_check_that_failed_is_not_confirmed_either(self, site):
        source = receive(site, "ABCD-1\n")
        CodeImport.objects.update(state=State.FAILED)

        assert "failed" in refusal_of(source)
        assert importing.discard_import(source, actor_id="boss")
        assert importing.work_import(source).state == State.CANCELLED
