"""The contract's acceptance cases 24 to 40, by their numbers: engine/execute, the address, and related procedures."""

import datetime as dt

import pytest
from django.db import IntegrityError

from accounts import prepaid_settings
from accounts.models import PrepaidSettings
from codes import lookup
from codes.models import Code
from codes.redemption import writes
from ledger.models import LedgerTransaction, Transfer
from tests.codes import shop as desk
from tests.codes.conftest import NOON, StoppedClock
from tests.factories import make_staff
from tests.people import ADDRESS, BOTH
from tests.protocols.prepaid.conftest import C1, C2, C3, Tenant, call, moved, people
from tests.protocols.prepaid.shops import (
    DECLARATION,
    ENGINE,
    REDEEM,
    code_of,
    document,
    encoded,
    error,
    failure,
    messages,
    outputs,
    rows,
    success,
    told,
)

NEXT = "NEXT-CODE-0000-2222"
# The request of the contract's section 9, byte for byte.
CAPTURED = """<?xml version="1.0" encoding="UTF-8"?>
<ListOfBatches>
  <Batch No="0">
    <Procedure Name="om_RedeemPrepaidCode_Pu">
      <Parameters>
        <Parameter Name="PrepaidCode">ABCD-EFGH-JKLM-NPQR</Parameter>
        <Parameter Name="PersonIdentificationValues">reader@example.test¶5f4dcc3b</Parameter>
        <Parameter Name="PersonTypeID">1</Parameter>
        <Parameter Name="UniqueID">visitor-0001</Parameter>
        <Parameter Name="TransactionComment">Gift card</Parameter>
      </Parameters>
    </Procedure>
  </Batch>
</ListOfBatches>
""".encode()
ANSWER = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListOfBatches>
  <Batch No="0">
    <Procedure Name="om_RedeemPrepaidCode_Pu" No="0">
      <ReturnCode>0</ReturnCode>
      <OutputParameters/>
      <ResultSets/>
      <Messages/>
    </Procedure>
  </Batch>
</ListOfBatches>
"""
UNKNOWN = """    <Procedure Name="om_RedeemPrepaidCode_Pu" No="{}">
      <ReturnCode>-1301</ReturnCode>
      <Description>Validation failed because the code does not exist</Description>
      <OutputParameters/>
      <ResultSets/>
      <Messages/>
    </Procedure>
"""
DONE = """    <Procedure Name="om_RedeemPrepaidCode_Pu" No="{}">
      <ReturnCode>0</ReturnCode>
      <OutputParameters/>
      <ResultSets/>
      <Messages/>
    </Procedure>
