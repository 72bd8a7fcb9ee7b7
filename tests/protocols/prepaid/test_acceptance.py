"""The contract's acceptance cases 1 to 23, by their numbers: single calls, as captured bytes through the URL."""

import datetime as dt

import pytest

from accounts.models import Visitor, VisitorPerson
from codes import switching
from codes.models import Attempt, Code
from ledger.models import LedgerTransaction, Transfer
from tests.codes.conftest import NOON, StoppedClock
from tests.people import ADDRESS, BOTH, PASSWORD_VALUE
from tests.protocols.prepaid.conftest import C1, C2, C3, C4, Tenant, call, moved, people
from tests.protocols.prepaid.shops import ENGINE, FORM, REDEEM, encoded, failure, success, told

CAPTURED = b"""POST /default/engine/om_RedeemPrepaidCode_Pu?PrepaidCode=ABCD-EFGH-JKLM-NPQR&\
PersonIdentificationValues=reader%40example.test%C2%B65f4dcc3b&PersonTypeID=1&UniqueID=visitor-0001&\
TransactionComment=Gift+card HTTP/1.1
Host: shop.localhost
Accept: */*
User-Agent: curl/7.88.1

"""
SUCCESS = b"""<?xml version="1.0" encoding="UTF-8"?>
<EngineProcedure Name="om_RedeemPrepaidCode_Pu">
  <ReturnCode>0</ReturnCode>
  <OutputParameters/>
  <ResultSets/>
  <Messages/>
</EngineProcedure>
"""
UNKNOWN = b"""<?xml version="1.0" encoding="UTF-8"?>
<EngineProcedure Name="om_RedeemPrepaidCode_Pu">
  <ReturnCode>-1301</ReturnCode>
  <Description>Validation failed because the code does not exist</Description>
  <OutputParameters/>
  <ResultSets/>
  <Messages/>
</EngineProcedure>
"""


def assert_refused(response, code: int, before: dict[str, object]) -> None:
    """The whole answer, and that no value moved."""
    assert told(response) == (200, failure(code))
    assert moved() == before


def assert_done(response) -> None:
    assert told(response) == (200, success())


def test_case_1_the_money_is_there_and_the_code_is_used(tenant: Tenant):
    request_line, *lines = CAPTURED.decode().strip().splitlines()
    method, path, _ = request_line.split(" ")
    response = tenant.shop.send(method, path, headers=dict(line.split(": ", 1) for line in lines[1:]))

    assert told(response) == (200, SUCCESS)
    assert response.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert tenant.balance() == 3_500
    [booking] = LedgerTransaction.objects.filter(type="credit", transfers__credit_account=tenant.account())
    assert (booking.comment, booking.transfers.get().amount, booking.booked_at) == ("Gift card", 2_500, NOON)
    code = tenant.code()
    assert (code.state, code.uses) == ("used_up", 1)
    assert Attempt.objects.get(code=code, outcome="redeemed").ledger_transaction == booking


def test_case_2_the_same_again_finds_it_used(tenant: Tenant):
    assert_done(tenant.redeem())
    before = moved()

    assert_refused(tenant.redeem(), -1303, before)
    assert tenant.balance() == 3_500


@pytest.mark.parametrize("text", ["AAAA-BBBB-CCCC-DDDD", "***", "x", "Ω", "ABCD-EFGH-JKLM-NPQ"])
def test_case_3_an_unknown_code(tenant: Tenant, text: str):
    before = moved()
    response = tenant.redeem(PrepaidCode=text)

    assert told(response) == (200, UNKNOWN)
    assert moved() == before


def test_case_4_expired_and_used_and_both(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem(PrepaidCode=C2), -1302, before)
    assert_refused(tenant.redeem(PrepaidCode=C3), -1303, before)

    Code.objects.filter(pk=tenant.code(C3).pk).update(valid_until=NOON)
    assert_refused(tenant.redeem(PrepaidCode=C3), -1302, before)


def test_case_5_in_the_body(tenant: Tenant):
    assert_done(tenant.shop.post(call()))
    assert tenant.balance() == 3_500


