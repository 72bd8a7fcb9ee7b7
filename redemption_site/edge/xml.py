"""XML on the way in, read strictly, and on the way out.

Refused as the flow's step 1: document types and with them every entity but XML's own five, processing instructions, XInclude,
other encodings than UTF-8 and other versions than 1.0, more than 20 levels, and more elements and attributes than the door takes.
Nothing is ever fetched: the parser gives no names to files or addresses, and nothing here does.
"""

import re
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from codes.refusals import RequestMalformed

DEEPEST = 20
MOST_ELEMENTS = 2_000  # The most that any door may ask for.
MARKUP_PER_ELEMENT = 4  # A start, an end, and room for comments and CDATA.
XINCLUDE = "http://www.w3.org/2001/XInclude"
BETWEEN = " "  # Between a namespace and a name; no name has it.

# What XML 1.0 allows in no document, as bytes of UTF-8: control characters but tab and line ends, U+FFFE and U+FFFF.
FORBIDDEN = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*", re.ASCII)
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True)
class Element:
    """A name without its namespace, attributes that have none, the text directly inside, and the elements inside."""

    name: str
    text: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Element"] = field(default_factory=list)


def parse_xml(body: bytes, *, most_elements: int) -> Element:
    """The root of the document in ``body``, whose size the caller has limited. Raises RequestMalformed.

    Elements, attributes and declared namespaces together are at most ``most_elements``.
    """
    assert most_elements <= MOST_ELEMENTS, "No door may ask for more."
    if FORBIDDEN.search(body) or body.count(b"<") > MARKUP_PER_ELEMENT * most_elements:
        raise RequestMalformed
    try:
        body.decode()
        return Reader(most_elements).read(body)
    except (UnicodeError, expat.ExpatError) as error:
        raise RequestMalformed from error


class Reader:
    """Builds the elements of one document, and stops at the first thing that is refused."""

    def __init__(self, most_elements: int) -> None:
        self.left = most_elements
        self.outside = Element("")
        self.open = [self.outside]
        self.texts: list[list[str]] = [[]]

    def read(self, body: bytes) -> Element:
        # The encoding given here wins over a declared one, which ``declare`` judges.
        parser = expat.ParserCreate("utf-8", BETWEEN)
        parser.buffer_text = True
        parser.XmlDeclHandler = self.declare
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.add
        parser.StartNamespaceDeclHandler = self.count_one
        # Called at the beginning of each: what is inside is never looked at.
        parser.StartDoctypeDeclHandler = refuse
        parser.EntityDeclHandler = refuse
        parser.UnparsedEntityDeclHandler = refuse
        parser.NotationDeclHandler = refuse
        parser.ExternalEntityRefHandler = refuse
        parser.SkippedEntityHandler = refuse
        parser.ProcessingInstructionHandler = refuse
        parser.Parse(body, True)
        [root] = self.outside.children
        return root

    def declare(self, version: str, encoding: str | None, standalone: int) -> None:
        if version != "1.0" or (encoding or "utf-8").lower() != "utf-8":
            raise RequestMalformed

    def count_one(self, *_: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise RequestMalformed

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.left -= len(attributes)
        self.count_one()
        namespace, _, local = name.rpartition(BETWEEN)
        if len(self.open) > DEEPEST or namespace == XINCLUDE:
            raise RequestMalformed
        element = Element(local, attributes={key: value for key, value in attributes.items() if BETWEEN not in key})
        self.open[-1].children.append(element)
        self.open.append(element)
        self.texts.append([])

    def end(self, _: str) -> None:
        self.open.pop().text = "".join(self.texts.pop())

    def add(self, text: str) -> None:
        self.texts[-1].append(text)


def refuse(*_: Any) -> NoReturn:
    raise RequestMalformed


def write_xml(root: Element) -> bytes:
    """The document in UTF-8. What XML cannot hold becomes U+FFFD; a name must be one that the program wrote."""
    return ('<?xml version="1.0" encoding="utf-8"?>\n' + written(root)).encode()


def written(element: Element) -> str:
    assert all(NAME.fullmatch(name) for name in (element.name, *element.attributes)), "not a name"
    attributes = "".join(f" {name}={quoteattr(writable(value))}" for name, value in element.attributes.items())
    inside = escape(writable(element.text)) + "".join(map(written, element.children))
    return f"<{element.name}{attributes}>{inside}</{element.name}>" if inside else f"<{element.name}{attributes}/>"


def writable(text: str) -> str:
    return UNWRITABLE.sub("\ufffd", text)