"""
NOT_RUN = '    <Procedure Name="om_RedeemPrepaidCode_Pu" No="{}" NotExecuted="1"/>\n'
BODY_NOT_VALID = error(400, "The request body is not valid")


def redeem(**changed: object) -> tuple[str, dict[str, object]]:
    return REDEEM, call(**changed)


def batches(*inside: str) -> bytes:
    parts = "".join(f'  <Batch No="{number}">\n{part}  </Batch>\n' for number, part in enumerate(inside))
    return f"{DECLARATION}<ListOfBatches>\n{parts}</ListOfBatches>\n".encode()


def test_case_24_a_batch(tenant: Tenant):
    assert told(tenant.shop.execute(CAPTURED)) == (200, ANSWER)
    assert (tenant.balance(), tenant.code().state) == (3_500, "used_up")


def test_case_25_after_a_failure_the_rest_of_the_batch_is_not_run(tenant: Tenant):
    before = moved()
    response = tenant.shop.execute(document([redeem(PrepaidCode="NOPE-0000"), redeem()]))

    assert told(response) == (200, batches(UNKNOWN.format(0) + NOT_RUN.format(1)))
    assert moved() == before


def test_case_26_what_succeeded_stays(tenant: Tenant):
    response = tenant.shop.execute(document([redeem(), redeem(PrepaidCode="NOPE-0000")]))

    assert told(response) == (200, batches(DONE.format(0) + UNKNOWN.format(1)))
    assert tenant.balance() == 3_500


def test_case_27_other_batches_run(tenant: Tenant):
    response = tenant.shop.execute(document([redeem(PrepaidCode="NOPE-0000"), redeem(PrepaidCode=C3)], [redeem()]))

    assert told(response) == (200, batches(UNKNOWN.format(0) + NOT_RUN.format(1), DONE.format(0)))
    assert tenant.balance() == 3_500


@pytest.mark.parametrize(
    "body",
    [
        CAPTURED[:-3],
        b"",
        CAPTURED.replace(b"<ListOfBatches>", b"<!DOCTYPE ListOfBatches><ListOfBatches>"),
        CAPTURED.replace(b"ListOfBatches", b"Batch"),
        b'<Batch No="0"/>',
    ],
    ids=["cut", "nothing", "document type", "another root", "a batch alone"],
)
def test_case_28_what_is_not_valid_is_not_run(tenant: Tenant, body: bytes):
    before = moved()
    assert told(tenant.shop.execute(body)) == BODY_NOT_VALID
    assert moved() == before


@pytest.mark.parametrize("content_type", ["application/json", None, "application/x-www-form-urlencoded", "text/plain"])
def test_case_29_another_content_type(tenant: Tenant, content_type: str | None):
    before = moved()
    response = tenant.shop.execute(CAPTURED, content_type)

    assert told(response) == error(415, "The content type is not supported")
    assert moved() == before


@pytest.mark.parametrize("empty", [None, '""'])
def test_case_30_stored_identification(tenant: Tenant, empty: str | None):
    tenant.make_code(NEXT, 100)
    body = document([redeem(), redeem(PrepaidCode=NEXT, PersonIdentificationValues=empty)])

    assert told(tenant.shop.execute(body, "text/xml; charset=utf-8")) == (200, batches(DONE.format(0) + DONE.format(1)))
    assert tenant.balance() == 3_600


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_case_31_another_method(tenant: Tenant, method: str):
    before = moved()
    response = tenant.shop.call(parameters=call(), method=method)

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"
    if method != "HEAD":
        assert told(response) == error(405, "Method not allowed")
    assert moved() == before


@pytest.mark.parametrize(
    "path", ["om_Nothing_Pu", "om_redeemprepaidcode_pu", f"{REDEEM}/", f"{REDEEM}/x", "", "Execute", "execute/", "%00"]
)
def test_case_32_an_unknown_procedure(tenant: Tenant, path: str):
    for method in ("GET", "POST"):
        assert told(tenant.shop.send(method, ENGINE + path)) == error(404, "Unknown procedure")


def test_case_32_unknown_access_data(tenant: Tenant):
    before = moved()
    for path in (
        f"/other/engine/{REDEEM}",
        "/other/engine/execute",
        "/Default/engine/x",
        "/x/engine/",
        "/%C3%BC/engine/y",
    ):
        response = tenant.shop.send("POST", f"{path}?{encoded(call())}")
        assert told(response) == error(404, "Unknown access data")
    assert moved() == before


def test_case_33_credentials(tenant: Tenant):
    make_staff(tenant.site, email="boss@example.test")
    before = moved()
    for shop in (tenant.shop.as_("boss@example.test", "wrong"), tenant.shop.as_("nobody@example.test")):
        response = shop.call(parameters=call())
        assert told(response) == error(401, "Authentication failed")
        assert response.headers["WWW-Authenticate"] == 'Basic realm="engine"'
    assert told(tenant.shop.call("om_GetPrepaidCodes_Ad")) == (200, failure(-569, "om_GetPrepaidCodes_Ad"))
    assert moved() == before

    assert told(tenant.redeem()) == (200, success())


def test_case_34_transactions(tenant: Tenant):
    tenant.redeem()
    query = {**call("PrepaidCode", "TransactionComment"), "CashAccountTypeID": 1}

    response = tenant.shop.call("om_GetCashAccTransactions_Pu", query, method="GET")

    assert outputs(response) == {"AccountBalance": "35.0000"}
    number = Transfer.objects.get(transaction__comment="Gift card").pk
    opening = Transfer.objects.get(transaction__comment="opening balance", credit_account=tenant.account()).pk
    assert response.content == (
        f"""<?xml version="1.0" encoding="UTF-8"?>
<EngineProcedure Name="om_GetCashAccTransactions_Pu">
  <ReturnCode>0</ReturnCode>
  <OutputParameters>
    <Parameter Name="AccountBalance">35.0000</Parameter>
  </OutputParameters>
  <ResultSets>
    <ResultSet No="0">
      <Row No="0">
        <Column Name="TransactionID">{number}</Column>
        <Column Name="TransactionTypeID">5</Column>
        <Column Name="TransactionType">Credit top-up by entering a code</Column>
        <Column Name="TransactionDateAndTime">2026-11-21T12:00:00Z</Column>
        <Column Name="TransactionValue">25.0000</Column>
        <Column Name="TransactionComment">Gift card</Column>
        <Column Name="PersonID">{tenant.person.pk}</Column>
        <Column Name="CashAccountTypeID">1</Column>
        <Column Name="SuspendedUntil" IsNull="1"/>
      </Row>
      <Row No="1">
        <Column Name="TransactionID">{opening}</Column>
        <Column Name="TransactionTypeID">7</Column>
        <Column Name="TransactionType">Manual top-up</Column>
        <Column Name="TransactionDateAndTime">2026-11-21T12:00:00Z</Column>
        <Column Name="TransactionValue">10.0000</Column>
        <Column Name="TransactionComment">opening balance</Column>
        <Column Name="PersonID">{tenant.person.pk}</Column>
        <Column Name="CashAccountTypeID">1</Column>
        <Column Name="SuspendedUntil" IsNull="1"/>
      </Row>
    </ResultSet>
  </ResultSets>
  <Messages/>
