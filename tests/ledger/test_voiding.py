"""Taking a redemption of points back: each contributor gets exactly what they gave, once and in time."""

import random

import pytest
import uuid_utils.compat as uuid

from accounts.models import AuditRecord, Member
from ledger import moving, points, points_refusals
from ledger.models import LedgerAccount, Reservation, Transfer
from ledger.splitting import split
from tests.factories import make_site
from tests.ledger.membership import (
    CALLER,
    account_of,
    assert_sound,
    available,
    make_household,
    make_member,
    moved,
    redeem,
    reserve,
    standing,
)

pytestmark = pytest.mark.django_db
WHOLE = {"A": 3_000, "B": 2_000, "C": 1_000}


@pytest.fixture
def family(stopped_clock):
    return make_household(WHOLE)


@pytest.fixture
def spending(family):
    return redeem(family["A"], reserve(family["A"], 3_000))


def void(member, told, **fields):
    fields = {"caller": CALLER, "adjustment_days": 30} | fields
    return points.void_spending(member, str(told), **fields)


def refused(kind, *args, **fields):
    before = moved()
    with pytest.raises(kind) as caught:
        void(*args, **fields)
    assert moved() == before
    return caught.value


def test_each_contributor_has_back_what_they_gave(family, spending, stopped_clock):
    active = list(Member.objects.order_by("pk").values_list("last_activity_at", flat=True))
    stopped_clock.advance(days=1)

    taken_back = void(family["A"], spending.transaction_id, external_reference="BACK-1", channel="POS")

    assert available(family) == WHOLE
    assert (taken_back.type, taken_back.reverses_id, taken_back.reference) == (
        "void",
        spending.transaction_id,
        "BACK-1",
    )
    assert list(Member.objects.order_by("pk").values_list("last_activity_at", flat=True)) == active
    assert Reservation.objects.get().ended_as == "consumed"
    audit = AuditRecord.objects.get(action="points.void")
    assert (audit.actor_id, audit.object_id) == (CALLER, str(taken_back.pk))
    assert_sound()


@pytest.mark.parametrize("part", ["-1", "-2", "-3"])
def test_a_contributors_own_transaction_stands_for_all_of_it(family, spending, part):
    void(family["A"], f"{spending.transaction_id}{part}")

    assert available(family) == WHOLE


def test_it_is_taken_back_once(family, spending):
    void(family["A"], spending.transaction_id)

    refused(points_refusals.SpendingVoided, family["A"], spending.transaction_id)
    refused(points_refusals.SpendingVoided, family["A"], f"{spending.transaction_id}-1")


def test_only_whoever_redeemed_takes_it_back(family, spending):
    stranger = make_member(family["A"].site, "M1", 10)

    for somebody in (stranger, family["B"]):
        refused(points_refusals.SpendingOfAnother, somebody, spending.transaction_id)
    elsewhere = make_member(make_site(), "M1", 10)
    refused(points_refusals.SpendingNotFound, elsewhere, spending.transaction_id)


def test_a_transaction_that_is_no_redemption_is_not_taken_back(family, spending):
    granted = Transfer.objects.filter(credit_account=account_of(family["A"])).latest("id").transaction
    taken_back = void(family["A"], spending.transaction_id)
    spent = moving.spend(account_of(family["A"]), 5, comment="", actor_id="u-boss")

    for other in (granted, taken_back, spent):
        refused(points_refusals.VoidNotAllowed, family["A"], other.pk)
    refused(points_refusals.SpendingOfAnother, family["B"], granted.pk)


def test_an_id_that_was_never_told_is_found_by_nobody(family, spending):
    told = str(spending.transaction_id)
    for wrong in (
        *("", "nonsense", str(uuid.uuid7()), told.upper(), told.replace("-", ""), "{" + told + "}", told + " "),
        *(told + "-0", told + "-4", told + "-01", told + "-", told + "-99999", told + "-999999", told + "\n"),
    ):
        refused(points_refusals.SpendingNotFound, family["A"], wrong)


def test_it_is_taken_back_within_its_days_and_no_later(family, spending, stopped_clock):
    stopped_clock.advance(days=30)
    on_the_day = redeem(family["A"], reserve(family["A"], 6))
    stopped_clock.advance(microseconds=1)

    assert refused(points_refusals.SpendingTooOld, family["A"], spending.transaction_id).days == 30
    void(family["A"], on_the_day.transaction_id, adjustment_days=0 + 1)
    void(family["A"], spending.transaction_id, adjustment_days=31)


def test_an_account_that_takes_nothing_back_keeps_all_of_it_from_being_voided(family, spending):
    LedgerAccount.objects.filter(pk=account_of(family["C"]).pk).update(state="closed")

    refused(points_refusals.VoidNotAllowed, family["A"], spending.transaction_id)


def test_a_suspended_contributor_has_it_back_all_the_same(family, spending):
    Member.objects.filter(pk=family["B"].pk).update(status="suspended")
    void(family["A"], spending.transaction_id)

    assert standing(family["B"]) == (2_000, 0, 2_000)


@pytest.mark.parametrize("seed", range(12))
def test_redeeming_and_taking_back_is_the_identity_for_any_household(db, seed):
    chance = random.Random(seed)
    names = [f"{name:x}" for name in chance.sample(range(10**6), chance.randint(1, 6))]
    members = make_household({name: chance.choice([0, 1, 7, chance.randint(2, 10**9)]) for name in names} | {"last": 3})
    before, first = available(members), members[names[0]]
    amount = chance.randint(1, sum(before.values()))

    spending = redeem(first, reserve(first, amount))
    taken = {name: before[name] - left for name, left in available(members).items()}
    assert taken == dict.fromkeys(before, 0) | split(amount, before)
    void(first, spending.transaction_id)

    assert available(members) == before
    assert_sound()
