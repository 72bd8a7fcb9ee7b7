"""Placing reservations over HTTP: what is held, what cannot be, whose it is, and a token that is told once."""

import pytest

from codes.models import Attempt
from ledger.models import LedgerAccount, LedgerTransaction, Reservation
from tests.api.conftest import Tenant
from tests.api.doors import REDEMPTIONS, Door, till
from tests.api.reservations.asking import RESERVATIONS, amount, code, confirm, errors, get, held, place, release, told
from tests.factories import make_claimant, make_client, make_site

NOBODYS = f"{RESERVATIONS}/00000000-0000-0000-0000-000000000007"


def test_from_the_hold_to_the_receipt(tenant: Tenant, shop: Door):
    placed = place(shop, amount("2.50"), code(" abc e6w5f "), amount(70, "points"), seconds=60)

    assert placed.status_code == 201
    body = placed.json()
    assert placed.headers["Location"] == f"{RESERVATIONS}/{body['id']}"
    assert set(body) == {"id", "token", "claimant_id", "created_at", "expires_at", "holds"}
    assert (body["claimant_id"], len(body["token"])) == ("u-1001", 43)
    assert body["holds"] == [
        {"code": "ABC-E6W5F"},
        {"kind": "cash", "asset": "EUR", "amount": "2.50"},
        {"kind": "points", "asset": "PTS", "amount": 70},
    ]
    assert (tenant.balance(), held(tenant), tenant.code().uses) == (1_000, 250, 0)

    seen = get(shop, placed)
    assert (seen.status_code, seen.json()["state"], seen.json()["ended_at"]) == (200, "open", None)
    assert "token" not in seen.json()
    assert body["token"] not in seen.content.decode()
    assert [hold["state"] for hold in seen.json()["holds"]] == ["open"] * 3

    taken = confirm(shop, placed, amounts={"cash": "1.50"}, reference="bill 7")
    assert taken.status_code == 200
    attempt, spent = Attempt.objects.get(), LedgerTransaction.objects.get(type="spend")
    assert taken.json()["state"] == "consumed"
    assert taken.json()["holds"] == [
        {
            "code": "ABC-E6W5F",
            "state": "consumed",
            "transaction_id": str(attempt.pk),
            "receipt_id": attempt.receipt_id,
        },
        {
            "kind": "cash",
            "asset": "EUR",
            "amount": "2.50",
            "state": "consumed",
            "taken": "1.50",
            "transaction_id": str(spent.pk),
        },
        {
            "kind": "points",
            "asset": "PTS",
            "amount": 70,
            "state": "consumed",
            "taken": 70,
            "transaction_id": str(spent.pk),
        },
    ]
    assert (tenant.balance(), held(tenant), spent.reference) == (1_000 + 2_500 - 150, 0, "bill 7")
    assert shop.get(f"{REDEMPTIONS}/{attempt.pk}").json()["receipt"]["reference"] == "bill 7"
    assert get(shop, placed).json() == taken.json()


def test_a_claimant_reserves_for_themselves_alone(tenant: Tenant, shop: Door, anna: Door):
    placed = place(anna, code(), amount("1.00"))
    assert placed.status_code == 201
    assert told(place(anna, amount("1.00"), claimant_id="u-2002")) == (403, "caller_not_allowed")
    assert confirm(anna, placed).status_code == 200


