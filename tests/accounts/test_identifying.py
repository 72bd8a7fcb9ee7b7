"""From what a shop sends to one person: who is found, who is refused and why, and what is stored."""

import pytest

from accounts import persons
from accounts.identifying import (
    DefaultVisitor,
    IdentificationRefused,
    NotIdentified,
    PersonTypeUnusable,
    SeparatorMissing,
    SettingsMissing,
    identify,
)
from accounts.models import (
    Person,
    PersonProperty,
    PersonType,
    PrepaidSettings,
    StoredIdentification,
    User,
    Visitor,
    VisitorPerson,
)
from tests.factories import make_site
from tests.people import (
    ADDRESS,
    BOTH,
    CARD,
    EMAIL,
    PASSWORD_VALUE,
    SECRET,
    characteristic,
    make_person,
    make_person_type,
    make_settings,
)

pytestmark = pytest.mark.django_db


def ask(site, values=BOTH, *, person_type=1, unique_id="visitor-0001", separator="¶", **fields):
    return identify(site, person_type=person_type, unique_id=unique_id, values=values, separator=separator, **fields)


def refusal(site, values=BOTH, **fields):
    """How it is refused; nothing may be stored then."""
    before = [model.objects.count() for model in (Visitor, VisitorPerson, StoredIdentification)]
    with pytest.raises(IdentificationRefused) as caught:
        ask(site, values, **fields)
    assert [model.objects.count() for model in (Visitor, VisitorPerson, StoredIdentification)] == before
    return caught.type


def test_the_person_is_found_with_their_user_and_the_visitor_is_linked(shop, django_assert_num_queries):
    site, kind, person = shop

    found = ask(site)

    assert found == person
    with django_assert_num_queries(0):
        assert found.user.claimant_id == person.user.claimant_id
        assert found.person_type.may_redeem
    visitor = Visitor.objects.get()
    assert (visitor.site, visitor.unique_id) == (site, "visitor-0001")
    assert (visitor.language, visitor.currency_code, visitor.country) == ("de", "EUR", 0)
    [linked] = VisitorPerson.objects.all()
    assert (linked.visitor, linked.person, linked.until) == (visitor, person, None)
    [stored] = StoredIdentification.objects.all()
    assert (stored.visitor, stored.person, stored.person_type) == (visitor, person, kind)


@pytest.mark.parametrize("values", [None, ""])
def test_a_visitor_who_was_identified_need_not_say_it_again(shop, values):
    site, _, person = shop
    assert refusal(site, values) is NotIdentified
    ask(site)

    assert ask(site, values) == person
    assert refusal(site, values, unique_id="visitor-0002") is NotIdentified
    assert refusal(site, values, unique_id="VISITOR-0001") is NotIdentified
    assert (Visitor.objects.count(), VisitorPerson.objects.count()) == (1, 1)


def test_the_second_time_costs_a_bounded_number_of_statements(shop, django_assert_max_num_queries):
    site, _, _ = shop
    ask(site)

    with django_assert_max_num_queries(16):
        ask(site)
    with django_assert_max_num_queries(14):
        ask(site, None)


@pytest.mark.parametrize(
    "values",
    [
        f"{ADDRESS}¶wrong",
        f"other@example.test¶{PASSWORD_VALUE}",
        f"{ADDRESS}¶{PASSWORD_VALUE.upper()}",
        f"{ADDRESS}¶{PASSWORD_VALUE} ",
        f" {ADDRESS}¶{PASSWORD_VALUE}",
        f"{ADDRESS} ¶{PASSWORD_VALUE}",
        f"{ADDRESS}¶",
        f"¶{PASSWORD_VALUE}",
        "¶",
        "¶¶",
        f"{ADDRESS}¶{PASSWORD_VALUE}¶",
        f"{ADDRESS}¶{PASSWORD_VALUE}¶third",
        f"{PASSWORD_VALUE}¶{ADDRESS}",
        f"{ADDRESS}¶{ADDRESS}",
    ],
)
def test_anything_but_the_very_values_is_not_identified(shop, values):
    assert refusal(shop[0], values) is NotIdentified


