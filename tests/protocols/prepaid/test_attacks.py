"""Input made to harm, in every parameter and every element: refused at once, with nothing booked, fetched, unfolded or 5xx."""

import socket
import tracemalloc

import pytest

from accounts.models import AuditRecord
from redemption_site.protocols.prepaid.calling import Procedure
from redemption_site.protocols.prepaid.procedures.registry import ALL, PROCEDURES
from tests.factories import make_staff
from tests.people import BOTH
from tests.protocols.advice.test_attacks import LAUGHS
from tests.protocols.prepaid.conftest import Tenant, call, moved
from tests.protocols.prepaid.shops import ENGINE, REDEEM, code_of, document, error, told
from tests.protocols.prepaid.test_execute import codes
from tests.protocols.prepaid.test_parameters import BY_PROCEDURE, IDENT

NOT_VALID = error(400, "The request body is not valid")

# What is to be no value of anything, as bytes of a query; and what has once been taken for a number.
TEXTS = [
    *(
        b"%00",
        b"a%00b",
        b"%FF",
        b"%C0%80",
        b"%ED%A0%BD",
        b"%F4%90%80%80",
        b"%0A",
        b"%0D%0ASet-Cookie:+a=b",
        b"%1B%5B31m",
    ),
    *(
        b"%E2%80%AE",
        b"%C2%85",
        b"'+OR+1=1--",
        b"%22%3E%3Cscript%3E",
        b"%25s%25n",
        b"../../etc/passwd",
        b"${jndi:ldap://x}",
    ),
    *(b"x" * 300, b"%C3%BC" * 200, b"%F0%9F%98%80" * 64, b"=HYPERLINK(1)", b"%EF%BC%9DA1", b"%7B%7B7*7%7D%7D"),
]
NUMBERS = [
    *(
        b"1_0",
        b"%D9%A3",
        b"%EF%BC%91",
        b"1e3",
        b"0x10",
        b"Infinity",
        b"NaN",
        b"-NaN",
        b"1.0",
        b"1,0",
        b"%2B1",
        b"+1",
        b"1+",
    ),
    *(
        b"true",
        b"null",
        b"None",
        b"--1",
        b"-",
        b".",
        b"9" * 5_000,
        b"-" + b"9" * 5_000,
        b"0" * 5_000 + b"x",
        b"1%0A",
        b"%C2%B2",
    ),
    *(b"9223372036854775808", b"18446744073709551616", b"-2147483649", b"1" * 20, b"0." + b"0" * 5_000 + b"1"),
]


@pytest.mark.parametrize("procedure", ALL, ids=lambda procedure: procedure.name)
def test_no_parameter_lets_harm_in(tenant: Tenant, procedure: Procedure):
    """Whatever is sent, the answer is a valid one. Texts that are merely odd are taken as what they are."""
    make_staff(tenant.site, email="boss@example.test")
    boss = tenant.shop.as_("boss@example.test")
    ident = IDENT if any(each.name == "UniqueID" for each in procedure.parameters) else {}
    good = BY_PROCEDURE.get(procedure.name, ident)
    before = moved()

    for parameter in procedure.parameters:
        is_text = str(parameter.type).startswith("varchar")
        is_money = str(parameter.type).startswith("decimal")
        for text in TEXTS if is_text else [*NUMBERS, *TEXTS[:8]]:
            if is_money and text in (b"1.0", b"-2147483649"):
                continue
            code = code_of(boss.call(procedure.name, {**good, parameter.name: text}))
            if not is_text:
                assert code in (-500, -530), (parameter.name, text)
            elif b"%0" in text or b"%1B" in text or b"%C2%85" in text or b"%E2%80%AE" in text or len(text) > 299:
                # Control characters are dropped from codes, so that they are as unknown as others.
                assert code in ((-500, -1301, 0) if parameter.name == "PrepaidCode" else (-500,)), (
                    parameter.name,
                    text,
                )
    if procedure.name != REDEEM:
        assert moved() == before


def hostile(inside: str) -> bytes:
    """The request of the contract with one more thing before its first procedure."""
    return document([(REDEEM, call())]).replace(
        b"    <Procedure", inside.encode("utf-8", "surrogatepass") + b"    <Procedure", 1
    )


def before_root(inside: str, reference: str = "") -> bytes:
    body = document([(REDEEM, call())]).replace(b"<ListOfBatches>", inside.encode() + b"<ListOfBatches>")
    return body.replace(b"Gift card", reference.encode() or b"Gift card")


