"""The related procedures that have to do with accounts: reading, opening, changing and booking."""

import pytest

from accounts.models import AuditRecord, PrepaidSettings
from ledger import moving
from ledger.models import Asset, LedgerAccount, SuspendedBooking
from tests.codes.conftest import StoppedClock
from tests.codes.redeeming import assert_sound
from tests.factories import make_account, make_asset, make_claimant, make_client, make_staff
from tests.people import BOTH, make_shop
from tests.protocols.prepaid.conftest import Tenant, moved
from tests.protocols.prepaid.shops import Shop, code_of, failure, messages, outputs, rows, success, told

IDENT = {"PersonIdentificationValues": BOTH, "PersonTypeID": 1, "UniqueID": "visitor-0001"}
PERFORM, MODIFY, CREATE = "om_PerformCashAccTransact_Ad", "om_ModifyCustomerCashAcc_Ad", "om_CreateCustomerCashAcc_Pu"
TRANSACTIONS = "om_GetCashAccTransactions_Ad"


@pytest.fixture
def boss(bare: Tenant) -> Shop:
    make_staff(bare.site, email="boss@example.test", claimant_id="boss")
    return bare.shop.as_("boss@example.test")


def perform(boss: Shop, tenant: Tenant, **changed: object) -> int:
    given = {
        "PersonID": tenant.person.pk,
        "CashAccountTypeID": 1,
        "TransactionTypeID": 7,
        "TransactionValue": "5",
        "TransactionComment": "Thank you",
        **changed,
    }
    return code_of(boss.call(PERFORM, given))


def modify(boss: Shop, tenant: Tenant, **changed: object) -> int:
    return code_of(boss.call(MODIFY, {"PersonID": tenant.person.pk, "CashAccountTypeID": 1, **changed}))