@pytest.mark.parametrize("address", ["READER@example.test", "Reader@Example.TEST", ADDRESS])
def test_e_mail_addresses_are_compared_in_lower_case(shop, address):
    site, _, person = shop

    assert ask(site, f"{address}¶{PASSWORD_VALUE}") == person


def test_texts_are_compared_exactly():
    site = make_site()
    make_settings(site)
    person = make_person(make_person_type(site, identified_by=(CARD,)), {CARD: "K-77é"})

    assert ask(site, "K-77é") == person
    for other in ("k-77é", "K-77e", "K-77e\u0301", "K-77é ", "K 77é", "%", "K-77_"):
        assert refusal(site, other) is NotIdentified, other
    # One value needs no separator, and one with it is two.
    assert refusal(site, "K-77é¶x") is NotIdentified


@pytest.mark.parametrize(
    ("separator", "values"),
    [
        ("|", f"{ADDRESS}|{PASSWORD_VALUE}"),
        ("::", f"{ADDRESS}::{PASSWORD_VALUE}"),
        ("'¶'", f"{ADDRESS}'¶'{PASSWORD_VALUE}"),
    ],
)
def test_any_separator_may_be_named(shop, separator, values):
    site, _, person = shop

    assert ask(site, values, separator=separator) == person
    assert refusal(site, BOTH, separator=separator) is SeparatorMissing


def test_values_that_nothing_separates_are_told_apart_from_wrong_ones(shop):
    site, _, _ = shop

    assert refusal(site, f"{ADDRESS}{PASSWORD_VALUE}") is SeparatorMissing
    assert refusal(site, ADDRESS) is SeparatorMissing
    assert refusal(site, " ") is SeparatorMissing


def test_all_values_must_be_of_one_person(shop):
    site, kind, _ = shop
    make_person(kind, {EMAIL: "other@example.test", SECRET: "other"})

    assert refusal(site, f"{ADDRESS}¶other") is NotIdentified


def test_persons_with_the_same_address_are_told_apart_by_their_secrets(shop):
    site, kind, first = shop
    second = make_person(kind, {EMAIL: ADDRESS, SECRET: "another"})

    assert ask(site) == first
    assert ask(site, f"{ADDRESS}¶another") == second


@pytest.mark.parametrize("active", [True, False])
def test_who_has_the_same_values_as_another_is_nobody(shop, active):
    site, kind, _ = shop
    twin = make_person(kind)
    Person.objects.filter(pk=twin.pk).update(is_active=active)

    assert refusal(site) is NotIdentified


def test_more_persons_of_one_address_than_can_be_told_apart_in_time_are_nobody(shop):
    site, kind, _ = shop
    for number in range(3):
        make_person(kind, {EMAIL: ADDRESS, SECRET: f"another {number}"})

    assert refusal(site) is NotIdentified


def test_a_person_without_a_secret_is_never_found_by_one(shop):
    site, kind, _ = shop
    make_person(kind, {EMAIL: "bare@example.test"})

    assert refusal(site, "bare@example.test¶x") is NotIdentified
    assert refusal(site, "bare@example.test¶") is NotIdentified


def test_who_is_switched_off_is_nobody_with_values_and_without(shop):
    site, _, person = shop
    ask(site)
    persons.switch_off(person, actor_id="system", reason="left")
    assert refusal(site) is NotIdentified
    assert refusal(site, None) is NotIdentified

    persons.switch_on(person, actor_id="system", reason="back")
    assert refusal(site, None) is NotIdentified
    assert ask(site) == person
    User.objects.filter(pk=person.user_id).update(is_active=False)
    assert refusal(site) is NotIdentified
    assert refusal(site, None) is NotIdentified


def test_nobody_of_another_site_or_type_is_found(shop):
    site, _, _ = shop
    there = make_site()
    make_settings(there)
    make_person_type(there)
    make_person_type(site, 2)
    ask(site)

    assert refusal(there) is NotIdentified
    assert refusal(there, None) is NotIdentified
    assert refusal(site, person_type=2) is NotIdentified
    assert refusal(site, None, person_type=2) is NotIdentified


def test_nothing_is_stored_for_the_default_visitor(shop):
    site, _, _ = shop

    assert refusal(site, unique_id="defaultUniqueID") is DefaultVisitor
    assert ask(site, unique_id="defaultuniqueid")


