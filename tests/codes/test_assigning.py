"""Handing out: the next free code of a batch, once per claimant and key; refusals move nothing, and the last code costs no more."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction

from accounts.refusals import CallerNotAllowed, ClaimantInactive, ClaimantUnknown
from codes import assigning, expiring, free_codes, issuing, jobs, switching
from codes.assigning import AssignCode, assign
from codes.lookup import shown
from codes.models import Assignment, AssignmentMark, Batch, Code, IssueOrder
from codes.models.terms import UNLIMITED_USES
from codes.refusals import BatchNotActive, BatchNotFound, CodeBusy, IdempotencyMismatch, NoCodeLeft
from redemption_site.api.assignments import own_code_body
from tests.codes.editing import edit
from tests.codes.files import import_codes
from tests.codes.redeeming import assert_sound, reason_of, redeem
from tests.codes.shop import make_item, move
from tests.factories import caller_of, make_batch, make_claimant, make_client, make_code, make_site, new_batch
from tests.plans import read_whole

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def till(site):
    return caller_of(make_client(site, ["assign"]))


@pytest.fixture
def anna(site):
    return make_claimant(site)


@pytest.fixture
def batch(site):
    return make_batch(site, 3, worth_cents=100)


def hand(till, batch, who, key=None):
    """The assignment."""
    return assign(AssignCode(till, batch.pk if isinstance(batch, Batch) else batch, who.claimant_id, key))[0]


def owners(site):
    """Whose each code of the site is."""
    return dict(Code.objects.filter(site=site).values_list("pk", "owner_id"))


def test_the_next_free_code_is_the_claimants_own_from_then_on(till, batch, anna, site):
    told, replayed = assign(AssignCode(till, batch.pk, anna.claimant_id, "k1"))

    code = Code.objects.get(batch=batch, serial=1)
    assert (told.code, told.code.owner, told.batch, told.claimant, replayed) == (code, anna, batch, anna, False)
    assert (told.site, told.idempotency_key, told.caller, told.actor_id) == (site, "k1", till.key, till.actor_id)
    assert [each.serial for each in (hand(till, batch, anna, "k2").code, hand(till, batch, anna, "k3").code)] == [2, 3]
    assert_sound()


def test_a_key_says_the_same_again_and_no_key_is_one_code_ever(till, batch, anna):
    first, again = (assign(AssignCode(till, batch.pk, anna.claimant_id, "k1")) for _ in range(2))
    bare, once_more = (assign(AssignCode(till, batch.pk, anna.claimant_id)) for _ in range(2))

    assert (first[0], again[1]) == (again[0], True)
    assert (bare[0], once_more[1]) == (once_more[0], True)
    assert first[0].code != bare[0].code
    assert Assignment.objects.count() == 2


def test_it_says_the_same_whatever_became_of_the_batch_and_the_code(till, batch, anna, site):
    code = hand(till, batch, anna).code
    switching.switch_code(code, False, actor_id="boss")
    switching.switch_batch(batch, False, actor_id="boss")

    assert hand(till, batch, anna).code == code
    edit(batch, "delete")
    assert hand(till, batch, anna).code == code
    assert_sound()


def test_another_client_with_the_same_key_hears_of_the_same_code(site, till, batch, anna):
    other = caller_of(make_client(site, ["assign"]))

    assert hand(till, batch, anna, "k1") == hand(other, batch, anna, "k1")


def test_only_the_owner_redeems_it(till, batch, anna, site):
    text = shown(hand(till, batch, anna).code)
    bob = make_claimant(site)

    assert reason_of(redeem(bob, text)) == "not_entitled"
    assert reason_of(redeem(anna, text)) == "redeemed"
    assert_sound()


def refused(refusal, till, batch, who, key=None):
    """Whether it is refused so, and nothing has moved."""
    before = owners(batch.site), Assignment.objects.count()
    with pytest.raises(refusal):
        assign(AssignCode(till, batch.pk, who if isinstance(who, str) else who.claimant_id, key))
    return (owners(batch.site), Assignment.objects.count()) == before


class TestRefusals:
    def test_a_batch_that_is_not_there_or_another_sites(self, till, batch, anna):
        foreign = make_batch(make_site(), 1, worth_cents=100)
        for batch_id in (foreign.pk, 999_999, 2**63, 2**80):
            with pytest.raises(BatchNotFound):
                assign(AssignCode(till, batch_id, anna.claimant_id))
        assert not Assignment.objects.exists()
        assert set(owners(batch.site).values()) | set(owners(foreign.site).values()) == {None}

    def test_a_batch_that_is_being_issued_is_off_or_deleted(self, till, site, anna):
        issued = make_batch(site, 2, worth_cents=100)
        order, _ = issuing.order_batch(new_batch(site, name="later", count=2, worth_cents=100))
        assert refused(BatchNotActive, till, order.batch, anna)
        switching.switch_batch(issued, False, actor_id="boss")
        assert refused(BatchNotActive, till, issued, anna)
        switching.switch_batch(issued, True, actor_id="boss")
        edit(issued, "delete")
        assert refused(BatchNotActive, till, issued, anna)

    def test_a_claimant_who_is_unknown_another_sites_or_switched_off(self, till, batch, site):
        assert refused(ClaimantUnknown, till, batch, "nobody")
        assert refused(ClaimantUnknown, till, batch, make_claimant(claimant_id="elsewhere"))
        assert refused(ClaimantInactive, till, batch, make_claimant(site, is_active=False))

    def test_a_claimant_whom_the_client_may_not_act_for(self, site, batch, anna):
        limited = caller_of(make_client(site, ["assign"], acts_as=[anna]))

        assert refused(CallerNotAllowed, limited, batch, make_claimant(site))
        assert hand(limited, batch, anna).claimant == anna

    def test_a_key_that_was_used_for_another_claimant_or_batch(self, till, site, batch, anna):
        hand(till, batch, anna, "k1")
        other = make_batch(site, 2, worth_cents=100)

        assert refused(IdempotencyMismatch, till, batch, make_claimant(site), "k1")
        assert refused(IdempotencyMismatch, till, other, anna, "k1")
        # Without a key nothing is compared.
        assert hand(till, other, anna).batch == other

    def test_nothing_is_left(self, till, site, batch, anna):
        for key in "abc":
            hand(till, batch, anna, key)

        assert refused(NoCodeLeft, till, batch, anna, "d")
        assert refused(NoCodeLeft, till, batch, make_claimant(site))
        assert_sound()

    def test_a_code_that_somebody_ordered_is_theirs(self, till, site, anna):
        item = make_item(site, quantity=2)
        move(item, 4)
        item.refresh_from_db()

        assert refused(NoCodeLeft, till, item.issue_order.batch, anna)


def test_only_a_code_that_is_free_and_can_be_redeemed_is_handed_out(till, site, anna, stopped_clock):
    batch = make_batch(site, 8, worth_cents=100, uses=2)
    codes = {code.serial: code for code in batch.codes.all()}
    redeem(make_claimant(site), shown(codes[1]))
    switching.switch_code(codes[2], False, actor_id="boss")
    switching.change_code(codes[3], state="deleted", actor_id="boss")
    switching.change_code(codes[4], owner=make_claimant(site), actor_id="boss")
    switching.change_code(codes[5], valid_until=stopped_clock.now, actor_id="boss")
    switching.change_code(codes[6], valid_until=stopped_clock.now - dt.timedelta(days=1), actor_id="boss")
    expiring.sweep_expired()
    switching.change_code(codes[7], valid_from=stopped_clock.now + dt.timedelta(days=1), actor_id="boss")

    assert [hand(till, batch, anna, key).code.serial for key in "ab"] == [7, 8]
    assert refused(NoCodeLeft, till, batch, anna, "c")


def test_a_shared_text_of_unlimited_uses_is_never_bound_to_one_claimant(till, site, anna):
    code = make_code(site, "BURGER", worth_cents=0, uses=UNLIMITED_USES)

    assert refused(NoCodeLeft, till, code.batch, anna)


def test_codes_of_an_order_that_is_not_done_are_nobodys(till, site, batch, anna, monkeypatch):
    order = issuing.order_more(batch, 2, caller_key="desk", actor_id="desk")
    monkeypatch.setattr(issuing, "CHUNK", 1)
    issuing.issue_chunk(jobs.claim(IssueOrder, order.pk))
    for key in "abc":
        hand(till, batch, anna, key)
    assert refused(NoCodeLeft, till, batch, anna, "d")
    IssueOrder.objects.filter(pk=order.pk).update(lease_until=None)
    issuing.work_order(order.pk)

    # At once: an empty batch is looked through again only from where its new codes are.
    assert hand(till, batch, anna, "d").code.serial == 4
    assert_sound()


def test_imported_and_supplied_codes_are_handed_out_alike(till, site, anna):
    imported = import_codes(site, "code\nIMPORT-01\nIMPORT-02\n", worth_cents=300)
    supplied = issuing.issue_supplied(new_batch(site, worth_cents=100), ["SUPPLY-01"])

    assert hand(till, getattr(imported, "batch", imported), anna).code.serial == 1
    assert hand(till, supplied, anna).code.serial == 1
    assert_sound()


class TestAfterwards:
    def test_its_owner_stays_whatever_staff_wish(self, till, batch, anna, site):
        code = hand(till, batch, anna).code
        for owner in (make_claimant(site), None):
            with pytest.raises(ValidationError, match="handed out"):
                switching.change_code(code, owner=owner, actor_id="boss")
            with pytest.raises(DatabaseError, match="stays"), transaction.atomic():
                Code.objects.filter(pk=code.pk).update(owner=owner)
        switching.change_code(code, owner=anna, max_uses=3, state="disabled", actor_id="boss")
        assert_sound()

    def test_it_is_never_changed_nor_forgotten(self, till, batch, anna, site):
        hand(till, batch, anna)
        for deed in (
            lambda: Assignment.objects.update(claimant=make_claimant(site)),
            lambda: Assignment.objects.all().delete(),
        ):
            with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
                deed()

    def test_nothing_else_can_be_written_down(self, till, batch, anna, site):
        code = hand(till, batch, anna).code
        fields = {"site": site, "batch": batch, "caller": "c", "actor_id": "a", "assigned_at": code.batch.created_at}
        free = batch.codes.get(serial=2)
        for wrong in (
            {"code": free, "claimant": anna},
            {"code": code, "claimant": make_claimant(site), "idempotency_key": "k"},
            {"code": code, "claimant": anna, "idempotency_key": "k", "batch": make_batch(site, 1)},
        ):
            with pytest.raises(DatabaseError), transaction.atomic():
                Assignment.objects.create(**{**fields, **wrong})

    def test_every_code_of_the_batch_can_be_edited_and_deleted(self, till, batch, anna):
        hand(till, batch, anna)
        for kind in ("disable", "enable", "delete"):
            edit(batch, kind)
        assert_sound()


class TestCost:
    def marks(self, batch):
        return AssignmentMark.objects.get(batch=batch).serial

    def test_the_mark_moves_on_and_the_last_code_costs_what_the_first_one_did(
        self, till, site, anna, monkeypatch, django_assert_num_queries
    ):
        monkeypatch.setattr(free_codes, "STRIDE", 4)
        batch = make_batch(site, 12, worth_cents=100)
        taken = []
        take = free_codes.Search.take

        def look(search):
            found = take(search)
            taken.append(found.serial - search.began.serial)
            return found

        monkeypatch.setattr(free_codes.Search, "take", look)
        for number in range(12):
            hand(till, batch, anna, f"k{number}")

        assert max(taken) == 4
        assert self.marks(batch) >= 9
        batch_of_one = make_batch(site, 1, worth_cents=100)
        postgresql = connection.vendor == "postgresql"
        # What is known, (the clock,) the code under its lock, two writes; then the answer's rows.
        savepoints = 2
        with django_assert_num_queries(5 + (not postgresql) + savepoints):
            hand(till, batch_of_one, anna, "last")

    @pytest.mark.parametrize(
        "worth", [{"worth_cents": 100}, {"worth_cents": 0, "action": "fulfilment", "parameters": {"item": "A bun"}}]
    )
    def test_what_is_told_of_a_code_is_read_with_it(self, till, site, anna, worth, django_assert_num_queries):
        told = hand(till, make_batch(site, 1, **worth), anna)

        kept = Assignment.objects.select_related("code__terms__asset", "code__batch", "claimant").get(pk=told.pk)
        for each in (told, kept):
            with django_assert_num_queries(0):
                body = own_code_body(each.code, each.claimant, each.assigned_at, kept.assigned_at)
            assert body == own_code_body(kept.code, kept.claimant, kept.assigned_at, kept.assigned_at)

    def test_no_statement_reads_the_table_of_codes_whole(self, till, site, anna):
        batch = make_batch(site, 5, worth_cents=100)

        assert read_whole(lambda: hand(till, batch, anna)) == []
        assert read_whole(lambda: free_codes.Search(batch.pk, MARK, batch.created_at).first_free(1, 5)) == []

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="plans are PostgreSQL's")
    def test_the_next_code_is_found_in_the_index_by_serial(self, site):
        batch = make_batch(site, 5, worth_cents=100)
        search = free_codes.Search(batch.pk, MARK, batch.created_at)
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            sql = free_codes.TAKE_FREE.replace("{lock a}", "FOR NO KEY UPDATE OF a SKIP LOCKED")
            cursor.execute(f"EXPLAIN {sql}", search.params(1, 5_000))
            plan = "\n".join(row[0] for row in cursor.fetchall())

        assert "Index Scan using code_serial_per_batch on codes_code a" in plan
        assert "Sort" not in plan

    def test_an_empty_batch_is_not_looked_through_at_every_request(self, till, site, anna, monkeypatch, stopped_clock):
        batch = make_batch(site, 2, worth_cents=100)
        code = hand(till, batch, anna, "a").code
        other = hand(till, batch, anna, "b").code
        looked = []
        lock = free_codes.locking.select_for_update
        monkeypatch.setattr(
            free_codes.locking, "select_for_update", lambda *args, **options: looked.append(1) or lock(*args, **options)
        )

        assert refused(NoCodeLeft, till, batch, anna, "c")
        assert len(looked) == 2  # From the mark, and once more from the first code.
        looked.clear()
        assert refused(NoCodeLeft, till, batch, anna, "c")
        assert looked == []
        stopped_clock.advance(seconds=free_codes.EMPTY_FOR.total_seconds())
        assert refused(NoCodeLeft, till, batch, anna, "c")
        assert len(looked) == 1
        assert {code.serial, other.serial} == {1, 2}

    def test_what_became_free_below_the_mark_is_found_when_the_end_is_reached(self, till, site, anna, monkeypatch):
        monkeypatch.setattr(free_codes, "STRIDE", 1)
        monkeypatch.setattr(free_codes, "SPAN", 2)
        batch = make_batch(site, 6, worth_cents=100)
        switching.switch_code(batch.codes.get(serial=2), False, actor_id="boss")
        serials = [hand(till, batch, anna, f"k{number}").code.serial for number in range(4)]
        switching.switch_code(batch.codes.get(serial=2), True, actor_id="boss")
        serials += [hand(till, batch, anna, f"m{number}").code.serial for number in range(2)]

        assert serials == [1, 3, 4, 5, 6, 2]
        assert refused(NoCodeLeft, till, batch, anna, "no more")

    def test_a_large_batch_is_looked_through_a_part_a_request(self, till, site, anna, monkeypatch):
        monkeypatch.setattr(free_codes, "SPAN", 1)
        monkeypatch.setattr(free_codes, "MOST_SPANS", 2)
        monkeypatch.setattr(free_codes, "FARTHEST_BEHIND", 1)
        batch = make_batch(site, 6, worth_cents=100)
        edit(batch, "disable")
        switching.switch_code(batch.codes.get(serial=6), True, actor_id="boss")

        assert refused(CodeBusy, till, batch, anna)
        assert self.marks(batch) == 3
        assert refused(CodeBusy, till, batch, anna)
        assert hand(till, batch, anna).code.serial == 6

    def test_a_mark_that_points_anywhere_or_is_gone_loses_no_code(self, till, site, anna):
        batch = make_batch(site, 3, worth_cents=100)
        AssignmentMark.objects.create(batch=batch, serial=1_000)
        assert hand(till, batch, anna, "a").code.serial == 1
        AssignmentMark.objects.all().delete()
        assert hand(till, batch, anna, "b").code.serial == 2


MARK = free_codes.Mark(1, from_start=False, empty_until=None, end=5, is_stored=False)


def test_whoever_is_overtaken_again_and_again_is_told_to_come_back(till, batch, anna, monkeypatch):
    def overtaken(*_):
        raise assigning.Overtaken

    monkeypatch.setattr(assigning, "write", overtaken)
    assert refused(CodeBusy, till, batch, anna)