DOCUMENTS = {
    "a billion laughs": before_root(f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>', "&l9;"),
    "quadratic": before_root(f'<!DOCTYPE x [<!ENTITY b "{"c" * 30_000}">]>', "&b;" * 8_000),
    "laughs of parameters": before_root('<!DOCTYPE x [<!ENTITY % a "b"><!ENTITY % c "%a;%a;%a;"> %c;]>'),
    "a file": before_root('<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>', "&b;"),
    "a document type behind a comment": before_root("<!-- x --><!DOCTYPE ListOfBatches>"),
    "an unknown entity": before_root("", "&nbsp;"),
    "a processing instruction": hostile('<?xml-stylesheet href="x"?>'),
    "XInclude": hostile('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
    "21 levels": hostile("<a>" * 20 + "</a>" * 20),
    "100,000 levels": b"<a>" * 100_000,
    "2,001 elements": b"<ListOfBatches>" + b'<Batch No="1"/>' * 2_001 + b"</ListOfBatches>",
    "2,001 attributes": hostile("<a " + " ".join(f"b{n}='1'" for n in range(2_001)) + "/>"),
    "100,000 comments": hostile("<!---->" * 100_000),
    "an attribute twice": hostile("<a b='1' b='2'/>"),
    "two roots": document([]) + b"<ListOfBatches/>",
    "text behind": document([]) + b"x",
    "another encoding declared": document([]).replace(b"UTF-8", b"ISO-8859-1"),
    "another version": document([]).replace(b'"1.0"', b'"1.1"'),
    "Latin-1": before_root("").replace("¶".encode(), b"\xb6"),
    "UTF-16": document([]).decode().encode("utf-16"),
    "UTF-7": document([]).decode().replace("UTF-8", "UTF-7").encode(),
    "half a surrogate pair": hostile("\ud83d"),
    "half of one, written": before_root("", "&#xD83D;"),
    "NUL": before_root("", "\x00"),
    "NUL, written": before_root("", "&#0;"),
    "a control character": before_root("", "\x0b"),
    "a control character, written": before_root("", "&#11;"),
    "U+FFFE": before_root("", "\ufffe"),
    "a prefix nobody declared": hostile("<x:a/>"),
    "JSON": b'{"ListOfBatches":[]}',
    "a form": b"PrepaidCode=ABCD",
    "white space": b" \n\t",
    "1 MiB of openings": b"<" * 1_048_576,
}


@pytest.mark.parametrize("body", DOCUMENTS.values(), ids=DOCUMENTS.keys())
def test_documents_that_are_made_to_harm(tenant: Tenant, body: bytes):
    before = moved()
    tracemalloc.start()
    response = tenant.shop.execute(body)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert told(response) == NOT_VALID
    assert peak < 16_000_000
    assert moved() == before


@pytest.mark.parametrize(
    "name", ["PrepaidCode", "PersonIdentificationValues", "PersonTypeID", "UniqueID", "TransactionComment"]
)
def test_every_parameter_of_a_document(tenant: Tenant, name: str):
    before = moved()
    texts = ["x" * 300, "\u202ex", "\u0085", "\ufeff" * 90, "1e1", "٣", "-1"]
    if name in ("UniqueID", "TransactionComment"):
        texts = texts[:4]
    for text in texts:
        found = codes(tenant.shop.execute(document([(REDEEM, call(**{name: text}))])))
        assert found[0] in ("-500", "-530", "-660", "-502", "-1301"), (name, text)
    assert moved() == before


def test_names_made_to_confuse(tenant: Tenant):
    before = moved()
    for name in ("prepaidcode", "PrepaidCode ", "Prepaid\u200bCode", "x" * 100_000, "'", "\u202e"):
        assert codes(tenant.shop.execute(document([(REDEEM, {**call(), name: "1"})]))) == ["-500"]
    for name in (f"{REDEEM} ", REDEEM.lower(), "__class__", "run", "х" * 9_000):
        assert told(tenant.shop.execute(document([(name, call())]))) == error(404, "Unknown procedure")
    assert moved() == before


def test_nothing_outside_is_asked_for(tenant: Tenant):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        there = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for body in (
            before_root(f'<!DOCTYPE ListOfBatches SYSTEM "{there}">'),
            before_root(f'<!DOCTYPE x [<!ENTITY b SYSTEM "{there}">]>', "&b;"),
            before_root(f'<!DOCTYPE x [<!ENTITY % b SYSTEM "{there}"> %b;]>'),
            hostile(f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{there}"/>'),
        ):
            assert told(tenant.shop.execute(body)) == NOT_VALID
        schema = f'xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="u {there}"'
        body = document([("mi_GetUnits", {})]).replace(b"<ListOfBatches", f"<ListOfBatches {schema}".encode())
        assert codes(tenant.shop.execute(body)) == ["0"]
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_no_document_is_unpacked(tenant: Tenant, coding: str):
    response = tenant.shop.execute(document([]), headers={"Content-Encoding": coding})
    assert told(response) == error(415, "The content type is not supported")


@pytest.mark.parametrize(
    "content_type", ["application/xml; charset=utf-16", "text/xml;charset=latin-1", "x" * 5_000, "application/\x00xml"]
)
def test_a_content_type_made_to_confuse(tenant: Tenant, content_type: str):
    assert told(tenant.shop.execute(document([]), content_type)) == error(415, "The content type is not supported")


def test_a_stranger_learns_nothing_of_codes(tenant: Tenant):
    """Whoever cannot be identified hears the same of a good, a used, an expired and an unknown code."""
    heard = {
        tenant.redeem(PrepaidCode=text, PersonIdentificationValues=f"{n}@example.test¶x", UniqueID=f"v{n}").content
        for n, text in enumerate((*tenant.codes, "NOPE-0000", "***"))
    }
    assert len(heard) == 1
    assert b"-660" in heard.pop()


def test_an_answer_cannot_be_broken_open(tenant: Tenant):
    """What somebody wrote is told as text; what XML allows in no document is dropped."""
    from redemption_site.protocols.prepaid.answers import text

    assert text('<a b="c">&\x00\x0b\ufffe\ud800]]>\r\n') == '&lt;a b="c"&gt;&amp;]]&gt;&#13;\n'
    assert len(PROCEDURES) == len(ALL) + sum(len(each.aliases) for each in ALL)


def test_what_is_refused_leaves_no_audit(tenant: Tenant):
    before = AuditRecord.objects.count()
    tenant.shop.send("POST", f"{ENGINE}om_ModifyCustomerCashAcc_Ad?PersonID={tenant.person.pk}&AccountStatus=2")
    tenant.redeem(PersonIdentificationValues=f"{BOTH}x")
    assert AuditRecord.objects.count() == before
