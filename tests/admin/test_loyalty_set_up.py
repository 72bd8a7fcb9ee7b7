"""The desk of the loyalty programme's business units, catalogue, settings and clients."""

import pytest

from accounts import client_keys, loyalty_settings
from accounts.models import AuditRecord, BusinessUnit, CatalogueItem, LoyaltySettings
from tests.admin.desk import list_of, page_of, signed_in, text_of
from tests.factories import make_asset, make_site, make_staff
from tests.members import (
    make_loyalty_client,
    make_loyalty_settings,
    make_token,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def site():
    found = make_site(slug="shop", name="Shop")
    make_loyalty_settings(found)
    return found


@pytest.fixture
def desk(site):
    return signed_in(make_staff(site))


@pytest.fixture
def pts():
    return make_asset("PTS")


def audited(prefix):
    return list(AuditRecord.objects.filter(action__startswith=prefix).order_by("id").values_list("action", flat=True))


def test_business_units_and_items_come_and_go(site, desk):
    desk.post(list_of("accounts_businessunit", "create"), {"site": site.pk, "name": "EAST"})
    unit = BusinessUnit.objects.get(name="EAST")
    assert "already" in text_of(
        desk.post(list_of("accounts_businessunit", "create"), {"site": site.pk, "name": "EAST"})
    )
    desk.post(page_of(unit, "remove"), {"reason": "closed"})
    assert not loyalty_settings.is_business_unit(site, "EAST")

    desk.post(
        list_of("accounts_catalogueitem", "create"), {"site": site.pk, "item_id": "MUG", "name": "A mug", "points": 500}
    )
    mug = CatalogueItem.objects.get()
    for sent in ({"name": "A cup", "points": 0}, {"name": "", "points": 5}, {"name": "A cup", "points": 10**12 + 1}):
        assert desk.post(page_of(mug, "edit"), sent).status_code == 200
    desk.post(page_of(mug, "edit"), {"name": "A cup", "points": 600})
    mug.refresh_from_db()
    assert (mug.name, mug.points, mug.is_active) == ("A cup", 600, False)


SETTINGS = {
    "points_code": "PTS",
    "reservation_seconds": 60,
    "voids_enabled": "on",
    "adjustment_days": 5,
    "session_hours": 2,
    "default_identifier_type": "LOYALTY_ID",
    "default_channel": "STORE",
    "reason": "as agreed",
}


def test_a_site_is_set_up_switched_on_and_changed(pts):
    site = make_site()
    desk = signed_in(make_staff(site))
    desk.post(list_of("accounts_loyaltysettings", "create"), {**SETTINGS, "site": site.pk})
    made = LoyaltySettings.objects.get()
    assert (made.is_enabled, made.reservation_seconds, made.default_channel) == (False, 60, "STORE")

    desk.post(page_of(made, "switch_on"), {"reason": "launch"})
    desk.post(page_of(made, "edit"), {**SETTINGS, "reservation_seconds": 90})
    for wrong in ({"reservation_seconds": 0}, {"points_code": "EUR"}, {"default_channel": ""}, {"reason": ""}):
        assert desk.post(page_of(made, "edit"), {**SETTINGS, **wrong}).status_code == 200
    made.refresh_from_db()
    assert (made.is_enabled, made.reservation_seconds) == (True, 90)

    desk.post(page_of(made, "switch_off"), {"reason": "stop"})
    made.refresh_from_db()
    assert made.is_enabled is False
    assert audited("loyaltysettings.switch") == ["loyaltysettings.switch"] * 2


def test_a_clients_page_says_how_it_starts_sessions_and_how_many_tokens_it_has(site, desk):
    client = make_loyalty_client(site)
    make_token(client)
    assert "Starts sessions by Account ID, Loyalty ID" in text_of(desk.get(page_of(client)))
    assert "1 access token at the moment" in text_of(desk.get(page_of(client)))

    desk.post(page_of(client, "identifier_types"), {"types": ["EMAIL", "ACCOUNT_ID"], "reason": "new app"})
    desk.post(page_of(client, "identifier_types"), {"types": ["SHOE_SIZE"], "reason": "no"})

    client.refresh_from_db()
    assert client.identifier_types == ["ACCOUNT_ID", "EMAIL"]
    assert audited("client.identifier_types") == ["client.identifier_types"]
    client_keys.revoke(client, actor_id="staff")
    assert desk.get(page_of(client, "identifier_types")).status_code == 302
