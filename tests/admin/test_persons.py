"""Persons at the desk: added of a claimant or with a new one, changed, given secrets that no page shows, switched off and on."""

import pytest

from accounts.identifying import NotIdentified, identify
from accounts.models import AuditRecord, Person, StoredIdentification, User, VisitorPerson
from tests.admin.desk import World, list_of, make_world, page_of, signed_in, text_of
from tests.factories import make_claimant
from tests.people import ADDRESS, BOTH, CARD, EMAIL, PASSWORD_VALUE, SECRET, characteristic, make_person

pytestmark = pytest.mark.django_db
FRESH = "a-fresh-s3cret"


def ask(world: World, values: str | None = BOTH) -> Person:
    return identify(world.site, person_type=1, unique_id=f"visitor-of-{world.site.slug}", values=values, separator="¶")


def add_page(world: World) -> str:
    return page_of(world.rows["accounts_persontype"], "add_person")


def form(**fields: object) -> dict[str, object]:
    return {f"property_{EMAIL}": "Ben@Example.test", f"property_{SECRET}": FRESH, **fields}


def test_the_way_to_a_new_person_begins_at_the_list(world: World):
    kind = world.rows["accounts_persontype"]
    browser = world.sign_in("manager")
    offered = text_of(browser.get(list_of("accounts_person")))
    answer = browser.post(list_of("accounts_person", "create"), {"person_type": kind.pk})

    assert list_of("accounts_person", "create") in offered
    assert answer["Location"] == add_page(world)


def test_a_person_is_made_of_a_claimant_there_is(world: World):
    ben = make_claimant(world.site, claimant_id="u-2002")
    page = text_of(world.sign_in("manager").post(add_page(world), form(claimant="u-2002"), follow=True))
    person = Person.objects.get(user=ben)

    assert f"was added as person {person.pk}" in page
    assert ask(world, f"ben@example.test¶{FRESH}") == person
    assert FRESH not in page
    assert "set, never shown" in page
    assert AuditRecord.objects.get(action="person.create", object_id=str(person.pk)).actor_id == (
        world.staff["manager"].claimant_id
    )


