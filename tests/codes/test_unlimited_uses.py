"""Codes without a limit of uses: a word that everybody may use. Counted, never used up, and never told as a number."""

import json

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import AuditRecord
from codes import content_changing, content_codes, exporting, issuing, lookup, switching, uses
from codes.content_changing import ContentChange
from codes.exporting import ExportCodes
from codes.models import Attempt, Code, Terms
from codes.models.terms import UNLIMITED_USES
from codes.receipt_words import Receipt
from codes.refusals import IdempotencyMismatch
from tests.codes.editing import edit
from tests.codes.files import import_codes
from tests.codes.redeeming import assert_sound, reason_of, redeem
from tests.factories import make_batch, make_claimant, make_code, make_site, new_batch

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    return make_site()


@pytest.fixture
def burger(site):
    return make_code(site, "BURGER", worth_cents=0, uses=UNLIMITED_USES)


def test_everybody_uses_it_and_it_is_never_used_up(site, burger):
    for _ in range(3):
        assert reason_of(redeem(make_claimant(site), "burger")) == "redeemed"
    burger.refresh_from_db()

    assert (burger.state, burger.uses, burger.max_uses) == ("active", 3, UNLIMITED_USES)
    assert_sound()


def test_uses_per_claimant_and_caps_stay_as_they_are(site, burger):
    anna = make_claimant(site)
    redeem(anna, "BURGER")
    assert reason_of(redeem(anna, "BURGER")) == "already_redeemed"
    switching.change_batch(burger.batch, total_cap=1, actor_id="boss")
    assert reason_of(redeem(make_claimant(site), "BURGER")) == "campaign_cap_reached"


def test_a_receipt_tells_no_number(site, burger):
    anna = make_claimant(site)
    attempt = Attempt.objects.select_related("code").get(pk=redeem(anna, "BURGER").attempt.pk)

    assert attempt.uses_left is None
    assert "Uses left" not in [line.label for line in Receipt.of(attempt, "BURGER", site).lines]


def test_with_value_it_is_refused_at_its_field_and_by_the_database(site):
    with pytest.raises(ValidationError) as refused:
        issuing.issue_supplied(new_batch(site, worth_cents=500, uses=UNLIMITED_USES), ["BURGER"])
    assert list(refused.value.message_dict) == ["uses"]
    assert not Terms.objects.exists()
    make_code(site, "WORTH", worth_cents=500)
    fields = Terms.objects.values().get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Terms.objects.create(**{**fields, "id": None, "uses": UNLIMITED_USES})


@pytest.mark.parametrize("count", [0, -1, 10**6 + 1, UNLIMITED_USES - 1, UNLIMITED_USES + 1])
def test_any_other_number_out_of_bounds_is_refused(site, count):
    with pytest.raises(ValidationError, match="1,000,000"):
        issuing.issue_supplied(new_batch(site, uses=count), ["BURGER"])


def test_a_code_may_lose_its_limit_and_get_one_again(site, burger):
    redeem(make_claimant(site), "BURGER")
    switching.change_code(burger, max_uses=1, actor_id="boss")
    assert reason_of(redeem(make_claimant(site), "BURGER")) == "code_used_up"
    switching.change_code(burger, max_uses=UNLIMITED_USES, actor_id="boss")
    assert reason_of(redeem(make_claimant(site), "BURGER")) == "redeemed"
    with pytest.raises(ValidationError, match="from 2"):
        switching.change_code(burger, max_uses=1, actor_id="boss")
    assert_sound()


def test_a_code_with_value_keeps_its_limit(site):
    code = make_code(site, worth_cents=500)
    with pytest.raises(ValidationError) as refused:
        switching.change_code(code, max_uses=UNLIMITED_USES, actor_id="boss")
    assert list(refused.value.message_dict) == ["max_uses"]
    code.refresh_from_db()
    assert code.max_uses == 1


def test_a_batch_may_lose_its_limit_and_one_with_value_is_refused(site):
    batch = make_batch(site, 3, worth_cents=0)
    edit(batch, "uses", max_uses=UNLIMITED_USES)
    assert set(batch.codes.values_list("max_uses", flat=True)) == {UNLIMITED_USES}
    worth = make_batch(site, 3, worth_cents=500)
    with pytest.raises(ValidationError) as refused:
        edit(worth, "uses", max_uses=UNLIMITED_USES)
    assert list(refused.value.message_dict) == ["max_uses"]
    assert set(worth.codes.values_list("max_uses", flat=True)) == {1}
    assert_sound()


def test_an_import_may_be_without_limit(site):
    import_codes(site, "code,uses\nBURGER,\nFRIES,5\n", worth_cents=0, uses=UNLIMITED_USES)

    assert sorted(Code.objects.values_list("max_uses", flat=True)) == [5, UNLIMITED_USES]
    assert reason_of(redeem(make_claimant(site), "BURGER")) == "redeemed"
    assert_sound()


@pytest.mark.parametrize(("written", "told"), [("csv", "without limit"), ("jsonl", None)])
def test_an_export_tells_no_number(site, burger, written, told):
    asked = ExportCodes(burger.batch, actor_id="boss", door="desk", reason="why", format=written)
    lines = b"".join(exporting.export_codes(asked)).decode().splitlines()

    row = json.loads(lines[-1])["max_uses"] if written == "jsonl" else lines[-1].split(",")[4]
    assert row == told
    assert "2147483647" not in "".join(lines)


def test_the_audit_tells_no_number(site, burger):
    switching.change_code(burger, max_uses=7, actor_id="boss")
    assert AuditRecord.objects.get(action="code.change").detail["changed"] == {"max_uses": [None, 7]}


def test_a_given_code_is_ordered_once_under_one_key(site):
    new = new_batch(site, uses=UNLIMITED_USES, idempotency_key="k1")
    first, again = (issuing.order_supplied(new, ["BURGER"]) for _ in range(2))

    assert (first[0], first[1], again[1]) == (again[0], False, True)
    with pytest.raises(IdempotencyMismatch):
        issuing.order_supplied(new, ["FRIES"])
    assert lookup.shown(Code.objects.get()) == "BURGER"


def test_a_publisher_hears_the_most_uses_there_can_be_and_saying_so_again_changes_nothing(site, burger):
    [told] = next(content_codes.read(content_codes.Span(burger.batch, 1, 1)))
    assert told.uses_left == 10**6
    codes = Code.objects.filter(pk=burger.pk)
    change = ContentChange(uses_left=10**6)
    assert content_changing.write(codes, change, burger.batch.created_at, burger) == 0
    assert content_changing.write(codes, ContentChange(uses_left=5), burger.batch.created_at, burger) == 1
    assert codes.get().max_uses == 5


def test_what_is_typed_on_a_command_line():
    assert (uses.typed("unlimited"), uses.typed("5")) == (UNLIMITED_USES, 5)
    with pytest.raises(ValueError, match="many"):
        uses.typed("many")
