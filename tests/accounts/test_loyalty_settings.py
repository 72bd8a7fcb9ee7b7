"""What the loyalty protocol is told about a site: settings, the feature switch, business units and the catalogue."""

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts import loyalty_settings
from accounts.models import AuditRecord, BusinessUnit, CatalogueItem, LoyaltySettings
from tests.factories import make_site
from tests.members import make_loyalty_settings

pytestmark = pytest.mark.django_db
STAFF = {"actor_id": "staff"}
WHY = {"actor_id": "staff", "reason": "asked for"}


@pytest.fixture
def site():
    return make_site()


def audited(prefix):
    return AuditRecord.objects.filter(action__startswith=prefix).order_by("id")


def test_a_site_without_settings_has_the_usual_ones_and_the_feature_off(site):
    found = loyalty_settings.settings_of(site)

    assert (found.is_enabled, found.voids_enabled, found.points_code) == (False, True, "PTS")
    assert (found.reservation_seconds, found.adjustment_days, found.session_hours) == (900, 30, 24)
    assert (found.default_identifier_type, found.default_channel) == ("ACCOUNT_ID", "APP")
    assert not LoyaltySettings.objects.exists()


def test_settings_are_written_as_a_whole_and_audited_with_what_they_were(site):
    loyalty_settings.write_settings(site, **STAFF)
    loyalty_settings.write_settings(
        site,
        voids_enabled=False,
        points_code="PTS2",
        reservation_seconds=60,
        adjustment_days=0,
        session_hours=1,
        default_identifier_type="LOYALTY_ID",
        default_channel="STORE",
        **WHY,
    )

    found = loyalty_settings.settings_of(site)
    assert (found.voids_enabled, found.reservation_seconds, found.adjustment_days) == (False, 60, 0)
    assert (found.default_identifier_type, found.default_channel, found.session_hours) == ("LOYALTY_ID", "STORE", 1)
    last = audited("loyaltysettings.change").last()
    assert (last.detail["was"]["reservation_seconds"], last.detail["reason"]) == (900, "asked for")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("points_code", ""),
        ("points_code", "pts"),
        ("points_code", "X" * 13),
        ("reservation_seconds", 0),
        ("reservation_seconds", 86_401),
        ("adjustment_days", -1),
        ("adjustment_days", 3_651),
        ("session_hours", 0),
        ("session_hours", 721),
        ("default_identifier_type", "SHOE_SIZE"),
        ("default_channel", ""),
        ("default_channel", "x" * 31),
        ("default_channel", "a\x00"),
    ],
)
def test_wrong_settings_change_nothing(site, field, value):
    with pytest.raises(ValidationError) as refused:
        loyalty_settings.write_settings(site, **{field: value}, **STAFF)

    assert list(refused.value.message_dict) == [field]
    assert not LoyaltySettings.objects.exists()
    assert not audited("loyaltysettings").exists()


def test_the_switch_is_thrown_with_a_reason_and_by_nothing_else(site):
    make_loyalty_settings(site, on=False)

    assert loyalty_settings.switch_feature(site, True, **WHY) is True
    assert loyalty_settings.switch_feature(site, True, **WHY) is False
    loyalty_settings.write_settings(site, reservation_seconds=60, **STAFF)

    assert loyalty_settings.settings_of(site).is_enabled is True
    assert loyalty_settings.settings_of(make_site()).is_enabled is False
    assert [row.detail for row in audited("loyaltysettings.switch")] == [{"is_enabled": True, "reason": "asked for"}]


def test_a_business_unit_is_literally_its_name(site):
    loyalty_settings.add_business_unit(site, "MAIN", **STAFF)
    loyalty_settings.add_business_unit(make_site(), "WEST", **STAFF)

    assert loyalty_settings.is_business_unit(site, "MAIN")
    for wrong in ("main", "MAIN ", " MAIN", "MAIN\u200b", "MAI", "", "WEST", "MAIN\x00", "\ud800", "%"):
        assert not loyalty_settings.is_business_unit(site, wrong)


def test_business_units_come_and_go(site):
    unit = loyalty_settings.add_business_unit(site, "MAIN", **STAFF)
    for wrong in ("MAIN", "", " X", "x" * 101):
        with pytest.raises(ValidationError):
            loyalty_settings.add_business_unit(site, wrong, **STAFF)

    assert loyalty_settings.remove_business_unit(unit, **WHY) is True
    assert loyalty_settings.remove_business_unit(BusinessUnit(pk=unit.pk or 1, site=site), **WHY) is False

    assert not loyalty_settings.is_business_unit(site, "MAIN")
    assert list(audited("businessunit").values_list("action", flat=True)) == [
        "businessunit.create",
        "businessunit.remove",
    ]


def test_items_are_found_in_one_statement_while_they_are_active(site):
    mug = loyalty_settings.add_item(site, "MUG", "A mug", 500, **STAFF)
    cap = loyalty_settings.add_item(site, "CAP", "A cap", 10**12, **STAFF)
    loyalty_settings.add_item(make_site(), "BAG", "A bag", 1, **STAFF)
    loyalty_settings.change_item(cap, "A cap", 900, False, **STAFF)

    with CaptureQueriesContext(connection) as made:
        found = loyalty_settings.find_items(site, ["MUG", "MUG", "CAP", "BAG", "mug", "\x00", "\ud800"])

    assert found == {"MUG": mug}
    assert len(made) == 1
    assert loyalty_settings.find_items(site, []) == {}


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("item_id", ("MUG", "x", 1)),
        ("item_id", ("", "x", 1)),
        ("item_id", ("x" * 65, "x", 1)),
        ("name", ("X", "", 1)),
        ("points", ("X", "x", 0)),
        ("points", ("X", "x", 10**12 + 1)),
    ],
)
def test_wrong_items_are_not_added(site, field, given):
    mug = loyalty_settings.add_item(site, "MUG", "A mug", 500, **STAFF)

    with pytest.raises(ValidationError) as refused:
        loyalty_settings.add_item(site, *given, **STAFF)
    if field != "item_id":
        with pytest.raises(ValidationError):
            loyalty_settings.change_item(mug, *given[1:], True, **STAFF)

    assert list(refused.value.message_dict) == [field]
    assert CatalogueItem.objects.get().points == 500
