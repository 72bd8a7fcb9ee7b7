"""Files of codes as people really send them, and files that are none."""

import itertools

import pytest

from codes import import_encoding, import_reading, importing, lookup
from codes.models import Code, CodeImport, ImportPiece
from codes.refusals import RequestTooLarge
from tests.codes.files import check, counts, import_codes, problems, receive
from tests.factories import make_site, make_user

pytestmark = pytest.mark.django_db

ENCODINGS = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with its mark": lambda text: text.encode("utf-8-sig"),
    "utf-16 with its mark": lambda text: text.encode("utf-16"),
    "utf-16, little end first": lambda text: text.encode("utf-16-le"),
    "utf-16, big end first, with its mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "utf-16, big end first": lambda text: text.encode("utf-16-be"),
    "utf-32 with its mark": lambda text: text.encode("utf-32"),
    "utf-32, big end first, with its mark": lambda text: b"\x00\x00\xfe\xff" + text.encode("utf-32-be"),
    "windows-1252": lambda text: text.encode("cp1252"),
    "latin-1": lambda text: text.encode("latin-1"),
}
CELLS = {
    "code": ("Spring-Oil.01", "SPRING-02"),
    "uses": ("3", ""),
    "value": ("12.50", ""),
    "valid_from": ("2026-01-01", ""),
    "valid_until": ("31.12.2026", ""),
    "owner": ("Zoë", ""),
}
ORDERS = [tuple(CELLS), tuple(reversed(CELLS)), ("owner", "code", "value"), ("code", "value")]


def written(order, separator, line_end="\r\n"):
    lines = [order, *([CELLS[name][number] for name in order] for number in range(2))]
    return line_end.join(separator.join(line) for line in lines) + line_end


@pytest.fixture
def site():
    return make_site()


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "pipe"])
def test_every_encoding_separator_and_order_of_columns_is_read_alike(site, encoding, separator):
    owner = make_user(site, claimant_id="Zoë")
    for number, order in enumerate(ORDERS):
        text = written(order, separator).replace("Spring-Oil.01", f"Spring-Oil.{number}1").replace("-02", f"-{number}2")

        done = import_codes(site, ENCODINGS[encoding](text), worth_cents=100)

        first, second = Code.objects.filter(order=done).select_related("terms").order_by("serial")
        assert [lookup.shown(first), lookup.shown(second)] == [f"Spring-Oil.{number}1", f"SPRING-{number}2"]
        assert (first.terms.value, second.terms.value) == (1250, 100)
        assert first.max_uses == (3 if "uses" in order else 1)
        assert first.owner == (owner if "owner" in order else None)
        if "valid_until" in order:
            assert (first.valid_from.isoformat(), first.valid_until.isoformat()) == (
                "2026-01-01T00:00:00+00:00",
                "2027-01-01T00:00:00+00:00",
            )
        assert (second.max_uses, second.owner, second.valid_until) == (1, None, None)


@pytest.mark.parametrize("heading", ["CODE", " Voucher code ", "gift_card", "Coupon-Code", '"code"', "Gutscheincode"])
def test_a_column_of_codes_is_known_by_its_usual_names(site, heading):
    assert counts(check(site, f"{heading}\nABCD-1\nABCD-2\n")) == (2, 0, 0, 0)


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Max uses", "uses"),
        ("AMOUNT", "value"),
        ("Guthaben", "value"),
        ("Valid from", "valid_from"),
        ("Expires at", "valid_until"),
        ("gültig bis", "valid_until"),
        ("claimant_id", "owner"),
        ("Customer ID", "owner"),
    ],
)
def test_so_are_the_others(heading, name):
    assert import_reading.find_layout(f"code,{heading}\nA,B\n".encode()).columns == ("code", name)


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
def test_a_single_column_without_a_heading_is_nothing_but_codes(site, line_end, last):
    text = line_end.join(["ABCD-1", "ABCD-2", "ABCD-3"]) + (line_end if last else "")

    source = check(site, text)

    assert counts(source) == (3, 0, 0, 0)
    assert source.layout["heading"] is False
    assert source.line == 3


