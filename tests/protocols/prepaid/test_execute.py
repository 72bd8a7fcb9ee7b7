"""engine/execute: what a valid document is, and how its batches run."""

import pytest
from django.db import OperationalError

from codes.redemption import writes
from redemption_site.protocols.prepaid import calling
from tests.factories import make_staff
from tests.protocols.prepaid.conftest import C1, Tenant, call, moved
from tests.protocols.prepaid.shops import DECLARATION, REDEEM, document, error, told

NOT_VALID = error(400, "The request body is not valid")
NEXT = "NEXT-CODE-0000-2222"
UNITS = "mi_GetUnits"
PROCEDURE = f'<Procedure Name="{REDEEM}"/>'


def batch(inside: str, attributes: str = 'No="0"') -> bytes:
    return f"<ListOfBatches><Batch {attributes}>{inside}</Batch></ListOfBatches>".encode()


def parameters(inside: str) -> bytes:
    return batch(f'<Procedure Name="{REDEEM}"><Parameters>{inside}</Parameters></Procedure>')


def codes(response) -> list[str]:
    """The return codes in the answer's order, "-" for what was not executed."""
    from lxml import etree

    assert response.status_code == 200
    found = etree.fromstring(response.content).iter("Procedure")
    return ["-" if each.get("NotExecuted") else each.findtext("ReturnCode") for each in found]


INVALID = {
    "another root": b"<ListOfBatch/>",
    "an attribute of the root": b'<ListOfBatches No="0"/>',
    "text in the root": b"<ListOfBatches>x</ListOfBatches>",
    "something else in the root": b"<ListOfBatches><Procedure/></ListOfBatches>",
    "no number": batch(PROCEDURE, ""),
    "an empty number": batch(PROCEDURE, 'No=""'),
    "a number that is none": batch(PROCEDURE, 'No="x"'),
    "a fraction": batch(PROCEDURE, 'No="1.0"'),
    "foreign digits": batch(PROCEDURE, 'No="٣"'),
    "a number of ten digits": batch(PROCEDURE, 'No="1234567890"'),
    "one more attribute": batch(PROCEDURE, 'No="0" Name="x"'),
    "a number twice": b'<ListOfBatches><Batch No="1"/><Batch No="01"/></ListOfBatches>',
    "text in a batch": batch(f"x{PROCEDURE}"),
    "something else in a batch": batch("<Parameters/>"),
    "no name": batch("<Procedure/>"),
    "an empty name": batch('<Procedure Name=""/>'),
    "text in a procedure": batch(f'<Procedure Name="{REDEEM}">x</Procedure>'),
    "something else in a procedure": batch(f'<Procedure Name="{REDEEM}"><Parameter Name="A"/></Procedure>'),
    "parameters twice": batch(f'<Procedure Name="{REDEEM}"><Parameters/><Parameters/></Procedure>'),
    "one more attribute of a procedure": batch(f'<Procedure Name="{REDEEM}" No="0"/>'),
    "an attribute of the parameters": batch(f'<Procedure Name="{REDEEM}"><Parameters Name="x"/></Procedure>'),
    "a parameter without a name": parameters("<Parameter>1</Parameter>"),
    "a parameter that holds an element": parameters('<Parameter Name="A"><b/></Parameter>'),
    "one more attribute of a parameter": parameters('<Parameter Name="A" Type="int">1</Parameter>'),
    "text between parameters": parameters('x<Parameter Name="A"/>'),
    "something else between parameters": parameters("<Row/>"),
    "names in lower case": b'<listofbatches><batch no="0"/></listofbatches>',
    "101 procedures": batch(PROCEDURE * 101),
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID.keys())
def test_a_document_that_is_not_valid(tenant: Tenant, body: bytes):
    before = moved()
    # What is valid stands before it, and is not run either.
    both = body.replace(
        b"<Batch",
        document([(REDEEM, call())])
        .split(b"<ListOfBatches>\n")[1]
        .replace(b"</ListOfBatches>\n", b"")
        .replace(b'No="0"', b'No="77"')
        .strip()
        + b"<Batch",
        1,
    )
    for each in (body, both):
        assert told(tenant.shop.execute(each)) == NOT_VALID
    assert moved() == before