class TestRefusals:
    def test_the_hold_is_named_and_nothing_is_held(self, tenant: Tenant, shop: Door):
        refused = place(shop, amount("1.00"), code(), code("OLD-0001"))

        assert told(refused) == (410, "code_expired")
        assert errors(refused) == {"holds.2"}
        assert not Reservation.objects.exists()
        assert (held(tenant), tenant.code().held, tenant.balance()) == (0, 0, 1_000)

    @pytest.mark.parametrize(
        ("holds", "status", "reason"),
        [
            ([code("NOPE-0001")], 404, "code_not_found"),
            ([code("***")], 400, "code_format_invalid"),
            ([code("")], 400, "missing_code"),
            ([code("OFF-0001")], 409, "code_disabled"),
            ([code("SOON-0001")], 409, "code_not_yet_valid"),
            ([code("OWN-0001")], 403, "not_entitled"),
            ([amount("10.01")], 409, "insufficient_balance"),
            ([amount(71, "points")], 409, "insufficient_balance"),
            ([code(), amount("10.01")], 409, "insufficient_balance"),
        ],
    )
    def test_what_cannot_be_held(self, tenant: Tenant, shop: Door, holds, status, reason):
        assert told(place(shop, *holds, key="k1")) == (status, reason)
        assert (held(tenant), tenant.code().held, tenant.balance()) == (0, 0, 1_000)
        assert not Reservation.objects.exists()

    def test_a_held_code_says_when_to_try_again(self, tenant: Tenant, shop: Door):
        place(shop, code())

        refused = place(shop, code(), claimant_id="u-2002")

        assert told(refused) == (409, "code_reserved")
        assert int(refused.headers["Retry-After"]) >= 1

    def test_people(self, tenant: Tenant, shop: Door):
        assert told(place(shop, amount("1.00"), claimant_id="u-9999")) == (404, "claimant_unknown")
        assert told(place(shop, amount("1.00"), claimant_id="u-3003")) == (403, "claimant_inactive")
        assert told(place(shop, amount(1, "points"), claimant_id="u-2002")) == (409, "account_missing")

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({}, "holds"),
            ({"holds": []}, "holds"),
            ({"holds": [{}]}, "holds.0"),
            ({"holds": [{"code": "A", "kind": "cash", "amount": "1"}]}, "holds.0"),
            ({"holds": [{"kind": "cash"}]}, "holds.0"),
            ({"holds": [{"amount": "1.00"}]}, "holds.0"),
            ({"holds": [{"code": 12345}]}, "holds.0.code"),
            ({"holds": [{"code": None}]}, "holds.0.code"),
            ({"holds": [{"code": "A" * 101}]}, "holds.0.code"),
            ({"holds": [{"kind": "gold", "amount": "1.00"}]}, "holds.0.kind"),
            ({"holds": [{"kind": "cash", "amount": 1.5}]}, "holds.0.amount"),
            ({"holds": [{"kind": "cash", "amount": "-1.00"}]}, "holds.0.amount"),
            ({"holds": [{"kind": "cash", "amount": True}]}, "holds.0.amount"),
            ({"holds": [{"kind": "cash", "amount": "1e3"}]}, "holds.0.amount"),
            ({"holds": [{"kind": "cash", "amount": "1.001"}]}, "holds.cash"),
            ({"holds": [{"kind": "cash", "amount": "0.00"}]}, "holds.cash"),
            ({"holds": [{"kind": "points", "amount": "1.5"}]}, "holds.points"),
            ({"holds": [amount("1.00"), amount("2.00")]}, "holds"),
            ({"holds": [code(), code("abc e6w5f")]}, "holds"),
            ({"holds": [code(f"CODE-{number:04}") for number in range(21)]}, "holds"),
            ({"holds": [code()], "seconds": 0}, "seconds"),
            ({"holds": [code()], "seconds": 901}, "seconds"),
            ({"holds": [code()], "seconds": "60"}, "seconds"),
            ({"holds": [code()], "token": "mine"}, "token"),
            ({"holds": [code()], "claimant_id": ""}, "claimant_id"),
            ({"holds": [code()], "claimant_id": 7}, "claimant_id"),
        ],
    )
    def test_what_makes_no_sense(self, tenant: Tenant, shop: Door, body, field):
        refused = shop.post(RESERVATIONS, {"claimant_id": "u-1001", **body})

        assert told(refused) == (400, "invalid")
        assert errors(refused) == {field}
        assert not Reservation.objects.exists()
        assert (held(tenant), tenant.code().held) == (0, 0)

    def test_guessing_is_stopped(self, tenant: Tenant, shop: Door):
        for number in range(10):
            assert told(place(shop, code(f"NOPE-{number:04}"))) == (404, "code_not_found")
        refused = place(shop, code())

        assert told(refused) == (429, "too_many_attempts")
        assert int(refused.headers["Retry-After"]) > 1


class TestWhose:
    def test_another_caller_another_site_and_nobody_are_one_answer(self, tenant: Tenant, shop: Door, anna: Door):
        placed = place(shop, code(), amount("1.00"))
        elsewhere = make_site(slug="else", domain="else.localhost")
        make_claimant(elsewhere, claimant_id="u-1001")
        doors = [
            till(make_client(tenant.site, name="kiosk").key),
            anna,
            till(make_client(elsewhere).key, "else.localhost"),
        ]

        for door in doors:
            for answer in (get(door, placed), confirm(door, placed), release(door, placed)):
                assert told(answer) == (404, "not_found")
        for answer in (
            shop.get(NOBODYS),
            shop.post(f"{NOBODYS}/confirm", {"token": "x"}),
            shop.post(f"{NOBODYS}/release", {}),
        ):
            assert told(answer) == (404, "not_found")
        assert (tenant.balance(), held(tenant), Reservation.objects.get().ended_as) == (1_000, 100, "")

    def test_a_key_without_the_scope(self, tenant: Tenant, shop: Door):
        placed = place(shop, amount("1.00"))
        reader = till(make_client(tenant.site, ["read"]).key)

        answers = (place(reader, code()), get(reader, placed), confirm(reader, placed), release(reader, placed))
        assert {told(answer) for answer in answers} == {(403, "scope_missing")}

    def test_without_credentials(self, tenant: Tenant, shop: Door):
        assert told(place(Door("t.localhost", {}), code())) == (401, "unauthenticated")


class TestKeys:
    def test_the_same_request_again_is_the_same_answer(self, tenant: Tenant, shop: Door):
        first = place(shop, code(), amount("1.00"), key="k1")
        confirm(shop, first, amounts={"cash": "0.50"})

        again = place(shop, code(), amount("1.00"), key="k1")

        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert "Idempotent-Replayed" not in first.headers
        assert Reservation.objects.count() == 1

    def test_another_request_with_it(self, tenant: Tenant, shop: Door):
        placed = place(shop, amount("1.00"), key="k1")

        assert told(place(shop, amount("2.00"), key="k1")) == (422, "idempotency_mismatch")
        assert told(confirm(shop, placed, key="k1")) == (422, "idempotency_mismatch")
        assert (tenant.balance(), held(tenant)) == (1_000, 100)

    @pytest.mark.parametrize("key", ["", "a b", "a,b", "k" * 256])
    def test_one_that_is_none(self, tenant: Tenant, shop: Door, key: str):
        assert told(place(shop, amount("1.00"), key=key)) == (400, "request_malformed")
        assert held(tenant) == 0


def test_no_token_and_no_code_rests_readable(tenant: Tenant, shop: Door):
    placed = place(shop, code(), amount("1.00"), key="k1")
    confirm(shop, placed, key="k2")
    token = placed.json()["token"].encode()

    for row in Reservation.objects.all():
        assert token not in bytes(row.token_digest)
        assert placed.json()["token"] not in str(vars(row))
    assert LedgerAccount.objects.filter(held__gt=0).count() == 0