@pytest.mark.parametrize("missing", ["all", "default_language", "default_currency_code"])
def test_a_new_visitor_needs_the_settings_and_a_known_one_does_not(shop, missing):
    site, _, person = shop
    ask(site)
    if missing == "all":
        PrepaidSettings.objects.all().delete()
    else:
        PrepaidSettings.objects.update(**{missing: ""})

    assert refusal(site, unique_id="visitor-0002") is SettingsMissing
    assert ask(site) == person


@pytest.mark.parametrize(
    "identified_by",
    [[], None, 7, "7", {"7": 8}, [7, 7], [7, 99], [8], ["7", "8"], [7.0, 8], [True, 8], [[7]], [7, 8, 9, 10, 11]],
)
def test_a_type_whose_settings_name_nothing_usable_is_told(shop, identified_by):
    site, _, _ = shop
    if isinstance(identified_by, list | dict):
        PersonType.objects.update(identified_by=identified_by)
    else:
        PersonType.objects.filter(number=1).update(identified_by=identified_by or "null")

    assert refusal(site) is PersonTypeUnusable


def test_an_unknown_type_is_told_and_so_is_another_sites(shop):
    site, _, _ = shop
    make_person_type(make_site(), 9)

    assert refusal(site, person_type=9) is PersonTypeUnusable


def test_checks_come_in_the_contracts_order(shop):
    """Every call is wrong in all that follows too."""
    site, _, _ = shop
    PrepaidSettings.objects.all().delete()

    assert refusal(site, "x", unique_id="defaultUniqueID", person_type=9) is DefaultVisitor
    assert refusal(site, "x", unique_id="new", person_type=9) is SettingsMissing
    make_settings(site)
    assert refusal(site, "x", unique_id="new", person_type=9) is PersonTypeUnusable
    assert refusal(site, "x", unique_id="new") is SeparatorMissing
    assert refusal(site, "x¶y", unique_id="new") is NotIdentified


HOSTILE = [
    "\x00",
    "a\x00b",
    "\ud800",
    "a\udfffb",
    "\x1f",
    "\x7f",
    "\x85",
    "x" * 256,
    "x" * 100_000,
    "' OR 1=1 --",
    "%",
    "_",
    "\\",
    "\u202eabc",
    "\ufeff",
    "e\u0301",
    "٣",
    "💶" * 60,
    "pbkdf2_sha256$1$x$y",
    "!",
    "$",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_values_are_nobody(shop, text):
    site, _, _ = shop

    for values in (f"{text}¶{PASSWORD_VALUE}", f"{ADDRESS}¶{text}", f"{text}¶{text}"):
        assert refusal(site, values) is NotIdentified
    assert refusal(site, text) is SeparatorMissing
    if text != "_":
        assert refusal(site, BOTH, separator=text) is SeparatorMissing


@pytest.mark.parametrize("text", [each for each in HOSTILE if len(each) > 50 or not each.isprintable()], ids=ascii)
def test_a_hostile_visitor_is_nobody_or_somebody_of_that_very_name(shop, text):
    site, _, person = shop
    try:
        found = ask(site, unique_id=text)
    except NotIdentified:
        assert not Visitor.objects.exists()
        assert refusal(site, None, unique_id=text) is NotIdentified
    else:
        assert found == person
        assert Visitor.objects.get().unique_id == text


def test_of_a_secret_nothing_readable_rests(shop):
    site, _, person = shop
    ask(site)
    [secret] = person.properties.filter(characteristic=characteristic(site, SECRET))

    assert secret.value == ""
    assert PASSWORD_VALUE not in secret.secret_hash
    twin = make_person(shop[1], {EMAIL: "twin@example.test", SECRET: PASSWORD_VALUE})
    assert twin.properties.get(characteristic__number=SECRET).secret_hash != secret.secret_hash
    stored = " ".join(
        str(row) for model in (Visitor, VisitorPerson, StoredIdentification) for row in model.objects.values()
    )
    assert PASSWORD_VALUE not in stored
    assert ADDRESS not in stored
    assert not PersonProperty.objects.filter(value__contains=PASSWORD_VALUE).exists()