def test_an_unknown_procedure_stops_all(tenant: Tenant):
    before = moved()
    body = document([(REDEEM, call())], [("om_Nothing_Pu", {})])

    assert told(tenant.shop.execute(body)) == error(404, "Unknown procedure")
    assert told(tenant.shop.execute(document([("execute", {})]))) == error(404, "Unknown procedure")
    assert moved() == before


def test_a_document_is_judged_before_its_names(tenant: Tenant):
    assert told(tenant.shop.execute(batch('<Procedure Name="nope"/><x/>'))) == NOT_VALID


@pytest.mark.parametrize(
    ("body", "inside"),
    [
        (b"<ListOfBatches/>", "<ListOfBatches/>\n"),
        (b"<ListOfBatches> <!-- nothing --> </ListOfBatches>", "<ListOfBatches/>\n"),
        (batch(""), '<ListOfBatches>\n  <Batch No="0"/>\n</ListOfBatches>\n'),
        (batch(" \n ", 'No="-7"'), '<ListOfBatches>\n  <Batch No="-7"/>\n</ListOfBatches>\n'),
        (batch("", 'No="007"'), '<ListOfBatches>\n  <Batch No="7"/>\n</ListOfBatches>\n'),
        (b"\xef\xbb\xbf<ListOfBatches/>", "<ListOfBatches/>\n"),
    ],
)
def test_empty_documents(tenant: Tenant, body: bytes, inside: str):
    assert told(tenant.shop.execute(body)) == (200, (DECLARATION + inside).encode())


def test_numbers_and_order_are_the_document_s(tenant: Tenant):
    response = tenant.shop.execute(document([(UNITS, {})], [], [(UNITS, {}), (UNITS, {})], numbers=(5, -1, 3)))

    assert codes(response) == ["0", "0", "0"]
    assert [line for line in response.content.decode().splitlines() if "<Batch" in line or "<Procedure" in line] == [
        '  <Batch No="5">',
        '    <Procedure Name="mi_GetUnits" No="0">',
        '  <Batch No="-1"/>',
        '  <Batch No="3">',
        '    <Procedure Name="mi_GetUnits" No="0">',
        '    <Procedure Name="mi_GetUnits" No="1">',
    ]


def test_a_hundred_procedures_run(tenant: Tenant):
    response = tenant.shop.execute(document([("mi_GetReturnCodeMessage", {"ReturnCode": -500})] * 100))
    assert codes(response) == ["0"] * 100


def test_parameters_are_no_matter_of_the_document(tenant: Tenant):
    wrong = [
        parameters('<Parameter Name="A">1</Parameter><Parameter Name="A">1</Parameter>'),
        parameters('<Parameter Name="Foo">1</Parameter>'),
        batch(PROCEDURE),
        batch(f'<Procedure Name="{REDEEM}"><Parameters/></Procedure>'),
    ]
    before = moved()
    assert [codes(tenant.shop.execute(each)) for each in wrong] == [["-500"]] * 4
    assert codes(tenant.shop.execute(document([(REDEEM, call(PersonTypeID="abc"))]))) == ["-530"]
    assert moved() == before


def test_a_parameter_twice_is_refused_even_if_it_says_the_same(tenant: Tenant):
    body = document([(REDEEM, call())])
    twice = body.replace(b"</Parameters>", f'<Parameter Name="PrepaidCode">{C1}</Parameter></Parameters>'.encode())
    before = moved()

    assert codes(tenant.shop.execute(twice)) == ["-500"]
    assert moved() == before


