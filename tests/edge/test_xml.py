"""XML is read strictly: nothing is declared, fetched or expanded, and what is too much is refused before it is built."""

import socket
import tracemalloc

import pytest

from codes.refusals import RequestMalformed
from redemption_site.edge.xml import Element, parse_xml, write_xml


def parse(body: bytes | str, most: int = 1_000) -> Element:
    return parse_xml(body if isinstance(body, bytes) else body.encode(), most_elements=most)


def refused(body: bytes | str, most: int = 1_000) -> bool:
    try:
        parse(body, most)
    except RequestMalformed:
        return True
    return False


def test_elements_texts_and_attributes_are_read():
    root = parse('<a x="1" y="&lt;2&gt;"> t <b>one</b><b/><c><d>ü&#x20AC;😀</d></c> u </a>')

    assert (root.name, root.text, root.attributes) == ("a", " t  u ", {"x": "1", "y": "<2>"})
    assert [(each.name, each.text) for each in root.children] == [("b", "one"), ("b", ""), ("c", "")]
    assert root.children[2].children == [Element("d", "ü€😀")]


@pytest.mark.parametrize(
    "body",
    [
        "<a>x</a>",
        '<?xml version="1.0"?><a>x</a>',
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<a>x</a>\n',
        "\ufeff<?xml version='1.0' encoding='utf-8'?><a>x</a>",
        "<!-- <!DOCTYPE a> --><a><![CDATA[x]]></a>",
        '<n:a xmlns:n="urn:one" n:z="ignored">x</n:a>',
        '<a xmlns="urn:one">x</a>',
        "<a>&#x78;</a>",
    ],
)
def test_all_these_say_the_same(body: str):
    assert parse(body) == Element("a", "x")


