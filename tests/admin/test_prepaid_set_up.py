"""What the prepaid engine is set up with at the desk: characteristics, person types, and the settings of a site."""

import datetime as dt
from decimal import Decimal

import pytest

from accounts.models import AuditRecord, Characteristic, PersonType, PrepaidSettings, StoredIdentification
from tests.admin.desk import World, list_of, make_world, page_of, text_of
from tests.factories import make_asset, make_site
from tests.people import CARD, EMAIL, SECRET, characteristic

pytestmark = pytest.mark.django_db
CREATE = "/admin/accounts/persontype/create/"
SETTINGS = {
    "default_language": "en",
    "default_currency_code": "EUR",
    "least_balance": "-20.00",
    "code_valid_days": "30",
    "reason": "agreed",
}


def test_characteristics_are_added_and_renamed_and_their_number_stays(world: World):
    browser = world.sign_in("manager")
    path = list_of("accounts_characteristic", "create")
    browser.post(path, {"site": world.site.pk, "number": 40, "name": "Card", "kind": "text"})
    made = Characteristic.objects.get(number=40)
    browser.post(page_of(made, "rename"), {"name": "Customer card", "number": 41, "kind": "secret"})
    made.refresh_from_db()

    assert (made.number, made.name, made.kind) == (40, "Customer card", "text")
    wrong = {
        "number": (EMAIL, "of this number already"),
        "kind": ("x", "Select a valid choice"),
        "name": ("", "required"),
    }
    for field, (value, said) in wrong.items():
        sent = {"site": world.site.pk, "number": 50, "name": "New", "kind": "text", field: value}
        assert said in text_of(browser.post(path, sent))
    assert not Characteristic.objects.filter(number=50).exists()


def test_a_person_type_names_its_values_in_order(world: World):
    email, secret = (characteristic(world.site, number) for number in (EMAIL, SECRET))
    sent = {"site": world.site.pk, "number": 2, "name": "Members", "value_2": secret.pk, "value_3": email.pk}
    page = text_of(world.sign_in("manager").post(CREATE, sent, follow=True))
    made = PersonType.objects.get(number=2)

    assert (made.identified_by, made.may_redeem) == ([SECRET, EMAIL], False)
    assert "8 Password, then 7 E-mail" in page
    assert "refused" in page


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"number": "1"}, "of this number already"),
        ({"number": "256"}, "less than or equal to 255"),
        ({"number": "-1"}, "greater than or equal to 0"),
        ({"value_1": "SECRET"}, "Nobody can be looked for by a secret alone"),
        ({"value_1": "EMAIL", "value_2": "EMAIL"}, "Each characteristic once"),
        ({"value_1": "THEIRS"}, "of another site"),
        ({"value_1": "0"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_with_a_type_is_said_and_none_is_added(world: World, fields: dict, said: str):
    there = make_world("elsewhere")
    world.staff["manager"].memberships.create(site=there.site, role="manager")
    known = {
        "EMAIL": characteristic(world.site, EMAIL).pk,
        "SECRET": characteristic(world.site, SECRET).pk,
        "THEIRS": characteristic(there.site, EMAIL).pk,
    }
    before = PersonType.objects.count()
    sent = {"site": world.site.pk, "number": 2, "name": "New", **{n: known.get(v, v) for n, v in fields.items()}}

    assert said in text_of(world.sign_in("manager").post(CREATE, sent))
    assert PersonType.objects.count() == before


def test_a_type_is_changed_with_a_reason_and_what_was_stored_ends(world: World):
    kind = world.rows["accounts_persontype"]
    browser = world.sign_in("manager")
    same = {
        "name": "Renamed",
        "may_redeem": "on",
        "value_1": characteristic(world.site, EMAIL).pk,
        "value_2": characteristic(world.site, SECRET).pk,
    }
    assert "This field is required" in text_of(browser.post(page_of(kind, "edit"), same))
    browser.post(page_of(kind, "edit"), {**same, "reason": "a better name"})
    assert StoredIdentification.objects.filter(person_type=kind).exists()
    browser.post(page_of(kind, "edit"), {**same, "value_2": characteristic(world.site, CARD).pk, "reason": "cards"})
    kind.refresh_from_db()

    assert (kind.name, kind.identified_by) == ("Renamed", [EMAIL, CARD])
    assert not StoredIdentification.objects.filter(person_type=kind).exists()
    assert AuditRecord.objects.filter(action="persontype.change").latest("pk").detail["reason"] == "cards"


def test_an_unusable_setting_is_shown_as_one(world: World):
    kind = world.rows["accounts_persontype"]
    PersonType.objects.filter(pk=kind.pk).update(identified_by={"7": 1})
    browser = world.sign_in("manager")

    assert "nothing usable: nobody is identified" in text_of(browser.get(page_of(kind)))
    assert browser.get(page_of(kind, "edit")).status_code == 200
    assert browser.get(page_of(kind, "add_person")).status_code == 200
    assert browser.get(page_of(world.rows["accounts_person"])).status_code == 200


def test_a_site_is_set_up_once(world: World):
    fresh = make_site(slug="fresh")
    world.staff["manager"].memberships.create(site=fresh, role="manager")
    browser, path = world.sign_in("manager"), list_of("accounts_prepaidsettings", "create")
    browser.post(path, {"site": fresh.pk, **SETTINGS})
    made = PrepaidSettings.objects.get(site=fresh)

    assert (made.default_language, made.default_currency_code, made.code_valid_days) == ("en", "EUR", 30)
    assert (made.least_balance, made.maintenance, made.licence_until) == (Decimal(-20), False, None)
    assert "Select a valid choice" in text_of(browser.post(path, {"site": fresh.pk, **SETTINGS}))
    assert "Every site has its settings" in text_of(browser.get(path))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"default_currency_code": "PTS"}, "Select a valid choice"),
        ({"default_language": "tlh"}, "Select a valid choice"),
        ({"least_balance": "-20.005"}, "EUR has 2 decimal places at most"),
        ({"least_balance": "0.00001"}, "no more than 4 decimal places"),
        ({"least_balance": "much"}, "Enter a number"),
        ({"code_valid_days": "0"}, "greater than or equal to 1"),
        ({"reason": ""}, "This field is required"),
    ],
)
def test_what_is_wrong_with_settings_is_said_and_nothing_changes(world: World, fields: dict, said: str):
    make_asset("PTS")
    row = world.rows["accounts_prepaidsettings"]
    page = text_of(world.sign_in("manager").post(page_of(row, "edit"), {**SETTINGS, **fields}))
    row.refresh_from_db()

    assert said in page
    assert (row.default_language, row.code_valid_days) == ("de", None)


