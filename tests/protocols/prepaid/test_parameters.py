"""Every parameter of every procedure against what its declaration refuses, and the types' own grammars."""

import datetime as dt
from decimal import Decimal

import pytest

from redemption_site.protocols.prepaid.calling import Procedure
from redemption_site.protocols.prepaid.parameters import (
    BIT,
    INSTANT_TYPE,
    INT,
    MANDATORY,
    MONEY,
    TINYINT,
    Parameter,
    SqlType,
    VarChar,
    read_parameters,
)
from redemption_site.protocols.prepaid.procedures.registry import ALL, PROCEDURES
from redemption_site.protocols.prepaid.reading import Given
from redemption_site.protocols.prepaid.return_codes import Failed
from tests.factories import make_staff
from tests.people import BOTH
from tests.protocols.prepaid.conftest import C1, Tenant, moved, people
from tests.protocols.prepaid.shops import failure, told

IDENT = {"PersonIdentificationValues": BOTH, "PersonTypeID": 1, "UniqueID": "visitor-0001"}
BY_PROCEDURE: dict[str, dict[str, object]] = {
    "om_RedeemPrepaidCode_Pu": {**IDENT, "PrepaidCode": C1, "TransactionComment": "Gift card"},
    "om_PerformCashAccTransact_Ad": {"TransactionTypeID": 7, "TransactionValue": "1", "TransactionComment": "x"},
}
# The contract's tables: name → (type, default, NULL allowed), in their order.
REDEEM_TABLE = {
    "PrepaidCode": ("varchar(50)", MANDATORY, False),
    "PersonIdentificationValues": ("varchar(255)", MANDATORY, True),
    "PersonTypeID": ("tinyint", MANDATORY, False),
    "UniqueID": ("varchar(50)", MANDATORY, False),
    "TransactionComment": ("varchar(100)", MANDATORY, False),
    "SeparatorInIdentVals": ("varchar(4)", "¶", False),
}
RELATED_TABLE = {
    "om_GetCustomerCashAccounts_Pu": "ident",
    "om_GetCustomerCashAccounts_Ad": "PersonID",
    "om_GetCashAccTransactions_Pu": "ident CashAccountTypeID OnlyTransactionsSince",
    "om_GetCashAccTransactions_Ad": "PersonID CashAccountTypeID OnlyTransactionsSince",
    "om_GetCashAccountTypes": "",
    "om_GetCashAccTransactTypes_Ad": "",
    "om_GetPrepaidCodes_Ad": "PrepaidCode FromCodeValidUntil ToCodeValidUntil FilterByUseState=2 OrderBy",
    "om_CreateCustomerCashAcc_Pu": "ident CashAccountTypeID CurrencyID",
    "om_ModifyCustomerCashAcc_Ad": "PersonID CashAccountTypeID CurrencyID AccountStatus=0 MinAccountBalance DeleteAccount=False",
    "om_PerformCashAccTransact_Ad": "PersonID CashAccountTypeID TransactionTypeID=mandatory TransactionValue=mandatory"
    " TransactionComment=mandatory CurrencyID SuspendUntil InternalComment",
    "pm_CheckPersonIdentity_Pu": "ident PersonID SelectResult GrantAccessValues CaseSensitive IdentificationIDs",
    "mi_GetReturnCodeMessage": "ReturnCode LanguageID",
    "mi_GetUnits": "UnitCategoryID=1 UnitID Active=True",
}
IDENT_TABLE = "PersonIdentificationValues=mandatory PersonTypeID=mandatory UniqueID=mandatory SeparatorInIdentVals=¶"


def declared(procedure: Procedure) -> str:
    """Names with their defaults; without one the default is NULL."""
    return " ".join(
        each.name if each.default is None else f"{each.name}={each.default}" for each in procedure.parameters
    )


def test_the_redemption_declares_the_contract_s_table():
    found = {
        each.name: (str(each.type), each.default, each.null)
        for each in PROCEDURES["om_RedeemPrepaidCode_Pu"].parameters
    }
    assert list(found.items()) == list(REDEEM_TABLE.items())