@pytest.mark.parametrize("form", [FORM, f"{FORM}; charset=UTF-8", f"{FORM};charset=utf-8"])
def test_case_5_half_in_the_query_half_in_the_body(tenant: Tenant, form: str):
    query = encoded(call("PersonTypeID", "UniqueID"))

    assert_done(tenant.shop.post({"PersonTypeID": 1, "UniqueID": "visitor-0001"}, query=query, form=form))
    assert tenant.balance() == 3_500


def test_case_5_in_both(tenant: Tenant):
    before = moved()
    assert_refused(tenant.shop.post({"PrepaidCode": C1}, query=encoded(call())), -500, before)


def test_case_6_a_parameter_too_many(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem(Foo=1), -500, before)
    assert tenant.code().uses == 0


@pytest.mark.parametrize("comment", [None, "", '""', " ", "\u00a0\u2003"])
def test_case_7_no_comment(tenant: Tenant, comment: str | None):
    before = moved()
    assert_refused(tenant.redeem(TransactionComment=comment), -500, before)
    assert_refused(tenant.redeem("TransactionComment"), -500, before)


def test_case_8_no_identification_values(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem("PersonIdentificationValues"), -500, before)
    assert_refused(tenant.redeem(PersonIdentificationValues=None, UniqueID="visitor-new"), -660, before)


@pytest.mark.parametrize("values", [None, '""'])
def test_case_9_stored_identification(tenant: Tenant, values: str | None):
    assert_done(tenant.redeem())
    tenant.make_code("NEXT-CODE-0000-2222", 100)

    assert_done(tenant.redeem(PrepaidCode="NEXT-CODE-0000-2222", PersonIdentificationValues=values))
    assert tenant.balance() == 3_600


@pytest.mark.parametrize(
    "changed", [{"PersonIdentificationValues": f"{ADDRESS}¶wrong"}, {"PersonTypeID": 2}], ids=["secret", "type"]
)
def test_case_10_wrong_values(tenant: Tenant, changed: dict[str, object]):
    before = moved()
    assert_refused(tenant.redeem(**changed), -660, before)
    assert tenant.code().uses == 0


def test_case_11_no_separator_and_too_many_values(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem(PersonIdentificationValues=f"{ADDRESS}{PASSWORD_VALUE}"), -502, before)
    assert_refused(tenant.redeem(PersonIdentificationValues=f"{BOTH}¶third"), -660, before)


def test_case_12_another_separator(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem(SeparatorInIdentVals="abcde"), -500, before)
    assert_refused(tenant.redeem(SeparatorInIdentVals=None), -500, before)
    assert_refused(tenant.redeem(SeparatorInIdentVals='""'), -500, before)

    assert_done(tenant.redeem(SeparatorInIdentVals="|", PersonIdentificationValues=f"{ADDRESS}|{PASSWORD_VALUE}"))
    assert tenant.balance() == 3_500


def test_case_12_quotes_are_part_of_a_separator(tenant: Tenant):
    assert_refused(tenant.redeem(SeparatorInIdentVals="'¶'"), -502, moved())
    assert_done(tenant.redeem(SeparatorInIdentVals="'¶'", PersonIdentificationValues=f"{ADDRESS}'¶'{PASSWORD_VALUE}"))


@pytest.mark.parametrize(
    ("number", "code"), [("abc", -530), ("256", -500), (None, -500), ("9", -621), ("1.0", -530), ("-1", -500)]
)
def test_case_13_person_types(tenant: Tenant, number: str | None, code: int):
    assert_refused(tenant.redeem(PersonTypeID=number), code, moved())


def test_case_14_the_default_visitor(tenant: Tenant):
    before, before_of_people = moved(), people()

    assert_refused(tenant.redeem(UniqueID="defaultUniqueID"), -602, before)
    assert people() == before_of_people


def test_case_15_a_visitor_is_made_and_linked(tenant: Tenant):
    assert_done(tenant.redeem(UniqueID="visitor-new"))

    visitor = Visitor.objects.get(unique_id="visitor-new")
    assert (visitor.site, visitor.language, visitor.currency_code, visitor.country) == (tenant.site, "de", "EUR", 0)
    assert VisitorPerson.objects.get(visitor=visitor, until=None).person == tenant.person


def test_case_16_no_account(tenant: Tenant):
    tenant.make_other("poor@example.test", balance=None)
    before = moved()

    response = tenant.redeem(PersonIdentificationValues=f"poor@example.test¶{PASSWORD_VALUE}", UniqueID="visitor-2")

    assert_refused(response, -1323, before)
    assert tenant.code().uses == 0