def test_quoted_fields_may_have_separators_quotes_and_line_ends(site):
    text = 'code,note,uses\n"ABCD-1","a ""word"", and\nanother line",2\nABCD-2,12" wide,3\n,"unfinished",\nABCD-3,,1\n'

    source = check(site, text)

    assert counts(source) == (3, 1, 0, 0)
    assert problems(source) == [(5, "code", "There is no code in this row.")]
    assert list(source.judged_rows.filter(problem="").values_list("line", "uses")) == [(2, 2), (4, 3), (6, 1)]
    assert source.layout["columns"] == ["code", "", "uses"]


def test_empty_lines_are_no_rows_and_are_counted_as_lines(site):
    source = check(site, "\n\nsep=;\ncode;uses\n\nABCD-1;1\n;\n\nABCD;x\n")

    assert counts(source) == (1, 1, 0, 0)
    assert [line for line, _, _ in problems(source)] == [9]


@pytest.mark.parametrize("piece", [7, 16, 64, 1_000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_rows_span_the_pieces_that_the_file_is_kept_in(site, monkeypatch, piece, encoding):
    monkeypatch.setattr("codes.import_checking.PIECE", piece)
    monkeypatch.setattr(importing, "PIECE", piece)
    monkeypatch.setattr("codes.import_checking.CHUNK", 3)
    rows = "".join(f'"RÄ{number}",CODE-{number:03},{number}\r\n' for number in range(1, 24))

    source = check(site, ("note,code,uses\r\n" + rows).encode(encoding))

    assert counts(source) == (23, 0, 0, 0)
    found = source.judged_rows.order_by("line").values_list("line", "uses")
    assert list(found) == [(number + 1, number) for number in range(1, 24)]
    assert not ImportPiece.objects.exists()


UNUSABLE = {
    "nothing": (b"", "empty"),
    "nothing but a mark": (b"\xef\xbb\xbf", "empty"),
    "nothing but empty lines": (b"\r\n \r\n\t\r\n", "empty"),
    "only a heading": (b"code,uses\r\n\r\n", "a heading and no codes"),
    "no column of codes": (b"name,uses\r\nABCD-1,2\r\n", "No column is called"),
    "rows without a heading": (b"ABCD-1,2\r\nABCD-2,3\r\n", "No column is called"),
    "another column alone": (b"uses\r\n2\r\n", "No column is called"),
    "two columns of codes": (b"code,voucher\r\nABCD-1,ABCD-2\r\n", "mean the same: code"),
    "a workbook": (b"PK\x03\x04" + bytes(range(256)) * 9, "workbook"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(400), "workbook"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "not a text file"),
    "noise": (bytes((7 * n * n + 3 * n) % 256 for n in range(5_000)), "not a text file"),
    "NUL all over": (b"code\r\n" + b"\x00\x00\x00\x01" * 400, "not a text file"),
    "half a character of UTF-16": (b"\xff\xfec\x00o\x00d\x00e", "damaged"),
    "eight bits behind the mark of UTF-16": (b"\xff\xfecode,uses\nABCD-1,12\n", "begins as one of UTF-16 and goes on"),
    "a long line of them": (b"\xfe\xff" + b"code,uses\nABCD-1,1\n" * 3_000, "begins as one of UTF-16 and goes on"),
    "sixteen bits behind the mark of UTF-8": (b"\xef\xbb\xbf" + "code\nABCD-1\n".encode("utf-16-le"), "damaged"),
    "UTF-8 but for one line": ("code,owner\nA-001,Zoë\nA-002,Zoë\n".encode() + b"A-003,Zo\xeb\n", "but line 4 is not"),
    "UTF-8 but for one line in Macintosh lines": (
        "code,owner\rA-001,Zoë\r".encode() + b"A-002,\xff\r",
        "but line 3 is not",
    ),
    "an encoding of DOS": ("code;gültig bis\nABCD-1;\n".encode("cp850"), "none of UTF-8, UTF-16 and Windows-1252"),
    "a broken UTF-8": (b"\xef\xbb\xbfcode\r\nABC\xff\xfe\r\n", "damaged"),
    "one endless line": (b"A" * 20_000, "far too long"),
}


@pytest.mark.parametrize(("content", "said"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_a_file_that_is_none_of_codes_is_refused_in_a_sentence_and_leaves_nothing(site, content, said):
    with pytest.raises(importing.ValidationError) as refused:
        receive(site, content)

    assert list(refused.value.message_dict) == ["file"]
    assert said in refused.value.message_dict["file"][0]
    assert not CodeImport.objects.exists()
    assert not ImportPiece.objects.exists()


def test_a_file_of_more_than_32_mebibytes_is_refused_before_it_is_read(site):
    with pytest.raises(RequestTooLarge):
        receive(site, b"x" * (32 * 1024 * 1024 + 1))

    assert not CodeImport.objects.exists()


def test_a_row_that_cannot_be_read_takes_no_other_along(site):
    lines = [
        b"code,uses",
        b'"OPEN-1,1',
        b"GOOD-1,1",
        b'"SHUT-1"x,1',
        b"NULL\x00-1,1",
        b"LONG-1," + b"9" * 1_000_000,
        b'"' + b"Q" * 50_000,
        b"FEW-1",
        b"MANY-1,1,1",
        b"GOOD-2,1",
        b'=HYPERLINK("x"),1',
        b"GOOD-3,",
    ]

    source = check(site, b"\n".join(lines))

    assert counts(source) == (3, 8, 0, 0)
    assert [(line, column) for line, column, _ in problems(source)] == [
        *[(2, ""), (4, ""), (5, "code"), (6, ""), (7, ""), (8, ""), (9, ""), (11, "code")]
    ]
    said = " ".join(problem for _, _, problem in problems(source))
    for words in (
        "not closed",
        "behind a closing",
        "cannot be seen",
        "longer than 10,000",
        "1 fields where 2",
        "3 fields",
    ):
        assert words in said
    assert list(source.judged_rows.filter(problem="").order_by("line").values_list("line", flat=True)) == [3, 10, 12]


def test_a_damaged_line_is_found_behind_the_first_mebibyte(site, monkeypatch):
    """Wherever a letter is cut in two by the blocks that the file is looked through in."""
    good = "code,owner\n" + "".join(f"CODE-{number:04},Zoë\n" for number in range(200))
    for block in (7, 64, 1_000):
        monkeypatch.setattr("codes.import_encoding.BLOCK", block)
        assert import_encoding.find_encoding(good.encode()) == ("utf-8", 0)
        with pytest.raises(importing.ValidationError, match="line 202 is not"):
            import_encoding.find_encoding(good.encode() + b"CODE-X,Zo\xeb,\n")


def test_windows_1252_stays_what_it_is_with_a_pair_of_bytes_that_utf_8_has_too():
    text = "code,note\nABCD-1,„Spaß“\nABCD-2,Käse für Zoë\n"

    assert import_encoding.find_encoding(text.encode("cp1252")) == ("cp1252", 0)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_nul_costs_its_own_row_and_no_other(site, encoding):
    source = check(site, "code,note\nABCD\x00-1,ä\nABCD-2,ü\n".encode(encoding))

    assert counts(source) == (1, 1, 0, 0)
    assert problems(source) == [(2, "code", "The code has a character that cannot be seen.")]


def test_a_quotation_mark_left_open_in_every_line_costs_no_more_than_reading_on(site):
    source = check(site, "code\n" + '"A\n' * 3_000)

    assert counts(source) == (0, 3_000, 0, 0)


def test_any_bytes_at_all_end_in_rows_or_in_a_sentence(site):
    """Never in an exception of another kind, and never in a job that does not end."""
    alphabet = [b"code", b",", b'"', b"\n", b"\r", b"\x00", b"\xff\xfe", b"AB12", b"\xe4", b";"]
    for picked in itertools.islice(itertools.product(alphabet, repeat=4), 0, None, 97):
        assert ends_in_words(site, b"".join(picked)), picked


def ends_in_words(site, content):
    try:
        source = check(site, content)
    except importing.ValidationError as error:
        return list(error.message_dict) == ["file"]
    return (source.state, source.read) == (CodeImport.State.DONE, source.size)
