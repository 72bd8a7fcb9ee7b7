"""What several do at the same moment: one session per ID, one household per member, one primary per household."""

from django.core.exceptions import ValidationError

from accounts import households, members
from accounts.loyalty_sessions import CorrelationIdInUse
from accounts.models import LoyaltySession, Member
from tests.factories import make_site
from tests.members import make_household, make_loyalty_client, make_member, make_session

STAFF = {"actor_id": "staff"}


def test_who_starts_with_one_id_at_once_gets_one_session_or_is_refused(committed_db):
    client = make_loyalty_client()
    member, other = make_member(client.site), make_member(client.site)

    outcomes = committed_db.together(*[lambda: make_session(client, member, "c-1").pk] * 4)
    assert len(set(outcomes)) == 1

    outcomes = committed_db.together(
        *[lambda whom=whom: make_session(client, whom, "c-2").member_id for whom in (member, other)]
    )
    assert sum(isinstance(each, CorrelationIdInUse) for each in outcomes) == 1
    assert LoyaltySession.objects.count() == 2


def test_a_member_who_joins_two_households_at_once_is_in_one(committed_db):
    site = make_site()
    member, first, second = make_member(site), make_household(site), make_household(site)

    outcomes = committed_db.together(
        *[lambda to=to: households.join(member, to, "primary", **STAFF).household_id for to in (first, second)]
    )

    assert sum(isinstance(each, ValidationError) for each in outcomes) == 1
    member.refresh_from_db()
    assert member.household_id in outcomes


def test_of_two_who_become_primary_at_once_one_is(committed_db):
    household = make_household()
    both = [make_member(household.site, household=household) for _ in range(2)]

    outcomes = committed_db.together(*[lambda who=who: households.change_role(who, "primary", **STAFF) for who in both])

    assert outcomes == [True, True]  # The later one took the place of the first.
    assert household.members.filter(role="primary").count() == 1


def test_who_leaves_while_they_are_closed_does_so_once(committed_db):
    household = make_household()
    member = make_member(household.site, household=household)

    committed_db.together(
        lambda: households.leave(member, actor_id="staff", reason="moved"),
        lambda: members.close(member, actor_id="staff", reason="gone"),
    )

    member = Member.objects.get(pk=member.pk)
    assert (member.household, member.role) == (None, "")
