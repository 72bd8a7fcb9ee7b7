"""Finding the one member whom an identifier fits: nobody closed, nobody of another site, nobody where it fits two."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import members
from accounts.members import find_member
from accounts.models import IdentifierType, User
from tests.factories import make_site, make_user
from tests.members import make_household, make_loyalty_client, make_member
from tests.plans import read_whole

pytestmark = pytest.mark.django_db
OTHERS = ("external_id", "email", "partner_link_id", "phone_number", "external_agent_id")
WHY = {"actor_id": "staff", "reason": "asked for"}


@pytest.fixture
def site():
    return make_site()


@pytest.mark.parametrize("kind", OTHERS)
def test_each_type_finds_its_own_values_alone(site, kind):
    member = make_member(site, identifiers=[(kind, "4711")])

    assert find_member(site, kind.upper(), "4711") == member
    assert find_member(site, kind.upper(), "4712") is None
    for other in IdentifierType.values:
        assert find_member(site, other, "4711") == (member if other == kind.upper() else None)


def test_the_ids_of_the_member_itself(site):
    member = make_member(site, "M1", loyalty_id="6000000001")

    assert find_member(site, "ACCOUNT_ID", "M1") == member
    assert find_member(site, "LOYALTY_ID", "6000000001") == member
    assert find_member(site, "ACCOUNT_ID", "6000000001") is None
    assert find_member(site, "LOYALTY_ID", "M1") is None


def test_values_are_compared_as_sent_and_e_mail_addresses_in_lower_case(site):
    member = make_member(site, "M1", identifiers=[("email", "Anna@Example.Test"), ("external_id", "Ext")])

    assert find_member(site, "EMAIL", "ANNA@example.test") == member
    for kind, value in (("EXTERNAL_ID", "ext"), ("EXTERNAL_ID", "Ext "), ("ACCOUNT_ID", "m1"), ("ACCOUNT_ID", " M1")):
        assert find_member(site, kind, value) is None


def test_a_value_that_fits_two_members_finds_neither(site):
    first = make_member(site, identifiers=[("phone_number", "1"), ("phone_number", "2")])
    second = make_member(site, identifiers=[("phone_number", "1")])

    assert find_member(site, "PHONE_NUMBER", "1") is None
    assert find_member(site, "PHONE_NUMBER", "2") == first

    members.close(first, **WHY)

    assert find_member(site, "PHONE_NUMBER", "1") == second  # What a closed member left behind stands in nobody's way.


def test_closed_members_and_switched_off_users_are_not_found_and_suspended_members_are(site):
    closed = make_member(site, "C", status="closed", identifiers=[("email", "c@example.test")])
    suspended = make_member(site, "S", status="suspended")
    off = make_member(site, "O")
    User.objects.filter(pk=off.user_id).update(is_active=False)

    assert find_member(site, "ACCOUNT_ID", "C") is None
    assert find_member(site, "LOYALTY_ID", closed.loyalty_id) is None
    assert find_member(site, "EMAIL", "c@example.test") is None
    assert find_member(site, "ACCOUNT_ID", "O") is None
    assert find_member(site, "ACCOUNT_ID", "S") == suspended


def test_nobody_of_another_site(site):
    make_member(make_site(), "M1", identifiers=[("email", "a@example.test")])

    assert find_member(site, "ACCOUNT_ID", "M1") is None
    assert find_member(site, "EMAIL", "a@example.test") is None

    here = make_member(site, "M1", identifiers=[("email", "a@example.test")])

    assert find_member(site, "ACCOUNT_ID", "M1") == here
    assert find_member(site, "EMAIL", "a@example.test") == here


def test_a_client_that_is_limited_to_claimants_finds_no_other(site):
    mine, other = make_member(site, "M1"), make_member(site, "M2")
    limited = make_loyalty_client(site, acts_as=[mine.user])
    free = make_loyalty_client(site)

    assert find_member(site, "ACCOUNT_ID", "M1", limited) == mine
    assert find_member(site, "ACCOUNT_ID", "M2", limited) is None
    assert find_member(site, "ACCOUNT_ID", "M2", free) == other


@pytest.mark.parametrize("value", ["", "\x00", "a\x00b", "\ud800", "x" * 10_000, "' OR 1=1 --", "%", "\u202e"])
@pytest.mark.parametrize("kind", ["ACCOUNT_ID", "EMAIL"])
def test_any_text_finds_nobody_and_breaks_nothing(site, kind, value):
    make_member(site)

    assert find_member(site, kind, value) is None


@pytest.mark.parametrize("kind", IdentifierType.values)
def test_finding_is_one_statement_by_an_index_and_brings_all_along(site, kind):
    household = make_household(site)
    own = [(kind.lower(), "v@x")] if kind.lower() in OTHERS else []
    ids = {"loyalty_id": "v@x"} if kind == "LOYALTY_ID" else {"account_id": "v@x"} if kind == "ACCOUNT_ID" else {}
    make_member(site, user=make_user(site), household=household, identifiers=own, **ids)
    with CaptureQueriesContext(connection) as made:
        found = find_member(site, kind, "v@x")
        assert found is not None
        assert (found.user.site_id, found.site.pk, found.household) == (site.pk, site.pk, household)
    assert len(made) == 1

    assert read_whole(lambda: find_member(site, kind, "v@x")) == []