@pytest.mark.parametrize(
    "empty",
    [
        '<Parameter Name="TransactionComment"/>',
        '<Parameter Name="TransactionComment"></Parameter>',
        '<Parameter Name="TransactionComment"><!-- x --></Parameter>',
        '<Parameter Name="TransactionComment">""</Parameter>',
        '<Parameter Name="TransactionComment">\n   </Parameter>',
    ],
)
def test_null_empty_and_white_space(tenant: Tenant, empty: str):
    body = (
        document([(REDEEM, call())])
        .decode()
        .replace('<Parameter Name="TransactionComment">Gift card</Parameter>', empty)
    )
    assert codes(tenant.shop.execute(body.encode())) == ["-500"]


def test_white_space_is_kept_and_comments_and_entities_are_read(tenant: Tenant):
    from ledger.models import LedgerTransaction

    body = document([(REDEEM, call(TransactionComment="  a &b "))]).replace(
        b"a &amp;b", b"a<!-- x --> &#38;<![CDATA[<b>]]>&amp;"
    )
    assert codes(tenant.shop.execute(body)) == ["0"]
    assert LedgerTransaction.objects.filter(comment="  a &<b>& ").exists()


def test_surplus_in_the_query_plays_no_part(tenant: Tenant):
    response = tenant.shop.send("POST", "/default/engine/execute?Foo=1", document([(UNITS, {})]), "application/xml")
    assert codes(response) == ["0"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_another_method(tenant: Tenant, method: str):
    response = tenant.shop.send(method, "/default/engine/execute")
    assert told(response) == error(405, "Method not allowed")
    assert response.headers["Allow"] == "POST"


def test_rights_are_looked_at_for_each_procedure(tenant: Tenant):
    body = document([("om_GetPrepaidCodes_Ad", {})], [("om_GetCashAccTransactTypes_Ad", {})], [(UNITS, {})])
    make_staff(tenant.site, role="support", email="support@example.test")

    assert codes(tenant.shop.execute(body)) == ["-569", "-569", "0"]
    assert codes(tenant.shop.as_("support@example.test").execute(body)) == ["-569", "0", "0"]


def test_each_procedure_is_a_transaction_of_its_own(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    tenant.make_code(NEXT, 100)
    use_codes, calls = writes.use_codes, []

    def fail_the_second(*args: object):
        calls.append(args)
        if len(calls) == 2:
            raise RuntimeError("out of paper")
        return use_codes(*args)

    monkeypatch.setattr(writes, "use_codes", fail_the_second)
    response = tenant.shop.execute(document([(REDEEM, call()), (REDEEM, call(PrepaidCode=NEXT))]))

    assert codes(response) == ["0", "-504"]
    assert (tenant.balance(), tenant.code(NEXT).uses) == (3_500, 0)


def test_what_has_run_is_told_though_the_database_is_away_then(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    judge, calls = calling.judge, []

    def fail_from_the_second_on(*args):
        calls.append(args)
        if len(calls) > 1:
            raise OperationalError("server closed the connection")
        return judge(*args)

    monkeypatch.setattr(calling, "judge", fail_from_the_second_on)
    response = tenant.shop.execute(document([(REDEEM, call()), (UNITS, {}), (UNITS, {})], [(UNITS, {})]))

    assert codes(response) == ["0", "-504", "-", "-"]
    assert len(calls) == 2
    assert tenant.balance() == 3_500


def test_the_database_away_at_the_first_is_an_error(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object):
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(calling, "judge", fail)
    assert told(tenant.shop.execute(document([(UNITS, {})]))) == error(503, "Service unavailable")


def test_the_answers_of_one_request_have_so_many_rows_together(tenant: Tenant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(calling.Room, "__init__", lambda self, rows=3: setattr(self, "rows", 3))
    make_staff(tenant.site, email="boss@example.test")
    listing = ("om_GetPrepaidCodes_Ad", {"FilterByUseState": 0})

    answer = tenant.shop.as_("boss@example.test").execute(document([listing, listing])).content.decode()

    assert answer.count("<Row ") == 3
    assert answer.count("There are more rows than one request is answered with.") == 2
