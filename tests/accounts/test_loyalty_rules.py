"""What the database itself refuses about the loyalty programme, and the checks that name it where the guards were off."""

import pytest
from django.db import DatabaseError, transaction

from accounts import invariants
from accounts.clock import read
from accounts.models import (
    AccessToken,
    BusinessUnit,
    CatalogueItem,
    Household,
    LoyaltySession,
    LoyaltySettings,
    Member,
    MemberEmail,
    MemberIdentifier,
)
from tests.breaking import run, unguarded, violated, without_guards
from tests.factories import make_site, make_staff, make_user
from tests.members import (
    make_household,
    make_loyalty_client,
    make_loyalty_settings,
    make_member,
    make_session,
    make_token,
)
from tests.scenes import scene

pytestmark = pytest.mark.django_db


class Side:
    """One of everything on a site."""

    def __init__(self):
        self.site = make_site()
        make_loyalty_settings(self.site)
        self.household = make_household(self.site, "H")
        self.user = make_user(self.site)
        self.member = make_member(
            self.site,
            "M",
            household=self.household,
            role="primary",
            identifiers=[("email", f"{self.site.slug}@example.test")],
            emails={"HOME": "a@example.test"},
        )
        self.second = make_member(self.site, household=self.household)
        self.alone = make_member(self.site)
        self.identifier = self.member.identifiers.get()
        self.client = make_loyalty_client(self.site)
        self.session = make_session(self.client, self.member, "c-1")
        make_token(self.client)

    def member_of(self, user, **fields):
        return Member.objects.create(user=user, site=self.site, created_at=read(), **fields)

    def session_of(self, client, member, correlation_id="c-2", **fields):
        now = read()
        given = {"identifier_type": "EMAIL", "channel": "APP", "created_at": now, "last_call_at": now, **fields}
        LoyaltySession.objects.create(
            site=self.site, client=client, member=member, correlation_id=correlation_id, **given
        )


def two_sides():
    return Side(), Side()


loyalty_rules_scene = scene("loyalty_rules", two_sides)
loyalty_rules_unguarded_scene = scene("loyalty_rules_unguarded", without_guards(two_sides))


@pytest.fixture
def sides(loyalty_rules_scene, db):
    return loyalty_rules_scene()


@pytest.fixture
def unguarded_sides(loyalty_rules_unguarded_scene, db):
    """Here and there, where all guards are off already."""
    return loyalty_rules_unguarded_scene()


def change(row, **fields):
    type(row).objects.filter(pk=row.pk).update(**fields)


WRONG = {
    "another site's user": lambda h, t: h.member_of(t.user),
    "staff of no site": lambda h, t: h.member_of(make_staff(h.site)),
    "another site's household": lambda h, t: change(h.alone, household=t.household, role="member"),
    "a member moved to another site": lambda h, t: change(h.alone, site=t.site),
    "a member with sessions moved to another site": lambda h, t: change(h.member, site=t.site, account_id="M-9"),
    "a household moved to another site": lambda h, t: change(h.household, site=t.site, household_id="H-9"),
    "an identifier of another site": lambda h, t: change(h.identifier, site=t.site),
    "an identifier of another site's member": lambda h, t: change(h.identifier, member=t.member),
    "a session with another site's client": lambda h, t: h.session_of(t.client, h.member),
    "a session of another site's member": lambda h, t: h.session_of(h.client, t.member),
    "a session moved to another site": lambda h, t: change(h.session, site=t.site, correlation_id="c-9"),
}
REFUSED_BY_CONSTRAINTS = {
    "a second member of one user": lambda h, t: h.member_of(h.member.user),
    "an account ID twice": lambda h, t: h.member_of(h.user, account_id="M"),
    "a role without a household": lambda h, t: change(h.alone, role="member"),
    "a household without a role": lambda h, t: change(h.alone, household=h.household),
    "a second primary": lambda h, t: change(h.second, role="primary"),
    "a closed one in a household": lambda h, t: change(h.member, status="closed"),
    "an identifier twice": lambda h, t: MemberIdentifier.objects.create(
        member=h.member, site=h.site, type="email", value=h.identifier.value
    ),
    "an address in capitals": lambda h, t: change(h.identifier, value="A@example.test"),
    "an identifier of no type": lambda h, t: change(h.identifier, type="shoe_size"),
    "an empty identifier": lambda h, t: change(h.identifier, value=""),
    "a key of the address book twice": lambda h, t: MemberEmail.objects.create(
        member=h.member, key="HOME", address="b@example.test"
    ),
    "a household's ID twice": lambda h, t: Household.objects.create(site=h.site, household_id="H", created_at=read()),
    "a household of no mode": lambda h, t: change(h.household, mode="fair"),
    "a correlation ID twice": lambda h, t: h.session_of(h.client, h.member, "c-1"),
    "a session by no type": lambda h, t: h.session_of(h.client, h.member, identifier_type="shoe_size"),
    "a session last called before it began": lambda h, t: change(h.session, last_call_at=h.site.created_at),
    "settings twice": lambda h, t: LoyaltySettings.objects.create(site=h.site),
    "no time to redeem": lambda h, t: LoyaltySettings.objects.update(reservation_seconds=0),
    "sessions without end": lambda h, t: LoyaltySettings.objects.update(session_hours=100_000),
    "a business unit twice": lambda h, t: BusinessUnit.objects.create(site=h.site, name="MAIN"),
    "a business unit without a name": lambda h, t: BusinessUnit.objects.create(site=h.site, name=""),
    "an item for nothing": lambda h, t: CatalogueItem.objects.create(site=h.site, item_id="X", name="X", points=0),
    "an item below nothing": lambda h, t: CatalogueItem.objects.create(site=h.site, item_id="X", name="X", points=-1),
    "a token twice": lambda h, t: AccessToken.objects.bulk_create(
        AccessToken(client=h.client, digest=b"x" * 32, expires_at=read(), created_at=read()) for _ in range(2)
    ),
}


@pytest.mark.parametrize("name", [*WRONG, *REFUSED_BY_CONSTRAINTS])
def test_the_database_refuses(here, there, name):
    with pytest.raises(DatabaseError), transaction.atomic():
        {**WRONG, **REFUSED_BY_CONSTRAINTS}[name](here, there)

    assert violated(invariants.INVARIANTS) == {}


@pytest.mark.parametrize("name", WRONG)
def test_what_was_written_without_the_guards_is_named(unguarded_sides, name):
    with unguarded():
        WRONG[name](*unguarded_sides)
        found = violated([each for each in invariants.INVARIANTS if each.number == "I25"])

    assert found


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE accounts_accesstoken SET digest = 'the token itself'", "only a digest of 32 bytes"),
        ("UPDATE accounts_member SET role = '' WHERE role = 'primary'", "exactly while they have a role"),
        ("UPDATE accounts_member SET status = 'closed' WHERE role = 'primary'", "is not once they are closed"),
    ],
)
def test_the_checks_name_what_is_wrong(db, statement, said):
    Side()  # Alone: SQLite cannot drop the unique key of a column, such as that of two digests.
    with unguarded():
        run(statement)
        found = violated(invariants.INVARIANTS)

    assert any(said in name for name in map(str, found))
