"""Loyalty members: made, changed, suspended and closed by deeds that audit themselves and refuse in words."""

import pytest
from django.core.exceptions import ValidationError

from accounts import members
from accounts.models import AuditRecord, Member, MemberEmail, MemberIdentifier
from tests.factories import make_site, make_staff, make_user
from tests.members import make_household, make_member

pytestmark = pytest.mark.django_db
STAFF = {"actor_id": "staff"}
WHY = {"actor_id": "staff", "reason": "asked for"}


def audited():
    return list(
        AuditRecord.objects.filter(action__startswith="member.").order_by("id").values_list("action", flat=True)
    )


def test_a_member_is_made_of_a_claimant_with_all_by_which_they_are_known():
    user = make_user()

    made = members.create_member(
        user,
        account_id="M1",
        loyalty_id="6000000001",
        identifiers=[("email", "Anna@Example.Test"), ("phone_number", "+49 30 1")],
        emails={"HOME": "anna@example.test"},
        **STAFF,
    )

    made = Member.objects.get(pk=made.pk)
    assert (made.user, made.site, made.account_id, made.loyalty_id) == (user, user.site, "M1", "6000000001")
    assert (made.status, made.household, made.role, made.last_activity_at) == ("active", None, "", None)
    assert list(made.identifiers.values_list("type", "value")) == [
        ("email", "anna@example.test"),
        ("phone_number", "+49 30 1"),
    ]
    assert dict(made.emails.values_list("key", "address")) == {"HOME": "anna@example.test"}
    row = AuditRecord.objects.get(action="member.create")
    assert row.detail["identifiers"] == ["email", "phone_number"]
    assert "anna" not in str(row.detail)
    assert "+49" not in str(row.detail)


def test_ids_that_are_left_empty_are_drawn():
    first, second = make_member(), make_member()

    assert len(first.account_id) == 36
    assert first.account_id != second.account_id
    assert first.loyalty_id.isdecimal()
    assert len(first.loyalty_id) == 16
    assert first.loyalty_id != second.loyalty_id


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("account_id", {"account_id": "M1"}),
        ("loyalty_id", {"loyalty_id": "L1"}),
        ("account_id", {"account_id": " M2"}),
        ("account_id", {"account_id": "x" * 65}),
        ("account_id", {"account_id": "a\x00b"}),
        ("loyalty_id", {"loyalty_id": "a\nb"}),
        ("identifiers", {"identifiers": [("email", "")]}),
        ("identifiers", {"identifiers": [("email", "x" * 256)]}),
        ("identifiers", {"identifiers": [("shoe_size", "43")]}),
        ("identifiers", {"identifiers": [("external_id", "\ud800")]}),
        ("identifiers", {"identifiers": [("external_id", str(number)) for number in range(51)]}),
        ("emails", {"emails": {"HOME": "not an address"}}),
        ("emails", {"emails": {"": "anna@example.test"}}),
        ("emails", {"emails": {"x" * 41: "anna@example.test"}}),
    ],
)
def test_what_a_member_cannot_be_made_with(field, given):
    site = make_site()
    make_member(site, "M1", loyalty_id="L1")
    before = audited()

    with pytest.raises(ValidationError) as refused:
        members.create_member(make_user(site), **given, **STAFF)

    assert list(refused.value.message_dict) == [field]
    assert Member.objects.count() == 1
    assert not MemberIdentifier.objects.exists()
    assert not MemberEmail.objects.exists()
    assert audited() == before


def test_all_that_is_wrong_is_told_at_once():
    with pytest.raises(ValidationError) as refused:
        members.create_member(
            make_user(), account_id=" ", loyalty_id="\t", identifiers=[("x", "y")], emails={"k": ""}, **STAFF
        )

    assert set(refused.value.message_dict) == {"account_id", "loyalty_id", "identifiers", "emails"}