def test_a_person_is_made_with_a_new_claimant_in_one_step(world: World):
    sent = form(name="Ben Sample", email="BEN@example.test")
    world.sign_in("manager").post(add_page(world), sent)
    user = User.objects.get(email="ben@example.test")

    assert (user.site, user.name, user.person.person_type) == (
        world.site,
        "Ben Sample",
        world.rows["accounts_persontype"],
    )
    assert not user.has_usable_password()
    assert AuditRecord.objects.filter(action="user.create", object_id=user.claimant_id).exists()
    assert "of this address already" in text_of(world.sign_in("manager").post(add_page(world), sent))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"claimant": "nobody"}, "This site has no claimant nobody"),
        ({"claimant": "TAKEN"}, "This claimant is a person already"),
        ({"claimant": "TAKEN", "name": "Both"}, "and not both"),
        ({"name": "Ben", f"property_{EMAIL}": "no address"}, "valid email address"),
        ({"name": "Ben", f"property_{EMAIL}": ""}, "This field is required"),
        ({"name": "Ben", f"property_{SECRET}": ""}, "This field is required"),
        ({"name": "Ben", f"property_{SECRET}": "x" * 256}, "at most 255 characters"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_added(world: World, fields: dict, said: str):
    fields = {name: world.claimant.claimant_id if value == "TAKEN" else value for name, value in fields.items()}
    before = User.objects.count(), Person.objects.count()
    page = text_of(world.sign_in("manager").post(add_page(world), form(**fields)))

    assert said in page
    assert FRESH not in page
    assert (User.objects.count(), Person.objects.count()) == before


def test_nobody_of_another_site_becomes_a_person_here(world: World):
    there = make_world("elsewhere")
    stranger = make_claimant(there.site, claimant_id="u-7007")
    both = world.staff["manager"]
    both.memberships.create(site=there.site, role="manager")
    page = text_of(world.sign_in("manager").post(add_page(world), form(claimant="u-7007")))

    assert "This site has no claimant u-7007" in page
    assert not Person.objects.filter(user=stranger).exists()


def test_properties_are_changed_and_visitors_must_say_them_again(world: World):
    person = world.rows["accounts_person"]
    characteristic(world.site, CARD)
    browser = world.sign_in("manager")
    page = text_of(browser.get(page_of(person, "edit")))
    sent = {f"property_{EMAIL}": "NEW@example.test", f"property_{CARD}": "K-1", f"property_{SECRET}": FRESH}
    answer = text_of(browser.post(page_of(person, "edit"), sent, follow=True))

    assert ADDRESS in page
    assert f"property_{SECRET}" not in page
    assert "was changed" in answer
    assert "new@example.test" in answer
    assert not StoredIdentification.objects.filter(person=person).exists()
    assert ask(world, f"new@example.test¶{PASSWORD_VALUE}") == person
    assert "Nothing was different" in text_of(browser.post(page_of(person, "edit"), sent, follow=True))
    assert "valid email address" in text_of(browser.post(page_of(person, "edit"), {**sent, f"property_{EMAIL}": "x"}))


def test_a_secret_is_set_and_no_page_ever_shows_it(world: World):
    person = world.rows["accounts_person"]
    browser = world.sign_in("manager")
    sent = {"characteristic": str(SECRET), "secret": FRESH, "reason": "they asked"}
    wrong = text_of(browser.post(page_of(person, "set_secret"), {**sent, "reason": ""}))
    answer = text_of(browser.post(page_of(person, "set_secret"), sent, follow=True))

    assert "This field is required" in wrong
    assert "has a new Password" in answer
    with pytest.raises(NotIdentified):
        ask(world, None)
    assert ask(world, f"{ADDRESS}¶{FRESH}") == person
    audited = AuditRecord.objects.get(action="person.set_secret")
    hashed = person.properties.get(characteristic__number=SECRET).secret_hash
    for path in (page_of(person), page_of(person, "edit"), page_of(person, "set_secret"), page_of(audited)):
        page = text_of(browser.get(path))
        assert FRESH not in page
        assert hashed not in page
    assert FRESH not in wrong


def test_a_person_is_switched_off_and_on_once_with_a_reason(world: World):
    person = world.rows["accounts_person"]
    browser = world.sign_in("operator")
    browser.post(page_of(person, "switch_off"), {"reason": "left the shop"})

    for values in (BOTH, None):
        with pytest.raises(NotIdentified):
            ask(world, values)
    assert "is not possible any more" in text_of(
        browser.post(page_of(person, "switch_off"), {"reason": "twice"}, follow=True)
    )
    assert not VisitorPerson.objects.filter(person=person, until=None).exists()
    browser.post(page_of(person, "switch_on"), {"reason": "back"})
    assert ask(world) == person
    assert AuditRecord.objects.get(action="person.switch_off").detail["reason"] == "left the shop"


def test_visitors_are_shown_and_forgotten(world: World):
    person, visitor = world.rows["accounts_person"], world.rows["accounts_visitor"]
    browser = world.sign_in("operator")
    shown = text_of(browser.get(page_of(person)))
    answer = text_of(browser.post(page_of(person, "forget"), {"reason": "a shared machine"}, follow=True))

    assert page_of(visitor) in shown
    assert page_of(person) in text_of(browser.get(page_of(visitor)))
    assert "1 visitor has forgotten" in answer
    assert "No visitor." in answer
    with pytest.raises(NotIdentified):
        ask(world, None)
    ask(world)
    browser.post(page_of(visitor, "forget"), {"reason": "again"})
    with pytest.raises(NotIdentified):
        ask(world, None)
    assert [each.until is None for each in VisitorPerson.objects.filter(visitor=visitor)] == [False, False]
    told = AuditRecord.objects.filter(action__contains=".forget_").order_by("pk").values_list("action", flat=True)
    assert list(told) == ["person.forget_visitors", "visitor.forget_person"]


@pytest.mark.parametrize("term", ["ID", "u-7007", "u7@example.test", "READER-7@example.test", "K-777"])
def test_a_person_is_found_by_what_is_theirs(world: World, term: str):
    kind = world.rows["accounts_persontype"]
    user = make_claimant(world.site, claimant_id="u-7007", email="u7@example.test")
    found = make_person(kind, {EMAIL: "reader-7@example.test", SECRET: "hidden", CARD: "K-777"}, user)
    browser = world.sign_in("support")
    page = text_of(browser.get(list_of("accounts_person"), {"q": str(found.pk) if term == "ID" else term}))

    assert page_of(found) in page
    assert page_of(world.rows["accounts_person"]) not in page
    for nothing in ("hidden", "K-77", "nobody"):
        assert page_of(found) not in text_of(browser.get(list_of("accounts_person"), {"q": nothing}))


def test_rights_over_persons_end_where_the_membership_does(world: World):
    there = make_world("elsewhere")
    both = world.staff["support"]
    both.memberships.create(site=there.site, role="manager")
    browser = signed_in(both)

    assert browser.get(page_of(there.rows["accounts_person"], "set_secret")).status_code == 200
    assert browser.get(page_of(world.rows["accounts_person"])).status_code == 200
    for name in ("edit", "set_secret", "switch_off", "forget"):
        assert browser.post(page_of(world.rows["accounts_person"], name), {"reason": "x"}).status_code == 403
    assert str(world.rows["accounts_persontype"]) not in text_of(browser.get(list_of("accounts_person", "create")))