class TestReading:
    def test_one_s_own_accounts_byte_for_byte(self, bare: Tenant):
        response = bare.shop.call("om_GetCustomerCashAccounts_Pu", IDENT, method="GET")

        assert (
            response.content.decode()
            == f"""<?xml version="1.0" encoding="UTF-8"?>
<EngineProcedure Name="om_GetCustomerCashAccounts_Pu">
  <ReturnCode>0</ReturnCode>
  <OutputParameters/>
  <ResultSets>
    <ResultSet No="0">
      <Row No="0">
        <Column Name="PersonID">{bare.person.pk}</Column>
        <Column Name="CashAccountTypeID">1</Column>
        <Column Name="CashAccountType">Guthaben</Column>
        <Column Name="CurrencyID">{bare.account().asset_id}</Column>
        <Column Name="AccountStatus">0</Column>
        <Column Name="MinAccountBalance">0.0000</Column>
      </Row>
    </ResultSet>
  </ResultSets>
  <Messages/>
</EngineProcedure>
"""
        )

    def test_no_account_is_no_row(self, bare: Tenant):
        bare.make_other("poor@example.test", balance=None)
        ident = {**IDENT, "PersonIdentificationValues": "poor@example.test¶5f4dcc3b", "UniqueID": "v2"}
        response = bare.shop.call("om_GetCustomerCashAccounts_Pu", ident)

        assert b'<ResultSet No="0"/>' in response.content
        assert code_of(bare.shop.call("om_GetCashAccTransactions_Pu", ident)) == -1323

    def test_points_are_no_cash(self, bare: Tenant):
        make_account(bare.person.user, make_asset("PTS"), balance=7)
        assert len(rows(bare.shop.call("om_GetCustomerCashAccounts_Pu", IDENT))) == 1

    @pytest.mark.parametrize(("state", "status"), [("open", "0"), ("credit_only", "1"), ("closed", "2")])
    def test_statuses_and_minimum(self, bare: Tenant, boss: Shop, state: str, status: str):
        bare.set_account(state=state, floor=-1_234)
        [row] = rows(boss.call("om_GetCustomerCashAccounts_Ad", {"PersonID": bare.person.pk}, method="GET"))
        assert (row["AccountStatus"], row["MinAccountBalance"]) == (status, "-12.3400")

    def test_everybody_s_accounts_of_this_tenant(self, bare: Tenant, boss: Shop):
        other = bare.make_other()
        _, _, stranger = make_shop(slug="elsewhere")
        make_account(stranger.user)
        name = "om_GetCustomerCashAccounts_Ad"

        found = [row["PersonID"] for row in rows(boss.call(name, method="GET"))]
        assert found == [str(bare.person.pk), str(other.pk)]
        assert rows(boss.call(name, {"PersonID": stranger.pk}, method="GET")) == []
        assert code_of(boss.call(TRANSACTIONS, {"PersonID": stranger.pk}, method="GET")) == -1323
        assert code_of(boss.call(TRANSACTIONS, method="GET")) == -1323

    def test_transactions_since(self, bare: Tenant, boss: Shop, stopped_clock: StoppedClock):
        stopped_clock.advance(hours=1)
        moving.spend(bare.account(), 150, comment="a coffee", actor_id="boss")
        query = {"PersonID": bare.person.pk, "OnlyTransactionsSince": "2026-11-21T13:30:00+01:00"}

        response = boss.call(TRANSACTIONS, query, method="GET")

        [row] = rows(response)
        assert (row["TransactionTypeID"], row["TransactionValue"], row["TransactionComment"]) == (
            "2",
            "-1.5000",
            "a coffee",
        )
        assert outputs(response) == {"AccountBalance": "8.5000"}
        assert len(rows(boss.call(TRANSACTIONS, {"PersonID": bare.person.pk}, method="GET"))) == 2

    def test_an_account_type_that_there_is_not(self, bare: Tenant, boss: Shop):
        for number, code in ((None, 0), (1, 0), (2, -1323), (0, -1323)):
            query = {"PersonID": bare.person.pk, "CashAccountTypeID": number}
            assert code_of(boss.call(TRANSACTIONS, query, method="GET")) == code

    def test_there_are_so_many_rows_at_most(self, bare: Tenant, boss: Shop, monkeypatch: pytest.MonkeyPatch):
        from redemption_site.protocols.prepaid import calling, cash

        monkeypatch.setattr(cash, "PAGE", 2)
        for number in range(4):
            moving.spend(bare.account(), 1, comment=f"{number}", actor_id="boss")
        query = {"PersonID": bare.person.pk}
        assert [row["TransactionComment"] for row in rows(boss.call(TRANSACTIONS, query, method="GET"))] == [
            *"3210",
            "opening balance",
        ]
        monkeypatch.setattr(calling.Room, "__init__", lambda self, rows=3: setattr(self, "rows", 3))
        response = boss.call(TRANSACTIONS, query, method="GET")
        assert [row["TransactionComment"] for row in rows(response)] == [*"321"]
        assert messages(response) == ["There are more rows than one request is answered with."]

    def test_markup_in_a_comment_is_text(self, bare: Tenant, boss: Shop):
        comment = "<b>&amp;\"'</b> ]]> é\u200d"
        moving.spend(bare.account(), 1, comment=comment, actor_id="boss")
        [row, _] = rows(boss.call(TRANSACTIONS, {"PersonID": bare.person.pk}, method="GET"))
        assert row["TransactionComment"] == comment

    def test_account_types_and_transaction_types(self, bare: Tenant, boss: Shop):
        PrepaidSettings.objects.update(least_balance="-12.5")
        assert rows(bare.shop.call("om_GetCashAccountTypes", method="GET")) == [
            {"CashAccountTypeID": "1", "CashAccountType": "Guthaben", "MinAccountBalance": "-12.5000"}
        ]
        found = rows(boss.call("om_GetCashAccTransactTypes_Ad", method="GET"))
        assert [tuple(row.values()) for row in found] == [
            ("2", "Payout", "0", "0"),
            ("3", "Manual correction", "0", "0"),
            ("5", "Credit top-up by entering a code", "1", "1"),
            ("7", "Manual top-up", "1", "0"),
        ]
        assert [*found[0]] == [
            *("TransactionTypeID", "TransactionType", "PositiveTransactionValues", "AccountHolderTransactions")
        ]

    def test_a_currency_of_more_than_four_decimal_places(self, bare: Tenant, boss: Shop):
        fine = Asset.objects.create(code="XBT", name="fine", kind="money", exponent=6)
        person = bare.make_other(balance=None)
        make_account(person.user, fine, balance=1_000_100)
        query = {"PersonID": person.pk}
        assert outputs(boss.call(TRANSACTIONS, query, method="GET")) == {"AccountBalance": "1.0001"}
        moving.spend(bare.account(person), 1, comment="x", actor_id="boss")
        assert code_of(boss.call(TRANSACTIONS, query, method="GET")) == -503


