"""Writing persons, their types and the settings of a site: what is refused, what is kept, and what the audit tells."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from accounts import person_types, persons, prepaid_settings
from accounts.models import AuditRecord, Characteristic, Person, PersonProperty, PrepaidSettings
from accounts.person_types import read_identifying
from tests.factories import make_site, make_user
from tests.people import (
    ADDRESS,
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
WORDS = {"actor_id": "staff", "reason": " a reason "}


def problems(deed) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        deed()
    return caught.value.message_dict


def test_a_person_is_added_with_an_audit_that_tells_no_value(shop):
    _, kind, person = shop
    audited = AuditRecord.objects.get(action="person.create")

    assert {each.characteristic.number: each.value for each in person.properties.all()} == {EMAIL: ADDRESS, SECRET: ""}
    assert audited.object_id == str(person.pk)
    assert audited.detail == {
        "claimant_id": person.user.claimant_id,
        "person_type": 1,
        "properties": {"7 E-mail": "set", "8 Password": "set"},
    }
    with pytest.raises(ValidationError, match="person already"):
        make_person(kind, user=person.user)
    with pytest.raises(ValidationError, match="different sites"):
        make_person(kind, user=make_user())
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (EMAIL, "no address"),
        (EMAIL, "a@b@example.test"),
        (EMAIL, "x" * 250 + "@example.test"),
        (CARD, " x"),
        (CARD, "a\nb"),
        (CARD, "a\x00"),
        (CARD, "\ud800"),
        (CARD, "x" * 256),
        (SECRET, "a\x00"),
        (SECRET, "\ud800"),
        (SECRET, "x" * 256),
    ],
    ids=ascii,
)
def test_what_nobody_can_have_is_refused_by_field_and_nothing_is_added(shop, number, value):
    site, kind, _ = shop
    user = make_user(site)
    characteristic(site, CARD)

    assert list(problems(lambda: make_person(kind, {number: value}, user))) == [f"property_{number}"]
    assert not Person.objects.filter(user=user).exists()


def test_properties_are_set_changed_and_removed(shop):
    site, _, person = shop
    email, card = characteristic(site, EMAIL), characteristic(site, CARD)

    assert persons.change_properties(person, {email: "New@Example.test", card: "K-1"}, actor_id="staff")
    assert {each.characteristic: each.value for each in person.properties.exclude(value="")} == {
        email: "new@example.test",
        card: "K-1",
    }
    assert persons.change_properties(person, {email: "new@example.test", card: ""}, actor_id="staff")
    assert not persons.change_properties(person, {card: ""}, actor_id="staff")
    assert person.properties.count() == 2
    told = [each.detail["properties"] for each in AuditRecord.objects.filter(action="person.change").order_by("pk")]
    assert told == [{"7 E-mail": "changed", "9 Card": "changed"}, {"9 Card": "removed"}]


def test_one_wrong_property_changes_none(shop):
    site, _, person = shop
    values = {characteristic(site, EMAIL): "new@example.test", characteristic(site, CARD): "a\nb"}

    assert list(problems(lambda: persons.change_properties(person, values, actor_id="staff"))) == ["property_9"]
    assert person.properties.get(characteristic__number=EMAIL).value == ADDRESS


def test_a_characteristic_of_another_site_is_refused(shop):
    theirs = characteristic(make_site(), CARD)
    with pytest.raises(ValidationError, match="another site"):
        persons.change_properties(shop[2], {theirs: "x"}, actor_id="staff")


def test_a_secret_is_set_and_told_nowhere(shop):
    site, _, person = shop
    secret = characteristic(site, SECRET)
    before = person.properties.get(characteristic=secret).secret_hash
    persons.set_secret(person, secret, "fresh one", **WORDS)
    after = person.properties.get(characteristic=secret)

    assert after.secret_hash not in (before, "")
    assert "fresh one" not in after.secret_hash
    audited = AuditRecord.objects.get(action="person.set_secret")
    assert audited.detail == {"characteristic": "8 Password", "reason": "a reason", "stored_ended": 0}
    everything = " ".join(str(each.detail) for each in AuditRecord.objects.all())
    assert "fresh one" not in everything
    assert PASSWORD_VALUE not in everything
    assert after.secret_hash not in everything
    assert list(problems(lambda: persons.set_secret(person, secret, "", **WORDS))) == ["property_8"]
    with pytest.raises(ValueError, match="secret"):
        persons.set_secret(person, characteristic(site, CARD), "x", **WORDS)
    with pytest.raises(ValueError, match="set_secret"):
        persons.change_properties(person, {secret: "x"}, actor_id="staff")
    assert PersonProperty.objects.filter(person=person).count() == 2


def test_switching_happens_once_and_is_audited(shop):
    person = shop[2]

    assert persons.switch_off(person, **WORDS)
    assert not persons.switch_off(person, **WORDS)
    assert persons.switch_on(person, **WORDS)
    assert not persons.switch_on(person, **WORDS)
    told = [each.detail for each in AuditRecord.objects.filter(action__startswith="person.switch").order_by("pk")]
    assert told == [{"reason": "a reason", "links_ended": 0, "stored_ended": 0}, {"reason": "a reason"}]


def test_a_type_says_by_what_it_is_identified_in_order(shop):
    site, _, _ = shop
    kind = make_person_type(site, 3, (SECRET, CARD, EMAIL))

    assert [each.number for each in read_identifying(kind)] == [SECRET, CARD, EMAIL]
    assert read_identifying(make_person_type(site, 4, ())) == []


@pytest.mark.parametrize("wrong", ["secret alone", "twice", "another site", "too many"])
def test_a_type_that_nobody_could_be_identified_by_is_refused(shop, wrong):
    site, kind, _ = shop
    email, secret = characteristic(site, EMAIL), characteristic(site, SECRET)
    extra = [person_types.add_characteristic(site, n, f"More {n}", "text", actor_id="staff") for n in range(50, 55)]
    chosen = {
        "secret alone": [secret],
        "twice": [email, email],
        "another site": [characteristic(make_site(), EMAIL)],
        "too many": extra,
    }[wrong]
    said = (
        problems(lambda: person_types.add_person_type(site, 5, "New", chosen, may_redeem=True, actor_id="staff")),
        problems(lambda: person_types.change_person_type(kind, "New", chosen, may_redeem=True, actor_id="staff")),
    )

    assert [list(each) for each in said] == [["identified_by"]] * 2
    kind.refresh_from_db()
    assert (kind.name, kind.identified_by) == ("Type 1", [EMAIL, SECRET])
    assert site.person_types.count() == 1


def test_numbers_are_taken_once_and_in_bounds(shop):
    site, _, _ = shop

    assert list(problems(lambda: make_person_type(site, 1))) == ["number"]
    for number in (-1, 256):
        assert list(problems(lambda number=number: make_person_type(site, number))) == ["number"]
    assert make_person_type(make_site(), 1)
    for number in (EMAIL, 0, -1, 2**31):
        deed = lambda number=number: person_types.add_characteristic(site, number, "x", "text", actor_id="staff")  # noqa: E731
        assert list(problems(deed)) == ["number"], number
    assert list(problems(lambda: person_types.add_characteristic(site, 60, "x", "y", actor_id="staff"))) == ["kind"]
    assert Characteristic.objects.filter(site=site).count() == 2


def test_a_change_of_a_type_tells_what_it_was(shop):
    site, kind, _ = shop
    person_types.change_person_type(kind, "Renamed", [characteristic(site, EMAIL)], may_redeem=False, **WORDS)
    detail = AuditRecord.objects.get(action="persontype.change").detail

    assert (detail["identified_by"], detail["was"]["identified_by"]) == ([EMAIL], [EMAIL, SECRET])
    assert (detail["may_redeem"], detail["was"]["may_redeem"], detail["reason"]) == (False, True, "a reason")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_language", "no language"),
        ("default_currency_code", "eur"),
        ("default_currency_code", "EUR\n"),
        ("code_valid_days", 0),
        ("code_valid_days", 36_501),
        ("least_balance", Decimal("0.00001")),
        ("least_balance", Decimal("NaN")),
        ("least_balance", Decimal(10) ** 15),
    ],
)
def test_settings_that_cannot_be_are_refused(field, value):
    site = make_site()

    assert list(problems(lambda: make_settings(site, **{field: value}))) == [field]
    assert not PrepaidSettings.objects.exists()


def test_settings_are_changed_switched_and_licensed_each_with_its_audit(shop):
    site, _, _ = shop
    make_settings(site, least_balance=Decimal("-20.0000"), code_valid_days=30, default_language="")
    assert prepaid_settings.switch_maintenance(site, True, **WORDS)
    assert not prepaid_settings.switch_maintenance(site, True, **WORDS)
    row = prepaid_settings.license_until(site, site.created_at, **WORDS)

    assert (row.least_balance, row.code_valid_days, row.default_language) == (Decimal(-20), 30, "")
    assert (row.maintenance, row.licence_until) == (True, site.created_at)
    told = {
        each.action: each.detail for each in AuditRecord.objects.filter(object_type="prepaidsettings").order_by("pk")
    }
    assert told["prepaidsettings.maintenance"] == {"maintenance": True, "reason": "a reason"}
    assert told["prepaidsettings.license"]["was"] == {"licence_until": "None"}
    assert told["prepaidsettings.change"]["was"]["default_language"] == "de"
