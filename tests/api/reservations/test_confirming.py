"""Confirming reservations over HTTP, all of one or nothing, and releasing them; the token redeems the code as well."""

import pytest

from codes.models import Attempt, CodeHold
from codes.switching import switch_code
from ledger.models import Reservation
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, VALIDATIONS, Door
from tests.api.reservations.asking import RESERVATIONS, amount, code, confirm, errors, get, held, place, release, told


def test_the_token_redeems_the_code_at_redemptions_and_nobody_else_does(tenant: Tenant, shop: Door):
    token = place(shop, code()).json()["token"]

    refused = shop.redeem()
    assert (refused.status_code, refused.json()["reason"]) == (409, "code_reserved")
    assert int(refused.headers["Retry-After"]) >= 1
    wrong = {"code": "ABC-E6W5F", "claimant_id": "u-2002", "reservation_token": token}
    assert shop.post(REDEMPTIONS, wrong).json()["reason"] == "code_reserved"
    assert shop.post(VALIDATIONS, {**wrong, "claimant_id": "u-1001"}).json()["status"] == "valid"
    assert tenant.code().uses == 0

    assert shop.redeem(reservation_token=token).status_code == 201
    assert shop.redeem(reservation_token=token).json()["reason"] == "code_used_up"
    assert Reservation.objects.get().ended_as == "consumed"
    assert tenant.balance() == 1_000 + 2_500


def test_a_token_of_another_type_is_malformed(tenant: Tenant, shop: Door):
    assert shop.redeem(reservation_token=7).json()["reason"] == "request_malformed"
    assert tenant.code().uses == 0


class TestConfirming:
    def test_twice_is_gone_or_the_same_answer_again(self, tenant: Tenant, shop: Door):
        placed = place(shop, code(), amount("1.00"))
        first = confirm(shop, placed, key="k1")

        again = confirm(shop, placed, key="k1")
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert told(confirm(shop, placed)) == (409, "reservation_gone")
        assert told(confirm(shop, placed, key="k2")) == (409, "reservation_gone")
        assert told(confirm(shop, placed, key="k1", reference="other")) == (422, "idempotency_mismatch")
        assert tenant.balance() == 1_000 + 2_500 - 100

    def test_another_token(self, tenant: Tenant, shop: Door):
        placed, other = place(shop, amount("1.00")), place(shop, amount("1.00"))
        path = f"{RESERVATIONS}/{placed.json()['id']}/confirm"

        assert told(shop.post(path, {"token": other.json()["token"]})) == (409, "reservation_gone")
        assert told(shop.post(path, {"token": ""})) == (400, "invalid")
        assert told(shop.post(path, {})) == (400, "invalid")
        assert (tenant.balance(), held(tenant)) == (1_000, 200)

    def test_expired(self, tenant: Tenant, shop: Door, settings):
        placed = place(shop, code(), amount("1.00"))
        settings.CLOCK_OFFSET_SECONDS = 300

        assert told(confirm(shop, placed)) == (409, "reservation_gone")
        assert told(release(shop, placed)) == (409, "reservation_gone")
        body = get(shop, placed).json()
        assert (body["state"], [hold["state"] for hold in body["holds"]]) == ("expired", ["expired", "expired"])
        assert tenant.balance() == 1_000
        assert shop.redeem(claimant_id="u-2002").status_code == 201
        assert place(shop, amount("10.00")).status_code == 201

    def test_a_refused_code_is_named_and_nothing_is_taken(self, tenant: Tenant, shop: Door):
        placed = place(shop, amount("1.00"), code(), code("MULTI-0001"))
        switch_code(tenant.code("MULTI-0001"), False, actor_id="staff")

        refused = confirm(shop, placed)

        assert told(refused) == (409, "code_disabled")
        assert errors(refused) == {"holds.1"}
        assert (tenant.balance(), held(tenant), tenant.code().uses) == (1_000, 100, 0)
        assert Attempt.objects.get().reason == "code_disabled"
        assert release(shop, placed).status_code == 200

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"amounts": {"cash": "1.01"}}, "amounts.cash"),
            ({"amounts": {"cash": "0.00"}}, "amounts.cash"),
            ({"amounts": {"cash": 0.5}}, "amounts.cash"),
            ({"amounts": {"points": 1}}, "amounts.points"),
            ({"amounts": {"gold": 1}}, "amounts.gold"),
            ({"amounts": []}, "amounts"),
            ({"reference": "r" * 101}, "reference"),
            ({"token": 7}, "token"),
            ({"code": "ABC-E6W5F"}, "code"),
        ],
    )
    def test_what_makes_no_sense(self, tenant: Tenant, shop: Door, fields, field):
        placed = place(shop, amount("1.00"))

        refused = confirm(shop, placed, **fields)

        assert told(refused) == (400, "invalid")
        assert errors(refused) == {field}
        assert (tenant.balance(), held(tenant)) == (1_000, 100)


class TestReleasing:
    def test_it_is_free_again_at_once_and_a_second_time_changes_nothing(self, tenant: Tenant, shop: Door):
        placed = place(shop, code(), amount("10.00"))

        released, again = release(shop, placed), release(shop, placed)

        assert (released.status_code, released.json()["state"]) == (200, "released")
        assert again.content == released.content
        assert [hold["state"] for hold in released.json()["holds"]] == ["released", "released"]
        assert told(confirm(shop, placed)) == (409, "reservation_gone")
        assert (held(tenant), CodeHold.objects.get().ended_as) == (0, "released")
        assert shop.redeem().status_code == 201

    def test_not_what_was_taken(self, tenant: Tenant, shop: Door):
        placed = place(shop, amount("1.00"))
        confirm(shop, placed)

        assert told(release(shop, placed)) == (409, "reservation_gone")
        assert (tenant.balance(), held(tenant)) == (900, 0)

    def test_unknown_fields(self, tenant: Tenant, shop: Door):
        placed = place(shop, amount("1.00"))

        assert told(shop.post(f"{RESERVATIONS}/{placed.json()['id']}/release", {"reason": "x"})) == (400, "invalid")
        assert held(tenant) == 100