class TestOpening:
    @pytest.fixture
    def poor(self, bare: Tenant) -> dict[str, object]:
        bare.make_other("poor@example.test", balance=None)
        return {**IDENT, "PersonIdentificationValues": "poor@example.test¶5f4dcc3b", "UniqueID": "v2"}

    def test_in_the_default_currency_with_the_type_s_minimum(self, bare: Tenant, poor: dict[str, object]):
        PrepaidSettings.objects.update(least_balance="-5")
        assert told(bare.shop.call(CREATE, poor)) == (200, success(CREATE))

        account = LedgerAccount.objects.get(owner__person__properties__value="poor@example.test")
        assert (account.asset.code, account.floor, account.balance, account.state) == ("EUR", -500, 0, "open")
        assert told(bare.shop.call(CREATE, poor)) == (200, failure(-500, CREATE))
        assert_sound()

    def test_in_another_currency_by_the_other_name(self, bare: Tenant, poor: dict[str, object]):
        name = "om_CreateCustomerCashAccount_Pu"
        usd = make_asset("USD")
        answer = bare.shop.call(name, {**poor, "CurrencyID": usd.pk, "CashAccountTypeID": 1})
        assert told(answer) == (200, success(name))
        assert LedgerAccount.objects.filter(asset=usd, owner__isnull=False).count() == 1

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"CashAccountTypeID": 2}, -500),
            ({"CurrencyID": 2**31 - 1}, -500),
            ({"PersonIdentificationValues": "poor@example.test¶x"}, -660),
            ({"UniqueID": "defaultUniqueID"}, -602),
        ],
    )
    def test_what_is_refused(self, bare: Tenant, poor: dict[str, object], changed: dict[str, object], code: int):
        before = moved()
        assert told(bare.shop.call(CREATE, {**poor, **changed})) == (200, failure(code, CREATE))
        assert moved() == before

    def test_points_are_no_currency_and_settings_may_lack_one(self, bare: Tenant, poor: dict[str, object]):
        points = make_asset("PTS")
        assert code_of(bare.shop.call(CREATE, {**poor, "CurrencyID": points.pk})) == -500
        for code in ("", "PTS", "NIX"):
            PrepaidSettings.objects.update(default_currency_code=code)
            assert code_of(bare.shop.call(CREATE, poor)) == -550
        PrepaidSettings.objects.update(default_currency_code="EUR", least_balance="0.0001")
        assert code_of(bare.shop.call(CREATE, poor)) == -550


class TestChanging:
    def test_status_and_minimum(self, bare: Tenant, boss: Shop):
        assert modify(boss, bare, AccountStatus=1, MinAccountBalance="-20.5") == 0
        account = bare.account()
        assert (account.state, account.floor) == ("credit_only", -2_050)

        PrepaidSettings.objects.update(least_balance="3")
        assert modify(boss, bare, AccountStatus=None) == 0
        account = bare.account()
        assert (account.state, account.floor) == ("credit_only", 300)
        assert modify(boss, bare) == 0
        assert bare.account().state == "open"
        [*_, last] = AuditRecord.objects.filter(action="account.change").order_by("pk")
        assert (last.actor_id, last.detail["reason"]) == ("boss", f"called {MODIFY}")

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"AccountStatus": 3}, -500),
            ({"PersonID": 2**31 - 1}, -1323),
            ({"PersonID": None}, -1323),
            ({"CashAccountTypeID": 2}, -1323),
            ({"CurrencyID": 2**31 - 1}, -566),
            ({"MinAccountBalance": "0.001"}, -500),
            ({"MinAccountBalance": "-100000000000000"}, -500),
            ({"DeleteAccount": 1}, -566),
        ],
    )
    def test_what_is_refused(self, bare: Tenant, boss: Shop, changed: dict[str, object], code: int):
        before = moved()
        assert modify(boss, bare, **changed) == code
        assert moved() == before

    def test_an_empty_account_is_closed(self, bare: Tenant, boss: Shop):
        moving.spend(bare.account(), 1_000, comment="all of it", actor_id="boss")
        asset = bare.account().asset_id
        assert modify(boss, bare, DeleteAccount=1, CurrencyID=asset) == 0
        assert bare.account().state == "closed"
        assert code_of(bare.redeem(PrepaidCode="NOPE-0000")) == -1301

    def test_another_tenant_s_person_is_nobody(self, bare: Tenant, boss: Shop):
        _, _, stranger = make_shop(slug="elsewhere")
        make_account(stranger.user)
        before = moved()
        assert modify(boss, bare, PersonID=stranger.pk, AccountStatus=2) == -1323
        assert perform(boss, bare, PersonID=stranger.pk) == -1323
        assert moved() == before