def test_case_17_account_statuses(tenant: Tenant):
    tenant.set_account(state="closed")
    assert_refused(tenant.redeem(), -1322, moved())
    assert tenant.code().uses == 0

    tenant.set_account(state="credit_only")
    assert_done(tenant.redeem())
    assert tenant.balance() == 3_500


def test_case_18_another_currency(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem(PrepaidCode=C4), -504, before)
    assert (tenant.code(C4).uses, tenant.balance()) == (0, 1_000)


def test_case_19_cover(bare: Tenant):
    from ledger import moving

    bare.set_account(floor=-5_000)
    moving.spend(bare.account(), 6_000, comment="beyond", actor_id="system")
    bare.set_account(floor=-2_000)
    assert bare.balance() == -5_000
    for text, cents in (("TEN0-0000", 1_000), ("TWENTYF1VE", 2_500), ("TH1RTY00", 3_000)):
        bare.make_code(text, cents)
    before = moved()

    assert_refused(bare.redeem(PrepaidCode="TEN0-0000"), -1321, before)
    assert_refused(bare.redeem(PrepaidCode="TWENTYF1VE"), -1321, before)
    assert_done(bare.redeem(PrepaidCode="TH1RTY00"))
    assert bare.balance() == -2_000


def test_case_20_limits_are_bytes(tenant: Tenant):
    before = moved()
    assert_refused(tenant.redeem(PrepaidCode="A" * 51), -500, before)
    assert_refused(tenant.redeem(TransactionComment="ü" * 60), -500, before)
    assert_refused(tenant.redeem(TransactionComment="x" * 101), -500, before)

    assert_done(tenant.redeem(TransactionComment="x" * 100))
    assert LedgerTransaction.objects.get(comment="x" * 100).type == "credit"


def test_case_20_a_code_of_50_bytes_is_read(tenant: Tenant):
    assert_refused(tenant.redeem(PrepaidCode="A" * 50), -1301, moved())
    assert_done(tenant.redeem(PrepaidCode=f"{C1:^50}"))


@pytest.mark.parametrize(
    "text", ["abcdefghjk1mnpqr", "abcd efgh jklm npqr", "  ABCD-EFGH-JKLM-NPQR  ", "AbCdEfGhJkLmNpQr"]
)
def test_case_21_other_spellings(tenant: Tenant, text: str):
    assert_done(tenant.redeem(PrepaidCode=text))
    assert tenant.code().state == "used_up"


def test_case_22_the_last_second(tenant: Tenant, stopped_clock: StoppedClock):
    last_second = NOON + dt.timedelta(hours=1)
    for text in (C1, C3):
        # What the wire calls CodeValidUntil is the last second; the platform keeps the first moment after it.
        Code.objects.filter(pk=tenant.code(text).pk).update(valid_until=last_second + dt.timedelta(seconds=1))

    stopped_clock.now = last_second + dt.timedelta(seconds=1)
    assert_refused(tenant.redeem(), -1302, moved())

    stopped_clock.now = last_second + dt.timedelta(microseconds=999_999)
    assert_done(tenant.redeem())


def test_case_23_twenty_persons_one_after_another(bare: Tenant):
    """Beside each other they are in tests/races."""
    bare.make_code(C1)
    others = [bare.make_other(f"reader{number}@example.test") for number in range(20)]

    answers = [
        bare.redeem(PersonIdentificationValues=f"reader{number}@example.test¶{PASSWORD_VALUE}", UniqueID=f"v{number}")
        for number in range(20)
    ]

    assert [told(each)[1] for each in answers] == [success(), *[failure(-1303)] * 19]
    assert sum(bare.balance(each) for each in others) == 2_500
    assert Transfer.objects.filter(credit_account__owner__person__in=others).count() == 1


def test_a_code_that_was_switched_off_is_no_longer_valid(tenant: Tenant):
    switching.switch_code(tenant.code(), False, actor_id="boss", reason="lost")
    assert_refused(tenant.redeem(), -1302, moved())


def test_the_address_of_the_cases_is_the_contract_s():
    assert f"{ENGINE}{REDEEM}".encode() in CAPTURED