def test_settings_are_changed_and_the_audit_knows_what_they_were(world: World):
    row = world.rows["accounts_prepaidsettings"]
    browser = world.sign_in("manager")
    browser.post(page_of(row, "edit"), {**SETTINGS, "default_currency_code": "", "code_valid_days": ""})
    row.refresh_from_db()

    assert (row.default_currency_code, row.code_valid_days, row.least_balance) == ("", None, Decimal(-20))
    detail = AuditRecord.objects.filter(action="prepaidsettings.change").latest("pk").detail
    assert (detail["was"]["default_currency_code"], detail["reason"]) == ("EUR", "agreed")
    assert 'value="-20"' in text_of(browser.get(page_of(row, "edit")))


def test_maintenance_begins_and_ends_with_a_reason(world: World):
    row = world.rows["accounts_prepaidsettings"]
    browser = world.sign_in("manager")
    assert "in maintenance" in text_of(browser.post(page_of(row, "maintenance_on"), {"reason": "moving"}, follow=True))
    assert "is not possible any more" in text_of(
        browser.post(page_of(row, "maintenance_on"), {"reason": "twice"}, follow=True)
    )
    row.refresh_from_db()
    assert row.maintenance
    browser.post(page_of(row, "maintenance_off"), {"reason": "moved"})
    row.refresh_from_db()
    assert not row.maintenance


def test_a_licence_ends_after_its_last_day_in_the_sites_time_zone_and_no_tenant_grants_it(world: World):
    row = world.rows["accounts_prepaidsettings"]
    type(world.site).objects.filter(pk=world.site.pk).update(time_zone="Europe/Berlin")
    sent = {"last_day": "2026-12-31", "reason": "one year"}
    assert world.sign_in("manager").post(page_of(row, "license"), sent).status_code == 403
    browser = world.sign_in("superuser")
    page = text_of(browser.post(page_of(row, "license"), sent, follow=True))
    row.refresh_from_db()

    assert row.licence_until == dt.datetime(2026, 12, 31, 23, tzinfo=dt.UTC)
    assert "until 2026-12-31 (Europe/Berlin)" in page
    assert 'value="2026-12-31"' in text_of(browser.get(page_of(row, "license")))
    for wrong in ("9999-12-31", "1999-12-31", "soon"):
        assert "day" in text_of(browser.post(page_of(row, "license"), {**sent, "last_day": wrong})).lower()
    browser.post(page_of(row, "license"), {"last_day": "2020-01-01", "reason": "unpaid"})
    assert "not licensed" in text_of(browser.get(page_of(row)))
    browser.post(page_of(row, "license"), {"last_day": "", "reason": "bought"})
    row.refresh_from_db()
    assert row.licence_until is None