class TestBooking:
    @pytest.mark.parametrize(
        ("number", "value", "balance", "type_"),
        [(7, "5", 1_500, "grant"), (2, "-2.50", 750, "payout"), (3, "-10.0000", 0, "correction")],
    )
    def test_each_type(self, bare: Tenant, boss: Shop, number: int, value: str, balance: int, type_: str):
        assert perform(boss, bare, TransactionTypeID=number, TransactionValue=value, InternalComment="ticket 7") == 0

        assert bare.balance() == balance
        [row, _] = rows(boss.call(TRANSACTIONS, {"PersonID": bare.person.pk}, method="GET"))
        assert (row["TransactionTypeID"], row["TransactionComment"]) == (str(number), "Thank you")
        record = AuditRecord.objects.get(action=f"ledger.{type_}", detail__internal_comment="ticket 7")
        assert record.actor_id == "boss"
        assert_sound()

    @pytest.mark.parametrize(
        ("changed", "code"),
        [
            ({"TransactionValue": "0"}, -500),
            ({"TransactionValue": "-0.0000"}, -500),
            ({"TransactionValue": "-5"}, -500),
            ({"TransactionTypeID": 2}, -500),
            ({"TransactionTypeID": 3}, -500),
            ({"TransactionTypeID": 5}, -500),
            ({"TransactionTypeID": 1}, -500),
            ({"TransactionValue": "0.001"}, -500),
            ({"TransactionValue": "99999999999999.99"}, -500),
            ({"TransactionTypeID": 2, "TransactionValue": "-10.01"}, -1321),
            ({"CurrencyID": 2**31 - 1}, -504),
            ({"CashAccountTypeID": 3}, -1323),
            ({"PersonID": None}, -1323),
            ({"TransactionComment": " "}, -500),
        ],
    )
    def test_what_is_refused(self, bare: Tenant, boss: Shop, changed: dict[str, object], code: int):
        before = moved()
        assert perform(boss, bare, **changed) == code
        assert moved() == before

    def test_statuses(self, bare: Tenant, boss: Shop):
        bare.set_account(state="credit_only")
        assert perform(boss, bare, TransactionTypeID=2, TransactionValue="-1") == -1322
        assert perform(boss, bare) == 0
        bare.set_account(state="closed")
        assert perform(boss, bare) == -1322
        assert bare.balance() == 1_500

    def test_a_suspended_one_counts_from_its_date_on(self, bare: Tenant, boss: Shop, stopped_clock: StoppedClock):
        assert perform(boss, bare, SuspendUntil="2026-11-21T13:00:00Z") == 0
        query = {"PersonID": bare.person.pk}
        response = boss.call(TRANSACTIONS, query, method="GET")
        [row, _] = rows(response)
        suspended = SuspendedBooking.objects.get()
        assert (row["TransactionID"], row["SuspendedUntil"]) == (str(-suspended.pk), "2026-11-21T13:00:00Z")
        assert outputs(response) == {"AccountBalance": "10.0000"}

        stopped_clock.advance(hours=1)
        assert outputs(boss.call(TRANSACTIONS, query, method="GET")) == {"AccountBalance": "15.0000"}

    @pytest.mark.parametrize("until", ["2026-11-21T12:00:00Z", "2020-01-01T00:00:00", None])
    def test_a_date_that_has_come_books_at_once(self, bare: Tenant, boss: Shop, until: str | None):
        assert perform(boss, bare, SuspendUntil=until) == 0
        assert bare.balance() == 1_500

    def test_a_client_by_the_other_name(self, bare: Tenant):
        prefix, secret = make_client(bare.site, ["cash"]).key.split(".")
        name = "om_PerformCashAccountTransaction_Ad"
        given = {"PersonID": bare.person.pk, "TransactionTypeID": 7, "TransactionValue": "1", "TransactionComment": "x"}
        assert told(bare.shop.as_(prefix, secret).call(name, given)) == (200, success(name))
        assert AuditRecord.objects.get(action="ledger.grant", actor_id=prefix)


def test_who_is_not_a_person_has_no_account_here(bare: Tenant, boss: Shop):
    make_claimant(bare.site, balance=100)
    assert len(rows(boss.call("om_GetCustomerCashAccounts_Ad", method="GET"))) == 1
