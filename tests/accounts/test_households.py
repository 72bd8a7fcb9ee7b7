"""Households: who belongs to them, in which role, and how shares are found; every change under the household's lock."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts import households, members
from accounts.models import AuditRecord, Household, Member
from tests.factories import make_site
from tests.members import make_household, make_member

pytestmark = pytest.mark.django_db
STAFF = {"actor_id": "staff"}
WHY = {"actor_id": "staff", "reason": "asked for"}


@pytest.fixture
def household():
    return make_household(household_id="H-1")


def roles(household):
    return dict(household.members.order_by("account_id").values_list("account_id", "role"))


def audited():
    rows = AuditRecord.objects.filter(action__startswith="household.").order_by("id")
    return list(rows.values_list("action", flat=True))


def test_a_household_is_proportional_unless_told_otherwise_and_its_id_is_its_sites(household):
    assert (household.mode, str(household)) == ("proportional", "H-1")
    assert len(make_household().household_id) == 36
    assert make_household(make_site(), "H-1").pk != household.pk
    for given in ({"household_id": "H-1"}, {"household_id": " H"}, {"household_id": "x" * 65}, {"mode": "fair"}):
        with pytest.raises(ValidationError) as refused:
            households.create_household(household.site, **given, **STAFF)
        assert list(refused.value.message_dict) == list(given)
    assert Household.objects.filter(site=household.site).count() == 1


def test_the_mode_changes_with_a_reason(household):
    assert households.change_mode(household, "request_defined", **WHY) is True
    assert households.change_mode(household, "request_defined", **WHY) is False
    with pytest.raises(ValidationError):
        households.change_mode(household, "fair", **WHY)

    household.refresh_from_db()
    assert household.mode == "request_defined"
    assert AuditRecord.objects.get(action="household.change").detail == {
        "household_id": "H-1", "mode": "request_defined", "was": "proportional", "reason": "asked for",
    }  # fmt: skip


def test_members_join_and_leave(household):
    anna, ben = make_member(household.site, "A"), make_member(household.site, "B")

    households.join(anna, household, "primary", **STAFF)
    households.join(ben, household, **STAFF)
    assert roles(household) == {"A": "primary", "B": "member"}

    left = households.leave(anna, **WHY)

    assert (left.household, left.role) == (None, "")
    assert roles(household) == {"B": "member"}
    assert audited() == ["household.create", "household.join", "household.join", "household.leave"]


def test_a_new_primary_takes_the_place_of_the_old(household):
    anna, ben, cleo = (make_member(household.site, name) for name in "ABC")
    households.join(anna, household, "primary", **STAFF)
    households.join(ben, household, "primary", **STAFF)
    households.join(cleo, household, **STAFF)
    assert roles(household) == {"A": "member", "B": "primary", "C": "member"}

    assert households.change_role(cleo, "primary", **STAFF) is True
    assert households.change_role(cleo, "primary", **STAFF) is False

    assert roles(household) == {"A": "member", "B": "member", "C": "primary"}
    assert AuditRecord.objects.get(action="household.change_role").detail["replaced"] == "B"


def test_who_cannot_join(household, monkeypatch):
    site = household.site
    elsewhere = make_member(site, household=make_household(site))
    refused = {
        "in another household": elsewhere,
        "in this one": make_member(site, "A", household=household),
        "closed": make_member(site, status="closed"),
        "of another site": make_member(make_site()),
    }
    monkeypatch.setattr(households, "MOST_MEMBERS", 1)
    refused["one too many"] = make_member(site)
    for why, member in refused.items():
        with pytest.raises(ValidationError):
            households.join(member, household, **STAFF)
        assert Member.objects.get(pk=member.pk).household_id == member.household_id, why
    with pytest.raises(ValidationError):
        households.join(refused["one too many"], household, "captain", **STAFF)

    assert roles(household) == {"A": "member"}


def test_who_is_in_no_household_neither_leaves_one_nor_has_a_role(household):
    member = make_member(household.site)

    for deed in (lambda: households.leave(member, **WHY), lambda: households.change_role(member, "primary", **STAFF)):
        with pytest.raises(ValidationError):
            deed()

    assert audited() == ["household.create"]


def test_whoever_changes_a_household_locks_it_before_its_members(household):
    """As who spends its points does: the contributors cannot change meanwhile."""
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer.")
    site = household.site
    member, inside = make_member(site), make_member(site, household=household)
    deeds = (
        lambda: households.join(member, household, **STAFF),
        lambda: households.change_role(member, "primary", **STAFF),
        lambda: households.leave(member, **WHY),
        lambda: members.close(inside, **WHY),
        lambda: households.change_mode(household, "request_defined", **WHY),
    )
    for deed in deeds:
        with CaptureQueriesContext(connection) as made:
            deed()
        locks = [each["sql"] for each in made if "FOR NO KEY UPDATE" in each["sql"]]
        assert 'FROM "accounts_household"' in locks[0]
        assert all('FROM "accounts_member"' in each for each in locks[1:])


@pytest.mark.parametrize(
    "wrong",
    [
        {"role": "primary"},
        {"household": True},
        {"household": True, "role": "captain"},
        {"household": True, "role": "member", "status": "closed"},
        {"status": "merged"},
        {"account_id": ""},
        {"loyalty_id": ""},
    ],
)
def test_what_the_database_itself_refuses_about_a_member(household, wrong):
    member = make_member(household.site)
    fields = {**wrong, **({"household": household} if "household" in wrong else {})}

    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.filter(pk=member.pk).update(**fields)


def test_the_database_itself_refuses_a_second_primary(household):
    make_member(household.site, household=household, role="primary")
    second = make_member(household.site, household=household)

    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.filter(pk=second.pk).update(role="primary")
