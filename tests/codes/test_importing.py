"""Importing what was checked: confirmed once, exactly the good rows, with their own uses, worth, days and owners."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError

from accounts.invariants import listed
from accounts.models import AuditRecord
from codes import import_checking, import_issuing, importing, issuing, jobs, lookup
from codes.models import Batch, Code, CodeImport, ImportPiece, ImportRow, ImportTerms, IssueOrder, Terms
from codes.refusals import IdempotencyMismatch
from ledger.models import LedgerTransaction
from tests.breaking import violated
from tests.codes.files import check, confirm, counts, import_codes, new_import, problems, receive
from tests.codes.redeeming import redeem, spread
from tests.factories import make_batch, make_claimant, make_code, make_site, new_batch

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


class TestWhatBecomesOfARow:
    def test_each_code_has_what_its_row_says_and_else_what_the_batch_says(self, site, claimant):
        order = import_codes(site, MIXED, uses=2, name="Spring")

        codes = Code.objects.filter(order=order).select_related("terms").order_by("serial")
        assert [(lookup.shown(c), c.max_uses, c.terms.value, c.owner_id) for c in codes] == [
            ("SPRING-01", 2, 500, None),
            ("SPRING-02", 3, 500, None),
            ("SPRING-03", 2, 1250, None),
            ("SPRING-04", 2, 500, claimant.pk),
            ("SPRING-05", 2, 1250, None),
        ]
        assert codes[4].valid_until == dt.datetime(2027, 7, 1, tzinfo=dt.UTC)
        assert codes[0].terms.format == "supplied"
        assert (order.state, order.wanted, order.issued) == ("done", 5, 5)
        assert order.batch.name == "Spring"

    def test_rows_of_one_value_share_their_terms(self, site, claimant):
        order = import_codes(site, MIXED)

        assert Terms.objects.filter(site=site).count() == 2
        assert Code.objects.filter(order=order).values("terms").distinct().count() == 2

    def test_the_value_booked_is_that_of_all_uses_of_the_codes_made(self, site, claimant):
        order = import_codes(site, MIXED, uses=2)

        worth = 2 * 500 + 3 * 500 + 2 * 1250 + 2 * 500 + 2 * 1250
        assert spread(order.batch_id) == (worth, worth, 0, 0, 0)
        assert LedgerTransaction.objects.filter(site=site, type="activation").count() == 1
        assert violated(listed()) == {}

    def test_they_are_redeemed_like_any_code(self, site, claimant):
        order = import_codes(site, MIXED)
        till = make_claimant(site)

        assert redeem(claimant, "spring 04").refusal is None
        assert redeem(till, "spring 03").refusal is None
        assert redeem(till, "SPRING-04").refusal.reason in ("not_entitled", "code_used_up")

        assert spread(order.batch_id)[2] == 500 + 1250
        assert violated(listed()) == {}

    def test_nobody_knows_one_before_all_are_there(self, site, claimant, chunks_of_four):
        order = confirm(check(site, MIXED))
        import_issuing.take_chunk(jobs.claim(IssueOrder, order.pk), issuing.activate)
        assert Code.objects.count() == 4

        assert redeem(claimant, "SPRING-01").refusal.reason == "code_not_found"
        assert lookup.find_code(site.pk, "SPRING-01") is None
        assert not LedgerTransaction.objects.filter(type="activation").exists()

    def test_rows_are_gone_once_they_are_codes_and_problems_stay(self, site, claimant):
        source = check(site, MIXED)
        issuing.work_order(confirm(source).pk)

        assert ImportRow.objects.filter(problem="").count() == 0
        assert [line for line, _, _ in problems(source)] == [7]
        assert not ImportPiece.objects.exists()

    def test_codes_without_value(self, site):
        order = import_codes(site, "TAG-0001\nTAG-0002\n", worth_cents=0)

        assert order.issued == 2
        assert not LedgerTransaction.objects.filter(site=site).exists()
        assert violated(listed()) == {}


class TestTheBatch:
    def test_codes_join_a_living_one_on_its_last_terms(self, site):
        batch = make_batch(site, count=3, worth_cents=500, uses=2)

        order = import_codes(site, "code,value\nMORE-1,\nMORE-2,7.00\n", batch=batch)

        assert (order.batch_id, order.first_serial) == (batch.pk, 4)
        assert spread(batch) == (3 * 1000 + 1000 + 1400, 5400, 0, 0, 0)
        assert violated(listed()) == {}
        assert issuing.work_order(issuing.order_more(batch, 2, caller_key="c", actor_id="boss").pk).state == "done"

    def test_the_terms_are_those_it_had_when_the_file_was_checked(self, site):
        batch = make_batch(site, count=1, worth_cents=500)
        source = check(site, "MORE-1\n", batch=batch)
        other = Terms.objects.get(pk=make_batch(site, count=1, worth_cents=900).orders.get().terms_id)
        issuing.work_order(issuing.order_more(batch, 1, caller_key="c", actor_id="b", terms=other).pk)

        issuing.work_order(confirm(source).pk)

        assert spread(batch)[0] == 500 + 900 + 500
        assert violated(listed()) == {}

    def test_one_that_is_not_issued_yet_takes_none(self, site):
        batch = issuing.order_batch(new_batch(site, count=3))[0].batch

        with pytest.raises(ValidationError) as refused:
            receive(site, "MORE-1\n", batch=batch)
        assert "batch" in refused.value.message_dict

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"name": " "}, "name"),
            ({"uses": 0}, "uses"),
            ({"value": 10**13}, "value"),
            ({"asset_code": "XXX"}, "asset"),
            ({"action": "explode"}, "action"),
            ({"valid_from": dt.date(2026, 2, 2), "valid_until": dt.date(2026, 2, 1)}, "valid_until"),
            ({"total_cap": 0}, "total_cap"),
        ],
    )
    def test_a_wish_that_cannot_be_is_refused_with_the_file(self, site, fields, field):
        with pytest.raises(ValidationError) as refused:
            receive(site, "ABCD-1\n", **fields)

        assert field in refused.value.message_dict
        assert not CodeImport.objects.exists()
        assert not Batch.objects.exists()
        assert not Terms.objects.exists()

    def test_a_name_taken_meanwhile_is_said_and_changes_nothing(self, site):
        source = check(site, "ABCD-1\n", name="Spring")
        make_batch(site, count=1, name="Spring")

        assert "of this name already" in refusal_of(source)
        assert Batch.objects.count() == 1
        assert not IssueOrder.objects.filter(source=source).exists()


class TestTwice:
    def test_confirmed_again_it_is_the_same_order(self, site):
        source = check(site, "ABCD-1\nABCD-2\n")
        first = confirm(source)
        assert confirm(source) == first
        issuing.work_order(first.pk)

        assert confirm(source) == first
        assert Code.objects.count() == 2
        assert Batch.objects.count() == 1
        assert AuditRecord.objects.filter(action="import.confirm").count() == 1

    def test_the_same_file_again_changes_nothing(self, site, claimant):
        order = import_codes(site, MIXED)
        before = spread(order.batch_id)

        again = check(site, MIXED)

        assert counts(again) == (0, 1, 5, 0)
        assert "There is nothing to import" in refusal_of(again)
        assert Code.objects.count() == 5
        assert Batch.objects.count() == 1
        assert spread(order.batch_id) == before

    def test_the_same_request_is_one_import(self, site):
        first, fresh = importing.receive_import(new_import(site, "ABCD-1\n", name="a", idempotency_key="k"))
        again, replayed = importing.receive_import(new_import(site, "ABCD-1\n", name="a", idempotency_key="k"))

        assert (first, fresh, replayed) == (again, False, True)
        assert CodeImport.objects.count() == 1

    @pytest.mark.parametrize("other", [{"file": "ABCD-2\n"}, {"name": "b"}, {"uses": 2}])
    def test_its_key_with_another_file_or_wish_is_refused(self, site, other):
        importing.receive_import(new_import(site, "ABCD-1\n", name="a", idempotency_key="k"))

        with pytest.raises(IdempotencyMismatch):
            importing.receive_import(
                new_import(site, **{"file": "ABCD-1\n", "name": "a", "idempotency_key": "k", **other})
            )


class TestWhatTheSiteGotMeanwhile:
    @pytest.mark.parametrize("there", ["SPRING-02", "SPRING-03", "SPRING-05"])
    def test_is_left_out_counted_and_not_paid_for(self, site, claimant, chunks_of_four, there):
        source = check(site, MIXED)
        order = confirm(source)
        make_code(site, there.lower())

        order = issuing.work_order(order.pk)

        source.refresh_from_db()
        assert (order.state, order.wanted, order.issued) == ("done", 4, 4)
        assert counts(source) == (4, 1, 1, 0)
        assert (int(there[-1]) + 1, "code", import_checking.KNOWN) in problems(source)
        worth = {"SPRING-02": 4750, "SPRING-03": 3750, "SPRING-05": 5000}[there]
        assert spread(order.batch_id) == (worth, worth, 0, 0, 0)
        assert list(Code.objects.filter(order=order).order_by("serial").values_list("serial", flat=True)) == [
            1,
            2,
            3,
            4,
        ]
        assert violated(listed()) == {}

    def test_all_of_it_ends_the_order_without_a_code(self, site):
        source = check(site, "ABCD-1\nABCD-2\n")
        order = confirm(source)
        for text in ("ABCD-1", "ABCD-2"):
            make_code(site, text)

        order = issuing.work_order(order.pk)

        assert (order.state, order.issued, order.error) == ("cancelled", 0, import_issuing.NOTHING_LEFT)
        assert Batch.objects.get(pk=order.batch_id).state == Batch.State.CANCELLED
        assert counts(CodeImport.objects.get()) == (0, 0, 2, 0)
        assert violated(listed()) == {}

    def test_two_files_with_the_same_codes_make_each_once(self, site):
        first, second = check(site, "ABCD-1\nABCD-2\n"), check(site, "ABCD-2\nABCD-3\n")
        orders = [confirm(first), confirm(second)]

        done = [issuing.work_order(order.pk) for order in orders]

        assert [order.issued for order in done] == [2, 1]
        assert Code.objects.count() == 3
        assert violated(listed()) == {}

    def test_a_code_that_appears_between_the_look_and_the_write_makes_it_look_again(self, site, monkeypatch):
        order, ask, tries = confirm(check(site, "ABCD-1\nABCD-2\n")), import_issuing.ask, []

        def collide(sql, params):
            tries.append(sql)
            if sql is import_issuing.LEAVE_OUT and tries.count(sql) < 3:
                raise IntegrityError("as the database says it")
            return ask(sql, params)

        monkeypatch.setattr(import_issuing, "ask", collide)

        assert issuing.work_order(order.pk).state == "done"
        assert Code.objects.count() == 2
        assert violated(listed()) == {}


def test_own_terms_are_made_for_the_good_rows_alone(site):
    source = check(site, "code,value\nABCD-1,1.00\nABCD-1,2.00\nx,3.00\nABCD-2,1.00\n")
    confirm(source)

    assert list(ImportTerms.objects.values_list("value", flat=True)) == [100]


def test_twenty_thousand_rows_with_four_hundred_values_in_few_statements(site, django_assert_max_num_queries):
    rows = "".join(f"CODE-{number:06},{number % 400 + 1}.00\n" for number in range(20_000))
    order = confirm(check(site, "code,value\n" + rows))

    with django_assert_max_num_queries(80):
        order = issuing.work_order(order.pk)

    worth = sum(100 * (number % 400 + 1) for number in range(20_000))
    assert (order.state, order.issued) == ("done", 20_000)
    assert spread(order.batch_id) == (worth, worth, 0, 0, 0)