</EngineProcedure>
""".encode()
    )


def test_case_35_prepaid_codes(tenant: Tenant):
    make_staff(tenant.site, email="boss@example.test")
    boss, name = tenant.shop.as_("boss@example.test"), "om_GetPrepaidCodes_Ad"
    tenant.redeem()

    for wrong in ("3", None, '""', "-1", "256"):
        response = boss.call(name, {"FilterByUseState": wrong}, method="GET")
        assert told(response) == (200, failure(-530 if wrong == '""' else -500, name))
    response = boss.call(name, {"FilterByUseState": 1}, method="GET")

    found = {row["PrepaidCode"]: row for row in rows(response)}
    assert found.keys() == {C1, C3}
    transfer = Transfer.objects.get(transaction__comment="Gift card", credit_account=tenant.account())
    assert found[C1] == {
        "PrepaidCode": C1,
        "PrepaidValue": "25.0000",
        "CurrencyID": str(tenant.account().asset_id),
        "CodeValidUntil": None,
        "CodeAlreadyUsed": "1",
        "UsedForTransactionID": str(transfer.pk),
        "GeneratedByOrderID": None,
        "GeneratedAtDateAndTime": "2026-11-21T12:00:00Z",
    }
    assert messages(response) == []


def test_case_36_what_a_return_code_means(tenant: Tenant):
    response = tenant.shop.call("mi_GetReturnCodeMessage", "ReturnCode=-1302", method="GET")

    assert rows(response) == [
        {
            "ReturnCode": "-1302",
            "Description": "Validation failed because the code is no longer valid",
            "DetailedDescription": "The code has expired, is not valid yet, or was switched off.",
        }
    ]


def test_case_37_an_order_s_codes_top_up(tenant: Tenant):
    item = desk.make_item(tenant.site, 3)
    before = Code.objects.count()
    for category, made in ((4, 3), (3, 0), (4, 0)):
        assert desk.move(item, category).issued == made
    assert Code.objects.count() == before + 3

    item.refresh_from_db()
    [first, *_] = Code.objects.filter(order=item.issue_order).order_by("serial")
    assert told(tenant.redeem(PrepaidCode=lookup.shown(first))) == (200, success())
    assert tenant.balance() == 3_500


def test_case_38_maintenance_and_licence(tenant: Tenant):
    settings = PrepaidSettings.objects.filter(site=tenant.site)
    before, before_of_people = moved(), people()
    prepaid_settings.switch_maintenance(tenant.site, True, actor_id="boss", reason="moving house")
    settings.update(licence_until=NOON)
    assert told(tenant.redeem()) == (200, failure(-567))
    settings.update(maintenance=False)
    assert told(tenant.redeem()) == (200, failure(-599))
    settings.update(licence_until=NOON + dt.timedelta(microseconds=1))
    assert (moved(), people()) == (before, before_of_people)

    assert told(tenant.redeem()) == (200, success())


def test_case_39_eleven_wrong_passwords(tenant: Tenant, stopped_clock: StoppedClock):
    before = moved()
    wrong = f"{ADDRESS}¶wrong"
    answers = [told(tenant.redeem(PersonIdentificationValues=wrong)) for _ in range(11)]

    assert answers == [*[(200, failure(-660))] * 10, (200, failure(-567))]
    assert told(tenant.redeem(PersonIdentificationValues=BOTH)) == (200, failure(-567))
    assert moved() == before

    stopped_clock.advance(minutes=15, seconds=1)
    assert told(tenant.redeem(PersonIdentificationValues=BOTH)) == (200, success())


@pytest.mark.parametrize("error_", [IntegrityError, RuntimeError])
def test_case_40_a_database_error_in_the_middle_of_the_booking(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch, error_: type[Exception]
):
    before = moved()

    def fail(*_: object):
        raise error_("row ABCD-EFGH-JKLM-NPQR")

    with monkeypatch.context() as broken:
        broken.setattr(writes, "use_codes", fail)
        assert told(tenant.redeem()) == (200, failure(-504))
    assert moved() == before
    assert not LedgerTransaction.objects.filter(comment="Gift card").exists()

    assert told(tenant.redeem()) == (200, success())
    assert tenant.balance() == 3_500


def test_c2_is_listed_as_unused(tenant: Tenant):
    make_staff(tenant.site, email="boss@example.test")
    response = tenant.shop.as_("boss@example.test").call("om_GetPrepaidCodes_Ad", {"PrepaidCode": C2}, method="GET")

    assert code_of(response) == 0
    assert [row["CodeAlreadyUsed"] for row in rows(response)] == ["0"]
