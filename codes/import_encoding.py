"""Which encoding a file of codes is in. Nobody says so reliably, the file itself least of all: its bytes are asked."""

import codecs
import re

from django.core.exceptions import ValidationError

Bytes = bytes | memoryview

# UTF-32 before UTF-16, whose mark it begins with.
BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
ENCODING_NAMES = {"utf-8": "UTF-8", "cp1252": "Windows-1252"} | {
    encoding: encoding[:6].upper() for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
}
WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods; .xls
BLOCK = 1 << 20
HEAD = 4_096
FEW_STRANGE = 8  # Bytes of no text that any file may have, and one in a hundred: a picture has far more.
NO_TEXT = bytes(byte for byte in range(32) if byte not in b"\t\n\r\x1a")
# A letter of UTF-8 that is no ASCII. In Windows-1252 these bytes hardly ever follow each other.
LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
ASCII = bytes(range(128))

EMPTY = "The file is empty."
WORKBOOK = "This is a workbook of a spreadsheet program. Save it as CSV and send that file."
NOT_TEXT = "This is not a text file."
DAMAGED = "The file is damaged: its encoding is broken in places."
NOT_AS_MARKED = "The file begins as one of {encoding} and goes on as another. Save it as UTF-8 and send it again."
MIXED = "The file is in UTF-8, but line {line} is not. Save the whole file as UTF-8 and send it again."
UNKNOWN = "The file's encoding is none of UTF-8, UTF-16 and Windows-1252. Save it as UTF-8 and send it again."


def unusable(said: str) -> ValidationError:
    return ValidationError({"file": [said]})


def find_encoding(data: Bytes) -> tuple[str, int]:
    """The encoding, and how many bytes its byte order mark has. Raises ValidationError for ``file``."""
    head = bytes(data[:HEAD])
    if not head:
        raise unusable(EMPTY)
    if head.startswith(WORKBOOKS):
        raise unusable(WORKBOOK)
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            check_marked(data, encoding, len(mark))
            return encoding, len(mark)
    # Text of western alphabets has a NUL in every other byte of UTF-16.
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 5 > len(head) and min(even, odd) * 20 < len(head):
        encoding = "utf-16-le" if odd > even else "utf-16-be"
        if broken_at(data, encoding, 0) is not None:
            raise unusable(NOT_TEXT)
        return encoding, 0
    return find_8_bit_encoding(data), 0


def check_marked(data: Bytes, encoding: str, start: int) -> None:
    """Raises ValidationError unless the file is what its byte order mark says."""
    if broken_at(data, encoding, start) is not None or (encoding == "utf-8" and is_binary(data)):
        raise unusable(DAMAGED)
    # Every code and separator has a NUL in the wide encodings, so a head without one was marked by mistake.
    if encoding != "utf-8" and len(data) > start and 0 not in bytes(data[start:HEAD]):
        raise unusable(NOT_AS_MARKED.format(encoding=ENCODING_NAMES[encoding]))


def find_8_bit_encoding(data: Bytes) -> str:
    """UTF-8, or else Windows-1252, of which every printable text of Latin-1 is one too. Raises ValidationError for ``file``."""
    if is_binary(data):
        raise unusable(NOT_TEXT)
    at = broken_at(data, "utf-8", 0)
    if at is None:
        return "utf-8"
    if is_mostly_utf_8(data):
        # Read as Windows-1252, all its other letters would be wrong for the sake of this one.
        raise unusable(MIXED.format(line=line_at(data, at)))
    if broken_at(data, "cp1252", 0) is not None:
        raise unusable(UNKNOWN)
    return "cp1252"


def broken_at(data: Bytes, encoding: str, start: int) -> int | None:
    """The first byte from ``start`` on that cannot be read in this encoding; None if all can."""
    decoder = codecs.getincrementaldecoder(encoding)()
    for at in range(start, len(data), BLOCK):
        left_over = len(decoder.getstate()[0])
        try:
            decoder.decode(bytes(data[at : at + BLOCK]), final=at + BLOCK >= len(data))
        except UnicodeDecodeError as error:
            return at - left_over + error.start
    return None


def is_binary(data: Bytes) -> bool:
    """Whether more bytes are of the kind that no text has than a text may have by mistake."""
    strange = 0
    for at in range(0, len(data), BLOCK):
        block = bytes(data[at : at + BLOCK])
        strange += len(block) - len(block.translate(None, NO_TEXT))
    return strange > max(FEW_STRANGE, len(data) // 100)


def is_mostly_utf_8(data: Bytes) -> bool:
    """Whether no fewer letters are of UTF-8 than of another encoding, ASCII being of both."""
    letters = of_letters = other = 0
    for at in range(0, len(data), BLOCK):
        block = bytes(data[at : at + BLOCK])
        for found in LETTER.finditer(block):
            letters += 1
            of_letters += len(found[0])
        other += len(block.translate(None, ASCII))
    return letters > 0 and letters >= other - of_letters


def line_at(data: Bytes, at: int) -> int:
    """The number of the line, the first being 1, in which this byte is."""
    ends = after_return = 0
    for start in range(0, at, BLOCK):
        block = bytes(data[start : min(start + BLOCK, at)])
        ends += block.count(b"\n")
        after_return += block.count(b"\r")
    return (ends or after_return) + 1
