"""om_GetPrepaidCodes_Ad, pm_CheckPersonIdentity_Pu, mi_GetReturnCodeMessage and mi_GetUnits."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditRecord, PersonType, Visitor
from codes import lookup, prepaid_codes
from codes.models import Batch, Code
from redemption_site.protocols.prepaid.return_codes import MEANINGS
from tests.codes import shop as desk
from tests.codes.conftest import StoppedClock
from tests.factories import make_asset, make_batch, make_code, make_site, make_staff
from tests.people import BOTH
from tests.plans import read_whole
from tests.protocols.prepaid.conftest import C1, C2, C3, C4, Tenant, call, moved
from tests.protocols.prepaid.shops import Shop, code_of, failure, messages, outputs, rows, told

CODES, CHECK = "om_GetPrepaidCodes_Ad", "pm_CheckPersonIdentity_Pu"
IDENT = {"PersonIdentificationValues": BOTH, "PersonTypeID": 1, "UniqueID": "visitor-0001"}


@pytest.fixture
def boss(tenant: Tenant) -> Shop:
    make_staff(tenant.site, email="boss@example.test", claimant_id="boss")
    return tenant.shop.as_("boss@example.test")


def listed(boss: Shop, **query: object) -> list[str | None]:
    return [row["PrepaidCode"] for row in rows(boss.call(CODES, query, method="GET"))]


class TestPrepaidCodes:
    def test_by_use(self, boss: Shop):
        assert listed(boss) == listed(boss, FilterByUseState=2) == [C4, C2, C1]
        assert listed(boss, FilterByUseState=1) == [C3]
        assert listed(boss, FilterByUseState=0) == [C4, C3, C2, C1]

    def test_in_order(self, boss: Shop, monkeypatch: pytest.MonkeyPatch):
        newest = [C4, C3, C2, C1]
        for page in (1, 2, 2_000):
            monkeypatch.setattr(prepaid_codes, "PAGE", page)
            for order in (None, '""', "GeneratedAtDateAndTime DESC"):
                assert listed(boss, FilterByUseState=0, OrderBy=order) == newest
            assert listed(boss, FilterByUseState=0, OrderBy="GeneratedAtDateAndTime") == newest[::-1]
        for order in ("PrepaidCode", "generatedatdateandtime", "1; DROP TABLE codes_code"):
            assert code_of(boss.call(CODES, {"OrderBy": order})) == -500

    def test_an_exact_code_in_any_spelling_and_all_else_ignored(self, boss: Shop):
        for spelling in (C3, C3.lower().replace("-", ""), f" {C3} "):
            assert listed(boss, PrepaidCode=spelling, FilterByUseState=2, ToCodeValidUntil="2000-01-01T00:00:00Z") == [
                C3
            ]
        assert listed(boss, PrepaidCode="NOPE-0000") == listed(boss, PrepaidCode="***") == []

    def test_by_the_last_second_of_validity(self, tenant: Tenant, boss: Shop):
        [row] = rows(boss.call(CODES, {"PrepaidCode": C2}, method="GET"))
        last = row["CodeValidUntil"]
        assert last == "2026-11-19T23:59:59Z"
        assert listed(boss, FromCodeValidUntil=last, ToCodeValidUntil=last) == [C2]
        assert listed(boss, FromCodeValidUntil="2026-11-20T00:00:00Z") == []
        assert listed(boss, ToCodeValidUntil="2026-11-19T23:59:58Z") == []
        assert listed(boss, FromCodeValidUntil="9999-12-31T23:59:59Z") == []

    def test_only_this_tenant_s_codes_that_credit_money(self, tenant: Tenant, boss: Shop):
        make_asset("PTS")
        make_code(make_site(), "FAR-AWAY-0000")
        tenant.make_code("P01NTS", cents=0, action="credit", asset_code="PTS", value=5)
        tenant.make_code("TAGS-0000", cents=0, action="add_tags", parameters={"tags": ["vip"]})
        Code.objects.filter(pk=tenant.code(C2).pk).update(state="deleted")
        Batch.objects.filter(pk=tenant.code(C4).batch_id).update(state="archived")

        assert listed(boss, FilterByUseState=0) == [C3, C1]
        assert listed(boss, PrepaidCode="FAR-AWAY-0000") == listed(boss, PrepaidCode="TAGS-0000") == []
        assert listed(boss, PrepaidCode=C2) == listed(boss, PrepaidCode=C4) == []

    def test_an_order_s_codes_name_the_order(self, tenant: Tenant, boss: Shop):
        item = desk.make_item(tenant.site, 2)
        desk.move(item, 4)
        item.refresh_from_db()
        found = rows(boss.call(CODES, method="GET"))
        assert [row["GeneratedByOrderID"] for row in found] == [str(item.order.number)] * 2 + [None] * 3
        shown = {lookup.shown(code) for code in Code.objects.filter(order=item.issue_order)}
        assert {row["PrepaidCode"] for row in found[:2]} == shown
        assert found[0]["PrepaidValue"] == "25.0000"

    def test_the_audit_has_how_many_and_for_what(self, boss: Shop):
        listed(boss, FilterByUseState=0)
        listed(boss, PrepaidCode=C1)
        code_of(boss.call(CODES, "Foo=1"))

        every, exact = AuditRecord.objects.filter(action="prepaid.export").order_by("pk")
        assert (every.actor_id, every.detail["codes"], every.detail["exact"]) == ("boss", 4, False)
        assert (exact.detail["codes"], exact.detail["exact"], exact.detail["door"]) == (1, True, "prepaid")
        assert "ABCD" not in str(exact.detail)

    def test_what_could_not_be_audited_is_not_told(self, tenant: Tenant, boss: Shop, monkeypatch: pytest.MonkeyPatch):
        def fail(*_: object, **__: object) -> None:
            raise RuntimeError("out of paper")

        monkeypatch.setattr(prepaid_codes.auditing, "record", fail)
        tenant.shop.browser.raise_request_exception = False
        assert told(boss.call(CODES)) == (200, failure(-504, CODES))

    def test_its_statements_are_bounded_and_use_indexes(self, tenant: Tenant, boss: Shop):
        def count() -> int:
            with CaptureQueriesContext(connection) as made:
                listed(boss, FilterByUseState=0)
            return len(made)

        count()  # Whose login has been verified then.
        few = count()
        batch = make_batch(tenant.site, count=40, worth_cents=100)
        assert count() == few
        assert len(listed(boss)) == 43
        assert read_whole(lambda: listed(boss, PrepaidCode=C1)) == []
        assert read_whole(lambda: listed(boss, FilterByUseState=1)) == []
        assert batch.state == "active"

    def test_a_look_is_bounded_too(self, tenant: Tenant, boss: Shop, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(prepaid_codes, "MOST_PAGES", 1)
        monkeypatch.setattr(prepaid_codes, "PAGE", 2)
        response = boss.call(CODES, method="GET")
        assert [row["PrepaidCode"] for row in rows(response)] == [C4, C2]
        assert messages(response) == ["There are more rows than one request is answered with."]


class TestIdentity:
    def test_who_it_is(self, tenant: Tenant):
        response = tenant.shop.call(CHECK, IDENT)
        person = str(tenant.person.pk)
        assert (code_of(response), outputs(response)) == (0, {"PersonID": person})
        assert b"<ResultSets/>" in response.content
        assert rows(tenant.shop.call(CHECK, {**IDENT, "SelectResult": 1, "PersonID": 5})) == [{"PersonID": person}]
        assert b"<ResultSets/>" in tenant.shop.call(CHECK, {**IDENT, "SelectResult": 0}).content
        assert Visitor.objects.filter(unique_id="visitor-0001").exists()

    @pytest.mark.parametrize(
        "asked",
        [
            {"CaseSensitive": 1},
            {"CaseSensitive": None},
            {"GrantAccessValues": None},
            {"GrantAccessValues": '""'},
            {"IdentificationIDs": "7¶8"},
            {"IdentificationIDs": None},
        ],
    )
    def test_what_is_asked_as_it_is_done(self, tenant: Tenant, asked: dict[str, object]):
        assert code_of(tenant.shop.call(CHECK, {**IDENT, **asked})) == 0

    @pytest.mark.parametrize(
        "asked",
        [
            {"CaseSensitive": 0},
            {"GrantAccessValues": "x"},
            {"IdentificationIDs": "8¶7"},
            {"IdentificationIDs": "7"},
            {"IdentificationIDs": "7,8"},
            {"IdentificationIDs": "7¶8", "PersonTypeID": 9},
        ],
    )
    def test_what_is_asked_otherwise(self, tenant: Tenant, asked: dict[str, object]):
        assert told(tenant.shop.call(CHECK, {**IDENT, **asked})) == (200, failure(-566, CHECK))
        assert not Visitor.objects.filter(unique_id="visitor-0001").exists()

    def test_nobody(self, tenant: Tenant):
        wrong = {**IDENT, "PersonIdentificationValues": f"{BOTH}x"}
        assert told(tenant.shop.call(CHECK, wrong)) == (200, failure(-660, CHECK))

    def test_what_it_stores_serves_the_redemption_for_a_day(self, tenant: Tenant, stopped_clock: StoppedClock):
        tenant.shop.call(CHECK, IDENT)
        stopped_clock.advance(hours=23)
        assert code_of(tenant.shop.call(CHECK, {**IDENT, "PersonIdentificationValues": None})) == 0
        stopped_clock.advance(hours=23, minutes=59)
        assert code_of(tenant.redeem(PersonIdentificationValues=None)) == 0
        stopped_clock.advance(hours=24, seconds=1)
        before = moved()
        assert code_of(tenant.redeem(PersonIdentificationValues=None)) == -660
        assert moved() == before


class TestWords:
    def test_all_return_codes(self, tenant: Tenant):
        found = rows(tenant.shop.call("mi_GetReturnCodeMessage", method="GET"))
        assert [row["ReturnCode"] for row in found] == [str(code) for code in MEANINGS]

    def test_german(self, tenant: Tenant):
        response = tenant.shop.call("mi_GetReturnCodeMessage", "ReturnCode=-1302&LanguageID=2", method="GET")
        assert rows(response) == [
            {
                "ReturnCode": "-1302",
                "Description": "Validierung fehlgeschlagen, da der Code nicht mehr gültig ist",
                "DetailedDescription": None,
            }
        ]

    @pytest.mark.parametrize("query", ["ReturnCode=0", "ReturnCode=-9999", "ReturnCode=5"])
    def test_a_code_that_there_is_not(self, tenant: Tenant, query: str):
        assert rows(tenant.shop.call("mi_GetReturnCodeMessage", query, method="GET")) == []

    @pytest.mark.parametrize("language", ["0", "3", "-1"])
    def test_a_language_that_there_is_not(self, tenant: Tenant, language: str):
        assert code_of(tenant.shop.call("mi_GetReturnCodeMessage", f"LanguageID={language}")) == -500

    def test_units(self, tenant: Tenant):
        make_asset("PTS")
        eur = tenant.account().asset

        def units(query: str = "") -> list[str | None]:
            return [row["UnitSymbol"] for row in rows(tenant.shop.call("mi_GetUnits", query, method="GET"))]

        assert units() == units("UnitCategoryID=&Active=") == units("Active=1&UnitCategoryID=1") == ["EUR", "USD"]
        assert units("UnitCategoryID=2") == units("Active=0") == units("UnitID=0") == []
        [row] = rows(tenant.shop.call("mi_GetUnits", f"UnitID={eur.pk}", method="GET"))
        assert row == {"UnitID": str(eur.pk), "UnitSymbol": "EUR", "UnitDescription": eur.name, "Active": "1"}


def test_a_person_type_without_settings_cannot_be_checked(tenant: Tenant):
    PersonType.objects.filter(pk=tenant.kind.pk).update(identified_by="7,8")
    assert code_of(tenant.shop.call(CHECK, IDENT)) == -621


def test_reading_takes_get_and_post_and_changing_post_alone(tenant: Tenant):
    assert code_of(tenant.shop.call("mi_GetUnits", method="POST")) == 0
    response = tenant.shop.call("mi_GetUnits", method="HEAD")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, POST")
    response = tenant.shop.call(CHECK, call(), method="GET")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