@pytest.mark.parametrize("name", RELATED_TABLE)
def test_the_others_declare_theirs(name: str):
    assert declared(PROCEDURES[name]) == RELATED_TABLE[name].replace("ident", IDENT_TABLE)


def test_every_procedure_is_in_a_table():
    assert {each.name for each in ALL} == {*RELATED_TABLE, "om_RedeemPrepaidCode_Pu"}


def test_null_is_allowed_where_no_table_says_otherwise():
    refusing = {(each.name, p.name) for each in ALL for p in each.parameters if not p.null}
    ident = {"PersonTypeID", "UniqueID", "SeparatorInIdentVals"}
    assert refusing == {
        *(("om_RedeemPrepaidCode_Pu", name) for name in ident | {"PrepaidCode", "TransactionComment"}),
        *((each, name) for each, table in RELATED_TABLE.items() if "ident" in table for name in ident),
        ("om_GetPrepaidCodes_Ad", "FilterByUseState"),
        *(("om_PerformCashAccTransact_Ad", f"Transaction{what}") for what in ("TypeID", "Value", "Comment")),
    }


def faults(parameter: Parameter) -> list[tuple[object, int]]:
    """What a shop could send for it, and the code that tells so."""
    wrong: list[tuple[object, int]] = [] if parameter.null else [(None, -500)]
    match str(parameter.type):
        case "tinyint":
            wrong += [("256", -500), ("-1", -500)]
        case "int":
            wrong += [(2**31, -500), (-(2**31) - 1, -500)]
        case "bit":
            wrong += [("2", -500), ("-1", -500)]
        case "decimal(19,4)":
            wrong += [("1" * 16, -500), ("0.00001", -500), ("1,5", -530)]
        case "datetime":
            wrong += [("2026-02-30T00:00:00Z", -530), ("-0044-03-15T00:00:00Z", -500), ("2026-01-01", -530)]
        case name:
            most = int(name[len("varchar(") : -1])
            return [*wrong, ("x" * (most + 1), -500), ("ü" * (most // 2 + 1), -500), ("a\0", -500), (b"%FF", -500)]
    return [
        *wrong,
        *((text, -530) for text in ("abc", "1e1", "+1", "1_0", "٣", " 1", "0x1", "NaN", "true", '""', "1\0")),
        ("9" * 5_000, -530 if str(parameter.type) == "datetime" else -500),
    ]


@pytest.mark.parametrize("procedure", ALL, ids=lambda procedure: procedure.name)
def test_every_parameter_is_refused_by_its_declaration(tenant: Tenant, procedure: Procedure):
    make_staff(tenant.site, email="boss@example.test")
    boss = tenant.shop.as_("boss@example.test")
    ident = IDENT if any(each.name == "UniqueID" for each in procedure.parameters) else {}
    good = BY_PROCEDURE.get(procedure.name, ident)
    before = moved(), people()

    for parameter in procedure.parameters:
        for given, code in faults(parameter):
            response = boss.call(procedure.name, {**good, parameter.name: given})
            assert told(response) == (200, failure(code, procedure.name)), (parameter.name, given)
        if parameter.default is MANDATORY:
            missing = {name: given for name, given in good.items() if name != parameter.name}
            assert told(boss.call(procedure.name, missing)) == (200, failure(-500, procedure.name)), parameter.name
    for query in ({"Foo": "1"}, {"": "x"}, {"foo": None}):
        assert told(boss.call(procedure.name, {**good, **query})) == (200, failure(-500, procedure.name))
    for name in ("PersonID", "UniqueID"):
        query = f"{name}=1&{name}=1"
        assert told(boss.call(procedure.name, query)) == (200, failure(-500, procedure.name))
    assert (moved(), people()) == before


@pytest.mark.parametrize("name", [alias for each in ALL for alias in each.aliases])
def test_an_alias_is_answered_by_its_own_name(tenant: Tenant, name: str):
    make_staff(tenant.site, email="boss@example.test")
    assert told(tenant.shop.as_("boss@example.test").call(name, "Foo=1")) == (200, failure(-500, name))


def test_of_several_faults_the_first_in_the_table_is_told(tenant: Tenant):
    def code(**changed: object) -> bytes:
        return tenant.redeem(**changed).content

    assert code(PersonTypeID="abc", UniqueID=None) == failure(-530)
    assert code(PrepaidCode=None, PersonTypeID="abc") == failure(-500)
    assert code(PersonTypeID="abc", TransactionComment=None) == failure(-530)
    assert code(PersonTypeID="abc", Foo="1") == failure(-500)


def test_numbers_are_read():
    assert [TINYINT.read(text) for text in ("0", "255", "007", "-0")] == [0, 255, 7, 0]
    assert [INT.read(text) for text in ("-2147483648", "2147483647", "0" * 100)] == [-(2**31), 2**31 - 1, 0]
    assert [BIT.read(text) for text in ("0", "1", "01")] == [False, True, True]
    assert BIT.read("1") is True


def test_money_is_read():
    texts = ("0", "25", "25.0000", "-0.5", "000012.3400", "999999999999999.9999", "1.50000000")
    assert [MONEY.read(text) for text in texts] == [Decimal(text) for text in texts]


@pytest.mark.parametrize("text", [".5", "5.", "-", "", "--1", "1.2.3", "1 000", "1e5", "Infinity", "1.5€", "１"])
def test_what_is_no_money(text: str):
    refused_as(-530, MONEY, text)


def test_instants_are_read():
    read = {
        "2026-01-31T23:59:59Z": dt.datetime(2026, 1, 31, 23, 59, 59, tzinfo=dt.UTC),
        "2026-01-31T23:59:59": dt.datetime(2026, 1, 31, 23, 59, 59, tzinfo=dt.UTC),
        "2026-01-31T23:59:59+01:00": dt.datetime(2026, 1, 31, 22, 59, 59, tzinfo=dt.UTC),
        "2026-01-31T23:59:59-14:00": dt.datetime(2026, 2, 1, 13, 59, 59, tzinfo=dt.UTC),
        "0001-01-01T00:00:00Z": dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    }
    assert {text: INSTANT_TYPE.read(text) for text in read} == read


INSTANTS = {
    -530: [
        *("", "now", "2026-01-01", "2026-01-01T00:00Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00z"),
        *("2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:60Z"),
        *("2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00+1:00", "2026-01-01T00:00:00 01:00", "26-01-01T00:00:00Z"),
        *(
            "2026-01-01T00:00:00+14:01",
            "2026-01-01T00:00:00+00:60",
            "２０２６-01-01T00:00:00Z",
            "12026-01-01T00:00:00Z",
        ),
    ],
    -500: ["0000-01-01T00:00:00Z", "-2026-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01"],
}


@pytest.mark.parametrize(("code", "text"), [(code, text) for code, texts in INSTANTS.items() for text in texts])
def test_what_is_no_instant(code: int, text: str):
    refused_as(code, INSTANT_TYPE, text)


def refused_as(code: int, type_: SqlType, text: str) -> None:
    with pytest.raises(Failed) as failed:
        type_.read(text)
    assert failed.value.code == code


@pytest.mark.parametrize(
    "text", ["\x00", "a\x07b", "tab\t", "line\n", "\x7f", "\x85", "\u2028", "\u202eturned", "\ud800"]
)
def test_strings_have_no_control_characters(text: str):
    refused_as(-500, VarChar(50), text)


def test_strings_are_kept_as_they_are():
    for text in ("", " ", " x ", "ü" * 25, '"', "e\u0301", "😀", "\u200d"):
        assert VarChar(50).read(text) == text


def test_a_default_counts_only_where_nothing_was_given():
    parameter = Parameter("A", INT, default=5)
    assert [read_parameters([parameter], Given(values)) for values in ({}, {"A": None}, {"A": "6"})] == [
        {"A": 5},
        {"A": None},
        {"A": 6},
    ]
