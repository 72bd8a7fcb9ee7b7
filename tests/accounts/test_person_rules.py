"""What the database itself refuses about persons and visitors, and the checks that name it where the guards were off."""

import pytest
from django.db import DatabaseError, transaction

from accounts import invariants, person_types
from accounts.clock import read
from accounts.identifying import identify
from accounts.models import (
    Characteristic,
    Person,
    PersonProperty,
    PersonType,
    PrepaidSettings,
    StoredIdentification,
    Visitor,
    VisitorPerson,
)
from tests.breaking import run, unguarded, violated, without_guards
from tests.factories import make_user
from tests.people import BOTH, CARD, EMAIL, SECRET, characteristic, make_person_type, make_shop
from tests.scenes import scene

pytestmark = pytest.mark.django_db


class Side:
    """One of everything on a site."""

    def __init__(self):
        self.site, self.kind, self.person = make_shop()
        self.other_kind = make_person_type(self.site, 2)
        self.user = make_user(self.site)
        self.card = characteristic(self.site, CARD)
        self.secret = self.person.properties.get(characteristic__number=SECRET)
        self.email = self.person.properties.get(characteristic__number=EMAIL)
        identify(self.site, person_type=1, unique_id="v", values=BOTH, separator="¶")
        self.visitor = self.site.visitors.get()
        self.link = self.visitor.persons.get()
        self.stored = self.visitor.identifications.get()

    def person_of(self, user, kind):
        return Person.objects.create(user=user, site=self.site, person_type=kind, created_at=read())

    def visitor_of(self, unique_id):
        return Visitor.objects.create(
            site=self.site, unique_id=unique_id, language="de", currency_code="EUR", created_at=read()
        )


def two_sides():
    return Side(), Side()


person_rules_scene = scene("person_rules", two_sides)
person_rules_unguarded_scene = scene("person_rules_unguarded", without_guards(two_sides))


@pytest.fixture
def sides(person_rules_scene, db):
    return person_rules_scene()


@pytest.fixture
def unguarded_sides(person_rules_unguarded_scene, db):
    """Here and there, where all guards are off already."""
    return person_rules_unguarded_scene()


def change(row, **fields):
    type(row).objects.filter(pk=row.pk).update(**fields)


WRONG = {
    "another site's user": lambda h, t: h.person_of(t.user, h.kind),
    "another site's type": lambda h, t: h.person_of(h.user, t.kind),
    "a person moved to another site": lambda h, t: change(h.person, site=t.site),
    "a person of another type than is stored": lambda h, t: change(h.person, person_type=h.other_kind),
    "a type moved to another site": lambda h, t: change(h.kind, site=t.site, number=77),
    "a property of another site's characteristic": lambda h, t: PersonProperty.objects.create(
        person=h.person, characteristic=t.card, value="x"
    ),
    "a readable secret": lambda h, t: change(h.secret, secret_hash="", value="5f4dcc3b"),
    "a hash of what is no secret": lambda h, t: PersonProperty.objects.create(
        person=h.person, characteristic=h.card, secret_hash="md5$x$y"
    ),
    "a secret that becomes a text": lambda h, t: change(h.secret.characteristic, kind="text"),
    "a text that becomes a secret": lambda h, t: change(h.email.characteristic, kind="secret"),
    "an address in capitals": lambda h, t: change(h.email, value="READER@example.test"),
    "another site's visitor": lambda h, t: change(h.link, person=t.person),
    "a stored one of another site": lambda h, t: change(h.stored, person=t.person),
    "a stored one of another type": lambda h, t: change(h.stored, person_type=h.other_kind),
}
REFUSED_BY_CONSTRAINTS = {
    "two persons at once": lambda h, t: VisitorPerson.objects.create(visitor=h.visitor, person=h.person, since=read()),
    "a link that ends before it began": lambda h, t: change(h.link, until=h.site.created_at),
    "two visitors of one ID": lambda h, t: h.visitor_of("v"),
    "the default visitor": lambda h, t: h.visitor_of("defaultUniqueID"),
    "a visitor without an ID": lambda h, t: h.visitor_of(""),
    "stored twice": lambda h, t: StoredIdentification.objects.create(
        visitor=h.visitor, person_type=h.kind, person=h.person, used_at=read()
    ),
    "a second person of one user": lambda h, t: h.person_of(h.person.user, h.other_kind),
    "a property twice": lambda h, t: PersonProperty.objects.create(
        person=h.person, characteristic=h.email.characteristic, value="x@example.test"
    ),
    "a property of nothing": lambda h, t: PersonProperty.objects.create(person=h.person, characteristic=h.card),
    "a value and a hash": lambda h, t: change(h.secret, value="x"),
    "a secret that is no hash": lambda h, t: change(h.secret, secret_hash="5f4dcc3b"),
    "a type's number twice": lambda h, t: PersonType.objects.create(site=h.site, number=1, name="x"),
    "a type's number over 255": lambda h, t: PersonType.objects.create(site=h.site, number=256, name="x"),
    "a characteristic's number twice": lambda h, t: Characteristic.objects.create(
        site=h.site, number=EMAIL, name="x", kind="text"
    ),
    "a characteristic's number zero": lambda h, t: Characteristic.objects.create(
        site=h.site, number=0, name="x", kind="text"
    ),
    "a characteristic of no kind": lambda h, t: Characteristic.objects.create(
        site=h.site, number=99, name="x", kind="y"
    ),
    "settings twice": lambda h, t: PrepaidSettings.objects.create(site=h.site),
    "no days": lambda h, t: PrepaidSettings.objects.update(code_valid_days=0),
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
        ("UPDATE accounts_personproperty SET secret_hash = 'readable$' WHERE secret_hash <> ''", "only a salted hash"),
        (
            "INSERT INTO accounts_visitorperson (visitor_id, person_id, since) "
            "SELECT visitor_id, person_id, since FROM accounts_visitorperson",
            "one person at a time",
        ),
    ],
)
def test_other_damage_is_named_too(here, statement, said):
    with unguarded():
        assert run(statement) > 0
        found = violated([each for each in invariants.INVARIANTS if said in each.name])

    assert len(found) == 1


def test_right_rows_are_taken(here, there):
    for side in (here, there):
        side.person_of(side.user, side.other_kind)
        person_types.change_person_type(side.kind, "Renamed", [side.card], may_redeem=False, actor_id="system")
        change(side.email, value="other@example.test")

    assert violated(invariants.INVARIANTS) == {}