def test_a_claimant_is_one_member_and_staff_are_none():
    member = make_member()

    for user in (member.user, make_staff(member.site)):
        with pytest.raises(ValidationError) as refused:
            members.create_member(user, **STAFF)
        assert list(refused.value.message_dict) == ["user"]
    assert Member.objects.count() == 1


def test_the_same_ids_live_on_two_sites():
    make_member(make_site(), "M1", loyalty_id="L1")
    make_member(make_site(), "M1", loyalty_id="L1")

    assert Member.objects.filter(account_id="M1").count() == 2


def test_a_new_card_takes_the_place_of_the_old():
    site = make_site()
    member, other = make_member(site, loyalty_id="L1"), make_member(site, loyalty_id="L2")

    assert members.change_loyalty_id(member, "L3", **WHY) is True
    assert members.change_loyalty_id(member, "L3", **WHY) is False
    with pytest.raises(ValidationError):
        members.change_loyalty_id(member, "L2", **WHY)

    assert members.find_member(site, "LOYALTY_ID", "L1") is None
    assert members.find_member(site, "LOYALTY_ID", "L3") == member
    assert members.find_member(site, "LOYALTY_ID", "L2") == other
    assert audited().count("member.change_card") == 1


def test_identifiers_are_set_as_a_whole():
    member = make_member(identifiers=[("email", "a@example.test"), ("external_id", "7")])

    wanted = [("email", "A@example.test"), ("external_id", "8"), ("external_id", "8")]
    assert members.set_identifiers(member, wanted, **STAFF) is True
    assert members.set_identifiers(member, wanted, **STAFF) is False

    assert list(member.identifiers.values_list("type", "value")) == [("email", "a@example.test"), ("external_id", "8")]
    row = AuditRecord.objects.get(action="member.identifiers")
    assert row.detail == {"account_id": member.account_id, "added": ["external_id"], "removed": ["external_id"]}


def test_wrong_identifiers_change_nothing():
    member = make_member(identifiers=[("external_id", "7")])

    with pytest.raises(ValidationError):
        members.set_identifiers(member, [("external_id", "8"), ("external_id", "")], **STAFF)

    assert member.identifiers.get().value == "7"
    assert audited() == ["member.create"]


def test_the_address_book_is_set_as_a_whole():
    member = make_member(emails={"HOME": "a@example.test", "WORK": "w@example.test"})

    assert members.set_emails(member, {"HOME": "b@example.test", "NEW": "n@example.test"}, **STAFF) is True
    assert members.set_emails(member, {"NEW": "n@example.test", "HOME": "b@example.test"}, **STAFF) is False
    with pytest.raises(ValidationError):
        members.set_emails(member, {"HOME": "nothing"}, **STAFF)

    assert dict(member.emails.values_list("key", "address")) == {"HOME": "b@example.test", "NEW": "n@example.test"}
    assert AuditRecord.objects.get(action="member.emails").detail["keys"] == ["HOME", "NEW", "WORK"]


def test_suspended_closed_and_active_again():
    member = make_member()
    steps = [
        (members.activate, False, "active"),
        (members.suspend, True, "suspended"),
        (members.suspend, False, "suspended"),
        (members.activate, True, "active"),
        (members.close, True, "closed"),
        (members.close, False, "closed"),
        (members.suspend, False, "closed"),
        (members.activate, True, "active"),
    ]
    for deed, answer, status in steps:
        assert deed(member, **WHY) is answer
        member.refresh_from_db()
        assert member.status == status

    assert audited() == ["member.create", "member.suspend", "member.activate", "member.close", "member.activate"]


def test_who_is_closed_leaves_the_household_and_who_is_suspended_stays():
    household = make_household()
    closed = make_member(household.site, household=household, role="primary")
    suspended = make_member(household.site, household=household, status="suspended")

    members.close(closed, **WHY)

    closed.refresh_from_db()
    assert (closed.household, closed.role) == (None, "")
    assert suspended.household == household
    assert AuditRecord.objects.filter(action="household.leave").count() == 1
