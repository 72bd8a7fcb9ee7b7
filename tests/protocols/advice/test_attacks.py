"""Bodies made to harm: each is refused as unreadable, at once, with nothing kept, fetched or unfolded."""

import gzip
import io
import json
import socket
import tracemalloc
import zlib

import pytest

from tests.protocols.advice.conftest import Merchant, recorded
from tests.protocols.advice.test_answers import TOO_LARGE, UNREADABLE, WRONG_TYPE, assert_refused
from tests.protocols.advice.tills import JSON, XML, as_json, as_xml, seed

GOOD = as_json(seed())
GOOD_XML = as_xml(seed())
LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


def with_field(inside: str) -> bytes:
    """A report in JSON with one more field."""
    return b'{"x":' + inside.encode("utf-8", "surrogatepass") + b"," + GOOD[1:]


def with_element(inside: str, before: str = "") -> bytes:
    """A report in XML with one more element, and something before its root."""
    return f"{before}<redemptionAdvice>{inside}<redemptionText>ABC</redemptionText></redemptionAdvice>".encode(
        "utf-8", "surrogatepass"
    )


UNREADABLE_JSON = {
    "21 levels": with_field("[" * 20 + "]" * 20),
    "30,000 levels": with_field("[" * 30_000 + "]" * 30_000),
    "30,000 levels that are not closed": b"[" * 60_000,
    "30,000 objects that are not closed": b'{"a":' * 12_000,
    "1,001 members": with_field(json.dumps(list(range(1_001)))),
    "1,001 names": with_field(json.dumps({str(n): n for n in range(1_001)})),
    "a name twice": b'{"redemptionText":"A","redemptionText":"B"}',
    "a name twice, once escaped": b'{"redemptionText":"A","redemption\\u0054ext":"B"}',
    "a name twice, deep": with_field('[{"a":1,"a":1}]'),
    "NaN": with_field("NaN"),
    "Infinity": with_field("-Infinity"),
    "infinite": with_field("1e999"),
    "19 digits": with_field("1" * 19),
    "60,000 digits": with_field("1" * 60_000),
    "60,000 digits behind a point": with_field("0." + "1" * 60_000),
    "a huge exponent": with_field("1e999999999"),
    "NUL": b'{"redemptionText":"A\\u0000B"}',
    "NUL as it is": b'{"redemptionText":"A\x00B"}',
    "NUL in a name": with_field('{"\\u0000":1}'),
    "a control character as it is": b'{"redemptionText":"A\x07B"}',
    "half a surrogate pair": b'{"redemptionText":"\\ud83d"}',
    "half of one in a name": with_field('{"\\udc00":1}'),
    "half of one in UTF-8": with_field('"\udc00"'),
    "Latin-1": b'{"redemptionText":"\xfc"}',
    "overlong": b'{"redemptionText":"\xc1\xa1"}',
    "UTF-16": GOOD.decode().encode("utf-16"),
    "UTF-32": GOOD.decode().encode("utf-32-be"),
    "a mark of the byte order": b"\xef\xbb\xbf" + GOOD,
    "two": GOOD + GOOD,
    "text behind": GOOD + b"x",
    "a comment": b"/* x */" + GOOD,
    "a comma too many": GOOD[:-1] + b",}",
    "single quotes": b"{'redemptionText':'A'}",
    "XML": GOOD_XML,
    "a form": b"redemptionText=ABC-E6W5F",
    "no object": b'"ABC-E6W5F"',
    "null": b"null",
    "a number": b"5",
    "white space": b" \n\t",
}
UNREADABLE_XML = {
    "a billion laughs": with_element("&l9;", f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>'),
    "quadratic": with_element("&b;" * 8_000, f'<!DOCTYPE x [<!ENTITY b "{"c" * 30_000}">]>'),
    "laughs of parameters": with_element("", '<!DOCTYPE x [<!ENTITY % a "b"><!ENTITY % c "%a;%a;%a;"> %c;]>'),
    "a file": with_element("&b;", '<!DOCTYPE x [<!ENTITY b SYSTEM "file:///etc/passwd">]>'),
    "a document type behind a comment": with_element("", "<!-- x --><!DOCTYPE redemptionAdvice>"),
    "an unknown entity": with_element("&nbsp;"),
    "a processing instruction": with_element('<?xml-stylesheet href="x"?>'),
    "XInclude": with_element('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
    "21 levels": with_element("<a>" * 20 + "</a>" * 20),
    "15,000 levels": b"<a>" * 15_000,
    "1,001 elements": with_element("<a/>" * 999),
    "1,001 attributes": with_element("<a " + " ".join(f"b{n}='1'" for n in range(1_001)) + "/>"),
    "16,000 comments": with_element("<!---->" * 9_000),
    "an attribute twice": with_element("<a b='1' b='2'/>"),
    "another root": b"<redemptionAdvices/>",
    "a root around it": b"<a>" + with_element("") + b"</a>",
    "another encoding declared": with_element("", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
    "Latin-1": with_element("").replace(b"ABC", b"\xfc"),
    "UTF-16": GOOD_XML.decode().encode("utf-16"),
    "UTF-16 that says so": GOOD_XML.decode().replace("utf-8", "utf-16").encode("utf-16"),
    "UTF-7": GOOD_XML.decode().replace("utf-8", "utf-7").encode(),
    "half a surrogate pair": with_element("\ud83d"),
    "half of one, written": with_element("&#xD83D;"),
    "NUL": with_element("\x00"),
    "NUL, written": with_element("&#0;"),
    "a control character": with_element("\x0b"),
    "cut": GOOD_XML[:-3],
    "JSON": GOOD,
    "white space": b" \n\t",
}


class NeverRead:
    """A body that nobody may look at."""

    def read(self, *_: object) -> bytes:
        raise AssertionError("read")

    readline = read


def kept_memory(ask) -> int:
    """The most memory, in bytes, that was in use beyond what was there before."""
    tracemalloc.start()
    ask()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("body", UNREADABLE_JSON.values(), ids=UNREADABLE_JSON.keys())
def test_json_that_is_unreadable(shop: Merchant, body: bytes):
    assert_refused(shop.till.send(body), UNREADABLE)
    assert recorded() == 0


@pytest.mark.parametrize("body", UNREADABLE_XML.values(), ids=UNREADABLE_XML.keys())
@pytest.mark.parametrize("media_type", [XML, "text/xml"])
def test_xml_that_is_unreadable(shop: Merchant, body: bytes, media_type: str):
    assert_refused(shop.till.send(body, media_type), UNREADABLE, XML)
    assert recorded() == 0


def test_no_bomb_takes_more_memory_than_a_report_may(shop: Merchant):
    shop.till.report()
    for form, bodies in ((JSON, UNREADABLE_JSON), (XML, UNREADABLE_XML)):
        for name, body in bodies.items():
            assert kept_memory(lambda form=form, body=body: shop.till.send(body, form)) < 8_000_000, name


def test_nothing_outside_is_asked_for(shop: Merchant):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.3)
        there = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for body in (
            with_element("", f'<!DOCTYPE redemptionAdvice SYSTEM "{there}">'),
            with_element("&b;", f'<!DOCTYPE x [<!ENTITY b SYSTEM "{there}">]>'),
            with_element("", f'<!DOCTYPE x [<!ENTITY % b SYSTEM "{there}"> %b;]>'),
            with_element(f'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="{there}"/>'),
            with_element("", f'<?xml-stylesheet href="{there}"?>'),
        ):
            assert_refused(shop.till.send(body, XML), UNREADABLE, XML)
        schema = f'<a xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="u {there}"/>'
        assert shop.till.send(with_element(schema), XML).status_code == 202
        with pytest.raises(TimeoutError):
            listener.accept()


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, identity", "x"])
def test_no_body_is_unpacked(shop: Merchant, coding: str):
    packed = {"gzip": gzip.compress(b" " * 10_000_000), "deflate": zlib.compress(GOOD)}.get(coding, GOOD)

    assert_refused(shop.till.send(packed, headers={"Content-Encoding": coding}), WRONG_TYPE)
    assert shop.till.send(GOOD, headers={"Content-Encoding": "identity"}).status_code == 202
    assert recorded() == 1


@pytest.mark.parametrize(
    "length", ["x", "-1", "+5", "1_000", "0x10", "5.0", "١٢", " ", str(len(GOOD) + 1), str(len(GOOD) - 1), "0"]
)
def test_a_length_that_is_none_or_another(shop: Merchant, length: str):
    assert_refused(shop.till.send(b"", CONTENT_LENGTH=length, **{"wsgi.input": io.BytesIO(GOOD)}), UNREADABLE)
    assert recorded() == 0


@pytest.mark.parametrize("length", ["65537", "1048577", "9" * 12, "9" * 5_000])
def test_a_body_that_says_it_is_too_large_is_not_read(shop: Merchant, length: str):
    assert_refused(shop.till.send(b"", CONTENT_LENGTH=length, **{"wsgi.input": NeverRead()}), TOO_LARGE)


@pytest.mark.parametrize("form", [JSON, XML])
def test_the_limit_is_64_kib(shop: Merchant, form: str):
    good = GOOD if form == JSON else GOOD_XML
    assert shop.till.send(good + b"\n" * (65_536 - len(good)), form).status_code == 202
    assert_refused(shop.till.send(good + b"\n" * (65_537 - len(good)), form), TOO_LARGE, form)
    assert recorded() == 1


def test_a_body_of_unannounced_length_is_read_to_the_limit(shop: Merchant):
    for size, status in ((len(GOOD), 202), (65_537, 400)):
        body = GOOD + b" " * (size - len(GOOD))
        environ = {"CONTENT_LENGTH": "", "wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}
        assert shop.till.send(b"", **environ).status_code == status
    assert recorded() == 1


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-16", "text/xml; charset=iso-8859-1"])
def test_another_charset_is_no_supported_content_type(shop: Merchant, content_type: str):
    assert shop.till.send(GOOD, content_type, headers={"Accept": JSON}).status_code == 400
    assert recorded() == 0


def test_the_charset_may_be_named(shop: Merchant):
    assert shop.till.send(GOOD, "application/json; charset=utf-8").status_code == 202
    assert shop.till.send(GOOD_XML, 'Text/XML; Charset="UTF-8"').status_code == 202


HOSTILE_TYPES = [
    *("application/jsonx", "application/json, text/plain", "json", "*/*", "application/json+x", "; charset=utf-8"),
    *("application/problem+json", "text/json", "x" * 5_000, "application/xml;" * 500, "application/\x00json"),
]


@pytest.mark.parametrize("content_type", HOSTILE_TYPES)
def test_a_content_type_made_to_confuse(shop: Merchant, content_type: str):
    response = shop.till.send(GOOD, content_type, headers={"Accept": JSON})

    assert response.status_code == 400
    assert json.loads(response.content)["error_description"] in (WRONG_TYPE, UNREADABLE)
    assert recorded() == 0


@pytest.mark.parametrize("accept", ["x" * 8_000, "," * 8_000, ";" * 8_000, "text/xml\x00", "*/*;" * 2_000, "é"])
def test_an_accept_made_to_confuse(shop: Merchant, accept: str):
    assert_refused(shop.till.send(b"{", headers={"Accept": accept}), UNREADABLE)


def test_too_large_by_credentials_that_are_wrong_is_told_as_the_credentials(shop: Merchant):
    """The body of a stranger is never read."""
    shop.till.key = "!!!"
    response = shop.till.send(b"", CONTENT_LENGTH="100", **{"wsgi.input": NeverRead()})
    assert response.status_code == 400
    assert b"authorization grant type" in response.content