def test_a_document_type_inside_of_cdata_is_text():
    assert parse('<a><![CDATA[<!DOCTYPE a [<!ENTITY b "c">]>&b;]]></a>').text == '<!DOCTYPE a [<!ENTITY b "c">]>&b;'


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
REFUSED = {
    "nothing": "",
    "white space": " \n",
    "no XML": "{}",
    "text only": "text",
    "two roots": "<a/><b/>",
    "text behind": "<a/>text",
    "not closed": "<a><b></a>",
    "cut": "<a><b>x</b>",
    "attribute twice": '<a x="1" x="2"/>',
    "attribute twice by namespaces": '<a xmlns:m="u" xmlns:n="u" m:x="1" n:x="2"/>',
    "unknown prefix": "<n:a/>",
    "a document type": "<!DOCTYPE a><a/>",
    "a document type from outside": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
    "a public one": '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://127.0.0.1:9/a.dtd"><a/>',
    "an entity": '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "an entity that nobody uses": '<!DOCTYPE a [<!ENTITY b "c">]><a/>',
    "an entity from outside": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "an entity of parameters": '<!DOCTYPE a [<!ENTITY % b SYSTEM "http://127.0.0.1:9/"> %b;]><a/>',
    "a notation": '<!DOCTYPE a [<!NOTATION b SYSTEM "c">]><a/>',
    "an attribute by default": '<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a/>',
    "a billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]><a>&l9;</a>',
    "quadratic blowup": f'<!DOCTYPE a [<!ENTITY b "{"c" * 30_000}">]><a>{"&b;" * 8_000}</a>',
    "an unknown entity": "<a>&b;</a>",
    "an entity of HTML": "<a>&nbsp;</a>",
    "a processing instruction": '<?xml-stylesheet href="http://127.0.0.1:9/"?><a/>',
    "one inside": "<a><?php echo 1 ?></a>",
    "XInclude": '<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="file:///etc/passwd"/></a>',
    "XInclude by default": '<include xmlns="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>',
    "Latin-1 declared": '<?xml version="1.0" encoding="ISO-8859-1"?><a/>',
    "ASCII declared": '<?xml version="1.0" encoding="US-ASCII"?><a/>',
    "UTF-16 declared": '<?xml version="1.0" encoding="UTF-16"?><a/>',
    "UTF-7 declared": '<?xml version="1.0" encoding="UTF-7"?><a/>',
    "nonsense declared": '<?xml version="1.0" encoding="../x"?><a/>',
    "version 1.1": '<?xml version="1.1"?><a/>',
    "the declaration too late": '<a/><?xml version="1.0"?>',
    "UTF-16": "<a/>".encode("utf-16"),
    "UTF-16 without a mark": "<a/>".encode("utf-16-le"),
    "UTF-32": "<a/>".encode("utf-32"),
    "UTF-7": "<a>+AGI-</a>".encode("utf-16-be"),
    "Latin-1": "<a>ü</a>".encode("latin-1"),
    "overlong": b"<a>\xc0\xbc</a>",
    "a surrogate": b"<a>\xed\xa0\x80</a>",
    "two marks": "\ufeff\ufeff<a/>",
    "NUL": "<a>\x00</a>",
    "NUL written": "<a>&#0;</a>",
    "a control character": "<a>\x07</a>",
    "one written": "<a>&#x1F;</a>",
    "a surrogate written": "<a>&#xD800;</a>",
    "no character": "<a>\uffff</a>",
    "beyond Unicode": "<a>&#x110000;</a>",
    "21 levels": "<a>" * 21 + "</a>" * 21,
    "100,000 levels": "<a>" * 100_000,
    "1,001 elements": f"<a>{'<b/>' * 1_000}</a>",
    "1,001 attributes": "<a " + " ".join(f"b{n}='1'" for n in range(1_001)) + "/>",
    "1,001 namespaces": "<a " + " ".join(f"xmlns:b{n}='u'" for n in range(1_001)) + "/>",
    "much markup that is no element": f"<a>{'<!---->' * 5_000}</a>",
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_all_these_are_refused(body: bytes | str):
    assert refused(body)


def test_up_to_the_limits_it_is_read():
    assert parse("<a>" * 20 + "</a>" * 20).name == "a"
    assert len(parse(f"<a>{'<b></b>' * 999}</a>").children) == 999
    assert len(parse(f"<a>{'<b/>' * 1_999}</a>", 2_000).children) == 1_999
    assert refused(f"<a>{'<b/>' * 2_000}</a>", 2_000)
    with pytest.raises(AssertionError):
        parse("<a/>", 2_001)


def test_refusing_a_bomb_takes_no_more_memory_than_the_bomb():
    bombs = [body.encode() for name, body in REFUSED.items() if "laughs" in name or "blowup" in name]
    tracemalloc.start()
    assert all(refused(bomb) for bomb in bombs)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    # Unfolded they would be gigabytes; a body is copied once or twice.
    assert peak < 4 * max(map(len, bombs)) + 1_000_000


def test_nobody_is_asked_for_anything_outside():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        there = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
        for body in (
            f'<!DOCTYPE a SYSTEM "{there}"><a/>',
            f'<!DOCTYPE a [<!ENTITY b SYSTEM "{there}">]><a>&b;</a>',
            f'<!DOCTYPE a [<!ENTITY % b SYSTEM "{there}"> %b;]><a/>',
            f'<?xml-stylesheet href="{there}"?><a/>',
            f'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="{there}"/></a>',
        ):
            assert refused(body)
        parse(f'<a xmlns:s="http://www.w3.org/2001/XMLSchema-instance" s:schemaLocation="u {there}"/>')
        with pytest.raises(TimeoutError):
            listener.accept()


def test_what_is_written_can_be_read_and_says_the_same():
    root = Element("a", "<&>\"' ]]> ü 😀", {"x": "\"'<\n&"}, [Element("b"), Element("c", "1\n2")])

    assert write_xml(root).startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<a x=')
    assert parse(write_xml(root)) == root


def test_what_xml_cannot_hold_is_replaced_and_names_are_not_taken_from_outside():
    assert parse(write_xml(Element("a", "1\x00\x1f\ud800\uffff2"))).text == "1\ufffd\ufffd\ufffd\ufffd2"
    for name in ("", "a b", "a><b", "1", "ü"):
        with pytest.raises(AssertionError):
            write_xml(Element(name))
